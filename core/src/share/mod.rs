//! Share groups after KIP-932: a queue on top of a partition, acknowledged record by record.

pub mod config;
pub mod message;
pub mod probe;
