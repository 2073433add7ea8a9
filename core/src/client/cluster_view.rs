//! Who leads what, as far as this client has heard.
//!
//! Changed only by metadata replies and by refusals that name a leader (KIP-951). A partition's leader epoch
//! never goes back: a broker that lags behind would otherwise send its clients to deposed leaders.

use std::sync::Arc;

use crate::ids::{BrokerId, LeaderEpoch, NodeId, Offset, TopicId, TopicPartition};
use crate::message::{ClusterMetadata, PartitionMetadata, TopicMetadata};

/// The topics a client knows.
#[derive(Debug, Clone, Default)]
pub(super) struct ClusterView {
    version: Offset,
    /// By id.
    topics: Vec<TopicMetadata>,
    /// By name; an index into nothing else, so that it stays right whatever is merged.
    names: Vec<(Arc<str>, TopicId)>,
}

impl ClusterView {
    /// The topic of that name, and how many partitions it has.
    pub(super) fn topic(&self, name: &str) -> Option<(TopicId, u32)> {
        let found = self.names.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        let topic = self.names[found].1;
        Some((topic, self.partitions(topic)?.len() as u32))
    }

    /// The reign of a partition, and who leads in it.
    pub(super) fn reign(&self, at: TopicPartition) -> Option<PartitionMetadata> {
        self.partitions(at.topic)?.get(at.partition as usize).copied()
    }

    /// The node of a partition's leader.
    pub(super) fn leader(&self, at: TopicPartition) -> Option<NodeId> {
        self.reign(at)?.leader.map(BrokerId::node)
    }

    /// Takes over what is newer in `heard`; answers whether anything was.
    pub(super) fn merge(&mut self, heard: ClusterMetadata) -> bool {
        if heard.version <= self.version && !self.topics.is_empty() {
            return false;
        }
        self.version = heard.version;
        let mut changed = false;
        for topic in heard.topics {
            changed |= self.merge_topic(topic);
        }
        changed
    }

    /// Takes over a leader named in a refusal; answers whether it was news.
    pub(super) fn hint(&mut self, at: TopicPartition, leader: BrokerId, epoch: LeaderEpoch) -> bool {
        let Ok(found) = self.topics.binary_search_by_key(&at.topic, |topic| topic.topic) else {
            return false;
        };
        match self.topics[found].partitions.get_mut(at.partition as usize) {
            Some(known) => renew(known, PartitionMetadata { leader: Some(leader), epoch }),
            None => false,
        }
    }

    fn partitions(&self, topic: TopicId) -> Option<&[PartitionMetadata]> {
        let found = self.topics.binary_search_by_key(&topic, |known| known.topic).ok()?;
        Some(&self.topics[found].partitions)
    }

    fn merge_topic(&mut self, heard: TopicMetadata) -> bool {
        match self.topics.binary_search_by_key(&heard.topic, |known| known.topic) {
            Ok(found) => merge_partitions(&mut self.topics[found].partitions, &heard.partitions),
            Err(place) => {
                if let Err(place) = self.names.binary_search_by(|(name, _)| name.cmp(&heard.name)) {
                    self.names.insert(place, (heard.name.clone(), heard.topic));
                }
                self.topics.insert(place, heard);
                true
            }
        }
    }
}

fn merge_partitions(known: &mut Vec<PartitionMetadata>, heard: &[PartitionMetadata]) -> bool {
    let mut changed = false;
    for (known, heard) in known.iter_mut().zip(heard) {
        changed |= renew(known, *heard);
    }
    if let Some(added) = heard.get(known.len()..)
        && !added.is_empty()
    {
        known.extend_from_slice(added);
        changed = true;
    }
    changed
}

fn renew(known: &mut PartitionMetadata, heard: PartitionMetadata) -> bool {
    let newer = heard.epoch > known.epoch
        // The same reign, first heard of without its leader.
        || (heard.epoch == known.epoch && known.leader.is_none() && heard.leader.is_some());
    if newer {
        *known = heard;
    }
    newer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(version: u64, epochs: &[(u32, Option<u32>)]) -> ClusterMetadata {
        let partitions = epochs
            .iter()
            .map(|&(epoch, leader)| PartitionMetadata {
                leader: leader.map(BrokerId),
                epoch: LeaderEpoch(epoch),
            })
            .collect();
        let topic = TopicMetadata { topic: TopicId(7), name: "orders".into(), partitions };
        ClusterMetadata { version: Offset(version), topics: vec![topic] }
    }

    const AT: TopicPartition = TopicPartition { topic: TopicId(7), partition: 0 };

    #[test]
    fn a_leader_epoch_never_goes_back() {
        let mut view = ClusterView::default();
        assert!(view.merge(heard(5, &[(3, Some(1))])));
        assert!(!view.merge(heard(4, &[(2, Some(0))])), "an older version");
        assert!(view.hint(AT, BrokerId(2), LeaderEpoch(5)));
        assert!(!view.merge(heard(6, &[(4, Some(0))])), "newer than the last reply, older than the hint");
        assert!(!view.hint(AT, BrokerId(0), LeaderEpoch(5)), "one reign has one leader");
        assert_eq!(view.leader(AT), Some(NodeId(2)));
    }

    #[test]
    fn a_partition_added_later_is_seen() {
        let mut view = ClusterView::default();
        view.merge(heard(1, &[(0, Some(1))]));
        assert_eq!(view.topic("orders"), Some((TopicId(7), 1)));
        assert!(view.merge(heard(2, &[(0, Some(1)), (0, Some(2))])));
        assert_eq!(view.topic("orders"), Some((TopicId(7), 2)));
        assert_eq!(view.topic("order"), None);
    }
}
