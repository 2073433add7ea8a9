//! Faults on a world: when they begin and end, whom they hit, what is still broken.
//!
//! Faults overlap. A cut is mended, and a node boots, when the last fault that holds it ends. A fault that
//! finds no target, or finds it as it would leave it, is skipped and counted as that.

use std::collections::{BTreeMap, BTreeSet};

use squall_core::ids::NodeId;
use squall_core::time::Time;

use super::weather::{Misfortune, Pair, Weather};
use super::{Course, Scenario};
use crate::fault::ledger::Ledger;
use crate::fault::{Fault, Links, PlannedFault, Whom};
use crate::record::Counts;

/// What ends with a fault.
#[derive(Debug, Clone)]
enum Undo {
    Nothing,
    Boot(NodeId),
    Resume(NodeId),
    Mend(Vec<Pair>),
    Weather,
}

/// How a process ends.
#[derive(Debug, Clone, Copy)]
enum Death {
    Crash,
    PowerLoss,
    Wipe,
}

/// The plan's faults and what they hold broken.
#[derive(Debug, Clone)]
pub(super) struct Injector {
    /// Times and places in the plan of those to come, the next one last.
    begins: Vec<(u64, usize)>,
    ends: BTreeSet<(u64, usize)>,
    active: BTreeMap<usize, Undo>,
    cuts: Ledger<Pair>,
    down: Ledger<NodeId>,
    /// Which fault holds a node paused. A pause does not outlive the process.
    paused: BTreeMap<NodeId, usize>,
    weather: Weather,
    injected: Counts,
    skipped: u64,
}

impl Injector {
    pub(super) fn new(faults: &[PlannedFault]) -> Self {
        let mut begins: Vec<_> = faults.iter().enumerate().map(|(item, fault)| (fault.at, item)).collect();
        begins.sort_unstable_by(|a, b| b.cmp(a));
        Self {
            begins,
            ends: BTreeSet::new(),
            active: BTreeMap::new(),
            cuts: Ledger::default(),
            down: Ledger::default(),
            paused: BTreeMap::new(),
            weather: Weather::default(),
            injected: Counts::new(),
            skipped: 0,
        }
    }

    /// When something begins or ends next.
    pub(super) fn next_at(&self) -> Option<Time> {
        let begin = self.begins.last().map(|(at, _)| *at);
        let end = self.ends.first().map(|(at, _)| *at);
        begin.into_iter().chain(end).min().map(Time)
    }

    /// How often each kind took effect, and how many were skipped.
    pub(super) fn into_counts(self) -> (Counts, u64) {
        (self.injected, self.skipped)
    }
}

impl<S: Scenario + ?Sized> Course<'_, S> {
    /// Everything that is due now, ends before beginnings; whether all checks held.
    pub(super) fn inject_due(&mut self) -> bool {
        let now = self.world.now().0;
        while let Some(&(at, item)) = self.injector.ends.first()
            && at <= now
        {
            self.injector.ends.remove(&(at, item));
            if !self.end_fault(item) {
                return false;
            }
        }
        while let Some(&(at, item)) = self.injector.begins.last()
            && at <= now
        {
            self.injector.begins.pop();
            if !self.begin_fault(item) {
                return false;
            }
        }
        true
    }

    /// The calm: every fault ends, every node is up and reaches every other.
    pub(super) fn heal(&mut self) -> bool {
        self.injector.begins.clear();
        self.injector.ends.clear();
        let active: Vec<usize> = self.injector.active.keys().copied().collect();
        let mut held = active.into_iter().all(|item| self.end_fault(item));
        held = held && (!self.world.mend_all() || self.look());
        for node in self.world.nodes() {
            held = held && (!self.world.resume(node) || self.look());
            held = held && (!self.world.boot(node) || self.look());
        }
        held
    }

    fn begin_fault(&mut self, item: usize) -> bool {
        let plan = self.plan;
        let PlannedFault { at, lasts, fault } = &plan.faults[item];
        let before = self.world.events();
        let Some(undo) = self.carry_out(item, fault) else {
            self.injector.skipped += 1;
            self.say(|| format!("--- skipped: {fault}"));
            self.record_skip(item);
            return self.verdict().is_none();
        };
        self.say(|| format!("--- begins: {fault}"));
        self.record_begin(item, &plan.faults[item], before);
        *self.injector.injected.entry(fault.kind()).or_default() += 1;
        if matches!(undo, Undo::Nothing) {
            self.record_end(item);
        } else {
            self.injector.active.insert(item, undo);
            self.injector.ends.insert((at.saturating_add(*lasts), item));
        }
        // A restart's checks have looked at each of its acts; a transfer's message is yet to come.
        let looked = matches!(fault, Fault::Restart { .. }) || self.world.events() == before;
        if looked { self.verdict().is_none() } else { self.look() }
    }

    /// `None` if it has no effect.
    fn carry_out(&mut self, item: usize, fault: &Fault) -> Option<Undo> {
        match fault {
            Fault::Loss { on, .. }
            | Fault::Delay { on, .. }
            | Fault::Duplication { on, .. }
            | Fault::Reordering { on, .. } => self.begin_weather(item, fault, on),
            Fault::SplitHalves { left, right } => self.cut(between(left, right)),
            Fault::SplitBridge { left, right, .. } => self.cut(between(left, right)),
            Fault::SplitRing { ring } => self.cut(strangers(ring)),
            Fault::Isolate { whom } => {
                let node = self.find(whom)?;
                self.cut(self.world.nodes().flat_map(|other| [(node, other), (other, node)]).collect())
            }
            Fault::OneWayCut { from, to } => {
                let pair = (self.find(from)?, self.find(to)?);
                self.cut(vec![pair])
            }
            Fault::Crash { whom } => self.kill(whom, Death::Crash),
            Fault::PowerLoss { whom } => self.kill(whom, Death::PowerLoss),
            Fault::Wipe { whom } => self.kill(whom, Death::Wipe),
            Fault::Restart { whom } => self.restart(whom),
            Fault::Pause { whom } => {
                let node = self.find(whom)?;
                self.world.pause(node).then(|| {
                    self.injector.paused.insert(node, item);
                    Undo::Resume(node)
                })
            }
            Fault::Transfer { role } => {
                self.scenario.transfer(role, &mut self.world, &self.checks).then_some(Undo::Nothing)
            }
        }
    }

    fn end_fault(&mut self, item: usize) -> bool {
        let Some(undo) = self.injector.active.remove(&item) else { return true };
        let plan = self.plan;
        self.say(|| format!("--- ends: {}", plan.faults[item].fault));
        self.record_end(item);
        let changed = match undo {
            Undo::Nothing => false,
            Undo::Boot(node) => self.injector.down.release(&node) && self.world.boot(node),
            Undo::Resume(node) => {
                self.injector.paused.get(&node) == Some(&item) && {
                    self.injector.paused.remove(&node);
                    self.world.resume(node)
                }
            }
            Undo::Mend(pairs) => {
                let mut any = false;
                for pair in pairs {
                    any |= self.injector.cuts.release(&pair) && self.world.mend(pair.0, pair.1);
                }
                any
            }
            Undo::Weather => {
                let models = self.injector.weather.end(item);
                self.set_links(models);
                true
            }
        };
        !changed || self.look()
    }

    /// The node that is meant, if there is one now.
    fn find(&self, whom: &Whom) -> Option<NodeId> {
        let node = match whom {
            Whom::Node(node) => *node,
            Whom::Role(role) => self.scenario.resolve(role, &self.world, &self.checks)?,
        };
        self.exists(node).then_some(node)
    }

    fn exists(&self, node: NodeId) -> bool {
        self.world.nodes().nth(node.index()).is_some()
    }

    /// Cuts what is not cut already, and holds all of it. `pairs` in any order, with what does not exist.
    fn cut(&mut self, mut pairs: Vec<Pair>) -> Option<Undo> {
        pairs.retain(|&(from, to)| from != to && self.exists(from) && self.exists(to));
        pairs.sort_unstable();
        pairs.dedup();
        for &(from, to) in &pairs {
            if self.injector.cuts.hold((from, to)) {
                self.world.cut(from, to);
            }
        }
        (!pairs.is_empty()).then_some(Undo::Mend(pairs))
    }

    fn begin_weather(&mut self, item: usize, fault: &Fault, on: &Links) -> Option<Undo> {
        let misfortune = Misfortune::of(fault)?;
        let mut pairs: Vec<Pair> = match on {
            Links::All => {
                let nodes = self.world.nodes();
                nodes.flat_map(|from| self.world.nodes().map(move |to| (from, to))).collect()
            }
            Links::Of(whom) => {
                let node = self.find(whom)?;
                self.world.nodes().flat_map(|other| [(node, other), (other, node)]).collect()
            }
            Links::Between(from, to) => vec![(self.find(from)?, self.find(to)?)],
        };
        pairs.retain(|(from, to)| from != to);
        pairs.sort_unstable();
        pairs.dedup();
        if pairs.is_empty() {
            return None;
        }
        let world = &self.world;
        let models = self.injector.weather.begin(item, pairs, misfortune, |(from, to)| world.link(from, to));
        self.set_links(models);
        Some(Undo::Weather)
    }

    fn set_links(&mut self, models: Vec<(Pair, crate::network::LinkModel)>) {
        for ((from, to), model) in models {
            self.world.set_link(from, to, model);
        }
    }

    fn kill(&mut self, whom: &Whom, death: Death) -> Option<Undo> {
        let node = self.find(whom)?;
        let effect = match death {
            Death::Crash => self.world.crash(node),
            // These also hit the disk of a node that is down already.
            Death::PowerLoss => self.world.power_loss(node),
            Death::Wipe => self.world.wipe(node),
        };
        effect.then(|| {
            self.injector.paused.remove(&node);
            self.injector.down.hold(node);
            Undo::Boot(node)
        })
    }

    fn restart(&mut self, whom: &Whom) -> Option<Undo> {
        let node = self.find(whom)?;
        if !self.world.crash(node) {
            return None;
        }
        self.injector.paused.remove(&node);
        if self.look() {
            self.world.boot(node);
            self.look();
        }
        Some(Undo::Nothing)
    }
}

/// Both directions between each of `left` and each of `right`.
fn between(left: &[u32], right: &[u32]) -> Vec<Pair> {
    let node = |number: &u32| NodeId(*number);
    left.iter()
        .flat_map(|a| right.iter().flat_map(move |b| [(node(a), node(b)), (node(b), node(a))]))
        .collect()
}

/// Both directions between any two that are no neighbours in the ring.
fn strangers(ring: &[u32]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (i, a) in ring.iter().enumerate() {
        for (j, b) in ring.iter().enumerate() {
            let apart = i.abs_diff(j);
            if apart > 1 && apart < ring.len() - 1 {
                pairs.push((NodeId(*a), NodeId(*b)));
            }
        }
    }
    pairs
}
