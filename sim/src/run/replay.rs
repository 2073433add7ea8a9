//! Replay: whether a run still goes as a capsule says, where it departs if not, and whether the failure is
//! still there.

use std::fmt;

use super::walk::walk;
use super::{Scenario, Sink, SpareRun, run_caught, run_traced};
use crate::capsule::{Capsule, Expected};
use crate::record::RunRecord;
use crate::steps::Difference;

/// A capsule's run, again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// What the capsule says.
    pub expected: Expected,
    /// What happened now.
    pub record: RunRecord,
    /// Where and how the two differ; `None` if the run was repeated bit for bit.
    pub departs: Option<Departure>,
}

/// Where and how a run departs from its capsule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The last waymark that both have alike: so many events.
    pub after: u64,
    /// The first waymark that differs; `None`: only their ends do.
    pub before: Option<u64>,
    /// The first event that differs, if the capsule knows its events.
    pub difference: Option<Difference>,
    /// How the capsule's run ended.
    pub expected: String,
    /// How this one did.
    pub came: String,
    /// Whether the failure is still there.
    pub failure: Failure,
}

/// What became of the failure of a capsule whose run departs from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// There was none, and there is none.
    None,
    /// It is still there: the same verdict, of the same promise.
    Still,
    /// It is gone.
    Gone,
    /// Another one is there.
    Another,
}

impl Failure {
    /// Its name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Still => "still there",
            Self::Gone => "gone",
            Self::Another => "another",
        }
    }
}

impl Replay {
    /// Plays `capsule`; `sink` is told what it wants.
    ///
    /// # Errors
    /// In one line, if the sink cannot watch such a world.
    pub fn of<S: Scenario + ?Sized>(
        scenario: &S,
        capsule: &Capsule<S::Operation>,
        sink: Option<Sink<'_>>,
    ) -> Result<Self, String> {
        let record = match sink {
            Some(sink) => run_traced(scenario, &capsule.plan, sink)?,
            None => run_caught(scenario, &capsule.plan, SpareRun::default()).0,
        };
        Ok(Self::with(scenario, capsule, record))
    }

    /// What became of a run of `capsule`.
    pub fn with<S: Scenario + ?Sized>(
        scenario: &S,
        capsule: &Capsule<S::Operation>,
        record: RunRecord,
    ) -> Self {
        let mut departs = departure(&capsule.expected, &record);
        if let (Some(departure), Some(steps)) = (&mut departs, &capsule.expected.steps) {
            departure.difference = walk(scenario, &capsule.plan).1.difference(steps);
        }
        Self { expected: capsule.expected.clone(), record, departs }
    }
}

/// Where `record` first departs from the waymarks and the end that were expected; `None` if nowhere.
pub fn departure(expected: &Expected, record: &RunRecord) -> Option<Departure> {
    let now = Expected::of(record);
    let same_end = (&now.verdict, &now.invariant, &now.fingerprint, now.events)
        == (&expected.verdict, &expected.invariant, &expected.fingerprint, expected.events);
    // The two trails may have different steps; what both marked is compared.
    let (mut after, mut before) = (0, None);
    for (event, fingerprint) in &expected.trail {
        let Some(again) = now.trail.get(event) else { continue };
        if again != fingerprint {
            before = Some(*event);
            break;
        }
        after = *event;
    }
    if same_end && before.is_none() {
        return None;
    }
    let failure = match (expected.verdict == "pass", record.verdict.is_pass()) {
        (true, true) => Failure::None,
        (false, true) => Failure::Gone,
        (false, false) if (&now.verdict, &now.invariant) == (&expected.verdict, &expected.invariant) => {
            Failure::Still
        }
        (true | false, false) => Failure::Another,
    };
    let (expected, came) = (end(expected), end(&now));
    Some(Departure { after, before, difference: None, expected, came, failure })
}

/// How a run ended, in words.
fn end(of: &Expected) -> String {
    let invariant = of.invariant.as_deref().map(|name| format!(" of {name}")).unwrap_or_default();
    format!("{}{invariant} after {} events", of.verdict, of.events)
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.difference, self.before) {
            (Some(difference), _) => difference.fmt(f)?,
            (None, Some(before)) => {
                write!(f, "first difference between events {} and {before}", self.after + 1)?;
            }
            (None, None) => write!(f, "first difference after event {}", self.after)?,
        }
        if self.expected != self.came {
            write!(f, "; it should end as {} and ends as {}", self.expected, self.came)?;
        }
        match self.failure {
            Failure::None => Ok(()),
            Failure::Still => f.write_str("; the failure is still there"),
            Failure::Gone => f.write_str("; the failure is gone"),
            Failure::Another => f.write_str("; another failure is there"),
        }
    }
}
