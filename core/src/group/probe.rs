//! Facts about groups: what coordinators did, and what members believe to own.

use crate::group::message::Assignor;
use crate::ids::{Generation, GroupId, InstanceId, LeaderEpoch, MemberId, Offset, TopicPartition};

/// About a group, or about the coordinator of many.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupProbe {
    /// A broker was elected, and reads an offsets partition before it answers anybody.
    Loading {
        /// The offsets partition.
        at: TopicPartition,
        /// The reign.
        epoch: LeaderEpoch,
        /// Up to where it has to read.
        end: Offset,
    },
    /// It found this group, when it had read everything.
    Restored {
        /// The group.
        group: GroupId,
        /// Its generation.
        generation: Generation,
        /// Its members, sorted.
        members: Vec<MemberId>,
    },
    /// It has read everything, and coordinates the groups of this partition.
    Loaded {
        /// The offsets partition.
        at: TopicPartition,
        /// The reign.
        epoch: LeaderEpoch,
        /// Up to where it has read.
        end: Offset,
    },
    /// It coordinates them no longer, and has forgotten them.
    Unloaded {
        /// The offsets partition.
        at: TopicPartition,
        /// The reign that ended.
        epoch: LeaderEpoch,
    },
    /// A member was taken in; it is in no generation yet.
    Joined {
        /// The group.
        group: GroupId,
        /// Its id.
        member: MemberId,
        /// The name that it keeps over its lives.
        instance: Option<InstanceId>,
    },
    /// All members must join again.
    Rebalancing {
        /// The group.
        group: GroupId,
        /// The generation that ends.
        generation: Generation,
    },
    /// A generation begins: everybody has joined, or is out.
    Rebalanced {
        /// The group.
        group: GroupId,
        /// The generation.
        generation: Generation,
        /// The assignor that was voted for; `None`: nobody is left.
        protocol: Option<Assignor>,
        /// Who assigns.
        leader: Option<MemberId>,
        /// Its members, sorted.
        members: Vec<MemberId>,
    },
    /// The leader's assignment is in the log, and members are told theirs.
    Assigned {
        /// The group.
        group: GroupId,
        /// The generation.
        generation: Generation,
        /// What each member gets, by member.
        assignments: Vec<(MemberId, Vec<TopicPartition>)>,
    },
    /// A static member came back under another id (KIP-345).
    Replaced {
        /// The group.
        group: GroupId,
        /// The name that it keeps over its lives.
        instance: InstanceId,
        /// The id that is fenced from now on.
        old: MemberId,
        /// The new one.
        new: MemberId,
    },
    /// A member asked under an id that another life of its has replaced.
    Fenced {
        /// The group.
        group: GroupId,
        /// The name that both have.
        instance: InstanceId,
        /// Who asked.
        member: MemberId,
    },
    /// A member is out.
    Left {
        /// The group.
        group: GroupId,
        /// Who.
        member: MemberId,
        /// Why.
        why: Departure,
    },
    /// A commit was taken and is being replicated.
    CommitTaken {
        /// The group.
        group: GroupId,
        /// Whose, and in which generation; `None`: nobody's.
        member: Option<(MemberId, Generation)>,
        /// The partition.
        at: TopicPartition,
        /// The next offset to be read.
        offset: Offset,
    },
    /// A commit is in the committed part of the offsets partition; the committer is told.
    OffsetCommitted {
        /// The group.
        group: GroupId,
        /// The partition.
        at: TopicPartition,
        /// The next offset to be read.
        offset: Offset,
    },
    /// An offset was forgotten because its group has been empty for too long (KIP-211), or was deleted.
    OffsetExpired {
        /// The group.
        group: GroupId,
        /// The partition.
        at: TopicPartition,
        /// What had been committed.
        offset: Offset,
    },
    /// A group without members and offsets was forgotten.
    Removed {
        /// The group.
        group: GroupId,
    },
    /// A member's side: what it owns, or in which generation it does, changed. Reported also when it loses all.
    OwnedChanged {
        /// The group.
        group: GroupId,
        /// Who.
        member: MemberId,
        /// The generation it is in.
        generation: Generation,
        /// All that it owns, sorted.
        partitions: Vec<TopicPartition>,
    },
    /// A member's side: it learned where to read on in a partition that it won.
    Resumed {
        /// The group.
        group: GroupId,
        /// Who.
        member: MemberId,
        /// The generation it is in.
        generation: Generation,
        /// The partition.
        at: TopicPartition,
        /// What was committed; `None`: nothing, so that the reset policy decides.
        offset: Option<Offset>,
    },
    /// An application's side: it has processed a record.
    Processed {
        /// The group.
        group: GroupId,
        /// Who.
        member: MemberId,
        /// The generation in which it was handed out.
        generation: Generation,
        /// The partition.
        at: TopicPartition,
        /// The record's offset.
        offset: Offset,
        /// The leader epoch it carries.
        epoch: LeaderEpoch,
        /// The sender's name for the record; `None` if the value holds none.
        record: Option<u64>,
    },
    /// An application's side: it was told that its commit is durable.
    Acknowledged {
        /// The group.
        group: GroupId,
        /// Who.
        member: MemberId,
        /// The partition.
        at: TopicPartition,
        /// The next offset to be read.
        offset: Offset,
    },
}

/// Why a member is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Departure {
    /// It said so.
    Asked,
    /// Its session ran out.
    Session,
    /// It did not join a rebalance in time.
    Rebalance,
    /// It did not ask for its assignment in time (KAFKA-10284 and KIP-345's follow-up: a leader that never syncs).
    Sync,
}
