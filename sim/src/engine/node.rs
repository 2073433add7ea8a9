//! One node: its process, and all that the world keeps for it.

use std::collections::VecDeque;

use squall_core::env::Process;
use squall_core::ids::NodeId;
use squall_core::time::Time;

use super::queue::Key;
use super::timers::Timers;
use crate::clock::NodeClock;
use crate::disk::{DiskModel, NodeDisk};
use crate::seed::{Rng, Seed, Stream};

/// A node of the world.
#[derive(Clone)]
pub(super) struct Node<P: Process> {
    /// `None` while the node is down.
    pub(super) process: Option<P>,
    /// What each life begins as.
    pub(super) pristine: P,
    pub(super) name: String,
    pub(super) parts: Parts<P::Timer>,
}

/// What is a node's own beside its process.
#[derive(Debug, Clone)]
pub(super) struct Parts<T> {
    pub(super) clock: NodeClock,
    pub(super) disk: NodeDisk,
    pub(super) chance: Rng,
    pub(super) timers: Timers<T>,
    /// Places of the syncs that its process waits for.
    pub(super) syncs: Vec<u32>,
    pub(super) paused: bool,
    /// Simulated work lasts until then.
    pub(super) busy_until: Time,
    /// Inputs that came while it was paused or busy, in order.
    pub(super) backlog: VecDeque<Key>,
    /// The number of the key that wakes it for its backlog; 0 if there is none.
    pub(super) wake: u64,
}

impl<T: Copy + Ord> Parts<T> {
    pub(super) fn new(seed: Seed, node: NodeId, disk: DiskModel) -> Self {
        Self {
            clock: NodeClock::default(),
            disk: NodeDisk::new(seed, node, disk),
            chance: seed.stream(Stream::Process(node)),
            timers: Timers::default(),
            syncs: Vec::new(),
            paused: false,
            busy_until: Time::ZERO,
            backlog: VecDeque::new(),
            wake: 0,
        }
    }

    /// Fresh parts in the memory of these, whose timers are forgotten already.
    pub(super) fn renew(&mut self, seed: Seed, node: NodeId, disk: DiskModel) {
        self.clock = NodeClock::default();
        self.disk.renew(seed, node, disk);
        self.chance = seed.stream(Stream::Process(node));
        self.syncs.clear();
        self.rest();
        self.backlog.clear();
    }

    /// Neither paused nor busy.
    pub(super) fn rest(&mut self) {
        self.paused = false;
        self.busy_until = Time::ZERO;
        self.wake = 0;
    }

    /// `key` waits its turn: by due time, also if another one was put aside ahead of its time.
    #[inline]
    pub(super) fn put_aside(&mut self, key: Key) {
        if self.backlog.back().is_none_or(|last| *last < key) {
            return self.backlog.push_back(key);
        }
        let place = self.backlog.partition_point(|earlier| *earlier < key);
        self.backlog.insert(place, key);
    }

    /// Whether an input due at `due` has to wait.
    #[inline]
    pub(super) fn holds_back(&self, due: Time) -> bool {
        self.busy_until > due || self.paused || !self.backlog.is_empty()
    }
}
