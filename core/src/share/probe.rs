//! Facts about share groups: what the leaders of share-partitions did, and what workers and people were told.

use crate::ids::{GroupId, LeaderEpoch, MemberId, Offset, TopicPartition, Turn};
use crate::refused::Refused;
use crate::share::message::Verdict;
use crate::time::Time;

/// About a share group. A leader's facts are reported once they are committed; they name its reign, for the word
/// of a deposed leader may come late.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ShareProbe {
    /// A broker was elected, and reads a partition of the share-group state before it answers anybody.
    Loading {
        /// The state partition.
        at: TopicPartition,
        /// The reign.
        epoch: LeaderEpoch,
        /// Up to where it has to read.
        end: Offset,
    },
    /// It found this share-partition, when it had read everything.
    Restored {
        /// Whose it is.
        of: SharePartition,
        /// In this reign.
        epoch: LeaderEpoch,
        /// The next record that was never delivered (KIP-932's SPEO).
        next: Offset,
        /// The records before it that are neither worked nor dead, by offset.
        records: Vec<Kept>,
    },
    /// It has read everything, and leads the share-partitions of this state partition.
    Loaded {
        /// The state partition.
        at: TopicPartition,
        /// The reign.
        epoch: LeaderEpoch,
        /// Up to where it has read.
        end: Offset,
    },
    /// It leads them no longer, and has forgotten them.
    Unloaded {
        /// The state partition.
        at: TopicPartition,
        /// The reign that ended.
        epoch: LeaderEpoch,
    },
    /// A record is a worker's.
    Acquired {
        /// Which.
        delivery: Delivery,
        /// In this reign.
        epoch: LeaderEpoch,
        /// Whose.
        member: MemberId,
        /// How often it was delivered since it was last put back, this time included.
        count: u32,
        /// When, by its leader's clock, which paces go by.
        at: Time,
    },
    /// A delivery is over.
    Settled {
        /// Which.
        delivery: Delivery,
        /// In this reign.
        epoch: LeaderEpoch,
        /// How it ended.
        how: Ending,
        /// What the record is from now on.
        then: Afterwards,
    },
    /// A worker has more time.
    Renewed {
        /// For which delivery.
        delivery: Delivery,
        /// In this reign.
        epoch: LeaderEpoch,
    },
    /// A letter is in the dead-letter topic, and the record is dead.
    Buried {
        /// Its last delivery.
        delivery: Delivery,
        /// In this reign.
        epoch: LeaderEpoch,
    },
    /// A dead record is alive again.
    PutBack {
        /// Its last delivery.
        delivery: Delivery,
        /// In this reign.
        epoch: LeaderEpoch,
    },
    /// A worker's side: it was told that a record is its own.
    Received {
        /// Which.
        delivery: Delivery,
        /// Who.
        member: MemberId,
        /// How often it was delivered since it was last put back.
        count: u32,
    },
    /// A worker's side: it sends an acknowledgement, for the first time.
    Acknowledging {
        /// Of which delivery.
        delivery: Delivery,
        /// Who.
        member: MemberId,
        /// What it says.
        verdict: Verdict,
        /// The sender's name for the record; `None` if there is none.
        record: Option<u64>,
    },
    /// A worker's side: it knows what became of its acknowledgement, or gives it up.
    Acknowledged {
        /// Of which delivery.
        delivery: Delivery,
        /// Who.
        member: MemberId,
        /// What it said.
        verdict: Verdict,
        /// The answer; a refusal that may be of a later copy of what was taken counts as none.
        result: Told,
    },
    /// A person's side: it read a letter.
    LetterRead {
        /// The dead record's last delivery.
        delivery: Delivery,
    },
    /// A person's side: it was told that a letter is put back.
    Returned {
        /// The record's last delivery.
        delivery: Delivery,
    },
    /// A person's side: it was told what is stuck.
    Monitored {
        /// Where.
        of: SharePartition,
        /// How many are tried again or held.
        retried: u32,
        /// How many are dead or dying.
        dead: u32,
    },
}

/// A group's share of a partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharePartition {
    /// The group.
    pub group: GroupId,
    /// The partition of its topic.
    pub at: TopicPartition,
}

impl SharePartition {
    /// Its name, by which its state has a place: what Kafka's `SharePartitionKey` writes.
    pub fn key(&self) -> String {
        format!("{}:{}:{}", self.group, self.at.topic, self.at.partition)
    }
}

/// One delivery of one record to one group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delivery {
    /// The group, and the partition.
    pub of: SharePartition,
    /// The record.
    pub offset: Offset,
    /// Which of its deliveries.
    pub turn: Turn,
}

/// A record as a new leader finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kept {
    /// The record.
    pub offset: Offset,
    /// Its last delivery.
    pub turn: Turn,
    /// Whose it is.
    pub holder: Option<MemberId>,
    /// It is given up and waits for its letter.
    pub archiving: bool,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// Its worker said so.
    Acknowledged(Verdict),
    /// Its lock ran out.
    Expired,
}

/// What a record is after a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Afterwards {
    /// Anybody's.
    Available,
    /// Worked, or not there.
    Done,
    /// Given up: its letter is to be written.
    Archiving,
}

/// What a worker knows of its acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    /// It is committed.
    Taken,
    /// It was refused, and no copy of it was taken.
    Refused(Refused),
    /// It may have been taken or not.
    Unknown,
}
