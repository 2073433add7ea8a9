//! Settings of a replica, with the names that Kafka has for them.

use crate::log::LogConfig;
use crate::quirk::Quirks;
use crate::time::Span;

/// When written batches are made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flush {
    /// Left to the operating system, as Kafka does: replication is the durability.
    Never,
    /// Every batch is durable before anybody hears of it: before an ack, before a follower claims it.
    EveryBatch,
}

/// Settings of every replica of a broker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReplicaConfig {
    /// `replica.lag.time.max.ms`: a follower that has not caught up for so long leaves the ISR.
    pub lag_max: Span,
    /// `replica.fetch.wait.max.ms`: how long a leader holds an empty fetch.
    pub fetch_wait: Span,
    /// `replica.fetch.max.bytes`.
    pub fetch_bytes: u32,
    /// `replica.fetch.backoff.ms`: after a refusal.
    pub fetch_backoff: Span,
    /// How long a follower waits for an answer beyond `fetch_wait`, and a leader for the controller's.
    pub request_timeout: Span,
    /// `flush.messages`: either 1 or never.
    pub flush: Flush,
    /// `message.max.bytes`: the largest batch taken.
    pub max_batch_bytes: u32,
    /// Of the log.
    pub log: LogConfig,
    /// Defects on purpose.
    pub quirks: Quirks,
}
