//! Asks brokers for producer ids, one after another, at the times that the plan lists.

use std::sync::Arc;

use squall_core::env::Input;
use squall_core::host::{Correlations, Host};
use squall_core::ids::{CorrelationId, NodeId, ProducerEpoch, ProducerId};
use squall_core::message::{Message, Reply, Request};
use squall_core::probe::{ClientProbe, Probe};
use squall_core::refused::Refused;
use squall_core::time::{Span, Time};
use squall_core::timer::Timer;

const NEXT: Timer = Timer::Application(0);
const RETRY: Timer = Timer::Application(1);

/// A client that wants identities.
#[derive(Debug, Clone)]
pub struct IdTaker {
    brokers: Vec<NodeId>,
    /// When it wants one, ascending.
    times: Arc<[Time]>,
    pause: Span,
    next: usize,
    asked: usize,
    wanted: u32,
    /// How often in a row nobody answered in time.
    unanswered: u32,
    ids: Correlations,
    /// Questions that were not answered. An answer is good however late it comes, but only once: a broker
    /// serves the oldest question first, and the network doubles.
    pending: Vec<CorrelationId>,
}

impl IdTaker {
    /// Wants an id at each of `times`; asks another broker after `pause`.
    pub fn new(brokers: Vec<NodeId>, times: Arc<[Time]>, pause: Span) -> Self {
        let ids = Correlations::default();
        Self { brokers, times, pause, next: 0, asked: 0, wanted: 0, unanswered: 0, ids, pending: Vec::new() }
    }

    /// Whether it has all that it wanted.
    pub fn is_done(&self) -> bool {
        self.next == self.times.len() && self.wanted == 0
    }

    /// How often it wanted an id, of how often it will.
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.next, self.times.len())
    }

    /// Ids that it wants and has not got.
    pub(crate) const fn open(&self) -> u32 {
        self.wanted
    }

    pub(crate) fn start(&mut self, env: &mut Host<'_>) {
        self.ids = Correlations::new(env);
        self.plan_next(env);
    }

    pub(crate) fn step(&mut self, input: Input<Message, Timer>, env: &mut Host<'_>) {
        match input {
            Input::Deliver {
                message: Message::Reply { id, reply: Reply::InitProducerId(result) }, ..
            } if self.pending.contains(&id) => {
                self.pending.retain(|&pending| pending != id);
                self.on_answer(result, env);
            }
            Input::Expired { timer: NEXT } => {
                self.wanted += 1;
                self.next += 1;
                self.plan_next(env);
                if self.wanted == 1 {
                    self.ask(env);
                }
            }
            Input::Expired { .. } => {
                self.asked += 1;
                self.unanswered += 1;
                self.ask(env);
            }
            Input::Deliver { .. } | Input::Synced { .. } => {}
        }
    }

    fn on_answer(&mut self, result: Result<(ProducerId, ProducerEpoch), Refused>, env: &mut Host<'_>) {
        self.unanswered = 0;
        match result {
            Ok(_) if self.wanted == 0 => {}
            Ok((id, epoch)) => {
                env.probe(Probe::Client(ClientProbe::Identified { id, epoch }));
                self.wanted -= 1;
                env.cancel_timer(RETRY);
                self.ask(env);
            }
            // Somebody is there at least: no reason to be more patient than at first.
            Err(_) => env.set_timer(RETRY, self.pause),
        }
    }

    fn plan_next(&self, env: &mut Host<'_>) {
        if let Some(&at) = self.times.get(self.next) {
            env.set_timer(NEXT, at.since(env.now()));
        }
    }

    fn ask(&mut self, env: &mut Host<'_>) {
        if self.wanted == 0 {
            return;
        }
        let id = self.ids.next();
        self.pending.push(id);
        let to = self.brokers[self.asked % self.brokers.len()];
        env.send(to, Message::Request { id, request: Request::InitProducerId });
        // Patience grows: whoever gives up sooner than the cluster can answer keeps it busy for nothing.
        env.set_timer(RETRY, self.pause.times(1 << self.unanswered.min(5)));
    }
}
