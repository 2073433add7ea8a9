//! Shrinking: the smallest plan that fails in the same way.
//!
//! Holds: [`shrink`], delta debugging over everything that a plan holds: faults (a crash and its restart are
//! one item), operations, settings, the storm's length, clients and servers, and how hard each fault hits. A
//! candidate counts only if its [`Likeness`] is that of the plan it began with, and if no more breaks in it
//! than the scenario's promises survive. The same plan shrinks to the same plan on any number of cores; one
//! that was stopped goes on from its [`State`] as if it had not been.
//! Deliberately absent: a clock and files. Whoever wants a bound brings the `stop`; whoever wants to go on
//! another day keeps the [`State`].

pub(crate) mod capsules;
mod change;
mod passes;
pub(crate) mod trial;

use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

use crate::likeness::Likeness;
use crate::plan::Plan;
use crate::record::RunRecord;
use crate::run::{Scenario, SpareRun, run_caught};

pub use capsules::ShrunkCapsule;

use passes::ROUND;
use trial::Trial;

/// A candidate is given up after so many times the events of the best so far: a smaller plan needs less.
const PATIENCE: u64 = 3;

/// And never before so many.
const LEAST_EVENTS: u64 = 10_000;

/// How a plan is to be shrunk.
pub struct Bounds<'a> {
    /// On so many cores; none counts as one.
    pub jobs: usize,
    /// So many runs at most.
    pub runs: u64,
    /// Asked before each run; once it says so, no other begins.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Called after each run, on any core.
    pub watch: &'a (dyn Fn(&Progress) + Sync),
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Runs so far.
    pub runs: u64,
    /// Faults of the smallest plan so far.
    pub faults: usize,
    /// Its operations.
    pub operations: usize,
}

/// Where a shrinking is: all that it takes to go on another day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State<O> {
    /// How all of its plans fail.
    pub likeness: Likeness,
    /// The smallest plan so far.
    pub best: Best<O>,
    /// Runs so far.
    pub runs: u64,
    /// The pass of the round that is under way.
    pass: usize,
    /// The next of its changes to be tried.
    next: usize,
    /// Whether anything became smaller in this round.
    changed: bool,
    /// Whether candidates must stay within the scenario's budget. A plan that somebody wrote by hand may go
    /// beyond it: then there is nothing to keep to.
    budgeted: bool,
}

/// A plan that fails, with what is known of its run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best<O> {
    /// The plan.
    pub plan: Plan<O>,
    /// How many events its run has.
    pub events: u64,
    /// When its run ends, in nanoseconds of virtual time.
    pub ended: u64,
}

/// Why a plan cannot be shrunk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShrinkError {
    /// It passes: there is nothing to keep.
    #[error("this run passes, so there is no failure to keep")]
    Passes,
    /// The system gave no threads.
    #[error("cannot start {jobs} jobs: {why}")]
    Jobs {
        /// How many were asked for.
        jobs: usize,
        /// Why.
        why: String,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk<O> {
    /// Where it ended; its best plan is the smallest.
    pub state: State<O>,
    /// The smallest plan's run.
    pub record: RunRecord,
    /// Whether nothing smaller is left to try; otherwise it was stopped.
    pub finished: bool,
}

impl<O> State<O> {
    /// The beginning: `plan` of `scenario` fails as `record` says.
    pub fn new<S>(scenario: &S, plan: Plan<O>, record: &RunRecord) -> Result<Self, ShrinkError>
    where
        S: Scenario<Operation = O> + ?Sized,
    {
        let budgeted = scenario.within_budget(&plan);
        let likeness = Likeness::of(record).ok_or(ShrinkError::Passes)?;
        let best = Best { plan, events: record.events, ended: record.virtual_ns };
        Ok(Self { likeness, best, runs: 1, pass: 0, next: 0, changed: false, budgeted })
    }

    /// Whether candidates must stay within the scenario's budget.
    pub(crate) fn is_budgeted(&self) -> bool {
        self.budgeted
    }
}

/// Makes the plan of `state` as small as it gets. `keep` is given the state whenever it has changed.
pub fn shrink<S: Scenario>(
    scenario: &S,
    mut state: State<S::Operation>,
    bounds: &Bounds<'_>,
    keep: &mut dyn FnMut(&State<S::Operation>),
) -> Result<Shrunk<S::Operation>, ShrinkError> {
    let pool = pool(bounds.jobs)?;
    let likeness = state.likeness.clone();
    let trial = Trial {
        scenario,
        likeness: &likeness,
        budgeted: state.budgeted,
        pool: &pool,
        stop: bounds.stop,
        watch: bounds.watch,
    };
    let mut finished = false;
    let mut stopped = false;
    while !finished && !stopped && state.runs < bounds.runs {
        stopped = !step(&trial, &mut state, bounds.runs);
        finished = turn(&mut state);
        keep(&state);
    }
    let (record, _) = run_caught(scenario, &state.best.plan, SpareRun::default());
    Ok(Shrunk { state, record, finished })
}

/// Threads for `jobs` runs at once.
pub(crate) fn pool(jobs: usize) -> Result<ThreadPool, ShrinkError> {
    let jobs = jobs.max(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build();
    pool.map_err(|error| ShrinkError::Jobs { jobs, why: error.to_string() })
}

/// After how many events a candidate is given up.
pub(crate) fn trial_limit<O>(best: &Best<O>) -> u64 {
    (best.events * PATIENCE).max(LEAST_EVENTS)
}

/// The rest of a pass up to its first success; whether it was not stopped.
fn step<S: Scenario>(trial: &Trial<'_, S>, state: &mut State<S::Operation>, runs: u64) -> bool {
    let changes = ROUND[state.pass].changes(trial.scenario, &state.best);
    let so_far = Progress {
        runs: state.runs,
        faults: state.best.plan.faults.len(),
        operations: state.best.plan.operations.len(),
    };
    let limit = trial_limit(&state.best);
    let left = usize::try_from(runs - state.runs).unwrap_or(usize::MAX);
    let to = changes.len().min(state.next.saturating_add(left));
    let tried = {
        let best = &state.best.plan;
        let candidate = |place: usize| Some(changes[place].applied(best)).filter(|plan| plan != best);
        trial.first_alike(state.next, to, limit, &so_far, &candidate)
    };
    state.runs += tried.runs;
    let goes_on = tried.found.is_some() || tried.upto == to;
    match tried.found {
        // The same place again: what was there is gone, or is tried once more.
        Some((place, best)) => {
            state.best = best;
            state.next = place;
            state.changed = true;
        }
        None if tried.upto == changes.len() => state.next = usize::MAX,
        None => state.next = tried.upto,
    }
    goes_on
}

/// On to the next pass, if this one is through; whether a whole round has changed nothing.
fn turn<O>(state: &mut State<O>) -> bool {
    if state.next != usize::MAX {
        return false;
    }
    state.next = 0;
    state.pass += 1;
    if state.pass < ROUND.len() {
        return false;
    }
    state.pass = 0;
    !std::mem::take(&mut state.changed)
}
