//! Controllers on a bench: a perfect network, a clock that moves when told, disks that sync when asked.

use std::collections::{BTreeMap, VecDeque};

use super::{Controller, ControllerConfig};
use crate::env::{Clock, Disk, DiskFault, Entropy, Network, Probes, SyncId};
use crate::host::Host;
use crate::ids::{CorrelationId, NodeId};
use crate::message::{Message, Reply, Request};
use crate::probe::Probe;
use crate::testing::TestDisk;
use crate::time::{Span, Time};
use crate::timer::Timer;

/// Where requests come from; every node above the controllers is an asker.
pub(super) const ASKER: NodeId = NodeId(100);

struct Node {
    controller: Controller,
    disk: TestDisk,
    timers: BTreeMap<Timer, Time>,
    /// Nothing reaches it and nothing comes from it but what askers say and hear.
    cut_off: bool,
}

/// See the module.
pub(super) struct Bench {
    config: ControllerConfig,
    nodes: Vec<Node>,
    now: Time,
    wire: VecDeque<(NodeId, NodeId, Message)>,
    answers: BTreeMap<CorrelationId, Reply>,
    asked: u64,
    draws: u64,
    /// Everything reported so far.
    pub(super) probes: Vec<(NodeId, Probe)>,
}

impl Bench {
    /// As many controllers as `config` has voters, started.
    pub(super) fn new(config: ControllerConfig) -> Self {
        let node = |_: &NodeId| Node {
            controller: Controller::new(config.clone()),
            disk: TestDisk::new(),
            timers: BTreeMap::new(),
            cut_off: false,
        };
        let nodes = config.quorum.voters.iter().map(node).collect();
        let (answers, wire, probes) = (BTreeMap::new(), VecDeque::new(), Vec::new());
        let mut bench = Self { config, nodes, now: Time::ZERO, wire, answers, asked: 0, draws: 0, probes };
        for node in 0..bench.nodes.len() {
            bench.step(node, Controller::start);
        }
        bench.settle();
        bench
    }

    pub(super) fn controller(&self, node: usize) -> &Controller {
        &self.nodes[node].controller
    }

    pub(super) fn disk(&mut self, node: usize) -> &mut TestDisk {
        &mut self.nodes[node].disk
    }

    pub(super) fn cut_off(&mut self, node: usize, cut_off: bool) {
        self.nodes[node].cut_off = cut_off;
    }

    /// One input of one node.
    pub(super) fn step(&mut self, node: usize, input: impl FnOnce(&mut Controller, &mut Host<'_>)) {
        let Node { controller, disk, timers, .. } = &mut self.nodes[node];
        let me = NodeId(node as u32);
        let (wire, probes, draws) = (&mut self.wire, &mut self.probes, &mut self.draws);
        input(controller, &mut View { me, now: self.now, disk, timers, wire, probes, draws });
    }

    /// The process dies; the next life finds its disk.
    pub(super) fn restart(&mut self, node: usize) {
        self.nodes[node].disk.crash();
        self.nodes[node].timers.clear();
        self.nodes[node].controller = Controller::new(self.config.clone());
        self.step(node, Controller::start);
        self.settle();
    }

    /// Sends `request` to `node`; nothing is delivered yet.
    pub(super) fn send(&mut self, node: usize, request: Request) -> CorrelationId {
        let id = CorrelationId(self.asked);
        self.asked += 1;
        self.wire.push_back((ASKER, NodeId(node as u32), Message::Request { id, request }));
        id
    }

    /// The answer to a request, once.
    pub(super) fn answer(&mut self, id: CorrelationId) -> Option<Reply> {
        self.answers.remove(&id)
    }

    /// Sends a request and lets everything happen that needs no time.
    pub(super) fn ask(&mut self, node: usize, request: Request) -> Option<Reply> {
        let id = self.send(node, request);
        self.settle();
        self.answer(id)
    }

    /// Delivers and syncs until there is nothing more to do at this moment.
    pub(super) fn settle(&mut self) {
        loop {
            if let Some((from, to, message)) = self.wire.pop_front() {
                self.deliver(from, to, message);
            } else if !self.sync_one() {
                return;
            }
        }
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, message: Message) {
        let cut = |node: NodeId| self.nodes.get(node.index()).is_some_and(|node| node.cut_off);
        if to == ASKER {
            let Message::Reply { id, reply } = message else { panic!("an asker is only answered") };
            self.answers.insert(id, reply);
        } else if from == ASKER || !(cut(from) || cut(to)) {
            self.step(to.index(), |controller, env| controller.on_message(from, message, env));
        }
    }

    fn sync_one(&mut self) -> bool {
        for node in 0..self.nodes.len() {
            if let Some(sync) = self.nodes[node].disk.complete_next() {
                self.step(node, |controller, env| controller.on_synced(sync, Ok(()), env));
                return true;
            }
        }
        false
    }

    /// Time passes; timers run out in their order.
    pub(super) fn pass(&mut self, span: Span) {
        let until = self.now + span;
        while let Some((at, node, timer)) = self.next_timer().filter(|&(at, ..)| at <= until) {
            self.now = at;
            self.nodes[node].timers.remove(&timer);
            self.step(node, |controller, env| controller.on_timer(timer, env));
            self.settle();
        }
        self.now = until;
    }

    fn next_timer(&self) -> Option<(Time, usize, Timer)> {
        let timers = |(node, state): (usize, &Node)| {
            state.timers.iter().map(move |(&timer, &at)| (at, node, timer)).collect::<Vec<_>>()
        };
        self.nodes.iter().enumerate().flat_map(timers).min()
    }

    /// Lets time pass until some node decides, and says which.
    pub(super) fn until_active(&mut self) -> usize {
        for _ in 0..1_000 {
            let decides = |&node: &usize| self.controller(node).is_active() && !self.nodes[node].cut_off;
            if let Some(node) = (0..self.nodes.len()).find(decides) {
                return node;
            }
            self.pass(Span::from_millis(10));
        }
        panic!("nobody became active within ten seconds");
    }
}

/// The world as one node sees it.
struct View<'a> {
    me: NodeId,
    now: Time,
    disk: &'a mut TestDisk,
    timers: &'a mut BTreeMap<Timer, Time>,
    wire: &'a mut VecDeque<(NodeId, NodeId, Message)>,
    probes: &'a mut Vec<(NodeId, Probe)>,
    draws: &'a mut u64,
}

impl Clock<Timer> for View<'_> {
    fn now(&self) -> Time {
        self.now
    }

    fn wall(&self) -> Time {
        self.now
    }

    fn set_timer(&mut self, timer: Timer, after: Span) {
        self.timers.insert(timer, self.now + after);
    }

    fn cancel_timer(&mut self, timer: Timer) {
        self.timers.remove(&timer);
    }

    fn spend(&mut self, _: Span) {}
}

impl Network<Message> for View<'_> {
    fn me(&self) -> NodeId {
        self.me
    }

    fn send(&mut self, to: NodeId, message: Message) {
        self.wire.push_back((self.me, to, message));
    }
}

impl Entropy for View<'_> {
    /// SplitMix64.
    fn draw(&mut self) -> u64 {
        *self.draws = self.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (*self.draws ^ (*self.draws >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Probes<Probe> for View<'_> {
    fn probe(&mut self, probe: Probe) {
        self.probes.push((self.me, probe));
    }
}

impl Disk for View<'_> {
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
