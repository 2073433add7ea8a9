//! Whom and what a fault hits, as people write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use squall_core::ids::NodeId;

use super::FaultSpace;

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

impl fmt::Display for FaultSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in &self.groups {
            writeln!(
                f,
                "{}: nodes {:?}, may crash {:?}, lose power {:?}, be wiped {:?}, pause {:?}, have wrong clocks {:?}; disks may err {:?}, be slow {:?}, rot {:?}, lie {:?}",
                group.name,
                group.nodes,
                group.may_crash,
                group.may_lose_power,
                group.may_wipe,
                group.may_pause,
                group.may_skew,
                group.may_err,
                group.may_slow,
                group.may_rot,
                group.may_lie
            )?;
        }
        Ok(())
    }
}
