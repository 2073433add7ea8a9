//! What people read and aim at: a name and fields for every message, every fact and every node's state.
//!
//! Holds: the words that timelines, pages, stories and aimed faults share. A scenario gives them
//! ([`crate::run::Scenario::message_kind`] and its neighbours); whoever shows or matches something uses these
//! words and never the text of a `Debug`.
//! Deliberately absent: anything that decides what a run does.

use std::fmt::Debug;

/// Named values, in the order in which they read best. Offsets and epochs are plain numbers, sets are
/// written `[0, 2]`, times as `120ms`.
pub type Fields = Vec<(&'static str, String)>;

/// A kind of message or fact, as plans and timelines call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Its name, in words: `leader elected`.
    pub name: &'static str,
    /// The fields that one of it may have.
    pub fields: &'static [&'static str],
    /// One line on what it is.
    pub about: &'static str,
}

/// The one kind of message where a scenario tells none apart.
pub(crate) const ANY_MESSAGE: &[Kind] =
    &[Kind { name: "message", fields: &["content"], about: "anything that is sent" }];

/// The one kind of fact where a scenario tells none apart.
pub(crate) const ANY_FACT: &[Kind] =
    &[Kind { name: "fact", fields: &["content"], about: "anything that a process reports" }];

/// The fields where a scenario has no words of its own.
pub(crate) fn content(of: &impl Debug) -> Fields {
    vec![("content", format!("{of:?}"))]
}

/// The kind of this name, if there is one.
pub fn find(kinds: &'static [Kind], name: &str) -> Option<&'static Kind> {
    kinds.iter().find(|kind| kind.name == name)
}

/// Field names that mean the same wherever they are used: a page draws them.
pub mod field {
    /// Which partition, as the scenario writes it: `0-1`.
    pub const PARTITION: &str = "partition";
    /// Which group of consumers, by its name.
    pub const GROUP: &str = "group";
    /// A leader's, candidate's or producer's epoch: a whole number.
    pub const EPOCH: &str = "epoch";
    /// Where one record is.
    pub const OFFSET: &str = "offset";
    /// The first offset of a log.
    pub const LOG_START: &str = "log start";
    /// One past the last offset of a log.
    pub const LOG_END: &str = "log end";
    /// Up to where records are committed, as this node knows.
    pub const HIGH_WATERMARK: &str = "high watermark";
    /// The in-sync replicas, written `[0, 2]`.
    pub const ISR: &str = "isr";
    /// Who leads.
    pub const LEADER: &str = "leader";
    /// The application's name for a record.
    pub const RECORD: &str = "record";
}
