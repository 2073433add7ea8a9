//! What each refusal of a coordinator means: Kafka's `TransactionManager`, one handler's table for all.

use crate::refused::Refused;

/// What a refusal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same coordinator may answer later.
    Later,
    /// Somebody else may coordinate.
    Elsewhere,
    /// The transaction can only be aborted; the producer may go on after that.
    Abort,
    /// The producer is of no more use: somebody else has its name, or it asks what cannot be.
    Over,
}

/// Reads a refusal.
pub(super) const fn judge(refused: Refused) -> Verdict {
    match refused {
        Refused::CoordinatorLoadInProgress
        | Refused::ConcurrentTransactions
        | Refused::UnknownTopicOrPartition => Verdict::Later,
        Refused::CoordinatorNotAvailable
        | Refused::NotCoordinator
        | Refused::RequestTimedOut
        // No answers of a coordinator, but of a broker that does not lead, or not with enough others.
        | Refused::LeaderNotAvailable
        | Refused::NotLeaderOrFollower { .. }
        | Refused::NotEnoughReplicas
        | Refused::NotEnoughReplicasAfterAppend
        | Refused::FencedLeaderEpoch { .. }
        | Refused::UnknownLeaderEpoch { .. }
        | Refused::KafkaStorageError
        | Refused::OffsetNotAvailable => Verdict::Elsewhere,
        // The member's, by which the group tells that its offsets are another's to commit.
        Refused::UnknownMemberId
        | Refused::IllegalGeneration
        | Refused::FencedInstanceId
        | Refused::RebalanceInProgress
        | Refused::OffsetMetadataTooLarge
        | Refused::TransactionAbortable => Verdict::Abort,
        Refused::InvalidProducerEpoch
        | Refused::ProducerFenced
        | Refused::InvalidTxnState
        | Refused::InvalidProducerIdMapping
        | Refused::InvalidTransactionTimeout
        | Refused::UnknownProducerId
        // No answers of a coordinator at all.
        | Refused::TransactionCoordinatorFenced
        | Refused::UnstableOffsetCommit
        | Refused::OffsetOutOfRange
        | Refused::CorruptMessage
        | Refused::MessageTooLarge
        | Refused::InvalidRequiredAcks
        | Refused::TopicAlreadyExists
        | Refused::InvalidPartitions
        | Refused::InvalidReplicationFactor
        | Refused::NotController { .. }
        | Refused::InvalidRequest
        | Refused::OutOfOrderSequenceNumber
        | Refused::DuplicateSequenceNumber
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
        | Refused::InconsistentGroupProtocol
        | Refused::InvalidGroupId
        | Refused::InvalidSessionTimeout
        | Refused::NonEmptyGroup
        | Refused::GroupIdNotFound
        | Refused::MemberIdRequired { .. }
        | Refused::GroupMaxSizeReached
        | Refused::InvalidRecordState => Verdict::Over,
    }
}
