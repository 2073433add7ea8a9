//! One event after another: what is next, who takes it, and what is noted about it.

use squall_core::env::{Input, InputOf, Process, SyncId};
use squall_core::ids::NodeId;
use squall_core::time::Time;

use super::World;
use super::machine::{Letter, Machine};
use super::queue::{Key, Ticket};
use super::timers::{self, Up};
use super::window::Window;
use crate::trace::{self, Dropped, Kind, Moment};

/// What the queue's next key turns out to be.
enum Next {
    /// An event of this node, if it takes inputs.
    For(NodeId),
    /// An event as it stands.
    Ready,
    /// Nothing: the key was stale, or its timer was pushed back.
    Nothing,
}

impl<P: Process> World<P> {
    /// Carries out exactly one event; `false` if nothing is to happen any more.
    pub fn step(&mut self) -> bool {
        let Some(key) = self.machine.queue.pop() else { return false };
        self.machine.now = self.machine.now.max(key.time());
        trace::set_virtual_now(self.machine.now);
        self.probes.clear();
        self.machine.watch.clear();
        match key.ticket() {
            Ticket::Wake(node) => self.wake(node as usize),
            Ticket::Message(_) | Ticket::Timer(_) | Ticket::Sync(_) => self.happen(key),
        }
        self.settle();
        true
    }

    /// Idle time passes, up to `to`. Without effect if that time has come already.
    ///
    /// # Panics
    /// If an event comes before: it would happen too late.
    pub fn advance_to(&mut self, to: Time) {
        assert!(self.next_at().is_none_or(|next| to <= next), "an event comes before {to}");
        self.machine.now = self.machine.now.max(to);
        trace::set_virtual_now(self.machine.now);
    }

    /// Closes an event: the next one becomes the queue's first, keys without meaning go.
    pub(super) fn settle(&mut self) {
        while let Some(key) = self.machine.queue.settle() {
            let next = match key.ticket() {
                Ticket::Message(_) if !self.machine.holds_back => return,
                Ticket::Message(place) => self.look_at_letter(key, place),
                Ticket::Timer(place) => self.look_at_timer(key, place),
                Ticket::Sync(place) => self.look_at_sync(key, place),
                Ticket::Wake(node) => self.look_at_wake(key, node as usize),
            };
            match next {
                Next::Ready => return,
                Next::Nothing => {}
                Next::For(node) if self.nodes[node.index()].parts.holds_back(key.time()) => {
                    self.machine.queue.pop();
                    self.nodes[node.index()].parts.put_aside(key);
                    self.plan_wake(node.index());
                }
                Next::For(_) => return,
            }
        }
    }

    fn look_at_letter(&mut self, key: Key, place: u32) -> Next {
        if self.machine.watch.forget(key.number()) {
            self.machine.queue.pop();
            self.machine.letters.remove(place);
            return Next::Nothing;
        }
        let letter = self.machine.letters.get(place).expect("a letter stays until it is taken");
        // A letter to nobody is an event as well: it is dropped.
        if letter.to.index() < self.nodes.len() { Next::For(letter.to) } else { Next::Ready }
    }

    fn look_at_timer(&mut self, key: Key, place: u32) -> Next {
        let machine = &mut self.machine;
        match timers::look(&machine.timers, key, place) {
            Up::Now(node) => return Next::For(node),
            Up::Stale => {
                machine.queue.pop();
            }
            Up::Later(deadline) => {
                machine.queue.pop();
                timers::put_later(&mut machine.timers, &mut machine.queue, place, deadline);
            }
            Up::Cancelled => {
                machine.queue.pop();
                self.rest_timer(place);
            }
        }
        Next::Nothing
    }

    fn look_at_sync(&mut self, key: Key, place: u32) -> Next {
        match self.machine.syncs.get(place) {
            Some(cell) if cell.number == key.number() => Next::For(cell.node),
            Some(_) | None => {
                self.machine.queue.pop();
                Next::Nothing
            }
        }
    }

    /// A node wakes only for an input that still means something.
    fn look_at_wake(&mut self, key: Key, node: usize) -> Next {
        if self.nodes[node].parts.wake != key.number() {
            self.machine.queue.pop();
            return Next::Nothing;
        }
        while let Some(&first) = self.nodes[node].parts.backlog.front() {
            if let Ticket::Sync(place) = first.ticket()
                && self.machine.syncs.get(place).is_none_or(|cell| cell.number != first.number())
            {
                // The disk stalled under it.
                self.nodes[node].parts.backlog.pop_front();
                continue;
            }
            let Ticket::Timer(place) = first.ticket() else { return Next::Ready };
            let up = timers::look(&self.machine.timers, first, place);
            if let Up::Now(_) = up {
                return Next::Ready;
            }
            self.nodes[node].parts.backlog.pop_front();
            if let Up::Later(deadline) = up {
                timers::put_later(&mut self.machine.timers, &mut self.machine.queue, place, deadline);
                // The new key may come before this wake.
                return Next::Nothing;
            }
            if up == Up::Cancelled {
                self.rest_timer(place);
            }
        }
        self.machine.queue.pop();
        self.nodes[node].parts.wake = 0;
        Next::Nothing
    }

    /// If the node has a backlog and may take it, there is a key that wakes it in time.
    pub(super) fn plan_wake(&mut self, node: usize) {
        let parts = &mut self.nodes[node].parts;
        if parts.paused || parts.wake != 0 {
            return;
        }
        if let Some(first) = parts.backlog.front() {
            let at = first.time().max(parts.busy_until).max(self.machine.now);
            parts.wake = self.machine.queue.push(at, Ticket::Wake(node as u32));
        }
    }

    fn wake(&mut self, node: usize) {
        let parts = &mut self.nodes[node].parts;
        parts.wake = 0;
        let key = parts.backlog.pop_front().expect("a node is woken for its backlog");
        self.happen(key);
        self.plan_wake(node);
    }

    /// The event itself.
    fn happen(&mut self, key: Key) {
        match key.ticket() {
            Ticket::Message(place) => {
                let letter = self.machine.letters.remove(place).expect("a letter is taken once");
                self.deliver(key, letter);
            }
            Ticket::Timer(place) => self.expire(key, place),
            Ticket::Sync(place) => self.end_sync(key, place),
            Ticket::Wake(_) => unreachable!("a backlog holds inputs"),
        }
    }

    fn deliver(&mut self, key: Key, letter: Letter<P::Message>) {
        let Letter { from, to, message } = letter;
        let why = if self.machine.fabric.is_cut(from, to) {
            self.machine.stats.cut += 1;
            Dropped::Cut
        } else if self.is_up(to) {
            self.note(to, Kind::Delivered { from }, key.number());
            self.machine.stats.delivered += 1;
            self.give(to, Input::Deliver { from, message });
            return self.close(to, Kind::Delivered { from });
        } else {
            self.machine.stats.down += 1;
            Dropped::Down
        };
        self.note(to, Kind::Dropped { from, why }, key.number());
        self.close(to, Kind::Dropped { from, why });
    }

    fn expire(&mut self, key: Key, place: u32) {
        let (node, timer) = self.rest_timer(place);
        self.note(node, Kind::Expired, key.number());
        self.machine.digest.take(&timer);
        self.machine.stats.expired += 1;
        self.give(node, Input::Expired { timer });
        self.close(node, Kind::Expired);
    }

    fn end_sync(&mut self, key: Key, place: u32) {
        let cell = self.machine.syncs.remove(place).expect("a sync ends once");
        let SyncId(number) = cell.sync;
        self.note(cell.node, Kind::Synced, key.number());
        let parts = &mut self.nodes[cell.node.index()].parts;
        parts.syncs.retain(|&waiting| waiting != place);
        let outcome = parts.disk.end_sync(cell.sync);
        match outcome {
            Ok(()) => self.machine.stats.synced += 1,
            Err(_) => self.machine.stats.sync_errors += 1,
        }
        self.machine.digest.pair(number, u64::from(outcome.is_ok()));
        self.give(cell.node, Input::Synced { sync: cell.sync, outcome });
        self.close(cell.node, Kind::Synced);
    }

    /// The key of the timer at `place` is gone, and the timer not set any more.
    fn rest_timer(&mut self, place: u32) -> (NodeId, P::Timer) {
        let cell = self.machine.timers.get(place).expect("a timer's cell stays as long as its key");
        let (node, timer) = (cell.node, cell.timer);
        self.nodes[node.index()].parts.timers.rest(place, &mut self.machine.timers);
        (node, timer)
    }

    /// The node's process takes `input`; all it asks for is carried out.
    #[inline]
    fn give(&mut self, to: NodeId, input: InputOf<P>) {
        let node = &mut self.nodes[to.index()];
        let process = node.process.as_mut().expect("only a node that is up takes inputs");
        let (parts, machine, probes) = (&mut node.parts, &mut self.machine, &mut self.probes);
        process.step(input, &mut Window { me: to, parts, machine, probes });
    }

    /// The node's process begins a life.
    pub(super) fn begin(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.index()];
        let (parts, machine, probes) = (&mut node.parts, &mut self.machine, &mut self.probes);
        let process = node.process.insert(node.pristine.clone());
        process.start(&mut Window { me: id, parts, machine, probes });
    }

    /// An event begins: it enters the fingerprint before what it causes.
    #[inline]
    pub(super) fn note(&mut self, node: NodeId, kind: Kind, number: u64) {
        let (word, peer) = kind.words();
        let Machine { digest, now, .. } = &mut self.machine;
        digest.pair(now.0, word << 32 | u64::from(node.0));
        digest.pair(number, peer);
    }

    /// An event is over.
    #[inline]
    pub(super) fn close(&mut self, node: NodeId, kind: Kind) {
        self.events += 1;
        let digest = self.machine.digest.short();
        self.ring.push(Moment { at: self.machine.now, number: self.events, digest, node, kind });
    }
}
