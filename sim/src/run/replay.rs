//! Replay: whether a run still goes as a capsule says, and where it departs if not.

use super::{Scenario, Sink, SpareRun, run_caught, run_traced};
use crate::capsule::{Capsule, Expected};
use crate::record::RunRecord;

/// A capsule's run, again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// What the capsule says.
    pub expected: Expected,
    /// What happened now.
    pub record: RunRecord,
    /// Where and how the two differ; `None` if the run was repeated bit for bit.
    pub departs: Option<String>,
}

impl Replay {
    /// Plays `capsule`. With a `sink`, the timeline goes there.
    pub fn of<S: Scenario + ?Sized>(
        scenario: &S,
        capsule: &Capsule<S::Operation>,
        sink: Option<Sink<'_>>,
    ) -> Self {
        let record = match sink {
            Some(sink) => run_traced(scenario, &capsule.plan, sink),
            None => run_caught(scenario, &capsule.plan, SpareRun::default()).0,
        };
        Self::with(capsule.expected.clone(), record)
    }

    /// What became of a run of which this was expected.
    pub fn with(expected: Expected, record: RunRecord) -> Self {
        let departs = departure(&expected, &record);
        Self { expected, record, departs }
    }
}

/// Where `record` first departs from what was expected, in one line; `None` if nowhere.
pub fn departure(expected: &Expected, record: &RunRecord) -> Option<String> {
    let now = Expected::of(record);
    if now == *expected {
        return None;
    }
    // The two trails may have different steps; what both marked is compared.
    let mut agreed = 0;
    for (event, fingerprint) in &expected.trail {
        let Some(again) = now.trail.get(event) else { continue };
        if again != fingerprint {
            return Some(format!("departs after event {agreed} and before event {}", event + 1));
        }
        agreed = *event;
    }
    let end = |of: &Expected| {
        let invariant = of.invariant.as_deref().map(|name| format!(" of {name}")).unwrap_or_default();
        format!("{}{invariant} after {} events, fingerprint {}", of.verdict, of.events, of.fingerprint)
    };
    Some(format!("departs after event {agreed}: expected {}, got {}", end(expected), end(&now)))
}
