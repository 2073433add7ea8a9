//! Refusals: answers that say no, each with Kafka's own name and code.
//!
//! An arm exists only if this broker gives it or some caller does something different for it. A refusal
//! is an answer; what a disk does is a `DiskFault`; a bug is a panic. The three never mix.
//! Source of names and codes: `org.apache.kafka.common.protocol.Errors`.

use std::fmt;

use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, MemberId, NodeId};

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $({ $($field:ident: $type:ty),+ })? = $code:literal, $kafka:literal, $retry:ident;)*) => {
        /// Why a node refuses a request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Refused {
            $($(#[$doc])* $name $({ $(
                #[doc = concat!("The sender's view: ", stringify!($field), ".")]
                $field: $type,
            )+ })?,)*
        }

        impl Refused {
            /// Kafka's error code.
            pub const fn code(self) -> i16 {
                match self { $(Self::$name { .. } => $code,)* }
            }

            /// Kafka's error name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name { .. } => $kafka,)* }
            }

            /// Whether the same request may succeed later or elsewhere (`RetriableException`).
            pub const fn is_retriable(self) -> bool {
                match self { $(Self::$name { .. } => refusals!(@$retry),)* }
            }
        }
    };
    (@retry) => { true };
    (@fatal) => { false };
}

refusals! {
    /// The offset is below the log start or beyond the log end.
    OffsetOutOfRange = 1, "OFFSET_OUT_OF_RANGE", fatal;
    /// A batch fails its CRC, or is cut short.
    CorruptMessage = 2, "CORRUPT_MESSAGE", retry;
    /// This broker does not know the topic or the partition (yet).
    UnknownTopicOrPartition = 3, "UNKNOWN_TOPIC_OR_PARTITION", retry;
    /// Nobody leads the partition now.
    LeaderNotAvailable = 5, "LEADER_NOT_AVAILABLE", retry;
    /// Asked of a broker that does not lead the partition.
    NotLeaderOrFollower { leader: Option<BrokerId>, epoch: LeaderEpoch } = 6, "NOT_LEADER_OR_FOLLOWER", retry;
    /// The in-sync replicas did not have it in time. It may still become committed.
    RequestTimedOut = 7, "REQUEST_TIMED_OUT", retry;
    /// The batch is larger than a segment takes.
    MessageTooLarge = 10, "MESSAGE_TOO_LARGE", fatal;
    /// Fewer in-sync replicas than `min.insync.replicas`; nothing was written.
    NotEnoughReplicas = 19, "NOT_ENOUGH_REPLICAS", retry;
    /// Written, then the in-sync replicas became too few. It may still become committed.
    NotEnoughReplicasAfterAppend = 20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", retry;
    /// `acks` is none of 0, 1 and all.
    InvalidRequiredAcks = 21, "INVALID_REQUIRED_ACKS", fatal;
    /// A topic of that name exists.
    TopicAlreadyExists = 36, "TOPIC_ALREADY_EXISTS", fatal;
    /// A topic has at least one partition.
    InvalidPartitions = 37, "INVALID_PARTITIONS", fatal;
    /// More replicas than brokers, or none.
    InvalidReplicationFactor = 38, "INVALID_REPLICATION_FACTOR", fatal;
    /// Asked of a controller that is not active.
    NotController { leader: Option<NodeId> } = 41, "NOT_CONTROLLER", retry;
    /// The request contradicts itself.
    InvalidRequest = 42, "INVALID_REQUEST", fatal;
    /// The batch leaves a gap in its producer's sequence.
    OutOfOrderSequenceNumber = 45, "OUT_OF_ORDER_SEQUENCE_NUMBER", fatal;
    /// A batch older than the window of remembered ones; it is in the log already.
    DuplicateSequenceNumber = 46, "DUPLICATE_SEQUENCE_NUMBER", fatal;
    /// A newer producer has the id.
    InvalidProducerEpoch = 47, "INVALID_PRODUCER_EPOCH", fatal;
    /// The broker's disk failed it.
    KafkaStorageError = 56, "KAFKA_STORAGE_ERROR", retry;
    /// The log knows nothing of this producer, and the batch is not its first.
    UnknownProducerId = 59, "UNKNOWN_PRODUCER_ID", fatal;
    /// The asker's leader epoch is over.
    FencedLeaderEpoch { current: LeaderEpoch } = 74, "FENCED_LEADER_EPOCH", retry;
    /// The asker knows a leader epoch that this broker has not heard of yet.
    UnknownLeaderEpoch { current: LeaderEpoch } = 75, "UNKNOWN_LEADER_EPOCH", retry;
    /// Compressed in a way this broker does not read.
    UnsupportedCompressionType = 76, "UNSUPPORTED_COMPRESSION_TYPE", fatal;
    /// The broker registered anew since, or was never registered.
    StaleBrokerEpoch = 77, "STALE_BROKER_EPOCH", fatal;
    /// A new leader does not know yet up to where the log is committed (KIP-207).
    OffsetNotAvailable = 78, "OFFSET_NOT_AVAILABLE", retry;
    /// The wished leader is not in sync or not alive.
    PreferredLeaderNotAvailable = 80, "PREFERRED_LEADER_NOT_AVAILABLE", fatal;
    /// No replica may lead now.
    EligibleLeadersNotAvailable = 83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", fatal;
    /// The wished leader leads already.
    ElectionNotNeeded = 84, "ELECTION_NOT_NEEDED", fatal;
    /// A record breaks a rule of its format.
    InvalidRecord = 87, "INVALID_RECORD", fatal;
    /// The partition was changed since: the compare-and-set of KIP-497 failed.
    InvalidUpdateVersion = 95, "INVALID_UPDATE_VERSION", fatal;
    /// Another life of this broker id is registered, which is still alive or which the request does not name.
    DuplicateBrokerRegistration { current: BrokerEpoch } = 101, "DUPLICATE_BROKER_REGISTRATION", fatal;
    /// The broker holds what these controllers never created: another cluster's, or one that they have forgotten.
    InconsistentClusterId = 104, "INCONSISTENT_CLUSTER_ID", fatal;
    /// The controller knows no broker of that id.
    BrokerIdNotRegistered = 102, "BROKER_ID_NOT_REGISTERED", fatal;
    /// A wished in-sync replica is fenced, or of another broker epoch (KIP-841, KIP-903).
    IneligibleReplica = 107, "INELIGIBLE_REPLICA", fatal;
    /// The topic is the brokers' own.
    InvalidTopic = 17, "INVALID_TOPIC_EXCEPTION", fatal;
    /// The metadata of a committed offset is too long.
    OffsetMetadataTooLarge = 12, "OFFSET_METADATA_TOO_LARGE", fatal;
    /// The coordinator still reads the groups of its partition.
    CoordinatorLoadInProgress = 14, "COORDINATOR_LOAD_IN_PROGRESS", retry;
    /// Nobody coordinates the group now, or what was asked could not be replicated.
    CoordinatorNotAvailable = 15, "COORDINATOR_NOT_AVAILABLE", retry;
    /// Asked of a broker that does not coordinate the group.
    NotCoordinator = 16, "NOT_COORDINATOR", retry;
    /// The asker's generation is not the group's.
    IllegalGeneration = 22, "ILLEGAL_GENERATION", fatal;
    /// The member knows no assignor that all others know too.
    InconsistentGroupProtocol = 23, "INCONSISTENT_GROUP_PROTOCOL", fatal;
    /// A group needs a name.
    InvalidGroupId = 24, "INVALID_GROUP_ID", fatal;
    /// The group has no such member.
    UnknownMemberId = 25, "UNKNOWN_MEMBER_ID", fatal;
    /// The session time-out is shorter or longer than this coordinator allows.
    InvalidSessionTimeout = 26, "INVALID_SESSION_TIMEOUT", fatal;
    /// The member must join again.
    RebalanceInProgress = 27, "REBALANCE_IN_PROGRESS", fatal;
    /// The group has members, so it cannot be deleted.
    NonEmptyGroup = 68, "NON_EMPTY_GROUP", fatal;
    /// There is no such group to delete.
    GroupIdNotFound = 69, "GROUP_ID_NOT_FOUND", fatal;
    /// The member joins again with this id, so that one that never does leaves nothing behind (KIP-394).
    MemberIdRequired { member: MemberId } = 79, "MEMBER_ID_REQUIRED", fatal;
    /// The group has as many members as it may have.
    GroupMaxSizeReached = 81, "GROUP_MAX_SIZE_REACHED", fatal;
    /// Another process has joined under the same instance name since (KIP-345).
    FencedInstanceId = 82, "FENCED_INSTANCE_ID", fatal;
    /// The transaction is not in a state that allows this.
    InvalidTxnState = 48, "INVALID_TXN_STATE", fatal;
    /// The producer id is not the one of this transactional id.
    InvalidProducerIdMapping = 49, "INVALID_PRODUCER_ID_MAPPING", fatal;
    /// The transaction time-out is longer than this coordinator allows.
    InvalidTransactionTimeout = 50, "INVALID_TRANSACTION_TIMEOUT", fatal;
    /// The transactional id's last transaction, or its last request, is not finished yet.
    ConcurrentTransactions = 51, "CONCURRENT_TRANSACTIONS", retry;
    /// A marker of a coordinator whose successor has written one already.
    TransactionCoordinatorFenced = 52, "TRANSACTION_COORDINATOR_FENCED", fatal;
    /// A transaction that is not finished has a newer offset for the partition (KIP-447).
    UnstableOffsetCommit = 88, "UNSTABLE_OFFSET_COMMIT", retry;
    /// A newer producer has the transactional id, or its transaction took too long.
    ProducerFenced = 90, "PRODUCER_FENCED", fatal;
    /// The transaction can only be aborted; the producer may go on after that (KIP-890).
    TransactionAbortable = 120, "TRANSACTION_ABORTABLE", fatal;
    /// The record is not this worker's, or not any more: its lock ran out, or it is settled (KIP-932).
    InvalidRecordState = 121, "INVALID_RECORD_STATE", fatal;
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_carries_kafkas_name_and_code() {
        let refused = Refused::FencedLeaderEpoch { current: LeaderEpoch(3) };
        assert_eq!((refused.code(), refused.name()), (74, "FENCED_LEADER_EPOCH"));
        assert!(refused.is_retriable());
        assert!(!Refused::OutOfOrderSequenceNumber.is_retriable());
    }
}
