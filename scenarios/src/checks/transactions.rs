//! Probes of transactions, and of replicas about them.

use squall_core::coordinator::place::partition_for;
use squall_core::ids::{BrokerId, NodeId, Offset, TopicPartition, TransactionalId};
use squall_core::metadata::Image;
use squall_core::probe::ReplicaProbe;
use squall_core::record::Ending;
use squall_core::transaction::config::TRANSACTIONS_TOPIC;
use squall_core::transaction::probe::TransactionProbe;

use crate::checks::ClusterChecks;
use crate::ghost::transactions::{Author, Decided};
use crate::invariants::{Check, transactions};

pub(super) fn on_probe(c: &mut ClusterChecks, node: NodeId, probe: &TransactionProbe) -> Check {
    let Some(broker) = c.layout.broker_on(node) else { return Ok(()) };
    match probe {
        TransactionProbe::Loading { at, epoch, .. } => {
            transactions::coordinates(&mut c.transactions, broker, *at, *epoch)
        }
        TransactionProbe::Changed {
            transactional,
            coordinator_epoch,
            producer,
            epoch,
            from,
            to,
            partitions,
        } => {
            // One that is deposed, and hears late that its change is copied, speaks of what its successor found.
            let at = place(&c.metadata.image, transactional);
            if at.is_some_and(|at| !c.transactions.is_latest(at, *coordinator_epoch)) {
                return Ok(());
            }
            let now =
                Decided { producer: *producer, epoch: *epoch, state: *to, partitions: partitions.clone() };
            let known = is_safe(c, transactional);
            transactions::changed(&mut c.transactions, transactional, *from, now, known)
        }
        TransactionProbe::Expired { transactional } => {
            if speaks_for(c, broker, transactional) {
                c.transactions.decided.remove(transactional);
            }
            Ok(())
        }
        TransactionProbe::Loaded { at, epoch, .. } => {
            // What follows is all that the new coordinator has found. One that slept through its reign finds less
            // than its successor has decided.
            if c.transactions.loaded(*at, *epoch, broker) {
                let image = &c.metadata.image;
                c.transactions.decided.retain(|name, _| place(image, name) != Some(*at));
            }
            Ok(())
        }
        TransactionProbe::Restored { transactional, producer, epoch, state, partitions } => {
            if speaks_for(c, broker, transactional) {
                let (producer, epoch, state) = (*producer, *epoch, *state);
                let found = Decided { producer, epoch, state, partitions: partitions.clone() };
                c.transactions.changed(transactional, found);
            }
            Ok(())
        }
        TransactionProbe::Unloaded { .. }
        | TransactionProbe::Initialized { .. }
        | TransactionProbe::TimedOut { .. }
        | TransactionProbe::Fenced { .. }
        | TransactionProbe::MarkerRetried { .. } => Ok(()),
    }
}

/// Whether nobody else has coordinated a transactional id since this broker did.
fn speaks_for(c: &ClusterChecks, broker: BrokerId, name: &TransactionalId) -> bool {
    place(&c.metadata.image, name).is_none_or(|at| c.transactions.is_latest_of(at, broker))
}

/// Whether nothing that was committed of a transactional id can have been lost.
fn is_safe(c: &ClusterChecks, name: &TransactionalId) -> bool {
    let at = place(&c.metadata.image, name);
    at.and_then(|at| c.partition(at)).is_none_or(|p| !p.unclean && !p.beyond)
}

/// The partition of the transactions' topic that a name belongs to.
fn place(image: &Image, name: &TransactionalId) -> Option<TopicPartition> {
    let (topic, state) = image.topic_named(TRANSACTIONS_TOPIC)?;
    partition_for(&name.0, topic, state.partitions.len() as u32)
}

/// A replica's facts about transactions; of its others none.
pub(super) fn on_replica(
    c: &mut ClusterChecks,
    place: usize,
    broker: BrokerId,
    probe: &ReplicaProbe,
) -> Check {
    let p = &mut c.partitions[place];
    if let ReplicaProbe::Stable { last_stable, high_watermark } = probe {
        return transactions::shown(p, broker, *last_stable, *high_watermark);
    }
    let author = if let ReplicaProbe::Transactional { producer, epoch, .. } = probe {
        Author { producer: *producer, epoch: *epoch, marks: false }
    } else if let ReplicaProbe::Marked { producer, epoch, .. } = probe {
        Author { producer: *producer, epoch: *epoch, marks: true }
    } else {
        return Ok(());
    };
    if let Some(batch) = p.replicas[broker.0 as usize].log.last().copied() {
        p.transacted.note(&batch, author);
        if matches!(probe, ReplicaProbe::Marked { ending: Ending::Abort, .. }) {
            p.transacted.note_abort(&batch);
        }
    }
    Ok(())
}

/// A leader's high watermark moved; the partition was committed up to `before`.
pub(super) fn on_committed(c: &mut ClusterChecks, place: usize, before: Offset) -> Check {
    let p = &mut c.partitions[place];
    if p.transacted.is_empty() || p.true_end() <= before || p.unclean || p.beyond {
        return Ok(());
    }
    transactions::committed(p, &c.transactions, before)
}
