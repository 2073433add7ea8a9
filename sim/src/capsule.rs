//! Capsules: one file that holds a run, to be repeated anywhere.
//!
//! `*.capsule.json` holds the whole plan and what came of it. Reading is strict: whatever is not known is
//! named with its place, and nothing is guessed. Writing leaves a whole file or none.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fault::check::Vocabulary;
use crate::knob;
use crate::plan::Plan;
use crate::record::RunRecord;
use crate::run::{self, Scenario};
use crate::steps::Steps;

/// The format that this version writes, and the newest that it reads.
///
/// 2: what each event was ([`Expected::steps`]), faults that wait for something ([`crate::fault::When`]).
pub const FORMAT: u32 = 2;

/// A run with its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capsule<O> {
    /// [`FORMAT`] when it was written.
    pub format: u32,
    /// The version of squall that wrote it.
    pub squall: String,
    /// The scenario's name.
    pub scenario: String,
    /// The seed that the plan came from.
    pub seed: u64,
    /// What came of it.
    pub expected: Expected,
    /// The run before it happens.
    pub plan: Plan<O>,
}

/// What came of a run, as far as a replay must agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The verdict's name.
    pub verdict: String,
    /// The broken promise's name.
    pub invariant: Option<String>,
    /// The digest of all events, in hexadecimal.
    pub fingerprint: String,
    /// How many events there were.
    pub events: u64,
    /// The digest after so many events, for telling where a replay departs.
    pub trail: BTreeMap<u64, String>,
    /// What each event was, for telling exactly. Capsules of format 1 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Steps>,
}

impl Expected {
    /// What `record` says.
    pub fn of(record: &RunRecord) -> Self {
        Self {
            verdict: record.verdict.name().to_owned(),
            invariant: record.verdict.invariant().map(str::to_owned),
            fingerprint: record.fingerprint.to_string(),
            events: record.events,
            trail: record.trail.iter().map(|(events, at)| (*events, at.to_string())).collect(),
            steps: None,
        }
    }
}

/// What a file says first: enough to find the scenario that reads the rest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Header {
    /// Its format.
    pub format: u32,
    /// The version that wrote it.
    pub squall: String,
    /// The scenario's name.
    pub scenario: String,
}

/// Why a file is no capsule that can be played. One line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {problem}", .line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct CapsuleError {
    /// The file.
    pub file: String,
    /// The line, from 1, where it has one.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: CapsuleProblem,
}

/// What can be wrong with a capsule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapsuleProblem {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// It is not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// It ends too early.
    #[error("cut short")]
    CutShort,
    /// It is JSON, but no capsule: a field is missing or unknown, a fault or a time is not one.
    #[error("not a capsule: {0}")]
    Malformed(String),
    /// A later version wrote it.
    #[error("format {found} is newer than this squall reads ({FORMAT}); squall {by} wrote it")]
    NewerFormat {
        /// Its format.
        found: u32,
        /// The version that wrote it.
        by: String,
    },
    /// No scenario has its name.
    #[error("unknown scenario `{0}`")]
    UnknownScenario(String),
    /// The scenario has no such setting.
    #[error("unknown setting `{0}`")]
    UnknownSetting(String),
    /// A setting lies outside its limits.
    #[error("setting `{key}` cannot be {value}: it takes {allowed}")]
    BadSetting {
        /// The setting.
        key: String,
        /// Its value in the file.
        value: u64,
        /// What it takes.
        allowed: String,
    },
    /// The settings cannot be together.
    #[error("impossible settings: {0}")]
    Impossible(String),
    /// A fault cannot be.
    #[error("{0}")]
    BadFault(String),
    /// The scenario has no such quirk.
    #[error("unknown quirk `{0}`")]
    UnknownQuirk(String),
}

/// The text of a file.
pub fn load(path: &Path) -> Result<String, CapsuleError> {
    fs::read_to_string(path).map_err(|error| CapsuleError {
        file: path.display().to_string(),
        line: None,
        problem: CapsuleProblem::Unreadable(error.to_string()),
    })
}

/// Reads what comes first; `file` is for errors.
pub fn header(file: &str, text: &str) -> Result<Header, CapsuleError> {
    let header: Header = parse(file, text)?;
    if header.format > FORMAT {
        let problem = CapsuleProblem::NewerFormat { found: header.format, by: header.squall };
        return Err(CapsuleError { file: file.to_owned(), line: line_of(text, "format"), problem });
    }
    Ok(header)
}

impl<O: Serialize + DeserializeOwned> Capsule<O> {
    /// The capsule of a run that happened.
    pub fn new(plan: Plan<O>, record: &RunRecord) -> Self {
        Self {
            format: FORMAT,
            squall: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: plan.scenario.clone(),
            seed: plan.seed,
            expected: Expected::of(record),
            plan,
        }
    }

    /// The capsule of a run that happened, with what each event was: runs the plan once more.
    pub fn with_steps<S>(scenario: &S, plan: Plan<O>, record: &RunRecord) -> Self
    where
        S: Scenario<Operation = O> + ?Sized,
    {
        let steps = run::steps(scenario, &plan);
        let mut capsule = Self::new(plan, record);
        capsule.expected.steps = Some(steps);
        capsule
    }

    /// Reads a capsule of `scenario`; `file` is for errors. Settings that are newer than the file get their
    /// calm values.
    pub fn read<S>(scenario: &S, file: &str, text: &str) -> Result<Self, CapsuleError>
    where
        S: Scenario<Operation = O> + ?Sized,
    {
        let header = header(file, text)?;
        let wrong = |line, problem| CapsuleError { file: file.to_owned(), line, problem };
        if header.scenario != scenario.name() {
            let line = line_of(text, "scenario");
            return Err(wrong(line, CapsuleProblem::UnknownScenario(header.scenario)));
        }
        let mut capsule: Self = parse(file, text)?;
        let rows = knob::table(scenario.knobs());
        for (key, value) in capsule.plan.settings.iter() {
            let problem = match knob::find(&rows, key) {
                None => CapsuleProblem::UnknownSetting(key.to_owned()),
                Some(knob) if !(knob.limits.0..=knob.limits.1).contains(&value) => {
                    CapsuleProblem::BadSetting { key: key.to_owned(), value, allowed: knob.allowed() }
                }
                Some(_) => continue,
            };
            return Err(wrong(line_of(text, key), problem));
        }
        capsule.plan.settings.complete(&rows);
        scenario
            .check_settings(&capsule.plan.settings)
            .map_err(|why| wrong(line_of(text, "settings"), CapsuleProblem::Impossible(why)))?;
        let words = Vocabulary::of(scenario);
        if let Some(objection) = capsule.plan.faults.iter().find_map(|fault| words.objection(fault)) {
            let problem = CapsuleProblem::BadFault(objection.problem);
            return Err(wrong(line_of(text, &objection.word), problem));
        }
        let known = |name: &String| scenario.quirks().iter().any(|(quirk, _)| quirk == name);
        match capsule.plan.quirks.iter().find(|name| !known(name)) {
            Some(name) => Err(wrong(line_of(text, name), CapsuleProblem::UnknownQuirk(name.clone()))),
            None => Ok(capsule),
        }
    }

    /// As it stands in a file.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a capsule's maps have strings as keys");
        text.push('\n');
        text
    }
}

fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, CapsuleError> {
    serde_json::from_str(text).map_err(|error| {
        let whole = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = whole.strip_suffix(&place).unwrap_or(&whole).to_owned();
        let problem = match error.classify() {
            serde_json::error::Category::Eof => CapsuleProblem::CutShort,
            serde_json::error::Category::Data => CapsuleProblem::Malformed(message),
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                CapsuleProblem::NotJson(message)
            }
        };
        CapsuleError { file: file.to_owned(), line: Some(error.line()), problem }
    })
}

/// The first line that has `word` in quotes.
fn line_of(text: &str, word: &str) -> Option<usize> {
    let quoted = format!("\"{word}\"");
    text.lines().position(|line| line.contains(&quoted)).map(|place| place + 1)
}

/// Writes `text` to `path`: first beside it, then by a rename, so that nobody ever sees half a file.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let written = fs::File::create(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to report; the rest of the file may not exist at all.
        let _ = fs::remove_file(&beside);
    }
    written
}
