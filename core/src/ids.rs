//! Numbers that cannot be mixed up: one newtype a quantity.
//!
//! Holds: identities (nodes, brokers, topics), places in logs, reigns (epochs). Arithmetic exists only
//! where it means something: an offset plus a count is an offset, offset plus offset does not exist.
//! Deliberately absent: "none" values. No leader is an `Option`, never id 0 or -1.

use std::fmt;
use std::sync::Arc;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number! {
    /// A node of the world: whatever has one clock, one disk and one place in the network.
    NodeId(u32)
}
number! {
    /// A broker. It is also the number of the node it lives on, and outlives that node's disk.
    BrokerId(u32)
}
number! {
    /// A topic, by the number the controller gave it.
    TopicId(u32)
}
number! {
    /// A place in one log. Ends are exclusive: a log end offset is the next offset to be written.
    Offset(u64)
}
number! {
    /// A leader's reign, over one partition or over the quorum; it only grows. Raft says "term".
    LeaderEpoch(u32)
}
number! {
    /// Counts the changes of one partition's registration; the compare-and-set of KIP-497 is on it.
    PartitionEpoch(u32)
}
number! {
    /// One registration of a broker: the offset of its record in the metadata log, as in KRaft.
    BrokerEpoch(u64)
}
number! {
    /// Drawn by a broker process at each start; tells two lives of one broker id apart.
    Incarnation(u64)
}
number! {
    /// Drawn when a disk is first formatted; a wiped disk comes back with another one.
    DiskId(u64)
}
number! {
    /// An idempotent producer's identity, allocated by the controller, never used twice.
    ProducerId(u64)
}
number! {
    /// A producer id's reign; batches of an older one are refused (`INVALID_PRODUCER_EPOCH`).
    ProducerEpoch(u16)
}
number! {
    /// A record's place in its producer's stream to one partition; wraps from `i32::MAX` to 0.
    Sequence(u32)
}
number! {
    /// Pairs a reply with its request; unique within one sender's life.
    CorrelationId(u64)
}

number! {
    /// Counts a group's rebalances; 0 before the first.
    Generation(u32)
}
number! {
    /// Counts the deliveries of one record to one share group, over all its lives, and so names one of them.
    Turn(u32)
}
number! {
    /// A group's member, drawn by its coordinator. Kafka's is the client's name and a UUID.
    MemberId(u64)
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Arc<str>);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// A consumer group's name, `group.id`.
    GroupId
}
name! {
    /// A transactional producer's name, `transactional.id`; it outlives the process (KIP-98).
    TransactionalId
}
name! {
    /// A static member's name, `group.instance.id`; it outlives the process (KIP-345).
    InstanceId
}

impl NodeId {
    /// Where commands of a person come from. Nothing sent to it arrives anywhere.
    pub const OPERATOR: Self = Self(u32::MAX);

    /// The node's number as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl BrokerId {
    /// The node this broker lives on.
    pub const fn node(self) -> NodeId {
        NodeId(self.0)
    }
}

impl Offset {
    /// The start of every log.
    pub const ZERO: Self = Self(0);

    /// The place `records` further on.
    pub const fn plus(self, records: u64) -> Self {
        Self(self.0 + records)
    }

    /// How many records lie between `base` and here; `None` if `base` is beyond.
    pub const fn records_since(self, base: Self) -> Option<u64> {
        self.0.checked_sub(base.0)
    }

    /// The place before this one; `None` at the start.
    pub const fn previous(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(offset) => Some(Self(offset)),
            None => None,
        }
    }
}

impl LeaderEpoch {
    /// The next reign.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl PartitionEpoch {
    /// The registration after one more change.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Generation {
    /// The next one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Turn {
    /// The next one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl ProducerEpoch {
    /// The next reign; `None` once the epochs of this producer id are used up.
    pub const fn next(self) -> Option<Self> {
        // Kafka's epoch is an i16, and its last value is kept for fencing.
        if self.0 < i16::MAX as u16 - 1 { Some(Self(self.0 + 1)) } else { None }
    }
}

impl Sequence {
    /// The sequence `records` further on, wrapping as Kafka's `DefaultRecordBatch.incrementSequence` does.
    pub const fn plus(self, records: u32) -> Self {
        const SPAN: u64 = i32::MAX as u64 + 1;
        Self(((self.0 as u64 + records as u64) % SPAN) as u32)
    }
}

/// A partition of a topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicId,
    /// The partition's number within it, from 0.
    pub partition: u32,
}

impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_wraps_to_zero_after_the_largest_i32() {
        assert_eq!(Sequence(i32::MAX as u32).plus(1), Sequence(0));
        assert_eq!(Sequence(i32::MAX as u32 - 1).plus(5), Sequence(3));
    }

    #[test]
    fn a_producer_id_runs_out_of_epochs_before_kafkas_fencing_value() {
        assert_eq!(ProducerEpoch(i16::MAX as u16 - 2).next(), Some(ProducerEpoch(i16::MAX as u16 - 1)));
        assert_eq!(ProducerEpoch(i16::MAX as u16 - 1).next(), None);
    }
}
