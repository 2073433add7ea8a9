//! What the controllers decided: the records of the metadata log and the image they fold into.
//!
//! Both the controller and every broker hold an image; equal prefixes of the log give equal images. An
//! image changes only by [`Image::apply`] and [`Image::load`].
//! Deliberately absent: decisions. Which record is written is the controller's business.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ids::{
    BrokerEpoch, BrokerId, DiskId, Incarnation, LeaderEpoch, Offset, PartitionEpoch, ProducerId, TopicId,
    TopicPartition,
};

/// One record of the metadata log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MetadataRecord {
    /// A broker begins a life; its broker epoch is this record's offset. It starts fenced.
    BrokerRegistered {
        /// Who.
        broker: BrokerId,
        /// This life.
        incarnation: Incarnation,
        /// Its disk.
        disk: DiskId,
    },
    /// A broker may lead and be in sync.
    BrokerUnfenced {
        /// Who.
        broker: BrokerId,
        /// Which registration.
        epoch: BrokerEpoch,
    },
    /// A broker may do neither any more.
    BrokerFenced {
        /// Who.
        broker: BrokerId,
        /// Which registration.
        epoch: BrokerEpoch,
    },
    /// A topic exists; its partitions follow.
    TopicCreated {
        /// Its number.
        topic: TopicId,
        /// Its name.
        name: Arc<str>,
        /// `min.insync.replicas`.
        min_isr: u32,
        /// `unclean.leader.election.enable`.
        unclean: bool,
    },
    /// A partition is registered like this from now on.
    PartitionChanged {
        /// Which.
        at: TopicPartition,
        /// How.
        state: PartitionState,
    },
    /// Producer ids below `next` are given away.
    ProducerIdsAllocated {
        /// The first one that is not.
        next: ProducerId,
    },
    /// Nothing: a new leader's first entry.
    NoOp,
}

/// A partition's registration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartitionState {
    /// Who holds it, in order of preference.
    pub replicas: Vec<BrokerId>,
    /// The in-sync replicas, in the order of `replicas`.
    pub isr: Vec<BrokerId>,
    /// The eligible leader replicas (KIP-966): not in sync, but they hold all that is committed.
    pub elr: Vec<BrokerId>,
    /// Who leads.
    pub leader: Option<BrokerId>,
    /// The reign.
    pub leader_epoch: LeaderEpoch,
    /// How often the registration changed.
    pub partition_epoch: PartitionEpoch,
    /// The present leader was elected though it may lack committed records.
    pub unclean: bool,
}

/// A broker as the controllers know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BrokerState {
    /// Its registration.
    pub epoch: BrokerEpoch,
    /// Its life.
    pub incarnation: Incarnation,
    /// Its disk.
    pub disk: DiskId,
    /// Whether it may neither lead nor be in sync.
    pub fenced: bool,
}

/// A topic as the controllers know it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopicState {
    /// Its name.
    pub name: Arc<str>,
    /// `min.insync.replicas`.
    pub min_isr: u32,
    /// `unclean.leader.election.enable`.
    pub unclean: bool,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionState>,
}

/// The fold of the metadata log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Image {
    /// The next offset to be applied.
    pub end: Offset,
    /// Every broker that ever registered.
    pub brokers: BTreeMap<BrokerId, BrokerState>,
    /// Every topic.
    pub topics: BTreeMap<TopicId, TopicState>,
    /// The first producer id not given away.
    pub next_producer_id: ProducerId,
}

/// An image, shared.
pub type Snapshot = Image;

impl Image {
    /// The registration of a partition.
    pub fn partition(&self, at: TopicPartition) -> Option<&PartitionState> {
        self.topics.get(&at.topic)?.partitions.get(at.partition as usize)
    }
}
