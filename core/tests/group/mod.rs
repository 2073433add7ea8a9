//! Coordinators under test: conversations between members and a few brokers.
//!
//! The brokers are real; the controller is scripted, and so are the members.

mod conversations;
mod orders;
mod schedules;
mod text;
