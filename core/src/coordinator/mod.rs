//! What coordinators of groups and of transactions share: they live on the leaders of an internal topic's
//! partitions, and what they know is the fold of those.
//!
//! Deliberately absent: what is folded.

pub(crate) mod bytes;
pub mod ledger;
pub(crate) mod load;
pub mod place;

pub use load::Phase;

use crate::ids::CorrelationId;

/// Whether `asked` is `known`, or an earlier request of the same process: its numbers only grow, and start at a
/// random place of 2⁶⁴.
pub(crate) const fn is_not_later(asked: CorrelationId, known: CorrelationId) -> bool {
    known.0.wrapping_sub(asked.0) < 1 << 32
}
