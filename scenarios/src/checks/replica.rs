//! Probes of replicas.

use squall_core::ids::{BrokerId, NodeId, Offset, TopicPartition};
use squall_core::log::Cleaned;
use squall_core::probe::ReplicaProbe;

use squall_sim::engine::World;

use crate::checks::{ClusterChecks, Compared, Exercised, Inspection, Look, transactions};
use crate::cluster::Member;
use crate::ghost::chronicle::When;
use crate::ghost::partition::{Damage, Role};
use crate::ghost::{Batch, PartitionGhost};
use crate::invariants::{Broken, Check, compaction, membership, replication, storage};

/// A broker's disk changed bytes, just now at `fresh`: what it still holds is known only when it has looked. If it
/// did so in the same event, all that is known is which file it was.
pub(super) fn harmed(
    p: &mut PartitionGhost,
    broker: BrokerId,
    fresh: &[(String, usize)],
    world: &World<Member>,
) {
    let disk = world.disk(broker.node());
    let gone = fresh.iter().filter(|(file, _)| disk.rotten(file).is_empty());
    let segments = gone.filter_map(|(file, _)| storage::base_of(p.at, file));
    let first = segments.chain(storage::first_rotten(p.at, broker, world)).min();
    let replica = &mut p.replicas[broker.0 as usize];
    if first.is_some() {
        replica.rotten = replica.rotten.min(first).or(first);
        replica.destroyed = replica.destroyed.max(replica.log.end());
    }
}

/// A replica's log changed: what of it is rotten may be gone.
fn look_for_rot(p: &mut PartitionGhost, broker: BrokerId, world: &World<Member>) {
    if p.replicas[broker.0 as usize].rotten.is_some() {
        p.replicas[broker.0 as usize].rotten = storage::first_rotten(p.at, broker, world);
    }
}

pub(super) fn on_probe(
    c: &mut ClusterChecks,
    world: &World<Member>,
    node: NodeId,
    at: TopicPartition,
    probe: &ReplicaProbe,
) -> Result<(), Broken> {
    let Some(broker) = c.layout.broker_on(node) else { return Ok(()) };
    let place = c.place(at);
    let counters = &mut c.counters;
    let p = &mut c.partitions[place];
    p.now = When { event: world.events(), at: world.now() };
    match probe {
        ReplicaProbe::Appended { base, next, epoch, crc, stamp, leader } => {
            counters.compared(Compared::Batches);
            let batch = Batch { base: *base, next: *next, epoch: *epoch, crc: *crc, stamp: *stamp };
            match p.laid_down(broker, batch) {
                Some((piece, originals)) => compaction::taken_in(p, broker, &piece, &originals),
                None => replication::appended(p, broker, batch, *leader),
            }
        }
        ReplicaProbe::HighWatermark { epoch, to, leader, exposed } => {
            counters.compared(Compared::Watermarks);
            if *leader && !*exposed {
                counters.exercised(Exercised::LeadersUnexposed);
            }
            let before = p.true_end();
            replication::watermark(p, broker, *epoch, *to, *leader, *exposed, &c.metadata)?;
            transactions::on_committed(c, place, before)
        }
        ReplicaProbe::Acked { epoch, next, acks, .. } => {
            counters.compared(Compared::Acknowledgements);
            let min_isr = membership::min_isr(&c.metadata.image, p);
            replication::acknowledged(p, broker, *epoch, *next, *acks, (min_isr, c.expectations.flush))
        }
        ReplicaProbe::Durable { end } => {
            let replica = &mut p.replicas[broker.0 as usize];
            // A lie about the file's name is told before there is anything in it to be durable.
            let disk = world.disk(node);
            replica.doubtful |= disk.has_lied() && disk.has_lied_about(&storage::folder(at));
            replica.synced(*end);
            Ok(())
        }
        ReplicaProbe::Truncated { to } => {
            look_for_rot(p, broker, world);
            truncated(c, place, broker, *to)
        }
        ReplicaProbe::Reset { to } => reset(c, place, broker, *to),
        ReplicaProbe::Start { start } => {
            counters.exercised(Exercised::SegmentsDeleted);
            c.to_inspect.push(Inspection { at, broker, what: Look::Tables });
            storage::shortened(p, broker, *start)?;
            look_for_rot(p, broker, world);
            Ok(())
        }
        ReplicaProbe::Recovered { start, end } => {
            let outcome = recovered(c, world, (place, broker), (*start, *end));
            look_for_rot(&mut c.partitions[place], broker, world);
            outcome
        }
        ReplicaProbe::Leader { epoch, start } => {
            replication::leads(p, broker, *epoch, *start, &c.metadata)?;
            c.to_inspect.push(Inspection { at, broker, what: Look::Role });
            c.to_inspect.push(Inspection { at, broker, what: Look::Tables });
            Ok(())
        }
        ReplicaProbe::Follower { epoch, .. } => {
            p.replicas[broker.0 as usize].role = Role::Follower(*epoch);
            c.to_inspect.push(Inspection { at, broker, what: Look::Role });
            Ok(())
        }
        ReplicaProbe::Absorbed { .. } => {
            counters.exercised(Exercised::RetriesAbsorbed);
            Ok(())
        }
        ReplicaProbe::IsrProposed { partition_epoch, isr, .. } => {
            replication::wished(p, broker, isr.iter().map(|member| member.0));
            p.wishes.push((*partition_epoch, isr.clone()));
            Ok(())
        }
        ReplicaProbe::IsrAdopted { epoch, partition_epoch, isr } => {
            replication::adopted(p, broker, (*epoch, *partition_epoch), isr)
        }
        ReplicaProbe::Damaged { .. } => {
            counters.exercised(Exercised::DamageFound);
            Ok(())
        }
        ReplicaProbe::Holding { base, delete_horizon, records } => {
            p.holding(broker, *base, *delete_horizon, records);
            Ok(())
        }
        ReplicaProbe::Cleaned(what) => cleaned(c, world, (place, broker), what),
        ReplicaProbe::Transactional { .. } | ReplicaProbe::Marked { .. } | ReplicaProbe::Stable { .. } => {
            transactions::on_replica(c, place, broker, probe)
        }
    }
}

/// Who takes a role has read its own registration, or it acts on what was decided about an earlier life.
pub(super) fn registered(world: &World<Member>, broker: BrokerId) -> Check {
    let Some(member) = crate::checks::broker(world, broker.node()) else { return Ok(()) };
    membership::has_read(broker, member.epoch(), member.image().end)
}

fn cleaned(
    c: &mut ClusterChecks,
    world: &World<Member>,
    (place, broker): (usize, BrokerId),
    what: &Cleaned,
) -> Check {
    c.counters.exercised(Exercised::StretchesCleaned);
    let p = &mut c.partitions[place];
    let replica = &mut p.replicas[broker.0 as usize];
    let disk = world.disk(broker.node());
    if replica.doubtful || (disk.has_lied() && disk.has_lied_about(&storage::folder(p.at))) {
        // The files that took the old ones' place may never have reached the device.
        replica.durable = replica.durable.min(what.from);
    }
    // Rot may have gone with an old file, or come with the new one.
    replica.note_removed_rot(what.to);
    let rotten = storage::first_rotten(p.at, broker, world);
    p.replicas[broker.0 as usize].rotten = rotten;
    c.to_inspect.push(Inspection { at: p.at, broker, what: Look::Disk });
    compaction::cleaned(p, broker, what)
}

fn truncated(c: &mut ClusterChecks, place: usize, broker: BrokerId, to: Offset) -> Check {
    c.counters.exercised(Exercised::Truncations);
    let p = &mut c.partitions[place];
    p.cut(broker, to);
    c.to_inspect.push(Inspection { at: p.at, broker, what: Look::Disk });
    replication::shortened(p, broker, &c.metadata, &format!("cut its log at {to}"))
}

fn reset(c: &mut ClusterChecks, place: usize, broker: BrokerId, to: Offset) -> Check {
    c.counters.exercised(Exercised::Resets);
    let p = &mut c.partitions[place];
    p.dropped(broker, to);
    c.to_inspect.push(Inspection { at: p.at, broker, what: Look::Tables });
    replication::shortened(p, broker, &c.metadata, &format!("dropped its log, to start again at {to}"))
}

fn recovered(
    c: &mut ClusterChecks,
    world: &World<Member>,
    (place, broker): (usize, BrokerId),
    range: (Offset, Offset),
) -> Check {
    c.counters.compared(Compared::Recoveries);
    let p = &mut c.partitions[place];
    let (damage, before) = {
        let replica = &p.replicas[broker.0 as usize];
        (replica.damage, replica.log.end())
    };
    match damage {
        Damage::None | Damage::Halted | Damage::Rotten => {}
        Damage::PowerLoss => {
            c.counters.exercised(Exercised::PowerLossesSurvived);
            if range.1 < before {
                c.counters.exercised(Exercised::TailsLost);
            }
        }
        Damage::Wiped => c.counters.exercised(Exercised::DisksRefilled),
    }
    if p.replicas[broker.0 as usize].rotten.is_some_and(|rotten| range.1 <= rotten) {
        c.counters.exercised(Exercised::DamageCut);
    }
    let mut on_disk = Vec::new();
    if p.replicas[broker.0 as usize].may_be_back() {
        let lie = storage::batches_on_disk(&storage::folder(p.at), broker.node(), world);
        on_disk.extend(lie.iter().flat_map(|batch| p.before_compaction(batch)));
    }
    storage::recovered(p, broker, range, &on_disk)?;
    if p.compacted.is_some() {
        let batches = storage::batches_on_disk(&storage::folder(p.at), broker.node(), world);
        p.opened(broker, &batches);
        compaction::kept(p, broker)?;
    }
    c.to_inspect.push(Inspection { at: p.at, broker, what: Look::Disk });
    let (start, end) = range;
    replication::shortened(p, broker, &c.metadata, &format!("recovered its log as [{start}, {end})"))
}
