//! What nodes say to each other: requests, their replies, and the controllers' consensus.
//!
//! A closed vocabulary: every receiver handles every arm. Requests follow Kafka's APIs of the same name,
//! reduced to what this broker does; a request names one partition where Kafka's takes many.
//! Deliberately absent: a wire format. The simulator passes values; bytes on sockets come with the node.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use crate::group::message::{GroupReply, GroupRequest};
use crate::ids::{
    BrokerEpoch, BrokerId, CorrelationId, DiskId, Incarnation, LeaderEpoch, Offset, PartitionEpoch,
    ProducerEpoch, ProducerId, TopicId, TopicPartition, TransactionalId,
};
use crate::log::CleanupPolicy;
use crate::metadata::{MetadataRecord, PartitionState, Snapshot};
use crate::quorum::message::QuorumMessage;
use crate::refused::Refused;
use crate::share::message::{ShareReply, ShareRequest};
use crate::time::Span;
use crate::transaction::message::{TransactionReply, TransactionRequest};

/// Anything that goes over the network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Message {
    /// Between voters of the controller quorum.
    Quorum(QuorumMessage),
    /// Wants a reply of the same number.
    Request {
        /// Chosen by the asker; the reply repeats it.
        id: CorrelationId,
        /// What is asked.
        request: Request,
    },
    /// Answers a request.
    Reply {
        /// The request's number.
        id: CorrelationId,
        /// The answer.
        reply: Reply,
    },
}

/// What a message without a payload takes on a wire, about: Kafka's and TCP's headers and a few fields.
const FRAME: u64 = 100;

/// A metadata record, about.
const RECORD: u64 = 60;

/// An aborted transaction in a reply.
const ABORTED: u64 = 16;

impl Message {
    /// About how many bytes it takes on a wire.
    pub fn bytes(&self) -> u64 {
        let payload = match self {
            Self::Quorum(message) => message.payload(),
            Self::Request { request, .. } => {
                if let Request::Produce(produce) = request {
                    produce.batch.len() as u64
                } else if let Request::Group(request) = request {
                    request.payload()
                } else {
                    0
                }
            }
            Self::Reply { reply, .. } => reply.payload(),
        };
        FRAME + payload
    }
}

impl Reply {
    fn payload(&self) -> u64 {
        if let Self::Fetch { result: Ok(fetched), .. } = self {
            let aborted = fetched.stable.as_ref().map_or(0, |stable| stable.aborted.len());
            return fetched.batches.len() as u64 + ABORTED * aborted as u64;
        }
        if let Self::FetchMetadata(Ok(update)) = self {
            let snapshot =
                update.snapshot.as_ref().map_or(0, |snapshot| snapshot.brokers.len() + snapshot.topics.len());
            return RECORD * (snapshot + update.records.len()) as u64;
        }
        if let Self::Group(reply) = self {
            return reply.payload();
        }
        if let Self::Share(reply) = self {
            return reply.payload();
        }
        0
    }
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// A broker starts a life (KIP-631 BrokerRegistration).
    RegisterBroker(RegisterBroker),
    /// A broker is alive, and how far it has read the metadata log (BrokerHeartbeat).
    Heartbeat(Heartbeat),
    /// An observer reads the committed metadata log.
    FetchMetadata(FetchMetadata),
    /// A leader wants another ISR (KIP-497 AlterPartition).
    AlterPartition(AlterPartition),
    /// A person wants a topic.
    CreateTopic(CreateTopic),
    /// A broker wants producer ids to hand out.
    AllocateProducerIds(AllocateProducerIds),
    /// A person wants another leader, though nothing failed.
    ElectLeader(ElectLeader),
    /// A client asks who leads what.
    Metadata,
    /// A producer wants an identity (KIP-98).
    InitProducerId,
    /// A producer's batch.
    Produce(Produce),
    /// A follower or a consumer reads.
    Fetch(Fetch),
    /// Where does an epoch end (KIP-101, KIP-320 OffsetForLeaderEpoch)?
    EpochEnd(EpochEnd),
    /// Where is the start, the end, or a time (ListOffsets)?
    ListOffsets(ListOffsets),
    /// About a consumer group.
    Group(GroupRequest),
    /// About a transaction.
    Transaction(TransactionRequest),
    /// About a share group.
    Share(ShareRequest),
}

/// The answers, one arm a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reply {
    /// To [`Request::RegisterBroker`].
    RegisterBroker(Result<BrokerEpoch, Refused>),
    /// To [`Request::Heartbeat`]: whether the broker is fenced.
    Heartbeat(Result<HeartbeatReply, Refused>),
    /// To [`Request::FetchMetadata`].
    FetchMetadata(Result<MetadataUpdate, Refused>),
    /// To [`Request::AlterPartition`]: the registration as it stands after the change.
    AlterPartition {
        /// The partition it is about.
        at: TopicPartition,
        /// Its registration, or why it did not change.
        result: Result<PartitionState, Refused>,
    },
    /// To [`Request::CreateTopic`].
    CreateTopic(Result<TopicId, Refused>),
    /// To [`Request::AllocateProducerIds`].
    AllocateProducerIds(Result<ProducerIds, Refused>),
    /// To [`Request::ElectLeader`].
    ElectLeader(Result<(), Refused>),
    /// To [`Request::Metadata`].
    Metadata(Result<ClusterMetadata, Refused>),
    /// To [`Request::InitProducerId`].
    InitProducerId(Result<(ProducerId, ProducerEpoch), Refused>),
    /// To [`Request::Produce`].
    Produce {
        /// The partition it is about.
        at: TopicPartition,
        /// Where the batch went, or why it did not.
        result: Result<Produced, Refused>,
    },
    /// To [`Request::Fetch`].
    Fetch {
        /// The partition it is about.
        at: TopicPartition,
        /// What was read, or why not.
        result: Result<Fetched, Refused>,
    },
    /// To [`Request::EpochEnd`].
    EpochEnd {
        /// The partition it is about.
        at: TopicPartition,
        /// The largest epoch not above the asked one, and where it ends.
        result: Result<EpochEndOffset, Refused>,
    },
    /// To [`Request::ListOffsets`].
    ListOffsets {
        /// The partition it is about.
        at: TopicPartition,
        /// The place asked for.
        result: Result<Offset, Refused>,
    },
    /// To [`Request::Group`].
    Group(GroupReply),
    /// To [`Request::Transaction`].
    Transaction(TransactionReply),
    /// To [`Request::Share`].
    Share(ShareReply),
}

/// A broker's word on itself at the start of a life.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RegisterBroker {
    /// Who it is; stays over restarts and lost disks.
    pub broker: BrokerId,
    /// This life.
    pub incarnation: Incarnation,
    /// The disk it found or formatted.
    pub disk: DiskId,
    /// Whether all that earlier lives claimed to hold is still on that disk: every batch was flushed before
    /// it was claimed (KIP-966 asks for such proof, in the form of a clean shutdown).
    pub intact: bool,
    /// The registration that this one is to replace; `None` if it knows of none.
    pub replaces: Option<BrokerEpoch>,
    /// The last topic of which its disk holds anything: controllers that have not created it are another
    /// cluster's, or have lost their log. Kafka's nodes keep a cluster id instead (KIP-78).
    pub last_topic: Option<TopicId>,
}

/// A sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Heartbeat {
    /// Who.
    pub broker: BrokerId,
    /// Its registration.
    pub epoch: BrokerEpoch,
    /// The next metadata offset it wants: all before is applied.
    pub metadata_end: Offset,
}

/// The controller's word on a living broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeartbeatReply {
    /// A fenced broker leads nothing and is in no ISR.
    pub fenced: bool,
}

/// Reads the committed metadata log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FetchMetadata {
    /// The next offset wanted.
    pub from: Offset,
    /// How long to wait if there is nothing yet.
    pub max_wait: Span,
}

/// A stretch of the committed metadata log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetadataUpdate {
    /// To be loaded first: the asked offset lies before the log start.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The offset of `records[0]`.
    pub base: Offset,
    /// Committed records, dense.
    pub records: Vec<Arc<MetadataRecord>>,
}

/// A leader's wish for another ISR, refused unless both epochs and every member's broker epoch still hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AlterPartition {
    /// The leader that asks.
    pub broker: BrokerId,
    /// Its registration.
    pub broker_epoch: BrokerEpoch,
    /// The partition.
    pub at: TopicPartition,
    /// The reign it asks in.
    pub leader_epoch: LeaderEpoch,
    /// The registration it wants to change.
    pub partition_epoch: PartitionEpoch,
    /// The wished ISR, with the broker epoch each member last fetched under (KIP-903).
    pub isr: Vec<(BrokerId, BrokerEpoch)>,
}

/// A topic to be made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CreateTopic {
    /// Its name, unique.
    pub name: String,
    /// How many partitions, at least one.
    pub partitions: u32,
    /// How many replicas each.
    pub replication: u32,
    /// `min.insync.replicas`.
    pub min_isr: u32,
    /// `unclean.leader.election.enable`.
    pub unclean: bool,
    /// `cleanup.policy`.
    pub cleanup: CleanupPolicy,
}

/// Asks for a block of producer ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AllocateProducerIds {
    /// Who asks.
    pub broker: BrokerId,
    /// Its registration.
    pub epoch: BrokerEpoch,
}

/// A block of producer ids, given to nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProducerIds {
    /// The first.
    pub first: ProducerId,
    /// How many.
    pub count: u32,
}

/// A planned move of leadership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ElectLeader {
    /// The partition.
    pub at: TopicPartition,
    /// The wished leader; `None`: any other in-sync replica.
    pub to: Option<BrokerId>,
}

/// Who leads what, as one broker knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClusterMetadata {
    /// How new this is: the next metadata offset the broker wants.
    pub version: Offset,
    /// Every topic.
    pub topics: Vec<TopicMetadata>,
}

/// A topic as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopicMetadata {
    /// Its number.
    pub topic: TopicId,
    /// Its name.
    pub name: Arc<str>,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionMetadata>,
}

/// A partition as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartitionMetadata {
    /// Who leads.
    pub leader: Option<BrokerId>,
    /// In which reign.
    pub epoch: LeaderEpoch,
}

/// How sure a producer wants to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Acks {
    /// acks=0: no reply at all.
    None,
    /// acks=1: the leader has written it.
    Leader,
    /// acks=all: it is committed.
    All,
}

/// One batch for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Produce {
    /// The partition.
    pub at: TopicPartition,
    /// When to answer.
    pub acks: Acks,
    /// How long the broker may wait for the in-sync replicas.
    pub timeout: Span,
    /// One record batch in Kafka's v2 layout.
    pub batch: Bytes,
    /// The transactional producer's name, if the batch is part of a transaction: by it the leader finds who
    /// coordinates that, and adds itself to it (KIP-890, part 2).
    pub transactional: Option<TransactionalId>,
}

/// Where a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Produced {
    /// The offset of its first record.
    pub base: Offset,
}

/// A read by a follower or a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetch {
    /// The partition.
    pub at: TopicPartition,
    /// The follower that asks, and its registration (KIP-903); `None`: a consumer.
    pub replica: Option<(BrokerId, BrokerEpoch)>,
    /// The reign the asker knows (KIP-320).
    pub leader_epoch: LeaderEpoch,
    /// The next offset wanted. From a follower: it holds everything before.
    pub offset: Offset,
    /// The epoch of the record before `offset`, as the asker has it (KIP-595); `None`: it has none.
    pub last_epoch: Option<LeaderEpoch>,
    /// The reply stops after the first batch that reaches this size.
    pub max_bytes: u32,
    /// How long to wait if there is nothing yet.
    pub max_wait: Span,
    /// What a consumer wants to see of transactions. A follower gets everything.
    pub isolation: Isolation,
}

/// What a consumer sees of transactions, `isolation.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Isolation {
    /// Everything below the high watermark.
    #[default]
    ReadUncommitted,
    /// What is below the last stable offset; of that it leaves out what was aborted, by the reply's list.
    ReadCommitted,
}

/// What a fetch brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The reign it was answered in.
    pub leader_epoch: LeaderEpoch,
    /// Up to where the log is committed; `None` while a new leader does not know (KIP-207).
    pub high_watermark: Option<Offset>,
    /// The first record kept.
    pub log_start: Offset,
    /// Set instead of `batches`: the asker's log parts from the leader's, at the latest here.
    pub diverging: Option<EpochEndOffset>,
    /// Whole record batches, back to back; the first may start before the asked offset.
    pub batches: Bytes,
    /// For a consumer that wants committed records only; `None` for anybody else, or with nothing to tell.
    pub stable: Option<Stable>,
}

/// What a consumer must know to leave out what was not committed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stable {
    /// Every transaction with a record below is decided. Nothing from here on is in the reply.
    pub last_stable: Offset,
    /// The transactions with records in the reply that were aborted, by first offset. From there on the
    /// producer's transactional batches are to be left out, up to its abort marker.
    pub aborted: Vec<AbortedTransaction>,
}

/// A transaction that was aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbortedTransaction {
    /// Offset of its first record in this partition.
    pub first: Offset,
    /// Its producer.
    pub producer: ProducerId,
}

// What only transactions have is hashed only where it is: a run without them is recognised by the fingerprint
// that it had before there were any.

impl Hash for Produce {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { at, acks, timeout, batch, transactional } = self;
        (at, acks, timeout, batch).hash(state);
        if let Some(transactional) = transactional {
            transactional.hash(state);
        }
    }
}

impl Hash for Fetch {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { at, replica, leader_epoch, offset, last_epoch, max_bytes, max_wait, isolation } = self;
        (at, replica, leader_epoch, offset, last_epoch, max_bytes, max_wait).hash(state);
        if *isolation != Isolation::default() {
            isolation.hash(state);
        }
    }
}

impl Hash for Fetched {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { leader_epoch, high_watermark, log_start, diverging, batches, stable } = self;
        (leader_epoch, high_watermark, log_start, diverging, batches).hash(state);
        if let Some(stable) = stable {
            stable.hash(state);
        }
    }
}

/// Asks where an epoch ends in the leader's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EpochEnd {
    /// The partition.
    pub at: TopicPartition,
    /// The reign the asker knows.
    pub leader_epoch: LeaderEpoch,
    /// The epoch asked about.
    pub epoch: LeaderEpoch,
}

/// The largest epoch not above the asked one, and its end (KIP-279: one without the other misleads).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EpochEndOffset {
    /// The epoch; `None` if the leader's log has none so old.
    pub epoch: Option<LeaderEpoch>,
    /// Its end, exclusive.
    pub end: Offset,
}

/// Asks for a place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListOffsets {
    /// The partition.
    pub at: TopicPartition,
    /// The reign the asker knows.
    pub leader_epoch: LeaderEpoch,
    /// Which place.
    pub place: Place,
    /// What counts as the end (KIP-98): for readers of committed records, the last stable offset.
    pub isolation: Isolation,
}

/// A place in a log, by what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The log start.
    Earliest,
    /// The high watermark.
    Latest,
    /// The first record with this timestamp (ms) or a later one; the high watermark if there is none.
    Timestamp(u64),
}

impl Request {
    /// The reply that refuses this request; `None` where nobody listens.
    pub fn refuse(&self, refused: Refused) -> Option<Reply> {
        Some(match self {
            Self::RegisterBroker(_) => Reply::RegisterBroker(Err(refused)),
            Self::Heartbeat(_) => Reply::Heartbeat(Err(refused)),
            Self::FetchMetadata(_) => Reply::FetchMetadata(Err(refused)),
            Self::AlterPartition(r) => Reply::AlterPartition { at: r.at, result: Err(refused) },
            Self::CreateTopic(_) => Reply::CreateTopic(Err(refused)),
            Self::AllocateProducerIds(_) => Reply::AllocateProducerIds(Err(refused)),
            Self::ElectLeader(_) => Reply::ElectLeader(Err(refused)),
            Self::Metadata => Reply::Metadata(Err(refused)),
            Self::InitProducerId => Reply::InitProducerId(Err(refused)),
            Self::Produce(r) if r.acks == Acks::None => return None,
            Self::Produce(r) => Reply::Produce { at: r.at, result: Err(refused) },
            Self::Fetch(r) => Reply::Fetch { at: r.at, result: Err(refused) },
            Self::EpochEnd(r) => Reply::EpochEnd { at: r.at, result: Err(refused) },
            Self::ListOffsets(r) => Reply::ListOffsets { at: r.at, result: Err(refused) },
            Self::Group(r) => Reply::Group(r.refuse(refused)),
            Self::Transaction(r) => Reply::Transaction(r.refuse(refused)),
            Self::Share(r) => Reply::Share(r.refuse(refused)),
        })
    }
}
