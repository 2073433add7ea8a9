//! Settings of the leaders of share-partitions, with the names that Kafka has for them.

use crate::client::ProducerConfig;
use crate::coordinator::LoadConfig;
use crate::time::Span;

/// The internal topic that holds what became of each record. Whoever sets a cluster up creates it like any topic.
pub const STATE_TOPIC: &str = "__share_group_state";

/// Settings of a broker's share-partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareConfig {
    /// `share.record.lock.duration.ms`.
    pub lock: Span,
    /// `share.delivery.count.limit`. Kafka's default is 5; here 10, as the texts have it.
    pub delivery_limit: u32,
    /// `share.partition.max.record.locks`: so many records may be neither untouched nor done.
    pub max_in_flight: usize,
    /// At most so many deliveries in any span of this length, to each group from each partition; `None`: as fast
    /// as they are taken. Not Kafka's, whose quotas are on bytes.
    pub pace: Option<(u32, Span)>,
    /// `errors.deadletterqueue.topic.name` (KIP-1191); `None`: what is given up is kept apart, and that is all.
    pub dead_letters: Option<DeadLetters>,
    /// `share.coordinator.write.timeout.ms`: how long a write may take before the asker is told that it failed.
    pub write_timeout: Span,
    /// How it begins and ends; `share.coordinator.load.buffer.size` is its bytes.
    pub load: LoadConfig,
    /// How often the leader of a partition is asked how far it is committed while somebody waits for records.
    pub look_every: Span,
}

/// Where letters go, and how they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    /// The topic.
    pub topic: String,
    /// How a broker produces to it.
    pub producer: ProducerConfig,
}

impl Default for ShareConfig {
    fn default() -> Self {
        Self {
            lock: Span::from_secs(30),
            delivery_limit: 10,
            max_in_flight: 2_000,
            pace: None,
            dead_letters: None,
            write_timeout: Span::from_secs(5),
            load: LoadConfig::default(),
            look_every: Span::from_millis(100),
        }
    }
}
