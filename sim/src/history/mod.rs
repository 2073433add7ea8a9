//! What clients saw, in Jepsen's words: each operation is invoked, then ends as ok, fail or info.
//!
//! `ok` happened, `fail` certainly did not, `info` may or may not have. The vocabulary is that of
//! jepsen-io/jepsen's histories: of a log's clients `send`, `poll` and `assign` (jepsen.tests.kafka). A
//! scenario's [`Chronicle`] makes entries from facts, one by one as they happen, and keeps nothing but what
//! is open; whoever asked for them writes them out ([`write_edn`], [`write_json`], [`JsonWriter`]) or keeps
//! the last of them ([`History`]). The other way, [`read`] makes operations ([`op`]) of such files, whoever wrote
//! them.
//! Deliberately absent: any opinion on what was seen.

mod chronicle;
pub mod op;
pub mod read;
mod value;
mod write;

use std::collections::VecDeque;

use squall_core::time::Time;

pub use chronicle::{Chronicle, Clerk, Entries, Ticket};
pub use value::Value;
pub use write::{JsonWriter, write_edn, write_edn_entry, write_json};

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It begins.
    Invoke,
    /// It happened.
    Ok,
    /// It did not happen and never will.
    Fail,
    /// Nobody knows.
    Info,
}

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the history, from 0.
    pub index: u64,
    /// A logical client, with one operation at a time.
    pub process: u32,
    /// How far the operation is.
    pub kind: Kind,
    /// Its name: `send`, `poll`.
    pub f: &'static str,
    /// The world's time.
    pub at: Time,
    /// Its arguments at invocation, its results at completion.
    pub value: Value,
    /// More about it, beside what Jepsen knows: the node that the client lives on, what it was promised.
    pub more: Vec<(&'static str, Value)>,
}

/// The last entries of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    entries: VecDeque<Entry>,
    limit: usize,
    total: u64,
}

impl History {
    /// An empty history that keeps the last `limit` entries.
    pub const fn bounded(limit: usize) -> Self {
        Self { entries: VecDeque::new(), limit, total: 0 }
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: Entry) {
        self.total += 1;
        if self.entries.len() == self.limit {
            self.entries.pop_front();
        }
        if self.limit > 0 {
            self.entries.push_back(entry);
        }
    }

    /// What is kept, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many entries there were in all.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many of them were let go.
    pub fn let_go(&self) -> u64 {
        self.total - self.entries.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_what_went_is_counted() {
        let mut history = History::bounded(4);
        for index in 0..10 {
            let (value, more) = (Value::Nil, Vec::new());
            history.push(Entry {
                index,
                process: 0,
                kind: Kind::Ok,
                f: "poll",
                at: Time(index),
                value,
                more,
            });
        }
        assert_eq!(history.entries().map(|entry| entry.index).collect::<Vec<_>>(), [6, 7, 8, 9]);
        assert_eq!((history.total(), history.let_go()), (10, 6));
    }
}
