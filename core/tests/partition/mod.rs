//! Replicas and brokers under test: conversations between a few brokers, and random schedules.
//!
//! The brokers are real; the controller is scripted, so that any order of its decisions can be had.

mod conversations;
mod orders;
mod schedules;
pub(crate) mod text;
pub(crate) mod world;
