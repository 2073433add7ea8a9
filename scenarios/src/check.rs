//! Scenarios from `cargo test`: seeds in, a panic with the line that repeats the failure out.

use std::fmt::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use squall_sim::campaign::{AnyScenario, Campaign};
use squall_sim::capsule;
use squall_sim::knob;
use squall_sim::record::{CampaignRecord, Finding, ShrunkFinding, Verdict};
use squall_sim::run::Scenario;
use squall_sim::settings::Overrides;
use squall_sim::shrink::Bounds;

/// How many findings are told.
const TOLD: usize = 3;

/// How many runs are spent on making one of them smaller: a few seconds.
const SHRINK_RUNS: u64 = 400;

/// A test of a scenario, before it runs.
///
/// `SQUALL_SEED=n` runs that seed instead of those asked for, `SQUALL_SEEDS=a..b` that range;
/// `SQUALL_OUT` names the directory for capsules. What fails is shrunk a little; `SQUALL_SHRINK=0` leaves it.
#[must_use = "nothing runs before `run`"]
#[derive(Debug)]
pub struct Check<S> {
    scenario: S,
    seeds: Range<u64>,
    settings: Vec<String>,
    quirks: Vec<String>,
    jobs: usize,
}

/// Checks a scenario: one of this crate's, or your own. 64 seeds from 0 unless said otherwise.
pub fn check<S: Scenario>(scenario: S) -> Check<S> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    Check { scenario, seeds: 0..64, settings: Vec::new(), quirks: Vec::new(), jobs }
}

impl<S: Scenario> Check<S> {
    /// These seeds, unless the environment names others.
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        self.seeds = seeds;
        self
    }

    /// With this setting in every run, as `--set` takes it.
    pub fn set(mut self, key: &str, value: u64) -> Self {
        self.settings.push(format!("{key}={value}"));
        self
    }

    /// With this known mistake switched on.
    pub fn quirk(mut self, name: &str) -> Self {
        self.quirks.push(name.to_owned());
        self
    }

    /// On so many cores; without it, on all.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Runs the seeds.
    ///
    /// # Panics
    /// If a run did not pass: with the evidence, the path of its capsule, and the line that repeats it. Also
    /// if a setting, a quirk or the environment is not understood.
    pub fn run(self) -> CampaignRecord {
        let (mut record, scenario, jobs) = self.campaign();
        let off = std::env::var_os("SQUALL_SHRINK").is_some_and(|wish| wish == "0");
        if !off {
            record.findings.iter_mut().take(TOLD).for_each(|finding| shrink(&scenario, finding, jobs));
        }
        assert!(record.verdict() == "pass", "{}", told(&record));
        record
    }

    /// Runs the seeds and answers what came of it, good or bad.
    ///
    /// # Panics
    /// If a setting, a quirk or the environment is not understood.
    pub fn look(self) -> CampaignRecord {
        self.campaign().0
    }

    fn campaign(self) -> (CampaignRecord, S, usize) {
        let rows = knob::table(self.scenario.knobs());
        let mut overrides = Overrides::default();
        for pair in &self.settings {
            overrides.set(pair, &rows).unwrap_or_else(|error| panic!("{error}"));
        }
        for quirk in &self.quirks {
            let known = self.scenario.quirks().iter().any(|(name, _)| name == quirk);
            assert!(known, "{} has no quirk `{quirk}`", self.scenario.name());
        }
        let seeds = seeds_wished(|name| std::env::var(name).ok()).unwrap_or(self.seeds);
        let out =
            std::env::var_os("SQUALL_OUT").map_or_else(|| std::env::temp_dir().join("squall"), PathBuf::from);
        let made = std::fs::create_dir_all(&out);
        assert!(made.is_ok(), "{}: cannot be made a directory: {made:?}", out.display());
        let campaign = Campaign::of(&[&self.scenario])
            .seeds(seeds)
            .jobs(self.jobs)
            .overrides(overrides)
            .quirks(self.quirks)
            .out(&out)
            .run();
        (campaign.unwrap_or_else(|error| panic!("{error}")), self.scenario, self.jobs)
    }
}

/// Makes a finding smaller, if that goes well; it can be repeated as it was found all the same.
fn shrink<S: Scenario>(scenario: &S, finding: &mut Finding, jobs: usize) {
    // Each run of a plan that panics prints that, and nondeterminism has nothing that could be kept.
    let (Verdict::Violation(_) | Verdict::Stall { .. }, Some(path)) =
        (&finding.record.verdict, &finding.capsule)
    else {
        return;
    };
    let bounds = Bounds { jobs, runs: SHRINK_RUNS, stop: &|| false, watch: &|_| () };
    let Ok(text) = capsule::load(Path::new(path)) else { return };
    let Ok(shrunk) = AnyScenario::shrink(scenario, path, &text, None, &bounds, &mut |_| ()) else { return };
    let smaller = path.replace(".capsule.json", ".min.capsule.json");
    if capsule::write(Path::new(&smaller), &shrunk.text).is_ok() {
        finding.shrunk = Some(ShrunkFinding {
            capsule: smaller,
            faults: shrunk.faults,
            operations: shrunk.operations,
            finished: shrunk.finished,
        });
    }
}

/// The seeds that the environment names.
fn seeds_wished(variable: impl Fn(&str) -> Option<String>) -> Option<Range<u64>> {
    if let Some(text) = variable("SQUALL_SEED") {
        let seed: u64 = text.parse().unwrap_or_else(|_| panic!("SQUALL_SEED={text}: it takes a number"));
        return Some(seed..seed.saturating_add(1));
    }
    let text = variable("SQUALL_SEEDS")?;
    let range = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    let range = range.filter(|range: &Range<u64>| range.start < range.end);
    Some(range.unwrap_or_else(|| panic!("SQUALL_SEEDS={text}: it takes A..B with A below B")))
}

/// Every finding, and how a test is made to run it alone.
fn told(record: &CampaignRecord) -> String {
    let failed: usize = record.findings.iter().map(|finding| finding.seeds.len()).sum();
    let mut text = format!("{failed} of {} runs did not pass\n\n", record.seeds.run);
    for finding in record.findings.iter().take(TOLD) {
        text.push_str(&squall_reports::finding::told(finding));
        // Writing to a string never fails.
        let _ = writeln!(text, "this test    SQUALL_SEED={} cargo test\n", finding.record.seed);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wished(name: &'static str, value: &'static str) -> Option<Range<u64>> {
        seeds_wished(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn the_environment_names_one_seed_or_a_range() {
        assert_eq!(wished("SQUALL_SEED", "7"), Some(7..8));
        assert_eq!(wished("SQUALL_SEEDS", "3..9"), Some(3..9));
        assert_eq!(wished("OTHER", "3..9"), None);
    }

    #[test]
    #[should_panic(expected = "A below B")]
    fn a_range_that_runs_backwards_is_not_taken_for_no_wish() {
        wished("SQUALL_SEEDS", "9..3");
    }
}
