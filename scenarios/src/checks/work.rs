//! Probes of groups, as their members see them.

use squall_core::coordinator::Phase;
use squall_core::group::probe::{Departure, GroupProbe};
use squall_core::ids::{BrokerId, Generation, GroupId, MemberId, NodeId, Offset, TopicPartition};
use squall_core::time::{Span, Time};
use squall_sim::engine::World;

use crate::checks::{ClusterChecks, Compared, Exercised, Permitted, broker, calm, owners};
use crate::cluster::Member;
use crate::ghost::clients::{Name, Reader, Record};
use crate::ghost::work::{Floor, Holder, Vacancy};
use crate::invariants::{Broken, Check, work};

pub(super) fn on_probe(
    c: &mut ClusterChecks,
    node: NodeId,
    now: Time,
    probe: &GroupProbe,
) -> Result<(), Broken> {
    match probe {
        GroupProbe::Loading { .. } | GroupProbe::Joined { .. } | GroupProbe::Rebalancing { .. } => {}
        GroupProbe::Loaded { .. } => c.counters.exercised(Exercised::GroupLoads),
        GroupProbe::Unloaded { .. } => c.counters.exercised(Exercised::CoordinatorFailovers),
        GroupProbe::Assigned { .. } => {}
        GroupProbe::Restored { group, generation, members } => {
            c.work.group(group).begin(*generation, members, false);
        }
        GroupProbe::Rebalanced { group, generation, members, .. } => {
            c.counters.exercised(Exercised::Rebalances);
            c.work.group(group).begin(*generation, members, true);
        }
        GroupProbe::Replaced { group, old, new, .. } => {
            c.counters.exercised(Exercised::MembersReplaced);
            c.work.group(group).replace(*old, *new);
        }
        GroupProbe::Fenced { .. } => c.counters.exercised(Exercised::MembersFenced),
        GroupProbe::Left { group, member, why } => left(c, group, *member, *why, now),
        GroupProbe::CommitTaken { group, member, at, offset } => {
            return commit_taken(c, node, group, *at, Floor { offset: *offset, by: *member });
        }
        GroupProbe::OffsetCommitted { group, at, offset } => {
            return commit_written(c, node, group, *at, *offset);
        }
        GroupProbe::OffsetExpired { group, at, offset } => {
            // Of a group that is alive nothing may expire: then it is missed when somebody resumes. Whether it
            // is alive only its own coordinator says: one that is deposed may have members and not know it yet.
            let known = c.groups.coordinated(BrokerId(node.0), group);
            if known.is_none_or(|known| known.members.is_empty()) {
                c.work.share(group, *at).lapse();
                c.effects.forget(*at, *offset);
            }
        }
        GroupProbe::Removed { group } => c.work.group(group).generations.clear(),
        GroupProbe::OwnedChanged { group, member, generation, partitions } => {
            return owned_changed(c, (node, now), group, (*member, *generation), partitions);
        }
        GroupProbe::Resumed { group, member, generation, at, offset } => {
            return resumed(c, node, group, (*member, *generation), (*at, *offset));
        }
        GroupProbe::Processed { group, at, offset, record, .. } => {
            c.counters.compared(Compared::RecordsProcessed);
            c.work.group(group).names.extend(*record);
            if c.work.share(group, *at).processed(*offset) {
                c.counters.exercised(Exercised::Redeliveries);
                c.counters.permitted(Permitted::ProcessedAgain);
            }
        }
        GroupProbe::Acknowledged { group, member, at, offset } => {
            return acknowledged(c, group, *member, (*at, *offset));
        }
    }
    Ok(())
}

/// A node ended: whoever worked there has nothing any more.
pub(super) fn died(c: &mut ClusterChecks, node: NodeId, now: Time) {
    c.work.died(node, now);
}

fn left(c: &mut ClusterChecks, group: &GroupId, member: MemberId, why: Departure, now: Time) {
    if why != Departure::Asked {
        c.counters.exercised(Exercised::MembersOut);
    }
    let work = c.work.group(group);
    work.remove(member);
    for share in work.shares.values_mut() {
        if let Some(holder) = share.holder.filter(|holder| holder.member == member) {
            share.holder = None;
            let left_by = (why != Departure::Asked).then_some(holder.node);
            share.vacant = Some(Vacancy { since: now, left_by });
        }
    }
}

fn owned_changed(
    c: &mut ClusterChecks,
    (node, now): (NodeId, Time),
    group: &GroupId,
    (member, generation): (MemberId, Generation),
    partitions: &[TopicPartition],
) -> Check {
    for &at in partitions {
        c.counters.compared(Compared::Owners);
        let work = c.work.group(group);
        work::owned(group, work, at, generation, member)?;
        let share = c.work.share(group, at);
        share.own(generation, member);
        share.holder = Some(Holder { node, member });
        if let Some(vacancy) = share.vacant.take() {
            c.counters.exercised(within(now.since(vacancy.since)));
            if vacancy.left_by.is_some_and(|failed| failed != node) {
                c.counters.exercised(Exercised::TakeOvers);
            }
        }
    }
    for (at, share) in &mut c.work.group(group).shares {
        if share.holder == Some(Holder { node, member }) && !partitions.contains(at) {
            share.holder = None;
            share.vacant = Some(Vacancy { since: now, left_by: None });
        }
    }
    Ok(())
}

/// How long a partition had no owner.
fn within(span: Span) -> Exercised {
    if span <= Span::from_secs(1) {
        Exercised::OwnedWithinOne
    } else if span <= Span::from_secs(5) {
        Exercised::OwnedWithinFive
    } else if span <= Span::from_secs(20) {
        Exercised::OwnedWithinTwenty
    } else {
        Exercised::OwnedLater
    }
}

/// Beyond the budget, or once a partition was led by one that lacked records, offsets mean something else than
/// they did.
fn judges(c: &ClusterChecks) -> bool {
    !c.expectations.beyond_budget && !c.partitions.iter().any(|p| p.unclean)
}

/// A coordinator took a commit. It may be deposed and not know it: then this will never be in the log.
fn commit_taken(
    c: &mut ClusterChecks,
    coordinator: NodeId,
    group: &GroupId,
    at: TopicPartition,
    commit: Floor,
) -> Check {
    let judges = judges(c);
    let share = c.work.share(group, at);
    if judges {
        work::nothing_skipped(group, share, at, commit.offset)?;
    }
    share.take(coordinator, commit);
    Ok(())
}

/// A commit is in the committed part of its log.
fn commit_written(
    c: &mut ClusterChecks,
    coordinator: NodeId,
    group: &GroupId,
    at: TopicPartition,
    offset: Offset,
) -> Check {
    let judges = judges(c);
    let share = c.work.share(group, at);
    let commit = share.written(coordinator, offset);
    if share.precedes_floor(coordinator, commit) {
        // It slept through its deposition, and speaks of what was.
        return Ok(());
    }
    let undoes = if judges {
        work::commit_written(group, share, at, commit)?
    } else {
        share.floor.is_some_and(|floor| offset < floor.offset)
    };
    if undoes {
        share.floor = Some(commit);
        c.counters.permitted(Permitted::CommitUndone);
    }
    Ok(())
}

fn acknowledged(
    c: &mut ClusterChecks,
    group: &GroupId,
    member: MemberId,
    (at, offset): (TopicPartition, Offset),
) -> Check {
    c.counters.compared(Compared::CommitsAcknowledged);
    let judges = judges(c);
    let share = c.work.share(group, at);
    if judges {
        work::nothing_skipped(group, share, at, offset)?;
    }
    let Some(told) = share.told(member, offset) else { return Ok(()) };
    // What an older commit undid since does not come back by being told of.
    let later = share.taken.last().is_some_and(|(_, last)| last.offset < offset);
    if share.floor.is_none_or(|floor| floor.offset < offset) && !later {
        share.floor = Some(told);
    }
    Ok(())
}

fn resumed(
    c: &mut ClusterChecks,
    node: NodeId,
    group: &GroupId,
    (member, generation): (MemberId, Generation),
    (at, offset): (TopicPartition, Option<Offset>),
) -> Check {
    c.counters.compared(Compared::PositionsResumed);
    let (judges, place) = (judges(c), c.place(at));
    let start = c.partitions[place].first_kept();
    // It may have slept over the answer until the group was gone and began anew: nobody takes its commits then.
    let judges = judges && c.work.group(group).is_in(generation, member);
    let share = c.work.share(group, at);
    if judges {
        work::resumed(group, share, at, generation, offset)?;
    }
    let next = offset.unwrap_or(start);
    share.resume(member, next);
    c.clients.readers.insert((node, at), Reader { next: Some(next) });
    Ok(())
}

/// Whether every group has an owner for the partition, who is at its end and has said so.
pub(super) fn settled(
    c: &ClusterChecks,
    world: &World<Member>,
    at: TopicPartition,
    end: Offset,
) -> Result<(), String> {
    if calm::offsets_are_orphaned(c) {
        return Ok(());
    }
    for group in &c.expectations.groups {
        let owners: Vec<_> = owners::of(world, group, at).collect();
        let [owner] = owners[..] else {
            return Err(format!("{group} to have one owner of {at}: there are {}", owners.len()));
        };
        if owner != Some(end) {
            return Err(format!("{group} to read {at} up to {end}: it is at {owner:?}"));
        }
        let committed = committed(c, world, group, at);
        if judges(c) && committed != end {
            return Err(format!("{group} to commit {at} up to {end}: it has up to {committed}"));
        }
    }
    Ok(())
}

/// Up to where a group has committed a partition, as its coordinator would answer whoever asks.
fn committed(c: &ClusterChecks, world: &World<Member>, group: &GroupId, at: TopicPartition) -> Offset {
    let brokers = c.layout.broker_nodes().into_iter().filter_map(|node| broker(world, node));
    let reigns = brokers.flat_map(|broker| broker.groups().reigns());
    let knows =
        reigns.filter(|reign| reign.tenure.phase() == Phase::Active && reign.table().get(group).is_some());
    // One that is deposed, and does not know it, is of an earlier epoch.
    let last = knows.max_by_key(|reign| reign.tenure.epoch());
    let entry = last.and_then(|reign| reign.table().get(group));
    entry.and_then(|entry| entry.offsets.get(&at)).map_or(Offset::ZERO, |stored| stored.committed.offset)
}

/// In the end every group has processed everything.
pub(super) fn judge(c: &ClusterChecks, at: TopicPartition, end: Offset) -> Check {
    if !judges(c) {
        return Ok(());
    }
    c.expectations.groups.iter().try_for_each(|group| {
        let share = c.work.groups.get(group).and_then(|work| work.shares.get(&at));
        work::finished(group, share, at, end)
    })
}

/// In the end every group has processed every record that is there, whatever became of others: a member that was
/// ahead of a log that was cut has gone back (KIP-320).
pub(super) fn judge_record(c: &ClusterChecks, name: Name, record: &Record) -> Check {
    if c.expectations.groups.is_empty() || c.expectations.beyond_budget || record.found == 0 {
        return Ok(());
    }
    if calm::offsets_are_orphaned(c) {
        return Ok(());
    }
    c.expectations
        .groups
        .iter()
        .try_for_each(|group| work::has_processed(group, c.work.groups.get(group), name))
}
