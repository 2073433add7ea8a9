//! What voters say to each other: Raft's messages (Ongaro, "Consensus: Bridging Theory and Practice",
//! figures 3.1 and 5.3; pre-vote: §9.6; leadership transfer: §3.10), with KRaft's words.

use bytes::Bytes;

use crate::ids::{LeaderEpoch, Offset};

/// A message between voters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum QuorumMessage {
    /// Asks for a vote.
    Vote(Vote),
    /// Answers it.
    VoteReply(VoteReply),
    /// Entries for a follower, or just a sign of life.
    Append(Append),
    /// Answers it.
    AppendReply(AppendReply),
    /// A snapshot for a follower that is too far behind.
    Install(Install),
    /// Answers it.
    InstallReply(InstallReply),
    /// The leader asks its successor to stand for election at once.
    TimeoutNow {
        /// The leader's epoch.
        epoch: LeaderEpoch,
    },
}

impl QuorumMessage {
    /// How many bytes of entries or state it carries.
    pub(crate) fn payload(&self) -> u64 {
        match self {
            Self::Append(append) => append.batches.len() as u64,
            Self::Install(install) => install.state.len() as u64,
            Self::Vote(_)
            | Self::VoteReply(_)
            | Self::AppendReply(_)
            | Self::InstallReply(_)
            | Self::TimeoutNow { .. } => 0,
        }
    }
}

/// Asks for a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Vote {
    /// The epoch to be elected in. For a pre-vote: the one it would be.
    pub epoch: LeaderEpoch,
    /// The epoch of the candidate's last entry; `None`: its log is empty.
    pub last_epoch: Option<LeaderEpoch>,
    /// The candidate's log end.
    pub end: Offset,
    /// Only asks whether it would be granted; changes nothing at the asked node.
    pub pre: bool,
    /// The leader itself asked for this election: do not hold to it (TimeoutNow).
    pub transfer: bool,
}

/// A voter's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VoteReply {
    /// The voter's epoch; for a granted pre-vote: the epoch that was asked for.
    pub epoch: LeaderEpoch,
    /// Yes or no.
    pub granted: bool,
    /// Answers a pre-vote.
    pub pre: bool,
}

/// Entries for a follower.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Append {
    /// The leader's epoch.
    pub epoch: LeaderEpoch,
    /// Where the entries go.
    pub base: Offset,
    /// The epoch of the entry before `base`; `None` at the start of the log.
    pub previous: Option<LeaderEpoch>,
    /// Whole record batches, back to back; may be none.
    pub batches: Bytes,
    /// The leader's commit index (exclusive).
    pub commit: Offset,
}

/// A follower's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AppendReply {
    /// The follower's epoch.
    pub epoch: LeaderEpoch,
    /// What became of it.
    pub outcome: AppendOutcome,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AppendOutcome {
    /// The follower's log equals the leader's up to here, durably.
    Matched {
        /// One past the last durable entry known equal.
        end: Offset,
    },
    /// The entry before `base` is missing or of another epoch.
    Conflict {
        /// The asked `base`, so that a late answer is recognised.
        base: Offset,
        /// The follower's log end.
        end: Offset,
        /// The largest epoch in its log not above the asked one, and where it ends: where to try next.
        hint: Option<(LeaderEpoch, Offset)>,
    },
    /// The epoch is over.
    Stale,
}

/// A snapshot for a follower.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Install {
    /// The leader's epoch.
    pub epoch: LeaderEpoch,
    /// One past the last entry it covers.
    pub end: Offset,
    /// The epoch of that entry.
    pub last_epoch: LeaderEpoch,
    /// The state machine's bytes.
    pub state: Bytes,
}

/// A follower's answer to a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstallReply {
    /// The follower's epoch.
    pub epoch: LeaderEpoch,
    /// One past the last entry that it holds durably, by snapshot or log; `None`: the epoch is over.
    pub end: Option<Offset>,
}
