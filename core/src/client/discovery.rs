//! Asking the brokers who leads what: one question at a time, to one broker after the other.
//!
//! Holds: the view, the question under way, when the next may be asked. Changed by `want` (somebody noticed
//! that the view is of no use), by metadata replies and by its own timer.

use crate::host::Host;
use crate::ids::{CorrelationId, NodeId};
use crate::message::{ClusterMetadata, Message, Request};
use crate::refused::Refused;
use crate::time::{Span, Time};
use crate::timer::ClientTimer;

use super::alarm::{Alarm, is_due};
use super::backoff;
use super::cluster_view::ClusterView;
use super::requests::Numbers;

/// How a client finds its brokers.
#[derive(Debug, Clone)]
pub(super) struct Discovery {
    brokers: Vec<NodeId>,
    request_timeout: Span,
    retry_backoff: Span,
    /// `None`: the view is renewed only when it is of no use.
    max_age: Option<Span>,
    /// The view.
    pub(super) view: ClusterView,
    next_broker: usize,
    asked: Option<(CorrelationId, Time)>,
    wanted: bool,
    /// Questions in a row that brought nothing new.
    fruitless: u32,
    /// No question before.
    not_before: Time,
    heard: Time,
    alarm: Alarm,
    timer: ClientTimer,
}

impl Discovery {
    /// Knows nobody but `brokers`.
    pub(super) fn new(
        brokers: Vec<NodeId>,
        request_timeout: Span,
        retry_backoff: Span,
        max_age: Option<Span>,
    ) -> Self {
        Self {
            brokers,
            request_timeout,
            retry_backoff,
            max_age,
            view: ClusterView::default(),
            next_broker: 0,
            asked: None,
            wanted: false,
            fruitless: 0,
            not_before: Time::ZERO,
            heard: Time::ZERO,
            alarm: Alarm::default(),
            timer: ClientTimer::Metadata,
        }
    }

    /// Its timer has another name than [`ClientTimer::Metadata`], which somebody else on the node has.
    pub(super) const fn rings(&mut self, timer: ClientTimer) {
        self.timer = timer;
    }

    /// Asks for the first time, a broker by chance: else the first of the list answers every client.
    pub(super) fn start(&mut self, numbers: &mut Numbers, env: &mut Host<'_>) {
        self.next_broker = env.below(self.brokers.len() as u64) as usize;
        self.want(numbers, env);
    }

    /// The next broker whose turn it is to be asked something that any broker answers.
    pub(super) fn any_broker(&mut self) -> NodeId {
        let broker = self.brokers[self.next_broker % self.brokers.len()];
        self.next_broker = (self.next_broker + 1) % self.brokers.len();
        broker
    }

    /// The view is of no use for something: asks as soon as that is allowed.
    pub(super) fn want(&mut self, numbers: &mut Numbers, env: &mut Host<'_>) {
        self.wanted = true;
        self.go(numbers, env);
    }

    /// An answer; answers whether the view changed. A late one is as good as any: versions tell what is newer.
    pub(super) fn on_reply(
        &mut self,
        id: CorrelationId,
        result: Result<ClusterMetadata, Refused>,
        numbers: &mut Numbers,
        env: &mut Host<'_>,
    ) -> bool {
        let expected = self.asked.is_some_and(|(asked, _)| asked == id);
        let changed = result.is_ok_and(|heard| self.view.merge(heard));
        if expected {
            self.asked = None;
            self.wanted = false;
            self.heard = env.now();
            self.rest(!changed, env);
        } else if changed {
            self.fruitless = 0;
        }
        self.go(numbers, env);
        changed
    }

    /// Its timer rang.
    pub(super) fn on_timer(&mut self, numbers: &mut Numbers, env: &mut Host<'_>) {
        self.alarm.rang();
        let now = env.now();
        if self.asked.is_some_and(|(_, until)| is_due(until, self.request_timeout, now)) {
            self.asked = None;
            self.wanted = true;
            self.rest(true, env);
        }
        if let Some(max_age) = self.max_age
            && is_due(self.heard + max_age, max_age, now)
        {
            self.wanted = true;
        }
        self.go(numbers, env);
    }

    fn rest(&mut self, fruitless: bool, env: &mut Host<'_>) {
        self.fruitless = if fruitless { self.fruitless + 1 } else { 0 };
        self.not_before = env.now() + backoff::wait(self.retry_backoff, self.fruitless, env);
    }

    fn go(&mut self, numbers: &mut Numbers, env: &mut Host<'_>) {
        let now = env.now();
        if let Some((_, until)) = self.asked {
            self.alarm.by(self.timer, until, env);
        } else if self.wanted && is_due(self.not_before, backoff::longest(self.retry_backoff), now) {
            let (id, to) = (numbers.next(), self.any_broker());
            self.asked = Some((id, now + self.request_timeout));
            env.send(to, Message::Request { id, request: Request::Metadata });
            self.alarm.by(self.timer, now + self.request_timeout, env);
        } else if self.wanted {
            self.alarm.by(self.timer, self.not_before, env);
        } else if let Some(max_age) = self.max_age {
            self.alarm.by(self.timer, self.heard + max_age, env);
        }
    }
}
