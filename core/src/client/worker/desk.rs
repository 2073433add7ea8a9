//! A person's desk: reads the letters of the dead-letter topic, has records put back, asks what is stuck.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::client::consumer::{Consumer, ConsumerConfig, Start};
use crate::client::slot::Slot;
use crate::coordinator::place::partition_for;
use crate::host::Host;
use crate::ids::{CorrelationId, NodeId, Offset, TopicPartition};
use crate::message::{Message, Reply, Request};
use crate::refused::Refused;
use crate::share::config::STATE_TOPIC;
use crate::share::message::{PutBack, ShareReply, ShareRequest, Stuck};
use crate::share::probe::{Delivery, SharePartition};
use crate::share::read_letter;
use crate::time::{Span, Time};
use crate::timer::ClientTimer;

use super::super::alarm::Alarm;

/// What a person asks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Errand {
    PutBack(Delivery),
    List(SharePartition),
}

/// What a person hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeskEvent {
    /// A letter.
    Letter(Delivery),
    /// A letter's record will be worked on again.
    Returned(Delivery),
    /// There is no such letter, or not any more: an earlier attempt may have been taken.
    NotReturned(Delivery),
    /// What is stuck.
    Stuck(SharePartition, Vec<Stuck>),
}

/// A person's desk. One life of it.
#[derive(Debug, Clone)]
pub struct Desk {
    consumer: Consumer,
    config: ConsumerConfig,
    topic: Arc<str>,
    partitions: u32,
    errands: Vec<(Errand, Slot)>,
    events: VecDeque<DeskEvent>,
    alarm: Alarm,
}

impl Desk {
    /// Will read all `partitions` of the dead-letter topic.
    pub fn new(config: ConsumerConfig, topic: Arc<str>, partitions: u32, max_age: Span) -> Self {
        let consumer = Consumer::with_max_age(config.clone(), max_age);
        let (errands, events) = (Vec::new(), VecDeque::new());
        Self { consumer, config, topic, partitions, errands, events, alarm: Alarm::default() }
    }

    /// The first call of a life.
    pub fn start(&mut self, env: &mut Host<'_>) {
        self.consumer.start(env);
        let all = (0..self.partitions).map(|partition| (self.topic.clone(), partition, Start::Earliest));
        self.consumer.assign(all.collect(), env);
    }

    /// A reply arrived.
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

    /// Has a record put back.
    pub fn put_back(&mut self, delivery: Delivery, env: &mut Host<'_>) {
        self.errands.push((Errand::PutBack(delivery), Slot::default()));
        self.go_on(env);
    }

    /// Asks what is stuck.
    pub fn list(&mut self, of: SharePartition, env: &mut Host<'_>) {
        self.errands.push((Errand::List(of), Slot::default()));
        self.go_on(env);
    }

    /// What there is to hear.
    pub fn poll_event(&mut self) -> Option<DeskEvent> {
        self.events.pop_front()
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.errands.is_empty() && self.events.is_empty()
    }

    /// Up to where it has read a partition of the dead-letter topic.
    pub fn position(&self, at: TopicPartition) -> Option<Offset> {
        self.consumer.position(at)
    }

    /// A partition of a topic, once that is known.
    pub fn resolve(&self, topic: &str, partition: u32) -> Option<TopicPartition> {
        self.consumer.resolve(topic, partition)
    }

    fn go_on(&mut self, env: &mut Host<'_>) {
        while let Some(record) = self.consumer.poll(env) {
            self.events.extend(read_letter(&record.headers).map(DeskEvent::Letter));
        }
        while self.consumer.poll_event().is_some() {}
        self.run_errands(env);
        if let Some(next) = self.next_look(env.now()) {
            self.alarm.by(ClientTimer::Group, next, env);
        }
    }

    fn next_look(&self, now: Time) -> Option<Time> {
        self.errands.iter().map(|(_, slot)| slot.due()).filter(|due| *due > now).min()
    }

    fn run_errands(&mut self, env: &mut Host<'_>) {
        let (now, retry) = (env.now(), self.config.retry_backoff);
        for place in 0..self.errands.len() {
            let (errand, slot) = &mut self.errands[place];
            if slot.is_overdue(now) {
                slot.rest(retry, env);
                self.consumer.want_metadata(env);
                continue;
            }
            if !slot.is_free(now) {
                continue;
            }
            let (of, request) = match errand {
                Errand::PutBack(delivery) => {
                    let Delivery { of, offset, turn } = delivery.clone();
                    let (group, at) = (of.group.clone(), of.at);
                    (of, ShareRequest::PutBack(PutBack { group, at, offset, turn }))
                }
                Errand::List(of) => {
                    (of.clone(), ShareRequest::ListStuck { group: of.group.clone(), at: of.at })
                }
            };
            match leader(&self.consumer, &of) {
                Some(leader) => {
                    let id = self.consumer.next_number();
                    env.send(leader, Message::Request { id, request: Request::Share(request) });
                    slot.sent(id, now + self.config.request_timeout);
                }
                None => {
                    slot.rest(retry, env);
                    self.consumer.want_metadata(env);
                }
            }
        }
    }

    fn on_answer(&mut self, id: CorrelationId, reply: ShareReply, env: &mut Host<'_>) {
        let Some(place) = self.errands.iter_mut().position(|(_, slot)| slot.answered(id)) else { return };
        let event = match (&self.errands[place].0, reply) {
            (Errand::PutBack(delivery), ShareReply::PutBack(Ok(()))) => DeskEvent::Returned(delivery.clone()),
            (Errand::PutBack(delivery), ShareReply::PutBack(Err(Refused::InvalidRecordState))) => {
                DeskEvent::NotReturned(delivery.clone())
            }
            (Errand::List(of), ShareReply::ListStuck(Ok(stuck))) => DeskEvent::Stuck(of.clone(), stuck),
            (
                Errand::PutBack(_) | Errand::List(_),
                ShareReply::PutBack(_)
                | ShareReply::ListStuck(_)
                | ShareReply::Fetch(_)
                | ShareReply::Acknowledge(_),
            ) => {
                self.errands[place].1.rest(self.config.retry_backoff, env);
                return self.consumer.want_metadata(env);
            }
        };
        self.errands.remove(place);
        self.events.push_back(event);
    }
}

/// Who leads a share-partition, as far as a client knows.
pub(super) fn leader(consumer: &Consumer, of: &SharePartition) -> Option<NodeId> {
    let view = consumer.view();
    let (topic, partitions) = view.topic(STATE_TOPIC)?;
    view.leader(partition_for(&of.key(), topic, partitions)?)
}
