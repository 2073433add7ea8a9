//! Transactions (KIP-98, KIP-360, KIP-447, KIP-890): all records of one, in however many partitions, or none.
//!
//! Holds: what producers, leaders and coordinators say to each other, the facts they report, and the states of a
//! transactional id.
//! Deliberately absent: two-phase commit with others (KIP-939).

pub mod message;
pub mod probe;
pub mod state;
