//! The generator: draws faults from a budget.
//!
//! The budget is the [`FaultSpace`] that a scenario gives: what is not in one of its lists is never
//! injected, so that every alarm is a bug. Deliberately absent: any fault of its own accord.

use squall_core::ids::NodeId;
use squall_core::time::Span;

use super::table::AIMED;
use super::{Fault, Links, PlannedFault, TABLE, Whom};
use crate::seed::{Rng, Seed, Stream};
use crate::settings::{Settings, spread};

/// What may break where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FaultSpace {
    /// The nodes, by what they are.
    pub groups: Vec<Group>,
    /// Roles whose holder may be isolated.
    pub isolate_roles: Vec<String>,
    /// Roles that may be asked to hand over.
    pub transfer_roles: Vec<String>,
    /// Kinds of fact that aimed faults wait for: the turning points.
    pub facts: Vec<String>,
    /// Kinds of message that aimed faults wait for, or single out.
    pub messages: Vec<String>,
    /// Those of them that ask for an answer.
    pub requests: Vec<String>,
    /// The time-outs that matter (sessions, elections, requests): outages are drawn around them, some just
    /// too short and some just too long.
    pub timeouts: Vec<Span>,
}

/// Nodes of one sort. Their links may be cut and have weather; the rest is listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// What they are: `brokers`.
    pub name: String,
    /// The nodes.
    pub nodes: Vec<NodeId>,
    /// Whose process may end and come back.
    pub may_crash: Vec<NodeId>,
    /// Whose unsynced writes may be lost.
    pub may_lose_power: Vec<NodeId>,
    /// Whose disk may be lost.
    pub may_wipe: Vec<NodeId>,
    /// Whose process may stand still.
    pub may_pause: Vec<NodeId>,
    /// Whose clocks may be wrong.
    pub may_skew: Vec<NodeId>,
    /// Whose disk may fail a read, a write or a sync, or be full. Whoever halts on that loses power.
    pub may_err: Vec<NodeId>,
    /// Whose syncs may take long.
    pub may_slow: Vec<NodeId>,
    /// On whose disk synced bytes may change.
    pub may_rot: Vec<NodeId>,
    /// Whose disk may lose synced writes, or put them elsewhere, and say nothing.
    pub may_lie: Vec<NodeId>,
}

impl Group {
    /// Nodes that may be cut off, crashed, paused and slow, but lose nothing that they wrote.
    pub fn new(name: &str, nodes: impl IntoIterator<Item = NodeId>) -> Self {
        let nodes: Vec<_> = nodes.into_iter().collect();
        Self {
            name: name.to_owned(),
            may_crash: nodes.clone(),
            may_pause: nodes.clone(),
            may_slow: nodes.clone(),
            nodes,
            ..Self::default()
        }
    }

    /// And lose power.
    #[must_use]
    pub fn power_losses(mut self) -> Self {
        self.may_lose_power = self.nodes.clone();
        self
    }

    /// And of these the disk may be lost.
    #[must_use]
    pub fn wipes(mut self, nodes: impl IntoIterator<Item = NodeId>) -> Self {
        self.may_wipe = nodes.into_iter().collect();
        self
    }

    /// And their clocks may be wrong: by more than anybody promises to stand who trusts a clock.
    #[must_use]
    pub fn clocks(mut self) -> Self {
        self.may_skew = self.nodes.clone();
        self
    }

    /// They may be cut off only.
    #[must_use]
    pub fn never_down(mut self) -> Self {
        self.may_crash.clear();
        self.may_slow.clear();
        self.may_pause.clear();
        self.may_skew.clear();
        self
    }
}

impl FaultSpace {
    /// A space of these groups without roles.
    pub fn of(groups: impl IntoIterator<Item = Group>) -> Self {
        Self { groups: groups.into_iter().collect(), ..Self::default() }
    }

    fn all(&self, of: impl Fn(&Group) -> &[NodeId]) -> Vec<NodeId> {
        self.groups.iter().flat_map(|group| of(group).iter().copied()).collect()
    }
}

/// How close the faults of a burst are.
const BURST: u64 = 50_000_000;

/// How long before a node goes down its messages become slow at most.
const SPELL: u64 = 500_000_000;

/// How long after a node is back its stragglers arrive at most.
const STRAGGLE: u64 = 3_000_000_000;

/// Draws the faults of one storm: first those that are aimed, then the others in order of their times. As
/// often as `settings` say for each kind; kinds for which the space has no target do not come.
pub fn generate(seed: Seed, space: &FaultSpace, settings: &Settings) -> Vec<PlannedFault> {
    let mut draw = Draw {
        rng: seed.stream(Stream::Faults),
        storm: settings.get("run.storm") * 1_000_000,
        settings,
        space,
        nodes: space.all(|group| &group.nodes),
        last: None,
    };
    if draw.storm == 0 {
        return Vec::new();
    }
    let mut kinds: Vec<&'static str> = Vec::new();
    for row in TABLE {
        kinds.extend((0..settings.get(row.knob.key)).map(|_| row.kind));
    }
    // In any order, so that bursts and repeats mix the kinds.
    draw.rng.shuffle(&mut kinds);
    let mut faults = Vec::with_capacity(kinds.len());
    let mut previous = None;
    for kind in kinds {
        if kind == AIMED {
            faults.extend(draw.aim());
            continue;
        }
        let at = draw.time(previous);
        let lasts = draw.length(kind).min(draw.storm - at);
        if let Some(fault) = draw.fault(kind) {
            previous = Some(at);
            faults.extend(draw.stragglers(at, lasts, &fault));
            faults.extend(draw.rift(at, lasts, &fault));
            faults.push(PlannedFault::at(at, lasts, fault));
        }
    }
    faults.sort_by_key(|fault| fault.when.time());
    faults
}

pub(super) struct Draw<'a> {
    pub(super) rng: Rng,
    /// In nanoseconds.
    pub(super) storm: u64,
    pub(super) settings: &'a Settings,
    pub(super) space: &'a FaultSpace,
    pub(super) nodes: Vec<NodeId>,
    /// The node that the last fault hit.
    last: Option<NodeId>,
}

impl Draw<'_> {
    fn per_mille(&mut self, key: &str) -> bool {
        self.rng.below(1_000) < self.settings.get(key)
    }

    /// To the microsecond: nobody reads nine decimals.
    fn time(&mut self, previous: Option<u64>) -> u64 {
        let burst = self.per_mille("fault.burst");
        let (low, high) = match previous {
            Some(at) if burst => (at, (at + BURST).min(self.storm - 1)),
            Some(_) | None => (0, self.storm - 1),
        };
        self.rng.in_range(low, high) / 1_000 * 1_000
    }

    pub(super) fn length(&mut self, kind: &str) -> u64 {
        // It is over when it has had its messages; until then it waits for them.
        if kind.ends_with("-message") {
            return self.storm;
        }
        if kind == "long-pause"
            && let Some(longest) = self.space.timeouts.iter().max()
        {
            return self.rng.in_range(longest.0, longest.times(3).0) / 1_000 * 1_000;
        }
        if self.per_mille("fault.around")
            && let Some(span) = self.around()
        {
            return span.0;
        }
        let low = self.settings.get("fault.outage_min").max(1) * 1_000;
        let high = (self.settings.get("fault.outage_max") * 1_000).max(low);
        spread(&mut self.rng, (low, high)) * 1_000
    }

    /// One of those that `of` lists; sometimes the one that was hit last. Groups come equally often, so that many
    /// clients do not keep the faults from a few servers.
    pub(super) fn whom(&mut self, of: impl Fn(&Group) -> &[NodeId]) -> Option<Whom> {
        let again = self.per_mille("fault.repeat");
        let targets = |group: &&Group| !of(group).is_empty();
        let groups: Vec<&Group> = self.space.groups.iter().filter(targets).collect();
        let group = *self.rng.pick(&groups)?;
        let picked = self.rng.pick(of(group)).copied();
        let last = self.last.filter(|last| again && groups.iter().any(|group| of(group).contains(last)));
        let node = last.or(picked);
        self.last = node.or(self.last);
        node.map(Whom::Node)
    }

    /// `None` if the space has no target for it.
    pub(super) fn fault(&mut self, kind: &str) -> Option<Fault> {
        Some(match kind {
            "loss" => Fault::Loss { on: self.links()?, ppm: self.ppm("weather.loss") },
            "delay" => Fault::Delay { on: self.links()?, extra: self.delay() },
            "duplication" => Fault::Duplication { on: self.links()?, ppm: self.ppm("weather.duplication") },
            "reordering" => {
                let (on, ppm) = (self.links()?, self.ppm("weather.reordering"));
                Fault::Reordering { on, ppm, extra: self.delay() }
            }
            "split-halves" => {
                let nodes = self.members(2)?;
                let half = self.rng.in_range(1, nodes.len() as u64 - 1) as usize;
                Fault::SplitHalves { left: nodes[..half].to_vec(), right: nodes[half..].to_vec() }
            }
            // Three nodes in a ring are all neighbours.
            "split-ring" => Fault::SplitRing { ring: self.members(4)? },
            "split-bridge" => {
                let nodes = self.members(3)?;
                let half = self.rng.in_range(1, nodes.len() as u64 - 2) as usize;
                let (left, right) = (nodes[1..=half].to_vec(), nodes[half + 1..].to_vec());
                Fault::SplitBridge { left, bridge: nodes[0], right }
            }
            "isolate" => Fault::Isolate { whom: self.whom(|group| &group.nodes)? },
            "isolate-role" => {
                Fault::Isolate { whom: Whom::Role(self.rng.pick(&self.space.isolate_roles)?.clone()) }
            }
            "one-way-cut" => {
                let (from, to) = self.pair()?;
                Fault::OneWayCut { from, to }
            }
            "crash" => Fault::Crash { whom: self.whom(|group| &group.may_crash)? },
            "power-loss" => Fault::PowerLoss { whom: self.whom(|group| &group.may_lose_power)? },
            "wipe" => Fault::Wipe { whom: self.whom(|group| &group.may_wipe)? },
            "pause" => Fault::Pause { whom: self.whom(|group| &group.may_pause)? },
            "restart" => Fault::Restart { whom: self.whom(|group| &group.may_crash)? },
            "transfer" => Fault::Transfer { role: self.rng.pick(&self.space.transfer_roles)?.clone() },
            "drop-message" | "delay-message" | "duplicate-message" => self.rule(kind)?,
            other => return self.fault_of_disks(other),
        })
    }

    /// Sometimes the last messages of a node that goes down are so slow that they arrive when it is back: they
    /// speak for a life that is over.
    fn stragglers(&mut self, at: u64, lasts: u64, fault: &Fault) -> Option<PlannedFault> {
        let whom = match fault {
            Fault::Crash { whom }
            | Fault::PowerLoss { whom }
            | Fault::Wipe { whom }
            | Fault::Restart { whom }
            | Fault::TornWrite { whom }
            | Fault::LostNames { whom }
            | Fault::RestartStorm { whom, .. }
            | Fault::CrashRecovering { whom, .. }
            | Fault::PowerLossRecovering { whom, .. } => whom,
            Fault::Loss { .. }
            | Fault::Delay { .. }
            | Fault::Duplication { .. }
            | Fault::Reordering { .. }
            | Fault::SplitHalves { .. }
            | Fault::SplitRing { .. }
            | Fault::SplitBridge { .. }
            | Fault::Isolate { .. }
            | Fault::OneWayCut { .. }
            | Fault::Pause { .. }
            | Fault::Transfer { .. }
            | Fault::LostSync { .. }
            | Fault::RotCold { .. }
            | Fault::RotTail { .. }
            | Fault::MisdirectedWrite { .. }
            | Fault::WriteError { .. }
            | Fault::ReadError { .. }
            | Fault::SyncError { .. }
            | Fault::DiskFull { .. }
            | Fault::SlowDisk { .. }
            | Fault::StalledDisk { .. }
            | Fault::DropMessage { .. }
            | Fault::DelayMessage { .. }
            | Fault::DuplicateMessage { .. }
            | Fault::Bandwidth { .. }
            | Fault::SlowTail { .. }
            | Fault::Flapping { .. }
            | Fault::MovingSplit { .. }
            | Fault::Mute { .. }
            | Fault::Swizzle { .. }
            | Fault::ClockOffset { .. }
            | Fault::ClockStep { .. }
            | Fault::ClockLeap { .. }
            | Fault::ClockDrift { .. }
            | Fault::ClockFreeze { .. }
            | Fault::LongPause { .. }
            | Fault::RollingRestart { .. }
            | Fault::RackPowerLoss { .. }
            | Fault::TransferStorm { .. } => return None,
        };
        if !self.per_mille("fault.straggle") {
            return None;
        }
        let spell = self.rng.in_range(1, SPELL / 1_000_000) * 1_000_000;
        let late = self.rng.in_range(1, STRAGGLE / 1_000_000) * 1_000_000;
        let on = Links::Of(whom.clone());
        let from = at.saturating_sub(spell);
        Some(PlannedFault::at(from, at - from, Fault::Delay { on, extra: Span(lasts + late) }))
    }

    pub(super) fn ppm(&mut self, key: &str) -> u32 {
        let worst = self.settings.get(key);
        let drawn = if worst == 0 { 0 } else { spread(&mut self.rng, (worst.div_ceil(100), worst)) };
        u32::try_from(drawn).expect("limits keep chances below 1000000")
    }

    pub(super) fn delay(&mut self) -> Span {
        let worst = self.settings.get("weather.delay") * 1_000;
        let drawn = if worst == 0 { 0 } else { spread(&mut self.rng, (worst.div_ceil(1_000), worst)) };
        Span::from_micros(drawn)
    }

    /// Weather is everywhere, around one node, or on one link.
    pub(super) fn links(&mut self) -> Option<Links> {
        if self.nodes.len() < 2 {
            return None;
        }
        match self.rng.below(3) {
            0 => Some(Links::All),
            1 => self.whom(|group| &group.nodes).map(Links::Of),
            _ => self.pair().map(|(from, to)| Links::Between(from, to)),
        }
    }

    pub(super) fn pair(&mut self) -> Option<(Whom, Whom)> {
        let from = self.whom(|group| &group.nodes)?;
        let others: Vec<_> = self.nodes.iter().copied().filter(|node| Whom::Node(*node) != from).collect();
        let to = self.rng.pick(&others).copied()?;
        Some((from, Whom::Node(to)))
    }

    /// All nodes of one group, or of all groups together, in any order; at least `least`.
    pub(super) fn members(&mut self, least: usize) -> Option<Vec<u32>> {
        let group = self.rng.below(self.space.groups.len() as u64 + 1) as usize;
        let nodes = match self.space.groups.get(group) {
            Some(group) if group.nodes.len() >= least => &group.nodes,
            Some(_) | None => &self.nodes,
        };
        if nodes.len() < least {
            return None;
        }
        let mut numbers: Vec<u32> = nodes.iter().map(|node| node.0).collect();
        self.rng.shuffle(&mut numbers);
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::fault::{Happening, Trigger};
    use crate::knob;
    use crate::settings::Overrides;

    fn settings(seed: u64) -> Settings {
        Settings::storm(Seed(seed), &knob::table(&[]), &Overrides::default())
    }

    /// Nodes 0..=2 and 3..=5 in two groups, 6 in none.
    fn space(crash: Vec<u32>, power: Vec<u32>, wipe: Vec<u32>, pause: Vec<u32>) -> FaultSpace {
        let ids = |numbers: Vec<u32>| numbers.into_iter().map(NodeId).collect::<Vec<_>>();
        let servers = Group {
            name: "servers".to_owned(),
            nodes: ids(vec![0, 1, 2]),
            may_crash: ids(crash),
            may_lose_power: ids(power.clone()),
            may_rot: ids(wipe.clone()),
            may_lie: ids(power.iter().copied().filter(|node| wipe.contains(node)).collect()),
            may_wipe: ids(wipe),
            may_err: ids(pause.clone()),
            may_slow: ids(pause.clone()),
            may_pause: ids(pause),
            may_skew: ids(vec![0]),
        };
        FaultSpace {
            groups: vec![servers, Group::new("clients", ids(vec![3, 4, 5])).never_down()],
            isolate_roles: vec!["leader".to_owned()],
            facts: vec!["elected".to_owned()],
            messages: vec!["vote".to_owned(), "write".to_owned()],
            requests: vec!["write".to_owned()],
            transfer_roles: Vec::new(),
            timeouts: vec![Span::from_millis(200), Span::from_millis(1_500)],
        }
    }

    fn allows(nodes: &[NodeId], whom: &Whom) -> bool {
        matches!(whom, Whom::Node(node) if nodes.contains(node))
    }

    fn in_budget(space: &FaultSpace, fault: &Fault) -> bool {
        let servers = &space.groups[0];
        let known = |whom: &Whom| matches!(whom, Whom::Node(node) if node.0 <= 5);
        let on_known_links = |on: &Links| match on {
            Links::All => true,
            Links::Of(whom) => known(whom),
            Links::Between(from, to) => known(from) && known(to) && from != to,
        };
        let numbers = |lists: &[&[u32]]| lists.iter().all(|list| list.iter().all(|number| *number <= 5));
        match fault {
            Fault::Loss { on, .. }
            | Fault::Delay { on, .. }
            | Fault::Duplication { on, .. }
            | Fault::Reordering { on, .. } => on_known_links(on),
            Fault::SplitHalves { left, right } => {
                numbers(&[left, right]) && !left.is_empty() && !right.is_empty()
            }
            Fault::SplitRing { ring } => numbers(&[ring]) && ring.len() >= 4,
            Fault::SplitBridge { left, bridge, right } => {
                numbers(&[left, &[*bridge], right]) && !left.is_empty() && !right.is_empty()
            }
            Fault::Isolate { whom: Whom::Role(role) } => space.isolate_roles.contains(role),
            Fault::Isolate { whom } => known(whom),
            Fault::OneWayCut { from, to } => known(from) && known(to) && from != to,
            Fault::Crash { whom } | Fault::Restart { whom } => allows(&servers.may_crash, whom),
            Fault::PowerLoss { whom } => allows(&servers.may_lose_power, whom),
            Fault::Wipe { whom } => allows(&servers.may_wipe, whom),
            Fault::Pause { whom } => allows(&servers.may_pause, whom),
            Fault::TornWrite { whom } | Fault::LostNames { whom } => allows(&servers.may_lose_power, whom),
            Fault::LostSync { whom } | Fault::MisdirectedWrite { whom } => allows(&servers.may_lie, whom),
            Fault::RotCold { whom } | Fault::RotTail { whom } => allows(&servers.may_rot, whom),
            Fault::WriteError { whom, .. }
            | Fault::ReadError { whom, .. }
            | Fault::SyncError { whom, .. }
            | Fault::DiskFull { whom, .. } => allows(&servers.may_err, whom),
            Fault::SlowDisk { whom, .. } | Fault::StalledDisk { whom } => allows(&servers.may_slow, whom),
            Fault::Transfer { .. } | Fault::TransferStorm { .. } => false,
            Fault::DropMessage { message, from, to, .. }
            | Fault::DelayMessage { message, from, to, .. }
            | Fault::DuplicateMessage { message, from, to, .. } => {
                space.messages.contains(message) && [from, to].into_iter().flatten().all(known)
            }
            Fault::Bandwidth { on, .. } | Fault::SlowTail { on, .. } | Fault::Flapping { on, .. } => {
                on_known_links(on)
            }
            Fault::MovingSplit { ring, .. } => numbers(&[ring]) && ring.len() >= 3,
            Fault::Mute { whom } => known(whom),
            Fault::Swizzle { cut, mend } => {
                let sorted = |links: &[(u32, u32)]| links.iter().copied().collect::<BTreeSet<_>>();
                sorted(cut) == sorted(mend)
                    && cut.len() == mend.len()
                    && cut.iter().all(|(a, b)| a < b && *b <= 5)
            }
            Fault::ClockOffset { whom, .. }
            | Fault::ClockStep { whom, .. }
            | Fault::ClockLeap { whom, .. }
            | Fault::ClockDrift { whom, .. }
            | Fault::ClockFreeze { whom } => allows(&servers.may_skew, whom),
            Fault::LongPause { whom } => allows(&servers.may_pause, whom),
            Fault::RestartStorm { whom, .. } | Fault::CrashRecovering { whom, .. } => {
                allows(&servers.may_crash, whom)
            }
            Fault::PowerLossRecovering { whom, .. } => allows(&servers.may_lose_power, whom),
            Fault::RollingRestart { nodes } => {
                nodes.len() >= 2 && nodes.iter().all(|node| servers.may_crash.contains(&NodeId(*node)))
            }
            Fault::RackPowerLoss { nodes } => {
                nodes.len() >= 2 && nodes.iter().all(|node| servers.may_lose_power.contains(&NodeId(*node)))
            }
        }
    }

    fn listed(space: &FaultSpace, trigger: &Trigger) -> bool {
        let list = match &trigger.what {
            Happening::Fact { .. } => &space.facts,
            Happening::Sent(_) | Happening::Taken(_) => &space.messages,
            Happening::Unanswered(_) => &space.requests,
        };
        trigger.nth > 0 && list.iter().any(|kind| kind == trigger.what.kind())
    }

    fn some_of() -> impl Strategy<Value = Vec<u32>> {
        proptest::sample::subsequence(vec![0_u32, 1, 2], 0..=3)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn nothing_beyond_the_budget_is_injected(
            seed: u64, crash in some_of(), power in some_of(), wipe in some_of(), pause in some_of(),
        ) {
            let (space, settings) = (space(crash, power, wipe, pause), settings(seed));
            let faults = generate(Seed(seed), &space, &settings);
            let storm = settings.get("run.storm") * 1_000_000;
            prop_assert!(faults.is_sorted_by_key(|fault| fault.when.time()));
            for PlannedFault { when, lasts, fault } in &faults {
                prop_assert!(in_budget(&space, fault), "{fault}");
                prop_assert!(when.time().unwrap_or(0) + lasts <= storm);
                prop_assert!(when.trigger().is_none_or(|trigger| listed(&space, trigger)), "{when}");
            }
        }
    }

    fn time(fault: &PlannedFault) -> u64 {
        fault.when.time().unwrap()
    }

    #[test]
    fn an_aimed_fault_is_of_a_kind_that_the_run_has() {
        let mut settings = Settings::calm(&knob::table(&[]), &Overrides::default());
        settings.set("fault.crash", 1);
        settings.set("fault.drop-message", 1);
        settings.set("fault.aimed", 300);
        let faults = generate(Seed(5), &space(vec![0, 1, 2], vec![], vec![], vec![]), &settings);
        let aimed: Vec<_> = faults.iter().filter(|fault| fault.when.trigger().is_some()).collect();
        assert_eq!((aimed.len(), faults.len()), (300, 302));
        assert!(aimed.iter().all(|fault| ["crash", "drop-message"].contains(&fault.fault.kind())));
        let own = |fault: &&&PlannedFault| match (&fault.fault, fault.when.trigger().map(|t| &t.what)) {
            (Fault::Crash { whom }, Some(Happening::Fact { by, .. })) => by.as_ref() == Some(whom),
            _ => false,
        };
        assert!(aimed.iter().filter(own).count() > 10, "no crash waits for what its own node reports");
    }

    #[test]
    fn a_burst_is_a_chain_of_faults_within_50_ms_of_each_other() {
        let mut settings = Settings::calm(&knob::table(&[]), &Overrides::default());
        settings.set("fault.crash", 20);
        settings.set("fault.burst", 1_000);
        let faults = generate(Seed(5), &space(vec![0, 1, 2], vec![], vec![], vec![]), &settings);
        assert!(faults.windows(2).all(|pair| time(&pair[1]) - time(&pair[0]) <= BURST));
    }

    #[test]
    fn faults_come_as_often_as_the_settings_say_and_at_every_length() {
        let mut settings = Settings::calm(&knob::table(&[]), &Overrides::default());
        settings.set("fault.crash", 400);
        let space = space(vec![0, 1, 2], vec![], vec![], vec![]);
        let faults = generate(Seed(5), &space, &settings);
        assert_eq!(faults.len(), 400);
        assert!(faults.iter().all(|fault| fault.fault.kind() == "crash"));
        assert!(faults.iter().any(|fault| fault.lasts < 10_000_000));
        assert!(faults.iter().any(|fault| fault.lasts > 1_000_000_000));
    }

    #[test]
    fn stragglers_are_slow_until_their_node_goes_down_and_late_enough_to_outlive_that() {
        let mut settings = Settings::calm(&knob::table(&[]), &Overrides::default());
        settings.set("fault.crash", 50);
        settings.set("fault.straggle", 1_000);
        let faults = generate(Seed(1), &space(vec![0, 1, 2], vec![], vec![], vec![]), &settings);
        let crashes = faults.iter().filter(|fault| matches!(fault.fault, Fault::Crash { .. })).count();
        assert_eq!((crashes, faults.len()), (50, 100));
        for late in &faults {
            let Fault::Delay { on: Links::Of(whom), extra } = &late.fault else { continue };
            let down = faults.iter().find(|fault| {
                time(fault) == time(late) + late.lasts
                    && matches!(&fault.fault, Fault::Crash { whom: of } if of == whom)
            });
            assert!(down.is_some_and(|down| extra.0 > down.lasts), "{late:?}");
        }
    }

    #[test]
    fn a_storm_of_no_length_has_no_faults() {
        let mut settings = settings(1);
        settings.set("run.storm", 0);
        assert!(generate(Seed(1), &space(vec![0], vec![0], vec![0], vec![0]), &settings).is_empty());
    }
}
