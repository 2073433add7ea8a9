//! The producer: batches records by partition, finds the leaders, retries, and reports each record's fate.
//!
//! | file | holds |
//! |---|---|
//! | `accumulate` | from a record to a place in a batch |
//! | `send` | what goes out when: first sends, retries, request time-outs |
//! | `reply` | what an answer means for its batch |
//! | `verdict` | what each refusal means |
//! | `expire` | the delivery deadline, and every other way to fail |
//! | `stream` | producer ids, one stream a partition |
//! | `transaction` | transactions: one identity for all partitions, and what ends together |
//!
//! A batch gets its stamp when it is first sent and keeps it for ever: the same records under two stamps
//! would be two batches to a broker. The one exception is in `reply`, with its proof.

mod accumulate;
mod batch;
mod expire;
mod reply;
mod send;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod torture;
mod transaction;
mod verdict;

use std::collections::VecDeque;

use bytes::Bytes;

use crate::host::Host;
use crate::ids::{CorrelationId, NodeId, Offset, TopicPartition};
use crate::message::{Acks, Reply};
use crate::quirk::{Quirk, Quirks};
use crate::record::BatchBuilder;
use crate::refused::Refused;
use crate::time::Span;
use crate::timer::ClientTimer;

use super::alarm::Alarm;
use super::discovery::Discovery;
use super::requests::Numbers;
use accumulate::Topic;
use batch::Queued;
use stream::ProducerIds;
use transaction::Transactions;
pub use transaction::{GroupMetadata, Stage, TransactionEvent, TransactionalConfig};

/// How many batches of one producer a broker remembers per partition, so no more may be in flight.
pub const MAX_IN_FLIGHT: usize = 5;

/// A producer's settings, under Kafka's names where Kafka has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerConfig {
    /// How sure to be before a record counts as delivered.
    pub acks: Acks,
    /// `enable.idempotence`: retries make no duplicate and no reorder. Needs acks=all.
    pub idempotent: bool,
    /// `linger.ms`: how long a batch waits for more records.
    pub linger: Span,
    /// `batch.size` in bytes. A larger record travels alone.
    pub batch_bytes: usize,
    /// Batches of one partition in flight, 1 to [`MAX_IN_FLIGHT`]. Not idempotent: always one, since a retry
    /// would land behind its successors (KAFKA-3197).
    pub max_in_flight: usize,
    /// `request.timeout.ms`: how long to wait for an answer, and how long a broker may wait for its ISR.
    pub request_timeout: Span,
    /// `delivery.timeout.ms`: after that long, a batch still undelivered is reported as failed.
    pub delivery_timeout: Span,
    /// `retry.backoff.ms`: the wait after a first failure; grows eightfold with more of them.
    pub retry_backoff: Span,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Span,
    /// `bootstrap.servers`: asked in turn.
    pub brokers: Vec<NodeId>,
    /// Historical mistakes; normally none.
    pub quirks: Quirks,
    /// `transactional.id` and its time-out; `None`: no transactions. Needs idempotence.
    pub transactional: Option<TransactionalConfig>,
}

/// Why settings make no producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    /// As in Kafka: with less than acks=all an acknowledged batch may be lost, and the sequence with it.
    #[error("an idempotent producer needs acks=all")]
    IdempotentWithoutAcksAll,
    /// What a retry doubles nobody could abort.
    #[error("a transactional producer is idempotent")]
    TransactionalWithoutIdempotence,
    /// Beyond that a broker could not tell an old duplicate from a gap.
    #[error("max_in_flight is not between 1 and {MAX_IN_FLIGHT}")]
    InFlight,
    /// There is nobody to ask.
    #[error("no bootstrap broker")]
    NoBroker,
}

/// A record handed to a producer; unique within its life, growing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A record's headers, in order.
pub type Headers = Vec<(Bytes, Option<Bytes>)>;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Which.
    pub ticket: Ticket,
    /// Where it is. The offset is not known with acks=0, nor if the broker only remembers that it has it.
    pub outcome: Result<(TopicPartition, Option<Offset>), SendError>,
}

/// A record was not delivered, as far as the producer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not delivered")]
pub struct SendError {
    /// Where it should have gone; `None`: the topic never became known.
    pub at: Option<TopicPartition>,
    /// The last refusal; `None`: there was no answer, or nobody to ask.
    pub refused: Option<Refused>,
    /// It is not in the log and will not be: never sent, or refused for what it is, by
    /// whichever broker: any other refusal may be of a copy, or of a leader that wrote it and was deposed.
    pub definite: bool,
}

/// A producer. One life of it: after a restart, its ids and numbers are others.
#[derive(Debug, Clone)]
pub struct Producer {
    /// By name.
    topics: Vec<Topic>,
    shared: Shared,
    next_ticket: u64,
    last_place: Option<TopicPartition>,
    delivery: Alarm,
}

/// What all partitions of a producer share.
#[derive(Debug, Clone)]
struct Shared {
    config: ProducerConfig,
    discovery: Discovery,
    numbers: Numbers,
    ids: ProducerIds,
    transactions: Option<Box<Transactions>>,
    builder: BatchBuilder,
    done: VecDeque<Delivery>,
    /// Records handed in and not yet in `done`.
    pending: usize,
    /// Emptied record lists, for the next batches.
    spare: Vec<Vec<Queued>>,
}

impl Producer {
    /// A producer that has not started yet.
    ///
    /// # Errors
    /// If the settings contradict each other.
    pub fn new(config: ProducerConfig) -> Result<Self, BadConfig> {
        if config.idempotent && config.acks != Acks::All {
            return Err(BadConfig::IdempotentWithoutAcksAll);
        }
        if config.transactional.is_some() && !config.idempotent {
            return Err(BadConfig::TransactionalWithoutIdempotence);
        }
        if !(1..=MAX_IN_FLIGHT).contains(&config.max_in_flight) {
            return Err(BadConfig::InFlight);
        }
        if config.brokers.is_empty() {
            return Err(BadConfig::NoBroker);
        }
        let mut discovery = Discovery::new(
            config.brokers.clone(),
            config.request_timeout,
            config.retry_backoff,
            Some(config.metadata_max_age),
        );
        let transactions = config.transactional.clone().map(|config| Box::new(Transactions::new(config)));
        if transactions.is_some() {
            // Whoever reads and writes in one transaction has a consumer on the same node.
            discovery.rings(ClientTimer::ProducerMetadata);
        }
        let shared = Shared {
            transactions,
            config,
            discovery,
            numbers: Numbers::default(),
            ids: ProducerIds::default(),
            builder: BatchBuilder::new(),
            done: VecDeque::new(),
            pending: 0,
            spare: Vec::new(),
        };
        Ok(Self { topics: Vec::new(), shared, next_ticket: 0, last_place: None, delivery: Alarm::default() })
    }

    /// The first call of a life.
    pub fn start(&mut self, env: &mut Host<'_>) {
        let shared = &mut self.shared;
        shared.numbers = Numbers::of_this_life(env);
        shared.discovery.start(&mut shared.numbers, env);
        if shared.transactions.is_some() {
            self.start_transactions(env);
        } else if shared.config.idempotent {
            shared.want_producer_id(env);
        }
    }

    /// Takes a record. Its fate comes out of [`Producer::poll`], under the ticket. Without an open transaction a
    /// transactional producer takes none: it is reported as not delivered at once.
    pub fn send(
        &mut self,
        topic: &str,
        key: Option<Bytes>,
        value: impl Into<Option<Bytes>>,
        headers: Headers,
        env: &mut Host<'_>,
    ) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.shared.pending += 1;
        if self.shared.transactions.as_ref().is_some_and(|transactions| !transactions.is_open()) {
            let refused = SendError { at: None, refused: None, definite: true };
            self.shared.settle(ticket, Err(refused));
            return ticket;
        }
        self.accept(topic, Queued::new(ticket, key, value.into(), headers, env), env);
        ticket
    }

    /// Where the record last handed to [`Producer::send`] goes; `None`: its topic is not known yet.
    pub const fn last_place(&self) -> Option<TopicPartition> {
        self.last_place
    }

    /// How many partitions a topic has; `None`: it is not known yet.
    pub fn partitions(&self, topic: &str) -> Option<u32> {
        self.shared.discovery.view.topic(topic).map(|(_, partitions)| partitions)
    }

    /// A reply arrived. One that belongs to nothing has no effect.
    pub fn on_reply(&mut self, _from: NodeId, id: CorrelationId, reply: Reply, env: &mut Host<'_>) {
        match reply {
            Reply::Metadata(result) => self.on_metadata(id, result, env),
            Reply::InitProducerId(result) => self.on_producer_id(id, result, env),
            Reply::Produce { at, result } => self.on_produced(id, at, result, env),
            Reply::RegisterBroker(_)
            | Reply::Heartbeat(_)
            | Reply::FetchMetadata(_)
            | Reply::AlterPartition { .. }
            | Reply::CreateTopic(_)
            | Reply::AllocateProducerIds(_)
            | Reply::ElectLeader(_)
            | Reply::Fetch { .. }
            | Reply::EpochEnd { .. }
            | Reply::ListOffsets { .. }
            | Reply::Share(_) => {}
            Reply::Group(reply) => return self.on_group_reply(id, reply, env),
            Reply::Transaction(reply) => return self.on_transaction_reply(id, reply, env),
        }
        self.go_on(env);
    }

    /// A timer rang.
    pub fn on_timer(&mut self, timer: ClientTimer, env: &mut Host<'_>) {
        match timer {
            ClientTimer::Metadata | ClientTimer::ProducerMetadata => {
                self.shared.discovery.on_timer(&mut self.shared.numbers, env);
            }
            ClientTimer::ProducerId => self.shared.on_producer_id_timer(env),
            ClientTimer::Partition(at) => self.on_partition_timer(at, env),
            ClientTimer::Delivery => self.on_delivery_timer(env),
            ClientTimer::Transaction => return self.on_transaction_timer(env),
            // A member's or a worker's.
            ClientTimer::Group => {}
        }
        self.go_on(env);
    }

    /// The next record whose fate is known, in the order in which it became known.
    pub fn poll(&mut self) -> Option<Delivery> {
        self.shared.done.pop_front()
    }

    /// Records whose fate is not known yet.
    pub const fn pending(&self) -> usize {
        self.shared.pending
    }

    /// Nothing is under way, and nothing waits to be polled.
    pub fn is_idle(&self) -> bool {
        self.shared.pending == 0 && self.shared.done.is_empty()
    }
}

impl Shared {
    fn want_metadata(&mut self, env: &mut Host<'_>) {
        self.discovery.want(&mut self.numbers, env);
    }

    /// A record's fate is known.
    fn settle(&mut self, ticket: Ticket, outcome: Result<(TopicPartition, Option<Offset>), SendError>) {
        self.pending -= 1;
        self.done.push_back(Delivery { ticket, outcome });
    }

    /// Whether batches may be sent for the first time.
    fn may_send(&self) -> bool {
        self.transactions.as_ref().is_none_or(|transactions| transactions.may_send())
    }

    /// How many batches of a partition may be unresolved at once.
    fn in_flight_max(&self) -> u64 {
        let several = self.config.idempotent || self.config.quirks.has(Quirk::RetryOvertakes);
        if several { self.config.max_in_flight as u64 } else { 1 }
    }
}
