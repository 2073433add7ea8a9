//! Facts about transactions: what coordinators decided.

use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TopicPartition, TransactionalId};
use crate::transaction::state::TransactionState;

/// About a transaction, or about the coordinator of many.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TransactionProbe {
    /// A broker was elected, and reads its partition of the transactions' topic before it answers anybody.
    Loading {
        /// The partition.
        at: TopicPartition,
        /// The reign.
        epoch: LeaderEpoch,
        /// Up to where it has to read.
        end: Offset,
    },
    /// It has read everything, and coordinates the producers of this partition.
    Loaded {
        /// The partition.
        at: TopicPartition,
        /// The reign.
        epoch: LeaderEpoch,
        /// Up to where it has read.
        end: Offset,
    },
    /// It coordinates them no longer, and has forgotten them.
    Unloaded {
        /// The partition.
        at: TopicPartition,
        /// The reign that ended.
        epoch: LeaderEpoch,
    },
    /// A producer was told what to produce under.
    Initialized {
        /// Its name.
        transactional: TransactionalId,
        /// Its number.
        producer: ProducerId,
        /// Its reign.
        epoch: ProducerEpoch,
    },
    /// A change of state is in the committed part of the log.
    Changed {
        /// The producer.
        transactional: TransactionalId,
        /// The coordinator's reign.
        coordinator_epoch: LeaderEpoch,
        /// What it produces under from now on.
        producer: ProducerId,
        /// Its reign.
        epoch: ProducerEpoch,
        /// The state that ended.
        from: TransactionState,
        /// The state that began, or goes on with more partitions.
        to: TransactionState,
        /// The transaction's partitions, sorted.
        partitions: Vec<TopicPartition>,
    },
    /// A transaction is open for too long, and is going to be aborted.
    TimedOut {
        /// The producer.
        transactional: TransactionalId,
        /// By number.
        producer: ProducerId,
        /// The reign that is over.
        epoch: ProducerEpoch,
    },
    /// Somebody asked in a reign that is over.
    Fenced {
        /// The producer.
        transactional: TransactionalId,
        /// By number.
        producer: ProducerId,
        /// The reign that it believes in.
        epoch: ProducerEpoch,
    },
    /// A marker is sent again.
    MarkerRetried {
        /// The partition.
        at: TopicPartition,
        /// Whose transaction.
        producer: ProducerId,
    },
    /// A transactional id that nobody used for long was forgotten.
    Expired {
        /// It.
        transactional: TransactionalId,
    },
    /// A new coordinator found this transactional id, when it had read everything.
    Restored {
        /// The producer.
        transactional: TransactionalId,
        /// What it produces under.
        producer: ProducerId,
        /// Its reign.
        epoch: ProducerEpoch,
        /// Where it stands.
        state: TransactionState,
        /// The transaction's partitions, sorted.
        partitions: Vec<TopicPartition>,
    },
}
