//! The consumer: reads partitions assigned by hand, each strictly in offset order.
//!
//! | file | holds |
//! |---|---|
//! | `reader` | one partition: what is asked next, and of whom |
//! | `fetch` | what a fetch brings, and how it is handed out |
//! | `validate` | whether the position still exists in a new leader's log (KIP-320) |
//! | `reset` | finding a place to read from: at the start, or when the position is out of range |
//! | `history` | which leader epochs the consumed records had |
//! | `verdict` | what each refusal means |
//! | `membership` | what a group member needs beside |
//!
//! Records are slices of the fetched bytes. The next fetch of a partition goes out when all of the last one
//! has been polled, so an application that does not poll is not flooded.

mod fetch;
mod history;
mod membership;
mod reader;
mod reset;
#[cfg(test)]
mod tests;
mod validate;
mod verdict;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::client::Headers;
use crate::host::Host;
use crate::ids::{CorrelationId, LeaderEpoch, NodeId, Offset, TopicPartition};
use crate::message::{Isolation, Reply};
use crate::quirk::Quirks;
use crate::time::Span;
use crate::timer::ClientTimer;

use super::discovery::Discovery;
use super::requests::Numbers;
use reader::Reader;

/// A consumer's settings, under Kafka's names where Kafka has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// `bootstrap.servers`: asked in turn; at least one.
    pub brokers: Vec<NodeId>,
    /// `max.partition.fetch.bytes`.
    pub max_bytes: u32,
    /// `fetch.max.wait.ms`: how long a leader may wait for records.
    pub max_wait: Span,
    /// `request.timeout.ms`: how long to wait for an answer, beyond `max_wait` for a fetch.
    pub request_timeout: Span,
    /// `retry.backoff.ms`: the wait after a first failure; grows eightfold with more of them.
    pub retry_backoff: Span,
    /// `isolation.level`.
    pub isolation: Isolation,
    /// `auto.offset.reset`.
    pub reset: Reset,
    /// Historical mistakes; normally none.
    pub quirks: Quirks,
}

/// Where to go when the position is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// To the log start.
    Earliest,
    /// To the high watermark.
    Latest,
    /// Nowhere: the application is told, and must [`Consumer::seek`]. The same after a truncation.
    None,
}

/// Where to start reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the log start.
    Earliest,
    /// At the high watermark.
    Latest,
    /// Here.
    At(Offset),
    /// Here, where the record before has this leader epoch: it is compared before anything is read (KIP-320).
    Committed {
        /// The next offset to be read.
        offset: Offset,
        /// The epoch of the record before it; `None`: not known.
        epoch: Option<LeaderEpoch>,
    },
    /// Nowhere, until the application seeks.
    Hold,
}

/// A topic's name, a partition's number, where to start.
pub type Assignment = (Arc<str>, u32, Start);

/// A record as the application gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumed {
    /// Its partition.
    pub at: TopicPartition,
    /// Its offset.
    pub offset: Offset,
    /// The leader epoch it carries.
    pub epoch: LeaderEpoch,
    /// In milliseconds.
    pub timestamp: u64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Headers,
}

/// What an application may want to know beside records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The position is not in the log. With [`Reset::None`] nothing more is read until a seek.
    OutOfRange {
        /// The partition.
        at: TopicPartition,
        /// The position.
        from: Offset,
    },
    /// Records that were handed out are no longer in the log. With [`Reset::None`] nothing more is read until
    /// a seek.
    Truncated {
        /// The partition.
        at: TopicPartition,
        /// The position.
        from: Offset,
        /// The first offset that is, or will be, another record than the one handed out.
        to: Offset,
    },
}

/// A consumer. One life of it.
#[derive(Debug, Clone)]
pub struct Consumer {
    readers: Vec<Reader>,
    /// Whose turn it is to be polled.
    turn: usize,
    shared: Shared,
}

/// What all partitions of a consumer share.
#[derive(Debug, Clone)]
struct Shared {
    config: ConsumerConfig,
    discovery: Discovery,
    numbers: Numbers,
    events: VecDeque<Event>,
}

impl Consumer {
    /// A consumer that has not started yet.
    ///
    /// # Panics
    /// If there is no bootstrap broker.
    pub fn new(config: ConsumerConfig) -> Self {
        Self::renewing(config, None)
    }

    fn renewing(config: ConsumerConfig, max_age: Option<Span>) -> Self {
        assert!(!config.brokers.is_empty(), "there is nobody to ask");
        let discovery =
            Discovery::new(config.brokers.clone(), config.request_timeout, config.retry_backoff, max_age);
        let shared = Shared { config, discovery, numbers: Numbers::default(), events: VecDeque::new() };
        Self { readers: Vec::new(), turn: 0, shared }
    }

    /// The first call of a life.
    pub fn start(&mut self, env: &mut Host<'_>) {
        let shared = &mut self.shared;
        shared.numbers = Numbers::of_this_life(env);
        shared.discovery.start(&mut shared.numbers, env);
        self.pump_all(env);
    }

    /// Reads these partitions from now on, and no others. One that was assigned already keeps its position.
    pub fn assign(&mut self, assignments: Vec<Assignment>, env: &mut Host<'_>) {
        let mut old = std::mem::take(&mut self.readers);
        for (topic, partition, start) in assignments {
            let known = old.iter().position(|reader| reader.is(&topic, partition));
            self.readers.push(match known {
                Some(index) => old.swap_remove(index),
                None => Reader::new(topic, partition, start),
            });
        }
        self.turn = 0;
        self.pump_all(env);
    }

    /// Goes on reading `at` from another place. What was fetched and not polled is dropped.
    pub fn seek(&mut self, at: TopicPartition, to: Start, env: &mut Host<'_>) {
        if let Some((reader, shared)) = self.reader_mut(at) {
            reader.seek(at, to, env);
            reader.pump(shared, env);
        }
    }

    /// Hands out nothing of `at` and fetches no more of it, until [`Consumer::resume`].
    pub fn pause(&mut self, at: TopicPartition) {
        if let Some((reader, _)) = self.reader_mut(at) {
            reader.paused = true;
        }
    }

    /// Ends a [`Consumer::pause`].
    pub fn resume(&mut self, at: TopicPartition, env: &mut Host<'_>) {
        if let Some((reader, shared)) = self.reader_mut(at) {
            reader.paused = false;
            reader.pump(shared, env);
        }
    }

    /// A reply arrived. One that belongs to nothing, or comes too late, has no effect.
    pub fn on_reply(&mut self, _from: NodeId, id: CorrelationId, reply: Reply, env: &mut Host<'_>) {
        match reply {
            Reply::Metadata(result) => {
                self.shared.discovery.on_reply(id, result, &mut self.shared.numbers, env);
                self.pump_all(env);
            }
            Reply::Fetch { at, result } => self.on_fetched(id, at, result, env),
            Reply::EpochEnd { at, result } => self.on_epoch_end(id, at, result, env),
            Reply::ListOffsets { at, result } => self.on_offset(id, at, result, env),
            Reply::RegisterBroker(_)
            | Reply::Heartbeat(_)
            | Reply::FetchMetadata(_)
            | Reply::AlterPartition { .. }
            | Reply::CreateTopic(_)
            | Reply::AllocateProducerIds(_)
            | Reply::ElectLeader(_)
            | Reply::InitProducerId(_)
            | Reply::Produce { .. }
            | Reply::Group(_)
            | Reply::Transaction(_)
            | Reply::Share(_) => {}
        }
    }

    /// A timer rang.
    pub fn on_timer(&mut self, timer: ClientTimer, env: &mut Host<'_>) {
        match timer {
            ClientTimer::Metadata => self.shared.discovery.on_timer(&mut self.shared.numbers, env),
            ClientTimer::Partition(at) => {
                if let Some((reader, shared)) = self.reader_mut(at) {
                    reader.alarm.rang();
                    reader.pump(shared, env);
                }
            }
            // A producer's, and a member's.
            ClientTimer::ProducerId
            | ClientTimer::Delivery
            | ClientTimer::Group
            | ClientTimer::Transaction
            | ClientTimer::ProducerMetadata => {}
        }
    }

    /// The next record, if one has been fetched. Partitions take turns, a fetch a turn.
    pub fn poll(&mut self, env: &mut Host<'_>) -> Option<Consumed> {
        for _ in 0..self.readers.len() {
            if let Some(record) = self.readers[self.turn].poll(&mut self.shared, env) {
                return Some(record);
            }
            self.turn = (self.turn + 1) % self.readers.len();
        }
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.shared.events.pop_front()
    }

    /// The offset of the next record to be polled; `None`: not assigned, or not known yet.
    pub fn position(&self, at: TopicPartition) -> Option<Offset> {
        self.reader(at)?.position
    }

    /// Up to where the log is committed, as the last fetch told.
    pub fn high_watermark(&self, at: TopicPartition) -> Option<Offset> {
        self.reader(at)?.high_watermark
    }

    /// The partition of an assignment, once its topic is known.
    pub fn resolve(&self, topic: &str, partition: u32) -> Option<TopicPartition> {
        let (topic, partitions) = self.shared.discovery.view.topic(topic)?;
        (partition < partitions).then_some(TopicPartition { topic, partition })
    }

    fn reader(&self, at: TopicPartition) -> Option<&Reader> {
        self.readers.iter().find(|reader| reader.at == Some(at))
    }

    fn reader_mut(&mut self, at: TopicPartition) -> Option<(&mut Reader, &mut Shared)> {
        let reader = self.readers.iter_mut().find(|reader| reader.at == Some(at))?;
        Some((reader, &mut self.shared))
    }

    fn pump_all(&mut self, env: &mut Host<'_>) {
        for reader in &mut self.readers {
            reader.pump(&mut self.shared, env);
        }
    }
}
