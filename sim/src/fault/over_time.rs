//! The generator's part for faults of networks, clocks and nodes that have a course of their own.

use squall_core::ids::NodeId;
use squall_core::time::Span;

use super::generate::Draw;
use super::{Fault, Group, PlannedFault};
use crate::settings::spread;

/// The links of a swizzle at most: more than these make a split.
const MOST_SWIZZLED: u64 = 12;

/// The restarts of a restart storm at most.
const MOST_RESTARTS: u64 = 8;

/// The transfers of a transfer storm at most.
const MOST_TRANSFERS: u64 = 12;

/// How long before and after a transfer storm the others are split at most.
const RIFT: u64 = 500_000;

/// How long after it came back a node goes down again at most.
const STILL_RECOVERING: u64 = 300_000;

impl Draw<'_> {
    /// `None` if the space has no target for it.
    pub(super) fn fault_over_time(&mut self, kind: &str) -> Option<Fault> {
        Some(match kind {
            "bandwidth" => Fault::Bandwidth { on: self.links()?, bytes: self.bandwidth() },
            "slow-tail" => {
                let (on, ppm) = (self.links()?, self.ppm("weather.tail"));
                let long = self.around();
                Fault::SlowTail { on, ppm, extra: long.unwrap_or_else(|| self.delay()) }
            }
            "flapping" => Fault::Flapping { on: self.links()?, period: self.period() },
            "moving-split" => Fault::MovingSplit { ring: self.members(3)?, period: self.period() },
            "mute" => Fault::Mute { whom: self.whom(|group| &group.nodes)? },
            "swizzle" => self.swizzle()?,
            "clock-offset" => {
                let whom = self.whom(|group| &group.may_skew)?;
                let by = self.step();
                Fault::ClockOffset { whom, by: if self.rng.below(2) == 0 { by } else { -by } }
            }
            "clock-step-forth" => {
                Fault::ClockStep { whom: self.whom(|group| &group.may_skew)?, by: self.step() }
            }
            "clock-step-back" => {
                Fault::ClockStep { whom: self.whom(|group| &group.may_skew)?, by: -self.step() }
            }
            "clock-leap" => {
                let whom = self.whom(|group| &group.may_skew)?;
                Fault::ClockLeap { whom, by: Span::from_millis(self.magnitude("clock.leap")) }
            }
            "clock-drift" => {
                let whom = self.whom(|group| &group.may_skew)?;
                let ppm = self.magnitude("clock.drift") as i32;
                Fault::ClockDrift { whom, ppm: if self.rng.below(2) == 0 { ppm } else { -ppm } }
            }
            "clock-freeze" => Fault::ClockFreeze { whom: self.whom(|group| &group.may_skew)? },
            "long-pause" => Fault::LongPause { whom: self.whom(|group| &group.may_pause)? },
            "restart-storm" => {
                let whom = self.whom(|group| &group.may_crash)?;
                Fault::RestartStorm { whom, times: self.rng.in_range(2, MOST_RESTARTS) as u32 }
            }
            "rolling-restart" => Fault::RollingRestart { nodes: self.in_turn()? },
            "rack-power-loss" => Fault::RackPowerLoss { nodes: self.rack()? },
            "crash-recovering" => {
                let whom = self.whom(|group| &group.may_crash)?;
                Fault::CrashRecovering { whom, after: self.soon() }
            }
            "power-loss-recovering" => {
                let whom = self.whom(|group| &group.may_lose_power)?;
                Fault::PowerLossRecovering { whom, after: self.soon() }
            }
            "transfer-storm" => {
                let role = self.rng.pick(&self.space.transfer_roles)?.clone();
                Fault::TransferStorm { role, times: self.rng.in_range(2, MOST_TRANSFERS) as u32 }
            }
            other => unreachable!("the table has a kind that the generator does not know: {other}"),
        })
    }

    /// Often those between whom a role goes to and fro do not hear of each other: what each writes meanwhile
    /// stays with it, and their logs part at every turn.
    pub(super) fn rift(&mut self, at: u64, lasts: u64, fault: &Fault) -> Option<PlannedFault> {
        if !matches!(fault, Fault::TransferStorm { .. }) || self.rng.below(4) == 0 {
            return None;
        }
        let groups: Vec<&Group> = self.space.groups.iter().filter(|group| group.nodes.len() >= 2).collect();
        let group = self.rng.pick(&groups)?;
        let nodes = self.shuffled(&group.nodes);
        let half = self.rng.in_range(1, nodes.len() as u64 - 1) as usize;
        let (left, right) = (nodes[..half].to_vec(), nodes[half..].to_vec());
        let (before, after) = (self.rng.below(RIFT) * 1_000, self.rng.below(RIFT) * 1_000);
        let from = at.saturating_sub(before);
        let until = (at + lasts + after).min(self.storm);
        Some(PlannedFault::at(from, until - from, Fault::SplitHalves { left, right }))
    }

    /// Half to twice one of the time-outs that matter, to the microsecond.
    pub(super) fn around(&mut self) -> Option<Span> {
        let timeout = *self.rng.pick(&self.space.timeouts)?;
        Some(Span(self.rng.in_range(timeout.0 / 2, timeout.times(2).0) / 1_000 * 1_000))
    }

    /// Of something that comes again and again: in half of the cases around a time-out.
    fn period(&mut self) -> Span {
        let around = if self.rng.below(2) == 0 { self.around() } else { None };
        around.unwrap_or_else(|| Span::from_millis(spread(&mut self.rng, (2, 2_000))))
    }

    fn soon(&mut self) -> Span {
        Span::from_micros(spread(&mut self.rng, (100, STILL_RECOVERING)))
    }

    /// Up to the worst that `key` allows, of any magnitude.
    fn magnitude(&mut self, key: &str) -> u64 {
        let worst = self.settings.get(key).max(1);
        spread(&mut self.rng, (worst.div_ceil(1_000), worst))
    }

    /// How far a calendar is set, in nanoseconds.
    fn step(&mut self) -> i64 {
        self.magnitude("clock.step") as i64 * 1_000_000
    }

    /// The narrowest, or up to a hundred times that.
    fn bandwidth(&mut self) -> u64 {
        let narrowest = self.settings.get("weather.bandwidth");
        spread(&mut self.rng, (narrowest, narrowest * 100))
    }

    /// Some links, each of them once in both orders.
    fn swizzle(&mut self) -> Option<Fault> {
        let nodes = self.members(3)?;
        let ends = |(place, a): (usize, &u32)| {
            let a = *a;
            nodes[place + 1..].iter().map(move |b| (a.min(*b), a.max(*b))).collect::<Vec<_>>()
        };
        let mut cut: Vec<(u32, u32)> = nodes.iter().enumerate().flat_map(ends).collect();
        self.rng.shuffle(&mut cut);
        cut.truncate(self.rng.in_range(2, MOST_SWIZZLED) as usize);
        let mut mend = cut.clone();
        self.rng.shuffle(&mut mend);
        Some(Fault::Swizzle { cut, mend })
    }

    /// All nodes of one group that may crash, in any order.
    fn in_turn(&mut self) -> Option<Vec<u32>> {
        let several = |group: &&Group| group.may_crash.len() >= 2;
        let groups: Vec<&Group> = self.space.groups.iter().filter(several).collect();
        let group = self.rng.pick(&groups)?;
        Some(self.shuffled(&group.may_crash))
    }

    /// Two or more of those that may lose power.
    fn rack(&mut self) -> Option<Vec<u32>> {
        let all: Vec<NodeId> =
            self.space.groups.iter().flat_map(|group| group.may_lose_power.iter().copied()).collect();
        if all.len() < 2 {
            return None;
        }
        let mut rack = self.shuffled(&all);
        rack.truncate(self.rng.in_range(2, all.len() as u64) as usize);
        rack.sort_unstable();
        Some(rack)
    }

    fn shuffled(&mut self, nodes: &[NodeId]) -> Vec<u32> {
        let mut numbers: Vec<u32> = nodes.iter().map(|node| node.0).collect();
        self.rng.shuffle(&mut numbers);
        numbers
    }
}
