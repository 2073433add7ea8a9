//! What each refusal means for a member: Kafka's `AbstractCoordinator` and `ConsumerCoordinator`.

use crate::ids::MemberId;
use crate::refused::Refused;

/// What a coordinator's refusal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same coordinator may answer later.
    Later,
    /// Somebody else may coordinate.
    Elsewhere,
    /// The group rebalances: join.
    Rejoin,
    /// Join again under this id (KIP-394).
    Named(MemberId),
    /// The generation is over, and went on without this member; it is still known by its id.
    GenerationOver,
    /// The group has no such member.
    Unknown,
    /// No repetition helps.
    Fatal,
}

/// Reads a refusal.
pub(super) const fn judge(refused: Refused) -> Verdict {
    match refused {
        Refused::CoordinatorLoadInProgress
        | Refused::UnknownTopicOrPartition
        | Refused::UnstableOffsetCommit => Verdict::Later,
        Refused::RebalanceInProgress => Verdict::Rejoin,
        Refused::MemberIdRequired { member } => Verdict::Named(member),
        Refused::IllegalGeneration => Verdict::GenerationOver,
        Refused::UnknownMemberId => Verdict::Unknown,
        Refused::FencedInstanceId
        | Refused::InconsistentGroupProtocol
        | Refused::InvalidGroupId
        | Refused::InvalidSessionTimeout
        | Refused::GroupMaxSizeReached
        | Refused::OffsetMetadataTooLarge => Verdict::Fatal,
        Refused::CoordinatorNotAvailable
        | Refused::NotCoordinator
        | Refused::RequestTimedOut
        // No answers of a coordinator. Another broker may make more sense.
        | Refused::OffsetOutOfRange
        | Refused::CorruptMessage
        | Refused::LeaderNotAvailable
        | Refused::NotLeaderOrFollower { .. }
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
        | Refused::KafkaStorageError
        | Refused::UnknownProducerId
        | Refused::NonEmptyGroup
        | Refused::GroupIdNotFound
        | Refused::FencedLeaderEpoch { .. }
        | Refused::UnknownLeaderEpoch { .. }
        | Refused::UnsupportedCompressionType
        | Refused::StaleBrokerEpoch
        | Refused::OffsetNotAvailable
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
        | Refused::InvalidTxnState
        | Refused::InvalidProducerIdMapping
        | Refused::InvalidTransactionTimeout
        | Refused::ConcurrentTransactions
        | Refused::TransactionCoordinatorFenced
        | Refused::ProducerFenced
        | Refused::TransactionAbortable
        | Refused::InvalidRecordState => Verdict::Elsewhere,
    }
}
