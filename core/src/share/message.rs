//! What workers, people and the leaders of share-partitions say to each other.
//!
//! After KIP-932's ShareFetch and ShareAcknowledge, one partition and one record a request. Simpler than there:
//! no share sessions and no session epochs. A session keeps the order of a connection and saves lists of
//! partitions; here an acknowledgement names the very delivery that it is about ([`Turn`]), so that a late copy
//! settles nothing else, and copies of a fetch are known by their numbers. A fetch answers which offsets were
//! acquired; the worker reads the records where they lie, as any consumer.
//! Putting back and listing are for people. Kafka has neither; KIP-1191 leaves both to whoever reads the topic.

use crate::ids::{GroupId, MemberId, Offset, TopicPartition, Turn};
use crate::refused::Refused;
use crate::time::Span;

/// What can be asked of the leader of a share-partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ShareRequest {
    /// A worker wants records to work on (ShareFetch).
    Fetch(ShareFetch),
    /// A worker is done with one, or wants more time for it (ShareAcknowledge).
    Acknowledge(ShareAcknowledge),
    /// A person wants a dead letter worked on again.
    PutBack(PutBack),
    /// A person wants to know what is stuck.
    ListStuck {
        /// The group.
        group: GroupId,
        /// The partition that it works on.
        at: TopicPartition,
    },
}

/// The answers, one arm a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ShareReply {
    /// To [`ShareRequest::Fetch`]: what was acquired, by offset; nothing, if nothing came in time.
    Fetch(Result<Vec<Acquired>, Refused>),
    /// To [`ShareRequest::Acknowledge`]: once it is committed.
    Acknowledge(Result<(), Refused>),
    /// To [`ShareRequest::PutBack`]: once it is committed.
    PutBack(Result<(), Refused>),
    /// To [`ShareRequest::ListStuck`], by offset.
    ListStuck(Result<Vec<Stuck>, Refused>),
}

/// A worker wants records.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ShareFetch {
    /// The group it works for.
    pub group: GroupId,
    /// Of which partition.
    pub at: TopicPartition,
    /// Who asks: an id that it drew for this life (KIP-1082).
    pub member: MemberId,
    /// `max.poll.records`: how many it takes at most.
    pub max_records: u32,
    /// How long to wait if there is nothing.
    pub max_wait: Span,
}

/// A record is the worker's until its lock runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Acquired {
    /// Which record.
    pub offset: Offset,
    /// Which of its deliveries this is.
    pub turn: Turn,
    /// How often it was delivered, this time included; from one again after it was put back.
    pub count: u32,
    /// How often it was put back.
    pub returned: u32,
}

/// A worker says what became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ShareAcknowledge {
    /// The group it works for.
    pub group: GroupId,
    /// Of which partition.
    pub at: TopicPartition,
    /// Who.
    pub member: MemberId,
    /// The record.
    pub offset: Offset,
    /// Its delivery.
    pub turn: Turn,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a delivery: KIP-932's AcknowledgeType.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// There is no record at this offset (0).
    Gap,
    /// It is worked (1).
    Accept,
    /// Somebody should try again (2).
    Release,
    /// Nobody can work it (3).
    Reject,
    /// It takes longer (4, KIP-1222).
    Renew,
}

/// A person wants a dead letter worked on again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PutBack {
    /// The group that gave it up.
    pub group: GroupId,
    /// Its partition.
    pub at: TopicPartition,
    /// The record.
    pub offset: Offset,
    /// Its last delivery, as the letter says: a copy that comes late must not put back what died again since.
    pub turn: Turn,
}

/// A record that gets no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stuck {
    /// Which.
    pub offset: Offset,
    /// Its last delivery.
    pub turn: Turn,
    /// How often it was delivered.
    pub count: u32,
    /// How it is stuck.
    pub how: Standstill,
}

/// How a record is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standstill {
    /// It was tried before and waits for another worker.
    Retried,
    /// Somebody works on it.
    Held,
    /// It is given up, and its letter is not in the dead-letter topic yet.
    Dying,
    /// Its letter is in the dead-letter topic.
    Dead,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Gap, Self::Accept, Self::Release, Self::Reject, Self::Renew];

    /// Its name in KIP-932.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Accept => "accept",
            Self::Release => "release",
            Self::Reject => "reject",
            Self::Renew => "renew",
        }
    }
}

impl ShareRequest {
    /// The group and the partition it is about.
    pub const fn about(&self) -> (&GroupId, TopicPartition) {
        match self {
            Self::Fetch(request) => (&request.group, request.at),
            Self::Acknowledge(request) => (&request.group, request.at),
            Self::PutBack(request) => (&request.group, request.at),
            Self::ListStuck { group, at } => (group, *at),
        }
    }

    /// The reply that refuses this request.
    pub const fn refuse(&self, refused: Refused) -> ShareReply {
        match self {
            Self::Fetch(_) => ShareReply::Fetch(Err(refused)),
            Self::Acknowledge(_) => ShareReply::Acknowledge(Err(refused)),
            Self::PutBack(_) => ShareReply::PutBack(Err(refused)),
            Self::ListStuck { .. } => ShareReply::ListStuck(Err(refused)),
        }
    }
}

impl ShareReply {
    /// About how many bytes it takes on a wire, beyond any message's frame.
    pub(crate) const fn payload(&self) -> u64 {
        const ENTRY: u64 = 20;
        match self {
            Self::Fetch(Ok(acquired)) => ENTRY * acquired.len() as u64,
            Self::ListStuck(Ok(stuck)) => ENTRY * stuck.len() as u64,
            Self::Fetch(Err(_)) | Self::ListStuck(Err(_)) | Self::Acknowledge(_) | Self::PutBack(_) => 0,
        }
    }
}
