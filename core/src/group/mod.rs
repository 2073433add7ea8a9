//! Consumer groups in Kafka's classic protocol.
//!
//! Holds so far: what members and coordinators say to each other, and the facts about groups.
//! A coordinator hands subscriptions and assignments on as they are; only members know what they mean.

pub mod message;
pub mod probe;
