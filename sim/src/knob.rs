//! Settings are a table: a row a knob, with its calm value, the range of a storm and what people may set.
//!
//! Holds: the row type and sim's own rows (run, network, disk, faults). A scenario brings rows of its own;
//! one with the key of a sim row replaces it. Flags, files, lists and errors all come from the rows.
//! Deliberately absent: values. Those are [`Settings`](crate::settings::Settings), resolved once for a run.

use std::fmt;

use crate::fault;

/// What a knob counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Parts of a thousand.
    PerMille,
    /// Parts of a million.
    Ppm,
    /// Microseconds of virtual time.
    Micros,
    /// Milliseconds of virtual time.
    Millis,
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// Off (0) or on (1).
    Switch,
    /// How often a kind of fault comes in one storm; 0 is never. The swarm draws first whether the kind
    /// exists at all.
    Times,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PerMille => "per mille",
            Self::Ppm => "ppm",
            Self::Micros => "us",
            Self::Millis => "ms",
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Switch => "switch",
            Self::Times => "times a storm",
        })
    }
}

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Knob {
    /// Its name in flags and files, with dots: `net.latency`.
    pub key: &'static str,
    /// What its value counts.
    pub unit: Unit,
    /// Its value where nothing is drawn.
    pub calm: u64,
    /// What a seed draws from, both ends included.
    pub storm: (u64, u64),
    /// What a person may set, both ends included.
    pub limits: (u64, u64),
    /// One line: what it does.
    pub why: &'static str,
}

impl Knob {
    /// What may be set, in words.
    pub fn allowed(&self) -> String {
        match self.unit {
            Unit::Switch => "true or false".to_owned(),
            Unit::PerMille
            | Unit::Ppm
            | Unit::Micros
            | Unit::Millis
            | Unit::Count
            | Unit::Bytes
            | Unit::Times => {
                let (low, high) = self.limits;
                let up_to = if high == u64::MAX { " or more".to_owned() } else { format!(" to {high}") };
                format!("a whole number, {low}{up_to} ({})", self.unit)
            }
        }
    }
}

use Unit::{Micros, Millis, PerMille, Ppm};

const HOUR: u64 = 3_600_000;

/// Sim's own rows but those of the kinds of fault, which stand in [`fault::TABLE`].
pub const KNOBS: &[Knob] = &[
    row("run.storm", Millis, 10_000, (4_000, 20_000), (0, 24 * HOUR), "how long faults are injected"),
    row(
        "run.calm",
        Millis,
        120_000,
        (120_000, 120_000),
        (1, 24 * HOUR),
        "how long the calm may take to converge; as long as what is waited for changes, up to four times that",
    ),
    row(
        "run.max_events",
        Unit::Count,
        50_000_000,
        (50_000_000, 50_000_000),
        (1, u64::MAX),
        "a run with more events counts as stalled",
    ),
    row("net.latency", Micros, 200, (20, 5_000), (0, 10_000_000), "the fastest delivery"),
    row(
        "net.jitter",
        Micros,
        300,
        (10, 20_000),
        (0, 10_000_000),
        "the slowest delivery takes so much longer",
    ),
    row("disk.sync", Micros, 500, (50, 10_000), (0, 10_000_000), "the fastest sync"),
    row(
        "disk.sync_jitter",
        Micros,
        500,
        (50, 50_000),
        (0, 10_000_000),
        "the slowest sync takes so much longer",
    ),
    row(
        "weather.loss",
        Ppm,
        50_000,
        (1_000, 300_000),
        (0, 1_000_000),
        "the worst chance that a message is lost",
    ),
    row("weather.delay", Millis, 100, (1, 2_000), (0, HOUR), "the worst extra delay"),
    row(
        "weather.duplication",
        Ppm,
        50_000,
        (1_000, 300_000),
        (0, 1_000_000),
        "the worst chance that a message comes twice",
    ),
    row(
        "weather.reordering",
        Ppm,
        50_000,
        (1_000, 300_000),
        (0, 1_000_000),
        "the worst chance that a message is overtaken",
    ),
    row("fault.outage_min", Millis, 1, (1, 50), (0, HOUR), "the shortest fault"),
    row("fault.outage_max", Millis, 3_000, (500, 8_000), (0, HOUR), "the longest fault"),
    row(
        "fault.burst",
        PerMille,
        200,
        (0, 500),
        (0, 1_000),
        "the chance that a fault comes within 50 ms of another",
    ),
    row(
        "fault.repeat",
        PerMille,
        200,
        (0, 500),
        (0, 1_000),
        "the chance that a fault hits the last target again",
    ),
    row(
        "fault.straggle",
        PerMille,
        0,
        (0, 500),
        (0, 1_000),
        "the chance that the last messages of a node that goes down arrive after it is back",
    ),
    row(
        "fault.around",
        PerMille,
        300,
        (0, 800),
        (0, 1_000),
        "the chance that a fault lasts half to twice a time-out that matters",
    ),
    row(
        "weather.tail",
        Ppm,
        20_000,
        (1_000, 100_000),
        (0, 1_000_000),
        "the worst chance that a message takes very long",
    ),
    row(
        "weather.bandwidth",
        Unit::Bytes,
        10_000,
        (1_000, 100_000),
        (1, 1 << 40),
        "what the narrowest link carries a second",
    ),
    row("clock.step", Millis, 60_000, (10, 24 * HOUR), (0, 10_000 * HOUR), "the farthest a calendar is set"),
    row("clock.leap", Millis, 10_000, (100, HOUR), (0, 10_000 * HOUR), "the farthest all clocks leap"),
    row("clock.drift", Ppm, 10_000, (100, 300_000), (0, 500_000), "the worst drift of a clock"),
    row(
        "fault.beyond_budget",
        Unit::Switch,
        0,
        (0, 0),
        (0, 1),
        "faults may destroy more than the contract survives; each loss is then classified",
    ),
];

pub(crate) const fn row(
    key: &'static str,
    unit: Unit,
    calm: u64,
    storm: (u64, u64),
    limits: (u64, u64),
    why: &'static str,
) -> Knob {
    Knob { key, unit, calm, storm, limits, why }
}

/// The rows of a scenario and those of sim that it does not replace, in order of their keys.
pub fn table(scenario: &'static [Knob]) -> Vec<&'static Knob> {
    let mut rows: Vec<&'static Knob> = scenario.iter().collect();
    let own = KNOBS.iter().chain(fault::TABLE.iter().map(|row| &row.knob));
    rows.extend(own.filter(|own| scenario.iter().all(|knob| knob.key != own.key)));
    rows.sort_by_key(|knob| knob.key);
    rows
}

/// The row of `key`.
pub fn find(rows: &[&'static Knob], key: &str) -> Option<&'static Knob> {
    rows.binary_search_by(|knob| knob.key.cmp(key)).ok().map(|at| rows[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_contradicts_itself_is_found() {
        for knob in table(&[]) {
            let (low, high) = knob.limits;
            assert!(knob.storm.0 <= knob.storm.1, "{}", knob.key);
            assert!(low <= knob.storm.0 && knob.storm.1 <= high, "{}", knob.key);
            assert!((low..=high).contains(&knob.calm), "{}", knob.key);
        }
    }

    #[test]
    fn a_scenarios_row_replaces_sims_row_of_the_same_key() {
        const OWN: &[Knob] = &[row("net.latency", Micros, 7, (7, 7), (7, 7), "fixed")];
        let rows = table(OWN);
        assert_eq!(find(&rows, "net.latency").map(|knob| knob.calm), Some(7));
        assert_eq!(rows.len(), table(&[]).len());
    }
}
