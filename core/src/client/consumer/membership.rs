//! What a group member needs of its consumer: partitions by number that come and go, and its numbers and
//! knowledge of the cluster for requests of its own.

use crate::host::Host;
use crate::ids::{CorrelationId, LeaderEpoch, NodeId, TopicPartition};
use crate::time::Span;

use super::reader::Reader;
use super::{Consumer, ConsumerConfig, Start};
use crate::client::cluster_view::ClusterView;

impl Consumer {
    /// A consumer that also asks for metadata when nothing is wrong, every so often.
    pub(in crate::client) fn with_max_age(config: ConsumerConfig, max_age: Span) -> Self {
        Self::renewing(config, Some(max_age))
    }

    /// Reads these partitions of those it reads, and no others.
    pub(in crate::client) fn keep(&mut self, partitions: &[TopicPartition]) {
        self.readers.retain(|reader| reader.at.is_some_and(|at| partitions.contains(&at)));
        self.turn = 0;
    }

    /// Reads one partition more.
    pub(in crate::client) fn add(&mut self, at: TopicPartition, start: Start, env: &mut Host<'_>) {
        self.readers.push(Reader::of(at, start));
        if let Some((reader, shared)) = self.reader_mut(at) {
            reader.pump(shared, env);
        }
    }

    /// The leader epoch of the last record before the position; `None`: not known.
    pub(in crate::client) fn epoch_before(&self, at: TopicPartition) -> Option<LeaderEpoch> {
        self.reader(at)?.history.newest()
    }

    /// A number for a request.
    pub(in crate::client) const fn next_number(&mut self) -> CorrelationId {
        self.shared.numbers.next()
    }

    /// The next broker whose turn it is to be asked something that any broker answers.
    pub(in crate::client) fn any_broker(&mut self) -> NodeId {
        self.shared.discovery.any_broker()
    }

    /// Who leads what.
    pub(in crate::client) const fn view(&self) -> &ClusterView {
        &self.shared.discovery.view
    }

    /// What is known of the cluster is of no use for something.
    pub(in crate::client) fn want_metadata(&mut self, env: &mut Host<'_>) {
        self.shared.want_metadata(env);
    }
}
