//! Roles that a fault can aim at, by the name that plans have for them.

use std::fmt;

use squall_core::ids::{TopicId, TopicPartition};

/// Somebody who is found only while the world runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The active controller.
    Controller,
    /// The broker that leads a partition.
    LeaderOf(TopicPartition),
}

impl Role {
    /// From a plan's text.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "controller" {
            return Some(Self::Controller);
        }
        let (topic, partition) = text.strip_prefix("leader of ")?.split_once('-')?;
        let at = TopicPartition { topic: TopicId(topic.parse().ok()?), partition: partition.parse().ok()? };
        Some(Self::LeaderOf(at))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Controller => f.write_str("controller"),
            Self::LeaderOf(at) => write!(f, "leader of {at}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_reads_as_it_is_written() {
        let at = TopicPartition { topic: TopicId(0), partition: 3 };
        for role in [Role::Controller, Role::LeaderOf(at)] {
            assert_eq!(Role::parse(&role.to_string()), Some(role));
        }
        assert_eq!(Role::parse("leader of x-1"), None);
        assert_eq!(Role::parse("janitor"), None);
    }
}
