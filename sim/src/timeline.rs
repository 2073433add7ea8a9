//! A timeline: what happened in a run, line by line, for whoever watches it.
//!
//! Holds: plain values, in a scenario's own words ([`crate::narrate`]). Made by
//! [`run_traced`](crate::run::run_traced), laid out by `reports`. Deliberately absent: columns and glyphs'
//! places, and any influence on the run.

use std::fmt;

use squall_core::env::Process;
use squall_core::ids::NodeId;
use squall_core::time::Time;

use crate::engine::World;
use crate::history::Entry;
use crate::narrate::Fields;
use crate::trace::{Dropped, Kind};

/// Who and what a timeline can be about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stage {
    /// Every node's name, by its number.
    pub nodes: Vec<String>,
    /// Every partition, as fields name them; none in a scenario without.
    pub partitions: Vec<String>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The world's time.
    pub at: Time,
    /// The event it belongs to, from 1; 0 before the first.
    pub event: u64,
    /// Whom it is about; `None`: the world.
    pub who: Option<Somebody>,
    /// What happened.
    pub what: What,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Somebody {
    /// Its number.
    pub node: NodeId,
    /// What it is called.
    pub name: String,
}

impl Somebody {
    /// Whoever has this number. A message may come from the operator, or be addressed to no node at all.
    pub(crate) fn of<P: Process>(world: &World<P>, node: NodeId) -> Self {
        let name = match node {
            NodeId::OPERATOR => "operator".to_owned(),
            node if node.index() < world.nodes().len() => world.name(node).to_owned(),
            node => format!("nobody ({node})"),
        };
        Self { node, name }
    }
}

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A fault begins or ends, the calm begins.
    Notice(String),
    /// An operator's act on the node.
    Act(Kind),
    /// The node reported something.
    Fact {
        /// Its kind.
        kind: &'static str,
        /// A sign for it.
        glyph: char,
        /// What it says.
        fields: Fields,
    },
    /// The node takes in a message, unless a [`What::Lost`] follows.
    Message {
        /// Its sender; [`NodeId::OPERATOR`] for a command.
        from: Somebody,
        /// Its kind.
        kind: &'static str,
        /// What it says.
        fields: Fields,
    },
    /// The message of the line before was lost on arrival.
    Lost(Dropped),
    /// One of the node's timers runs out.
    Timer(String),
    /// One of the node's syncs ends.
    Sync,
}

/// What a watcher wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wants {
    /// Lines of faults, acts and facts.
    pub lines: bool,
    /// Lines of inputs too: messages, timers, syncs.
    pub inputs: bool,
    /// What clients saw.
    pub history: bool,
}

/// Somebody who watches a run.
pub trait Watch {
    /// What it wants to be told.
    fn wants(&self) -> Wants;

    /// The world is built; nothing has happened yet. An error, in one line, ends it here.
    fn begin(&mut self, _stage: &Stage) -> Result<(), String> {
        Ok(())
    }

    /// A line, in order.
    fn line(&mut self, _line: &Line) {}

    /// A line of the history, in order.
    fn entry(&mut self, _entry: &Entry) {}
}

/// Lines of everything as plain text, for small worlds.
impl<F: FnMut(Time, &str)> Watch for F {
    fn wants(&self) -> Wants {
        Wants { lines: true, inputs: true, history: false }
    }

    fn line(&mut self, line: &Line) {
        self(line.at, &line.to_string());
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.at)?;
        if let Some(who) = &self.who {
            write!(f, "{} ", who.name)?;
        }
        match &self.what {
            What::Notice(text) => write!(f, "--- {text}"),
            What::Act(kind) => f.write_str(act(*kind)),
            What::Fact { kind, fields, .. } => write!(f, "* {kind}{}", Said(fields)),
            What::Message { from, kind, fields } => write!(f, "<- {} {kind}{}", from.name, Said(fields)),
            What::Lost(why) => write!(f, "lost: {}", lost(*why)),
            What::Timer(timer) => write!(f, "timer {timer}"),
            What::Sync => f.write_str("sync ended"),
        }
    }
}

/// Fields in a row: ` epoch 4, log end 12`.
struct Said<'a>(&'a Fields);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{} {name} {value}", if place == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Why a message was lost, in words.
pub const fn lost(why: Dropped) -> &'static str {
    match why {
        Dropped::Cut => "the link was cut",
        Dropped::Down => "the node was down",
    }
}

/// What became of a node, in words. Of an input: what kind of input it was.
pub const fn act(kind: Kind) -> &'static str {
    match kind {
        Kind::Created => "the world was made",
        Kind::Started => "booted",
        Kind::Delivered { .. } => "took a message",
        Kind::Dropped { .. } => "missed a message",
        Kind::Expired => "had a timer run out",
        Kind::Synced => "had a sync end",
        Kind::Crashed => "crashed",
        Kind::PowerLost => "lost power",
        Kind::Wiped => "was wiped",
        Kind::Paused => "was paused",
        Kind::Resumed => "was resumed",
        Kind::Cut { .. } => "was cut from another",
        Kind::Mended { .. } => "reaches another again",
        Kind::Weather { .. } => "has another link's weather",
        Kind::ClockSet => "had its clock set",
        Kind::DiskSet => "has another disk",
        Kind::DiskHarmed => "has damage on its disk",
        Kind::Interfered { .. } => "has a message singled out",
    }
}
