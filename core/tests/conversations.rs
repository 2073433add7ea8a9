//! State machines under test: conversations in text files, and random schedules of messages, failures and clocks.
//!
//! One crate for all, so that the bench and the worlds that they share are compiled once.

mod group;
mod member;
mod partition;
mod quorum;
mod share;
mod support;
mod transaction;
mod transactional;
