//! How far an item can be moved before the failure is gone, and which event is between.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::rows::named;
use super::{Fails, Turn};
use crate::fault::text::written;
use crate::narrate::Fields;
use crate::plan::Plan;
use crate::recording::{Fate, Limits, Recording};
use crate::run::{Course, Scenario, SpareRun, record};
use crate::trace::{Kind, Moment};

/// How exactly a place in time is found, in nanoseconds: most events are further apart.
const EXACT: u64 = 1_000;

/// Everything, for it is not known beforehand where the turn is.
const LIMITS: Limits = Limits { arrows: usize::MAX, facts: usize::MAX, operations: 0 };

/// One item's place in time.
pub(super) struct Place<'a, O> {
    /// When it begins now, in nanoseconds.
    pub(super) now: u64,
    /// The latest time that makes sense.
    pub(super) end: u64,
    /// The plan with the item at another time.
    pub(super) moved: &'a dyn Fn(u64) -> Plan<O>,
}

impl<O> Place<'_, O> {
    /// The event that it must come before.
    pub(super) fn before<S>(&self, scenario: &S, fails: Fails<'_, O>) -> Option<Turn>
    where
        S: Scenario<Operation = O>,
    {
        let (early, late) = self.edge(self.end, fails)?;
        // It comes too late there: what happened before it is what it should have been before.
        Some(turn(scenario, &(self.moved)(late), early, late, true))
    }

    /// The event that it must come after.
    pub(super) fn after<S>(&self, scenario: &S, fails: Fails<'_, O>) -> Option<Turn>
    where
        S: Scenario<Operation = O>,
    {
        let (late, early) = self.edge(0, fails)?;
        Some(turn(scenario, &(self.moved)(late), early, late, false))
    }

    /// Two close times between `now` and `to`: at the first it still fails alike, at the second no more.
    fn edge(&self, to: u64, fails: Fails<'_, O>) -> Option<(u64, u64)> {
        let (mut good, mut bad) = (self.now, to);
        if good == bad || fails((self.moved)(bad)) {
            return None;
        }
        while good.abs_diff(bad) > EXACT {
            let middle = good.midpoint(bad);
            if fails((self.moved)(middle)) {
                good = middle;
            } else {
                bad = middle;
            }
        }
        Some((good, bad))
    }
}

/// What happens in the run of `plan` from `early` until before `late`, when the item has its other place. If
/// nobody noticed anything, it is the next fault that begins or ends, on the side that is asked about.
fn turn<S: Scenario>(scenario: &S, plan: &Plan<S::Operation>, early: u64, late: u64, later: bool) -> Turn {
    let (_, recording) = record(scenario, plan, LIMITS);
    if let Some(moment) = first_between(scenario, plan, early, late) {
        let told = event_text(&recording, moment.number);
        let what = if told.is_empty() { silent_text(&recording, &moment) } else { told };
        return Turn { event: Some(moment.number), at: written(moment.at.0), what };
    }
    let span = if later { next_fault(&recording, late) } else { last_fault(&recording, early) };
    match span {
        Some((at, what)) => Turn { event: None, at: written(at), what: named(&what, &recording.lanes) },
        None => Turn { event: None, at: written(if later { late } else { early }), what: String::new() },
    }
}

/// The first event of a node in the run of `plan` from `early` until before `late`.
fn first_between<S: Scenario>(
    scenario: &S,
    plan: &Plan<S::Operation>,
    early: u64,
    late: u64,
) -> Option<Moment> {
    let mut course = Course::new(scenario, plan, SpareRun::default());
    loop {
        // Without the failure that is explained another may come, a panic too.
        let goes_on = catch_unwind(AssertUnwindSafe(|| course.advance())).ok()?;
        let moment = course.world().moment();
        if !goes_on || moment.at.0 >= late {
            return None;
        }
        let of_a_node = match moment.kind {
            Kind::Delivered { .. } | Kind::Dropped { .. } | Kind::Expired | Kind::Synced => true,
            Kind::Created
            | Kind::Interfered { .. }
            | Kind::Started
            | Kind::Crashed
            | Kind::PowerLost
            | Kind::Wiped
            | Kind::Paused
            | Kind::Resumed
            | Kind::Cut { .. }
            | Kind::Mended { .. }
            | Kind::Weather { .. }
            | Kind::ClockSet
            | Kind::DiskSet
            | Kind::DiskHarmed => false,
        };
        if of_a_node && moment.at.0 >= early {
            return Some(*moment);
        }
    }
}

/// An event that nobody reported anything at.
fn silent_text(recording: &Recording, moment: &Moment) -> String {
    let name = recording.lanes.get(moment.node.index()).map_or("the world", |lane| lane.name.as_str());
    match moment.kind.name() {
        "Expired" => format!("a timer of {name} runs out"),
        "Synced" => format!("a sync of {name} ends"),
        "Dropped" => format!("a message for {name} is lost"),
        _ => format!("{name} takes a message"),
    }
}

/// When each fault begins and ends, and what to call that.
fn fault_ends(recording: &Recording) -> impl Iterator<Item = (u64, String)> {
    let begins = recording.faults.iter().map(|span| (span.begin_ns, format!("fault begins: {}", span.text)));
    let lasting = recording.faults.iter().filter(|span| span.end_ns != Some(span.begin_ns));
    begins.chain(lasting.filter_map(|span| Some((span.end_ns?, format!("fault ends: {}", span.text)))))
}

fn next_fault(recording: &Recording, after: u64) -> Option<(u64, String)> {
    fault_ends(recording).filter(|(at, _)| *at > after).min()
}

fn last_fault(recording: &Recording, before: u64) -> Option<(u64, String)> {
    fault_ends(recording).filter(|(at, _)| *at < before).max()
}

/// An event by what it took in and what it reported.
fn event_text(recording: &Recording, event: u64) -> String {
    let name = |node: u32| recording.lanes.get(node as usize).map_or("nobody", |lane| lane.name.as_str());
    let taken = recording
        .arrows
        .iter()
        .find(|arrow| arrow.end_event == Some(event) && arrow.fate == Fate::Arrived)
        .map(|arrow| {
            let to = arrow.to.map_or("nobody", name);
            let from = arrow.from.map_or("the operator", name);
            format!("{to} takes {} from {from}", arrow.kind)
        });
    let facts = recording.facts.iter().filter(|fact| fact.event == event);
    let facts = facts.map(|fact| format!("{}: {}{}", name(fact.node), fact.kind, in_brackets(&fact.fields)));
    taken.into_iter().chain(facts.take(2)).collect::<Vec<_>>().join("; ")
}

/// ` (epoch 4, leader 1)`; nothing if there is nothing.
pub(crate) fn in_brackets(fields: &Fields) -> String {
    if fields.is_empty() {
        return String::new();
    }
    let words: Vec<String> = fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
    format!(" ({})", words.join(", "))
}
