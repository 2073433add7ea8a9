//! Probes of share groups, and the end of their work.

use std::collections::BTreeMap;

use squall_core::coordinator::Phase;
use squall_core::coordinator::place::partition_for;
use squall_core::ids::{BrokerId, GroupId, LeaderEpoch, NodeId, Offset, TopicPartition};
use squall_core::share::config::STATE_TOPIC;
use squall_core::share::message::Verdict;
use squall_core::share::probe::{Delivery, Ending, SharePartition, ShareProbe, Told};
use squall_core::time::Span;
use squall_sim::engine::World;
use squall_sim::history::Kind;
use squall_sim::history::op::{Action, Argument, Name, Op};

use crate::checks::{ClusterChecks, Compared, Exercised, Permitted, broker, calm};
use crate::cluster::Member;
use crate::ghost::Clients;
use crate::ghost::backlog::Bound;
use crate::ghost::clients::Told as Sent;
use crate::ghost::shares::{Part, Said, Seen, State};
use crate::invariants::{Check, share_state, shares};
use crate::workload::Troubles;

/// What share groups are expected to have done in the end.
#[derive(Debug, Clone)]
pub struct Queues {
    /// The groups that must work everything.
    pub groups: Vec<GroupId>,
    /// How often a record is delivered at most, before it is put back.
    pub limit: u32,
    /// How many deliveries there may be in which interval.
    pub pace: Option<(u32, Span)>,
    /// The dead-letter topic.
    pub letters: &'static str,
    /// How long a record may wait while nothing breaks; `None`: nobody can tell.
    pub bound: Option<Bound>,
    /// What is hard about which record.
    pub troubles: Troubles,
}

/// So many facts pass between two looks at what a leader keeps against its log: each reads all of that.
const REPLAY_EVERY: u64 = 512;

pub(super) fn on_probe(c: &mut ClusterChecks, node: NodeId, probe: &ShareProbe) -> Check {
    if let Some(broker) = c.layout.broker_on(node) {
        look_after(c, broker, probe);
    }
    match probe {
        ShareProbe::Loading { .. } => Ok(()),
        ShareProbe::Loaded { .. } => {
            c.counters.exercised(Exercised::SharesLoaded);
            Ok(())
        }
        ShareProbe::Unloaded { .. } => {
            c.counters.exercised(Exercised::ShareTakeOvers);
            Ok(())
        }
        ShareProbe::Restored { of, epoch, next, records } => {
            c.counters.exercised(Exercised::SharesRestored);
            let judges = judges(c);
            let result = shares::restored(c.shares.part(of), *epoch, *next, records);
            if judges { result } else { Ok(()) }
        }
        ShareProbe::Acquired { delivery, epoch, member, count, at } => {
            c.counters.compared(Compared::Deliveries);
            let pace = c.expectations.queues.as_ref().and_then(|queues| queues.pace);
            of_leader(c, delivery, *epoch, |part, offset| {
                shares::acquired(part, offset, delivery.turn, *member, *count)?;
                pace.map_or(Ok(()), |pace| shares::paced(&mut part.handed, pace, *at))
            })
        }
        ShareProbe::Settled { delivery, epoch, how, then } => {
            if *how == Ending::Expired {
                c.counters.exercised(Exercised::LocksExpired);
            }
            of_leader(c, delivery, *epoch, |part, offset| shares::settled(part, offset, delivery.turn, *then))
        }
        ShareProbe::Renewed { delivery, epoch } => {
            c.counters.exercised(Exercised::LocksRenewed);
            of_renewal(c, delivery, *epoch)
        }
        ShareProbe::Buried { delivery, epoch } => {
            c.counters.exercised(Exercised::Letters);
            moved(c, delivery, *epoch, State::Archiving, State::Dead)
        }
        ShareProbe::PutBack { delivery, epoch } => {
            c.counters.exercised(Exercised::PutBacks);
            moved(c, delivery, *epoch, State::Dead, State::Available)
        }
        ShareProbe::Received { .. }
        | ShareProbe::Acknowledging { .. }
        | ShareProbe::Acknowledged { .. }
        | ShareProbe::LetterRead { .. }
        | ShareProbe::Returned { .. }
        | ShareProbe::Monitored { .. } => on_clients_probe(c, probe),
    }
}

/// A leader reports something: what it keeps is looked at once everything else of this step was reported.
fn look_after(c: &mut ClusterChecks, broker: BrokerId, probe: &ShareProbe) {
    c.share_facts += 1;
    let loads = matches!(probe, ShareProbe::Loaded { .. } | ShareProbe::Unloaded { .. });
    if loads || c.share_facts.is_multiple_of(REPLAY_EVERY) {
        c.shares_to_inspect.push((broker, None));
    } else if let Some(of) = of_fact(probe) {
        // A step often reports several records of one share-partition.
        let again = |(known, last): &(BrokerId, Option<SharePartition>)| {
            (*known, last.as_ref()) == (broker, Some(of))
        };
        if !c.shares_to_inspect.last().is_some_and(again) {
            c.shares_to_inspect.push((broker, Some(of.clone())));
        }
    }
}

/// Which share-partition a leader reports of.
const fn of_fact(probe: &ShareProbe) -> Option<&SharePartition> {
    match probe {
        ShareProbe::Restored { of, .. } => Some(of),
        ShareProbe::Acquired { delivery, .. }
        | ShareProbe::Settled { delivery, .. }
        | ShareProbe::Renewed { delivery, .. }
        | ShareProbe::Buried { delivery, .. }
        | ShareProbe::PutBack { delivery, .. } => Some(&delivery.of),
        ShareProbe::Loading { .. }
        | ShareProbe::Loaded { .. }
        | ShareProbe::Unloaded { .. }
        | ShareProbe::Received { .. }
        | ShareProbe::Acknowledging { .. }
        | ShareProbe::Acknowledged { .. }
        | ShareProbe::LetterRead { .. }
        | ShareProbe::Returned { .. }
        | ShareProbe::Monitored { .. } => None,
    }
}

/// What a broker keeps of a share-partition against what was heard of it; of all of them, and against its logs too.
pub(super) fn inspect(
    c: &mut ClusterChecks,
    broker: BrokerId,
    of: Option<&SharePartition>,
    world: &World<Member>,
) -> Check {
    let judges = judges(c);
    let mut heard = 0;
    let parts = c.shares.parts.iter().filter(|(known, _)| judges && of.is_none_or(|of| of == *known));
    for (of, part) in parts {
        heard += u64::from(share_state::share(broker, (of, part), world)?);
    }
    let replayed = if of.is_none() { share_state::leaders(broker, world)? } else { 0 };
    (0..heard).for_each(|_| c.counters.compared(Compared::SharesHeardOf));
    (0..replayed).for_each(|_| c.counters.compared(Compared::SharesReplayed));
    Ok(())
}

/// What workers and people report.
fn on_clients_probe(c: &mut ClusterChecks, probe: &ShareProbe) -> Check {
    match probe {
        ShareProbe::Received { delivery, member, count } => {
            if delivery.turn.0 > 1 {
                c.counters.exercised(Exercised::ShareRedeliveries);
            }
            let limit = c.expectations.queues.as_ref().map_or(u32::MAX, |queues| queues.limit);
            let judges = judges(c);
            let seen = c.shares.seen(&delivery.of, delivery.offset);
            let result = shares::received(seen, delivery.offset, (delivery.turn, *member), *count, limit);
            seen.receive(delivery.turn, *member);
            if judges { result } else { Ok(()) }
        }
        ShareProbe::Acknowledging { delivery, member, verdict, record } => {
            let seen = c.shares.seen(&delivery.of, delivery.offset);
            seen.name = seen.name.or(*record);
            let (turn, member, verdict) = (delivery.turn, *member, *verdict);
            // Whether a lock was renewed in time nobody asks.
            if verdict != Verdict::Renew {
                let again =
                    verdict == Verdict::Accept && seen.open.iter().any(|said| said.verdict == verdict);
                seen.open.push(Said { turn, member, verdict, newest: seen.newest() });
                if again {
                    c.counters.permitted(Permitted::WorkedAgain);
                }
            }
            Ok(())
        }
        ShareProbe::Acknowledged { delivery, member, verdict, result } => {
            let said = (*member, *verdict);
            acknowledged(c, delivery, said, *result)
        }
        ShareProbe::LetterRead { delivery } => {
            let seen = c.shares.seen(&delivery.of, delivery.offset);
            if seen.letter.is_some_and(|known| known >= delivery.turn) {
                c.counters.permitted(Permitted::LetterTwice);
            }
            seen.letter = seen.letter.max(Some(delivery.turn));
            Ok(())
        }
        ShareProbe::Monitored { retried, dead, .. } => {
            if retried + dead > 0 {
                c.counters.exercised(Exercised::StuckListed);
            }
            Ok(())
        }
        ShareProbe::Loading { .. }
        | ShareProbe::Restored { .. }
        | ShareProbe::Loaded { .. }
        | ShareProbe::Unloaded { .. }
        | ShareProbe::Acquired { .. }
        | ShareProbe::Settled { .. }
        | ShareProbe::Renewed { .. }
        | ShareProbe::Buried { .. }
        | ShareProbe::PutBack { .. }
        | ShareProbe::Returned { .. } => Ok(()),
    }
}

/// A worker knows what became of what it said.
fn acknowledged(
    c: &mut ClusterChecks,
    delivery: &Delivery,
    (member, verdict): (squall_core::ids::MemberId, Verdict),
    result: Told,
) -> Check {
    if verdict == Verdict::Renew {
        return Ok(());
    }
    let judges = judges(c);
    let seen = c.shares.seen(&delivery.of, delivery.offset);
    let said = seen.answered(delivery.turn, member, verdict);
    match result {
        Told::Refused(_) => {
            seen.refused |= verdict == Verdict::Accept;
            c.counters.exercised(Exercised::LateAcknowledgements);
        }
        Told::Unknown => seen.maybe_worked |= verdict == Verdict::Accept,
        Told::Taken => {
            c.counters.compared(Compared::AcknowledgementsTaken);
            let result = said.map_or(Ok(()), |said| shares::taken(seen, delivery.offset, said));
            if verdict == Verdict::Accept {
                seen.worked = Some((delivery.turn, member));
                if delivery.turn.0 > 1 {
                    c.counters.exercised(Exercised::WorkedAfterFailure);
                }
            }
            if judges {
                return result;
            }
        }
    }
    Ok(())
}

/// A leader's word on one of its records, unless it is deposed.
fn of_leader(
    c: &mut ClusterChecks,
    delivery: &Delivery,
    epoch: LeaderEpoch,
    judge: impl FnOnce(&mut Part, Offset) -> Check,
) -> Check {
    let judges = judges(c);
    let part = c.shares.part(&delivery.of);
    let counts = shares::reign(part, epoch);
    let result = counts.and_then(|counts| if counts { judge(part, delivery.offset) } else { Ok(()) });
    if judges { result } else { Ok(()) }
}

/// A renewal is reported at once: a settlement that is under way may be reported after it, and an expiry before.
fn of_renewal(c: &mut ClusterChecks, delivery: &Delivery, epoch: LeaderEpoch) -> Check {
    of_leader(c, delivery, epoch, |part, offset| {
        let known = part.items.get(&offset).map(|item| item.turn);
        // It cannot be of a delivery that is not the last.
        if known.is_some_and(|turn| turn > delivery.turn) {
            shares::held(part, offset, delivery.turn)
        } else {
            Ok(())
        }
    })
}

fn moved(c: &mut ClusterChecks, delivery: &Delivery, epoch: LeaderEpoch, from: State, to: State) -> Check {
    of_leader(c, delivery, epoch, |part, offset| shares::moved(part, (offset, delivery.turn), from, to))
}

/// Beyond the budget, or once a partition was led by one that lacked records, offsets mean something else than
/// they did.
pub(super) fn judges(c: &ClusterChecks) -> bool {
    !c.expectations.beyond_budget && !c.partitions.iter().any(|p| p.unclean)
}

/// Whether every group is done with the partition: all was delivered, and nothing is in flight.
pub(super) fn settled(
    c: &ClusterChecks,
    world: &World<Member>,
    at: TopicPartition,
    end: Offset,
) -> Result<(), String> {
    let Some(queues) = &c.expectations.queues else { return Ok(()) };
    // Of what is given up the letter may be for a partition that nobody leads.
    if calm::topic_is_orphaned(c, queues.letters) {
        return Ok(());
    }
    for group in &queues.groups {
        let of = SharePartition { group: group.clone(), at };
        if state_is_orphaned(c, &of) {
            continue;
        }
        let brokers = c.layout.broker_nodes().into_iter().filter_map(|node| broker(world, node));
        let mut reigns = brokers.flat_map(|broker| broker.shares().reigns());
        let leads = reigns.find(|reign| reign.tenure.phase() == Phase::Active && reign.stored(&of).is_some());
        let share = leads.and_then(|reign| reign.stored(&of)).unwrap_or_default();
        if share.next != end || !share.records.is_empty() {
            let (next, left) = (share.next, share.records.len());
            return Err(format!(
                "{group} to work {at} up to {end}: it is at {next}, and {left} are in flight"
            ));
        }
    }
    Ok(())
}

/// Whether nobody may lead the share-partition any more, with permission.
fn state_is_orphaned(c: &ClusterChecks, of: &SharePartition) -> bool {
    let Some((topic, state)) = c.metadata.image.topic_named(STATE_TOPIC) else { return false };
    let at = partition_for(&of.key(), topic, state.partitions.len() as u32);
    at.is_some_and(|at| calm::is_orphaned(c, at))
}

/// Whether the letters of a partition are all read, and whoever works or reads is at rest.
pub(super) fn at_rest(
    c: &ClusterChecks,
    world: &World<Member>,
    at: TopicPartition,
    end: Offset,
) -> Result<(), String> {
    let letters = c.expectations.queues.as_ref().map(|queues| queues.letters);
    let named = letters.and_then(|letters| c.metadata.image.topic_named(letters));
    if named.is_none_or(|(topic, _)| topic != at.topic) {
        return Ok(());
    }
    // A person asks until somebody answers, and of such a partition nobody does.
    let is_heard = !calm::topic_is_orphaned(c, STATE_TOPIC);
    for node in world.nodes() {
        match world.process(node) {
            Some(Member::Person(person)) if person.position(at) != Some(end) => {
                return Err(format!("{} to read the letters of {at} up to {end}", world.name(node)));
            }
            Some(Member::Person(person)) if is_heard && !person.is_idle() => {
                return Err(format!("{} to be done with the letters", world.name(node)));
            }
            Some(Member::ShareWorker(worker)) if !worker.is_idle() => {
                return Err(format!("{} to be told what became of its work", world.name(node)));
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

/// In the end: what went in came out, by the history checks of queues.
pub(super) fn judge(c: &mut ClusterChecks, clients: &Clients, doubled: bool) -> Check {
    let Some(queues) = c.expectations.queues.clone() else { return Ok(()) };
    if !judges(c) || calm::something_is_orphaned(c) {
        return Ok(());
    }
    // Where each record lies, as it was read in the end.
    let places: BTreeMap<(TopicPartition, Offset), u64> = (clients.records())
        .filter(|(_, record)| record.found > 0)
        .filter_map(|(name, record)| Some(((record.at?, record.offset()?), name.pack())))
        .collect();
    for group in &queues.groups {
        c.counters.compared(Compared::Queues);
        let history = history(&c.shares, group, clients, (&places, doubled));
        shares::totals(group, history)?;
    }
    Ok(())
}

/// What a group did, as jepsen.checker's queues have it: sends put in, what was worked came out, and letters are
/// what is left when the queue is drained.
fn history(
    shares: &crate::ghost::Shares,
    group: &GroupId,
    clients: &Clients,
    (places, doubled): (&BTreeMap<(TopicPartition, Offset), u64>, bool),
) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut process = 0;
    let mut both = |kind: Kind, f: Action, items: Vec<u64>| {
        let items: Vec<Name> = items.into_iter().map(|name| Name::Number(name as i64)).collect();
        let asked = if f == Action::Enqueue { Argument::Items(items.clone()) } else { Argument::None };
        ops.push(Op::new(process, Kind::Invoke, f, asked));
        ops.push(Op::new(process, kind, f, Argument::Items(items)));
        // A client of its own each: one that crashed begins nothing more.
        process += 1;
    };
    for (name, record) in clients.records() {
        let kind = match record.told {
            Sent::Delivered => Kind::Ok,
            Sent::Refused => Kind::Fail,
            Sent::Unknown | Sent::Nothing => Kind::Info,
        };
        both(kind, Action::Enqueue, vec![name.pack()]);
    }
    let mut letters = Vec::new();
    for (of, part) in shares.parts.iter().filter(|(of, _)| of.group == *group) {
        for (offset, seen) in &part.seen {
            let Some(name) = seen.name.or_else(|| places.get(&(of.at, *offset)).copied()) else { continue };
            // What nobody was told of may have been taken, or not; then its letter tells.
            if seen.worked.is_some() || (was_said(seen, doubled) && seen.letter.is_none()) {
                both(Kind::Ok, Action::Dequeue, vec![name]);
            } else if seen.letter.is_some() {
                letters.push(name);
            }
        }
    }
    both(Kind::Ok, Action::Drain, letters);
    ops
}

/// Whether somebody said that the record is worked, and does not know whether that was taken.
fn was_said(seen: &Seen, doubled: bool) -> bool {
    seen.maybe_worked
        || (doubled && seen.refused)
        || seen.open.iter().any(|said| said.verdict == Verdict::Accept)
}
