//! What can go wrong, as one closed vocabulary.
//!
//! Holds: [`Fault`], whom it hits, and when ([`PlannedFault`]); the table of kinds ([`table`]); the
//! generator that draws faults from a budget ([`mod@generate`]). A fault is a span: a crash and the restart
//! that follows are one item, so that a plan without it is still a plan.
//! Deliberately absent: how a fault is carried out. That is the [`run`](crate::run)'s.

pub mod generate;
pub(crate) mod ledger;
pub(crate) mod softer;
pub mod table;
pub mod text;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use squall_core::ids::NodeId;
use squall_core::time::Span;

pub use generate::{FaultSpace, Group, generate};
pub use softer::Names;
pub use table::{Row, TABLE};

/// A fault with its time. Written as `{"at": "3.5s", "lasts": "120ms", "fault": "crash", "whom": "node 2"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// When it begins, in nanoseconds of virtual time.
    #[serde(with = "text")]
    pub at: u64,
    /// How long it lasts, in nanoseconds. The calm ends it in any case.
    #[serde(with = "text")]
    pub lasts: u64,
    /// What it is.
    #[serde(flatten)]
    pub fault: Fault,
}

/// All that can be done to a world. Chances are in millionths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// Messages get lost.
    Loss {
        /// Where.
        on: Links,
        /// The chance.
        ppm: u32,
    },
    /// Messages take longer.
    Delay {
        /// Where.
        on: Links,
        /// By so much at most.
        #[serde(with = "text::span")]
        extra: Span,
    },
    /// Messages come twice.
    Duplication {
        /// Where.
        on: Links,
        /// The chance.
        ppm: u32,
    },
    /// Messages are overtaken by later ones.
    Reordering {
        /// Where.
        on: Links,
        /// The chance.
        ppm: u32,
        /// How far one falls behind at most.
        #[serde(with = "text::span")]
        extra: Span,
    },
    /// Nothing passes between the two sides.
    SplitHalves {
        /// One side.
        left: Vec<u32>,
        /// The other.
        right: Vec<u32>,
    },
    /// Each of these reaches its two neighbours in the ring only. Others reach all of them.
    SplitRing {
        /// The ring.
        ring: Vec<u32>,
    },
    /// Nothing passes between the two sides; both reach the bridge.
    SplitBridge {
        /// One side.
        left: Vec<u32>,
        /// Whom both reach.
        bridge: u32,
        /// The other side.
        right: Vec<u32>,
    },
    /// A node reaches nobody and nobody reaches it.
    Isolate {
        /// The node.
        whom: Whom,
    },
    /// What one sends to the other vanishes; the way back is open.
    OneWayCut {
        /// The sender.
        from: Whom,
        /// The receiver.
        to: Whom,
    },
    /// The process ends and boots when the fault is over. Its disk keeps what was written.
    Crash {
        /// Whose process.
        whom: Whom,
    },
    /// The same, and the disk loses or tears what was not synced.
    PowerLoss {
        /// Whose power.
        whom: Whom,
    },
    /// The same, and the disk is empty.
    Wipe {
        /// Whose disk.
        whom: Whom,
    },
    /// The process stands still; its inputs wait.
    Pause {
        /// Whose process.
        whom: Whom,
    },
    /// The process ends and boots at once.
    Restart {
        /// Whose process.
        whom: Whom,
    },
    /// Whoever has the role is asked to hand it over.
    Transfer {
        /// The role, as the scenario calls it.
        role: String,
    },
}

impl Fault {
    /// The name of its kind, as in [`TABLE`] and in a record's counts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Loss { .. } => "loss",
            Self::Delay { .. } => "delay",
            Self::Duplication { .. } => "duplication",
            Self::Reordering { .. } => "reordering",
            Self::SplitHalves { .. } => "split-halves",
            Self::SplitRing { .. } => "split-ring",
            Self::SplitBridge { .. } => "split-bridge",
            Self::Isolate { whom: Whom::Node(_) } => "isolate",
            Self::Isolate { whom: Whom::Role(_) } => "isolate-role",
            Self::OneWayCut { .. } => "one-way-cut",
            Self::Crash { .. } => "crash",
            Self::PowerLoss { .. } => "power-loss",
            Self::Wipe { .. } => "wipe",
            Self::Pause { .. } => "pause",
            Self::Restart { .. } => "restart",
            Self::Transfer { .. } => "transfer",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        match self {
            Self::Loss { on, ppm } | Self::Duplication { on, ppm } => write!(f, " of {ppm} ppm on {on}"),
            Self::Reordering { on, ppm, extra } => {
                write!(f, " of {ppm} ppm by up to {} on {on}", text::written(extra.0))
            }
            Self::Delay { on, extra } => write!(f, " of up to {} on {on}", text::written(extra.0)),
            Self::SplitHalves { left, right } => write!(f, " {left:?} | {right:?}"),
            Self::SplitRing { ring } => write!(f, " {ring:?}"),
            Self::SplitBridge { left, bridge, right } => write!(f, " {left:?} | {bridge} | {right:?}"),
            Self::OneWayCut { from, to } => write!(f, " {from} -> {to}"),
            Self::Transfer { role } => write!(f, " {role}"),
            Self::Isolate { whom }
            | Self::Crash { whom }
            | Self::PowerLoss { whom }
            | Self::Wipe { whom }
            | Self::Pause { whom }
            | Self::Restart { whom } => write!(f, " {whom}"),
        }
    }
}

/// Whom a fault hits. Written `node 3`, or as the scenario calls a role: `leader of 0-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Whom {
    /// This node.
    Node(NodeId),
    /// Whoever has this role when the fault begins; if nobody has, the fault is skipped.
    Role(String),
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "node {node}"),
            Self::Role(role) => f.write_str(role),
        }
    }
}

impl FromStr for Whom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("node ") {
            Some(number) => match number.parse() {
                Ok(number) => Ok(Self::Node(NodeId(number))),
                Err(_) => Err(format!("`{text}` names no node")),
            },
            None if text.is_empty() || text.contains("->") => Err(format!("`{text}` names nobody")),
            None => Ok(Self::Role(text.to_owned())),
        }
    }
}

/// Where the weather is. Written `all`, `node 3` (from and to it), or `node 1 -> node 2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Links {
    /// Everywhere.
    All,
    /// All links from and to one node.
    Of(Whom),
    /// One direction between two nodes.
    Between(Whom, Whom),
}

impl fmt::Display for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Of(whom) => write!(f, "{whom}"),
            Self::Between(from, to) => write!(f, "{from} -> {to}"),
        }
    }
}

impl FromStr for Links {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(" -> ") {
            Some((from, to)) => Ok(Self::Between(from.parse()?, to.parse()?)),
            None if text == "all" => Ok(Self::All),
            None => Ok(Self::Of(text.parse()?)),
        }
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    )*};
}
as_text!(Whom, Links);

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_planned_fault_is_one_flat_line_that_a_person_can_write() {
        let fault = PlannedFault {
            at: 3_500_000_001,
            lasts: 120_000_000,
            fault: Fault::Crash { whom: Whom::Role("leader of 0-1".to_owned()) },
        };
        let text = serde_json::to_string(&fault).unwrap();
        expect![[r#"{"at":"3.500000001s","lasts":"120ms","fault":"crash","whom":"leader of 0-1"}"#]]
            .assert_eq(&text);
        assert_eq!(serde_json::from_str::<PlannedFault>(&text).unwrap(), fault);
    }

    #[test]
    fn an_unknown_fault_or_target_is_refused_by_name() {
        let refused = |text: &str| serde_json::from_str::<PlannedFault>(text).unwrap_err().to_string();
        let unknown = refused(r#"{"at":"1s","lasts":"1s","fault":"crsh","whom":"node 1"}"#);
        assert!(unknown.contains("unknown variant `crsh`"), "{unknown}");
        let more = refused(r#"{"at":"1s","lasts":"1s","fault":"crash","whom":"node 1","why":3}"#);
        assert!(more.contains("unknown field `why`"), "{more}");
        let nobody = refused(r#"{"at":"1s","lasts":"1s","fault":"crash","whom":"node x"}"#);
        assert!(nobody.contains("`node x` names no node"), "{nobody}");
    }

    #[test]
    fn links_read_back_from_their_text() {
        let node = |n| Whom::Node(NodeId(n));
        for links in [
            Links::All,
            Links::Of(node(3)),
            Links::Of(Whom::Role("controller".to_owned())),
            Links::Between(node(1), Whom::Role("controller".to_owned())),
        ] {
            assert_eq!(links.to_string().parse(), Ok(links));
        }
    }
}
