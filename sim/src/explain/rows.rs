//! A row for every item: without it, later, earlier, less of it, and in another order.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::Row;
use super::moves::Place;
use crate::fault::text::written;
use crate::fault::{PlannedFault, TO_THE_CALM, When};
use crate::plan::Plan;
use crate::recording::{Lane, Recording};
use crate::run::{Scenario, SpareRun};
use crate::shrink::Progress;
use crate::shrink::trial::Trial;

/// With more items than this a plan is not small, and they are only taken away, not moved.
const MOVED: usize = 48;

/// How long after the storm an item is moved at most, in nanoseconds; the storm goes on for so long.
const LATER: u64 = 5_000_000_000;

/// All rows.
pub(super) struct Rows {
    pub(super) faults: Vec<Row>,
    pub(super) operations: Vec<Row>,
    pub(super) runs: u64,
    pub(super) finished: bool,
}

/// Tries every item on its own, on all cores.
pub(super) fn all<S: Scenario>(
    trial: &Trial<'_, S>,
    plan: &Plan<S::Operation>,
    recording: &Recording,
    limit: u64,
) -> Rows {
    let (faults, operations) = (plan.faults.len(), plan.operations.len());
    let work = Work {
        trial,
        plan,
        recording,
        limit,
        moves: faults + operations <= MOVED,
        runs: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
    };
    let row = |item: usize, bench: &mut Bench<'_, S>| match item.checked_sub(faults) {
        None => bench.fault(item),
        Some(item) => bench.operation(item),
    };
    let mut rows = work.shared_out(faults + operations, &row);
    let operations = rows.split_off(faults);
    work.find_order(&mut rows);
    Rows { faults: rows, operations, runs: work.runs.into_inner(), finished: !work.stopped.into_inner() }
}

/// What all cores share.
struct Work<'a, S: Scenario> {
    trial: &'a Trial<'a, S>,
    plan: &'a Plan<S::Operation>,
    recording: &'a Recording,
    limit: u64,
    moves: bool,
    runs: AtomicU64,
    stopped: AtomicBool,
}

impl<S: Scenario> Work<'_, S> {
    /// What `each` makes of the numbers below `count`, on all cores, in order.
    fn shared_out<T: Send>(
        &self,
        count: usize,
        each: &(dyn Fn(usize, &mut Bench<'_, S>) -> T + Sync),
    ) -> Vec<T> {
        let next = AtomicUsize::new(0);
        let parts = self.trial.pool.broadcast(|_| {
            let mut done = Vec::new();
            let mut bench = Bench { work: self, spare: SpareRun::default() };
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return done;
                }
                done.push((number, each(number, &mut bench)));
            }
        });
        let mut all: Vec<(usize, T)> = parts.into_iter().flatten().collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, done)| done).collect()
    }

    /// Which of the needed faults must not change places.
    fn find_order(&self, rows: &mut [Row]) {
        let needed: Vec<usize> = (0..rows.len()).filter(|item| rows[*item].needed == Some(true)).collect();
        let of = |place: usize| needed[place + 1..].iter().map(move |other| (place, *other));
        let mut pairs: Vec<(usize, usize)> =
            (0..needed.len()).flat_map(of).map(|(place, other)| (needed[place], other)).collect();
        pairs.retain(|(one, other)| self.plan.faults[*one].when != self.plan.faults[*other].when);
        if !self.moves {
            return;
        }
        let kept = self.shared_out(pairs.len(), &|pair, bench| bench.must_keep_places(pairs[pair]));
        for ((one, other), kept) in pairs.into_iter().zip(kept) {
            if kept {
                rows[one].ordered_with.push(other + 1);
                rows[other].ordered_with.push(one + 1);
            }
        }
    }
}

/// One core.
struct Bench<'a, S: Scenario> {
    work: &'a Work<'a, S>,
    spare: SpareRun<S>,
}

impl<S: Scenario> Bench<'_, S> {
    /// Whether `plan` fails alike; one that is not tried any more does not.
    fn fails(&mut self, plan: Plan<S::Operation>) -> bool {
        let work = self.work;
        if (work.trial.stop)() {
            work.stopped.store(true, Ordering::Relaxed);
            return false;
        }
        let runs = work.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let (faults, operations) = (work.plan.faults.len(), work.plan.operations.len());
        (work.trial.watch)(&Progress { runs, faults, operations });
        let (alike, spare) = work.trial.run(plan, work.limit, std::mem::take(&mut self.spare));
        self.spare = spare;
        alike.is_some()
    }

    fn stopped(&self) -> bool {
        self.work.stopped.load(Ordering::Relaxed)
    }

    fn fault(&mut self, item: usize) -> Row {
        let Work { plan, recording, .. } = *self.work;
        let fault = &plan.faults[item];
        let span = recording.faults.iter().find(|span| span.item == item);
        let began = fault.when.time().or(span.map(|span| span.begin_ns)).unwrap_or(0);
        let at = match &fault.when {
            When::At(at) => written(*at),
            When::On(trigger) => named(&format!("on {trigger}:"), &recording.lanes),
        };
        let mut row = untried(item, at, began, fault_text(fault, &recording.lanes));
        let mut without = plan.clone();
        without.faults.remove(item);
        if self.is_needed(&mut row, without) {
            let moved = |at| with_fault(plan, item, PlannedFault { when: When::At(at), ..fault.clone() });
            self.move_about(&mut row, began, &moved);
            self.soften(&mut row, item);
        }
        row
    }

    /// Whether the failure is gone `without` the item, and there is more to be found out about it.
    fn is_needed(&mut self, row: &mut Row, without: Plan<S::Operation>) -> bool {
        let needed = !self.fails(without);
        row.needed = (!self.stopped()).then_some(needed);
        row.needed == Some(true) && self.work.moves
    }

    /// What the item, which begins `now`, must come before and after.
    fn move_about(&mut self, row: &mut Row, now: u64, moved: &dyn Fn(u64) -> Plan<S::Operation>) {
        // It must be possible to be late, so the storm lasts longer.
        let end = self.work.plan.storm.saturating_add(LATER);
        let moved = |at: u64| Plan { storm: end, ..moved(at) };
        // What waits for something may do less at the very time of that; and a stall may need the storm's end.
        if !self.fails(moved(now)) {
            return;
        }
        let scenario = self.work.trial.scenario;
        let place = Place { now, end: end - 1, moved: &moved };
        let before = place.before(scenario, &mut |plan| self.fails(plan));
        let after = place.after(scenario, &mut |plan| self.fails(plan));
        // Runs that were not made any more say nothing about where the edge is.
        if !self.stopped() {
            (row.before, row.after) = (before, after);
        }
    }

    /// Whether less of the fault does as well.
    fn soften(&mut self, row: &mut Row, item: usize) {
        let Work { plan, recording, trial, .. } = *self.work;
        let softer = plan.faults[item].softer().into_iter().find(|softer| {
            let plan = with_fault(plan, item, softer.clone());
            trial.may_be(&plan) && self.fails(plan)
        });
        row.softer = softer.map(|softer| fault_text(&softer, &recording.lanes));
    }

    /// Whether the failure is gone when two faults change places.
    fn must_keep_places(&mut self, (one, other): (usize, usize)) -> bool {
        let mut swapped = self.work.plan.clone();
        let when = swapped.faults[one].when.clone();
        swapped.faults[one].when = std::mem::replace(&mut swapped.faults[other].when, when);
        swapped.faults.sort_by_key(|fault| fault.when.time());
        !self.fails(swapped) && !self.stopped()
    }

    fn operation(&mut self, item: usize) -> Row {
        let plan = self.work.plan;
        let operation = &plan.operations[item];
        let what = operation_text(operation.client, &operation.op);
        let mut row = untried(item, written(operation.at), operation.at, what);
        let mut without = plan.clone();
        without.operations.remove(item);
        if self.is_needed(&mut row, without) {
            let moved = |at: u64| {
                let mut plan = plan.clone();
                plan.operations[item].at = at;
                plan.operations.sort_by_key(|operation| operation.at);
                plan
            };
            self.move_about(&mut row, operation.at, &moved);
        }
        row
    }
}

/// A row about which nothing is known yet.
fn untried(item: usize, at: String, at_ns: u64, what: String) -> Row {
    Row {
        number: item + 1,
        at,
        at_ns,
        what,
        needed: None,
        before: None,
        after: None,
        softer: None,
        ordered_with: Vec::new(),
    }
}

fn with_fault<O: Clone>(plan: &Plan<O>, item: usize, fault: PlannedFault) -> Plan<O> {
    let mut plan = plan.clone();
    plan.faults[item] = fault;
    plan.faults.sort_by_key(|fault| fault.when.time());
    plan
}

/// A fault with the names of nodes instead of their numbers: `restart broker 2`.
pub(super) fn fault_text(fault: &PlannedFault, lanes: &[Lane]) -> String {
    let text = named(&fault.fault.to_string(), lanes);
    match fault.lasts {
        0 => text,
        TO_THE_CALM.. => format!("{text}, until the calm"),
        lasts => format!("{text}, for {}", written(lasts)),
    }
}

/// `node 3` becomes `controller 3`, or whatever its name is.
pub(super) fn named(text: &str, lanes: &[Lane]) -> String {
    let mut parts = text.split("node ");
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let lane = part[..digits].parse::<usize>().ok().and_then(|node| lanes.get(node));
        match lane {
            Some(lane) => named.push_str(&lane.name),
            None => {
                named.push_str("node ");
                named.push_str(&part[..digits]);
            }
        }
        named.push_str(&part[digits..]);
    }
    named
}

/// An operation as plans write it, on one line.
fn operation_text(client: u32, operation: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(operation).expect("an operation's maps have strings as keys");
    format!("client {client}: {}", text.replace(['{', '}', '"'], "").replace(':', " ").replace(',', ", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_called_by_their_names() {
        let lane = |name: &str| Lane { name: name.to_owned(), kind: String::new(), client: false };
        let lanes = [lane("broker 0"), lane("controller 1")];
        assert_eq!(named("one-way-cut node 0 -> node 1", &lanes), "one-way-cut broker 0 -> controller 1");
        assert_eq!(named("crash node 17", &lanes), "crash node 17");
        assert_eq!(named("transfer leader of 0-1", &lanes), "transfer leader of 0-1");
    }
}
