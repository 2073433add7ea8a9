//! Makes the topics, one after another: asks one controller after another until each exists.

use squall_core::env::Input;
use squall_core::host::{Correlations, Host};
use squall_core::ids::{CorrelationId, NodeId};
use squall_core::message::{CreateTopic, Message, Reply, Request};
use squall_core::refused::Refused;
use squall_core::time::Span;
use squall_core::timer::Timer;

const RETRY: Timer = Timer::Application(0);

/// A person at a console.
#[derive(Debug, Clone)]
pub struct Admin {
    topics: Vec<CreateTopic>,
    /// The topic that is made now; their number once all exist.
    next: usize,
    controllers: Vec<NodeId>,
    asked: usize,
    pause: Span,
    ids: Correlations,
    pending: Option<CorrelationId>,
}

impl Admin {
    /// Will make `topic`; asks again after `pause`.
    pub fn new(topic: CreateTopic, controllers: Vec<NodeId>, pause: Span) -> Self {
        Self::of(vec![topic], controllers, pause)
    }

    /// Will make `topics` in this order.
    pub fn of(topics: Vec<CreateTopic>, controllers: Vec<NodeId>, pause: Span) -> Self {
        let ids = Correlations::default();
        Self { topics, next: 0, controllers, asked: 0, pause, ids, pending: None }
    }

    /// Whether all topics exist.
    pub const fn is_done(&self) -> bool {
        self.next == self.topics.len()
    }

    pub(crate) fn start(&mut self, env: &mut Host<'_>) {
        self.ids = Correlations::new(env);
        self.ask(env);
    }

    pub(crate) fn step(&mut self, input: Input<Message, Timer>, env: &mut Host<'_>) {
        match input {
            Input::Deliver { message: Message::Reply { id, reply: Reply::CreateTopic(result) }, .. }
                if self.pending == Some(id) =>
            {
                self.on_reply(result.map(|_| ()), env);
            }
            Input::Expired { .. } => {
                if self.pending.is_some() {
                    self.asked += 1;
                }
                self.ask(env);
            }
            Input::Deliver { .. } | Input::Synced { .. } => {}
        }
    }

    fn ask(&mut self, env: &mut Host<'_>) {
        let Some(topic) = self.topics.get(self.next).cloned() else { return };
        let id = self.ids.next();
        self.pending = Some(id);
        let to = self.controllers[self.asked % self.controllers.len()];
        env.send(to, Message::Request { id, request: Request::CreateTopic(topic) });
        env.set_timer(RETRY, self.pause);
    }

    fn on_reply(&mut self, result: Result<(), Refused>, env: &mut Host<'_>) {
        self.pending = None;
        match result {
            // The second: an earlier request did it, and its answer was lost.
            Ok(()) | Err(Refused::TopicAlreadyExists) => {
                self.next += 1;
                env.cancel_timer(RETRY);
                self.ask(env);
            }
            Err(Refused::NotController { leader: Some(leader) }) => {
                if let Some(place) = self.controllers.iter().position(|&node| node == leader) {
                    self.asked = place;
                }
            }
            // Too few brokers are alive yet, or nobody leads: the timer asks again, elsewhere.
            Err(_) => self.asked += 1,
        }
    }
}
