//! From capsule to capsule, for whoever does not know the scenario's types.

use serde::{Deserialize, Serialize};

use super::{Bounds, State, shrink};
use crate::capsule::Capsule;
use crate::fingerprint::Fingerprint;
use crate::likeness::Likeness;
use crate::record::{RunRecord, Verdict};
use crate::run::{Scenario, SpareRun, run_caught};

/// A smaller capsule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShrunkCapsule {
    /// Its text.
    pub text: String,
    /// Its run.
    pub record: RunRecord,
    /// How both fail.
    pub likeness: String,
    /// How many faults there were, and are.
    pub faults: (usize, usize),
    /// How many operations there were, and are.
    pub operations: (usize, usize),
    /// How many runs it took.
    pub runs: u64,
    /// Whether nothing smaller is left to try; otherwise it was stopped.
    pub finished: bool,
}

/// What is kept of a shrinking that was stopped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note<O> {
    /// The run of the capsule that it is about.
    of: String,
    state: State<O>,
}

/// Shrinks the capsule `text`; `file` is for errors, which are one line. `note` is what an earlier attempt
/// kept last: if it is about the same capsule, it is gone on with. `keep` is given the means to write one.
pub(crate) fn shrink_capsule<S: Scenario>(
    scenario: &S,
    file: &str,
    text: &str,
    note: Option<&str>,
    bounds: &Bounds<'_>,
    keep: &mut dyn FnMut(&dyn Fn() -> String),
) -> Result<ShrunkCapsule, String> {
    let Failing { seed, fingerprint, state: fresh } = failing(scenario, file, text)?;
    let plan = &fresh.best.plan;
    let before = (plan.faults.len(), plan.operations.len());
    let state = note.and_then(|note| earlier(scenario, note, fingerprint, &fresh)).unwrap_or(fresh);
    let shrunk = shrink(scenario, state, bounds, &mut |state| {
        keep(&|| written(fingerprint, state));
    })
    .map_err(|why| why.to_string())?;
    let plan = shrunk.state.best.plan;
    Ok(ShrunkCapsule {
        faults: (before.0, plan.faults.len()),
        operations: (before.1, plan.operations.len()),
        // The seed that it all came from: the world's own may be another by now.
        text: Capsule { seed, ..Capsule::with_steps(scenario, plan, &shrunk.record) }.to_text(),
        record: shrunk.record,
        likeness: shrunk.state.likeness.to_string(),
        runs: shrunk.state.runs,
        finished: shrunk.finished,
    })
}

/// A capsule that was read and played.
pub(crate) struct Failing<O> {
    /// The seed that it came from.
    pub(crate) seed: u64,
    /// Its run's digest.
    pub(crate) fingerprint: Fingerprint,
    /// Where shrinking it begins.
    pub(crate) state: State<O>,
}

/// Reads and plays the capsule `text`, which must fail as it says.
pub(crate) fn failing<S: Scenario>(
    scenario: &S,
    file: &str,
    text: &str,
) -> Result<Failing<S::Operation>, String> {
    let capsule = Capsule::read(scenario, file, text).map_err(|error| error.to_string())?;
    let (record, _) = run_caught(scenario, &capsule.plan, SpareRun::default());
    fails_as_it_says(&capsule, &record).map_err(|why| format!("{file}: {why}"))?;
    let state = State::new(scenario, capsule.plan, &record).map_err(|why| format!("{file}: {why}"))?;
    Ok(Failing { seed: capsule.seed, fingerprint: record.fingerprint, state })
}

/// A capsule whose failure is gone, or is another by now, has nothing that could be kept.
fn fails_as_it_says<O>(capsule: &Capsule<O>, record: &RunRecord) -> Result<(), String> {
    let expected = &capsule.expected;
    if expected.verdict == (Verdict::Nondeterminism { event: 0, what: String::new() }).name() {
        return Err("two runs of it differ, so a smaller one would prove nothing".to_owned());
    }
    let same = expected.verdict == record.verdict.name()
        && expected.invariant.as_deref() == record.verdict.invariant();
    if same && !record.verdict.is_pass() {
        return Ok(());
    }
    let how = |verdict: &str, invariant: Option<&str>| match invariant {
        Some(invariant) => format!("{verdict} of {invariant}"),
        None => verdict.to_owned(),
    };
    let now = how(record.verdict.name(), record.verdict.invariant());
    Err(format!(
        "its run ends with {now}, where it says {}: there is no such failure to keep",
        how(&expected.verdict, expected.invariant.as_deref())
    ))
}

fn written<O: Serialize + Clone>(of: Fingerprint, state: &State<O>) -> String {
    let note = Note { of: of.to_string(), state: state.clone() };
    serde_json::to_string(&note).expect("a state's maps have strings as keys")
}

/// What was kept of an attempt at the same capsule by the same code; anything else is no help.
fn earlier<S: Scenario>(
    scenario: &S,
    note: &str,
    of: Fingerprint,
    fresh: &State<S::Operation>,
) -> Option<State<S::Operation>> {
    let note: Note<S::Operation> = serde_json::from_str(note).ok()?;
    let (record, _) = run_caught(scenario, &note.state.best.plan, SpareRun::default());
    let alike = Likeness::of(&record).as_ref() == Some(&fresh.likeness);
    (note.of == of.to_string() && note.state.likeness == fresh.likeness && alike).then_some(note.state)
}
