//! What clients do, drawn from a seed.

use squall_sim::plan::Operation;
use squall_sim::seed::{Rng, Seed, Stream};
use squall_sim::settings::Settings;

use crate::cluster;
use crate::replicated_log::{Op, PlannedAcks};
use crate::workload::quiet;

/// One in so many records of a compacted topic is a tombstone.
const TOMBSTONES: u64 = 6;

/// Before that, the cluster elects a controller and makes the topic.
pub(crate) const BEGIN: u64 = 500_000_000;

/// Everything that producers do, in order of time.
pub(super) fn operations(seed: Seed, settings: &Settings) -> Vec<Operation<Op>> {
    let mut rng = seed.stream(Stream::Workload);
    let storm = settings.get("run.storm") * 1_000_000;
    let quiet = quiet::windows(seed, settings, storm);
    let mut operations = Vec::new();
    for client in 0..settings.get("client.producers") as u32 {
        operations.push(Operation { at: 0, client, op: kind(&mut rng) });
        let keyed = rng.below(3);
        let mut times = times(&mut rng, settings.get("workload.records"), storm);
        for at in &mut times {
            *at = quiet::after(&quiet, *at);
        }
        times.sort_unstable();
        for at in times {
            // None, all, or some of a producer's records have keys: those without take turns in between.
            let has_key = keyed == 0 || (keyed == 1 && rng.below(2) == 0);
            let key = has_key.then(|| rng.below(settings.get("client.keys")) as u32);
            let bytes = rng.in_range(8, settings.get("workload.bytes")) as u32;
            operations.push(Operation { at, client, op: Op::Send { key, bytes } });
        }
    }
    operations.sort_by_key(|operation| operation.at);
    if cluster::cleanup(settings).compacts() {
        give_keys(&mut operations, seed, settings);
    }
    operations
}

/// For a compacted topic every record needs a key, and some say that there is no value any more. Drawn apart, so
/// that a seed means the same otherwise.
fn give_keys(operations: &mut [Operation<Op>], seed: Seed, settings: &Settings) {
    let mut rng = seed.stream(Stream::User("compaction"));
    let keys = settings.get("client.keys");
    for operation in operations {
        if let Op::Send { key, bytes } = &mut operation.op {
            let drawn = rng.below(keys) as u32;
            key.get_or_insert(drawn);
            if rng.below(TOMBSTONES) == 0 {
                *bytes = 0;
            }
        }
    }
}

/// Half of the producers are idempotent: that is what most people should use.
fn kind(rng: &mut Rng) -> Op {
    match rng.below(8) {
        0 => Op::Produce { acks: PlannedAcks::None, idempotent: false },
        1 => Op::Produce { acks: PlannedAcks::Leader, idempotent: false },
        2 | 3 => Op::Produce { acks: PlannedAcks::All, idempotent: false },
        _ => Op::Produce { acks: PlannedAcks::All, idempotent: true },
    }
}

/// Some records in bursts, some alone: one record at a time never fills a pipeline.
pub(crate) fn times(rng: &mut Rng, records: u64, storm: u64) -> Vec<u64> {
    let mut times = Vec::with_capacity(records as usize);
    let from = BEGIN.min(storm);
    while (times.len() as u64) < records {
        let at = rng.in_range(from, storm);
        let together = if rng.below(4) == 0 { rng.in_range(2, 20) } else { 1 };
        for _ in 0..together.min(records - times.len() as u64) {
            times.push(at + rng.below(3_000_000));
        }
    }
    times
}
