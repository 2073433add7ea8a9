//! Settings: every knob's value for one run, as a plan holds them.
//!
//! Holds: the resolved values, the swarm that draws them from a seed, and ([`overrides`]) what people set.
//! Looked up while a world is built, never while it runs.

pub mod overrides;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::knob::{Knob, Unit};
use crate::seed::{Rng, Seed, Stream};

pub use overrides::{Overrides, SettingError};

/// Every knob's value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(BTreeMap<String, u64>);

impl Settings {
    /// Every knob at its calm value, except what was set.
    pub fn calm(rows: &[&'static Knob], overrides: &Overrides) -> Self {
        Self(
            rows.iter()
                .map(|knob| (knob.key.to_owned(), overrides.get(knob.key).unwrap_or(knob.calm)))
                .collect(),
        )
    }

    /// The swarm: each run draws what part of the kinds of fault it has, from one in sixteen to one in two, and
    /// then which; how often each of them comes is drawn, and every other knob from its storm range. Few kinds
    /// leave a run the time for what many would cut short. What was set stays, and moves no other draw.
    pub fn storm(seed: Seed, rows: &[&'static Knob], overrides: &Overrides) -> Self {
        Self::storm_again(seed, 0, rows, overrides)
    }

    /// Another draw of the same seed, where the earlier ones turned out impossible.
    pub fn storm_again(seed: Seed, attempt: u64, rows: &[&'static Knob], overrides: &Overrides) -> Self {
        let density = 2 << seed.stream(Stream::UserNumber("swarm", attempt)).below(4);
        let drawn = rows.iter().map(|knob| {
            // A stream a knob: a new row must not change what a seed means for the others.
            let mut rng = seed.stream(Stream::UserNumber(knob.key, attempt));
            let value = match knob.unit {
                Unit::Times => {
                    if rng.below(density) == 0 {
                        spread(&mut rng, knob.storm)
                    } else {
                        knob.calm
                    }
                }
                Unit::PerMille
                | Unit::Ppm
                | Unit::Micros
                | Unit::Millis
                | Unit::Count
                | Unit::Bytes
                | Unit::Switch => spread(&mut rng, knob.storm),
            };
            (knob.key.to_owned(), overrides.get(knob.key).unwrap_or(value))
        });
        Self(drawn.collect())
    }

    /// The value of `key`.
    ///
    /// # Panics
    /// If no row has that key: then the scenario asks for a knob it does not have.
    pub fn get(&self, key: &str) -> u64 {
        match self.0.get(key) {
            Some(value) => *value,
            None => panic!("no knob is called {key}"),
        }
    }

    /// Whether the switch `key` is on.
    pub fn is_on(&self, key: &str) -> bool {
        self.get(key) != 0
    }

    /// Replaces one value. For shrinkers and tests; people set through [`Overrides`].
    pub fn set(&mut self, key: &str, value: u64) {
        self.0.insert(key.to_owned(), value);
    }

    /// All of them, in order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(key, value)| (key.as_str(), *value))
    }

    /// Gives every knob without a value its calm one: an older plan does not know newer knobs.
    pub fn complete(&mut self, rows: &[&'static Knob]) {
        for knob in rows {
            if !self.0.contains_key(knob.key) {
                self.0.insert(knob.key.to_owned(), knob.calm);
            }
        }
    }
}

/// A number of `range`, both ends included. Wide ranges are drawn by magnitude, so that 5 and 50 and 500
/// come equally often; integers only.
pub(crate) fn spread(rng: &mut Rng, (low, high): (u64, u64)) -> u64 {
    if low == 0 || high / low < 8 {
        return rng.in_range(low, high);
    }
    let magnitude = rng.in_range(u64::from(low.ilog2()), u64::from(high.ilog2()));
    let from = 1_u64 << magnitude;
    rng.in_range(from.max(low), (from - 1 + from).min(high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knob;

    #[test]
    fn what_is_set_moves_no_other_draw() {
        let rows = knob::table(&[]);
        let mut overrides = Overrides::default();
        overrides.set("net.latency=77", &rows).unwrap();
        for seed in 0..50 {
            let mut free = Settings::storm(Seed(seed), &rows, &Overrides::default());
            let set = Settings::storm(Seed(seed), &rows, &overrides);
            assert_eq!(set.get("net.latency"), 77);
            free.set("net.latency", 77);
            assert_eq!(free, set);
        }
    }

    #[test]
    fn a_swarm_has_runs_with_and_without_each_kind_of_fault() {
        let rows = knob::table(&[]);
        let runs: Vec<_> =
            (0..128).map(|seed| Settings::storm(Seed(seed), &rows, &Overrides::default())).collect();
        for knob in rows.iter().filter(|knob| knob.unit == Unit::Times) {
            let with = runs.iter().filter(|run| run.is_on(knob.key)).count();
            assert!((12..=60).contains(&with), "{}: {with} of 128", knob.key);
        }
    }

    #[test]
    fn every_drawn_value_lies_in_its_storm_range() {
        let rows = knob::table(&[]);
        for seed in 0..200 {
            let settings = Settings::storm(Seed(seed), &rows, &Overrides::default());
            for knob in &rows {
                let value = settings.get(knob.key);
                let off = knob.unit == Unit::Times && value == knob.calm;
                assert!(off || (knob.storm.0..=knob.storm.1).contains(&value), "{}={value}", knob.key);
            }
        }
    }

    #[test]
    fn a_spread_draw_reaches_every_magnitude() {
        let mut rng = Seed(1).stream(Stream::Faults);
        let mut seen = [false; 4];
        for _ in 0..400 {
            let value = spread(&mut rng, (1, 5_000));
            assert!((1..=5_000).contains(&value));
            seen[value.ilog10() as usize] = true;
        }
        assert_eq!(seen, [true; 4]);
    }
}
