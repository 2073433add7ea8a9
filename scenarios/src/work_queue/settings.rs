//! The settings of share groups: one table, and what its rows mean to workers, people and brokers.

use std::sync::Arc;

use squall_core::client::{ProducerConfig, WorkerConfig};
use squall_core::coordinator::LoadConfig;
use squall_core::ids::GroupId;
use squall_core::message::Acks;
use squall_core::share::config::{DeadLetters, ShareConfig};
use squall_core::time::Span;
use squall_sim::knob::{Knob, Unit};
use squall_sim::settings::Settings;

use crate::cluster::{Layout, millis};
use crate::replicated_log::clients as log;
use crate::table::{joined, row};
use crate::workload::{ShareStyle, TOPIC, Troubles};

use Unit::{Bytes, Count, Micros, Millis, PerMille, Switch};

/// Where letters go. KIP-1191 wants the prefix.
pub(super) const LETTERS: &str = "dlq.events";

const OWN: &[Knob] = &[
    row("share.groups", Count, 1, (1, 2), (0, 20), "share groups; each works everything"),
    row("share.workers", Count, 3, (1, 4), (1, 50), "workers of each share group"),
    row("share.state_partitions", Count, 1, (1, 3), (1, 64), "share.coordinator.state.topic.num.partitions"),
    row("share.letter_partitions", Count, 1, (1, 2), (1, 64), "partitions of the dead-letter topic"),
    row("share.lock", Millis, 1_000, (150, 2_000), (10, 600_000), "share.record.lock.duration.ms"),
    row("share.delivery_limit", Count, 10, (2, 10), (1, 1_000), "share.delivery.count.limit"),
    row("share.max_in_flight", Count, 50, (2, 60), (1, 100_000), "share.partition.max.record.locks"),
    row("share.paced", Switch, 0, (0, 1), (0, 1), "whether deliveries are paced"),
    row("share.pace", Count, 100, (5, 50), (1, 1_000_000), "so many deliveries at most in an interval"),
    row("share.pace_interval", Millis, 500, (50, 500), (1, 600_000), "that interval"),
    row("share.max_records", Count, 3, (1, 8), (1, 10_000), "max.poll.records of workers"),
    row("share.max_wait", Millis, 200, (20, 400), (0, 60_000), "fetch.max.wait.ms of workers"),
    row(
        "share.write_timeout",
        Millis,
        1_000,
        (300, 3_000),
        (10, 600_000),
        "share.coordinator.write.timeout.ms",
    ),
    row("share.load_bytes", Bytes, 4_096, (256, 8_192), (64, 1 << 24), "share.coordinator.load.buffer.size"),
    row("share.load_pause", Millis, 5, (0, 100), (0, 60_000), "how long a leader takes to load so much"),
    row(
        "share.unload_pause",
        Millis,
        5,
        (0, 500),
        (0, 60_000),
        "how long until an ended reign is cleared away",
    ),
    row("share.look", Millis, 50, (10, 200), (1, 60_000), "how often the end of a partition is asked for"),
    row("share.work", Micros, 2_000, (0, 40_000), (0, 10_000_000), "how long a worker takes for a record"),
    row(
        "share.poison",
        PerMille,
        50,
        (0, 150),
        (0, 1_000),
        "how many records can never be worked, or not yet",
    ),
    row("share.slow", PerMille, 30, (0, 100), (0, 1_000), "how many records take longer than a lock lasts"),
    row("share.put_backs", Count, 1, (0, 2), (0, 100), "how often a person puts a record back"),
    row(
        "share.letter_lies",
        Millis,
        300,
        (0, 1_500),
        (0, 600_000),
        "how long a letter lies until it is put back",
    ),
    row("share.looks", Count, 10, (0, 20), (0, 100_000), "how often a person looks at what is stuck"),
];

pub(super) static KNOBS: [Knob; log::KNOBS_WITH_GROUPS.len() + OWN.len()] =
    joined(&log::KNOBS_WITH_GROUPS, OWN);

/// Refuses settings under which no record is ever worked in time.
pub(super) fn check(settings: &Settings) -> Result<(), String> {
    let work = Span::from_micros(settings.get("share.work")).times(settings.get("share.max_records"));
    let lock = millis(settings, "share.lock");
    if work.times(2) <= lock {
        return Ok(());
    }
    Err(format!(
        "share.work ({} us) for share.max_records ({}) must take less than half of share.lock ({} ms)",
        settings.get("share.work"),
        settings.get("share.max_records"),
        lock.as_millis()
    ))
}

/// At most so many deliveries in an interval, if they are paced.
pub(super) fn pace(settings: &Settings) -> Option<(u32, Span)> {
    let pace = (settings.get("share.pace") as u32, millis(settings, "share.pace_interval"));
    settings.is_on("share.paced").then_some(pace)
}

/// The settings of whoever leads share-partitions.
pub(super) fn leader(settings: &Settings, layout: Layout) -> ShareConfig {
    let producer = ProducerConfig {
        acks: Acks::All,
        idempotent: true,
        linger: Span::ZERO,
        ..log::producer_config(settings, layout)
    };
    ShareConfig {
        lock: millis(settings, "share.lock"),
        delivery_limit: settings.get("share.delivery_limit") as u32,
        max_in_flight: settings.get("share.max_in_flight") as usize,
        pace: pace(settings),
        dead_letters: Some(DeadLetters { topic: LETTERS.to_owned(), producer }),
        write_timeout: millis(settings, "share.write_timeout"),
        load: LoadConfig {
            bytes: settings.get("share.load_bytes") as usize,
            pause: millis(settings, "share.load_pause"),
            unload_pause: millis(settings, "share.unload_pause"),
        },
        look_every: millis(settings, "share.look"),
    }
}

/// A worker of a group.
pub(super) fn worker(settings: &Settings, layout: Layout, group: GroupId) -> WorkerConfig {
    WorkerConfig {
        consumer: log::consumer_config(settings, layout),
        group,
        topic: TOPIC.into(),
        max_records: settings.get("share.max_records") as u32,
        max_wait: millis(settings, "share.max_wait"),
        metadata_max_age: millis(settings, "client.metadata_max_age"),
        give_up_after: millis(settings, "client.delivery_timeout"),
    }
}

/// How workers work.
pub(super) fn style(settings: &Settings, renews: bool, troubles: &Troubles) -> ShareStyle {
    let lock = millis(settings, "share.lock");
    ShareStyle {
        takes: Span::from_micros(settings.get("share.work")),
        slow: lock + Span(lock.0 / 2),
        renew_every: renews.then_some(Span(lock.0 / 3)),
        troubles: Arc::clone(troubles),
    }
}
