//! Random records and images for this room's tests.

use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::{BrokerState, Image, MetadataRecord, PartitionState, TopicState};
use crate::ids::{
    BrokerEpoch, BrokerId, DiskId, Incarnation, LeaderEpoch, Offset, PartitionEpoch, ProducerId, TopicId,
    TopicPartition,
};
use crate::log::CleanupPolicy;

fn broker() -> impl Strategy<Value = BrokerId> {
    prop_oneof![0..6u32, any::<u32>()].prop_map(BrokerId)
}

fn epoch() -> impl Strategy<Value = BrokerEpoch> {
    prop_oneof![0..300u64, any::<u64>()].prop_map(BrokerEpoch)
}

fn name() -> impl Strategy<Value = Arc<str>> {
    "[a-zé-]{0,12}".prop_map(Arc::from)
}

fn members() -> impl Strategy<Value = Vec<BrokerId>> {
    vec(broker(), 0..4)
}

fn partition() -> impl Strategy<Value = PartitionState> {
    (members(), members(), members(), proptest::option::of(broker()), any::<(u32, u32, bool)>()).prop_map(
        |(replicas, isr, elr, leader, (leader_epoch, partition_epoch, unclean))| PartitionState {
            replicas,
            isr,
            elr,
            leader,
            leader_epoch: LeaderEpoch(leader_epoch),
            partition_epoch: PartitionEpoch(partition_epoch),
            unclean,
        },
    )
}

/// Any record at all, sensible or not.
pub(super) fn record() -> impl Strategy<Value = MetadataRecord> {
    prop_oneof![
        (broker(), any::<(u64, u64)>()).prop_map(|(broker, (incarnation, disk))| {
            let (incarnation, disk) = (Incarnation(incarnation), DiskId(disk));
            MetadataRecord::BrokerRegistered { broker, incarnation, disk }
        }),
        (broker(), epoch()).prop_map(|(broker, epoch)| MetadataRecord::BrokerUnfenced { broker, epoch }),
        (broker(), epoch()).prop_map(|(broker, epoch)| MetadataRecord::BrokerFenced { broker, epoch }),
        (any::<(u32, u32, bool)>(), name(), cleanup()).prop_map(
            |((topic, min_isr, unclean), name, cleanup)| {
                MetadataRecord::TopicCreated { topic: TopicId(topic), name, min_isr, unclean, cleanup }
            }
        ),
        (any::<(u32, u32)>(), partition()).prop_map(|((topic, partition), state)| {
            let at = TopicPartition { topic: TopicId(topic), partition };
            MetadataRecord::PartitionChanged { at, state }
        }),
        any::<u64>().prop_map(|next| MetadataRecord::ProducerIdsAllocated { next: ProducerId(next) }),
        Just(MetadataRecord::NoOp),
    ]
}

fn broker_state() -> impl Strategy<Value = BrokerState> {
    (epoch(), any::<(u64, u64, bool)>()).prop_map(|(epoch, (incarnation, disk, fenced))| BrokerState {
        epoch,
        incarnation: Incarnation(incarnation),
        disk: DiskId(disk),
        fenced,
    })
}

fn cleanup() -> impl Strategy<Value = CleanupPolicy> {
    prop_oneof![
        Just(CleanupPolicy::Delete),
        Just(CleanupPolicy::Compact),
        Just(CleanupPolicy::CompactAndDelete)
    ]
}

fn topic_state() -> impl Strategy<Value = TopicState> {
    (name(), any::<(u32, bool)>(), cleanup(), vec(partition(), 0..4)).prop_map(
        |(name, (min_isr, unclean), cleanup, partitions)| TopicState {
            name,
            min_isr,
            unclean,
            cleanup,
            partitions,
        },
    )
}

/// Any image at all, sensible or not.
pub(super) fn image() -> impl Strategy<Value = Image> {
    let brokers = btree_map(broker(), broker_state(), 0..5);
    let topics = btree_map(any::<u32>().prop_map(TopicId), topic_state(), 0..4);
    (any::<(u64, u64)>(), brokers, topics).prop_map(|((end, next), brokers, topics)| Image {
        end: Offset(end),
        brokers,
        topics,
        next_producer_id: ProducerId(next),
    })
}
