//! What the log promises, by hand and at random.

mod compaction;
mod damage;
mod model;
mod places;
mod stories;
mod tables;
mod transactions;

use super::*;
use crate::env::SyncId;
use crate::ids::{ProducerEpoch, ProducerId, Sequence};
use crate::quirk::Quirk;
use crate::record::{Batch, BatchBuilder, ProducerStamp, batches};
use crate::refused::Refused;
use crate::testing::{PowerLoss, TestDisk};

/// Segments of a few batches, an index entry for nearly every second one.
fn tiny() -> LogConfig {
    LogConfig { segment_bytes: 400, index_interval_bytes: 100, ..LogConfig::default() }
}

fn open(disk: &mut TestDisk) -> Log {
    Log::open("t", tiny(), Quirks::NONE, disk).unwrap().0
}

fn stamp(id: u64, epoch: u16, base: u32) -> ProducerStamp {
    ProducerStamp { id: ProducerId(id), epoch: ProducerEpoch(epoch), base: Sequence(base) }
}

fn batch(records: u32, timestamp: u64, producer: Option<ProducerStamp>) -> Batch {
    let mut builder = BatchBuilder::new();
    for nth in 0..records {
        builder.add(None, Some(&timestamp.to_be_bytes()), &[], timestamp + u64::from(nth));
    }
    if let Some(stamp) = producer {
        builder.set_producer(stamp);
    }
    builder.build()
}

fn append(log: &mut Log, records: u32, epoch: u32, disk: &mut TestDisk) -> Batch {
    let timestamp = 1000 + log.log_end().0;
    log.append_as_leader(&batch(records, timestamp, None), LeaderEpoch(epoch), disk).unwrap()
}

/// Asks for a sync and ends whatever is pending well.
fn flush(log: &mut Log, disk: &mut TestDisk) {
    log.sync(disk);
    while let Some(sync) = disk.complete_next() {
        log.on_synced(sync, Ok(()));
    }
    assert_eq!(log.durable_end(), log.log_end());
}

/// Every batch of the log, read through its front door.
fn contents(log: &Log, disk: &mut TestDisk) -> Vec<Batch> {
    let mut all = Vec::new();
    let mut from = log.log_start();
    while from < log.log_end() {
        let bytes = log.read(from, log.log_end(), 1, disk).unwrap();
        let next: Vec<_> = batches(bytes).map(Result::unwrap).collect();
        from = next.last().expect("there is more").next_offset();
        all.extend(next);
    }
    all
}

/// The tables as a checker would fold them.
fn fold(batches: &[Batch]) -> (EpochCache, ProducerTable) {
    let (mut epochs, mut producers) = (EpochCache::new(), ProducerTable::new());
    for batch in batches {
        epochs.apply(batch.leader_epoch().unwrap(), batch.base_offset());
        producers.apply(batch.header(), batch.bytes());
    }
    (epochs, producers)
}

fn lose_all(disk: &mut TestDisk) {
    disk.power_loss(PowerLoss::LosesAllUnsynced, &mut |_| 0);
}
