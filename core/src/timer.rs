//! Every timer that a node of the cluster sets, by name.
//!
//! A name that is set again replaces its deadline, so a name stands for one purpose of one owner.

use crate::ids::TopicPartition;

/// A timer's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Of the consensus.
    Quorum(QuorumTimer),
    /// Of the active controller.
    Controller(ControllerTimer),
    /// Of a broker's life with the controller.
    Broker(BrokerTimer),
    /// Of one replica.
    Partition(TopicPartition, PartitionTimer),
    /// Of a producer or a consumer.
    Client(ClientTimer),
    /// Of whatever embeds a client; nothing in this crate sets it.
    Application(u32),
    /// Of the coordinator that lives on an offsets partition.
    Group(TopicPartition, GroupTimer),
    /// Of the coordinator that lives on a partition of the transactions' topic.
    Transaction(TopicPartition, TransactionTimer),
    /// Of the share-partitions whose state lives on a partition.
    Share(TopicPartition, ShareTimer),
}

/// Timers of the consensus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuorumTimer {
    /// No word from a leader for too long; or this election took too long.
    Election,
    /// A leader says that it is there.
    Heartbeat,
    /// A leader asks itself whether a majority still hears it (check-quorum).
    CheckQuorum,
}

/// Timers of the active controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControllerTimer {
    /// Looks for brokers whose session ran out.
    Sessions,
    /// Answers metadata fetches that waited long enough.
    Purgatory,
}

/// Timers of a broker's life with the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrokerTimer {
    /// A registration was not answered in time, or is due.
    Register,
    /// The next heartbeat is due.
    Heartbeat,
    /// A metadata fetch was not answered in time, or is due.
    Metadata,
    /// A request for producer ids was not answered in time.
    ProducerIds,
    /// Old segments are looked for.
    Retention,
    /// A coordinator was asked whether transactions are open, and has not answered in time.
    Verification,
}

/// Timers of one replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartitionTimer {
    /// Leader: looks for followers that fell behind.
    Lag,
    /// Leader: an ISR change was not answered in time.
    Isr,
    /// Leader: answers parked requests that waited long enough.
    Purgatory,
    /// Follower: a fetch was not answered in time, or the next is due.
    Fetch,
}

/// Timers of a producer or a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientTimer {
    /// A metadata request was not answered in time, or is due.
    Metadata,
    /// Something is due for a partition: a batch lingers out, a retry, a time-out.
    Partition(TopicPartition),
    /// A producer id was not answered in time.
    ProducerId,
    /// The oldest undelivered record reaches its deadline.
    Delivery,
    /// Something is due for a group member or a worker: a heartbeat, a commit, a retry, a time-out.
    Group,
    /// Something is due for a transactional producer: a retry, a time-out.
    Transaction,
    /// What [`ClientTimer::Metadata`] is, of a transactional producer: it may share its node with a consumer.
    ProducerMetadata,
}

/// Timers of the coordinator that lives on an offsets partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupTimer {
    /// The next stretch of the log is due to be read.
    Load,
    /// A reign that is over is due to be cleared away.
    Unload,
    /// A session, a rebalance or a write reaches its deadline.
    Deadline,
    /// Old offsets are looked for.
    Retention,
}

/// Timers of the coordinator that lives on a partition of the transactions' topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionTimer {
    /// The next stretch of the log is due to be read.
    Load,
    /// A reign that is over is due to be cleared away.
    Unload,
    /// A transaction or a write reaches its deadline.
    Deadline,
    /// Markers that nobody confirmed are due to be sent again.
    Markers,
    /// Transactional ids that nobody uses are looked for.
    Retention,
}

/// Timers of the share-partitions whose state lives on a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShareTimer {
    /// The next stretch of the log is due to be read.
    Load,
    /// A reign that is over is due to be cleared away.
    Unload,
    /// A lock, a fetch or a write reaches its deadline, or a pause is over.
    Deadline,
}
