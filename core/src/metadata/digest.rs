//! One number for an image, the same on every machine and build.
//!
//! Folds each field into 64 bits by multiplication. Deliberately absent: `std::hash::Hash` and its
//! hashers, whose results the standard library does not promise to keep.

use super::image::{BrokerState, Image, TopicState};
use super::records::PartitionState;
use crate::ids::BrokerId;

impl Image {
    /// Equal images have equal digests; different ones differ but for a chance of about 2⁻⁶⁴.
    pub fn digest(&self) -> u64 {
        let mut fold = Fold(0);
        fold.word(self.end.0);
        fold.word(self.next_producer_id.0);
        fold.word(self.brokers.len() as u64);
        for (id, broker) in &self.brokers {
            fold.word(u64::from(id.0));
            fold.broker(broker);
        }
        fold.word(self.topics.len() as u64);
        for (id, topic) in &self.topics {
            fold.word(u64::from(id.0));
            fold.topic(topic);
        }
        fold.0
    }
}

struct Fold(u64);

impl Fold {
    fn word(&mut self, word: u64) {
        // Two odd constants of wyhash. The high half of the product is folded back in: without it the low
        // bits of the digest would never hear of the high bits of a word.
        let mixed = u128::from(self.0 ^ 0xa076_1d64_78bd_642f) * u128::from(word ^ 0xe703_7ed1_a0b4_28db);
        self.0 = ((mixed >> 64) as u64 ^ mixed as u64).rotate_left(23).wrapping_add(word);
    }

    fn broker(&mut self, broker: &BrokerState) {
        self.word(broker.epoch.0);
        self.word(broker.incarnation.0);
        self.word(broker.disk.0);
        self.word(u64::from(broker.fenced));
    }

    fn topic(&mut self, topic: &TopicState) {
        self.word(topic.name.len() as u64);
        topic.name.bytes().for_each(|byte| self.word(u64::from(byte)));
        self.word(u64::from(topic.min_isr) << 1 | u64::from(topic.unclean) | (topic.cleanup as u64) << 33);
        self.word(topic.partitions.len() as u64);
        topic.partitions.iter().for_each(|partition| self.partition(partition));
    }

    fn partition(&mut self, partition: &PartitionState) {
        for members in [&partition.replicas, &partition.isr, &partition.elr] {
            self.members(members);
        }
        self.word(partition.leader.map_or(0, |leader| u64::from(leader.0) + 1));
        self.word(u64::from(partition.leader_epoch.0) << 32 | u64::from(partition.partition_epoch.0));
        self.word(u64::from(partition.unclean));
    }

    fn members(&mut self, members: &[BrokerId]) {
        self.word(members.len() as u64);
        members.iter().for_each(|member| self.word(u64::from(member.0)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{Offset, TopicId};
    use crate::log::CleanupPolicy;
    use crate::metadata::strategies::image;

    #[test]
    fn the_digest_is_the_same_on_every_machine() {
        let topic = TopicState {
            name: "orders".into(),
            min_isr: 2,
            unclean: true,
            cleanup: CleanupPolicy::Delete,
            partitions: vec![],
        };
        let full = Image { topics: [(TopicId(1), topic)].into(), end: Offset(9), ..Image::default() };
        assert_eq!(Image::default().digest(), 14_115_827_144_500_088_241);
        assert_eq!(full.digest(), 1_012_929_702_062_619_910);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_digest_tells_images_apart(a in image(), b in image()) {
            prop_assert_eq!(a == b, a.digest() == b.digest());
            let moved = Image { end: Offset(a.end.0 ^ 1), ..a.clone() };
            prop_assert_ne!(a.digest(), moved.digest());
        }
    }
}
