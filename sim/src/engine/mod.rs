//! The engine: one world of nodes, and the order in which things happen in it.
//!
//! Holds: virtual time, the queue of events, the nodes with their processes, the dispatch of one event
//! after another, and the acts of an operator (crash, power loss, cut, pause, …), which take effect at once
//! and count as events too. A process reaches the world through its window alone; checks look at the world
//! between events and change nothing.
//! Deliberately absent: when faults happen (that is the plan's), what must hold (the checks'), and any
//! knowledge of what the messages mean.
//!
//! The whole world is a value: a clone of it at any event has the same future, until an act differs.

mod acts;
mod dispatch;
mod machine;
mod node;
mod queue;
mod slab;
mod spare;
mod stats;
mod timers;
mod watch;
mod window;
mod wire;

pub use spare::Spare;
pub use stats::Stats;
pub(crate) use watch::{Deed, Sent};
pub use wire::Heard;

use std::fmt;

use squall_core::env::{Process, SyncId};
use squall_core::ids::NodeId;
use squall_core::time::{Span, Time};

use crate::clock::NodeClock;
use crate::disk::{DiskModel, NodeDisk};
use crate::fingerprint::Fingerprint;
use crate::network::LinkModel;
use crate::seed::{Rng, Seed, Stream};
use crate::trace::{Moment, Ring};
use machine::Machine;
use node::Node;
use queue::Ticket;

/// How a world begins. All of it can be changed later, node by node and link by link, but the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorldConfig {
    /// How links behave that nobody set otherwise.
    pub link: LinkModel,
    /// How disks behave that nobody set otherwise.
    pub disk: DiskModel,
    /// How long a node's message to itself takes; it is never lost.
    pub loopback: Span,
    /// How many of the last events the trace keeps at least.
    pub trace: usize,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self { link: LinkModel::CALM, disk: DiskModel::CALM, loopback: Span::from_micros(1), trace: 1024 }
    }
}

/// A world of processes of the kind `P`.
#[derive(Clone)]
pub struct World<P: Process> {
    seed: Seed,
    config: WorldConfig,
    nodes: Vec<Node<P>>,
    machine: Machine<P::Message, P::Timer>,
    /// Of the last event.
    probes: Vec<(NodeId, P::Probe)>,
    ring: Ring,
    events: u64,
    /// Memory of nodes that were: none once all of it is used.
    spare_parts: Vec<node::Parts<P::Timer>>,
}

/// What the next event will be, before it happens.
pub struct Upcoming<'a, P: Process> {
    /// When.
    pub at: Time,
    /// Whom it happens to.
    pub node: NodeId,
    /// Its running number, the same as when it was put into the queue.
    pub number: u64,
    /// What.
    pub input: UpcomingInput<'a, P>,
}

/// The input that the next event brings, before it is taken.
pub enum UpcomingInput<'a, P: Process> {
    /// A message; it may yet be dropped.
    Message {
        /// Its sender.
        from: NodeId,
        /// What it says.
        message: &'a P::Message,
    },
    /// A timer runs out.
    Timer(P::Timer),
    /// A sync ends.
    Sync(SyncId),
}

impl<P: Process> World<P> {
    /// An empty world at time zero.
    pub fn new(seed: Seed, config: WorldConfig) -> Self {
        Self::with_spare(seed, config, Spare::default())
    }

    /// Adds a node and boots it. Nodes are numbered from 0 in the order they are added.
    pub fn add(&mut self, name: &str, process: P) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).expect("a world has fewer than 2³² nodes"));
        assert!(id.0 < queue::MOST_PLACES, "a world has fewer than four million nodes");
        let parts = match self.spare_parts.pop() {
            Some(mut parts) => {
                parts.renew(self.seed, id, self.config.disk);
                parts
            }
            None => node::Parts::new(self.seed, id, self.config.disk),
        };
        self.nodes.push(Node { process: None, pristine: process, name: name.to_owned(), parts });
        self.machine.fabric.grow(self.nodes.len());
        self.boot(id);
        id
    }

    /// What the world is drawn from.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// A stream of chance of this world's seed.
    pub fn stream(&self, purpose: Stream) -> Rng {
        self.seed.stream(purpose)
    }

    /// The world's time. A node's clock may read differently.
    #[inline]
    pub fn now(&self) -> Time {
        self.machine.now
    }

    /// How many events have happened, acts of the operator included.
    #[inline]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// What the run so far is recognised by.
    #[inline]
    pub fn fingerprint(&self) -> Fingerprint {
        self.machine.digest.fingerprint()
    }

    /// The last event.
    #[inline]
    pub fn moment(&self) -> &Moment {
        self.ring.last()
    }

    /// What processes reported in the last event, in order.
    #[inline]
    pub fn probes(&self) -> &[(NodeId, P::Probe)] {
        &self.probes
    }

    /// The last events, oldest first.
    pub fn trace(&self) -> impl Iterator<Item = &Moment> {
        self.ring.iter()
    }

    /// What was counted since the world was made.
    #[inline]
    pub fn stats(&self) -> &Stats {
        &self.machine.stats
    }

    /// All nodes, up or down.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeId> + use<P> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The node's process; `None` while it is down.
    #[inline]
    pub fn process(&self, node: NodeId) -> Option<&P> {
        self.nodes.get(node.index())?.process.as_ref()
    }

    /// Whether the node is up. A paused node is.
    #[inline]
    pub fn is_up(&self, node: NodeId) -> bool {
        self.process(node).is_some()
    }

    /// Whether the node takes no inputs although it is up.
    pub fn is_paused(&self, node: NodeId) -> bool {
        self.nodes.get(node.index()).is_some_and(|node| node.parts.paused)
    }

    /// The node's disk; it is there also while the node is down.
    ///
    /// # Panics
    /// If there is no such node.
    #[inline]
    pub fn disk(&self, node: NodeId) -> &NodeDisk {
        &self.nodes[node.index()].parts.disk
    }

    /// The node's clock.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn clock(&self, node: NodeId) -> &NodeClock {
        &self.nodes[node.index()].parts.clock
    }

    /// What the node is called.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn name(&self, node: NodeId) -> &str {
        &self.nodes[node.index()].name
    }

    /// How the link behaves now.
    pub fn link(&self, from: NodeId, to: NodeId) -> LinkModel {
        self.machine.fabric.model(from, to)
    }

    /// Whether messages from the one get to the other: no cut, and both are up.
    pub fn can_reach(&self, from: NodeId, to: NodeId) -> bool {
        self.is_up(from) && self.is_up(to) && !self.is_cut(from, to)
    }

    /// Whether the link is cut in this direction.
    pub fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        self.machine.fabric.is_cut(from, to)
    }

    /// When the next event happens; `None` if nothing is to happen any more.
    #[inline]
    pub fn next_at(&self) -> Option<Time> {
        // A wait that an operator ended, or a tell, may be due before the clock the world has reached.
        self.machine.queue.next().map(|key| key.time().max(self.machine.now))
    }

    /// What the next event will be.
    pub fn upcoming(&self) -> Option<Upcoming<'_, P>> {
        let mut key = self.machine.queue.next()?;
        let at = key.time().max(self.machine.now);
        if let Ticket::Wake(node) = key.ticket() {
            key = *self.nodes[node as usize].parts.backlog.front()?;
        }
        let (node, input) = match key.ticket() {
            Ticket::Message(place) => {
                let letter = self.machine.letters.get(place)?;
                (letter.to, UpcomingInput::Message { from: letter.from, message: &letter.message })
            }
            Ticket::Timer(place) => {
                let cell = self.machine.timers.get(place)?;
                (cell.node, UpcomingInput::Timer(cell.timer))
            }
            Ticket::Sync(place) => {
                let cell = self.machine.syncs.get(place)?;
                (cell.node, UpcomingInput::Sync(cell.sync))
            }
            Ticket::Wake(_) => return None,
        };
        Some(Upcoming { at, node, number: key.number(), input })
    }
}

impl<P: Process> fmt::Debug for World<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.seed)
            .field("now", &self.machine.now)
            .field("events", &self.events)
            .field("fingerprint", &self.machine.digest.fingerprint())
            .field("nodes", &self.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
