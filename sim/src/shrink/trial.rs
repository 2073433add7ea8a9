//! Trying candidates: on all cores, yet the first of them that fails alike is taken, whoever was faster.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rayon::ThreadPool;

use super::{Best, Progress};
use crate::likeness::Likeness;
use crate::plan::Plan;
use crate::run::{Scenario, SpareRun, run_within};

/// Runs candidates.
pub(crate) struct Trial<'a, S: Scenario> {
    pub(crate) scenario: &'a S,
    /// How they must fail.
    pub(crate) likeness: &'a Likeness,
    /// Whether they must stay within the budget.
    pub(crate) budgeted: bool,
    pub(crate) pool: &'a ThreadPool,
    pub(crate) stop: &'a (dyn Fn() -> bool + Sync),
    pub(crate) watch: &'a (dyn Fn(&Progress) + Sync),
}

/// What came of a row of candidates.
pub(crate) struct Tried<O> {
    /// The first that fails alike, and its place in the row.
    pub(crate) found: Option<(usize, Best<O>)>,
    /// How many one core alone would have run.
    pub(crate) runs: u64,
    /// The first place that was not tried: the row's end, unless it was stopped.
    pub(crate) upto: usize,
}

impl<S: Scenario> Trial<'_, S> {
    /// Tries the candidates `from..to` that `candidate` makes; those it does not make are passed over.
    /// `so_far` is for those who watch.
    pub(crate) fn first_alike(
        &self,
        from: usize,
        to: usize,
        limit: u64,
        so_far: &Progress,
        candidate: &(dyn Fn(usize) -> Option<Plan<S::Operation>> + Sync),
    ) -> Tried<S::Operation> {
        let next = AtomicUsize::new(from);
        let best = AtomicUsize::new(usize::MAX);
        let runs = AtomicU64::new(0);
        let parts = self.pool.broadcast(|_| {
            let mut spare = SpareRun::default();
            let mut part = Part { ran: Vec::new(), found: None, stopped: to };
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                // What comes after one that was found is not asked for any more.
                if place >= to || place > best.load(Ordering::Relaxed) {
                    return part;
                }
                if (self.stop)() {
                    part.stopped = place;
                    return part;
                }
                let plan = candidate(place).filter(|plan| self.may_be(plan));
                let Some(plan) = plan else { continue };
                part.ran.push(place);
                let (alike, kept) = self.run(plan, limit, spare);
                spare = kept;
                let runs = so_far.runs + runs.fetch_add(1, Ordering::Relaxed) + 1;
                (self.watch)(&Progress { runs, ..*so_far });
                if let Some(alike) = alike {
                    best.fetch_min(place, Ordering::Relaxed);
                    part.found = Some((place, alike));
                    return part;
                }
            }
        });
        gather(parts, to)
    }

    /// Whether such a plan makes sense at all.
    pub(crate) fn may_be(&self, plan: &Plan<S::Operation>) -> bool {
        self.scenario.check_settings(&plan.settings).is_ok()
            && (!self.budgeted || self.scenario.within_budget(plan))
    }

    /// Runs `plan`; itself if it fails alike.
    pub(crate) fn run(
        &self,
        plan: Plan<S::Operation>,
        limit: u64,
        spare: SpareRun<S>,
    ) -> (Option<Best<S::Operation>>, SpareRun<S>) {
        let (record, spare) = run_within(self.scenario, &plan, spare, limit);
        let alike = Likeness::of(&record).as_ref() == Some(self.likeness);
        (alike.then(|| Best { plan, events: record.events, ended: record.virtual_ns }), spare)
    }
}

/// What one core did.
struct Part<O> {
    /// The places of those it ran, in order.
    ran: Vec<usize>,
    found: Option<(usize, Best<O>)>,
    /// Where it was told to stop.
    stopped: usize,
}

fn gather<O>(parts: Vec<Part<O>>, to: usize) -> Tried<O> {
    let stopped = parts.iter().map(|part| part.stopped).min().unwrap_or(to);
    let ran: Vec<usize> = parts.iter().flat_map(|part| part.ran.iter().copied()).collect();
    let found = parts.into_iter().filter_map(|part| part.found).min_by_key(|(place, _)| *place);
    // One that was found beyond a place that nobody tried is not the first.
    let found = found.filter(|(place, _)| *place < stopped);
    let upto = found.as_ref().map_or(stopped, |(place, _)| place + 1);
    let runs = ran.into_iter().filter(|place| *place < upto).count() as u64;
    Tried { found, runs, upto }
}
