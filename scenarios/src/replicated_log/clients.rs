//! What the clients of a topic are made of, here and in every other scenario in which producers send what a plan
//! lists, and somebody reads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use squall_core::client::{ConsumerConfig, ProducerConfig, Reset};
use squall_core::ids::{TopicId, TopicPartition};
use squall_core::log::CleanupPolicy;
use squall_core::message::{Acks, CreateTopic, Isolation};
use squall_core::quirk::Quirks;
use squall_core::time::Span;
use squall_sim::knob::{Knob, Unit};
use squall_sim::settings::Settings;

use super::budget;
use crate::checks::{Audit, Expectations};
use crate::cluster::{self, Layout};
use crate::ghost::clients::Keys;
use crate::table::{joined, row, with};
use crate::workload::quiet;

use Unit::{Bytes, Count, Millis};

const CLIENTS: &[Knob] = &[
    row("client.producers", Count, 3, (1, 5), (0, 100), "producers"),
    row("client.keys", Count, 8, (1, 16), (1, 1_000_000), "different keys that keyed producers use"),
    row("client.linger", Millis, 5, (0, 30), (0, 60_000), "linger.ms"),
    row("client.batch_bytes", Bytes, 1_024, (128, 2_048), (1, 1 << 24), "batch.size"),
    row("client.in_flight", Count, 5, (1, 5), (1, 5), "max.in.flight.requests.per.connection, per partition"),
    row("client.request_timeout", Millis, 300, (100, 1_000), (1, 600_000), "request.timeout.ms"),
    row("client.delivery_timeout", Millis, 4_000, (1_000, 10_000), (1, 600_000), "delivery.timeout.ms"),
    row("client.retry_backoff", Millis, 30, (5, 100), (1, 60_000), "retry.backoff.ms"),
    row("client.metadata_max_age", Millis, 1_000, (300, 3_000), (1, 600_000), "metadata.max.age.ms"),
    row("client.fetch_wait", Millis, 200, (20, 400), (0, 60_000), "fetch.max.wait.ms of readers"),
    row(
        "client.fetch_bytes",
        Bytes,
        8_192,
        (256, 16_384),
        (1, 1 << 24),
        "max.partition.fetch.bytes of readers",
    ),
    row(
        "workload.records",
        Count,
        60,
        (10, 120),
        (0, 1_000_000),
        "records that each producer sends in the storm",
    ),
    row("workload.bytes", Bytes, 100, (8, 1_000), (8, 1 << 20), "the longest value"),
    quiet::KNOB,
];

/// The cluster's settings, and theirs.
pub(crate) const KNOBS: &[Knob] =
    &joined::<{ cluster::KNOBS.len() + CLIENTS.len() }>(cluster::KNOBS, CLIENTS);

/// Where groups read, records are kept: what retention deletes before a group has read it would be skipped, as it
/// should. There are fewer producers, as groups are clients too.
const KEPT: &[Knob] = &[
    row(
        "log.retention_bytes",
        Bytes,
        0,
        (0, 0),
        (0, 1 << 40),
        "log.retention.bytes of a partition; 0 keeps everything",
    ),
    row("log.retention", Millis, 0, (0, 0), (0, 1 << 40), "log.retention.ms; 0 keeps everything"),
    row("client.producers", Count, 2, (1, 3), (0, 100), "producers"),
];

/// The same where groups read.
pub(crate) const KNOBS_WITH_GROUPS: [Knob; KNOBS.len()] = with(joined(KNOBS, &[]), KEPT);

/// The topic's partitions. It is the first topic that is made.
pub(crate) fn partitions(settings: &Settings) -> impl Iterator<Item = TopicPartition> + use<> {
    let topic = TopicId(0);
    (0..settings.get("topic.partitions") as u32).map(move |partition| TopicPartition { topic, partition })
}

/// One of the topics that are made at the beginning; `partitions` is the setting that says how many it has.
pub(crate) fn topic(
    settings: &Settings,
    name: &str,
    partitions: &str,
    cleanup: CleanupPolicy,
) -> CreateTopic {
    CreateTopic {
        name: name.to_owned(),
        partitions: settings.get(partitions) as u32,
        replication: budget::replication(settings) as u32,
        min_isr: settings.get("topic.min_isr") as u32,
        unclean: settings.is_on("topic.unclean"),
        cleanup,
    }
}

/// The node that a client lives on, by the number that operations have for it. Whoever makes the topics stands before.
pub(crate) const fn client_node(layout: Layout, client: u32) -> u32 {
    layout.first_client().0 + 1 + client
}

/// The keys of what each producer sends, by its node: of each record, who sends it and its key.
pub(crate) fn keys(records: impl Iterator<Item = (u32, Option<u32>)>) -> Keys {
    let mut keys = BTreeMap::<u32, Vec<Option<u32>>>::new();
    for (sender, key) in records {
        keys.entry(sender).or_default().push(key);
    }
    Arc::new(keys)
}

/// That everything is there in the end; the scenario adds who sends what, and what else must be.
pub(crate) fn expectations(settings: &Settings, layout: Layout) -> Expectations {
    Expectations {
        audit: Some(audit(settings, layout, Isolation::ReadUncommitted, "topic.partitions")),
        keys: Keys::default(),
        flush: settings.is_on("log.flush"),
        beyond_budget: settings.is_on("fault.beyond_budget"),
        invariants: settings.is_on("check.invariants"),
        sometimes: &[],
        groups: Vec::new(),
        owned_within: None,
        witness: None,
        effects: None,
        effects_witness: None,
        queues: None,
    }
}

/// How a topic is read again in the end, which has so many partitions as the setting `partitions` says.
pub(crate) fn audit(settings: &Settings, layout: Layout, isolation: Isolation, partitions: &str) -> Audit {
    Audit {
        // It reads everything again in the calm: small fetches would take longer than that lasts.
        consumer: ConsumerConfig { max_bytes: 1 << 20, isolation, ..consumer_config(settings, layout) },
        partitions: settings.get(partitions) as u32,
    }
}

/// A producer with acks=all; its plan may make it another.
pub(crate) fn producer_config(settings: &Settings, layout: Layout) -> ProducerConfig {
    let millis = |key| Span::from_millis(settings.get(key));
    ProducerConfig {
        acks: Acks::All,
        idempotent: false,
        linger: millis("client.linger"),
        batch_bytes: settings.get("client.batch_bytes") as usize,
        max_in_flight: settings.get("client.in_flight") as usize,
        request_timeout: millis("client.request_timeout"),
        delivery_timeout: millis("client.delivery_timeout"),
        retry_backoff: millis("client.retry_backoff"),
        metadata_max_age: millis("client.metadata_max_age"),
        brokers: layout.broker_nodes(),
        quirks: Quirks::NONE,
        transactional: None,
    }
}

/// A consumer that begins at the start.
pub(crate) fn consumer_config(settings: &Settings, layout: Layout) -> ConsumerConfig {
    let millis = |key| Span::from_millis(settings.get(key));
    ConsumerConfig {
        brokers: layout.broker_nodes(),
        max_bytes: settings.get("client.fetch_bytes") as u32,
        max_wait: millis("client.fetch_wait"),
        request_timeout: millis("client.request_timeout"),
        retry_backoff: millis("client.retry_backoff"),
        isolation: Isolation::ReadUncommitted,
        reset: Reset::Earliest,
        quirks: Quirks::NONE,
    }
}
