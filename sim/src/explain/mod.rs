//! Explaining: what each fault and each operation of a failing plan is needed for, and what happened.
//!
//! Holds: [`explain`], which takes away, moves and softens every item in turn and runs the rest again; and the
//! [`Explanation`] that comes of it, in plain words for tables, documents and pages. What is said of an item
//! holds with all the others as they are: best of a plan that [`crate::shrink`] has made small.
//! Deliberately absent: the words for facts. Those are the scenario's
//! ([`Scenario::story`]).

pub(crate) mod capsules;
mod moves;
mod rows;
mod story;

pub(crate) use moves::in_brackets;

use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::run::{Scenario, record};
use crate::shrink::trial::Trial;
use crate::shrink::{Bounds, ShrinkError, State, pool, trial_limit};

/// What each item of a plan is needed for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// How the plan fails, without its numbers.
    pub likeness: String,
    /// How it fails: the broken promise and what was said, in one line.
    pub failure: String,
    /// When, as `1.204s`.
    pub at: String,
    /// The faults, in the plan's order.
    pub faults: Vec<Row>,
    /// What clients do, in the plan's order.
    pub operations: Vec<Row>,
    /// What happened, a sentence each.
    pub story: Vec<String>,
    /// How many runs it took.
    pub runs: u64,
    /// Whether every item was tried; otherwise it was stopped.
    pub finished: bool,
}

/// What one fault or operation is needed for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its number among the faults or operations, from 1.
    pub number: usize,
    /// When it begins: `4.9s`, or on what.
    pub at: String,
    /// The same in nanoseconds of virtual time.
    pub at_ns: u64,
    /// What it is, and for how long: `restart broker 2`.
    pub what: String,
    /// Whether the failure is gone without it; `None`: not tried.
    pub needed: Option<bool>,
    /// It must come before this; `None`: as late as one likes, or not tried.
    pub before: Option<Turn>,
    /// It must come after this; `None`: as early as one likes, or not tried.
    pub after: Option<Turn>,
    /// Less of it does as well: what.
    pub softer: Option<String>,
    /// Faults, by their numbers, that must not change places with it.
    pub ordered_with: Vec<usize>,
}

/// Something at which it is decided whether the failure comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The event's number in the run, from 1; `None`: it is no event of a node, but another fault, or a time.
    pub event: Option<u64>,
    /// When it happens, as `1.204s`.
    pub at: String,
    /// What happens: `broker 1: leader elected (partition 0-1, epoch 4)`; empty if it is a time alone.
    pub what: String,
}

/// Explains the failure of `state`'s best plan.
pub fn explain<S: Scenario>(
    scenario: &S,
    state: &State<S::Operation>,
    bounds: &Bounds<'_>,
) -> Result<Explanation, ShrinkError> {
    let plan = &state.best.plan;
    let pool = pool(bounds.jobs)?;
    let trial = Trial {
        scenario,
        likeness: &state.likeness,
        budgeted: state.is_budgeted(),
        pool: &pool,
        stop: bounds.stop,
        watch: bounds.watch,
    };
    let (run, recording) = record(scenario, plan, story::LIMITS);
    let rows = rows::all(&trial, plan, &recording, trial_limit(&state.best));
    Ok(Explanation {
        likeness: state.likeness.to_string(),
        failure: story::failure(&run.verdict),
        at: crate::fault::text::written(recording.end.at_ns),
        story: story::told(scenario, &run, &recording),
        faults: rows.faults,
        operations: rows.operations,
        runs: rows.runs,
        finished: rows.finished,
    })
}

/// Whether a plan fails alike, for those who only want to know.
pub(crate) type Fails<'a, O> = &'a mut dyn FnMut(Plan<O>) -> bool;
