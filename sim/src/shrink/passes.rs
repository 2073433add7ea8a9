//! The ways of making a plan smaller, in the order in which they pay.
//!
//! Each pass turns the best plan so far into a list of changes that are tried in order. Every change makes
//! something less that no other makes more again, so that rounds of all passes come to an end.

use std::ops::Range;

use super::Best;
use super::change::Change;
use crate::fault::softer::{rounder, short};
use crate::knob::{self, Knob, Unit};
use crate::plan::Plan;
use crate::run::Scenario;
use crate::settings::Settings;

/// How far after the failure a storm may end, in nanoseconds: the roundest end is tried first.
const ENDS: [u64; 4] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000];

/// What takes a try for every two faults is done for so many at most.
const FEW: usize = 24;

/// How many other seeds of the world are tried for each fault that there is: what is simple already is simple
/// enough.
const SEEDS: u64 = 16;

/// A way of making a plan smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// Nothing after the failure.
    Storm,
    /// So many faults less at once.
    Faults(usize),
    /// Two faults less that are no neighbours.
    TwoFaults,
    /// A fault less that did nothing but shift chance: another seed of the world shifts it too.
    Chance,
    /// So many operations less at once.
    Operations(usize),
    /// All settings calm, all of one room, each alone.
    Calm,
    /// Settings half-way towards calm.
    Calmer,
    /// Fewer clients, servers, partitions.
    Smaller,
    /// Shorter, rarer, kinder faults.
    Softer,
    /// Times of faults and operations as people write them.
    Rounder,
}

/// One round. What is cheap and takes much away comes first: it makes everything after it faster.
pub(super) const ROUND: &[Pass] = &[
    Pass::Storm,
    Pass::Faults(1 << 10),
    Pass::Faults(1 << 8),
    Pass::Faults(1 << 6),
    Pass::Faults(1 << 5),
    Pass::Faults(1 << 4),
    Pass::Faults(1 << 3),
    Pass::Faults(1 << 2),
    Pass::Faults(1 << 1),
    Pass::Faults(1),
    Pass::Storm,
    Pass::Operations(1 << 14),
    Pass::Operations(1 << 12),
    Pass::Operations(1 << 10),
    Pass::Operations(1 << 8),
    Pass::Operations(1 << 7),
    Pass::Operations(1 << 6),
    Pass::Operations(1 << 5),
    Pass::Operations(1 << 4),
    Pass::Operations(1 << 3),
    Pass::Operations(1 << 2),
    Pass::Operations(1 << 1),
    Pass::Operations(1),
    Pass::Calm,
    Pass::Smaller,
    Pass::Faults(1),
    Pass::Softer,
    Pass::Calmer,
    Pass::TwoFaults,
    Pass::Chance,
    Pass::Rounder,
];

impl Pass {
    /// What it would try on `best`, in order.
    pub(super) fn changes<S: Scenario + ?Sized>(
        self,
        scenario: &S,
        best: &Best<S::Operation>,
    ) -> Vec<Change<S::Operation>> {
        let plan = &best.plan;
        match self {
            Self::Storm => storms(best),
            Self::Faults(size) => pieces(plan.faults.len(), size).map(Change::DropFaults).collect(),
            Self::TwoFaults => pairs(plan.faults.len()),
            Self::Chance => chances(plan.faults.len()),
            Self::Operations(size) => {
                pieces(plan.operations.len(), size).map(Change::DropOperations).collect()
            }
            Self::Calm => calm(&free(scenario, plan), &plan.settings),
            Self::Calmer => calmer(&free(scenario, plan), &plan.settings),
            Self::Smaller => {
                scenario.smaller(plan).into_iter().map(|plan| Change::Whole(Box::new(plan))).collect()
            }
            Self::Softer => {
                let of = |(item, fault): (usize, &crate::fault::PlannedFault)| {
                    fault.softer().into_iter().map(move |fault| Change::Fault(item, Box::new(fault)))
                };
                plan.faults.iter().enumerate().flat_map(of).collect()
            }
            Self::Rounder => round(plan),
        }
    }
}

/// Earlier ends of the storm. Where the failure came in the calm, the storm is halved.
fn storms<O>(best: &Best<O>) -> Vec<Change<O>> {
    let storm = best.plan.storm;
    let mut ends: Vec<u64> = if best.ended < storm {
        let mut ends: Vec<u64> = ENDS.iter().map(|unit| (best.ended / unit + 1) * unit).collect();
        ends.reverse();
        ends
    } else {
        let last = best
            .plan
            .faults
            .iter()
            .filter_map(|fault| Some(fault.when.time()?.saturating_add(fault.lasts)))
            .max();
        let last = last.unwrap_or(0).next_multiple_of(1_000_000).max(1_000_000);
        vec![short(storm / 2), last, short(storm / 4 * 3)]
    };
    ends.retain(|end| *end < storm && *end > 0);
    ends.dedup();
    ends.into_iter().map(Change::EndStorm).collect()
}

/// `len` items in pieces of `size`; none if a piece of half the size would be all of them too.
fn pieces(len: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    let count = if size > 1 && size / 2 >= len { 0 } else { len.div_ceil(size) };
    (0..count).map(move |piece| piece * size..((piece + 1) * size).min(len))
}

/// Every two faults, unless there are so many that it would take too long.
fn pairs<O>(faults: usize) -> Vec<Change<O>> {
    let faults = if faults <= FEW { faults } else { 0 };
    let with = |one: usize| (one + 1..faults).map(move |other| Change::DropTwo(one, other));
    (0..faults).flat_map(with).collect()
}

/// Each fault in turn, with the same few seeds: they are tried in order, so that equal plans stay equal.
fn chances<O>(faults: usize) -> Vec<Change<O>> {
    let faults = if faults <= FEW { faults } else { 0 };
    (0..SEEDS * faults as u64)
        .flat_map(|seed| (0..faults).map(move |item| Change::DropWithSeed(item, seed)))
        .collect()
}

/// The settings that may be changed alone. One that a smaller plan changes counts what operations and faults
/// speak of: without them it would leave a member of a group that is gone, and a failure of another kind.
fn free<S: Scenario + ?Sized>(scenario: &S, plan: &Plan<S::Operation>) -> Vec<&'static Knob> {
    let smaller = scenario.smaller(plan);
    let counts = |knob: &&Knob| {
        let value = plan.settings.get(knob.key);
        smaller.iter().any(|smaller| smaller.settings.get(knob.key) != value)
    };
    knob::table(scenario.knobs()).into_iter().filter(|knob| !counts(knob)).collect()
}

/// What this setting would be in a calm; `None` if it is so or is less already: a count is never raised.
fn wish(knob: &Knob, value: u64) -> Option<u64> {
    let raised = match knob.unit {
        Unit::Count => knob.calm > value,
        Unit::PerMille
        | Unit::Ppm
        | Unit::Micros
        | Unit::Millis
        | Unit::Bytes
        | Unit::Switch
        | Unit::Times => false,
    };
    // The storm's length is a pass of its own, a calm is as long as it must be, and by what a run is judged is
    // no part of it: what is permitted beyond the budget would become a failure.
    let fixed =
        ["run.storm", "run.calm", "fault.beyond_budget"].contains(&knob.key) || room(knob.key) == "check";
    (knob.calm != value && !raised && !fixed).then_some(knob.calm)
}

fn wishes(rows: &[&'static Knob], settings: &Settings) -> Vec<(&'static str, u64)> {
    rows.iter().filter_map(|knob| Some((knob.key, wish(knob, settings.get(knob.key))?))).collect()
}

/// The room of a setting: what stands before its dot.
fn room(key: &str) -> &str {
    key.split_once('.').map_or(key, |(room, _)| room)
}

fn calm<O>(rows: &[&'static Knob], settings: &Settings) -> Vec<Change<O>> {
    let wishes = wishes(rows, settings);
    let mut changes = Vec::new();
    if wishes.len() > 1 {
        changes.push(Change::Set(wishes.clone()));
        let rooms = wishes.chunk_by(|(one, _), (other, _)| room(one) == room(other));
        changes.extend(rooms.filter(|room| room.len() > 1).map(|room| Change::Set(room.to_vec())));
    }
    changes.extend(wishes.into_iter().map(|wish| Change::Set(vec![wish])));
    changes
}

fn calmer<O>(rows: &[&'static Knob], settings: &Settings) -> Vec<Change<O>> {
    let half = |(key, calm): (&'static str, u64)| {
        let value = settings.get(key);
        let middle = short(value.midpoint(calm));
        let between = (value.min(calm) < middle && middle < value.max(calm)).then_some(middle);
        Some(Change::Set(vec![(key, between?)]))
    };
    wishes(rows, settings).into_iter().filter_map(half).collect()
}

fn round<O>(plan: &Plan<O>) -> Vec<Change<O>> {
    let mut changes = Vec::new();
    for (item, fault) in plan.faults.iter().enumerate() {
        changes.extend(fault.rounder().into_iter().map(|fault| Change::Fault(item, Box::new(fault))));
    }
    for (item, operation) in plan.operations.iter().enumerate() {
        changes.extend(rounder(operation.at).into_iter().map(|at| Change::Move(item, at)));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_everything_once_and_all_at_once_is_tried_once() {
        assert_eq!(pieces(5, 2).collect::<Vec<_>>(), [0..2, 2..4, 4..5]);
        assert!(pieces(5, 8).eq(std::iter::once(0..5)));
        assert_eq!(pieces(5, 16).count(), 0);
        assert!(pieces(1, 1).eq(std::iter::once(0..1)));
        assert_eq!(pieces(0, 1).count(), 0);
    }

    #[test]
    fn calming_comes_to_an_end_and_raises_no_count() {
        const OWN: &[Knob] = &[knob::row("own.nodes", Unit::Count, 3, (1, 5), (1, 9), "nodes")];
        let rows = knob::table(OWN);
        let mut settings = Settings::calm(&rows, &Default::default());
        settings.set("own.nodes", 2);
        assert_eq!(calm::<()>(&rows, &settings), []);
        settings.set("own.nodes", 5);
        assert_eq!(calm::<()>(&rows, &settings), [Change::Set(vec![("own.nodes", 3)])]);
        settings.set("net.latency", 4_321);
        let mut steps = 0;
        while let Some(Change::Set(values)) = calmer::<()>(&rows, &settings).pop() {
            values.into_iter().for_each(|(key, value)| settings.set(key, value));
            steps += 1;
            assert!(steps < 100);
        }
    }
}
