//! What people set: `--set KEY=VALUE` and TOML files, checked against the rows.
//!
//! An error is one line that names the key, what is allowed and, for a file, the line.

use std::collections::BTreeMap;
use std::fmt;

use toml::de::{DeTable, DeValue};

use crate::knob::{self, Knob, Unit};

/// Values that were set, by key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides(BTreeMap<&'static str, u64>);

/// Why a setting is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{problem}")]
pub struct SettingError {
    /// Where it stands.
    pub place: Place,
    /// What is wrong with it.
    pub problem: Problem,
}

/// Where a setting stands. Shown in front of the problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On the command line.
    Flag,
    /// In a file, in this line (from 1).
    File(String, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => Ok(()),
            Self::File(file, line) => write!(f, "{file}:{line}: "),
        }
    }
}

/// What can be wrong with a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A flag without `=`.
    #[error("`{0}` is not KEY=VALUE")]
    NotAPair(String),
    /// No row has the key.
    #[error("unknown setting `{key}`{}", hint(.near))]
    Unknown {
        /// As written.
        key: String,
        /// The known key most like it, if one is like it.
        near: Option<&'static str>,
    },
    /// The value has the wrong type or lies outside the limits.
    #[error("`{key}` cannot be `{value}`: it takes {allowed}")]
    Value {
        /// The setting.
        key: &'static str,
        /// As written.
        value: String,
        /// What it takes.
        allowed: String,
    },
    /// The file is not TOML.
    #[error("not TOML: {0}")]
    NotToml(String),
}

fn hint(near: &Option<&'static str>) -> String {
    near.map(|key| format!(" (did you mean `{key}`?)")).unwrap_or_default()
}

impl Overrides {
    /// The value of `key`, if it was set.
    pub fn get(&self, key: &str) -> Option<u64> {
        self.0.get(key).copied()
    }

    /// All of them, in order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(key, value)| (*key, *value))
    }

    /// Sets a known key; for code, which has its rows at hand.
    ///
    /// # Panics
    /// If no row has `key`, or `value` is beyond its limits.
    pub fn insert(&mut self, key: &str, value: u64, rows: &[&'static Knob]) {
        let knob = knob::find(rows, key).unwrap_or_else(|| panic!("no knob is called {key}"));
        assert!((knob.limits.0..=knob.limits.1).contains(&value), "{key} takes {}", knob.allowed());
        self.0.insert(knob.key, value);
    }

    /// Takes one `KEY=VALUE`. A later one of the same key wins.
    pub fn set(&mut self, pair: &str, rows: &[&'static Knob]) -> Result<(), SettingError> {
        let flag = |problem| SettingError { place: Place::Flag, problem };
        let (key, value) = pair.split_once('=').ok_or_else(|| flag(Problem::NotAPair(pair.to_owned())))?;
        let knob = lookup(key.trim(), rows).map_err(flag)?;
        let number = read(knob, value.trim()).map_err(flag)?;
        self.0.insert(knob.key, number);
        Ok(())
    }

    /// Takes a TOML file of the name `file`. Nested tables flatten with dots.
    pub fn toml(&mut self, file: &str, text: &str, rows: &[&'static Knob]) -> Result<(), SettingError> {
        let at = |offset: usize, problem| {
            let line = 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
            SettingError { place: Place::File(file.to_owned(), line), problem }
        };
        let table = DeTable::parse(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            at(offset, Problem::NotToml(error.message().lines().collect::<Vec<_>>().join("; ")))
        })?;
        self.table(table.get_ref(), rows).map_err(|(offset, problem)| at(offset, problem))
    }

    /// Takes a table of a file; an error has its place in it.
    pub(crate) fn table(
        &mut self,
        table: &DeTable<'_>,
        rows: &[&'static Knob],
    ) -> Result<(), (usize, Problem)> {
        self.flatten("", table, rows)
    }

    /// What `others` say goes over this.
    pub fn extend(&mut self, others: &Self) {
        self.0.extend(others.0.iter().map(|(key, value)| (*key, *value)));
    }

    fn flatten(
        &mut self,
        prefix: &str,
        table: &DeTable<'_>,
        rows: &[&'static Knob],
    ) -> Result<(), (usize, Problem)> {
        for (key, value) in table {
            let start = key.span().start;
            let path = format!("{prefix}{}", key.get_ref());
            let written = match value.get_ref() {
                DeValue::Table(inner) => {
                    self.flatten(&format!("{path}."), inner, rows)?;
                    continue;
                }
                DeValue::Integer(number) => number.to_string(),
                DeValue::Boolean(on) => on.to_string(),
                DeValue::String(text) => format!("{text:?}"),
                DeValue::Float(number) => number.to_string(),
                DeValue::Datetime(when) => when.to_string(),
                DeValue::Array(_) => "[…]".to_owned(),
            };
            let knob = lookup(&path, rows).map_err(|problem| (start, problem))?;
            let number = read(knob, &written).map_err(|problem| (start, problem))?;
            self.0.insert(knob.key, number);
        }
        Ok(())
    }
}

fn lookup(key: &str, rows: &[&'static Knob]) -> Result<&'static Knob, Problem> {
    knob::find(rows, key).ok_or_else(|| Problem::Unknown { key: key.to_owned(), near: nearest(key, rows) })
}

fn read(knob: &'static Knob, written: &str) -> Result<u64, Problem> {
    let number = match (knob.unit, written) {
        (Unit::Switch, "true" | "on") => Some(1),
        (Unit::Switch, "false" | "off") => Some(0),
        _ => written.replace('_', "").parse::<u64>().ok(),
    };
    number.filter(|number| (knob.limits.0..=knob.limits.1).contains(number)).ok_or_else(|| Problem::Value {
        key: knob.key,
        value: written.to_owned(),
        allowed: knob.allowed(),
    })
}

fn nearest(key: &str, rows: &[&'static Knob]) -> Option<&'static str> {
    near(key, rows.iter().map(|knob| knob.key))
}

/// The known word with the fewest differing letters, if a third of the letters at most differ.
pub(crate) fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|known| (distance(word, known), known)).min()?;
    (near.0 * 3 <= word.len()).then_some(near.1)
}

/// Levenshtein's distance, in bytes.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::knob::table;

    fn flag(pair: &str, expected: Expect) {
        let error = Overrides::default().set(pair, &table(&[])).unwrap_err();
        expected.assert_eq(&error.to_string());
    }

    fn file(text: &str, expected: Expect) {
        let error = Overrides::default().toml("my.toml", text, &table(&[])).unwrap_err();
        expected.assert_eq(&error.to_string());
    }

    #[test]
    fn a_bad_flag_is_named_with_what_is_allowed() {
        flag("net.latency", expect!["`net.latency` is not KEY=VALUE"]);
        flag("net.latncy=5", expect!["unknown setting `net.latncy` (did you mean `net.latency`?)"]);
        flag("colour=5", expect!["unknown setting `colour`"]);
        flag(
            "fault.burst=1001",
            expect!["`fault.burst` cannot be `1001`: it takes a whole number, 0 to 1000 (per mille)"],
        );
        flag(
            "fault.burst=-1",
            expect!["`fault.burst` cannot be `-1`: it takes a whole number, 0 to 1000 (per mille)"],
        );
    }

    #[test]
    fn a_bad_file_is_named_with_its_line() {
        file(
            "[net]\nlatency = 5\nlatncy = 6\n",
            expect!["my.toml:3: unknown setting `net.latncy` (did you mean `net.latency`?)"],
        );
        file(
            "fault.burst = 20\n\n[weather]\nloss = \"lots\"\n",
            expect![[
                r#"my.toml:4: `weather.loss` cannot be `"lots"`: it takes a whole number, 0 to 1000000 (ppm)"#
            ]],
        );
        file("[net\n", expect!["my.toml:1: not TOML: unclosed table, expected `]`"]);
    }

    #[test]
    fn nested_tables_and_dotted_keys_say_the_same() {
        let rows = table(&[]);
        let (mut nested, mut dotted) = (Overrides::default(), Overrides::default());
        nested.toml("a", "[net]\nlatency = 5\njitter = 1_000\n", &rows).unwrap();
        dotted.toml("b", "net.latency = 5\nnet.jitter = 1000\n", &rows).unwrap();
        assert_eq!(nested, dotted);
        assert_eq!(nested.get("net.jitter"), Some(1_000));
    }
}
