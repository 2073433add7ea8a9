//! What each refusal means for a batch.

use crate::refused::Refused;

/// What a refusal of a produce request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not written; the same leader may take it later.
    Later,
    /// Not written; somebody else may lead.
    Elsewhere,
    /// Perhaps written; worth another try there.
    Unsure,
    /// Perhaps written; worth another try, perhaps elsewhere.
    UnsureElsewhere,
    /// It is in the log already.
    Written,
    /// Not written: what comes before it in its stream is not in the log.
    Gap,
    /// Not written: the log holds nothing of its stream.
    Forgotten,
    /// Not written, and nothing more of its stream will be.
    StreamOver,
    /// Not written, and never will be by any broker, whatever surrounds it.
    Poison,
}

/// Reads a refusal. Every arm that claims "not written" rests on the broker: a leader that has written a batch
/// and is then deposed answers `RequestTimedOut` or `NotEnoughReplicasAfterAppend`, or does not answer.
pub(super) const fn judge(refused: Refused) -> Verdict {
    match refused {
        Refused::CorruptMessage | Refused::NotEnoughReplicas => Verdict::Later,
        Refused::UnknownTopicOrPartition
        | Refused::LeaderNotAvailable
        | Refused::NotLeaderOrFollower { .. }
        | Refused::FencedLeaderEpoch { .. }
        | Refused::UnknownLeaderEpoch { .. } => Verdict::Elsewhere,
        Refused::RequestTimedOut | Refused::NotEnoughReplicasAfterAppend => Verdict::Unsure,
        Refused::KafkaStorageError => Verdict::UnsureElsewhere,
        Refused::DuplicateSequenceNumber => Verdict::Written,
        Refused::OutOfOrderSequenceNumber => Verdict::Gap,
        Refused::UnknownProducerId => Verdict::Forgotten,
        Refused::MessageTooLarge
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
        | Refused::DuplicateBrokerRegistration
        | Refused::BrokerIdNotRegistered
        | Refused::IneligibleReplica => Verdict::StreamOver,
    }
}
