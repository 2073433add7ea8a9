//! What clients saw, in Jepsen's words: each operation is invoked, then ends as ok, fail or info.
//!
//! `ok` happened, `fail` certainly did not, `info` may or may not have. The vocabulary is that of
//! jepsen-io/jepsen's histories. Bounded: past its limit the oldest entries go, and how many is known.
//! Deliberately absent: any opinion on what was seen.

use std::collections::VecDeque;
use std::io;

use serde::{Deserialize, Serialize};
use squall_core::time::Time;

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<V> {
    /// Its place in the history, from 0.
    pub index: u64,
    /// A logical client, with one operation at a time.
    pub process: u32,
    /// How far the operation is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Its name: `send`, `poll`.
    pub f: String,
    /// Nanoseconds of virtual time.
    pub time: u64,
    /// Its arguments at invocation, its results at completion.
    pub value: V,
}

/// The entries of a run, in order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History<V> {
    entries: VecDeque<Entry<V>>,
    limit: usize,
    next: u64,
}

impl<V> History<V> {
    /// An empty history that keeps the last `limit` entries.
    pub fn bounded(limit: usize) -> Self {
        Self { entries: VecDeque::new(), limit, next: 0 }
    }

    /// Adds a line.
    pub fn push(&mut self, process: u32, kind: Kind, f: &str, at: Time, value: V) {
        if self.entries.len() == self.limit {
            self.entries.pop_front();
        }
        let entry = Entry { index: self.next, process, kind, f: f.to_owned(), time: at.0, value };
        self.next += 1;
        if self.limit > 0 {
            self.entries.push_back(entry);
        }
    }

    /// What is kept, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<V>> {
        self.entries.iter()
    }

    /// How many entries there were in all.
    pub fn total(&self) -> u64 {
        self.next
    }

    /// How many of them were let go.
    pub fn let_go(&self) -> u64 {
        self.next - self.entries.len() as u64
    }
}

impl<V: Serialize> History<V> {
    /// Writes one JSON document a line.
    pub fn write_lines(&self, into: &mut dyn io::Write) -> io::Result<()> {
        for entry in &self.entries {
            serde_json::to_writer(&mut *into, entry)?;
            into.write_all(b"\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_history_is_written_as_jepsen_names_it() {
        let mut history = History::bounded(10);
        history.push(3, Kind::Invoke, "send", Time(5), (0, "a"));
        history.push(3, Kind::Info, "send", Time(9), (0, "a"));
        let mut lines = Vec::new();
        history.write_lines(&mut lines).unwrap();
        expect![[r#"
            {"index":0,"process":3,"type":"invoke","f":"send","time":5,"value":[0,"a"]}
            {"index":1,"process":3,"type":"info","f":"send","time":9,"value":[0,"a"]}
        "#]]
        .assert_eq(&String::from_utf8(lines).unwrap());
    }

    #[test]
    fn memory_is_bounded_and_what_went_is_counted() {
        let mut history = History::bounded(4);
        for n in 0..10 {
            history.push(0, Kind::Ok, "poll", Time(n), ());
        }
        assert_eq!(history.entries().map(|entry| entry.index).collect::<Vec<_>>(), [6, 7, 8, 9]);
        assert_eq!((history.total(), history.let_go()), (10, 6));
    }
}
