//! What a run keeps in memory, before it happens: a run takes less than [`LIMIT`], whatever its length.
//!
//! Virtual time costs nothing: an hour takes what six take. Records do: the plan and its producers' scripts hold
//! each, the observer remembers what its sender was told, and the simulated disks are memory. What
//! settings would take more is refused with what to change, instead of a machine that begins to swap.
//! The factors were measured with `benches/examples/long_run.rs` and lie above what it showed.

use squall_sim::settings::Settings;

use crate::replicated_log::budget;

/// The most that a run may take, in bytes.
const LIMIT: u64 = 64 << 20;

/// An empty world, its trace and its buffers.
const BASE: u64 = 4 << 20;

/// A record in the plan, in a script, among the keys, and in what was told about it.
const RECORD: u64 = 110;

/// What a batch of one record adds to its value: Kafka's header and varints, the observer's note of each copy.
const BATCH: u64 = 90;

/// Disks keep what is in the cache and what is synced, in buffers that grow by doubling.
const DISK: u64 = 2;

/// Where retention works, many small files come and go, and the observer keeps what a power loss may bring back.
const RETAINED: u64 = 5;

/// Refuses what would take more memory than a run may, in one line.
pub(super) fn check(settings: &Settings) -> Result<(), String> {
    let estimate = estimate(settings);
    if estimate <= LIMIT {
        return Ok(());
    }
    Err(format!(
        "client.producers = {}, workload.records = {} and workload.bytes = {} would take about {} MiB of memory, and a \
         run may take {}: lower one of them, or let the logs delete with log.retention_bytes",
        settings.get("client.producers"),
        settings.get("workload.records"),
        settings.get("workload.bytes"),
        estimate >> 20,
        LIMIT >> 20,
    ))
}

/// In bytes, rather too many than too few.
fn estimate(settings: &Settings) -> u64 {
    let records = settings.get("client.producers").saturating_mul(settings.get("workload.records"));
    let copies = budget::replication(settings);
    let mean = u64::midpoint(settings.get("workload.bytes"), 8) + BATCH;
    let everything = records.saturating_mul(mean).saturating_mul(copies).saturating_mul(DISK);
    let kept = match settings.get("log.retention_bytes") {
        0 => everything,
        bytes => {
            let log = bytes.saturating_add(settings.get("log.segment_bytes"));
            let logs = settings.get("topic.partitions") * copies;
            log.saturating_mul(logs).saturating_mul(RETAINED).min(everything)
        }
    };
    BASE.saturating_add(records.saturating_mul(RECORD)).saturating_add(kept)
}

#[cfg(test)]
mod tests {
    use squall_sim::knob;
    use squall_sim::run::{Scenario, draw_settings};
    use squall_sim::seed::Seed;
    use squall_sim::settings::Overrides;

    use super::*;
    use crate::replicated_log::ReplicatedLog;

    fn with(changes: &[&str]) -> Result<Settings, String> {
        let mut overrides = Overrides::default();
        for pair in changes {
            overrides.set(pair, &knob::table(ReplicatedLog.knobs())).unwrap();
        }
        draw_settings(&ReplicatedLog, Seed(3), &overrides)
    }

    #[test]
    fn what_would_not_fit_is_refused_with_what_to_change() {
        let refused = with(&["workload.records=1000000", "client.producers=2"]).unwrap_err();
        assert!(refused.contains("log.retention_bytes") && refused.contains("MiB"), "{refused}");
        with(&[
            "workload.records=10000",
            "workload.bytes=2000",
            "client.producers=2",
            "log.retention_bytes=0",
        ])
        .unwrap_err();
    }

    #[test]
    fn a_long_run_of_many_records_is_taken_where_logs_delete() {
        let long = ["workload.records=200000", "client.producers=2", "run.storm=3600000"];
        let settings = with(&[&long[..], &["log.retention_bytes=20000"]].concat()).unwrap();
        assert!(estimate(&settings) > 40 << 20, "records are counted even where logs are short");
    }

    #[test]
    fn the_largest_settings_are_refused_and_do_not_overflow() {
        with(&[
            "workload.records=1000000",
            "workload.bytes=1048576",
            "client.producers=100",
            "topic.partitions=64",
            "log.retention_bytes=1099511627776",
        ])
        .unwrap_err();
    }
}
