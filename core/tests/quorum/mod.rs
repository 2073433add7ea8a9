//! The consensus under test: conversations between a few voters, and random schedules.

mod conversations;
mod ghost;
mod schedules;
mod voter;
