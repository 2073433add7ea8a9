//! Small ghosts to tell histories with.

use std::sync::Arc;

use squall_core::ids::{
    BrokerId, DiskId, Incarnation, LeaderEpoch, NodeId, Offset, PartitionEpoch, TopicId, TopicPartition,
};
use squall_core::log::CleanupPolicy;
use squall_core::metadata::{MetadataRecord, PartitionState};

use crate::ghost::chronicle::When;
use crate::ghost::partition::Reign;
use crate::ghost::{Batch, Metadata, PartitionGhost, QuorumGhost};

pub(super) const AT: TopicPartition = TopicPartition { topic: TopicId(0), partition: 0 };

pub(super) fn batch(base: u64, next: u64, epoch: u32, crc: u32) -> Batch {
    Batch { base: Offset(base), next: Offset(next), epoch: LeaderEpoch(epoch), crc, stamp: None }
}

/// Three replicas; broker 0 was named leader of epoch 1, broker 1 of epoch 2.
pub(super) fn partition() -> PartitionGhost {
    let mut p = PartitionGhost::new(AT, 3);
    for (epoch, leader) in [(1, 0), (2, 1)] {
        let (epoch, leader) = (LeaderEpoch(epoch), BrokerId(leader));
        p.reigns.push(Reign::new(epoch, leader, When::default()));
    }
    p
}

/// Two records are committed; of the replicas only `holders` have them.
pub(super) fn committed(holders: &[u32]) -> PartitionGhost {
    let mut p = partition();
    assert!(p.committed.push(batch(0, 2, 1, 7)));
    for &holder in holders {
        assert!(p.replicas[holder as usize].log.push(batch(0, 2, 1, 7)));
    }
    p
}

fn brokers(ids: &[u32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

/// A registration of the partition.
pub(super) fn state(
    leader: u32,
    (leader_epoch, partition_epoch): (u32, u32),
    isr: &[u32],
    elr: &[u32],
) -> PartitionState {
    PartitionState {
        replicas: brokers(&[0, 1, 2]),
        isr: brokers(isr),
        elr: brokers(elr),
        leader: Some(BrokerId(leader)),
        leader_epoch: LeaderEpoch(leader_epoch),
        partition_epoch: PartitionEpoch(partition_epoch),
        unclean: false,
    }
}

/// Three brokers that run, and the partition registered as `state`; `min.insync.replicas` is 2.
pub(super) fn decided(state: &PartitionState) -> Metadata {
    let mut metadata = unregistered(false);
    write(&mut metadata, MetadataRecord::PartitionChanged { at: AT, state: state.clone() });
    metadata
}

/// Three brokers that run, and a topic without partitions.
pub(super) fn unregistered(unclean: bool) -> Metadata {
    let mut metadata = Metadata::default();
    for broker in brokers(&[0, 1, 2]) {
        let epoch = squall_core::ids::BrokerEpoch(metadata.end().0);
        let (incarnation, disk) = (Incarnation(1), DiskId(1));
        write(&mut metadata, MetadataRecord::BrokerRegistered { broker, incarnation, disk });
        write(&mut metadata, MetadataRecord::BrokerUnfenced { broker, epoch });
        metadata.registered(broker, epoch);
    }
    let name = "events".into();
    write(
        &mut metadata,
        MetadataRecord::TopicCreated {
            topic: AT.topic,
            name,
            min_isr: 2,
            unclean,
            cleanup: CleanupPolicy::Delete,
        },
    );
    metadata
}

pub(super) fn write(metadata: &mut Metadata, record: MetadataRecord) {
    let _news = metadata.apply(metadata.end(), &Arc::new(record));
}

/// Three voters.
pub(super) fn quorum() -> QuorumGhost {
    QuorumGhost::new(&[NodeId(0), NodeId(1), NodeId(2)])
}

/// Voter 0 leads epoch 2 and holds an entry of it; so do `holders`, durably if `durable`.
pub(super) fn led(holders: &[usize], durable: bool) -> QuorumGhost {
    let mut q = quorum();
    q.voters[0].leads = Some(LeaderEpoch(2));
    for &holder in holders {
        assert!(q.voters[holder].log.push(batch(0, 3, 2, 9)));
        q.voters[holder].durable = if durable { Offset(3) } else { Offset::ZERO };
    }
    q
}
