//! The contract: what the settings promise, and so which losses, duplicates, disorder and stalls are permitted.
//!
//! | setting | promise | a lost record is a violation unless |
//! |---|---|---|
//! | acks=0 | none | always permitted, counted |
//! | acks=1 | the leader wrote it | it was never committed, and each copy was cut under a later leader or taken by a fault |
//! | acks=all | all of the ISR, and at least `min.insync.replicas`, wrote it | beyond the budget, faults took every copy; or an unclean election was allowed and happened after it |
//! | retention | records below the log start are gone | it lies below the furthest log start |
//! | idempotent producer | no duplicate, no disorder | disorder only where the promised copy was lost with permission |
//! | other producers | no duplicate without a cause | the request was sent again, or the network doubled messages |
//! | the controllers' log | decided once, for ever | beyond the budget, wipes made voters forget |
//!
//! Evidence comes from the ghost ([`crate::ghost::copies`]); a [`Permit`] names the copy that it is about, and
//! a violation carries the whole chain. Nothing here runs before something is missing.
//! Deliberately absent: faults' plans. A fault counts only once it struck a disk.

pub mod order;
pub mod record;
pub mod stall;
#[cfg(test)]
mod tests;

use squall_core::ids::{LeaderEpoch, Offset};

use crate::checks::Permitted;

/// Something that went wrong and may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    /// What, and why it may.
    pub what: Permitted,
    /// How often.
    pub times: u8,
    /// The copy that is gone: its epoch and offset.
    pub copy: Option<(LeaderEpoch, Offset)>,
}

impl Permit {
    /// One of a kind, about no copy in particular.
    pub const fn of(what: Permitted) -> Self {
        Self { what, times: 1, copy: None }
    }
}
