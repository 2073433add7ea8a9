//! One partition, as the consumer reads it: one request at a time.
//!
//! Everything that may change what a reader can ask ends in [`Reader::pump`].

use std::sync::Arc;

use crate::host::Host;
use crate::ids::{CorrelationId, LeaderEpoch, NodeId, Offset, TopicPartition};
use crate::message::{EpochEnd, Fetch, ListOffsets, Message, PartitionMetadata, Place, Request};
use crate::probe::{ClientProbe, Probe};
use crate::refused::Refused;
use crate::time::{Span, Time};
use crate::timer::ClientTimer;

use super::fetch::Buffer;
use super::history::History;
use super::verdict::{Verdict, judge};
use super::{Shared, Start};
use crate::client::alarm::{Alarm, is_due};
use crate::client::backoff;

/// What a reader is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// A place to read from.
    Find(Place),
    /// The records from its position on.
    Read,
    /// Nothing, until the application seeks.
    Hold,
}

/// The request under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    id: CorrelationId,
    /// The reign it was asked in.
    pub(super) epoch: LeaderEpoch,
    until: Time,
    patience: Span,
}

/// A partition that is read.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    topic: Arc<str>,
    partition: u32,
    pub(super) at: Option<TopicPartition>,
    pub(super) goal: Goal,
    /// The next offset to be handed out.
    pub(super) position: Option<Offset>,
    pub(super) history: History,
    /// The reign in which the position was last found to be in the leader's log.
    pub(super) validated: Option<LeaderEpoch>,
    pub(super) buffer: Buffer,
    pub(super) high_watermark: Option<Offset>,
    /// The application wants nothing of it now.
    pub(super) paused: bool,
    asked: Option<Asked>,
    failures: u32,
    /// No request before.
    not_before: Time,
    pub(super) alarm: Alarm,
}

impl Reader {
    pub(super) fn new(topic: Arc<str>, partition: u32, start: Start) -> Self {
        let (goal, position) = match start {
            Start::Earliest => (Goal::Find(Place::Earliest), None),
            Start::Latest => (Goal::Find(Place::Latest), None),
            Start::At(offset) | Start::Committed { offset, .. } => (Goal::Read, Some(offset)),
            Start::Hold => (Goal::Hold, None),
        };
        Self {
            topic,
            partition,
            at: None,
            goal,
            position,
            history: History::before(start),
            validated: None,
            buffer: Buffer::default(),
            high_watermark: None,
            paused: false,
            asked: None,
            failures: 0,
            not_before: Time::ZERO,
            alarm: Alarm::new(),
        }
    }

    /// A reader of a partition that is known by number.
    pub(super) fn of(at: TopicPartition, start: Start) -> Self {
        Self { at: Some(at), ..Self::new("".into(), at.partition, start) }
    }

    pub(super) fn is(&self, topic: &str, partition: u32) -> bool {
        *self.topic == *topic && self.partition == partition
    }

    /// Asks whatever is to be asked next, if nothing is under way; sets the timer.
    pub(super) fn pump(&mut self, shared: &mut Shared, env: &mut Host<'_>) {
        if self.goal == Goal::Hold || self.paused || !self.buffer.is_empty() {
            return;
        }
        let Some((at, reign)) = self.locate(shared) else { return shared.want_metadata(env) };
        self.give_up(reign.epoch, shared, env);
        if let Some(asked) = self.asked {
            return self.alarm.by(ClientTimer::Partition(at), asked.until, env);
        }
        let longest = backoff::longest(shared.config.retry_backoff);
        if !is_due(self.not_before, longest, env.now()) {
            return self.alarm.by(ClientTimer::Partition(at), self.not_before, env);
        }
        let Some(leader) = reign.leader else { return shared.want_metadata(env) };
        self.ask(at, leader.node(), reign.epoch, shared, env);
    }

    fn locate(&mut self, shared: &Shared) -> Option<(TopicPartition, PartitionMetadata)> {
        let view = &shared.discovery.view;
        if self.at.is_none() {
            let (topic, _) = view.topic(&self.topic)?;
            self.at = Some(TopicPartition { topic, partition: self.partition });
        }
        let at = self.at?;
        Some((at, view.reign(at)?))
    }

    /// Stops waiting for an answer that is too late, or that a deposed leader would give.
    fn give_up(&mut self, epoch: LeaderEpoch, shared: &mut Shared, env: &mut Host<'_>) {
        let Some(asked) = self.asked else { return };
        if asked.epoch < epoch {
            self.asked = None;
        } else if is_due(asked.until, asked.patience, env.now()) {
            self.asked = None;
            self.rest(shared, env);
            shared.want_metadata(env);
        }
    }

    fn ask(
        &mut self,
        at: TopicPartition,
        leader: NodeId,
        epoch: LeaderEpoch,
        shared: &mut Shared,
        env: &mut Host<'_>,
    ) {
        let config = &shared.config;
        let (request, patience) = match (self.goal, self.position) {
            (Goal::Find(place), _) => {
                let isolation = config.isolation;
                let list = ListOffsets { at, leader_epoch: epoch, place, isolation };
                (Request::ListOffsets(list), config.request_timeout)
            }
            (Goal::Read, Some(offset)) => match self.unvalidated(epoch, shared) {
                Some(read) => (
                    Request::EpochEnd(EpochEnd { at, leader_epoch: epoch, epoch: read }),
                    config.request_timeout,
                ),
                None => (
                    Request::Fetch(Fetch {
                        at,
                        replica: None,
                        leader_epoch: epoch,
                        offset,
                        last_epoch: self.epoch_read(shared),
                        max_bytes: config.max_bytes,
                        max_wait: config.max_wait,
                        isolation: config.isolation,
                    }),
                    config.max_wait + config.request_timeout,
                ),
            },
            (Goal::Read, None) | (Goal::Hold, _) => return,
        };
        let (id, until) = (shared.numbers.next(), env.now() + patience);
        env.send(leader, Message::Request { id, request });
        self.asked = Some(Asked { id, epoch, until, patience });
        self.alarm.by(ClientTimer::Partition(at), until, env);
    }

    /// Whether `id` is the request under way; if so it is over.
    pub(super) fn answered(&mut self, id: CorrelationId) -> Option<Asked> {
        self.asked.take_if(|asked| asked.id == id)
    }

    /// Something went well: the next failure is a first one.
    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Asks nothing for a while.
    pub(super) fn rest(&mut self, shared: &Shared, env: &mut Host<'_>) {
        self.failures += 1;
        self.not_before = env.now() + backoff::wait(shared.config.retry_backoff, self.failures, env);
    }

    /// A refusal of any of a reader's requests.
    pub(super) fn on_refused(
        &mut self,
        at: TopicPartition,
        refused: Refused,
        shared: &mut Shared,
        env: &mut Host<'_>,
    ) {
        match judge(refused) {
            Verdict::Later => self.rest(shared, env),
            Verdict::Elsewhere => {
                if let Refused::NotLeaderOrFollower { leader: Some(leader), epoch } = refused {
                    shared.discovery.view.hint(at, leader, epoch);
                }
                self.rest(shared, env);
                shared.want_metadata(env);
            }
            Verdict::OutOfRange => self.out_of_range(at, shared),
        }
    }

    /// Reads on from `to`, where nothing has been read before.
    pub(super) fn reposition(&mut self, at: TopicPartition, to: Offset, truncated: bool, env: &mut Host<'_>) {
        let from = self.position.replace(to);
        self.goal = Goal::Read;
        self.validated = None;
        self.buffer = Buffer::default();
        if let Some(from) = from
            && from != to
        {
            env.probe(Probe::Client(ClientProbe::Repositioned { at, from, to, truncated }));
        }
    }

    /// The application wants to read from elsewhere.
    pub(super) fn seek(&mut self, at: TopicPartition, to: Start, env: &mut Host<'_>) {
        self.asked = None;
        self.not_before = Time::ZERO;
        self.buffer = Buffer::default();
        match to {
            Start::Earliest => self.goal = Goal::Find(Place::Earliest),
            Start::Latest => self.goal = Goal::Find(Place::Latest),
            Start::At(offset) | Start::Committed { offset, .. } => {
                self.history = History::before(to);
                self.reposition(at, offset, false, env);
            }
            Start::Hold => self.goal = Goal::Hold,
        }
    }
}

impl Shared {
    pub(super) fn want_metadata(&mut self, env: &mut Host<'_>) {
        self.discovery.want(&mut self.numbers, env);
    }
}
