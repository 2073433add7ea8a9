//! From a record to a place in a batch.
//!
//! Holds: the topics a producer writes to, and per partition the batches not yet sent and the unresolved
//! ones. A record whose topic is not known waits here too; its partition cannot be told yet.

use std::collections::VecDeque;

use crate::host::Host;
use crate::ids::{CorrelationId, TopicId, TopicPartition};
use crate::message::ClusterMetadata;
use crate::refused::Refused;
use crate::time::Time;
use crate::timer::ClientTimer;

use super::batch::{Batch, Queued};
use super::stream::Stream;
use super::{Alarm, Producer, Shared};
use crate::client::partitioner::{Turns, partition_of};

/// A topic that records were handed in for.
#[derive(Debug, Clone)]
pub(super) struct Topic {
    pub(super) name: Box<str>,
    pub(super) id: Option<TopicId>,
    /// Records that came before the topic was known, with their deadlines.
    pub(super) unplaced: VecDeque<(Queued, Time)>,
    pub(super) partitions: Vec<Partition>,
    turns: Turns,
}

/// One partition, as the producer sees it.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    pub(super) at: TopicPartition,
    /// Never sent. The last one takes records while it has room.
    pub(super) queue: VecDeque<Batch>,
    /// Sent and unresolved, in order.
    pub(super) flight: VecDeque<Batch>,
    pub(super) stream: Stream,
    next_number: u64,
    pub(super) alarm: Alarm,
}

impl Partition {
    const fn new(at: TopicPartition) -> Self {
        Self {
            at,
            queue: VecDeque::new(),
            flight: VecDeque::new(),
            stream: Stream::Unnamed,
            next_number: 0,
            alarm: Alarm::new(),
        }
    }

    /// The number of the batch that would take another `size` bytes.
    fn open(&self, size: usize, batch_bytes: usize) -> Option<u64> {
        self.queue.back().filter(|batch| batch.size_max + size <= batch_bytes).map(|batch| batch.number)
    }

    /// Puts a record into the open batch, or opens one; answers the batch's number.
    fn push(&mut self, record: Queued, now: Time, deadline: Time, shared: &mut Shared) -> u64 {
        if self.open(record.size_max(), shared.config.batch_bytes).is_none() {
            let records = shared.spare.pop().unwrap_or_default();
            self.queue.push_back(Batch::open(self.next_number, records, now, deadline));
            self.next_number += 1;
        }
        let batch = self.queue.back_mut().expect("opened just above if there was none");
        batch.push(record);
        batch.number
    }
}

impl Topic {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            id: None,
            unplaced: VecDeque::new(),
            partitions: Vec::new(),
            turns: Turns::default(),
        }
    }

    /// Takes over what the view knows of it by now.
    fn learn(&mut self, shared: &Shared) {
        let Some((topic, partitions)) = shared.discovery.view.topic(&self.name) else { return };
        self.id = Some(topic);
        for partition in self.partitions.len() as u32..partitions {
            self.partitions.push(Partition::new(TopicPartition { topic, partition }));
        }
    }

    /// Puts a record into a batch; answers the partition. The topic has partitions.
    fn place(&mut self, record: Queued, deadline: Time, shared: &mut Shared, env: &Host<'_>) -> usize {
        let count = self.partitions.len() as u32;
        let (now, config) = (env.now(), &shared.config);
        if let Some(key) = &record.key {
            let partition = partition_of(key, count) as usize;
            self.partitions[partition].push(record, now, deadline, shared);
            return partition;
        }
        let (size, partitions) = (record.size_max(), &self.partitions);
        let open = |partition: u32| partitions[partition as usize].open(size, config.batch_bytes);
        let partition = self.turns.take(count, now, config.linger, open);
        let batch = self.partitions[partition as usize].push(record, now, deadline, shared);
        self.turns.taken(partition, batch, now);
        partition as usize
    }

    /// Places what waited for the topic to become known, and sends what can be sent.
    fn settle_in(&mut self, shared: &mut Shared, env: &mut Host<'_>) {
        self.learn(shared);
        if self.partitions.is_empty() {
            return;
        }
        while let Some((record, deadline)) = self.unplaced.pop_front() {
            self.place(record, deadline, shared, env);
        }
        for partition in &mut self.partitions {
            partition.pump(shared, env);
        }
    }
}

impl Producer {
    /// Takes a record in.
    pub(super) fn accept(&mut self, name: &str, record: Queued, env: &mut Host<'_>) {
        let deadline = env.now() + self.shared.config.delivery_timeout;
        let index = self.topic_index(name);
        let (topic, shared) = (&mut self.topics[index], &mut self.shared);
        if topic.partitions.is_empty() {
            topic.learn(shared);
        }
        self.last_place = if topic.partitions.is_empty() {
            topic.unplaced.push_back((record, deadline));
            shared.want_metadata(env);
            None
        } else {
            let partition = topic.place(record, deadline, shared, env);
            topic.partitions[partition].pump(shared, env);
            Some(topic.partitions[partition].at)
        };
        self.delivery.by(ClientTimer::Delivery, deadline, env);
    }

    /// Anything that waited for a topic or a leader goes on, or asks again: an answer without news must not
    /// be the last one.
    pub(super) fn on_metadata(
        &mut self,
        id: CorrelationId,
        result: Result<ClusterMetadata, Refused>,
        env: &mut Host<'_>,
    ) {
        let shared = &mut self.shared;
        shared.discovery.on_reply(id, result, &mut shared.numbers, env);
        for topic in &mut self.topics {
            topic.settle_in(shared, env);
        }
        if self.topics.iter().any(|topic| !topic.unplaced.is_empty()) {
            shared.want_metadata(env);
        }
    }

    /// Sends whatever can be sent, everywhere.
    pub(super) fn pump_all(&mut self, env: &mut Host<'_>) {
        for topic in &mut self.topics {
            for partition in &mut topic.partitions {
                partition.pump(&mut self.shared, env);
            }
        }
    }

    /// The partition `at`, if records were ever handed in for its topic.
    pub(super) fn partition_mut(&mut self, at: TopicPartition) -> Option<(&mut Partition, &mut Shared)> {
        let topic = self.topics.iter_mut().find(|topic| topic.id == Some(at.topic))?;
        Some((topic.partitions.get_mut(at.partition as usize)?, &mut self.shared))
    }

    fn topic_index(&mut self, name: &str) -> usize {
        match self.topics.binary_search_by(|topic| (*topic.name).cmp(name)) {
            Ok(index) => index,
            Err(index) => {
                self.topics.insert(index, Topic::new(name));
                index
            }
        }
    }
}
