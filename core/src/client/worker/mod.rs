//! A worker of a share group, as Kafka's `KafkaShareConsumer`: acquires records, hands them out one by one, and
//! says of each what became of it.
//!
//! Holds a [`Consumer`] for what any reader does: who leads what, and the records themselves, read where they lie.
//! One fetch at a time, of one partition after the other; the next goes out when all of the last was handed out, or
//! could not be read for so long that it was released.
//! A lock that runs out is not noticed here: the leader refuses the acknowledgement, and that is all there is to
//! it. Deliberately absent: membership; every worker competes for every partition of its topic.
//!
//! | file | holds |
//! |---|---|
//! | `acquire` | asking for records, and reading them |
//! | `acknowledge` | what became of each, until it is answered |
//! | `desk` | what a person does beside: reads letters, puts back, lists |

mod acknowledge;
mod acquire;
mod desk;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::host::Host;
use crate::ids::{CorrelationId, GroupId, MemberId, NodeId, TopicPartition};
use crate::message::{Message, Reply, Request};
use crate::share::message::{Acquired, ShareReply, ShareRequest, Verdict};
use crate::share::probe::{Delivery, SharePartition, Told};
use crate::time::{Span, Time};
use crate::timer::ClientTimer;

use super::alarm::Alarm;
use super::consumer::{Consumed, Consumer, ConsumerConfig};
use super::slot::Slot;
use acknowledge::Acknowledgement;
pub use desk::{Desk, DeskEvent};

/// A worker's settings, under Kafka's names where Kafka has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerConfig {
    /// What any reader needs.
    pub consumer: ConsumerConfig,
    /// `group.id`.
    pub group: GroupId,
    /// The topic that it works on.
    pub topic: Arc<str>,
    /// `max.poll.records`.
    pub max_records: u32,
    /// `fetch.max.wait.ms`: how long the leader of a share-partition may wait for records.
    pub max_wait: Span,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Span,
    /// `default.api.timeout.ms`: for how long an acknowledgement is said again and again, and a record is waited for.
    pub give_up_after: Span,
}

/// A record to be worked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Which delivery of it.
    pub delivery: Delivery,
    /// How often it was delivered, this time included; from one again after it was put back.
    pub count: u32,
    /// How often it was put back.
    pub returned: u32,
    /// It.
    pub record: Consumed,
}

/// What an application may want to know beside jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Of which delivery.
    pub delivery: Delivery,
    /// What was said of it.
    pub verdict: Verdict,
    /// What is known of that.
    pub told: Told,
}

/// A worker. One life of it.
#[derive(Debug, Clone)]
pub struct ShareConsumer {
    config: WorkerConfig,
    consumer: Consumer,
    member: MemberId,
    /// The partition whose turn it is.
    turn: u32,
    /// So many fetches of it in a row brought something.
    streak: u32,
    asking: Slot,
    /// What was asked of whom.
    asked: Option<TopicPartition>,
    /// Acquired and not handed out, of `asked`.
    hand: VecDeque<Acquired>,
    /// The record of `hand` that is being read, and until when it is waited for.
    reading: Option<(Acquired, Time)>,
    /// What nobody led for so long that its records were given up. Nothing of it is acquired before somebody does.
    unread: Vec<TopicPartition>,
    open: Vec<Acknowledgement>,
    answers: VecDeque<Answered>,
    closed: bool,
    alarm: Alarm,
}

impl ShareConsumer {
    /// A worker that has not started yet.
    pub fn new(config: WorkerConfig) -> Self {
        let consumer = Consumer::with_max_age(config.consumer.clone(), config.metadata_max_age);
        Self {
            config,
            consumer,
            member: MemberId(0),
            turn: 0,
            streak: 0,
            asking: Slot::default(),
            asked: None,
            hand: VecDeque::new(),
            reading: None,
            unread: Vec::new(),
            open: Vec::new(),
            answers: VecDeque::new(),
            closed: false,
            alarm: Alarm::default(),
        }
    }

    /// The first call of a life.
    pub fn start(&mut self, env: &mut Host<'_>) {
        self.consumer.start(env);
        self.member = MemberId(env.draw());
        // Workers that begin together compete for different partitions.
        self.turn = env.below(u64::from(u32::MAX)) as u32;
    }

    /// Who it is in this life.
    pub const fn member(&self) -> MemberId {
        self.member
    }

    /// A reply arrived. One that belongs to nothing, or comes too late, has no effect.
    pub fn on_reply(&mut self, from: NodeId, id: CorrelationId, reply: Reply, env: &mut Host<'_>) {
        if let Reply::Share(reply) = reply {
            self.on_answer(id, reply, env);
        } else {
            self.consumer.on_reply(from, id, reply, env);
        }
        self.go_on(env);
    }

    /// A timer rang.
    pub fn on_timer(&mut self, timer: ClientTimer, env: &mut Host<'_>) {
        if timer == ClientTimer::Group {
            self.alarm.rang();
        } else {
            self.consumer.on_timer(timer, env);
        }
        self.go_on(env);
    }

    /// The next job, if there is one. Asks for more when all were handed out.
    pub fn poll(&mut self, env: &mut Host<'_>) -> Option<Job> {
        let job = self.read(env);
        if job.is_none() && self.hand.is_empty() && !self.closed {
            self.acquire(env);
        }
        self.go_on(env);
        job
    }

    /// Says what became of a delivery. The answer comes out of [`ShareConsumer::poll_answer`].
    pub fn acknowledge(&mut self, delivery: Delivery, verdict: Verdict, env: &mut Host<'_>) {
        let until = env.now() + self.config.give_up_after;
        self.open.push(Acknowledgement::new(delivery, verdict, until));
        self.go_on(env);
    }

    /// The next answer.
    pub fn poll_answer(&mut self) -> Option<Answered> {
        self.answers.pop_front()
    }

    /// Takes nothing more, and releases what it was not asked for yet.
    pub fn close(&mut self, env: &mut Host<'_>) {
        self.closed = true;
        self.release(env);
    }

    /// Gives back what it was not asked for yet.
    fn release(&mut self, env: &mut Host<'_>) {
        while let Some(acquired) = self.hand.pop_front() {
            if let Some(delivery) = self.delivery(acquired) {
                self.acknowledge(delivery, Verdict::Release, env);
            }
        }
        self.consumer.keep(&[]);
    }

    /// Whether it holds nothing and all it said was answered.
    pub fn is_idle(&self) -> bool {
        self.hand.is_empty() && self.open.is_empty() && self.answers.is_empty()
    }

    fn delivery(&self, acquired: Acquired) -> Option<Delivery> {
        let of = SharePartition { group: self.config.group.clone(), at: self.asked? };
        Some(Delivery { of, offset: acquired.offset, turn: acquired.turn })
    }

    fn on_answer(&mut self, id: CorrelationId, reply: ShareReply, env: &mut Host<'_>) {
        match reply {
            ShareReply::Fetch(result) => self.on_acquired(id, result, env),
            ShareReply::Acknowledge(result) => self.on_acknowledged(id, result, env),
            // Nobody puts back or looks through a worker.
            ShareReply::PutBack(_) | ShareReply::ListStuck(_) => {}
        }
    }

    /// Who leads a share-partition, as far as is known.
    fn leader(&self, of: &SharePartition) -> Option<NodeId> {
        desk::leader(&self.consumer, of)
    }

    fn send(&mut self, to: NodeId, request: ShareRequest, env: &mut Host<'_>) -> CorrelationId {
        let id = self.consumer.next_number();
        env.send(to, Message::Request { id, request: Request::Share(request) });
        id
    }

    /// Whatever is due: what was not answered in time, what is to be said again.
    fn go_on(&mut self, env: &mut Host<'_>) {
        while self.consumer.poll_event().is_some() {}
        self.look_at_fetch(env);
        self.say(env);
        if let Some(next) = self.next_look(env.now()) {
            self.alarm.by(ClientTimer::Group, next, env);
        }
    }

    fn next_look(&self, now: Time) -> Option<Time> {
        let asks = self.hand.is_empty() && !self.closed;
        let due = self.open.iter().map(Acknowledgement::due).chain(asks.then(|| self.asking.due()));
        due.filter(|due| *due > now).min()
    }
}
