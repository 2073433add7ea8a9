//! The consensus under test: conversations between a few voters, and random schedules.

#[path = "../support/mod.rs"]
mod support;

mod conversations;
mod ghost;
mod schedules;
mod voter;
