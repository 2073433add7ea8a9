//! Scenarios, their checks and the command under test.

mod command;
mod contract;
mod determinism;
mod history;
mod moments;
mod narrate;
mod pinned;
mod plans;
mod quirks;
mod regressions;
mod report;
mod scaling;
mod scenarios;
