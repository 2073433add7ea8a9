//! What coordinators of groups and of transactions share: they live on the leaders of an internal topic's
//! partitions, and what they know is the fold of those.
//!
//! Deliberately absent: what is folded.

pub(crate) mod bytes;
pub mod ledger;
pub(crate) mod load;
pub mod place;

pub use load::Phase;
