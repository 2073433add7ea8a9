//! The wire, listened to: every message as it is sent, and those that vanish without an event of their own.
//!
//! For recorders alone. Off, it costs one branch a message; on, it keeps a copy of each until it is taken.
//! Deliberately absent: any influence. A world that is listened to is the same world.

use squall_core::env::Process;
use squall_core::ids::NodeId;

use super::World;
use super::machine::{Letter, Machine};

/// What was overheard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<M> {
    /// A message is on its way.
    Sent {
        /// Its number; [`Upcoming`](super::Upcoming) has the same when it is due.
        number: u64,
        /// Its sender.
        from: NodeId,
        /// Its receiver.
        to: NodeId,
        /// What it says.
        message: M,
    },
    /// A message was sent and lost at once.
    Lost {
        /// Its sender.
        from: NodeId,
        /// Its receiver.
        to: NodeId,
        /// What it says.
        message: M,
        /// By a cut of the link, rather than by its weather.
        cut: bool,
    },
    /// A message that is on its way will not arrive: it was singled out.
    Lifted {
        /// Its number.
        number: u64,
    },
    /// A message had arrived and waited for a process that died.
    Forgotten {
        /// Its number.
        number: u64,
    },
}

impl<P: Process> World<P> {
    /// What was overheard since the last time, in order.
    pub fn take_heard(&mut self) -> Vec<Heard<P::Message>> {
        self.machine.heard.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl<M: Clone, T> Machine<M, T> {
    /// The letter at `place` is on its way.
    #[cold]
    pub(super) fn hear_sent(&mut self, number: u64, place: u32) {
        let (Some(heard), Some(letter)) = (&mut self.heard, self.letters.get(place)) else { return };
        let Letter { from, to, message } = letter;
        heard.push(Heard::Sent { number, from: *from, to: *to, message: message.clone() });
    }

    /// The letter of this number will not arrive.
    pub(super) fn hear_lifted(&mut self, number: u64) {
        if let Some(heard) = &mut self.heard {
            heard.push(Heard::Lifted { number });
        }
    }

    /// A message is lost as it is sent.
    #[cold]
    pub(super) fn hear_lost(&mut self, from: NodeId, to: NodeId, message: M, cut: bool) {
        if let Some(heard) = &mut self.heard {
            heard.push(Heard::Lost { from, to, message, cut });
        }
    }
}
