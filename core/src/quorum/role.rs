//! What a voter is at the moment, in KRaft's words (KIP-595, KIP-996).
//!
//! Holds: the roles and the ballots they count. Changed only by `election`.
//! Deliberately absent: a resting "observer"; every node of the quorum votes.

use crate::ids::NodeId;

use super::leading::Leading;

/// A voter's role.
#[derive(Debug, Clone)]
pub enum Role {
    /// Knows no leader, and does not stand for election itself.
    Unattached,
    /// Follows.
    Follower {
        /// Whom.
        leader: NodeId,
    },
    /// Asks whether it would be elected (pre-vote), in the epoch after its own.
    Prospective {
        /// Who said yes.
        granted: Ballot,
    },
    /// Stands for election in its epoch.
    Candidate {
        /// Who voted for it.
        granted: Ballot,
        /// The former leader asked it to.
        transfer: bool,
        /// Votes were asked for. Not before its own vote is durable.
        announced: bool,
    },
    /// Leads.
    Leader(Box<Leading>),
}

/// Who said yes: a bit a voter, by its place in the list of voters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ballot(u64);

impl Ballot {
    /// The most voters a quorum can have.
    pub(super) const VOTERS_MAX: usize = 64;

    /// This ballot and the voter in place `index`.
    #[must_use]
    pub(super) const fn with(self, index: usize) -> Self {
        Self(self.0 | 1 << index)
    }

    /// How many said yes.
    pub const fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubled_reply_counts_once() {
        assert_eq!(Ballot::default().with(2).with(0).with(2).count(), 2);
    }
}
