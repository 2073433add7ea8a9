//! The window as the nodes of the cluster see it: [`crate::env::Env`] with this crate's vocabularies.

use crate::env::Env;
use crate::ids::CorrelationId;
use crate::message::Message;
use crate::probe::Probe;
use crate::timer::Timer;

/// What every state machine of the cluster is handed.
pub type Host<'a> = dyn Env<Message, Timer, Probe> + 'a;

/// Numbers one node's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Correlations(u64);

impl Correlations {
    /// Starts at a random place: a reply to an earlier life of this node must not pass for one to this life.
    pub fn new(env: &mut Host<'_>) -> Self {
        Self(env.draw())
    }

    /// The next number.
    pub const fn next(&mut self) -> CorrelationId {
        self.0 = self.0.wrapping_add(1);
        CorrelationId(self.0)
    }
}
