//! The records of the metadata log, and a partition's registration, which one of them carries.
//!
//! Holds values only: nobody changes one after it is written. How they look as bytes is `codec`'s business.
//! Deliberately absent: deltas. A changed partition is written whole, so that no reader has to have the
//! right predecessor to understand it.

use std::sync::Arc;

use crate::ids::{
    BrokerEpoch, BrokerId, DiskId, Incarnation, LeaderEpoch, PartitionEpoch, ProducerId, TopicId,
    TopicPartition,
};
use crate::log::CleanupPolicy;

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
        /// `cleanup.policy`.
        cleanup: CleanupPolicy,
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
