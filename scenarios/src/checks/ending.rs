//! The end of a run: every record against its contract, every replica against every other.

use squall_core::ids::{Offset, TopicPartition};
use squall_core::message::Acks;
use squall_sim::engine::World;

use crate::checks::{ClusterChecks, Compared, Permitted, calm};
use crate::cluster::Member;
use crate::ghost::clients::{Name, Record, Told};
use crate::ghost::{PartitionGhost, shadow};
use crate::invariants::{Broken, Check, broken, storage};

pub(super) fn judge(c: &mut ClusterChecks, world: &World<Member>) -> Result<(), Broken> {
    replicas(c, world)?;
    if c.expectations.audit.is_none() {
        return Ok(());
    }
    // Moved, not copied: there may be a million of them.
    let clients = std::mem::take(&mut c.clients);
    let judged = clients.records().try_for_each(|(name, record)| contract(c, name, record));
    c.clients = clients;
    judged
}

/// Every replica holds the committed log, on disk and in memory.
fn replicas(c: &mut ClusterChecks, world: &World<Member>) -> Check {
    for at in calm::partitions(c) {
        let replicas = c.metadata.image.partition(at).map(|state| state.replicas.clone()).unwrap_or_default();
        let place = c.place(at);
        for broker in replicas {
            c.counters.compared(Compared::Replicas);
            let p = &mut c.partitions[place];
            storage::on_disk(p, broker, world)?;
            storage::folds(p, broker, world)?;
            let (holds, end) = (p.refresh(broker), p.true_end());
            if holds < end && !p.unclean {
                return broken(
                    "W-LM",
                    format!("in the end broker {broker} holds {at} as committed up to {holds} of {end}"),
                );
            }
        }
    }
    Ok(())
}

/// What became of one record, and whether it was allowed to.
fn contract(c: &mut ClusterChecks, name: Name, record: &Record) -> Check {
    match record.told {
        Told::Nothing => {
            return broken(
                "durability",
                format!("sender {} was never told what became of record {}", name.sender, name.number),
            );
        }
        // Found or not was judged when it was read.
        Told::Refused => return Ok(()),
        Told::Unknown => {
            c.counters.permitted(if record.found > 0 {
                Permitted::UnknownLanded
            } else {
                Permitted::UnknownMissing
            });
            return Ok(());
        }
        Told::Delivered => {}
    }
    for _ in 1..record.found {
        c.counters.permitted(Permitted::Duplicates);
    }
    if record.found > 0 {
        c.counters.compared(Compared::RecordsReadAgain);
        return Ok(());
    }
    let at = record.at.unwrap_or_default();
    let place = c.place(at);
    match allowed(&c.partitions[place], record) {
        Some(permitted) => {
            c.counters.permitted(permitted);
            Ok(())
        }
        None => lost(at, name, record),
    }
}

fn lost(at: TopicPartition, name: Name, record: &Record) -> Check {
    let place =
        record.offset().map_or_else(|| "an unknown offset".to_owned(), |offset| format!("offset {offset}"));
    broken(
        "durability",
        format!(
            "record {} of sender {}, acknowledged with acks={} at {place} of {at}, is not read again",
            name.number,
            name.sender,
            match record.acks {
                Acks::None => "0",
                Acks::Leader => "1",
                Acks::All => "all",
            }
        ),
    )
}

/// Why a record may be missing although its sender was told that it is there.
fn allowed(p: &PartitionGhost, record: &Record) -> Option<Permitted> {
    if record.acks == Acks::None {
        return Some(Permitted::Acks0Lost);
    }
    if p.unclean {
        return Some(Permitted::UncleanLost);
    }
    let start = p.replicas.iter().map(|replica| replica.log.start()).max().unwrap_or_default();
    let offset = record.offset()?;
    if offset < start {
        return Some(Permitted::RetentionDeleted);
    }
    (record.acks == Acks::Leader && was_overwritten(p, offset)).then_some(Permitted::Acks1Lost)
}

/// Whether anything but the committed record was ever written at `offset`: then its leader fell before it
/// was committed. If only the committed one was, that is the record, and it may not be missing.
fn was_overwritten(p: &PartitionGhost, offset: Offset) -> bool {
    let committed = p.committed.at(offset).map(|batch| batch.epoch);
    p.reigns.iter().any(|reign| {
        let place = shadow::place(&reign.written, offset);
        let covers = reign.written.get(place).is_some_and(|batch| batch.base <= offset);
        covers && Some(reign.epoch) != committed
    })
}
