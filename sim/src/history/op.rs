//! One line of a history as the checks take it, wherever it came from.
//!
//! The vocabulary is that of jepsen.tests.kafka (`send`, `poll`, `txn`, `assign`, `subscribe`) and of
//! jepsen.checker's queues (`enqueue`, `dequeue`, `drain`). Of our own are `commit` and `committed`, a group's
//! offsets written and read, and on any operation the `group` and `generation` that it was done in.
//! Values are names: nothing is known of them but whether two are the same.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::Kind;

/// A partition.
pub type Key = Arc<str>;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A whole number.
    Number(i64),
    /// Text, or a keyword.
    Text(Arc<str>),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Sends messages.
    Send,
    /// Polls for messages.
    Poll,
    /// Both, in one transaction.
    Txn,
    /// Names the partitions that are read from now on.
    Assign,
    /// Names the partitions whose topics are read from now on; the system picks.
    Subscribe,
    /// Puts a message into a queue.
    Enqueue,
    /// Takes one out.
    Dequeue,
    /// Takes all of them out.
    Drain,
    /// Writes a group's offsets: the next one to be read of each partition.
    Commit,
    /// Reads them back.
    Committed,
    /// Anything else. Not judged.
    Other,
}

impl Action {
    /// Its name in a history.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Poll => "poll",
            Self::Txn => "txn",
            Self::Assign => "assign",
            Self::Subscribe => "subscribe",
            Self::Enqueue => "enqueue",
            Self::Dequeue => "dequeue",
            Self::Drain => "drain",
            Self::Commit => "commit",
            Self::Committed => "committed",
            Self::Other => "other",
        }
    }

    /// The action of that name.
    pub fn named(name: &str) -> Self {
        match name {
            "send" => Self::Send,
            "poll" => Self::Poll,
            "txn" => Self::Txn,
            "assign" => Self::Assign,
            "subscribe" => Self::Subscribe,
            "enqueue" => Self::Enqueue,
            "dequeue" => Self::Dequeue,
            "drain" => Self::Drain,
            "commit" => Self::Commit,
            "committed" => Self::Committed,
            _ => Self::Other,
        }
    }

    /// Whether it is made of sends and polls.
    pub const fn of_records(self) -> bool {
        matches!(self, Self::Send | Self::Poll | Self::Txn)
    }
}

/// A message that a poll returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Where it lay, if known.
    pub offset: Option<u64>,
    /// What it was. None: nothing that has a name.
    pub value: Option<Name>,
}

/// A part of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mop {
    /// A message was sent.
    Send {
        /// To this partition, if it was chosen.
        key: Option<Key>,
        /// It got this offset, if known.
        offset: Option<u64>,
        /// The message.
        value: Name,
    },
    /// These messages were returned, of each partition in order. No partition without messages.
    Poll(Vec<(Key, Vec<Read>)>),
}

/// What an operation was asked or answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// Nothing that is looked at.
    None,
    /// Sends and polls.
    Mops(Vec<Mop>),
    /// Partitions.
    Keys(Vec<Key>),
    /// Messages of a queue.
    Items(Vec<Name>),
    /// A group's offsets; none: never committed.
    Offsets(Vec<(Key, Option<u64>)>),
}

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Its number in the history; without one it is its place.
    pub index: Option<u64>,
    /// The logical client, with one operation at a time. None: not a client (Jepsen's nemesis).
    pub process: Option<i64>,
    /// How far the operation is.
    pub kind: Kind,
    /// What it does.
    pub f: Action,
    /// When, in nanoseconds since the start.
    pub time: Option<u64>,
    /// With what.
    pub value: Argument,
    /// Partitions that a rebalance took or gave during the operation.
    pub rebalanced: Vec<Key>,
    /// Why it ended as it did.
    pub error: Option<String>,
    /// The consumer group in which it was done.
    pub group: Option<Key>,
    /// The generation of that group.
    pub generation: Option<u64>,
}

impl Op {
    /// An operation of a client about which nothing more is known.
    pub const fn new(process: i64, kind: Kind, f: Action, value: Argument) -> Self {
        Self {
            index: None,
            process: Some(process),
            kind,
            f,
            time: None,
            value,
            rebalanced: Vec::new(),
            error: None,
            group: None,
            generation: None,
        }
    }
}

impl fmt::Display for Mop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { key, offset, value } => {
                write!(f, "send {} to {}", value, key.as_deref().unwrap_or("?"))?;
                offset.map_or(Ok(()), |offset| write!(f, " at {offset}"))
            }
            Self::Poll(keys) => {
                f.write_str("poll")?;
                for (key, reads) in keys {
                    write!(f, " {key}:")?;
                    for read in reads {
                        f.write_char(' ')?;
                        read.offset.map_or(Ok(()), |offset| write!(f, "{offset}="))?;
                        match &read.value {
                            Some(value) => write!(f, "{value}")?,
                            None => f.write_str("nil")?,
                        }
                    }
                }
                Ok(())
            }
        }
    }
}
