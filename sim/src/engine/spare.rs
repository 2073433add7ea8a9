//! Memory from one world to the next.
//!
//! A short run spends a good part of its time on fresh memory; a campaign hands each finished world's
//! buffers to the next. Nothing but capacity goes over: a world with spare memory is the same world.

use squall_core::env::Process;
use squall_core::ids::NodeId;
use squall_core::time::Time;

use super::machine::{Letter, Machine, SyncCell};
use super::node::{Node, Parts};
use super::queue::{Key, Queue};
use super::slab::Slab;
use super::stats::Stats;
use super::timers::Cell;
use super::watch::Watch;
use super::wire::Heard;
use super::{World, WorldConfig};
use crate::fingerprint::Digest;
use crate::network::{Fabric, SpareFabric};
use crate::seed::Seed;
use crate::trace::{Moment, Ring};

/// The memory of a finished world. Empty by default.
pub struct Spare<P: Process> {
    nodes: Vec<Node<P>>,
    parts: Vec<Parts<P::Timer>>,
    keys: Vec<Key>,
    letters: Slab<Letter<P::Message>>,
    timers: Slab<Cell<P::Timer>>,
    syncs: Slab<SyncCell>,
    fabric: SpareFabric,
    probes: Vec<(NodeId, P::Probe)>,
    moments: Vec<Moment>,
    heard: Option<Vec<Heard<P::Message>>>,
}

impl<P: Process> Default for Spare<P> {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            parts: Vec::new(),
            keys: Vec::new(),
            letters: Slab::default(),
            timers: Slab::default(),
            syncs: Slab::default(),
            fabric: SpareFabric::default(),
            probes: Vec::new(),
            moments: Vec::new(),
            heard: None,
        }
    }
}

impl<P: Process> Spare<P> {
    /// The memory of nothing, for a world in which every message is overheard, the first one included.
    pub fn listening() -> Self {
        Self { heard: Some(Vec::new()), ..Self::default() }
    }
}

impl<P: Process> std::fmt::Debug for Spare<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spare").field("nodes", &self.parts.len()).finish_non_exhaustive()
    }
}

impl<P: Process> World<P> {
    /// An empty world at time zero, in the memory of a finished one.
    pub fn with_spare(seed: Seed, config: WorldConfig, spare: Spare<P>) -> Self {
        let mut digest = Digest::new();
        digest.word(seed.0);
        let machine = Machine {
            now: Time::ZERO,
            queue: Queue::new(spare.keys),
            letters: spare.letters,
            timers: spare.timers,
            syncs: spare.syncs,
            fabric: Fabric::new(seed, config.link, spare.fabric),
            digest,
            stats: Stats::default(),
            loopback: config.loopback,
            holds_back: false,
            watch: Watch::default(),
            size_of: P::message_size,
            heard: spare.heard,
        };
        Self {
            seed,
            config,
            nodes: spare.nodes,
            machine,
            probes: spare.probes,
            ring: Ring::new(config.trace, spare.moments),
            events: 0,
            spare_parts: spare.parts,
        }
    }

    /// The end of this world; its memory serves the next.
    pub fn dismantle(mut self) -> Spare<P> {
        let mut parts = self.spare_parts;
        // Backwards, so that the next world's first node gets the memory of this one's.
        for mut node in self.nodes.drain(..).rev() {
            node.parts.timers.clear(&mut self.machine.timers);
            parts.push(node.parts);
        }
        self.machine.letters.clear();
        self.machine.timers.clear();
        self.machine.syncs.clear();
        self.probes.clear();
        Spare {
            nodes: self.nodes,
            parts,
            keys: self.machine.queue.into_buffer(),
            letters: self.machine.letters,
            timers: self.machine.timers,
            syncs: self.machine.syncs,
            fabric: self.machine.fabric.dismantle(),
            probes: self.probes,
            moments: self.ring.into_buffer(),
            heard: None,
        }
    }
}
