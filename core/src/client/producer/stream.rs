//! Producer ids: one idempotent stream a partition, each under an id of its own.
//!
//! Kafka uses one id for all partitions and raises its epoch (KIP-360); here a stream that broke is followed
//! by one under a new id, and the others do not notice. What must hold is the same: nothing is sent on a new
//! stream while a batch of the old one is unresolved, else the two could change places.

use crate::host::Host;
use crate::ids::{CorrelationId, ProducerEpoch, ProducerId, Sequence};
use crate::message::{Message, Request};
use crate::record::ProducerStamp;
use crate::refused::Refused;
use crate::time::Time;
use crate::timer::ClientTimer;

use super::accumulate::Partition;
use super::{Alarm, Producer, Shared};
use crate::client::alarm::is_due;
use crate::client::backoff;

/// Unanswered questions that are remembered; a later one's answer serves as well.
const ASKED_MAX: usize = 8;

/// A partition's sequence of batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    /// Has no producer id; nothing is unresolved.
    Unnamed,
    /// Goes on at `next`.
    Open { id: ProducerId, epoch: ProducerEpoch, next: Sequence },
    /// A batch of it failed, so none can follow. Ends when nothing of it is unresolved.
    Broken,
}

impl Stream {
    /// The place of the next `count` records; `None` if there are no places.
    pub(super) const fn stamp(&mut self, count: u32) -> Option<ProducerStamp> {
        match self {
            Self::Open { id, epoch, next } => {
                let stamp = ProducerStamp { id: *id, epoch: *epoch, base: *next };
                *next = next.plus(count);
                Some(stamp)
            }
            Self::Unnamed | Self::Broken => None,
        }
    }
}

impl Partition {
    /// Whether the stream can take another batch; an unnamed one takes the spare producer id, or asks.
    pub(super) fn name_stream(&mut self, shared: &mut Shared, env: &mut Host<'_>) -> bool {
        match self.stream {
            Stream::Open { .. } => true,
            Stream::Broken => false,
            Stream::Unnamed => match shared.next_identity() {
                Some((id, epoch)) => {
                    self.stream = Stream::Open { id, epoch, next: Sequence(0) };
                    true
                }
                None => {
                    shared.want_producer_id(env);
                    false
                }
            },
        }
    }

    /// A batch that has a stamp failed: its successors would leave a gap.
    pub(super) fn break_stream(&mut self) {
        match self.stream {
            Stream::Open { .. } => self.stream = Stream::Broken,
            Stream::Unnamed | Stream::Broken => {}
        }
    }

    /// Makes way for a new stream, once nothing of a broken one is unresolved.
    pub(super) fn end_stream(&mut self) {
        if self.stream == Stream::Broken && self.flight.is_empty() {
            self.stream = Stream::Unnamed;
        }
    }
}

/// Asking for producer ids: any broker answers.
#[derive(Debug, Clone, Default)]
pub(super) struct ProducerIds {
    /// Not given to a stream yet.
    spare: Option<(ProducerId, ProducerEpoch)>,
    /// Attempts without an answer, oldest first. The first answer to any of them is taken; a second would be
    /// an id that nobody waits for.
    asked: Vec<CorrelationId>,
    wanted: bool,
    /// When to ask (again).
    at: Time,
    failures: u32,
    alarm: Alarm,
}

impl Shared {
    /// What the next stream is written under, if that is known. Those of a transaction are all under one.
    fn next_identity(&mut self) -> Option<(ProducerId, ProducerEpoch)> {
        match &self.transactions {
            Some(transactions) => transactions.identity(),
            None => self.ids.spare.take(),
        }
    }

    /// Some stream waits for an id.
    pub(super) fn want_producer_id(&mut self, env: &mut Host<'_>) {
        if !self.ids.wanted {
            self.ids.wanted = true;
            self.ids.at = env.now();
        }
        self.ask_producer_id(env);
    }

    /// [`ClientTimer::ProducerId`] rang.
    pub(super) fn on_producer_id_timer(&mut self, env: &mut Host<'_>) {
        self.ids.alarm.rang();
        if self.ids.wanted {
            self.ask_producer_id(env);
        }
    }

    fn ask_producer_id(&mut self, env: &mut Host<'_>) {
        let (now, config) = (env.now(), &self.config);
        let longest = config.request_timeout + backoff::longest(config.retry_backoff);
        if is_due(self.ids.at, longest, now) {
            let (id, to) = (self.numbers.next(), self.discovery.any_broker());
            env.send(to, Message::Request { id, request: Request::InitProducerId });
            if self.ids.asked.len() == ASKED_MAX {
                self.ids.asked.remove(0);
            }
            self.ids.asked.push(id);
            self.ids.at = now + config.request_timeout;
        }
        self.ids.alarm.by(ClientTimer::ProducerId, self.ids.at, env);
    }

    fn take_producer_id(
        &mut self,
        id: CorrelationId,
        result: Result<(ProducerId, ProducerEpoch), Refused>,
        env: &mut Host<'_>,
    ) -> bool {
        let ids = &mut self.ids;
        let Some(place) = ids.asked.iter().position(|&asked| asked == id) else { return false };
        match result {
            Ok(producer) => {
                ids.asked.clear();
                (ids.spare, ids.wanted, ids.failures) = (Some(producer), false, 0);
                true
            }
            Err(_) => {
                // Only the newest attempt's refusal says when to ask again.
                if place + 1 == ids.asked.len() {
                    ids.failures += 1;
                    ids.at = env.now() + backoff::wait(self.config.retry_backoff, ids.failures, env);
                    ids.alarm.by(ClientTimer::ProducerId, ids.at, env);
                }
                ids.asked.remove(place);
                false
            }
        }
    }
}

impl Producer {
    /// A producer id, or why there is none.
    pub(super) fn on_producer_id(
        &mut self,
        id: CorrelationId,
        result: Result<(ProducerId, ProducerEpoch), Refused>,
        env: &mut Host<'_>,
    ) {
        if self.shared.take_producer_id(id, result, env) {
            self.pump_all(env);
        }
    }
}
