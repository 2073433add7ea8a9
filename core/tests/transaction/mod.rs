//! Transaction coordinators under test: conversations between producers and a few brokers.
//!
//! The brokers are real; the controller is scripted, and so are the producers.

mod conversations;
mod orders;
mod schedules;
mod text;
