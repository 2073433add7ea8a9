//! The settings of scaling: those of groups, with prices, and calm values that are meant for measuring.
//!
//! A storm draws small worlds, as everywhere. The calm values are what a curve is measured with: Kafka's defaults
//! where these are not about waiting for what never fails here.

use squall_core::time::Span;
use squall_sim::knob::{Knob, Unit};
use squall_sim::settings::Settings;

use crate::cluster::Costs;
use crate::consumer_group::settings as group;
use crate::table::{calm, joined, row, with};

use Unit::{Count, Micros, Millis};

const COSTS: &[Knob] = &[
    row(
        "cost.message",
        Micros,
        100,
        (0, 200),
        (0, 1_000_000),
        "how long a message that it takes in keeps a broker or a member busy",
    ),
    row(
        "cost.kilobyte",
        Micros,
        100,
        (0, 100),
        (0, 1_000_000),
        "how long 1,024 bytes that it takes in, sends or writes keep a broker or a member busy",
    ),
    row(
        "cost.assign",
        Micros,
        20,
        (0, 2_000),
        (0, 1_000_000),
        "how long a group's leader is busy for each member among whom it divides partitions",
    ),
    row("run.storm", Millis, 10_000, (4_000, 12_000), (0, 86_400_000), "how long faults are injected"),
];

/// One group is enough: what grows is its members and what they read.
const SIZES: &[Knob] = &[
    row("topic.partitions", Count, 10, (1, 8), (1, 1_000), "partitions of the topic"),
    row("group.groups", Count, 1, (1, 1), (0, 50), "groups; each reads everything"),
    row("group.members", Count, 10, (1, 8), (1, 10_000), "members of each group"),
];

/// What a curve is measured with.
const CALM: &[(&str, u64)] = &[
    ("broker.heartbeat", 1_000),
    ("broker.metadata_wait", 500),
    ("broker.session", 9_000),
    ("broker.housekeeping", 30_000),
    ("client.batch_bytes", 16_384),
    ("client.delivery_timeout", 120_000),
    ("client.fetch_bytes", 1 << 20),
    ("client.fetch_wait", 500),
    ("client.metadata_max_age", 300_000),
    ("client.producers", 4),
    ("client.request_timeout", 30_000),
    ("controller.snapshot_every", 10_000),
    ("group.auto_commit", 5_000),
    ("group.heartbeat", 500),
    ("group.max_poll", 300_000),
    ("group.session", 10_000),
    ("group.work", 1_000),
    ("group.write_timeout", 5_000),
    ("log.index_bytes", 4_096),
    ("log.max_batch_bytes", 1 << 20),
    ("log.segment_bytes", 16 << 20),
    ("quorum.batch_bytes", 1 << 20),
    ("replica.fetch_bytes", 1 << 20),
    ("replica.fetch_wait", 500),
    ("replica.lag_max", 30_000),
    ("replica.request_timeout", 30_000),
    ("workload.records", 20_000),
];

pub(super) const ROWS: usize = group::ROWS + COSTS.len();

pub(super) static KNOBS: [Knob; ROWS] = calm(with(joined(&group::TABLE, COSTS), SIZES), CALM);

/// What work costs.
pub(super) fn costs(settings: &Settings) -> Costs {
    let micros = |key| Span::from_micros(settings.get(key));
    Costs {
        message: micros("cost.message"),
        kilobyte: micros("cost.kilobyte"),
        assign: micros("cost.assign"),
    }
}
