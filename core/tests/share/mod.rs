//! Leaders of share-partitions under test: conversations between workers, people and a few brokers.
//!
//! The brokers are real; the controller is scripted, and so are the workers.

mod conversations;
mod text;
