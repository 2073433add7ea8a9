//! Settings of a coordinator, with the names that Kafka has for them.

use crate::coordinator::LoadConfig;
use crate::time::Span;

/// The internal topic that holds groups and their offsets. Whoever sets a cluster up creates it like any topic;
/// the name makes it internal: producers are refused.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// Settings of a broker's coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupConfig {
    /// `group.min.session.timeout.ms`.
    pub session_min: Span,
    /// `group.max.session.timeout.ms`.
    pub session_max: Span,
    /// `group.initial.rebalance.delay.ms`: how long an empty group waits for more members (KIP-134).
    pub initial_delay: Span,
    /// `group.max.size`.
    pub max_size: usize,
    /// How long a new member may wait in a rebalance before it is given up; Kafka has five minutes built in.
    pub new_member_timeout: Span,
    /// `offset.metadata.max.bytes`.
    pub metadata_max: usize,
    /// `offsets.commit.timeout.ms`: how long a write may take before the asker is told that it failed.
    pub write_timeout: Span,
    /// `offsets.retention.minutes`: an empty group's offsets are forgotten after that.
    pub retention: Span,
    /// `offsets.retention.check.interval.ms`.
    pub retention_check: Span,
    /// How it begins and ends; `offsets.load.buffer.size` is its bytes.
    pub load: LoadConfig,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            session_min: Span::from_secs(6),
            session_max: Span::from_secs(1_800),
            initial_delay: Span::from_secs(3),
            max_size: usize::MAX,
            new_member_timeout: Span::from_secs(300),
            metadata_max: 4_096,
            write_timeout: Span::from_secs(5),
            retention: Span::from_secs(7 * 24 * 3_600),
            retention_check: Span::from_secs(600),
            load: LoadConfig::default(),
        }
    }
}
