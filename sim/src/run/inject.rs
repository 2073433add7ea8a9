//! Faults on a world: when they begin and end, whom they hit, what is still broken.
//!
//! Faults overlap. A cut is mended, and a node boots, when the last fault that holds it ends. A fault that
//! finds no target, or finds it as it would leave it, is skipped and counted as that.

use std::collections::{BTreeMap, BTreeSet};

use squall_core::ids::NodeId;
use squall_core::time::{Span, Time};

use super::clocks::{Clocks, Twist};
use super::inject_disk::DiskTroubles;
use super::script::{Death, Script, Step};
use super::weather::{Misfortune, Pair, Weather};
use super::{Course, Scenario};
use crate::fault::ledger::Ledger;
use crate::fault::table::AIMED;
use crate::fault::{Fault, Links, PlannedFault, Whom};
use crate::record::Counts;

/// What ends with a fault.
#[derive(Debug, Clone)]
pub(super) enum Undo {
    Nothing,
    Resume(NodeId),
    Weather,
    Rule,
    Clock(NodeId, Twist),
    /// A disk does not ail any more.
    Recover(NodeId),
    /// Writes go where they belong.
    Aim(NodeId),
    /// Power is back, or was never lost for want of a write.
    Tear,
}

/// A fault that has begun.
#[derive(Debug, Clone)]
struct Active {
    began: u64,
    until: u64,
    /// What it still does, and how many turns of that are over.
    script: Option<(Script, u64)>,
    /// The links that it holds cut, as often as it does, in any order.
    cuts: Vec<Pair>,
    /// The nodes that it holds down, as often as it does.
    down: Vec<NodeId>,
    undo: Undo,
}

/// The plan's faults and what they hold broken.
#[derive(Debug, Clone)]
pub(super) struct Injector {
    /// Times and places in the plan of those to come, the next one last.
    begins: Vec<(u64, usize)>,
    /// When each active one takes its next turn, or ends.
    due: BTreeSet<(u64, usize)>,
    active: BTreeMap<usize, Active>,
    cuts: Ledger<Pair>,
    down: Ledger<NodeId>,
    /// Which fault holds a node paused. A pause does not outlive the process.
    paused: BTreeMap<NodeId, usize>,
    weather: Weather,
    pub(super) clocks: Clocks,
    pub(super) disks: DiskTroubles,
    /// There was a fault after which processes may give up, or one that waits for a write.
    pub(super) watches: bool,
    /// Who gave up, and when that is noticed.
    pub(super) halted: BTreeSet<(Time, NodeId)>,
    injected: Counts,
    skipped: u64,
}

impl Injector {
    pub(super) fn new(faults: &[PlannedFault]) -> Self {
        let timed = faults.iter().enumerate().filter_map(|(item, fault)| Some((fault.when.time()?, item)));
        let mut begins: Vec<_> = timed.collect();
        begins.sort_unstable_by(|a, b| b.cmp(a));
        Self {
            begins,
            due: BTreeSet::new(),
            active: BTreeMap::new(),
            cuts: Ledger::default(),
            down: Ledger::default(),
            paused: BTreeMap::new(),
            weather: Weather::default(),
            clocks: Clocks::default(),
            disks: DiskTroubles::default(),
            watches: false,
            halted: BTreeSet::new(),
            injected: Counts::new(),
            skipped: 0,
        }
    }

    /// When something begins or ends next.
    pub(super) fn next_at(&self) -> Option<Time> {
        let begin = self.begins.last().map(|(at, _)| *at);
        let due = self.due.first().map(|(at, _)| *at);
        begin.into_iter().chain(due).min().map(Time)
    }

    /// An aimed fault has found its moment.
    pub(super) fn schedule(&mut self, at: u64, item: usize) {
        let place = self.begins.partition_point(|later| *later > (at, item));
        self.begins.insert(place, (at, item));
    }

    /// A fault had no effect.
    pub(super) fn skip(&mut self, faults: u64) {
        self.skipped += faults;
    }

    /// A fault of this kind took effect.
    pub(super) fn count(&mut self, kind: &'static str) {
        *self.injected.entry(kind).or_default() += 1;
    }

    /// A pause does not outlive the process.
    pub(super) fn forget_pause(&mut self, node: NodeId) {
        self.paused.remove(&node);
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
        self.judge_open();
        if !self.interfere_due() {
            return false;
        }
        while let Some(&(at, item)) = self.injector.due.first()
            && at <= now
        {
            self.injector.due.remove(&(at, item));
            let is_over = self.injector.active.get(&item).is_none_or(|active| active.until <= at);
            if !(if is_over { self.end_fault(item) } else { self.take_turn(item) }) {
                return false;
            }
        }
        while let Some(&(at, item)) = self.injector.begins.last()
            && at <= now
        {
            self.injector.begins.pop();
            if !self.begin_fault(at, item) {
                return false;
            }
        }
        true
    }

    /// The calm: every fault ends, every node is up, has the right time and reaches every other.
    pub(super) fn heal(&mut self) -> bool {
        self.injector.begins.clear();
        self.injector.due.clear();
        let active: Vec<usize> = self.injector.active.keys().copied().collect();
        let mut held = active.into_iter().all(|item| self.end_fault(item));
        held = held && (!self.world.mend_all() || self.look());
        self.injector.halted.clear();
        for node in self.world.nodes() {
            held = held && (!self.world.resume(node) || self.look());
            held = held && (!self.world.set_clock_right(node) || self.look());
            held = held && self.rescue(node);
            held = held && (!self.world.boot(node) || self.look());
        }
        held
    }

    fn begin_fault(&mut self, at: u64, item: usize) -> bool {
        let plan = self.plan;
        let PlannedFault { lasts, fault, .. } = &plan.faults[item];
        let before = self.world.events();
        let until = at.saturating_add(*lasts);
        let fresh = Active {
            began: at,
            until,
            script: None,
            cuts: Vec::new(),
            down: Vec::new(),
            undo: Undo::Nothing,
        };
        self.injector.active.insert(item, fresh);
        if !self.carry_out(item, fault) {
            self.injector.active.remove(&item);
            self.injector.skip(1);
            self.say(|| format!("no target: {fault}"));
            self.record_skip(item);
            return self.verdict().is_none();
        }
        self.say_before(before, || format!("begins: {fault}"));
        self.record_begin(item, &plan.faults[item], before);
        // A fault that singles out messages takes effect at the first of them, one that waits for a write then.
        if fault.rule().is_none() && !fault.awaits_write() {
            self.count_effect(item);
        }
        if self.is_instant(item) {
            self.record_end(item);
        }
        self.plan_turn(item);
        // Of these the checks have looked at each act; a transfer's message is yet to come.
        let looked = matches!(fault, Fault::Restart { .. }) || self.has_script(item);
        if looked || self.world.events() == before { self.verdict().is_none() } else { self.look() }
    }

    /// Whether nothing of it is left to be undone.
    fn is_instant(&self, item: usize) -> bool {
        self.injector.active.get(&item).is_some_and(|active| {
            matches!(active.undo, Undo::Nothing)
                && active.script.is_none()
                && active.cuts.is_empty()
                && active.down.is_empty()
        })
    }

    /// Whether it has any effect.
    fn carry_out(&mut self, item: usize, fault: &Fault) -> bool {
        match fault {
            Fault::Loss { on, .. }
            | Fault::Delay { on, .. }
            | Fault::Duplication { on, .. }
            | Fault::Reordering { on, .. }
            | Fault::Bandwidth { on, .. }
            | Fault::SlowTail { on, .. } => self.begin_weather(item, fault, on),
            Fault::SplitHalves { left, right } => self.cut(item, between(left, right)),
            Fault::SplitBridge { left, right, .. } => self.cut(item, between(left, right)),
            Fault::SplitRing { ring } => self.cut(item, strangers(ring)),
            Fault::Isolate { whom } => self.cut_around(item, whom, true),
            Fault::Mute { whom } => self.cut_around(item, whom, false),
            Fault::OneWayCut { from, to } => {
                let pair = self.find(from).zip(self.find(to));
                pair.is_some_and(|pair| self.cut(item, vec![pair]))
            }
            Fault::Crash { whom } => self.kill(item, whom, Death::Crash),
            Fault::PowerLoss { whom } => self.kill(item, whom, Death::PowerLoss),
            Fault::Wipe { whom } => self.kill(item, whom, Death::Wipe),
            Fault::Restart { whom } => self.restart(whom),
            Fault::Pause { whom } | Fault::LongPause { whom } => self.pause(item, whom),
            Fault::Transfer { role } => self.scenario.transfer(role, &mut self.world, &self.checks),
            Fault::ClockOffset { whom, by } => self.twist(item, whom, Twist::Offset(*by)),
            Fault::ClockStep { whom, by } => self.twist(item, whom, Twist::Step(*by)),
            Fault::ClockLeap { whom, by } => self.twist(item, whom, Twist::Leap(*by)),
            Fault::ClockDrift { whom, ppm } => self.twist(item, whom, Twist::Drift(*ppm)),
            Fault::ClockFreeze { whom } => self.twist(item, whom, Twist::Freeze),
            Fault::Flapping { on, period } => {
                self.begin_script(item, Script::Flapping { pairs: self.pairs(on), period: period.0 })
            }
            Fault::MovingSplit { ring, period } => {
                self.begin_script(item, Script::MovingSplit { ring: ids(ring), period: period.0 })
            }
            Fault::Swizzle { cut, mend } => {
                self.begin_script(item, Script::Swizzle { cut: both_ways(cut), mend: both_ways(mend) })
            }
            Fault::RestartStorm { whom, times } => self.find(whom).is_some_and(|node| {
                self.begin_script(item, Script::RestartStorm { node, times: u64::from(*times) })
            }),
            Fault::RollingRestart { nodes } => self.begin_script(item, Script::Rolling { nodes: ids(nodes) }),
            Fault::RackPowerLoss { nodes } => self.begin_script(item, Script::Rack { nodes: ids(nodes) }),
            Fault::TransferStorm { role, times } => {
                self.begin_script(item, Script::Transfers { role: role.clone(), times: u64::from(*times) })
            }
            Fault::CrashRecovering { whom, after } => self.recovering(item, whom, Death::Crash, *after),
            Fault::PowerLossRecovering { whom, after } => {
                self.recovering(item, whom, Death::PowerLoss, *after)
            }
            Fault::DropMessage { .. } | Fault::DelayMessage { .. } | Fault::DuplicateMessage { .. } => {
                self.begin_rule(item);
                self.undo_later(item, Undo::Rule);
                true
            }
            Fault::TornWrite { .. }
            | Fault::LostNames { .. }
            | Fault::LostSync { .. }
            | Fault::RotCold { .. }
            | Fault::RotTail { .. }
            | Fault::MisdirectedWrite { .. }
            | Fault::WriteError { .. }
            | Fault::ReadError { .. }
            | Fault::SyncError { .. }
            | Fault::DiskFull { .. }
            | Fault::SlowDisk { .. }
            | Fault::StalledDisk { .. } => self.begin_on_disk(item, fault),
        }
    }

    fn end_fault(&mut self, item: usize) -> bool {
        let Some(active) = self.injector.active.remove(&item) else { return true };
        let plan = self.plan;
        self.say(|| format!("ends: {}", plan.faults[item].fault));
        self.record_end(item);
        let mut changed = self.release_cuts(&active.cuts);
        match active.undo {
            Undo::Nothing => {}
            Undo::Resume(node) => {
                if self.injector.paused.get(&node) == Some(&item) {
                    self.injector.paused.remove(&node);
                    changed |= self.world.resume(node);
                }
            }
            Undo::Weather => {
                let models = self.injector.weather.end(item);
                self.set_links(models);
                changed = true;
            }
            Undo::Rule => self.end_rule(item),
            Undo::Clock(node, twist) => changed |= self.untwist(node, twist),
            Undo::Recover(node) => {
                self.recover(item, node);
                changed = true;
            }
            Undo::Aim(node) => changed |= self.aim_right(item, node),
            Undo::Tear => self.forget_tear(item),
        }
        let mut held = !changed || self.look();
        for node in active.down {
            held = held && self.release_node(node);
        }
        held
    }

    /// What ends with the fault, which is under way.
    pub(super) fn undo_later(&mut self, item: usize, undo: Undo) {
        if let Some(active) = self.injector.active.get_mut(&item) {
            active.undo = undo;
        }
    }

    /// A fault took effect.
    pub(super) fn count_effect(&mut self, item: usize) {
        let fault = &self.plan.faults[item];
        self.injector.count(fault.fault.kind());
        if fault.when.trigger().is_some() {
            self.injector.count(AIMED);
        }
    }

    /// The node that is meant, if there is one now. Whoever is called by a role's name has it as a matter of
    /// course: people write `broker 2` rather than count nodes.
    pub(super) fn find(&self, whom: &Whom) -> Option<NodeId> {
        let node = match whom {
            Whom::Node(node) => *node,
            Whom::Role(role) => match self.scenario.resolve(role, &self.world, &self.checks) {
                Some(node) => node,
                None => self.world.nodes().find(|node| self.world.name(*node) == role)?,
            },
        };
        self.exists(node).then_some(node)
    }

    fn exists(&self, node: NodeId) -> bool {
        self.world.nodes().nth(node.index()).is_some()
    }

    /// Cuts what is not cut already, and holds all of it. `pairs` in any order, with what does not exist.
    fn cut(&mut self, item: usize, mut pairs: Vec<Pair>) -> bool {
        pairs.retain(|&(from, to)| from != to && self.exists(from) && self.exists(to));
        pairs.sort_unstable();
        pairs.dedup();
        for &(from, to) in &pairs {
            if self.injector.cuts.hold((from, to)) {
                self.world.cut(from, to);
            }
        }
        let any = !pairs.is_empty();
        if let Some(active) = self.injector.active.get_mut(&item) {
            active.cuts.extend(pairs);
        }
        any
    }

    fn cut_around(&mut self, item: usize, whom: &Whom, both_ways: bool) -> bool {
        let Some(node) = self.find(whom) else { return false };
        let mut pairs: Vec<Pair> = self.world.nodes().map(|other| (node, other)).collect();
        if both_ways {
            pairs.extend(self.world.nodes().map(|other| (other, node)));
        }
        self.cut(item, pairs)
    }

    /// Whether a link is whole again.
    fn release_cuts(&mut self, pairs: &[Pair]) -> bool {
        let mut any = false;
        for pair in pairs {
            any |= self.injector.cuts.release(pair) && self.world.mend(pair.0, pair.1);
        }
        any
    }

    /// The links that are meant, sorted; none if nobody has the role.
    fn pairs(&self, on: &Links) -> Vec<Pair> {
        let mut pairs: Vec<Pair> = match on {
            Links::All => {
                let nodes = self.world.nodes();
                nodes.flat_map(|from| self.world.nodes().map(move |to| (from, to))).collect()
            }
            Links::Of(whom) => {
                let around = |node| self.world.nodes().flat_map(move |other| [(node, other), (other, node)]);
                self.find(whom).into_iter().flat_map(around).collect()
            }
            Links::Between(from, to) => self.find(from).zip(self.find(to)).into_iter().collect(),
        };
        pairs.retain(|(from, to)| from != to);
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    fn begin_weather(&mut self, item: usize, fault: &Fault, on: &Links) -> bool {
        let (Some(misfortune), pairs) = (Misfortune::of(fault), self.pairs(on)) else { return false };
        if pairs.is_empty() {
            return false;
        }
        let world = &self.world;
        let models = self.injector.weather.begin(item, pairs, misfortune, |(from, to)| world.link(from, to));
        self.set_links(models);
        self.undo_later(item, Undo::Weather);
        true
    }

    fn set_links(&mut self, models: Vec<(Pair, crate::network::LinkModel)>) {
        for ((from, to), model) in models {
            self.world.set_link(from, to, model);
        }
    }

    fn kill(&mut self, item: usize, whom: &Whom, death: Death) -> bool {
        self.find(whom).is_some_and(|node| self.take_down(item, node, death))
    }

    fn take_down(&mut self, item: usize, node: NodeId, death: Death) -> bool {
        let effect = match death {
            Death::Crash => self.world.crash(node),
            // These also hit the disk of a node that is down already.
            Death::PowerLoss => self.world.power_loss(node),
            Death::Wipe => self.world.wipe(node),
        };
        if effect {
            self.hold_down(item, node);
        }
        effect
    }

    /// The fault took the node down and holds it there. A pause does not outlive the process.
    pub(super) fn hold_down(&mut self, item: usize, node: NodeId) {
        self.injector.paused.remove(&node);
        self.injector.down.hold(node);
        if let Some(active) = self.injector.active.get_mut(&item) {
            active.down.push(node);
        }
    }

    /// A fault less holds the node down; whether all checks held.
    fn release_node(&mut self, node: NodeId) -> bool {
        !(self.injector.down.release(&node) && self.world.boot(node)) || self.look()
    }

    fn pause(&mut self, item: usize, whom: &Whom) -> bool {
        let Some(node) = self.find(whom).filter(|node| self.world.pause(*node)) else { return false };
        self.injector.paused.insert(node, item);
        self.undo_later(item, Undo::Resume(node));
        true
    }

    fn restart(&mut self, whom: &Whom) -> bool {
        let Some(node) = self.find(whom).filter(|node| self.world.crash(*node)) else { return false };
        self.injector.paused.remove(&node);
        if self.look() {
            self.world.boot(node);
            self.look();
        }
        true
    }
}

/// Faults that do several things one after another.
impl<S: Scenario + ?Sized> Course<'_, S> {
    fn recovering(&mut self, item: usize, whom: &Whom, death: Death, after: Span) -> bool {
        let node = self.find(whom);
        node.is_some_and(|node| self.begin_script(item, Script::Recovering { node, death, after: after.0 }))
    }

    fn has_script(&self, item: usize) -> bool {
        self.injector.active.get(&item).is_some_and(|active| active.script.is_some())
    }

    /// Takes the first turn; whether it has any effect.
    fn begin_script(&mut self, item: usize, script: Script) -> bool {
        let Some((_, steps)) = script.turn(0, self.plan.faults[item].lasts) else { return false };
        if let Some(active) = self.injector.active.get_mut(&item) {
            active.script = Some((script, 1));
        }
        self.take_steps(item, steps)
    }

    /// The next turn of a fault that is under way; whether all checks held.
    fn take_turn(&mut self, item: usize) -> bool {
        let lasts = self.plan.faults[item].lasts;
        let Some(active) = self.injector.active.get_mut(&item) else { return true };
        let Some((script, turn)) = &mut active.script else { return true };
        let steps = script.turn(*turn, lasts).map(|(_, steps)| steps).unwrap_or_default();
        *turn += 1;
        let before = self.world.events();
        self.take_steps(item, steps);
        self.record_turn(item, before);
        self.plan_turn(item);
        self.verdict().is_none()
    }

    /// The fault is due for its next turn, or for its end.
    fn plan_turn(&mut self, item: usize) {
        let lasts = self.plan.faults[item].lasts;
        let Some(active) = self.injector.active.get(&item) else { return };
        let next = active.script.as_ref().and_then(|(script, turn)| script.turn(*turn, lasts));
        let due =
            next.map_or(active.until, |(after, _)| active.began.saturating_add(after).min(active.until));
        self.injector.due.insert((due, item));
    }

    /// Does these, with a look at each; whether any has an effect. Stops when a check fails.
    fn take_steps(&mut self, item: usize, steps: Vec<Step>) -> bool {
        let mut any = false;
        for step in steps {
            let before = self.world.events();
            let effect = match step {
                Step::Cut(pairs) => self.cut(item, pairs),
                Step::Mend(pairs) => self.mend_own(item, &pairs),
                Step::Down(node, death) => self.exists(node) && self.take_down(item, node, death),
                Step::Up(node) => self.boot_own(item, node),
                Step::Transfer(role) => self.scenario.transfer(&role, &mut self.world, &self.checks),
            };
            any |= effect;
            if self.world.events() != before && !self.look() {
                break;
            }
        }
        any
    }

    /// Lets go of these links, each once, where the fault holds them.
    fn mend_own(&mut self, item: usize, pairs: &[Pair]) -> bool {
        let Some(active) = self.injector.active.get_mut(&item) else { return false };
        let mut own = Vec::with_capacity(pairs.len());
        for pair in pairs {
            if let Some(place) = active.cuts.iter().position(|held| held == pair) {
                active.cuts.swap_remove(place);
                own.push(*pair);
            }
        }
        self.release_cuts(&own)
    }

    /// Lets go of the node, if the fault holds it.
    fn boot_own(&mut self, item: usize, node: NodeId) -> bool {
        let Some(active) = self.injector.active.get_mut(&item) else { return false };
        let Some(place) = active.down.iter().position(|held| *held == node) else { return false };
        active.down.swap_remove(place);
        self.injector.down.release(&node) && self.world.boot(node)
    }
}

fn ids(numbers: &[u32]) -> Vec<NodeId> {
    numbers.iter().copied().map(NodeId).collect()
}

/// Each link, in both directions.
fn both_ways(links: &[(u32, u32)]) -> Vec<Vec<Pair>> {
    links.iter().map(|(a, b)| between(&[*a], &[*b])).collect()
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
