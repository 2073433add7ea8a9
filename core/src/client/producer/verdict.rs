//! What each refusal means for a batch.

use crate::refused::Refused;

/// What a refusal of a produce request says. "Perhaps written" is said of most: a leader that was deposed
/// refuses what it has written already and its successor may keep (KAFKA-13574), and a copy of the request
/// that the network made may find a leader that takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Perhaps written; the same leader may take it later.
    Later,
    /// Perhaps written; somebody else may lead.
    Elsewhere,
    /// It is in the log already.
    Written,
    /// Not written: what comes before it in its stream is not in the log, or the log knows nothing of the
    /// stream any more. Sending it on another stream would be wrong: a late copy of its predecessor may yet
    /// arrive, and a copy of this one behind it.
    Gap,
    /// Not written, and nothing more of its stream will be.
    StreamOver,
    /// Not written, and never will be by any broker, whatever surrounds it.
    Poison,
}

/// Reads a refusal.
pub(super) const fn judge(refused: Refused) -> Verdict {
    match refused {
        Refused::CorruptMessage
        | Refused::NotEnoughReplicas
        | Refused::RequestTimedOut
        | Refused::NotEnoughReplicasAfterAppend
        | Refused::ConcurrentTransactions => Verdict::Later,
        Refused::UnknownTopicOrPartition
        | Refused::LeaderNotAvailable
        | Refused::NotLeaderOrFollower { .. }
        | Refused::FencedLeaderEpoch { .. }
        | Refused::UnknownLeaderEpoch { .. }
        | Refused::KafkaStorageError => Verdict::Elsewhere,
        Refused::DuplicateSequenceNumber => Verdict::Written,
        Refused::OutOfOrderSequenceNumber | Refused::UnknownProducerId => Verdict::Gap,
        Refused::MessageTooLarge
        | Refused::InvalidTopic
        | Refused::InvalidRecord
        | Refused::UnsupportedCompressionType
        | Refused::InvalidRequiredAcks => Verdict::Poison,
        Refused::InvalidProducerEpoch => Verdict::StreamOver,
        // No answers to a produce request. A broker that gives one is not understood.
        Refused::OffsetOutOfRange
        | Refused::TopicAlreadyExists
        | Refused::InvalidPartitions
        | Refused::InvalidReplicationFactor
        | Refused::NotController { .. }
        | Refused::InvalidRequest
        | Refused::StaleBrokerEpoch
        | Refused::OffsetNotAvailable
        | Refused::PreferredLeaderNotAvailable
        | Refused::EligibleLeadersNotAvailable
        | Refused::ElectionNotNeeded
        | Refused::InvalidUpdateVersion
        | Refused::DuplicateBrokerRegistration { .. }
        | Refused::InconsistentClusterId
        | Refused::BrokerIdNotRegistered
        | Refused::IneligibleReplica
        | Refused::OffsetMetadataTooLarge
        | Refused::CoordinatorLoadInProgress
        | Refused::CoordinatorNotAvailable
        | Refused::NotCoordinator
        | Refused::IllegalGeneration
        | Refused::InconsistentGroupProtocol
        | Refused::InvalidGroupId
        | Refused::UnknownMemberId
        | Refused::InvalidSessionTimeout
        | Refused::RebalanceInProgress
        | Refused::NonEmptyGroup
        | Refused::GroupIdNotFound
        | Refused::MemberIdRequired { .. }
        | Refused::GroupMaxSizeReached
        | Refused::FencedInstanceId
        | Refused::InvalidTxnState
        | Refused::InvalidProducerIdMapping
        | Refused::InvalidTransactionTimeout
        | Refused::TransactionCoordinatorFenced
        | Refused::UnstableOffsetCommit
        | Refused::ProducerFenced
        | Refused::TransactionAbortable
        | Refused::InvalidRecordState => Verdict::StreamOver,
    }
}
