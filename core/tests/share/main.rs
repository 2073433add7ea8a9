//! Leaders of share-partitions under test: conversations between workers, people and a few brokers.
//!
//! The brokers are real; the controller is scripted, and so are the workers.

#[path = "../support/mod.rs"]
mod support;

#[path = "../partition/world.rs"]
#[allow(dead_code, reason = "what replicas alone need is not used here")]
mod world;

mod conversations;
mod text;
