//! Runs and campaigns as JSON documents.
//!
//! A run is a campaign of one: programs read one shape. Wall time comes from the caller; no record has it.

use serde::Serialize;
use squall_sim::record::{CampaignRecord, Counts, Finding, RunRecord};

/// What `squall run --json` and `squall campaign --json` print.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignDocument {
    /// The worst of all runs; `vacuous` if nothing was compared.
    pub verdict: &'static str,
    /// The scenarios' names.
    pub scenarios: Vec<&'static str>,
    /// Which seeds.
    pub seeds: SeedsDocument,
    /// Events of all runs.
    pub events: u64,
    /// Virtual time of all runs.
    pub virtual_seconds: f64,
    /// Real time that passed.
    pub wall_seconds: f64,
    /// Faults that took effect, by kind.
    pub faults: Counts,
    /// Faults without a target or effect.
    pub skipped: u64,
    /// How many runs ended with each verdict.
    pub verdicts: Counts,
    /// What was brought about.
    pub exercised: Counts,
    /// What went wrong and may.
    pub permitted: Counts,
    /// How often each check compared something.
    pub compared: Counts,
    /// What should have been brought about in some run and was in none.
    pub never: Vec<NeverDocument>,
    /// All failures.
    pub findings: Vec<FindingDocument>,
    /// What the campaign could not do (write a capsule), a line each.
    pub problems: Vec<String>,
}

/// Which seeds were run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SeedsDocument {
    /// The first.
    pub from: u64,
    /// One beyond the last.
    pub to: u64,
    /// How many runs.
    pub run: u64,
}

/// Something that never happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NeverDocument {
    /// The scenario that wishes it.
    pub scenario: &'static str,
    /// Its name.
    pub what: &'static str,
}

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingDocument {
    /// The scenario.
    pub scenario: &'static str,
    /// The seed.
    pub seed: u64,
    /// What it is: `violation`, `stall`, `nondeterminism`, `internal-error`.
    pub verdict: &'static str,
    /// The broken promise.
    pub invariant: Option<&'static str>,
    /// What happened, in one line.
    pub message: String,
    /// The file that repeats it.
    pub capsule: Option<String>,
    /// The digest of all its events.
    pub fingerprint: String,
    /// What all failures of this finding have in common.
    pub likeness: Option<String>,
    /// All seeds that fail so.
    pub seeds: Vec<u64>,
    /// The same failure, smaller.
    pub shrunk: Option<ShrunkDocument>,
}

/// The same failure, smaller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShrunkDocument {
    /// The file that repeats it.
    pub capsule: String,
    /// How many faults there were, and are.
    pub faults: BeforeAfter,
    /// How many operations there were, and are.
    pub operations: BeforeAfter,
    /// Whether nothing smaller is left to try.
    pub finished: bool,
}

/// A count before and after shrinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BeforeAfter {
    /// Before.
    pub before: usize,
    /// After.
    pub after: usize,
}

impl From<(usize, usize)> for BeforeAfter {
    fn from((before, after): (usize, usize)) -> Self {
        Self { before, after }
    }
}

impl CampaignDocument {
    /// A campaign's document.
    pub fn of(record: &CampaignRecord, wall_seconds: f64) -> Self {
        let seeds = record.seeds;
        Self {
            verdict: record.verdict(),
            scenarios: record.scenarios.clone(),
            seeds: SeedsDocument { from: seeds.from, to: seeds.to, run: seeds.run },
            events: record.events,
            virtual_seconds: seconds(record.virtual_ns),
            wall_seconds,
            faults: record.faults.clone(),
            skipped: record.skipped,
            verdicts: record.verdicts.clone(),
            exercised: record.tally.exercised.clone(),
            permitted: record.tally.permitted.clone(),
            compared: record.tally.compared.clone(),
            never: record.never.iter().map(|(scenario, what)| NeverDocument { scenario, what }).collect(),
            findings: record.findings.iter().map(FindingDocument::of).collect(),
            problems: record.problems.clone(),
        }
    }

    /// A single run's document. What one run did not bring about is no fault of it, so `never` is empty.
    pub fn of_run(record: &RunRecord, capsule: Option<&str>, wall_seconds: f64) -> Self {
        let seed = record.seed.0;
        let failed = !record.verdict.is_pass();
        let finding = Finding::new(record.clone(), capsule.map(str::to_owned));
        Self {
            verdict: record.verdict.name(),
            scenarios: vec![record.scenario],
            seeds: SeedsDocument { from: seed, to: seed.saturating_add(1), run: 1 },
            events: record.events,
            virtual_seconds: seconds(record.virtual_ns.into()),
            wall_seconds,
            faults: record.faults.clone(),
            skipped: record.skipped,
            verdicts: Counts::from([(record.verdict.name(), 1)]),
            exercised: record.tally.exercised.clone(),
            permitted: record.tally.permitted.clone(),
            compared: record.tally.compared.clone(),
            never: Vec::new(),
            findings: if failed { vec![FindingDocument::of(&finding)] } else { Vec::new() },
            problems: Vec::new(),
        }
    }

    /// As it is printed: one document, indented, with a line end.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("its maps have strings as keys");
        text.push('\n');
        text
    }
}

impl FindingDocument {
    /// A finding's document.
    pub fn of(finding: &Finding) -> Self {
        let record = &finding.record;
        Self {
            scenario: record.scenario,
            seed: record.seed.0,
            verdict: record.verdict.name(),
            invariant: record.verdict.invariant(),
            message: record.verdict.message(),
            capsule: finding.capsule.clone(),
            fingerprint: record.fingerprint.to_string(),
            likeness: finding.likeness.as_ref().map(ToString::to_string),
            seeds: finding.seeds.clone(),
            shrunk: finding.shrunk.as_ref().map(|shrunk| ShrunkDocument {
                capsule: shrunk.capsule.clone(),
                faults: shrunk.faults.into(),
                operations: shrunk.operations.into(),
                finished: shrunk.finished,
            }),
        }
    }
}

/// To the microsecond: more digits of a sum over thousands of runs are noise.
fn seconds(nanos: u128) -> f64 {
    (nanos / 1_000) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::samples;

    #[test]
    fn a_campaigns_document_has_every_field_that_programs_rely_on() {
        expect![[r#"
            {
              "verdict": "violation",
              "scenarios": [
                "orders",
                "lease"
              ],
              "seeds": {
                "from": 0,
                "to": 500,
                "run": 1000
              },
              "events": 48213007,
              "virtual_seconds": 7507.0,
              "wall_seconds": 2.5,
              "faults": {
                "crash": 12100,
                "delay": 10201,
                "duplication": 10404,
                "isolate": 11449,
                "isolate-role": 11664,
                "loss": 10000,
                "one-way-cut": 11881,
                "pause": 12769,
                "power-loss": 12321,
                "reordering": 10609,
                "restart": 12996,
                "split-bridge": 11236,
                "split-halves": 10816,
                "split-ring": 11025,
                "transfer": 13225,
                "wipe": 12544
              },
              "skipped": 31,
              "verdicts": {
                "pass": 999,
                "violation": 1
              },
              "exercised": {
                "elections": 1204,
                "retries_absorbed": 90412,
                "truncations": 37
              },
              "permitted": {
                "duplicate: not idempotent": 12
              },
              "compared": {
                "acked_is_kept": 1830222,
                "one_leader_an_epoch": 4400,
                "order": 7
              },
              "never": [
                {
                  "scenario": "lease",
                  "what": "takeovers"
                }
              ],
              "findings": [
                {
                  "scenario": "orders",
                  "seed": 17,
                  "verdict": "violation",
                  "invariant": "acked_is_kept",
                  "message": "0-1 lost an acknowledged record",
                  "capsule": "out/orders-17.capsule.json",
                  "fingerprint": "00000000000000000123456789abcdef",
                  "likeness": "violation acked_is_kept: # lost an acknowledged record [offset, leader epoch, acknowledged] on Delivered",
                  "seeds": [
                    17
                  ],
                  "shrunk": null
                }
              ],
              "problems": [
                "out/x.capsule.json: cannot be written: no space"
              ]
            }
        "#]]
        .assert_eq(&CampaignDocument::of(&samples::campaign(), 2.5).to_text());
    }

    #[test]
    fn a_runs_document_has_the_same_shape() {
        let of_run = serde_json::to_value(CampaignDocument::of_run(&samples::run(), None, 0.5)).unwrap();
        let of_many = serde_json::to_value(CampaignDocument::of(&samples::campaign(), 0.5)).unwrap();
        let keys = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&of_run), keys(&of_many));
        assert_eq!(of_run["findings"][0]["invariant"], "acked_is_kept");
    }
}
