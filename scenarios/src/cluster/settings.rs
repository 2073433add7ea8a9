//! A cluster's settings: one table, and how its rows become core's configurations.
//!
//! Ranges of a storm are small on purpose: tiny segments, short time-outs and few records make edges come
//! soon, and a seed cost little.

use squall_core::broker::BrokerConfig;
use squall_core::controller::ControllerConfig;
use squall_core::group::config::GroupConfig;
use squall_core::ids::BrokerId;
use squall_core::log::{CleanConfig, CleanupPolicy, LogConfig};
use squall_core::partition::{Flush, ReplicaConfig};
use squall_core::quirk::Quirks;
use squall_core::quorum::QuorumConfig;
use squall_core::share::config::ShareConfig;
use squall_core::time::Span;
use squall_core::transaction::config::TransactionConfig;
use squall_sim::knob::{Knob, Unit};
use squall_sim::settings::Settings;

use crate::cluster::Layout;
use crate::table::row;

use Unit::{Bytes, Count, Millis, PerMille, Switch};

/// The rows that every scenario with a cluster has.
pub const KNOBS: &[Knob] = &[
    row(
        "check.invariants",
        Switch,
        1,
        (1, 1),
        (0, 1),
        "the observer's invariants (W-) judge too; without them what clients saw decides alone",
    ),
    row("cluster.brokers", Count, 3, (3, 5), (1, 9), "brokers"),
    row(
        "cluster.controllers",
        Count,
        3,
        (1, 5),
        (1, 5),
        "voters of the controller quorum, rounded up to an odd number",
    ),
    row("topic.partitions", Count, 2, (1, 4), (1, 64), "partitions of the topic"),
    row("topic.replication", Count, 3, (2, 5), (1, 9), "replicas of a partition; at most one a broker"),
    row("topic.min_isr", Count, 2, (1, 3), (1, 9), "min.insync.replicas; at most the replication"),
    row("topic.unclean", Switch, 0, (0, 0), (0, 1), "unclean.leader.election.enable"),
    row(
        "log.flush",
        Switch,
        0,
        (0, 1),
        (0, 1),
        "every batch is durable before it is answered or fetched further; otherwise the operating system decides",
    ),
    row("log.segment_bytes", Bytes, 4_096, (512, 16_384), (256, 1 << 30), "a segment rolls at this size"),
    row("log.index_bytes", Bytes, 512, (128, 2_048), (1, 1 << 20), "one index entry for so many bytes"),
    row(
        "log.retention_bytes",
        Bytes,
        0,
        // A log of a storm has a few ten thousand bytes: about half of the seeds delete nothing.
        (0, 40_000),
        (0, 1 << 40),
        "log.retention.bytes of a partition; 0 keeps everything",
    ),
    row("log.retention", Millis, 0, (0, 60_000), (0, 1 << 40), "log.retention.ms; 0 keeps everything"),
    row("log.max_batch_bytes", Bytes, 65_536, (65_536, 65_536), (128, 1 << 24), "message.max.bytes"),
    row("replica.lag_max", Millis, 1_000, (300, 3_000), (10, 600_000), "replica.lag.time.max.ms"),
    row("replica.fetch_wait", Millis, 200, (20, 400), (0, 60_000), "replica.fetch.wait.max.ms"),
    row("replica.fetch_bytes", Bytes, 8_192, (256, 16_384), (1, 1 << 24), "replica.fetch.max.bytes"),
    row("replica.fetch_backoff", Millis, 50, (5, 100), (1, 60_000), "replica.fetch.backoff.ms"),
    row(
        "replica.request_timeout",
        Millis,
        200,
        (50, 500),
        (1, 60_000),
        "how long a broker waits for an answer before it asks again",
    ),
    row("broker.heartbeat", Millis, 100, (50, 200), (1, 60_000), "broker.heartbeat.interval.ms"),
    row("broker.session", Millis, 800, (300, 2_000), (10, 600_000), "broker.session.timeout.ms"),
    row(
        "broker.metadata_wait",
        Millis,
        300,
        (100, 500),
        (0, 60_000),
        "how long a controller holds an empty metadata fetch",
    ),
    row(
        "broker.housekeeping",
        Millis,
        500,
        (200, 2_000),
        (10, 600_000),
        "log.retention.check.interval.ms; unsynced data is written back as often",
    ),
    row(
        "quorum.election",
        Millis,
        300,
        (150, 600),
        (10, 60_000),
        "the shortest election time-out; the longest is twice that",
    ),
    row("quorum.heartbeat", Millis, 60, (20, 60), (1, 60_000), "how often a quorum leader shows itself"),
    row(
        "quorum.batch_bytes",
        Bytes,
        4_096,
        (256, 8_192),
        (1, 1 << 24),
        "the most entries one append carries",
    ),
    row(
        "controller.snapshot_every",
        Count,
        100,
        (10, 200),
        (1, 1 << 20),
        "metadata records between two snapshots",
    ),
    row("controller.producer_ids", Count, 10, (1, 10), (1, 1_000), "producer ids in a block"),
    row("topic.compact", Count, 0, (0, 0), (0, 2), "cleanup.policy: 0 deletes, 1 compacts, 2 does both"),
    row(
        "log.clean_dirty",
        PerMille,
        500,
        (0, 500),
        (0, 1_000),
        "min.cleanable.dirty.ratio: what share is dirty before it is compacted",
    ),
    row("log.clean_lag", Millis, 0, (0, 2_000), (0, 1 << 40), "min.compaction.lag.ms"),
    row(
        "log.delete_retention",
        Millis,
        86_400_000,
        (0, 10_000),
        (0, 1 << 40),
        "delete.retention.ms: how long tombstones stay after they were first compacted",
    ),
    row(
        "log.dedupe_bytes",
        Bytes,
        1 << 20,
        (256, 16_384),
        (1, 1 << 30),
        "log.cleaner.dedupe.buffer.size: what one pass of compaction keeps in memory",
    ),
];

/// The time that a setting in milliseconds says.
pub(crate) fn millis(settings: &Settings, key: &str) -> Span {
    Span::from_millis(settings.get(key))
}

/// The time-outs that decide who counts as alive, and how long an answer is waited for.
pub fn timeouts(settings: &Settings) -> Vec<Span> {
    let keys = ["quorum.election", "broker.session", "replica.lag_max", "replica.request_timeout"];
    keys.map(|key| millis(settings, key)).to_vec()
}

/// Who lives where.
pub fn layout(settings: &Settings) -> Layout {
    // A quorum of two or four survives no more than one of one or three.
    let controllers = settings.get("cluster.controllers") | 1;
    Layout { brokers: settings.get("cluster.brokers") as u32, controllers: controllers as u32 }
}

/// The slowest way to another node and back, while nothing is broken.
pub fn round_trip(settings: &Settings) -> Span {
    Span::from_micros(settings.get("net.latency") + settings.get("net.jitter")).times(2)
}

/// The slowest sync, while nothing is broken.
fn sync(settings: &Settings) -> Span {
    Span::from_micros(settings.get("disk.sync") + settings.get("disk.sync_jitter"))
}

/// The slowest sync that a batch waits for: where batches are not flushed it waits for none.
pub fn flush(settings: &Settings) -> Span {
    if settings.is_on("log.flush") { sync(settings) } else { Span::ZERO }
}

/// Refuses settings that contradict each other; one line that names the keys.
///
/// What must come in time has to have the time: a wait that a healthy network and disk exceed makes a
/// cluster that never rests, and no fault is needed for it.
pub fn check(settings: &Settings) -> Result<(), String> {
    let (round_trip, sync) = (round_trip(settings), sync(settings));
    let below = |key: &str, slack: Span, limit: &str| {
        let (wait, limit_span) = (millis(settings, key), millis(settings, limit));
        if wait + slack < limit_span {
            return Ok(());
        }
        Err(format!(
            "{key} ({} ms) must be below {limit} ({} ms) by more than {} us, a round trip and the syncs in it",
            wait.as_millis(),
            limit_span.as_millis(),
            slack.0 / 1_000
        ))
    };
    below("quorum.heartbeat", round_trip + sync, "quorum.election")?;
    below("broker.heartbeat", round_trip, "broker.session")?;
    below("replica.fetch_wait", round_trip + sync, "replica.lag_max")?;
    let timeout = millis(settings, "replica.request_timeout");
    if timeout <= round_trip {
        return Err(format!(
            "replica.request_timeout ({} ms) must be above a round trip ({} us)",
            timeout.as_millis(),
            round_trip.0 / 1_000
        ));
    }
    Ok(())
}

/// What becomes of the topic's old records.
pub fn cleanup(settings: &Settings) -> CleanupPolicy {
    match settings.get("topic.compact") {
        0 => CleanupPolicy::Delete,
        1 => CleanupPolicy::Compact,
        _ => CleanupPolicy::CompactAndDelete,
    }
}

/// `None` for 0.
fn unless_zero(value: u64) -> Option<u64> {
    (value != 0).then_some(value)
}

fn log_config(settings: &Settings) -> LogConfig {
    LogConfig {
        segment_bytes: settings.get("log.segment_bytes"),
        index_interval_bytes: settings.get("log.index_bytes"),
        retention_bytes: unless_zero(settings.get("log.retention_bytes")),
        retention: unless_zero(settings.get("log.retention")).map(Span::from_millis),
        cleanup: CleanupPolicy::Delete,
        clean: CleanConfig {
            dirty_per_mille: settings.get("log.clean_dirty"),
            min_lag: millis(settings, "log.clean_lag"),
            delete_retention: millis(settings, "log.delete_retention"),
            dedupe_bytes: settings.get("log.dedupe_bytes") as usize,
        },
    }
}

/// A broker's configuration.
pub fn broker_config(settings: &Settings, layout: Layout, id: BrokerId, quirks: Quirks) -> BrokerConfig {
    BrokerConfig {
        id,
        controllers: layout.controller_nodes(),
        heartbeat: millis(settings, "broker.heartbeat"),
        request_timeout: millis(settings, "replica.request_timeout"),
        metadata_wait: millis(settings, "broker.metadata_wait"),
        housekeeping: millis(settings, "broker.housekeeping"),
        replica: ReplicaConfig {
            lag_max: millis(settings, "replica.lag_max"),
            fetch_wait: millis(settings, "replica.fetch_wait"),
            fetch_bytes: settings.get("replica.fetch_bytes") as u32,
            fetch_backoff: millis(settings, "replica.fetch_backoff"),
            request_timeout: millis(settings, "replica.request_timeout"),
            flush: if settings.is_on("log.flush") { Flush::EveryBatch } else { Flush::Never },
            max_batch_bytes: settings.get("log.max_batch_bytes") as u32,
            log: log_config(settings),
            quirks,
        },
        groups: GroupConfig::default(),
        transactions: TransactionConfig::default(),
        shares: ShareConfig::default(),
    }
}

/// A controller's configuration.
pub fn controller_config(settings: &Settings, layout: Layout, quirks: Quirks) -> ControllerConfig {
    let election = millis(settings, "quorum.election");
    ControllerConfig {
        quorum: QuorumConfig {
            voters: layout.controller_nodes(),
            election_min: election,
            election_max: election.times(2),
            heartbeat: millis(settings, "quorum.heartbeat"),
            max_batch_bytes: settings.get("quorum.batch_bytes") as usize,
            log: LogConfig { retention_bytes: None, retention: None, ..log_config(settings) },
            quirks,
        },
        session: millis(settings, "broker.session"),
        sweep: Span(millis(settings, "broker.session").0 / 4),
        snapshot_every: settings.get("controller.snapshot_every"),
        producer_id_block: settings.get("controller.producer_ids") as u32,
        quirks,
    }
}
