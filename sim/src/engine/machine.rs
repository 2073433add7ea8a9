//! What all nodes share: the queue, the payloads of its events, the network, the digest, the counters.
//!
//! Apart from the nodes, so that a process can be stepped while its requests are carried out here.

use squall_core::env::SyncId;
use squall_core::ids::NodeId;
use squall_core::time::{Span, Time};

use super::queue::{Queue, Ticket};
use super::slab::Slab;
use super::stats::Stats;
use super::timers::Cell;
use super::watch::Watch;
use super::wire::Heard;
use crate::fingerprint::Digest;
use crate::network::Fabric;

/// A message on its way.
#[derive(Debug, Clone)]
pub(super) struct Letter<M> {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) message: M,
}

/// A sync under way.
#[derive(Debug, Clone)]
pub(super) struct SyncCell {
    pub(super) node: NodeId,
    pub(super) sync: SyncId,
    /// The number of its key; a key of another number is of an earlier life. 0: it has none, the disk stalls.
    pub(super) number: u64,
}

#[derive(Clone)]
pub(super) struct Machine<M, T> {
    pub(super) now: Time,
    pub(super) queue: Queue,
    pub(super) letters: Slab<Letter<M>>,
    pub(super) timers: Slab<Cell<T>>,
    pub(super) syncs: Slab<SyncCell>,
    pub(super) fabric: Fabric,
    pub(super) digest: Digest,
    pub(super) stats: Stats,
    /// How long a node's message to itself takes.
    pub(super) loopback: Span,
    /// Whether any node was ever paused or busy, or any message singled out: until then no input has to be
    /// looked at twice.
    pub(super) holds_back: bool,
    /// What was sent, if anybody wants to know.
    pub(super) watch: Watch,
    /// How many bytes a message takes.
    pub(super) size_of: fn(&M) -> u64,
    /// What was overheard, if anybody listens.
    pub(super) heard: Option<Vec<Heard<M>>>,
}

impl<M: Clone, T> Machine<M, T> {
    /// Sends one message over the network.
    #[inline]
    pub(super) fn send(&mut self, from: NodeId, to: NodeId, message: M) {
        self.stats.sent += 1;
        if from == to {
            self.post(self.now + self.loopback, Letter { from, to, message });
            return;
        }
        if to == NodeId::OPERATOR {
            return;
        }
        // Drawn even if the link is cut: a cut moves no later message.
        let fate = self.fabric.link_mut(from, to).carry(self.now, || (self.size_of)(&message));
        if self.fabric.is_cut(from, to) {
            self.stats.cut += 1;
            self.note_swallowed(from, to);
            return self.hear_lost(from, to, message, true);
        }
        let Some(due) = fate.due else {
            self.stats.lost += 1;
            self.note_swallowed(from, to);
            return self.hear_lost(from, to, message, false);
        };
        self.stats.reordered += u64::from(fate.reordered);
        if self.is_watched() {
            self.stats.duplicated += u64::from(fate.copy_due.is_some());
            return self.post_watched(Letter { from, to, message }, due, fate.copy_due);
        }
        if let Some(copy_due) = fate.copy_due {
            self.stats.duplicated += 1;
            self.post(copy_due, Letter { from, to, message: message.clone() });
        }
        self.post(due, Letter { from, to, message });
    }

    /// A message arrives at `due`, whatever the network is like. Answers its place and its key's number.
    #[inline]
    pub(super) fn post(&mut self, due: Time, letter: Letter<M>) -> (u32, u64) {
        let place = self.letters.insert(letter);
        let number = self.queue.push(due, Ticket::Message(place));
        if self.heard.is_some() {
            self.hear_sent(number, place);
        }
        (place, number)
    }
}
