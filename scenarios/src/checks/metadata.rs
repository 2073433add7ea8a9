//! Probes of the decided metadata: W-MLM, and whatever a decision could break.

use std::sync::Arc;

use squall_core::ids::{BrokerEpoch, BrokerId, NodeId, Offset, TopicPartition};
use squall_core::metadata::{MetadataRecord, PartitionState};
use squall_core::probe::MetadataProbe;
use squall_sim::engine::World;

use crate::checks::{ClusterChecks, Compared, Exercised};
use crate::cluster::Member;
use crate::ghost::chronicle::When;
use crate::ghost::metadata::Applied;
use crate::ghost::partition::Damage;
use crate::invariants::{Broken, Check, broken, membership, quorum};

pub(super) fn on_probe(
    c: &mut ClusterChecks,
    world: &World<Member>,
    node: NodeId,
    probe: &MetadataProbe,
) -> Result<(), Broken> {
    match probe {
        MetadataProbe::Applied { offset, record } => {
            c.counters.compared(Compared::MetadataRecords);
            if let Some(place) = c.quorum.place(node) {
                quorum::applied(&c.quorum, place, *offset)?;
            }
            applied(c, world, node, *offset, record)
        }
        MetadataProbe::Loaded { end, digest } => loaded(c, node, *end, *digest),
        MetadataProbe::Active { .. } => Ok(()),
        MetadataProbe::Halted => {
            c.counters.exercised(Exercised::Halts);
            // What it wrote last, or cut, may be there or not.
            if let Some(place) = c.quorum.place(node) {
                let voter = &mut c.quorum.voters[place];
                voter.damage = voter.damage.max(Damage::Halted);
            }
            Ok(())
        }
    }
}

fn applied(
    c: &mut ClusterChecks,
    world: &World<Member>,
    node: NodeId,
    offset: Offset,
    record: &Arc<MetadataRecord>,
) -> Check {
    let before = match &**record {
        // Every node applies it, and it is news once.
        MetadataRecord::PartitionChanged { at, .. } if offset == c.metadata.end() => {
            c.metadata.image.partition(*at).cloned()
        }
        MetadataRecord::PartitionChanged { .. }
        | MetadataRecord::BrokerRegistered { .. }
        | MetadataRecord::BrokerUnfenced { .. }
        | MetadataRecord::BrokerFenced { .. }
        | MetadataRecord::TopicCreated { .. }
        | MetadataRecord::ProducerIdsAllocated { .. }
        | MetadataRecord::NoOp => None,
    };
    match c.metadata.apply(offset, record) {
        Applied::Known => Ok(()),
        Applied::Differs(known) => broken(
            "W-MLM",
            format!(
                "node {node} applied {record:?} at metadata offset {offset}; decided is {}",
                known.map_or_else(|| "another, long ago".to_owned(), |known| format!("{known:?}"))
            ),
        ),
        Applied::Gap => broken(
            "W-MLM",
            format!("node {node} applied metadata offset {offset}; nobody has applied {}", c.metadata.end()),
        ),
        Applied::News => decided(c, world, record, before.as_ref()),
    }
}

fn decided(
    c: &mut ClusterChecks,
    world: &World<Member>,
    record: &MetadataRecord,
    before: Option<&PartitionState>,
) -> Check {
    match record {
        MetadataRecord::PartitionChanged { at, state } => {
            let now = When { event: world.events(), at: world.now() };
            changed(c, *at, before, state, now)
        }
        MetadataRecord::BrokerFenced { broker, .. } => {
            c.counters.exercised(Exercised::Fencings);
            membership::fenced(*broker, &c.metadata.image)
        }
        MetadataRecord::BrokerRegistered { broker, .. } => {
            c.counters.exercised(Exercised::Registrations);
            if let Some(stop) = c.metadata.spoilt(*broker) {
                c.partitions.iter_mut().for_each(|p| p.chronicle.registered_late(*broker, stop));
            }
            membership::fenced(*broker, &c.metadata.image)
        }
        MetadataRecord::BrokerUnfenced { broker, epoch } => unfenced(world, *broker, *epoch),
        MetadataRecord::ProducerIdsAllocated { .. }
        | MetadataRecord::TopicCreated { .. }
        | MetadataRecord::NoOp => Ok(()),
    }
}

/// Whoever is unfenced has read its own registration: before, it knows a world in which it may still lead.
fn unfenced(world: &World<Member>, broker: BrokerId, epoch: BrokerEpoch) -> Check {
    match crate::checks::broker(world, broker.node()) {
        // Of a life that is over nothing can be said any more.
        Some(member) if member.epoch() == Some(epoch) => {
            membership::has_read(broker, member.epoch(), member.image().end)
        }
        Some(_) | None => Ok(()),
    }
}

fn changed(
    c: &mut ClusterChecks,
    at: TopicPartition,
    before: Option<&PartitionState>,
    after: &PartitionState,
    now: When,
) -> Check {
    c.counters.compared(Compared::Registrations);
    if let Some(before) = before {
        if after.leader.is_some() && after.leader_epoch != before.leader_epoch {
            c.counters.exercised(Exercised::Elections);
            if after.leader.is_some_and(|leader| before.elr.contains(&leader)) {
                c.counters.exercised(Exercised::ElrElections);
            }
        }
        if before.isr.iter().any(|member| !after.isr.contains(member)) {
            c.counters.exercised(Exercised::IsrShrinks);
        }
        if after.isr.iter().any(|member| !before.isr.contains(member)) {
            c.counters.exercised(Exercised::IsrExpansions);
        }
    }
    if c.metadata.image.partition(at) != Some(after) {
        return broken("W-SMS", format!("the registration {after:?} of {at} was applied as another"));
    }
    let place = c.place(at);
    c.partitions[place].now = now;
    membership::changed(&mut c.partitions[place], before, &c.metadata)
}

/// A snapshot stands for the records before its end.
fn loaded(c: &ClusterChecks, node: NodeId, end: Offset, digest: u64) -> Check {
    match c.metadata.digest_at(end) {
        Some(known) if known == digest => Ok(()),
        Some(known) => broken(
            "W-MLM",
            format!(
                "node {node} loaded a snapshot of {end} with digest {digest:016x}; the decided image has {known:016x}"
            ),
        ),
        None => broken(
            "W-MLM",
            format!("node {node} loaded a snapshot of {end}; nobody has applied beyond {}", c.metadata.end()),
        ),
    }
}

/// A broker's life is running from now on: whatever it may be elected for, it must hold.
pub(super) fn recheck(c: &mut ClusterChecks) -> Check {
    for ghost in &mut c.partitions {
        if let Some(state) = c.metadata.image.partition(ghost.at) {
            membership::candidates_hold_all(ghost, state, &c.metadata)?;
        }
    }
    Ok(())
}
