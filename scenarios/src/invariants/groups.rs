//! Consumer groups: what coordinators keep (W-GC), whose commits they take (W-GF), who owns what (W-OWN).

use bytes::Bytes;
use squall_core::coordinator::Phase;
use squall_core::group::{Group, Reign, State, Table};
use squall_core::ids::{BrokerId, Generation, GroupId, LeaderEpoch, MemberId, Offset, TopicPartition};
use squall_core::log::unsealed;
use squall_core::partition::{Partition, directory};
use squall_core::record::{Batch, batches};
use squall_sim::engine::World;

use crate::cluster::Member;
use crate::ghost::groups::{GroupsGhost, Holder};
use crate::invariants::{Check, broken};

/// A coordinator took a commit: W-GF.
pub fn commit_taken(
    ghost: &GroupsGhost,
    broker: BrokerId,
    group: &GroupId,
    member: Option<(MemberId, Generation)>,
) -> Check {
    let known = ghost.coordinated(broker, group);
    let (generation, members) =
        known.map_or((Generation(0), [].as_slice()), |known| (known.generation, known.members.as_slice()));
    match member {
        None if members.is_empty() => Ok(()),
        Some((id, of)) if of == generation && members.contains(&id) => Ok(()),
        None | Some(_) => broken(
            "W-GF",
            format!(
                "broker {broker} took a commit for {group} of {member:?} (id and generation); in generation \
                 {generation} its members are {members:?}"
            ),
        ),
    }
}

/// A coordinator hands an assignment out: W-OWN.
pub fn assigned(
    group: &GroupId,
    generation: Generation,
    assignments: &[(MemberId, Vec<TopicPartition>)],
) -> Check {
    let mut all: Vec<_> =
        assignments.iter().flat_map(|(member, own)| own.iter().map(move |at| (*at, *member))).collect();
    all.sort_unstable();
    match all.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        None => Ok(()),
        Some(pair) => broken(
            "W-OWN",
            format!(
                "in generation {generation} of {group} both {} and {} are assigned {}",
                pair[0].1, pair[1].1, pair[0].0
            ),
        ),
    }
}

/// A process owns something else from now on: W-OWN.
///
/// Two processes of one generation are compared, of those that the coordinator has not let go: one that slept
/// through a rebalance is in an older generation, and knows no better.
pub fn owns(ghost: &mut GroupsGhost, group: &GroupId, holder: Holder) -> Check {
    ghost.owns(group, holder.clone());
    if !ghost.current(group).any(|other| *other == holder) {
        return Ok(());
    }
    for other in ghost.current(group) {
        if other.node == holder.node || other.generation != holder.generation {
            continue;
        }
        if let Some(both) = holder.partitions.iter().find(|at| other.partitions.contains(at)) {
            return broken(
                "W-OWN",
                format!(
                    "in generation {} of {group} both {} on node {} and {} on node {} own {both}",
                    holder.generation, other.member, other.node, holder.member, holder.node
                ),
            );
        }
    }
    Ok(())
}

/// All coordinators of a broker: W-GC.
pub fn coordinators(broker: BrokerId, world: &World<Member>) -> Check {
    let Some(process) = crate::checks::broker(world, broker.node()).filter(|broker| !broker.is_halted())
    else {
        return Ok(());
    };
    for reign in process.groups().reigns().filter(|reign| reign.tenure.phase() != Phase::Over) {
        let partition = process.partition(reign.tenure.at());
        reigns(broker, reign.tenure.at(), reign.tenure.epoch(), partition.and_then(Partition::reign))?;
        if reign.tenure.phase() != Phase::Active {
            continue;
        }
        if let Some(folded) = partition.and_then(|partition| fold(broker, partition, reign.applied(), world))
        {
            same(broker, reign.tenure.at(), reign.table(), &folded)?;
        }
        living(broker, reign)?;
    }
    Ok(())
}

/// Who coordinates leads, in the same reign.
pub fn reigns(
    broker: BrokerId,
    at: TopicPartition,
    epoch: LeaderEpoch,
    leads: Option<(LeaderEpoch, Offset)>,
) -> Check {
    if leads.is_some_and(|(leads, _)| leads == epoch) {
        return Ok(());
    }
    broken(
        "W-GC",
        format!(
            "broker {broker} coordinates the groups of {at} in epoch {epoch}; of its leader it says {leads:?}"
        ),
    )
}

/// What is cached against what the log says.
pub fn same(broker: BrokerId, at: TopicPartition, cached: &Table, folded: &Table) -> Check {
    if cached == folded {
        return Ok(());
    }
    let all = folded.iter().chain(cached.iter()).map(|(group, _)| group);
    let differs = all.into_iter().find(|group| cached.get(group) != folded.get(group));
    let Some(group) = differs else { return Ok(()) };
    broken(
        "W-GC",
        format!(
            "broker {broker} coordinates {at}; of {group} it has {:?}, its log says {:?}",
            cached.get(group),
            folded.get(group)
        ),
    )
}

/// A stable group is the one that is kept, unless something of it is on its way to the log.
fn living(broker: BrokerId, reign: &Reign) -> Check {
    for (name, group) in reign.groups() {
        if group.state() != State::Stable || !reign.is_settled(name) {
            continue;
        }
        let stored = reign.table().get(name).and_then(|entry| entry.group.as_ref());
        let kept = stored.is_some_and(|stored| {
            let members = stored.members.iter().map(|member| (member.id, member.assignment.as_slice()));
            stored.generation == group.generation() && members.eq(of(group))
        });
        if !kept {
            return broken(
                "W-GC",
                format!(
                    "broker {broker} has {name} in generation {} with {:?}; its log keeps {stored:?}",
                    group.generation(),
                    of(group).collect::<Vec<_>>()
                ),
            );
        }
    }
    Ok(())
}

fn of(group: &Group) -> impl Iterator<Item = (MemberId, &[TopicPartition])> {
    group.members().iter().map(|member| (member.id(), member.assignment()))
}

/// The fold of what is on the broker's disk, up to `end`. `None` if that is not sound: others say so.
fn fold(broker: BrokerId, partition: &Partition, end: Offset, world: &World<Member>) -> Option<Table> {
    let mut table = Table::default();
    replay((broker, partition, end), world, |batch| table.apply_batch(batch))?;
    Some(table)
}

/// Hands over each batch of a partition as it is on the broker's disk, up to `end`; answers up to where it came.
/// `None` if what is there is not sound.
pub(super) fn replay(
    (broker, partition, end): (BrokerId, &Partition, Offset),
    world: &World<Member>,
    mut apply: impl FnMut(&Batch),
) -> Option<Offset> {
    let disk = world.disk(broker.node());
    let mut reached = Offset(0);
    for file in disk.list(&format!("{}/", directory(partition.at()))) {
        if !file.ends_with(".log") {
            continue;
        }
        let content = Bytes::from(unsealed(&file, disk.contents(&file).unwrap_or_default().to_vec()));
        for batch in batches(content) {
            let batch = batch.ok()?;
            if batch.base_offset() >= partition.log().log_start() && batch.next_offset() <= end {
                apply(&batch);
                reached = batch.next_offset();
            }
        }
    }
    Some(reached)
}
