//! What was found: a class, and the facts that show it.

use serde_json::{Map, Value, json};

use super::class::Class;
use crate::history::op::{Key, Name};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// What.
    pub class: Class,
    /// What shows it, under Jepsen's names. Operations are told by their index.
    pub facts: Vec<(&'static str, Fact)>,
}

/// A part of what shows an anomaly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// How many, or where.
    Number(i64),
    /// Several places.
    Numbers(Vec<u64>),
    /// A word.
    Text(String),
    /// A message.
    Name(Name),
    /// Messages.
    Names(Vec<Name>),
    /// An operation: the index of its completion.
    Op(u64),
    /// Operations.
    Ops(Vec<u64>),
    /// Why each operation of a cycle depends on the one before.
    Steps(Vec<Step>),
    /// How many, by key.
    Counts(Vec<(Key, u64)>),
    /// Which, by key.
    NamesByKey(Vec<(Key, Vec<Name>)>),
}

/// Why one operation comes before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It sent `value`, and the other one `next` behind it.
    Ww {
        /// The partition.
        key: Key,
        /// What the first sent.
        value: Name,
        /// What the second sent.
        next: Name,
        /// Which of its parts sent it, and which of the other's.
        mops: (u32, u32),
    },
    /// It sent what the other one read.
    Wr {
        /// The partition.
        key: Key,
        /// What was sent and read.
        value: Name,
        /// Which of its parts sent it, and which of the other's read it.
        mops: (u32, u32),
    },
    /// It ended before the other one began.
    Realtime,
}

impl Step {
    /// As Jepsen has it.
    pub fn json(&self) -> Value {
        match self {
            Self::Ww { key, value, next, mops } => json!({
                "type": "ww", "key": **key, "value": name(value), "value'": name(next),
                "a-mop-index": mops.0, "b-mop-index": mops.1,
            }),
            Self::Wr { key, value, mops } => json!({
                "type": "wr", "key": **key, "value": name(value),
                "a-mop-index": mops.0, "b-mop-index": mops.1,
            }),
            Self::Realtime => json!({ "type": "realtime" }),
        }
    }
}

fn name(name: &Name) -> Value {
    match name {
        Name::Number(number) => json!(number),
        Name::Text(text) => json!(**text),
    }
}

fn names(all: &[Name]) -> Value {
    all.iter().map(name).collect()
}

impl Fact {
    /// As JSON has it.
    pub fn json(&self) -> Value {
        match self {
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text),
            Self::Name(value) => name(value),
            Self::Names(values) => names(values),
            Self::Op(index) => json!(index),
            Self::Ops(all) | Self::Numbers(all) => json!(all),
            Self::Steps(steps) => steps.iter().map(Step::json).collect(),
            Self::Counts(counts) => counts
                .iter()
                .map(|(key, count)| (key.to_string(), json!(count)))
                .collect::<Map<_, _>>()
                .into(),
            Self::NamesByKey(keys) => {
                keys.iter().map(|(key, all)| (key.to_string(), names(all))).collect::<Map<_, _>>().into()
            }
        }
    }
}

impl Anomaly {
    pub(super) const fn new(class: Class, facts: Vec<(&'static str, Fact)>) -> Self {
        Self { class, facts }
    }

    /// A fact of it.
    pub fn fact(&self, name: &str) -> Option<&Fact> {
        self.facts.iter().find(|(own, _)| *own == name).map(|(_, fact)| fact)
    }

    /// The operations that show it, by their index.
    pub fn operations(&self) -> impl Iterator<Item = u64> {
        self.facts
            .iter()
            .flat_map(|(_, fact)| match fact {
                Fact::Op(index) => std::slice::from_ref(index),
                Fact::Ops(all) => all.as_slice(),
                Fact::Number(_)
                | Fact::Numbers(_)
                | Fact::Text(_)
                | Fact::Name(_)
                | Fact::Names(_)
                | Fact::Steps(_)
                | Fact::Counts(_)
                | Fact::NamesByKey(_) => &[],
            })
            .copied()
    }

    /// The facts as a JSON object.
    pub fn json(&self) -> Value {
        self.facts.iter().map(|(name, fact)| ((*name).to_owned(), fact.json())).collect::<Map<_, _>>().into()
    }
}

impl From<&Name> for Fact {
    fn from(name: &Name) -> Self {
        Self::Name(name.clone())
    }
}

impl From<&Key> for Fact {
    fn from(key: &Key) -> Self {
        Self::Text(key.to_string())
    }
}
