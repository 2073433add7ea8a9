//! What coordinators of groups, of transactions and of share-partitions have in common: they live on the leaders of
//! an internal topic's partitions, and what they know is what those say.
//!
//! | file | holds |
//! |---|---|
//! | `place` | which partition, and so which broker, a name belongs to |
//! | `reigns`, `tenure` | who coordinates a partition's names, since when; how that begins and ends |
//! | `ledger` | what coordinators of groups and of transactions write, and what follows |
//! | `bytes` | values as bytes |
//!
//! Deliberately absent: what is read and written.

pub(crate) mod bytes;
pub mod ledger;
pub mod place;
pub(crate) mod reigns;
mod tenure;

pub(crate) use tenure::Timers;
pub use tenure::{LoadConfig, Phase, Tenure};

use crate::ids::CorrelationId;

/// Whether `asked` is `known`, or an earlier request of the same process: its numbers only grow, and start at a
/// random place of 2⁶⁴.
pub(crate) const fn is_not_later(asked: CorrelationId, known: CorrelationId) -> bool {
    known.0.wrapping_sub(asked.0) < 1 << 32
}
