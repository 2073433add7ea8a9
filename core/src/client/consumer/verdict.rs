//! What each refusal means for a read.

use crate::refused::Refused;

/// What a refusal of a fetch, of an epoch's end or of a place says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same broker may answer later.
    Later,
    /// Somebody else may lead.
    Elsewhere,
    /// The position is not in the log.
    OutOfRange,
}

/// Reads a refusal.
pub(super) const fn judge(refused: Refused) -> Verdict {
    match refused {
        Refused::OffsetOutOfRange => Verdict::OutOfRange,
        Refused::OffsetNotAvailable | Refused::CorruptMessage | Refused::RequestTimedOut => Verdict::Later,
        Refused::UnknownTopicOrPartition
        | Refused::LeaderNotAvailable
        | Refused::NotLeaderOrFollower { .. }
        | Refused::FencedLeaderEpoch { .. }
        | Refused::UnknownLeaderEpoch { .. }
        | Refused::KafkaStorageError
        // No answers to a read. Another broker may make more sense.
        | Refused::MessageTooLarge
        | Refused::NotEnoughReplicas
        | Refused::NotEnoughReplicasAfterAppend
        | Refused::InvalidRequiredAcks
        | Refused::TopicAlreadyExists
        | Refused::InvalidPartitions
        | Refused::InvalidReplicationFactor
        | Refused::NotController { .. }
        | Refused::InvalidRequest
        | Refused::OutOfOrderSequenceNumber
        | Refused::DuplicateSequenceNumber
        | Refused::InvalidProducerEpoch
        | Refused::UnknownProducerId
        | Refused::UnsupportedCompressionType
        | Refused::StaleBrokerEpoch
        | Refused::PreferredLeaderNotAvailable
        | Refused::EligibleLeadersNotAvailable
        | Refused::ElectionNotNeeded
        | Refused::InvalidRecord
        | Refused::InvalidUpdateVersion
        | Refused::DuplicateBrokerRegistration { .. }
        | Refused::InconsistentClusterId
        | Refused::BrokerIdNotRegistered
        | Refused::IneligibleReplica
        | Refused::InvalidTopic
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
        | Refused::ConcurrentTransactions
        | Refused::TransactionCoordinatorFenced
        | Refused::UnstableOffsetCommit
        | Refused::ProducerFenced
        | Refused::TransactionAbortable
        | Refused::InvalidRecordState => Verdict::Elsewhere,
    }
}
