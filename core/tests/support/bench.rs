//! A bench of nodes with a pool of messages: the smallest world a process can live in.
//!
//! Holds: one seat a node (its clock, disk, timers, chance), and the messages on their way. Nothing happens
//! by itself: the test delivers, drops, doubles, lets timers expire and syncs end. Clocks stand still until
//! moved, each on its own.

use std::collections::BTreeMap;

use squall_core::env::{Clock, Disk, DiskFault, Entropy, EnvOf, Input, Network, Probes, Process, SyncId};
use squall_core::ids::NodeId;
use squall_core::testing::{PowerLoss, TestDisk};
use squall_core::time::{Span, Time};

/// A message on its way.
#[derive(Debug, Clone)]
pub struct Packet<M> {
    /// Its sender.
    pub from: NodeId,
    /// Where it goes.
    pub to: NodeId,
    /// What it says.
    pub message: M,
}

/// Something that came out of a step.
#[derive(Debug, Clone)]
pub enum Said<P: Process> {
    /// A message went out.
    Sent(Packet<P::Message>),
    /// A fact was reported.
    Probe(NodeId, P::Probe),
}

/// A process's place in the world: all that its window shows.
#[derive(Debug, Clone)]
pub struct Seat<P: Process> {
    me: NodeId,
    now: Time,
    /// What survives a crash.
    pub disk: TestDisk,
    timers: BTreeMap<P::Timer, Time>,
    chance: u64,
    said: Vec<Said<P>>,
}

/// Nodes 1..=n and the messages between them.
#[derive(Debug, Clone)]
pub struct Bench<P: Process> {
    /// What each node is built with.
    blank: Vec<P>,
    /// `None`: it is down.
    living: Vec<Option<P>>,
    seats: Vec<Seat<P>>,
    /// Messages on their way, oldest first.
    pub pool: Vec<Packet<P::Message>>,
    said: Vec<Said<P>>,
}

impl<P: Process> Bench<P> {
    /// Nodes that were never started; the first one is node 1.
    pub fn new(blank: Vec<P>) -> Self {
        let seat = |node: usize| Seat {
            me: NodeId(node as u32 + 1),
            now: Time::ZERO,
            disk: TestDisk::new(),
            timers: BTreeMap::new(),
            chance: node as u64,
            said: Vec::new(),
        };
        let seats = (0..blank.len()).map(seat).collect();
        Self { living: vec![None; blank.len()], blank, seats, pool: Vec::new(), said: Vec::new() }
    }

    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<P> {
        (1..=self.blank.len() as u32).map(NodeId)
    }

    /// The process on `node`; `None`: it is down.
    pub fn process(&self, node: NodeId) -> Option<&P> {
        self.living[place(node)].as_ref()
    }

    /// Where `node` sits.
    pub fn seat_mut(&mut self, node: NodeId) -> &mut Seat<P> {
        &mut self.seats[place(node)]
    }

    /// What came out since this was last asked.
    pub fn take_said(&mut self) -> Vec<Said<P>> {
        std::mem::take(&mut self.said)
    }

    /// Does something to the process on `node`, if it is up.
    pub fn with<R>(&mut self, node: NodeId, act: impl FnOnce(&mut P, &mut EnvOf<'_, P>) -> R) -> Option<R> {
        let seat = &mut self.seats[place(node)];
        let process = self.living[place(node)].as_mut()?;
        let result = act(process, seat);
        for said in seat.said.drain(..) {
            if let Said::Sent(packet) = &said {
                self.pool.push(packet.clone());
            }
            self.said.push(said);
        }
        Some(result)
    }

    /// Starts `node`, if it is down.
    pub fn start(&mut self, node: NodeId) {
        if self.living[place(node)].is_none() {
            self.living[place(node)] = Some(self.blank[place(node)].clone());
            self.with(node, |process, env| process.start(env));
        }
    }

    /// The process on `node` dies; its disk keeps what it wrote.
    pub fn crash(&mut self, node: NodeId) {
        self.living[place(node)] = None;
        let seat = self.seat_mut(node);
        seat.disk.crash();
        seat.timers.clear();
    }

    /// The power of `node` fails; its disk keeps what a sync covered, and more or less of the rest.
    pub fn power_loss(&mut self, node: NodeId, how: PowerLoss, below: &mut dyn FnMut(u64) -> u64) {
        self.crash(node);
        self.seat_mut(node).disk.power_loss(how, below);
    }

    /// Delivers the packet in place `index` of the pool. Nodes that are down do not hear.
    pub fn deliver(&mut self, index: usize) {
        let Packet { from, to, message } = self.pool.remove(index);
        self.with(to, |process, env| process.step(Input::Deliver { from, message }, env));
    }

    /// Ends the oldest sync of `node`. Answers whether there was one.
    pub fn sync_next(&mut self, node: NodeId) -> bool {
        let Some(sync) = self.seat_mut(node).disk.complete_next() else { return false };
        self.with(node, |process, env| process.step(Input::Synced { sync, outcome: Ok(()) }, env));
        true
    }

    /// Lets `timer` of `node` expire: its clock moves on to the deadline. Answers whether it was set.
    pub fn expire(&mut self, node: NodeId, timer: P::Timer) -> bool {
        let seat = self.seat_mut(node);
        let Some(deadline) = seat.timers.remove(&timer) else { return false };
        seat.now = seat.now.max(deadline);
        self.with(node, |process, env| process.step(Input::Expired { timer }, env));
        true
    }

    /// The timers of `node`, by name.
    pub fn timers(&self, node: NodeId) -> Vec<P::Timer> {
        self.seats[place(node)].timers.keys().copied().collect()
    }

    /// When the next timer of `node` expires, by its clock.
    pub fn next_deadline(&self, node: NodeId) -> Option<Time> {
        self.seats[place(node)].timers.values().min().copied()
    }

    /// The clock of `node` moves on, and its timers stay.
    pub fn wait(&mut self, node: NodeId, span: Span) {
        let seat = self.seat_mut(node);
        seat.now = seat.now + span;
    }

    /// Delivers everything and ends every sync, over and over, until all is quiet. No time passes.
    ///
    /// # Panics
    /// If it never is.
    pub fn stabilize(&mut self, among: &[NodeId]) {
        for _ in 0..10_000 {
            let next = self.pool.iter().position(|p| among.contains(&p.from) && among.contains(&p.to));
            if let Some(index) = next {
                self.deliver(index);
            } else if !among.iter().any(|node| self.process(*node).is_some() && self.sync_next(*node)) {
                return;
            }
        }
        panic!("the nodes never stop talking");
    }

    /// Time passes for all nodes alike up to the next deadline of any, which expires.
    pub fn pass_time(&mut self) {
        let deadline = |seat: &Seat<P>| {
            seat.timers.iter().map(|(timer, at)| (at.since(seat.now), seat.me, *timer)).min()
        };
        let Some((span, node, timer)) = self.seats.iter().filter_map(deadline).min() else { return };
        for node in self.nodes() {
            self.wait(node, span);
        }
        self.expire(node, timer);
    }
}

fn place(node: NodeId) -> usize {
    node.index() - 1
}

impl<P: Process> Clock<P::Timer> for Seat<P> {
    fn now(&self) -> Time {
        self.now
    }

    fn wall(&self) -> Time {
        self.now
    }

    fn set_timer(&mut self, timer: P::Timer, after: Span) {
        self.timers.insert(timer, self.now + after);
    }

    fn cancel_timer(&mut self, timer: P::Timer) {
        self.timers.remove(&timer);
    }

    fn spend(&mut self, _work: Span) {}
}

impl<P: Process> Network<P::Message> for Seat<P> {
    fn me(&self) -> NodeId {
        self.me
    }

    fn send(&mut self, to: NodeId, message: P::Message) {
        self.said.push(Said::Sent(Packet { from: self.me, to, message }));
    }
}

impl<P: Process> Entropy for Seat<P> {
    /// SplitMix64.
    fn draw(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.chance;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}

impl<P: Process> Probes<P::Probe> for Seat<P> {
    fn probe(&mut self, probe: P::Probe) {
        self.said.push(Said::Probe(self.me, probe));
    }
}

impl<P: Process> Disk for Seat<P> {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskFault> {
        self.disk.append(file, bytes)
    }

    fn write_at(&mut self, file: &str, at: u64, bytes: &[u8]) -> Result<(), DiskFault> {
        self.disk.write_at(file, at, bytes)
    }

    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskFault> {
        self.disk.truncate(file, len)
    }

    fn read(&mut self, file: &str, at: u64, into: &mut [u8]) -> Result<usize, DiskFault> {
        self.disk.read(file, at, into)
    }

    fn len(&self, file: &str) -> Option<u64> {
        self.disk.len(file)
    }

    fn list(&self, prefix: &str) -> Vec<String> {
        self.disk.list(prefix)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskFault> {
        self.disk.rename(from, to)
    }

    fn remove(&mut self, file: &str) -> Result<(), DiskFault> {
        self.disk.remove(file)
    }

    fn sync(&mut self, file: &str) -> SyncId {
        self.disk.sync(file)
    }

    fn sync_dir(&mut self) -> SyncId {
        self.disk.sync_dir()
    }
}
