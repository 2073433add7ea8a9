//! Probes: the one stream of facts that core reports.
//!
//! In the simulator they feed invariants, timelines and coverage; in production they become tracing and
//! metrics. A probe is emitted in the step in which its fact comes true, and nothing here is read back by
//! core. Epochs of the quorum are leader epochs too, as in KRaft.

use std::sync::Arc;

use bytes::Bytes;

use crate::client::transacted::TransactedProbe;
use crate::group::probe::GroupProbe;
use crate::ids::{
    BrokerEpoch, BrokerId, DiskId, Incarnation, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerEpoch,
    ProducerId, Sequence, TopicPartition,
};
use crate::log::Cleaned;
use crate::message::Acks;
use crate::metadata::MetadataRecord;
use crate::record::Ending;
use crate::refused::Refused;
use crate::share::probe::ShareProbe;
use crate::transaction::probe::TransactionProbe;

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Probe {
    /// About the consensus of the controllers.
    Quorum(QuorumProbe),
    /// About what the controllers decided, as this node has applied it.
    Metadata(MetadataProbe),
    /// About a broker's life.
    Broker(BrokerProbe),
    /// About one replica of one partition.
    Replica(TopicPartition, ReplicaProbe),
    /// About what a client did or saw.
    Client(ClientProbe),
    /// About a consumer group.
    Group(GroupProbe),
    /// About a transaction.
    Transaction(TransactionProbe),
    /// About what an application did or saw in transactions.
    Transacted(TransactedProbe),
    /// About a share group.
    Share(ShareProbe),
}

/// About the consensus of the controllers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum QuorumProbe {
    /// A life began with this on disk.
    Recovered {
        /// The persisted epoch.
        epoch: LeaderEpoch,
        /// The persisted vote in it.
        voted: Option<NodeId>,
        /// The first entry kept.
        start: Offset,
        /// The next entry to be written.
        end: Offset,
    },
    /// The node knows of this epoch and works in it, durable or not.
    Epoch {
        /// The epoch.
        epoch: LeaderEpoch,
    },
    /// The node's epoch is durable, together with its vote in it.
    Persisted {
        /// The epoch.
        epoch: LeaderEpoch,
        /// The vote.
        voted: Option<NodeId>,
    },
    /// A real (not a pre-) vote goes out, to oneself or to another.
    Granted {
        /// The epoch voted in.
        epoch: LeaderEpoch,
        /// For whom.
        candidate: NodeId,
    },
    /// A pre-vote was answered; neither epoch nor vote may have moved.
    PreVoted {
        /// The asked node's epoch.
        epoch: LeaderEpoch,
        /// For whom.
        candidate: NodeId,
        /// Whether it would be granted.
        granted: bool,
    },
    /// The node stands for election.
    Candidate {
        /// In which epoch.
        epoch: LeaderEpoch,
    },
    /// The node leads.
    Leader {
        /// In which epoch.
        epoch: LeaderEpoch,
        /// Its log end when it was elected, before its own first entry.
        end: Offset,
    },
    /// The node follows a leader.
    Follower {
        /// In which epoch.
        epoch: LeaderEpoch,
        /// Whom.
        leader: NodeId,
    },
    /// The node led and does no longer.
    Resigned {
        /// The epoch it led in.
        epoch: LeaderEpoch,
        /// No majority was heard in time (check-quorum), rather than a newer epoch.
        lonely: bool,
    },
    /// A batch of entries was written.
    Appended {
        /// Offset of the first.
        base: Offset,
        /// One past the last.
        next: Offset,
        /// The epoch they were proposed in.
        epoch: LeaderEpoch,
        /// The batch's CRC-32C.
        crc: u32,
    },
    /// Entries from `to` on were cut.
    Truncated {
        /// The new log end.
        to: Offset,
    },
    /// Everything before `end` is durable here.
    Durable {
        /// One past the last durable entry.
        end: Offset,
    },
    /// The commit index rose.
    Committed {
        /// One past the last committed entry.
        to: Offset,
        /// The epoch of the last committed entry.
        epoch: LeaderEpoch,
        /// Whether this node leads, and so decided it itself.
        leader: bool,
    },
    /// A snapshot of everything before `end` was taken here.
    SnapshotTaken {
        /// One past the last entry it covers.
        end: Offset,
        /// The epoch of that entry.
        epoch: LeaderEpoch,
    },
    /// A leader's snapshot replaced the log up to its end, or all of it.
    SnapshotInstalled {
        /// One past the last entry it covers.
        end: Offset,
        /// The epoch of that entry.
        epoch: LeaderEpoch,
        /// Where the log ends now: entries that follow the snapshot's last one stay (Raft §7).
        log_end: Offset,
    },
    /// The first entry kept moved up.
    Start {
        /// It.
        start: Offset,
    },
}

/// About what the controllers decided, as this node has applied it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MetadataProbe {
    /// A committed record was applied.
    Applied {
        /// Its offset in the metadata log.
        offset: Offset,
        /// What it says.
        record: Arc<MetadataRecord>,
    },
    /// A snapshot was loaded instead of the records before `end`.
    Loaded {
        /// One past the last record it covers.
        end: Offset,
        /// A digest of the image it held; equal images have equal digests.
        digest: u64,
    },
    /// This controller has applied all that earlier leaders committed, and decides from here on.
    Active {
        /// Its epoch.
        epoch: LeaderEpoch,
    },
    /// This controller's disk failed it; it does nothing any more.
    Halted,
}

/// About a broker's life.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BrokerProbe {
    /// A life began.
    Started {
        /// This life.
        incarnation: Incarnation,
        /// The disk it found or formatted.
        disk: DiskId,
        /// Whether it vouches for its logs.
        intact: bool,
    },
    /// The controller has registered it.
    Registered {
        /// Under this epoch.
        epoch: BrokerEpoch,
    },
    /// Its disk failed it; it does nothing any more.
    Halted,
}

/// About one replica of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReplicaProbe {
    /// The log was opened and repaired.
    Recovered {
        /// The first record kept.
        start: Offset,
        /// The next record to be written.
        end: Offset,
    },
    /// A batch was written.
    Appended {
        /// Offset of its first record.
        base: Offset,
        /// One past its last record.
        next: Offset,
        /// The leader epoch it carries.
        epoch: LeaderEpoch,
        /// Its CRC-32C.
        crc: u32,
        /// Its idempotent producer.
        stamp: Option<(ProducerId, ProducerEpoch, Sequence)>,
        /// Whether this node leads, and so decided its place.
        leader: bool,
    },
    /// Records from `to` on were cut.
    Truncated {
        /// The new log end.
        to: Offset,
    },
    /// The whole log was dropped, to start again at `to`.
    Reset {
        /// The new log start and end.
        to: Offset,
    },
    /// Everything before `end` is durable here.
    Durable {
        /// One past the last durable record.
        end: Offset,
    },
    /// The first record kept moved up.
    Start {
        /// It.
        start: Offset,
    },
    /// This node leads from now on.
    Leader {
        /// In this reign.
        epoch: LeaderEpoch,
        /// Its log end at that moment, where its reign starts.
        start: Offset,
    },
    /// This node follows from now on.
    Follower {
        /// In this reign.
        epoch: LeaderEpoch,
        /// Whom; `None`: nobody leads.
        leader: Option<BrokerId>,
    },
    /// The high watermark moved.
    HighWatermark {
        /// The reign it moved in.
        epoch: LeaderEpoch,
        /// Where to.
        to: Offset,
        /// Whether this node leads.
        leader: bool,
        /// Whether it is shown to anybody: a new leader's is not until it reaches its reign's start.
        exposed: bool,
    },
    /// The leader asked the controller for another ISR.
    IsrProposed {
        /// Its reign.
        epoch: LeaderEpoch,
        /// The registration it wants to change.
        partition_epoch: PartitionEpoch,
        /// The wish, with the registration each member is vouched for in.
        isr: Vec<(BrokerId, BrokerEpoch)>,
    },
    /// The leader works with this ISR from now on.
    IsrAdopted {
        /// Its reign.
        epoch: LeaderEpoch,
        /// The registration it comes from.
        partition_epoch: PartitionEpoch,
        /// The in-sync replicas.
        isr: Vec<BrokerId>,
    },
    /// The leader answered a produce request with success.
    Acked {
        /// Its reign.
        epoch: LeaderEpoch,
        /// Offset of the batch's first record.
        base: Offset,
        /// One past its last record.
        next: Offset,
        /// What had been asked for.
        acks: Acks,
    },
    /// A batch that is in the log already came again and was answered from memory.
    Absorbed {
        /// Its producer.
        stamp: (ProducerId, ProducerEpoch, Sequence),
    },
    /// A damaged batch was found while reading; it is not served.
    Damaged {
        /// Where.
        at: Offset,
    },
    /// In a log that is compacted a batch is about to be reported as written, and these are its records.
    Holding {
        /// Offset of the batch's first record.
        base: Offset,
        /// Until when its tombstones stay, in milliseconds; `None` unless compaction has seen it.
        delete_horizon: Option<u64>,
        /// Offset, key, and whether it is a tombstone.
        records: Vec<(Offset, Option<Bytes>, bool)>,
    },
    /// Compaction has written a stretch of the log anew.
    Cleaned(Box<Cleaned>),
    /// The batch that was just written is part of a transaction.
    Transactional {
        /// Offset of its first record.
        base: Offset,
        /// Its producer.
        producer: ProducerId,
        /// The producer's reign.
        epoch: ProducerEpoch,
    },
    /// The batch that was just written ends a transaction.
    Marked {
        /// Its offset.
        offset: Offset,
        /// Whose.
        producer: ProducerId,
        /// The reign that the producer goes on in (KIP-890).
        epoch: ProducerEpoch,
        /// The coordinator's reign.
        coordinator_epoch: LeaderEpoch,
        /// How it ends.
        ending: Ending,
    },
    /// A reader that wants committed records only was told up to where everything is decided.
    Stable {
        /// The last stable offset.
        last_stable: Offset,
        /// The high watermark.
        high_watermark: Offset,
    },
}

/// About what a client did or saw.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ClientProbe {
    /// A record was handed to the producer.
    Sent {
        /// The sender's name for the record, unique in the run.
        record: u64,
        /// Its partition; `None`: its topic is not known yet.
        at: Option<TopicPartition>,
        /// What it was sent with.
        acks: Acks,
        /// Whether the producer is idempotent.
        idempotent: bool,
    },
    /// The producer reports success.
    Delivered {
        /// The record.
        record: u64,
        /// Its partition.
        at: TopicPartition,
        /// Its offset; `None` with acks=0.
        offset: Option<Offset>,
    },
    /// The producer reports failure.
    Undelivered {
        /// The record.
        record: u64,
        /// Where it should have gone; `None`: the topic never became known.
        at: Option<TopicPartition>,
        /// Whether it is known not to be in the log.
        definite: bool,
        /// The last refusal; `None`: no answer in time.
        refused: Option<Refused>,
    },
    /// A producer id was given to this client.
    Identified {
        /// It.
        id: ProducerId,
        /// Its reign.
        epoch: ProducerEpoch,
    },
    /// A request is sent again.
    Retried {
        /// The partition.
        at: TopicPartition,
    },
    /// A record was handed to the application.
    Consumed {
        /// Its partition.
        at: TopicPartition,
        /// Its offset.
        offset: Offset,
        /// The leader epoch it carries.
        epoch: LeaderEpoch,
        /// The sender's name for the record; `None` if the value holds none.
        record: Option<u64>,
    },
    /// The consumer's position moved other than by reading.
    Repositioned {
        /// The partition.
        at: TopicPartition,
        /// From here.
        from: Offset,
        /// To here.
        to: Offset,
        /// Because the log was truncated (KIP-320), rather than out of range.
        truncated: bool,
    },
}
