//! What the last event sent, for whoever singles out messages, and what can be done about one of them.
//!
//! Off unless asked for: a world that nobody watches pays a branch a message. A message that is lost keeps
//! its place until its key comes up, as cancelled timers do; a late one is lost and sent again.

use squall_core::env::Process;
use squall_core::ids::NodeId;
use squall_core::time::{Span, Time};

use super::World;
use super::machine::{Letter, Machine};
use crate::trace::Kind;

/// Where a message is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Transit {
    place: u32,
    /// Of its key.
    number: u64,
    due: Time,
}

/// A message that a process has sent to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    /// `None` if a cut or the weather swallowed it at once.
    letter: Option<Transit>,
    /// The second copy, if the weather made one.
    copy: Option<Transit>,
}

/// What becomes of a message that was singled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It never arrives.
    Lose,
    /// It arrives so much later than it would have.
    HoldUp(Span),
    /// A copy arrives so long after it.
    Double(Span),
}

/// The messages of the last event, while somebody watches, and those that are not to arrive.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    sent: Option<Vec<Sent>>,
    /// The numbers of their keys.
    lost: Vec<u64>,
}

impl Watch {
    /// An event begins.
    #[inline]
    pub(super) fn clear(&mut self) {
        if let Some(sent) = &mut self.sent {
            sent.clear();
        }
    }

    /// Whether the message of the key `number` is not to arrive; says so once.
    pub(super) fn forget(&mut self, number: u64) -> bool {
        match self.lost.iter().position(|lost| *lost == number) {
            Some(at) => {
                self.lost.swap_remove(at);
                true
            }
            None => false,
        }
    }
}

impl<M: Clone, T> Machine<M, T> {
    /// The network swallowed a message.
    #[inline]
    pub(super) fn note_swallowed(&mut self, from: NodeId, to: NodeId) {
        if let Some(sent) = &mut self.watch.sent {
            sent.push(Sent { from, to, letter: None, copy: None });
        }
    }

    /// A message and perhaps its copy are on their way; each with its due time.
    pub(super) fn post_watched(&mut self, letter: Letter<M>, due: Time, copy_due: Option<Time>) {
        let (from, to) = (letter.from, letter.to);
        let copy = copy_due.map(|due| self.post_noted(letter.clone(), due));
        let letter = Some(self.post_noted(letter, due));
        self.watch.sent.get_or_insert_default().push(Sent { from, to, letter, copy });
    }

    fn post_noted(&mut self, letter: Letter<M>, due: Time) -> Transit {
        let (place, number) = self.post(due, letter);
        Transit { place, number, due }
    }

    /// Whether somebody watches.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        self.watch.sent.is_some()
    }
}

impl<P: Process> World<P> {
    /// From now on each event's messages are noted, or not any more.
    pub(crate) fn watch_messages(&mut self, on: bool) {
        if on != self.machine.is_watched() {
            self.machine.watch.sent = on.then(Vec::new);
        }
    }

    /// What the last event sent to other nodes, in order; nothing unless it is watched.
    #[inline]
    pub(crate) fn sent(&self) -> &[Sent] {
        self.machine.watch.sent.as_deref().unwrap_or_default()
    }

    /// What a message of the last event says; `None` if it was swallowed.
    pub(crate) fn message_of(&self, sent: &Sent) -> Option<&P::Message> {
        let letter = self.machine.letters.get(sent.letter?.place)?;
        Some(&letter.message)
    }

    /// Does this to a message of the last event, as an event of its own; whether there was one.
    pub(crate) fn interfere(&mut self, sent: Sent, deed: Deed) -> bool {
        let Some(letter) = sent.letter else { return false };
        // Another fault has lost it, or holds it up: it is not there any more.
        if self.machine.watch.lost.contains(&letter.number) {
            return false;
        }
        let Some(message) = self.message_of(&sent).cloned() else { return false };
        let Sent { from, to, copy, .. } = sent;
        self.act(from, Kind::Interfered { to }, |world| {
            world.machine.stats.interfered += 1;
            let (word, extra) = match deed {
                Deed::Lose => (0, Span::ZERO),
                Deed::HoldUp(extra) => (1, extra),
                Deed::Double(extra) => (2, extra),
            };
            world.machine.digest.pair(word, extra.0);
            world.machine.digest.word(letter.number);
            match deed {
                Deed::Lose => {
                    world.lose(to, letter);
                    if let Some(copy) = copy {
                        world.lose(to, copy);
                    }
                }
                Deed::HoldUp(extra) => {
                    world.lose(to, letter);
                    world.machine.post(letter.due + extra, Letter { from, to, message });
                }
                Deed::Double(extra) => {
                    world.machine.stats.duplicated += 1;
                    world.machine.post(letter.due + extra, Letter { from, to, message });
                }
            }
        })
    }

    /// The letter is not to arrive.
    fn lose(&mut self, to: NodeId, letter: Transit) {
        self.machine.hear_lifted(letter.number);
        // One that is due at once may wait already for a receiver that is paused or busy.
        if let Some(node) = self.nodes.get_mut(to.index())
            && let Some(at) = node.parts.backlog.iter().position(|key| key.number() == letter.number)
        {
            node.parts.backlog.remove(at);
            self.machine.letters.remove(letter.place);
            return;
        }
        self.machine.watch.lost.push(letter.number);
        self.machine.holds_back = true;
    }
}
