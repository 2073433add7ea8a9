//! What members and their coordinator say to each other: Kafka's APIs of the same names.
//!
//! Values, as all messages here. Deliberately absent: protocol types other than "consumer", client names and
//! hosts, and several groups or several members in one request. A commit is taken or refused as a whole, where
//! Kafka answers for each partition; nothing that is refused here depends on the partition alone but the length
//! of its metadata.

use std::sync::Arc;

use crate::ids::{
    BrokerId, Generation, GroupId, InstanceId, LeaderEpoch, MemberId, Offset, ProducerEpoch, ProducerId,
    TopicPartition, TransactionalId,
};
use crate::refused::Refused;
use crate::time::Span;

/// What can be asked about a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupRequest {
    /// Which broker coordinates a group (FindCoordinator)? Any broker answers.
    FindCoordinator {
        /// The group.
        group: GroupId,
    },
    /// A member wants to be in the next generation (JoinGroup).
    Join(Join),
    /// A member asks for its assignment; the leader brings everybody's (SyncGroup).
    Sync(Sync),
    /// A member is alive (Heartbeat).
    Heartbeat(GroupHeartbeat),
    /// A member goes (LeaveGroup, KIP-345).
    Leave(Leave),
    /// A member has processed so far (OffsetCommit).
    OffsetCommit(OffsetCommit),
    /// How far was a group (OffsetFetch)?
    OffsetFetch(OffsetFetch),
    /// A person wants an empty group gone (DeleteGroups).
    Delete {
        /// The group.
        group: GroupId,
    },
    /// A member has processed so far, if this transaction commits (TxnOffsetCommit, KIP-447).
    TxnOffsetCommit(TxnOffsetCommit),
}

/// The answers, one arm a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupReply {
    /// To [`GroupRequest::FindCoordinator`].
    FindCoordinator(Result<BrokerId, Refused>),
    /// To [`GroupRequest::Join`]: once everybody has joined, or too late.
    Join(Result<Joined, Refused>),
    /// To [`GroupRequest::Sync`]: once the leader's assignment is in the log.
    Sync(Result<Synced, Refused>),
    /// To [`GroupRequest::Heartbeat`].
    Heartbeat(Result<(), Refused>),
    /// To [`GroupRequest::Leave`].
    Leave(Result<(), Refused>),
    /// To [`GroupRequest::OffsetCommit`]: once it is committed in the offsets partition.
    OffsetCommit(Result<(), Refused>),
    /// To [`GroupRequest::OffsetFetch`]: each partition asked for, `None` where nothing was committed.
    OffsetFetch(Result<Vec<(TopicPartition, Option<CommittedOffset>)>, Refused>),
    /// To [`GroupRequest::Delete`].
    Delete(Result<(), Refused>),
    /// To [`GroupRequest::TxnOffsetCommit`]: once it is committed in the offsets partition, pending there.
    TxnOffsetCommit(Result<(), Refused>),
}

/// How members may divide partitions among themselves. Coordinators compare names, no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assignor {
    /// A stretch of each topic a member.
    Range,
    /// Partitions dealt out one by one.
    RoundRobin,
    /// Balanced, and as few moves as can be (KIP-54).
    Sticky,
    /// The same, with moves in two steps: revoke first (KIP-429).
    CooperativeSticky,
}

/// A member wants to be in the next generation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Join {
    /// The group.
    pub group: GroupId,
    /// Who asks; `None`: it has no id yet (KIP-394).
    pub member: Option<MemberId>,
    /// The name that it keeps over its lives (KIP-345); `None`: a dynamic member.
    pub instance: Option<InstanceId>,
    /// `session.timeout.ms`: without a sign of life for so long it is out.
    pub session_timeout: Span,
    /// `max.poll.interval.ms`: how long a rebalance waits for it to join again.
    pub rebalance_timeout: Span,
    /// The assignors it knows, the one it likes best first; at least one.
    pub protocols: Vec<Assignor>,
    /// What it wants to read, for the leader.
    pub subscription: Arc<Subscription>,
}

/// What a member wants to read, and what it has (ConsumerProtocolSubscription, version 3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Subscription {
    /// Topics by name, sorted.
    pub topics: Vec<Arc<str>>,
    /// What it owns already, sorted (KIP-429); empty from a member that revokes everything first.
    pub owned: Vec<TopicPartition>,
    /// The generation in which it got that (KIP-792); `None`: in none.
    pub generation: Option<Generation>,
}

/// A new generation, as one of its members is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Joined {
    /// Its number.
    pub generation: Generation,
    /// The assignor that all members know and most like best.
    pub protocol: Assignor,
    /// Who is told.
    pub member: MemberId,
    /// Who assigns.
    pub leader: MemberId,
    /// All members, for the leader; empty for the others.
    pub members: Vec<JoinedMember>,
    /// The leader must not assign anew: it is a static member that came back to a stable group (KIP-814).
    pub skip_assignment: bool,
}

/// A member as the leader is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JoinedMember {
    /// Its id.
    pub member: MemberId,
    /// The name that it keeps over its lives.
    pub instance: Option<InstanceId>,
    /// What it wants to read.
    pub subscription: Arc<Subscription>,
}

/// A member asks for its assignment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sync {
    /// The group.
    pub group: GroupId,
    /// The generation it joined.
    pub generation: Generation,
    /// Who asks.
    pub member: MemberId,
    /// The name that it keeps over its lives.
    pub instance: Option<InstanceId>,
    /// The assignor it was told (KIP-559).
    pub protocol: Assignor,
    /// From the leader: what each member gets. Empty from the others.
    pub assignments: Vec<(MemberId, Vec<TopicPartition>)>,
}

/// What a member gets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Synced {
    /// The assignor that was used.
    pub protocol: Assignor,
    /// The member's partitions.
    pub partitions: Vec<TopicPartition>,
}

/// A member is alive.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupHeartbeat {
    /// The group.
    pub group: GroupId,
    /// The generation it is in.
    pub generation: Generation,
    /// Who.
    pub member: MemberId,
    /// The name that it keeps over its lives.
    pub instance: Option<InstanceId>,
}

/// A member goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Leave {
    /// The group.
    pub group: GroupId,
    /// Who; `None`: whoever has the instance name now (a person removes it).
    pub member: Option<MemberId>,
    /// The name that it keeps over its lives.
    pub instance: Option<InstanceId>,
}

/// A member has processed so far.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OffsetCommit {
    /// The group.
    pub group: GroupId,
    /// Who, and in which generation; `None`: somebody who uses the group for its offsets only.
    pub member: Option<(MemberId, Generation)>,
    /// The name that it keeps over its lives.
    pub instance: Option<InstanceId>,
    /// The next offset to be read in each partition.
    pub offsets: Vec<(TopicPartition, CommittedOffset)>,
}

/// A member has processed so far, if a transaction commits. The coordinator adds its offsets partition to the
/// transaction by itself (KIP-890, part 2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TxnOffsetCommit {
    /// The group.
    pub group: GroupId,
    /// Who, and in which generation (KIP-447); `None`: somebody who uses the group for its offsets only.
    pub member: Option<(MemberId, Generation)>,
    /// The name that it keeps over its lives.
    pub instance: Option<InstanceId>,
    /// The transaction's producer, by name.
    pub transactional: TransactionalId,
    /// The same, by number.
    pub producer: ProducerId,
    /// Its reign.
    pub epoch: ProducerEpoch,
    /// The next offset to be read in each partition.
    pub offsets: Vec<(TopicPartition, CommittedOffset)>,
}

/// How far a group is in a partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommittedOffset {
    /// The next offset to be read.
    pub offset: Offset,
    /// The leader epoch of the last record that was read (KIP-320); `None`: not known.
    pub leader_epoch: Option<LeaderEpoch>,
    /// Whatever the committer wanted to keep with it.
    pub metadata: Arc<str>,
}

/// Asks how far a group was.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OffsetFetch {
    /// The group.
    pub group: GroupId,
    /// In which partitions; `None`: in all that it has committed something in.
    pub partitions: Option<Vec<TopicPartition>>,
}

impl Assignor {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Range, Self::RoundRobin, Self::Sticky, Self::CooperativeSticky];

    /// Its name in Kafka's protocol.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }
}

impl GroupRequest {
    /// The group it is about.
    pub const fn group(&self) -> &GroupId {
        match self {
            Self::FindCoordinator { group } | Self::Delete { group } => group,
            Self::Join(request) => &request.group,
            Self::Sync(request) => &request.group,
            Self::Heartbeat(request) => &request.group,
            Self::Leave(request) => &request.group,
            Self::OffsetCommit(request) => &request.group,
            Self::OffsetFetch(request) => &request.group,
            Self::TxnOffsetCommit(request) => &request.group,
        }
    }

    /// The reply that refuses this request.
    pub const fn refuse(&self, refused: Refused) -> GroupReply {
        match self {
            Self::FindCoordinator { .. } => GroupReply::FindCoordinator(Err(refused)),
            Self::Join(_) => GroupReply::Join(Err(refused)),
            Self::Sync(_) => GroupReply::Sync(Err(refused)),
            Self::Heartbeat(_) => GroupReply::Heartbeat(Err(refused)),
            Self::Leave(_) => GroupReply::Leave(Err(refused)),
            Self::OffsetCommit(_) => GroupReply::OffsetCommit(Err(refused)),
            Self::OffsetFetch(_) => GroupReply::OffsetFetch(Err(refused)),
            Self::Delete { .. } => GroupReply::Delete(Err(refused)),
            Self::TxnOffsetCommit(_) => GroupReply::TxnOffsetCommit(Err(refused)),
        }
    }

    /// About how many bytes it takes on a wire, beyond any message's frame.
    pub(crate) fn payload(&self) -> u64 {
        match self {
            Self::Join(request) => subscription_bytes(&request.subscription),
            Self::Sync(request) => request
                .assignments
                .iter()
                .map(|(_, partitions)| IDENTITY + PARTITION * partitions.len() as u64)
                .sum(),
            Self::OffsetCommit(request) => COMMITTED * request.offsets.len() as u64,
            Self::TxnOffsetCommit(request) => IDENTITY + COMMITTED * request.offsets.len() as u64,
            Self::OffsetFetch(request) => {
                PARTITION * request.partitions.as_ref().map_or(0, |partitions| partitions.len() as u64)
            }
            Self::FindCoordinator { .. } | Self::Heartbeat(_) | Self::Leave(_) | Self::Delete { .. } => 0,
        }
    }
}

impl GroupReply {
    /// About how many bytes it takes on a wire, beyond any message's frame.
    pub(crate) fn payload(&self) -> u64 {
        match self {
            Self::Join(Ok(joined)) => {
                joined.members.iter().map(|member| IDENTITY + subscription_bytes(&member.subscription)).sum()
            }
            Self::Sync(Ok(synced)) => PARTITION * synced.partitions.len() as u64,
            Self::OffsetFetch(Ok(offsets)) => COMMITTED * offsets.len() as u64,
            Self::Join(Err(_))
            | Self::Sync(Err(_))
            | Self::OffsetFetch(Err(_))
            | Self::FindCoordinator(_)
            | Self::Heartbeat(_)
            | Self::Leave(_)
            | Self::OffsetCommit(_)
            | Self::Delete(_)
            | Self::TxnOffsetCommit(_) => 0,
        }
    }
}

/// A member's id, about: Kafka's is a client's name and a UUID.
const IDENTITY: u64 = 50;

/// A partition's number, and its share of its topic's name.
const PARTITION: u64 = 8;

/// A partition with a committed offset.
const COMMITTED: u64 = 30;

fn subscription_bytes(subscription: &Subscription) -> u64 {
    let topics: usize = subscription.topics.iter().map(|topic| topic.len() + 2).sum();
    topics as u64 + PARTITION * subscription.owned.len() as u64
}
