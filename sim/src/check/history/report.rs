//! What became of a history: a verdict, everything that was found, and what was compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::class::Class;
use super::findings::Found;
use super::measures::{Consumed, Lag};
use super::queue::QueueReport;
use super::tables::{NOWHERE, Tables};
use crate::history::Kind;
use crate::history::op::Action;

/// Whether the history is as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was found that is not allowed.
    Valid,
    /// Something was.
    Invalid,
    /// It cannot be told, and why.
    Unknown(String),
}

impl Verdict {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// Lines of the history.
    pub operations: u64,
    /// Operations that ended as ok.
    pub ok: u64,
    /// As fail.
    pub fail: u64,
    /// As info, or not at all.
    pub info: u64,
    /// Not at all.
    pub unended: u64,
    /// Of a kind that is not checked.
    pub not_judged: u64,
    /// Clients.
    pub clients: u64,
    /// Keys.
    pub keys: u64,
    /// Values, each of one key.
    pub values: u64,
    /// Offsets that are known to hold something.
    pub placed: u64,
    /// Messages sent.
    pub sends: u64,
    /// Messages read.
    pub reads: u64,
    /// Operations of consumer groups: assignments, commits and their reading back.
    pub group_operations: u64,
}

impl Compared {
    /// Name and number of each, for tables and documents. What every history has comes first.
    pub const fn rows(&self) -> [(&'static str, u64); 13] {
        [
            ("operations", self.operations),
            ("ok", self.ok),
            ("fail", self.fail),
            ("info", self.info),
            ("unended", self.unended),
            ("not judged", self.not_judged),
            ("clients", self.clients),
            ("keys", self.keys),
            ("values", self.values),
            ("offsets", self.placed),
            ("sends", self.sends),
            ("reads", self.reads),
            ("group operations", self.group_operations),
        ]
    }
}

/// An operation that something found names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its number in the history: that of its completion.
    pub index: u64,
    /// The client.
    pub process: i64,
    /// How it ended.
    pub kind: Kind,
    /// What it did.
    pub f: Action,
    /// With what, in words.
    pub value: String,
}

/// The most of an operation's value that is told, in characters.
const TOLD: usize = 240;

impl Operation {
    pub(super) fn of(tables: &Tables, number: usize) -> Self {
        let done = &tables.done[number];
        let mut value = String::new();
        let mut last = None;
        for part in tables.parts(number) {
            if value.len() > TOLD {
                value.push_str(" …");
                break;
            }
            let record = tables.records.get(part.what as usize).filter(|_| done.f.of_records());
            // Micro-operations, and the keys of a poll, each begin anew.
            let now = (part.mop(), part.sent(), record.map(|record| record.key));
            let same = last.replace(now) == Some(now) && !part.sent();
            if !same {
                value.push_str(if value.is_empty() { "" } else { ", " });
                let key = match record {
                    Some(_) => &tables.key_of(part.what)[..],
                    None => tables.keys.get(part.what as usize).map_or("?", |table| &table.name[..]),
                };
                let _ = match (record, part.sent()) {
                    (Some(_), false) => write!(value, "poll {key}:"),
                    (Some(_), true) => write!(value, "send {key}:"),
                    (None, _) => write!(value, "{key}"),
                };
            }
            let Some(record) = record else { continue };
            if part.offset != NOWHERE {
                let _ = write!(value, " {}=", part.offset);
            } else {
                value.push(' ');
            }
            match &record.name {
                Some(name) => _ = write!(value, "{name}"),
                None => value.push_str("nil"),
            }
        }
        Self { index: done.index, process: done.process, kind: done.kind, f: done.f, value }
    }
}

/// A judged history.
#[derive(Debug, Clone)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// What was found, allowed or not.
    pub found: BTreeMap<Class, Found>,
    /// What was allowed.
    pub allowed: BTreeSet<Class>,
    /// The operations that what was found names, by their index.
    pub operations: BTreeMap<u64, Operation>,
    /// How much was looked at.
    pub compared: Compared,
    /// The stalest read.
    pub worst_lag: Lag,
    /// All of them, if they were asked for.
    pub lags: Vec<Lag>,
    /// What subscribed clients consumed more than once.
    pub consumed: Vec<Consumed>,
    /// The different errors of operations that crashed.
    pub info_causes: Vec<String>,
    /// A queue's totals, if the history is of one.
    pub queue: Option<QueueReport>,
    /// Impossible operations that were taken all the same.
    pub impossible: u64,
    /// Why the first of them is.
    pub first_impossible: Option<String>,
}

impl Report {
    /// The classes that were found and are not allowed.
    pub fn bad(&self) -> impl Iterator<Item = Class> {
        self.found.keys().copied().filter(|class| !self.allowed.contains(class))
    }

    /// As a document.
    pub fn json(&self) -> Value {
        let found = self.found.iter().map(|(class, found)| {
            let first = found.first.iter().map(super::anomaly::Anomaly::json).collect::<Value>();
            let allowed = self.allowed.contains(class);
            (class.name().to_owned(), json!({ "allowed": allowed, "count": found.count, "first": first }))
        });
        let operations = self.operations.values().map(|op| {
            json!({
                "index": op.index, "process": op.process, "type": op.kind.name(), "f": op.f.name(),
                "value": op.value,
            })
        });
        let compared = self.compared.rows().map(|(name, count)| (name.replace(' ', "_"), json!(count)));
        let reason = match &self.verdict {
            Verdict::Unknown(why) => Some(why.as_str()),
            Verdict::Valid | Verdict::Invalid => None,
        };
        json!({
            "verdict": self.verdict.name(),
            "reason": reason,
            "found": found.collect::<Map<_, _>>(),
            "allowed": self.allowed.iter().map(|class| class.name()).collect::<Vec<_>>(),
            "operations": operations.collect::<Vec<_>>(),
            "compared": compared.into_iter().collect::<Map<_, _>>(),
            "worst_realtime_lag": lag(&self.worst_lag),
            "consumed_more_than_once": self.consumed.iter().map(consumed).collect::<Vec<_>>(),
            "info_txn_causes": self.info_causes,
            "queue": self.queue.as_ref().map(queue),
            "impossible": { "count": self.impossible, "first": self.first_impossible },
        })
    }
}

/// A lag, as Jepsen has it.
pub fn lag(lag: &Lag) -> Value {
    json!({ "time": lag.time, "process": lag.process, "key": lag.key.as_deref(), "lag": lag.lag })
}

fn consumed(consumed: &Consumed) -> Value {
    json!({
        "process": consumed.process, "key": *consumed.key, "value": consumed.value.to_string(),
        "count": consumed.count,
    })
}

fn queue(queue: &QueueReport) -> Value {
    json!({
        "queue": queue.queue, "total_queue": queue.total_queue, "attempts": queue.attempts,
        "acknowledged": queue.acknowledged, "ok": queue.ok, "unexpected": queue.unexpected,
        "duplicated": queue.duplicated, "lost": queue.lost, "recovered": queue.recovered,
    })
}
