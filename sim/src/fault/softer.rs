//! The same fault, but less of it: what a shrinker tries, and faults of plans that have fewer nodes.
//!
//! Deliberately absent: whether it still does what it is wanted for. That is the shrinker's to find out.

use squall_core::ids::NodeId;
use squall_core::time::Span;

use super::{Fault, Happening, Links, PlannedFault, Trigger, When, Whom};

/// Nothing that lasts is made shorter than that, in nanoseconds: it would be a matter of luck what it hits.
const SHORTEST: u64 = 1_000_000;

/// Why a copy has the part that the original has.
const SAME: &str = "a copy is of the same kind";

/// On how few nodes weather is tried that is everywhere.
const NODES_TRIED: u32 = 12;

/// What nodes and roles are called in a plan that has fewer of them; `None`: it is gone.
pub struct Names<'a> {
    /// A node's new number.
    pub node: &'a dyn Fn(u32) -> Option<u32>,
    /// A role's new name.
    pub role: &'a dyn Fn(&str) -> Option<String>,
}

impl PlannedFault {
    /// Softer faults in its place, the softest first: shorter, rarer, on fewer links, less damage.
    pub fn softer(&self) -> Vec<Self> {
        let kinder = self.fault.softer().into_iter().map(|fault| {
            // These are over at once.
            let instant = matches!(fault, Fault::Restart { .. } | Fault::Transfer { .. });
            let lasts = if instant { 0 } else { self.lasts };
            Self { fault, lasts, ..self.clone() }
        });
        let shorter = self.shorter().into_iter().map(|lasts| Self { lasts, ..self.clone() });
        kinder.chain(shorter).filter(|softer| softer != self).collect()
    }

    /// Lengths below its own. A node may come back at once; anything else lasts long enough to be told.
    fn shorter(&self) -> Vec<u64> {
        if matches!(self.fault, Fault::Restart { .. } | Fault::Transfer { .. }) {
            return vec![0; usize::from(self.lasts > 0)];
        }
        let dies = matches!(self.fault, Fault::Crash { .. } | Fault::PowerLoss { .. } | Fault::Wipe { .. });
        let least = if dies { 0 } else { SHORTEST };
        let mut shorter = smaller(self.lasts);
        shorter.insert(0, least);
        shorter.retain(|lasts| *lasts < self.lasts && (*lasts == least || *lasts >= SHORTEST));
        shorter.dedup();
        shorter
    }

    /// The same with times that a person would write: whole seconds, tenths and so on, roundest first. Of a
    /// trigger, an earlier occasion.
    pub fn rounder(&self) -> Vec<Self> {
        let length = rounder(self.lasts).into_iter().filter(|lasts| *lasts > 0 && *lasts < self.lasts);
        let length = length.map(|lasts| Self { lasts, ..self.clone() });
        let begins = self.when.rounder().into_iter().map(|when| Self { when, ..self.clone() });
        begins.chain(length).collect()
    }

    /// The same under other names; `None` if it is about a node or role that is gone.
    pub fn renamed(&self, names: &Names<'_>) -> Option<Self> {
        Some(Self { when: self.when.renamed(names)?, lasts: self.lasts, fault: self.fault.renamed(names)? })
    }
}

impl When {
    fn rounder(&self) -> Vec<Self> {
        match self {
            Self::At(at) => rounder(*at).into_iter().map(Self::At).collect(),
            Self::On(trigger) => {
                let sooner = [1, trigger.nth / 2, trigger.nth - 1];
                let sooner = sooner.into_iter().filter(|nth| *nth > 0 && *nth < trigger.nth);
                let sooner = sooner.map(|nth| Trigger { nth, ..trigger.clone() });
                let at_once = (trigger.after > 0).then_some(0).into_iter();
                let round = rounder(trigger.after).into_iter().filter(|after| *after < trigger.after);
                let round = at_once.chain(round).map(|after| Trigger { after, ..trigger.clone() });
                sooner.chain(round).map(Self::On).collect()
            }
        }
    }

    fn renamed(&self, names: &Names<'_>) -> Option<Self> {
        let mut renamed = self.clone();
        if let Self::On(trigger) = &mut renamed {
            let somebody: Vec<&mut Option<Whom>> = match &mut trigger.what {
                Happening::Fact { by, .. } => vec![by],
                Happening::Sent(letters) | Happening::Taken(letters) | Happening::Unanswered(letters) => {
                    vec![&mut letters.from, &mut letters.to]
                }
            };
            for whom in somebody.into_iter().flatten() {
                *whom = names.whom(whom)?;
            }
        }
        Some(renamed)
    }
}

/// What a fault is made of, for whoever makes it less or moves it to other nodes.
#[derive(Default)]
struct Parts<'a> {
    whom: Vec<&'a mut Whom>,
    on: Option<&'a mut Links>,
    role: Option<&'a mut String>,
    /// Lists of nodes, each with the fewest that it still makes sense with.
    nodes: Vec<(&'a mut Vec<u32>, usize)>,
    /// Links, in lists that all have the same ones.
    links: Vec<&'a mut Vec<(u32, u32)>>,
    ppm: Option<&'a mut u32>,
    extra: Option<&'a mut Span>,
    /// By how much a clock is wrong, or by how many millionths its rate is.
    by: Option<By<'a>>,
    /// How often; at least once.
    times: Option<&'a mut u32>,
    /// How many in a row; at least one.
    count: Option<&'a mut u64>,
}

/// An amount with a sign, which stays.
enum By<'a> {
    Nanos(&'a mut i64),
    Ppm(&'a mut i32),
}

impl By<'_> {
    /// Amounts that are closer to nothing.
    fn less(&self) -> Vec<i64> {
        let now = match self {
            Self::Nanos(by) => **by,
            Self::Ppm(by) => i64::from(**by),
        };
        let less = smaller(now.unsigned_abs()).into_iter().filter(|less| *less > 0);
        // Less than an amount that fits.
        less.map(|less| less as i64 * now.signum()).collect()
    }

    fn set(&mut self, to: i64) {
        match self {
            Self::Nanos(by) => **by = to,
            Self::Ppm(by) => **by = to as i32,
        }
    }
}

impl Fault {
    /// The bridge of a split is not among them: without it there is another split.
    fn parts(&mut self) -> Parts<'_> {
        let none = Parts::default();
        match self {
            Self::Loss { on, ppm } | Self::Duplication { on, ppm } => {
                Parts { on: Some(on), ppm: Some(ppm), ..none }
            }
            Self::Delay { on, extra } => Parts { on: Some(on), extra: Some(extra), ..none },
            Self::Bandwidth { on, .. } | Self::Flapping { on, .. } => Parts { on: Some(on), ..none },
            Self::Reordering { on, ppm, extra } | Self::SlowTail { on, ppm, extra } => {
                Parts { on: Some(on), ppm: Some(ppm), extra: Some(extra), ..none }
            }
            Self::SplitHalves { left, right } | Self::SplitBridge { left, right, .. } => {
                Parts { nodes: vec![(left, 1), (right, 1)], ..none }
            }
            // A ring of three cuts nothing.
            Self::SplitRing { ring } => Parts { nodes: vec![(ring, 4)], ..none },
            Self::OneWayCut { from, to } => Parts { whom: vec![from, to], ..none },
            Self::MovingSplit { ring, .. } => Parts { nodes: vec![(ring, 3)], ..none },
            Self::RollingRestart { nodes } | Self::RackPowerLoss { nodes } => {
                Parts { nodes: vec![(nodes, 1)], ..none }
            }
            Self::Swizzle { cut, mend } => Parts { links: vec![cut, mend], ..none },
            Self::ClockOffset { whom, by } | Self::ClockStep { whom, by } => {
                Parts { whom: vec![whom], by: Some(By::Nanos(by)), ..none }
            }
            Self::ClockDrift { whom, ppm } => Parts { whom: vec![whom], by: Some(By::Ppm(ppm)), ..none },
            Self::ClockLeap { whom, by } => Parts { whom: vec![whom], extra: Some(by), ..none },
            Self::WriteError { whom, ppm }
            | Self::ReadError { whom, ppm }
            | Self::SyncError { whom, ppm } => Parts { whom: vec![whom], ppm: Some(ppm), ..none },
            Self::SlowDisk { whom, extra } => Parts { whom: vec![whom], extra: Some(extra), ..none },
            Self::RestartStorm { whom, times } => Parts { whom: vec![whom], times: Some(times), ..none },
            Self::DropMessage { from, to, count, .. } => {
                Parts { whom: from.iter_mut().chain(to).collect(), count: Some(count), ..none }
            }
            Self::DelayMessage { from, to, count, extra, .. }
            | Self::DuplicateMessage { from, to, count, extra, .. } => Parts {
                whom: from.iter_mut().chain(to).collect(),
                count: Some(count),
                extra: Some(extra),
                ..none
            },
            Self::Isolate { whom }
            | Self::Crash { whom }
            | Self::PowerLoss { whom }
            | Self::Wipe { whom }
            | Self::Pause { whom }
            | Self::Restart { whom }
            | Self::Mute { whom }
            | Self::ClockFreeze { whom }
            | Self::LongPause { whom }
            | Self::CrashRecovering { whom, .. }
            | Self::PowerLossRecovering { whom, .. }
            | Self::TornWrite { whom }
            | Self::LostNames { whom }
            | Self::LostSync { whom }
            | Self::RotCold { whom }
            | Self::RotTail { whom }
            | Self::MisdirectedWrite { whom }
            | Self::DiskFull { whom, .. }
            | Self::StalledDisk { whom } => Parts { whom: vec![whom], ..none },
            Self::Transfer { role } => Parts { role: Some(role), ..none },
            Self::TransferStorm { role, times } => Parts { role: Some(role), times: Some(times), ..none },
        }
    }

    /// The same but for what `change` does to its parts.
    fn with(&self, change: impl FnOnce(&mut Parts<'_>)) -> Self {
        let mut other = self.clone();
        change(&mut other.parts());
        other
    }

    fn softer(&self) -> Vec<Self> {
        let mut softer = self.kinder();
        let mut copy = self.clone();
        let parts = copy.parts();
        if let Some(on) = parts.on {
            softer.extend(narrower(on).map(|on| self.with(|parts| **parts.on.as_mut().expect(SAME) = on)));
        }
        for (list, (nodes, least)) in parts.nodes.into_iter().enumerate() {
            softer.extend(fewer(nodes, least).map(|nodes| self.with(|parts| *parts.nodes[list].0 = nodes)));
        }
        let links = parts.links.first().map(|links| links.to_vec()).unwrap_or_default();
        for link in if links.len() > 1 { links } else { Vec::new() } {
            let without = |list: &mut &mut Vec<(u32, u32)>| list.retain(|other| *other != link);
            softer.push(self.with(|parts| parts.links.iter_mut().for_each(without)));
        }
        if let Some(by) = parts.by {
            let less = by.less().into_iter();
            softer.extend(less.map(|less| self.with(|parts| parts.by.as_mut().expect(SAME).set(less))));
        }
        if let Some(times) = parts.times {
            softer.extend(
                (1..*times).map(|less| self.with(|parts| **parts.times.as_mut().expect(SAME) = less)),
            );
        }
        if let Some(count) = parts.count {
            let less = [1, *count / 2, *count - 1].into_iter().filter(|less| *less > 0 && *less < *count);
            softer.extend(less.map(|less| self.with(|parts| **parts.count.as_mut().expect(SAME) = less)));
        }
        if let Some(ppm) = parts.ppm {
            softer.extend(rarer(*ppm).map(|ppm| self.with(|parts| **parts.ppm.as_mut().expect(SAME) = ppm)));
        }
        if let Some(extra) = parts.extra {
            let briefer = briefer(*extra);
            softer
                .extend(briefer.map(|extra| self.with(|parts| **parts.extra.as_mut().expect(SAME) = extra)));
        }
        softer
    }

    /// Faults that do less to the same node.
    fn kinder(&self) -> Vec<Self> {
        let restart = |whom: &Whom| Self::Restart { whom: whom.clone() };
        let crash = |whom: &Whom| Self::Crash { whom: whom.clone() };
        if let Self::Crash { whom } = self {
            vec![restart(whom)]
        } else if let Self::PowerLoss { whom } = self {
            vec![restart(whom), crash(whom)]
        } else if let Self::TornWrite { whom } | Self::LostNames { whom } = self {
            vec![restart(whom), crash(whom), Self::PowerLoss { whom: whom.clone() }]
        } else if let Self::StalledDisk { whom } = self {
            vec![Self::SlowDisk { whom: whom.clone(), extra: Span(SHORTEST) }]
        } else if let Self::Wipe { whom } | Self::PowerLossRecovering { whom, .. } = self {
            vec![restart(whom), crash(whom), Self::PowerLoss { whom: whom.clone() }]
        } else if let Self::CrashRecovering { whom, .. } = self {
            vec![restart(whom), crash(whom)]
        } else if let Self::RestartStorm { whom, .. } = self {
            vec![restart(whom)]
        } else if let Self::TransferStorm { role, .. } = self {
            vec![Self::Transfer { role: role.clone() }]
        } else if let Self::LongPause { whom } = self {
            vec![Self::Pause { whom: whom.clone() }]
        } else if let Self::RackPowerLoss { nodes } = self
            && let [node] = nodes[..]
        {
            vec![Self::PowerLoss { whom: Whom::Node(NodeId(node)) }]
        } else {
            Vec::new()
        }
    }

    fn renamed(&self, names: &Names<'_>) -> Option<Self> {
        let mut renamed = self.clone();
        if let Self::SplitBridge { left, bridge, right } = &mut renamed {
            match (names.node)(*bridge) {
                Some(node) => *bridge = node,
                None => {
                    renamed = Self::SplitHalves { left: std::mem::take(left), right: std::mem::take(right) }
                }
            }
        }
        let parts = renamed.parts();
        for whom in parts.whom {
            *whom = names.whom(whom)?;
        }
        if let Some(on) = parts.on {
            *on = match on {
                Links::All => Links::All,
                Links::Of(one) => Links::Of(names.whom(one)?),
                Links::Between(from, to) => Links::Between(names.whom(from)?, names.whom(to)?),
            };
        }
        if let Some(role) = parts.role {
            *role = (names.role)(role)?;
        }
        for (nodes, least) in parts.nodes {
            *nodes = nodes.iter().filter_map(|node| (names.node)(*node)).collect();
            if nodes.len() < least {
                return None;
            }
        }
        for links in parts.links {
            let named = |(from, to): &(u32, u32)| Some(((names.node)(*from)?, (names.node)(*to)?));
            *links = links.iter().filter_map(named).collect();
            if links.is_empty() {
                return None;
            }
        }
        Some(renamed)
    }
}

impl Names<'_> {
    fn whom(&self, whom: &Whom) -> Option<Whom> {
        match whom {
            Whom::Node(node) => (self.node)(node.0).map(|node| Whom::Node(NodeId(node))),
            Whom::Role(role) => (self.role)(role).map(Whom::Role),
        }
    }
}

/// Weather on part of where it is.
fn narrower(on: &Links) -> impl Iterator<Item = Links> {
    let on = on.clone();
    (0..NODES_TRIED).flat_map(move |node| {
        let node = Whom::Node(NodeId(node));
        match &on {
            Links::All => vec![Links::Of(node)],
            Links::Of(one) if *one != node => {
                vec![Links::Between(one.clone(), node.clone()), Links::Between(node, one.clone())]
            }
            Links::Of(_) | Links::Between(..) => Vec::new(),
        }
    })
}

fn rarer(ppm: u32) -> impl Iterator<Item = u32> {
    // A chance is a million millionths at most, so it fits again.
    smaller(u64::from(ppm)).into_iter().filter(|ppm| *ppm > 0).map(|ppm| ppm as u32)
}

fn briefer(extra: Span) -> impl Iterator<Item = Span> {
    smaller(extra.0).into_iter().filter(|extra| *extra > 0).map(Span)
}

/// All but one of these, as long as `least` are left.
fn fewer(nodes: &[u32], least: usize) -> impl Iterator<Item = Vec<u32>> {
    let kept = if nodes.len() > least { nodes.to_vec() } else { Vec::new() };
    (0..kept.len()).map(move |out| {
        let mut nodes = kept.clone();
        nodes.remove(out);
        nodes
    })
}

/// Values below this one, the least first, each with two digits that are not zero at most.
pub(crate) fn smaller(value: u64) -> Vec<u64> {
    let mut less: Vec<u64> = [value / 10, value / 2, value / 4 * 3].map(short).to_vec();
    less.push(short(value));
    less.retain(|less| *less < value);
    less.dedup();
    less
}

/// `value` with all but its first two digits zero.
pub(crate) fn short(value: u64) -> u64 {
    let digits = value.checked_ilog10().unwrap_or(0);
    let unit = 10_u64.pow(digits.saturating_sub(1));
    value / unit * unit
}

/// Rounder times near this one, the roundest first.
pub(crate) fn rounder(nanos: u64) -> Vec<u64> {
    let mut near = Vec::new();
    for unit in (3..=9).rev().map(|digits| 10_u64.pow(digits)) {
        if nanos.is_multiple_of(unit) {
            break;
        }
        let below = nanos / unit * unit;
        near.extend([below, below + unit]);
    }
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u32) -> Whom {
        Whom::Node(NodeId(number))
    }

    #[test]
    fn softening_ends() {
        let fault = Fault::Reordering { on: Links::All, ppm: 123_456, extra: Span(7_654_321) };
        let start = PlannedFault::at(1_234_567_890, 987_654_321, fault);
        // Always the last wish: the one that takes the smallest step.
        let mut steps = 0;
        let mut fault = start;
        while let Some(softer) = fault.softer().pop() {
            fault = softer;
            steps += 1;
            assert!(steps < 1_000, "{fault:?}");
        }
        let mut steps = 0;
        while let Some(rounder) = fault.rounder().pop() {
            fault = rounder;
            steps += 1;
            assert!(steps < 100, "{fault:?}");
        }
    }

    #[test]
    fn times_become_such_as_people_write() {
        assert_eq!(rounder(1_234_500_000)[..4], [1_000_000_000, 2_000_000_000, 1_200_000_000, 1_300_000_000]);
        assert_eq!(rounder(3_000_000_000), [] as [u64; 0]);
        assert_eq!(smaller(1_234), [120, 610, 920, 1_200]);
        assert_eq!(smaller(0), [] as [u64; 0]);
    }

    #[test]
    fn a_fault_about_a_node_that_is_gone_goes_with_it() {
        // Node 1 is gone, those above it move down.
        let number = |node: u32| match node {
            0 => Some(0),
            1 => None,
            above => Some(above - 1),
        };
        let role = |role: &str| (role != "janitor").then(|| role.to_owned());
        let of = |fault: Fault| fault.renamed(&Names { node: &number, role: &role });
        assert_eq!(of(Fault::Transfer { role: "janitor".to_owned() }), None);
        assert_eq!(of(Fault::Crash { whom: node(1) }), None);
        assert_eq!(of(Fault::Crash { whom: node(2) }), Some(Fault::Crash { whom: node(1) }));
        let halves =
            |left: &[u32], right: &[u32]| Fault::SplitHalves { left: left.into(), right: right.into() };
        assert_eq!(of(halves(&[0, 1], &[2, 3])), Some(halves(&[0], &[1, 2])));
        assert_eq!(of(halves(&[1], &[2, 3])), None);
        let bridge = Fault::SplitBridge { left: vec![0], bridge: 1, right: vec![2] };
        assert_eq!(of(bridge), Some(halves(&[0], &[1])));
    }
}
