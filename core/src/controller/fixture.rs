//! Small clusters for this room's tests, and the invariants that every record of a decision keeps.

use super::pending::Decision;
use super::sessions::{Sessions, decide_sweep};
use crate::ids::{
    BrokerEpoch, BrokerId, DiskId, Incarnation, LeaderEpoch, PartitionEpoch, TopicId, TopicPartition,
};
use crate::log::CleanupPolicy;
use crate::metadata::{Image, MetadataRecord, PartitionState};
use crate::time::{Span, Time};

/// The one partition.
pub(super) const AT: TopicPartition = TopicPartition { topic: TopicId(0), partition: 0 };

pub(super) fn ids(brokers: &[BrokerId]) -> Vec<u32> {
    brokers.iter().map(|broker| broker.0).collect()
}

/// The one partition's registration.
pub(super) fn only(image: &Image) -> &PartitionState {
    image.partition(AT).unwrap()
}

/// A cluster of `replicas`, all alive, with one partition led by the first of `isr`.
pub(super) fn image(min_isr: u32, replicas: &[u32], isr: &[u32]) -> Image {
    let mut image = Image::default();
    for broker in replicas.iter().copied().map(BrokerId) {
        let disk = DiskId(u64::from(broker.0) * 10);
        // So that no broker has epoch 0, which the tests take for one that never was.
        image.apply(image.end, &MetadataRecord::NoOp);
        let epoch = BrokerEpoch(image.end.0);
        let incarnation = Incarnation(u64::from(broker.0));
        image.apply(image.end, &MetadataRecord::BrokerRegistered { broker, incarnation, disk });
        image.apply(image.end, &MetadataRecord::BrokerUnfenced { broker, epoch });
    }
    let topic = MetadataRecord::TopicCreated {
        topic: AT.topic,
        name: "topic".into(),
        min_isr,
        unclean: false,
        cleanup: CleanupPolicy::Delete,
    };
    image.apply(image.end, &topic);
    let state = PartitionState {
        replicas: replicas.iter().copied().map(BrokerId).collect(),
        isr: isr.iter().copied().map(BrokerId).collect(),
        elr: vec![],
        leader: Some(BrokerId(isr[0])),
        leader_epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        unclean: false,
    };
    image.apply(image.end, &MetadataRecord::PartitionChanged { at: AT, state });
    image
}

/// Applies what was decided. The invariants hold after every single record: an observer may see any prefix.
#[track_caller]
pub(super) fn apply(image: &mut Image, decide: impl FnOnce(&Image) -> Decision) {
    let decision = decide(image);
    let Decision::Write { records, .. } = decision else { panic!("nothing written: {decision:?}") };
    for record in records {
        image.apply(image.end, &record);
        for partition in image.topics.values().flat_map(|topic| &topic.partitions) {
            assert_sound(partition, |broker| image.is_unfenced(broker));
        }
    }
}

/// Fences `brokers` at once, as silence does.
#[track_caller]
pub(super) fn fence(image: &mut Image, brokers: &[u32]) {
    let mut sessions = Sessions::new(Span::from_secs(1));
    for &broker in image.brokers.keys().filter(|broker| !brokers.contains(&broker.0)) {
        sessions.touch(broker, Time::ZERO);
    }
    apply(image, |image| decide_sweep(image, &sessions, Time::ZERO));
}

/// W-LII, W-FIS and W-ELR.
#[track_caller]
pub(super) fn assert_sound(partition: &PartitionState, alive: impl Fn(BrokerId) -> bool) {
    let PartitionState { replicas, isr, elr, leader, .. } = partition;
    assert!(leader.is_none_or(|leader| isr.contains(&leader)), "leader outside the ISR: {partition:?}");
    assert_eq!(leader.is_none(), isr.is_empty(), "an ISR that nobody leads: {partition:?}");
    assert!(isr.iter().all(|&member| alive(member)), "fenced in the ISR: {partition:?}");
    assert!(!isr.iter().any(|member| elr.contains(member)), "in the ISR and the ELR: {partition:?}");
    assert!(is_in_order(isr, replicas) && is_in_order(elr, replicas), "not of the replicas: {partition:?}");
}

/// Whether `some` is `all` with some left out.
fn is_in_order(some: &[BrokerId], all: &[BrokerId]) -> bool {
    let mut rest = all.iter();
    some.iter().all(|member| rest.any(|other| other == member))
}
