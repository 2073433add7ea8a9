//! Where a name is coordinated: the leader of the partition of an internal topic that it is hashed onto, by
//! Java's `String.hashCode`, as Kafka's `GroupMetadataManager`, `TransactionStateManager` and
//! `ShareCoordinatorService` take it (`partitionFor`).

use std::ops::RangeInclusive;

use crate::ids::{BrokerId, TopicId, TopicPartition};
use crate::metadata::Image;

/// An internal topic, once the controllers have made it.
#[derive(Debug, Clone)]
pub struct Home {
    name: &'static str,
    topic: Option<TopicId>,
}

impl Home {
    /// The topic of this name, which nobody has made yet.
    pub const fn named(name: &'static str) -> Self {
        Self { name, topic: None }
    }

    /// The topic, if there is one.
    pub const fn topic(&self) -> Option<TopicId> {
        self.topic
    }

    /// All its partitions, however many there are.
    pub(crate) fn partitions(&self) -> Option<RangeInclusive<TopicPartition>> {
        let at = |topic, partition| TopicPartition { topic, partition };
        self.topic.map(|topic| at(topic, 0)..=at(topic, u32::MAX))
    }

    /// The controllers decided something: there may be a topic now.
    pub(crate) fn on_metadata(&mut self, image: &Image) {
        if self.topic.is_none() {
            self.topic = image.topic_named(self.name).map(|(topic, _)| topic);
        }
    }

    /// Which partition `name` belongs to; `None` while there is no topic.
    pub(crate) fn place(&self, name: &str, image: &Image) -> Option<TopicPartition> {
        let topic = self.topic?;
        partition_for(name, topic, image.topics.get(&topic)?.partitions.len() as u32)
    }

    /// Who coordinates `name`, as far as this broker knows.
    pub(crate) fn coordinator(&self, name: &str, image: &Image) -> Option<BrokerId> {
        self.place(name, image).and_then(|at| image.partition(at)?.leader)
    }
}

/// The name's partition of a topic that has so many; `None` if that is none yet: a topic is known before its
/// partitions are.
pub fn partition_for(name: &str, topic: TopicId, partitions: u32) -> Option<TopicPartition> {
    // Kafka's `Utils.abs` clears the sign, so that the smallest number has a place too.
    let partition = (hash(name) & 0x7fff_ffff).checked_rem(partitions)?;
    Some(TopicPartition { topic, partition })
}

/// `String.hashCode`, over UTF-16 units.
fn hash(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_hash_that_java_gives_it() {
        // As `jshell` answers.
        assert_eq!(hash(""), 0);
        assert_eq!(hash("a"), 97);
        assert_eq!(hash("hello"), 99_162_322);
        assert_eq!(hash("polygenelubricants"), 0x8000_0000);
    }

    #[test]
    fn the_smallest_hash_has_a_partition() {
        let place = |name| partition_for(name, TopicId(1), 50).map(|at| at.partition);
        assert_eq!(place("polygenelubricants"), Some(0));
        assert_eq!(place("hello"), Some(22));
    }

    #[test]
    fn a_topic_without_partitions_has_no_place() {
        assert_eq!(partition_for("hello", TopicId(1), 0), None);
    }
}
