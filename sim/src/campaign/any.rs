//! Scenarios whose types are forgotten, so that a command can hold a list of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use squall_core::time::Time;

use crate::capsule::{Capsule, CapsuleError};
use crate::explain::Explanation;
use crate::explain::capsules::explain_capsule;
use crate::history::History;
use crate::knob::Knob;
use crate::narrate::Kind;
use crate::plan::Plan;
use crate::plan::written::{self, Beside, PlanError};
use crate::record::{RunRecord, Verdict};
use crate::recording::{Limits, Recording};
use crate::run::{
    Replay, Scenario, Sink, SpareRun, Still, client_history, draw_settings, record, run_caught, run_traced,
    still_at, verify, words,
};
use crate::seed::Seed;
use crate::settings::{Overrides, Settings};
use crate::shrink::capsules::shrink_capsule;
use crate::shrink::{Bounds, ShrunkCapsule};

/// What a scenario says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// Its name.
    pub name: &'static str,
    /// One line: what it plays.
    pub about: &'static str,
    /// Its own settings; [`knob::table`](crate::knob::table) adds sim's.
    pub knobs: &'static [Knob],
    /// Its quirks: name and one line each.
    pub quirks: &'static [(&'static str, &'static str)],
    /// The kinds of fact that triggers may wait for.
    pub facts: &'static [Kind],
    /// The kinds of message that triggers may wait for and faults may single out.
    pub messages: &'static [Kind],
}

/// How a seed is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What was set.
    pub overrides: &'a Overrides,
    /// Known mistakes that are switched on.
    pub quirks: &'a [String],
    /// Whether the run is repeated to see whether it agrees with itself. A failure always is.
    pub verify: bool,
}

/// What came of a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The record.
    pub record: RunRecord,
    /// After a failure: the capsule's text.
    pub capsule: Option<String>,
}

/// Why a file was not played. One line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlayError {
    /// It is no capsule.
    #[error(transparent)]
    Capsule(#[from] CapsuleError),
    /// It is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Whoever wanted to watch cannot watch such a world.
    #[error("{0}")]
    Unwatchable(String),
}

/// Any scenario. Implemented for all of them.
pub trait AnyScenario: Sync {
    /// What it says about itself.
    fn info(&self) -> Info;

    /// The settings that `seed` means; an error says in one line why what was set cannot be.
    fn settings(&self, seed: Seed, overrides: &Overrides) -> Result<Settings, String>;

    /// Something that runs seeds one after another in the same memory.
    fn worker(&self) -> Box<dyn Worker + '_>;

    /// Runs one seed; `sink` is told what it wants.
    fn run_traced(&self, seed: Seed, request: &Request<'_>, sink: Sink<'_>) -> Result<Ran, String>;

    /// Plays the capsule `text` again; `file` is for errors.
    fn replay(&self, file: &str, text: &str, sink: Option<Sink<'_>>) -> Result<Replay, PlayError>;

    /// Makes the capsule `text` as small as it gets; `file` is for errors, which are one line. `note` is what
    /// an earlier attempt kept; `keep` is called with the means to write one whenever it is smaller.
    fn shrink(
        &self,
        file: &str,
        text: &str,
        note: Option<&str>,
        bounds: &Bounds<'_>,
        keep: &mut dyn FnMut(&dyn Fn() -> String),
    ) -> Result<ShrunkCapsule, String>;

    /// Says what each fault and operation of the capsule `text` is needed for; `file` is for errors, which
    /// are one line.
    fn explain(&self, file: &str, text: &str, bounds: &Bounds<'_>) -> Result<Explanation, String>;

    /// The same, and the run is recorded.
    fn record(&self, file: &str, text: &str, limits: Limits) -> Result<(Replay, Recording), CapsuleError>;

    /// What the capsule's clients saw: the last `limit` entries.
    fn history(&self, file: &str, text: &str, limit: usize) -> Result<History, CapsuleError>;

    /// Every node of the capsule's world at a moment.
    fn still_at(&self, file: &str, text: &str, at: Time) -> Result<Still, CapsuleError>;

    /// Runs the plan that stands in the TOML `text`; `file` is for errors. A `sink` is told what it wants.
    fn run_written(
        &self,
        file: &str,
        text: &str,
        beside: &Beside<'_>,
        sink: Option<Sink<'_>>,
    ) -> Result<Ran, PlayError>;

    /// The plan of `seed` as TOML; an error says in one line why what was set cannot be.
    fn write_plan(&self, seed: Seed, request: &Request<'_>) -> Result<String, String>;
}

/// Runs seeds of one scenario.
pub trait Worker {
    /// Runs one; an error says in one line why what was set cannot be.
    fn run(&mut self, seed: Seed, request: &Request<'_>) -> Result<Ran, String>;
}

struct TypedWorker<'s, S: Scenario> {
    scenario: &'s S,
    spare: SpareRun<S>,
}

impl<S: Scenario> AnyScenario for S {
    fn info(&self) -> Info {
        Info {
            name: self.name(),
            about: self.about(),
            knobs: self.knobs(),
            quirks: self.quirks(),
            facts: self.probe_kinds(),
            messages: self.message_kinds(),
        }
    }

    fn settings(&self, seed: Seed, overrides: &Overrides) -> Result<Settings, String> {
        draw_settings(self, seed, overrides)
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(TypedWorker { scenario: self, spare: SpareRun::default() })
    }

    fn run_traced(&self, seed: Seed, request: &Request<'_>, sink: Sink<'_>) -> Result<Ran, String> {
        let plan = plan_of(self, seed, request)?;
        let record = run_traced(self, &plan, sink)?;
        Ok(with_capsule(self, plan, record))
    }

    fn replay(&self, file: &str, text: &str, sink: Option<Sink<'_>>) -> Result<Replay, PlayError> {
        let capsule = Capsule::read(self, file, text)?;
        Replay::of(self, &capsule, sink).map_err(PlayError::Unwatchable)
    }

    fn still_at(&self, file: &str, text: &str, at: Time) -> Result<Still, CapsuleError> {
        let capsule = Capsule::read(self, file, text)?;
        Ok(still_at(self, &capsule.plan, at))
    }

    fn shrink(
        &self,
        file: &str,
        text: &str,
        note: Option<&str>,
        bounds: &Bounds<'_>,
        keep: &mut dyn FnMut(&dyn Fn() -> String),
    ) -> Result<ShrunkCapsule, String> {
        shrink_capsule(self, file, text, note, bounds, keep)
    }

    fn explain(&self, file: &str, text: &str, bounds: &Bounds<'_>) -> Result<Explanation, String> {
        explain_capsule(self, file, text, bounds)
    }

    fn record(&self, file: &str, text: &str, limits: Limits) -> Result<(Replay, Recording), CapsuleError> {
        let capsule = Capsule::read(self, file, text)?;
        let (record, recording) = record(self, &capsule.plan, limits);
        Ok((Replay::with(self, &capsule, record), recording))
    }

    fn history(&self, file: &str, text: &str, limit: usize) -> Result<History, CapsuleError> {
        let capsule = Capsule::read(self, file, text)?;
        Ok(client_history(self, &capsule.plan, limit))
    }

    fn run_written(
        &self,
        file: &str,
        text: &str,
        beside: &Beside<'_>,
        sink: Option<Sink<'_>>,
    ) -> Result<Ran, PlayError> {
        let plan = written::read(self, file, text, beside)?;
        let record = match sink {
            Some(sink) => run_traced(self, &plan, sink).map_err(PlayError::Unwatchable)?,
            None => caught(self, &plan, &mut SpareRun::default(), false),
        };
        Ok(with_capsule(self, plan, record))
    }

    fn write_plan(&self, seed: Seed, request: &Request<'_>) -> Result<String, String> {
        Ok(written::write(self, &plan_of(self, seed, request)?))
    }
}

impl<S: Scenario> Worker for TypedWorker<'_, S> {
    fn run(&mut self, seed: Seed, request: &Request<'_>) -> Result<Ran, String> {
        let plan = plan_of(self.scenario, seed, request)?;
        let record = caught(self.scenario, &plan, &mut self.spare, request.verify);
        Ok(with_capsule(self.scenario, plan, record))
    }
}

/// Runs `plan`; a failure is repeated, and anything if it is to be verified.
fn caught<S: Scenario>(
    scenario: &S,
    plan: &Plan<S::Operation>,
    spare: &mut SpareRun<S>,
    verify: bool,
) -> RunRecord {
    let (mut record, used) = run_caught(scenario, plan, std::mem::take(spare));
    *spare = used;
    if verify || !record.verdict.is_pass() {
        doubt(scenario, plan, &mut record);
    }
    record
}

fn plan_of<S: Scenario>(
    scenario: &S,
    seed: Seed,
    request: &Request<'_>,
) -> Result<Plan<S::Operation>, String> {
    let settings = draw_settings(scenario, seed, request.overrides)
        .map_err(|why| format!("{} with seed {seed}: impossible settings: {why}", scenario.name()))?;
    Ok(Plan::from_seed(scenario, seed, settings, request.quirks))
}

fn with_capsule<S: Scenario>(scenario: &S, plan: Plan<S::Operation>, record: RunRecord) -> Ran {
    let failed = !record.verdict.is_pass();
    let capsule = failed.then(|| Capsule::with_steps(scenario, plan, &record).to_text());
    Ran { record, capsule }
}

/// Runs `plan` twice more. What differs from itself or from `record` is no finding but nondeterminism.
fn doubt<S: Scenario>(scenario: &S, plan: &Plan<S::Operation>, record: &mut RunRecord) {
    let again = match catch_unwind(AssertUnwindSafe(|| verify(scenario, plan))) {
        Ok(again) => again,
        Err(panic) => {
            // A panic that comes again is as deterministic as it gets.
            let message = words(&*panic);
            if record.verdict != (Verdict::InternalError { message: message.clone() }) {
                let what = format!("{} / panic: {message}", record.verdict.name());
                record.verdict = Verdict::Nondeterminism { event: record.events, what };
            }
            return;
        }
    };
    if let Verdict::Nondeterminism { .. } = again.verdict {
        record.verdict = again.verdict;
    } else if again.fingerprint != record.fingerprint || again.verdict != record.verdict {
        let common = record.trail.iter().zip(&again.trail).take_while(|(a, b)| a == b).last();
        let event = common.map_or(0, |((event, _), _)| *event) + 1;
        let what = format!("{} / {}, at the earliest here", record.verdict.name(), again.verdict.name());
        record.verdict = Verdict::Nondeterminism { event, what };
    }
}
