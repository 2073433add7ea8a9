//! The image: what the metadata log says up to some offset.
//!
//! Changed only by [`Image::apply`] and [`Image::load`]; equal prefixes of the log give equal images.
//! Deliberately absent: anything that is not in the log, such as sessions or who may reach whom.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::records::{MetadataRecord, PartitionState};
use crate::ids::{BrokerEpoch, BrokerId, DiskId, Incarnation, Offset, ProducerId, TopicId, TopicPartition};
use crate::log::CleanupPolicy;

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
    /// `cleanup.policy`.
    pub cleanup: CleanupPolicy,
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

impl Image {
    /// The registration of a partition.
    pub fn partition(&self, at: TopicPartition) -> Option<&PartitionState> {
        self.topics.get(&at.topic)?.partitions.get(at.partition as usize)
    }

    /// Whether `broker` may lead and be in sync.
    pub fn is_unfenced(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(|state| !state.fenced)
    }

    /// Whether `epoch` is the registration of `broker` that counts now.
    pub fn is_registered(&self, broker: BrokerId, epoch: BrokerEpoch) -> bool {
        self.brokers.get(&broker).is_some_and(|state| state.epoch == epoch)
    }

    /// Everything that is known about the topic named `name`.
    pub fn topic_named(&self, name: &str) -> Option<(TopicId, &TopicState)> {
        self.topics.iter().find(|(_, topic)| &*topic.name == name).map(|(id, topic)| (*id, topic))
    }

    /// All before `snapshot.end` at once, in place of what was here.
    pub fn load(&mut self, snapshot: &Self) {
        self.clone_from(snapshot);
    }

    /// The record at `offset`. It must be the next one: an image with a gap equals no prefix of the log.
    ///
    /// A record about something that does not exist (a topic, an older registration) only moves the end.
    /// A late fencing is such a record: it must not fence the broker's next life.
    pub fn apply(&mut self, offset: Offset, record: &MetadataRecord) {
        assert_eq!(offset, self.end, "the metadata log is applied without gaps");
        match record {
            MetadataRecord::BrokerRegistered { broker, incarnation, disk } => {
                let epoch = BrokerEpoch(offset.0);
                let state = BrokerState { epoch, incarnation: *incarnation, disk: *disk, fenced: true };
                self.brokers.insert(*broker, state);
            }
            MetadataRecord::BrokerUnfenced { broker, epoch } => self.set_fenced(*broker, *epoch, false),
            MetadataRecord::BrokerFenced { broker, epoch } => self.set_fenced(*broker, *epoch, true),
            MetadataRecord::TopicCreated { topic, name, min_isr, unclean, cleanup } => {
                let state = TopicState {
                    name: name.clone(),
                    min_isr: *min_isr,
                    unclean: *unclean,
                    cleanup: *cleanup,
                    partitions: Vec::new(),
                };
                self.topics.entry(*topic).or_insert(state);
            }
            MetadataRecord::PartitionChanged { at, state } => self.set_partition(*at, state),
            MetadataRecord::ProducerIdsAllocated { next } => {
                // Never back: an id that was given away once is not given away again.
                self.next_producer_id = self.next_producer_id.max(*next);
            }
            MetadataRecord::NoOp => {}
        }
        self.end = offset.plus(1);
    }

    fn set_fenced(&mut self, broker: BrokerId, epoch: BrokerEpoch, fenced: bool) {
        if let Some(state) = self.brokers.get_mut(&broker)
            && state.epoch == epoch
        {
            state.fenced = fenced;
        }
    }

    fn set_partition(&mut self, at: TopicPartition, state: &PartitionState) {
        let Some(topic) = self.topics.get_mut(&at.topic) else { return };
        let index = at.partition as usize;
        if let Some(partition) = topic.partitions.get_mut(index) {
            partition.clone_from(state);
        } else if topic.partitions.len() == index {
            topic.partitions.push(state.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{LeaderEpoch, PartitionEpoch};

    fn registered(broker: u32) -> MetadataRecord {
        MetadataRecord::BrokerRegistered {
            broker: BrokerId(broker),
            incarnation: Incarnation(u64::from(broker) + 10),
            disk: DiskId(7),
        }
    }

    fn image_of(records: &[MetadataRecord]) -> Image {
        let mut image = Image::default();
        for record in records {
            image.apply(image.end, record);
        }
        image
    }

    fn partition(leader: u32) -> PartitionState {
        PartitionState {
            replicas: vec![BrokerId(leader)],
            isr: vec![BrokerId(leader)],
            elr: vec![],
            leader: Some(BrokerId(leader)),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            unclean: false,
        }
    }

    #[test]
    fn a_broker_epoch_is_its_registrations_offset_and_a_life_starts_fenced() {
        let image = image_of(&[MetadataRecord::NoOp, registered(1)]);
        assert!(image.is_registered(BrokerId(1), BrokerEpoch(1)));
        assert!(!image.is_unfenced(BrokerId(1)));
        assert_eq!(image.end, Offset(2));
    }

    #[test]
    fn a_fencing_of_an_earlier_registration_leaves_the_next_one_alone() {
        let broker = BrokerId(1);
        let mut image = image_of(&[registered(1), registered(1)]);
        image.apply(Offset(2), &MetadataRecord::BrokerUnfenced { broker, epoch: BrokerEpoch(0) });
        assert!(!image.is_unfenced(broker), "an old unfencing unfenced the new life");
        image.apply(Offset(3), &MetadataRecord::BrokerUnfenced { broker, epoch: BrokerEpoch(1) });
        assert!(image.is_unfenced(broker));
        image.apply(Offset(4), &MetadataRecord::BrokerFenced { broker, epoch: BrokerEpoch(0) });
        assert!(image.is_unfenced(broker), "an old fencing fenced the new life");
        image.apply(Offset(5), &MetadataRecord::BrokerFenced { broker, epoch: BrokerEpoch(1) });
        assert!(!image.is_unfenced(broker));
    }

    #[test]
    fn partitions_follow_their_topic_in_order_and_are_replaced_whole() {
        let topic = TopicId(3);
        let created = MetadataRecord::TopicCreated {
            topic,
            name: "orders".into(),
            min_isr: 2,
            unclean: false,
            cleanup: CleanupPolicy::Delete,
        };
        let at = |partition| TopicPartition { topic, partition };
        let changed = |partition, leader| MetadataRecord::PartitionChanged {
            at: at(partition),
            state: self::partition(leader),
        };
        let image =
            image_of(&[changed(0, 9), created, changed(0, 1), changed(2, 9), changed(1, 2), changed(0, 3)]);
        assert_eq!(image.topics[&topic].partitions, [self::partition(3), self::partition(2)]);
        assert_eq!(image.partition(at(1)), Some(&self::partition(2)));
        assert_eq!(image.topic_named("orders").map(|(id, _)| id), Some(topic));
    }

    #[test]
    fn producer_ids_never_go_back() {
        let allocated = |next| MetadataRecord::ProducerIdsAllocated { next: ProducerId(next) };
        assert_eq!(image_of(&[allocated(20), allocated(10)]).next_producer_id, ProducerId(20));
    }

    #[test]
    #[should_panic(expected = "without gaps")]
    fn a_gap_in_the_log_is_a_bug() {
        Image::default().apply(Offset(1), &MetadataRecord::NoOp);
    }
}
