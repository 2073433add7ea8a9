//! What transactional producers, partition leaders and coordinators say to each other: Kafka's APIs.
//!
//! FindCoordinator by key type: this is the one for transactions, the one for groups is with the groups. A marker
//! names one partition, where Kafka's WriteTxnMarkers takes many. A producer need not say which partitions it
//! writes to: their leaders add themselves when its first batch comes (KIP-890, part 2).
//! Deliberately absent: authorization, verify-only additions (each transaction has an epoch of its own, so an
//! addition that comes late is refused), describing and listing transactions.

use crate::ids::{
    BrokerId, GroupId, LeaderEpoch, ProducerEpoch, ProducerId, TopicPartition, TransactionalId,
};
use crate::record::Ending;
use crate::refused::Refused;
use crate::time::Span;

/// What can be asked about a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TransactionRequest {
    /// Which broker coordinates a producer's transactions (FindCoordinator)? Any broker answers.
    FindCoordinator {
        /// The producer.
        transactional: TransactionalId,
    },
    /// A producer starts, or starts anew (InitProducerId).
    Init(InitTransactional),
    /// A partition is part of the transaction (AddPartitionsToTxn): asked by its leader, or by the producer.
    AddPartitions(AddPartitions),
    /// A group's offsets partition is part of the transaction (AddOffsetsToTxn).
    AddOffsets(AddOffsets),
    /// The producer ends its transaction (EndTxn).
    End(EndTxn),
    /// The coordinator ends a transaction in one partition (WriteTxnMarkers); asked of the partition's leader.
    WriteMarker(WriteMarker),
}

/// The answers, one arm a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TransactionReply {
    /// To [`TransactionRequest::FindCoordinator`].
    FindCoordinator(Result<BrokerId, Refused>),
    /// To [`TransactionRequest::Init`]: what to produce under.
    Init(Result<(ProducerId, ProducerEpoch), Refused>),
    /// To [`TransactionRequest::AddPartitions`]: once it is in the coordinator's log.
    AddPartitions(Result<(), Refused>),
    /// To [`TransactionRequest::AddOffsets`]: once it is in the coordinator's log.
    AddOffsets(Result<(), Refused>),
    /// To [`TransactionRequest::End`], once it is decided: what to produce the next transaction under. The
    /// partitions may not have been told yet; until they are, the next one is `CONCURRENT_TRANSACTIONS`.
    End(Result<(ProducerId, ProducerEpoch), Refused>),
    /// To [`TransactionRequest::WriteMarker`]: once the marker is committed in the partition.
    WriteMarker {
        /// The partition.
        at: TopicPartition,
        /// Whose transaction.
        producer: ProducerId,
        /// Whether it is written.
        result: Result<(), Refused>,
    },
}

/// A producer starts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InitTransactional {
    /// Its name.
    pub transactional: TransactionalId,
    /// `transaction.timeout.ms`: a transaction that is open for so long is aborted.
    pub timeout: Span,
    /// What it has produced under so far, if it goes on after an error (KIP-360).
    pub current: Option<(ProducerId, ProducerEpoch)>,
}

/// Partitions that are part of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AddPartitions {
    /// The producer.
    pub transactional: TransactionalId,
    /// The same, by number.
    pub producer: ProducerId,
    /// Its reign.
    pub epoch: ProducerEpoch,
    /// Which.
    pub partitions: Vec<TopicPartition>,
}

/// A group whose offsets are part of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AddOffsets {
    /// The producer.
    pub transactional: TransactionalId,
    /// The same, by number.
    pub producer: ProducerId,
    /// Its reign.
    pub epoch: ProducerEpoch,
    /// Which.
    pub group: GroupId,
}

/// The producer ends its transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndTxn {
    /// The producer.
    pub transactional: TransactionalId,
    /// The same, by number.
    pub producer: ProducerId,
    /// Its reign in this transaction.
    pub epoch: ProducerEpoch,
    /// How.
    pub ending: Ending,
}

/// A transaction ends in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WriteMarker {
    /// The partition.
    pub at: TopicPartition,
    /// Whose transaction.
    pub producer: ProducerId,
    /// The reign that the producer goes on in: what comes late from the transaction's own is refused.
    pub epoch: ProducerEpoch,
    /// The coordinator's reign; a marker of an older one than the partition knows is refused.
    pub coordinator_epoch: LeaderEpoch,
    /// How it ends.
    pub ending: Ending,
}

impl TransactionRequest {
    /// The producer it is about; `None`: it is for the leader of a partition.
    pub const fn transactional(&self) -> Option<&TransactionalId> {
        match self {
            Self::FindCoordinator { transactional } => Some(transactional),
            Self::Init(request) => Some(&request.transactional),
            Self::AddPartitions(request) => Some(&request.transactional),
            Self::AddOffsets(request) => Some(&request.transactional),
            Self::End(request) => Some(&request.transactional),
            Self::WriteMarker(_) => None,
        }
    }

    /// The reply that refuses this request.
    pub const fn refuse(&self, refused: Refused) -> TransactionReply {
        match self {
            Self::FindCoordinator { .. } => TransactionReply::FindCoordinator(Err(refused)),
            Self::Init(_) => TransactionReply::Init(Err(refused)),
            Self::AddPartitions(_) => TransactionReply::AddPartitions(Err(refused)),
            Self::AddOffsets(_) => TransactionReply::AddOffsets(Err(refused)),
            Self::End(_) => TransactionReply::End(Err(refused)),
            Self::WriteMarker(request) => TransactionReply::WriteMarker {
                at: request.at,
                producer: request.producer,
                result: Err(refused),
            },
        }
    }
}
