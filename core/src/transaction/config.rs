//! Settings of a transaction coordinator, with the names that Kafka has for them.

use crate::coordinator::LoadConfig;
use crate::time::Span;

/// The internal topic that holds transactional ids. Whoever sets a cluster up creates it like any topic; the name
/// makes it internal: producers are refused.
pub const TRANSACTIONS_TOPIC: &str = "__transaction_state";

/// Settings of a broker's transaction coordinators.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TransactionConfig {
    /// `transaction.max.timeout.ms`.
    pub timeout_max: Span,
    /// `transactional.id.expiration.ms`: an id without a transaction is forgotten after that.
    pub expiration: Span,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`.
    pub expiration_check: Span,
    /// How long a write may take before the asker is told that it failed; Kafka takes the request time-out.
    pub write_timeout: Span,
    /// After so long a refused marker is sent again.
    pub marker_backoff: Span,
    /// After so long a marker without an answer is sent again.
    pub marker_timeout: Span,
    /// How it begins and ends; `transaction.state.log.load.buffer.size` is its bytes.
    pub load: LoadConfig,
}

impl Default for TransactionConfig {
    fn default() -> Self {
        Self {
            timeout_max: Span::from_secs(900),
            expiration: Span::from_secs(7 * 24 * 3_600),
            expiration_check: Span::from_secs(3_600),
            write_timeout: Span::from_secs(5),
            marker_backoff: Span::from_millis(100),
            marker_timeout: Span::from_secs(2),
            load: LoadConfig::default(),
        }
    }
}
