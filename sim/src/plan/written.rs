//! Plans that people write: a TOML file, strictly read, and a seed's plan written as one.
//!
//! What a file leaves out is calm or drawn from the seed: settings have their calm values, clients do what
//! the scenario draws for the seed. So one file is a plan for every seed. An error is one line that names the
//! file, the line and the word.
//!
//! ```toml
//! storm = "6s"
//! settings.topic.min_isr = 1
//! faults = [
//!   { at = "1.5s", lasts = "300ms", fault = "isolate", whom = "broker 1" },
//!   { when = { fact = "leader elected", where = { epoch = 2 } }, fault = "crash", whom = "broker 0" },
//! ]
//! ```

use std::fmt::Write;
use std::ops::Range;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::ser::ValueSerializer;

use super::{Operation, Plan};
use crate::engine::Spare;
use crate::fault::check::Vocabulary;
use crate::fault::{FaultSpace, PlannedFault, text};
use crate::knob;
use crate::run::Scenario;
use crate::seed::Seed;
use crate::settings::{Overrides, Settings};

/// Why a file is no plan. One line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct PlanError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and with which word.
    pub problem: String,
}

/// What is asked for beside the file.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// The seed, if it is not to be the file's.
    pub seed: Option<Seed>,
    /// The seed if neither says one.
    pub fresh: Seed,
    /// Settings that go over the file's.
    pub overrides: &'a Overrides,
    /// More quirks than the file's.
    pub quirks: &'a [String],
}

const KEYS: &str = "scenario, seed, storm, calm, quirks, settings, operations and faults";

/// The plan of `scenario` that stands in `text`; `file` is for errors.
pub fn read<S: Scenario + ?Sized>(
    scenario: &S,
    file: &str,
    text: &str,
    beside: &Beside<'_>,
) -> Result<Plan<S::Operation>, PlanError> {
    Sheet::read(scenario, text, beside).map_err(|Wrong { at, problem }| {
        let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        PlanError { file: file.to_owned(), line, problem }
    })
}

/// What is wrong, and at which byte.
struct Wrong {
    at: usize,
    problem: String,
}

impl Wrong {
    fn at(at: usize, problem: impl Into<String>) -> Self {
        Self { at, problem: problem.into() }
    }
}

/// A key's or value's place is a range of bytes.
type Value<'a> = Spanned<DeValue<'a>>;

/// The file's entries as they stand, checked for their types only.
#[derive(Default)]
struct Sheet<'a> {
    seed: Option<Seed>,
    overrides: Overrides,
    quirks: Vec<String>,
    operations: Option<Vec<Value<'a>>>,
    faults: Vec<Value<'a>>,
    /// Where settings are, for what they cannot be together.
    settings_at: usize,
}

impl<'a> Sheet<'a> {
    fn read<S: Scenario + ?Sized>(
        scenario: &S,
        text: &'a str,
        beside: &Beside<'_>,
    ) -> Result<Plan<S::Operation>, Wrong> {
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            Wrong::at(at, format!("not TOML: {}", one_line(error.message())))
        })?;
        let mut sheet = Self::default();
        for (key, value) in table.get_ref() {
            sheet.take(scenario, key.get_ref(), key.span().start, value)?;
        }
        sheet.plan(scenario, text, beside)
    }

    fn take<S: Scenario + ?Sized>(
        &mut self,
        scenario: &S,
        key: &str,
        at: usize,
        value: &Value<'a>,
    ) -> Result<(), Wrong> {
        let rows = knob::table(scenario.knobs());
        match key {
            "scenario" => {
                let name: String = typed(value)?;
                if name != scenario.name() {
                    let problem = format!("this is a plan for `{name}`, not for `{}`", scenario.name());
                    return Err(Wrong::at(at, problem));
                }
            }
            "seed" => self.seed = Some(Seed(typed(value)?)),
            "storm" | "calm" => {
                let millis = millis(&typed::<String>(value)?).map_err(|why| Wrong::at(at, why))?;
                self.overrides
                    .set(&format!("run.{key}={millis}"), &rows)
                    .map_err(|error| Wrong::at(at, error.problem.to_string()))?;
            }
            "quirks" => self.quirks = quirks(scenario, value)?,
            "settings" => {
                self.settings_at = at;
                let DeValue::Table(table) = value.get_ref() else {
                    return Err(Wrong::at(at, "`settings` is a table"));
                };
                self.overrides
                    .table(table, &rows)
                    .map_err(|(at, problem)| Wrong::at(at, problem.to_string()))?;
            }
            "operations" => self.operations = Some(items(key, value)?),
            "faults" => self.faults = items(key, value)?,
            _ => return Err(Wrong::at(at, format!("unknown key `{key}`: a plan has {KEYS}"))),
        }
        Ok(())
    }

    fn plan<S: Scenario + ?Sized>(
        mut self,
        scenario: &S,
        text: &str,
        beside: &Beside<'_>,
    ) -> Result<Plan<S::Operation>, Wrong> {
        let rows = knob::table(scenario.knobs());
        self.overrides.extend(beside.overrides);
        let settings = Settings::calm(&rows, &self.overrides);
        scenario
            .check_settings(&settings)
            .map_err(|why| Wrong::at(self.settings_at, format!("impossible settings: {why}")))?;
        let seed = beside.seed.or(self.seed).unwrap_or(beside.fresh);
        let (drawn, space) = scenario.plan(seed, &settings);
        let operations = match &self.operations {
            Some(listed) => read_all::<Operation<S::Operation>>(text, listed)?,
            None => drawn,
        };
        let mut quirks = self.quirks;
        quirks.extend(
            beside.quirks.iter().filter(|quirk| !quirks.contains(quirk)).cloned().collect::<Vec<_>>(),
        );
        let mut plan = Plan {
            scenario: scenario.name().to_owned(),
            seed: seed.0,
            operations,
            faults: Vec::new(),
            storm: settings.get("run.storm") * 1_000_000,
            calm: settings.get("run.calm") * 1_000_000,
            settings,
            quirks,
        };
        plan.faults = read_all::<PlannedFault>(text, &self.faults)?;
        for fault in &mut plan.faults {
            fault.lasts = fault.lasts.min(plan.storm);
        }
        judge(scenario, &plan, &space, text, &self.faults)?;
        Ok(plan)
    }
}

/// Whether the faults can be, in the world of this plan.
fn judge<S: Scenario + ?Sized>(
    scenario: &S,
    plan: &Plan<S::Operation>,
    space: &FaultSpace,
    text: &str,
    values: &[Value<'_>],
) -> Result<(), Wrong> {
    let world = scenario.build(plan, Spare::default());
    let nodes = world.nodes().map(|node| world.name(node).to_owned()).collect();
    let mut roles: Vec<String> = space.isolate_roles.iter().chain(&space.transfer_roles).cloned().collect();
    roles.sort();
    roles.dedup();
    let vocabulary = Vocabulary::of(scenario).in_world(nodes, roles, plan.storm);
    for (number, fault) in plan.faults.iter().enumerate() {
        if let Some(objection) = vocabulary.objection(fault) {
            let extent = extent(text, values, number);
            let at = find_word(text, &extent, &objection.word).unwrap_or(extent.start);
            return Err(Wrong::at(at, objection.problem));
        }
    }
    Ok(())
}

/// A value of a type that has no parts.
fn typed<T: DeserializeOwned>(value: &Value<'_>) -> Result<T, Wrong> {
    T::deserialize(ValueDeserializer::from(value.clone()))
        .map_err(|error| Wrong::at(value.span().start, one_line(error.message())))
}

fn millis(time: &str) -> Result<u64, String> {
    let nanos = text::read(time)?;
    if nanos % 1_000_000 != 0 {
        return Err(format!("`{time}` is not a whole number of milliseconds"));
    }
    Ok(nanos / 1_000_000)
}

fn quirks<S: Scenario + ?Sized>(scenario: &S, value: &Value<'_>) -> Result<Vec<String>, Wrong> {
    let mut names = Vec::new();
    for value in items("quirks", value)? {
        let name: String = typed(&value)?;
        if !scenario.quirks().iter().any(|(quirk, _)| *quirk == name) {
            let problem = format!("unknown quirk `{name}`: `squall list quirks` names them all");
            return Err(Wrong::at(value.span().start, problem));
        }
        names.push(name);
    }
    Ok(names)
}

fn items<'a>(key: &str, value: &Value<'a>) -> Result<Vec<Value<'a>>, Wrong> {
    match value.get_ref() {
        DeValue::Array(items) => Ok(items.iter().cloned().collect()),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Table(_) => Err(Wrong::at(value.span().start, format!("`{key}` is a list"))),
    }
}

fn read_all<T: DeserializeOwned>(text: &str, values: &[Value<'_>]) -> Result<Vec<T>, Wrong> {
    let read = |(number, value): (usize, &Value<'_>)| {
        T::deserialize(ValueDeserializer::from(value.clone())).map_err(|error| {
            let problem = one_line(error.message());
            let extent = extent(text, values, number);
            // Flat items are read as a whole: their errors have no place of their own, but name the word.
            let mut words = problem.split('`').skip(1).step_by(2);
            let at = words.find_map(|word| find_word(text, &extent, word)).unwrap_or(extent.start);
            Wrong::at(at, problem)
        })
    };
    values.iter().enumerate().map(read).collect()
}

/// From where an item begins to where the next one does: the place of a `[[faults]]` is its head alone.
fn extent(text: &str, values: &[Value<'_>], number: usize) -> Range<usize> {
    let span = values[number].span();
    let next = values.get(number + 1).map_or(text.len(), |next| next.span().start);
    span.start..next.max(span.end)
}

/// Where `word` stands by itself.
fn find_word(text: &str, within: &Range<usize>, word: &str) -> Option<usize> {
    let part = text.get(within.clone()).filter(|_| !word.is_empty())?;
    let is_part =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    let mut places = part.match_indices(word).map(|(at, _)| at);
    let bytes = part.as_bytes();
    let alone = places.find(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !is_part(before) && !is_part(bytes.get(at + word.len()))
    });
    alone.map(|at| within.start + at)
}

fn one_line(message: &str) -> String {
    message.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

/// `plan` as a file that [`read`] turns into the same plan. Settings that are calm are left out, and so is
/// what clients do: that comes from the seed.
pub fn write<S: Scenario + ?Sized>(scenario: &S, plan: &Plan<S::Operation>) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key} = {value}");
    };
    line("scenario", inline(&plan.scenario));
    line("seed", plan.seed.to_string());
    line("storm", inline(&text::written(plan.storm)));
    line("calm", inline(&text::written(plan.calm)));
    line("quirks", inline(&plan.quirks));
    for row in knob::table(scenario.knobs()) {
        let value = plan.settings.get(row.key);
        if value != row.calm && !["run.storm", "run.calm"].contains(&row.key) {
            line(&format!("settings.{}", row.key), written(row, value));
        }
    }
    text.push_str(
        "\n# What clients do is drawn from the seed; `operations = [ … ]` would list it.\n\nfaults = [\n",
    );
    for fault in &plan.faults {
        let _ = writeln!(text, "  {},", inline(fault));
    }
    text.push_str("]\n");
    text
}

fn written(row: &knob::Knob, value: u64) -> String {
    match row.unit {
        knob::Unit::Switch => (value != 0).to_string(),
        knob::Unit::PerMille
        | knob::Unit::Ppm
        | knob::Unit::Micros
        | knob::Unit::Millis
        | knob::Unit::Count
        | knob::Unit::Bytes
        | knob::Unit::Times => value.to_string(),
    }
}

fn inline(value: &impl Serialize) -> String {
    let mut text = String::new();
    value.serialize(ValueSerializer::new(&mut text)).expect("plans have texts, whole numbers and lists only");
    text
}
