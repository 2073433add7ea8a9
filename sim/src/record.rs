//! Records: what a run and a campaign leave behind.
//!
//! Holds: verdicts, counters, findings, in plain values. Read by `reports`, which turns them into tables
//! and documents. Deliberately absent: wall time, which no run knows.

use std::collections::BTreeMap;

use squall_core::time::Time;

use crate::fingerprint::Fingerprint;
use crate::likeness::Likeness;
use crate::seed::Seed;

/// How often each of something happened, by its name.
pub type Counts = BTreeMap<&'static str, u64>;

/// A promise that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The promise's name.
    pub invariant: &'static str,
    /// What happened instead; one line.
    pub message: String,
    /// Who, which offset, which epoch, when.
    pub evidence: Vec<(String, String)>,
    /// The world's time.
    pub at: Time,
}

impl Violation {
    /// A violation without evidence yet.
    pub fn new(invariant: &'static str, message: impl Into<String>, at: Time) -> Self {
        Self { invariant, message: message.into(), evidence: Vec::new(), at }
    }

    /// And this is known about it.
    #[must_use]
    pub fn with(mut self, what: impl Into<String>, value: impl ToString) -> Self {
        self.evidence.push((what.into(), value.to_string()));
        self
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All held.
    Pass,
    /// A promise was broken.
    Violation(Violation),
    /// The calm did not converge in its time, or the run had more events than it may.
    Stall {
        /// What was waited for.
        reason: String,
    },
    /// The same plan went two ways.
    Nondeterminism {
        /// The first event (from 1) after which the two differ.
        event: u64,
        /// What happened there, in both.
        what: String,
    },
    /// Something panicked: the system under test, or this testbed.
    InternalError {
        /// The panic's words.
        message: String,
    },
}

impl Verdict {
    /// Its name in documents and capsules.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Violation(_) => "violation",
            Self::Stall { .. } => "stall",
            Self::Nondeterminism { .. } => "nondeterminism",
            Self::InternalError { .. } => "internal-error",
        }
    }

    /// Whether all held.
    pub const fn is_pass(&self) -> bool {
        matches!(self, Self::Pass)
    }

    /// The broken promise's name.
    pub const fn invariant(&self) -> Option<&'static str> {
        match self {
            Self::Violation(violation) => Some(violation.invariant),
            Self::Pass | Self::Stall { .. } | Self::Nondeterminism { .. } | Self::InternalError { .. } => {
                None
            }
        }
    }

    /// One line on what was wrong; empty for a pass.
    pub fn message(&self) -> String {
        match self {
            Self::Pass => String::new(),
            Self::Violation(violation) => violation.message.clone(),
            Self::Stall { reason } => reason.clone(),
            Self::Nondeterminism { event, what } => format!("two runs part at event {event}: {what}"),
            Self::InternalError { message } => message.clone(),
        }
    }
}

/// What the checks of a run counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// What the run brought about: elections, truncations, take-overs.
    pub exercised: Counts,
    /// What went wrong and was allowed to, by the reason that allows it.
    pub permitted: Counts,
    /// How often each check compared something.
    pub compared: Counts,
}

/// Something that was lost with permission, for people who want to see why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermittedLoss {
    /// Its name among what was permitted.
    pub what: &'static str,
    /// What was lost.
    pub about: String,
    /// Why it may be: who had it, and what became of each copy.
    pub because: Vec<(String, String)>,
}

/// What one run leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The scenario's name.
    pub scenario: &'static str,
    /// The world's seed.
    pub seed: Seed,
    /// How it ended.
    pub verdict: Verdict,
    /// The kind of event on which a promise was broken, or `the end`.
    pub failed_on: Option<&'static str>,
    /// How many events it had.
    pub events: u64,
    /// How much time passed in it, in nanoseconds.
    pub virtual_ns: u64,
    /// The digest of all events.
    pub fingerprint: Fingerprint,
    /// The digest along the way, for telling where a replay departs: after so many events, this.
    pub trail: Vec<(u64, Fingerprint)>,
    /// Faults that took effect, by kind.
    pub faults: Counts,
    /// Faults that found no target or no effect.
    pub skipped: u64,
    /// Why the calm was not waited for, if the budget excused it.
    pub excused: Option<String>,
    /// What the checks counted.
    pub tally: Tally,
    /// A few of the permitted losses.
    pub permits: Vec<PermittedLoss>,
    /// The names of `exercised` that a campaign of this scenario must reach.
    pub sometimes: Vec<&'static str>,
    /// After a failure: the last events, oldest first.
    pub last_events: Vec<String>,
}

/// A failure that a campaign found, in as many seeds as it was found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The whole record of the smallest seed's run.
    pub record: RunRecord,
    /// What all of its runs have in common; `None` only of a run that passed.
    pub likeness: Option<Likeness>,
    /// All seeds that fail so, in order.
    pub seeds: Vec<u64>,
    /// The file that repeats it.
    pub capsule: Option<String>,
    /// The same failure, smaller.
    pub shrunk: Option<ShrunkFinding>,
}

/// What shrinking made of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShrunkFinding {
    /// The file that repeats it.
    pub capsule: String,
    /// How many faults there were, and are.
    pub faults: (usize, usize),
    /// How many operations there were, and are.
    pub operations: (usize, usize),
    /// Whether nothing smaller is left to try.
    pub finished: bool,
}

impl Finding {
    /// One run's failure.
    pub fn new(record: RunRecord, capsule: Option<String>) -> Self {
        let (likeness, seeds) = (Likeness::of(&record), vec![record.seed.0]);
        Self { record, likeness, seeds, capsule, shrunk: None }
    }

    /// Takes in what is the same failure; the smaller seed stands for both.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        if other.record.seed < self.record.seed {
            std::mem::swap(self, &mut other);
        }
        self.seeds.append(&mut other.seeds);
    }
}

/// Which seeds a campaign ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeedsRun {
    /// The first.
    pub from: u64,
    /// One beyond the last that was begun.
    pub to: u64,
    /// How many runs there were: seeds times scenarios, unless it was stopped early.
    pub run: u64,
}

/// What a campaign leaves behind. The same for any number of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CampaignRecord {
    /// The scenarios' names, in the order given.
    pub scenarios: Vec<&'static str>,
    /// The seeds.
    pub seeds: SeedsRun,
    /// Whether it was stopped before its last seed.
    pub stopped: bool,
    /// Events of all runs.
    pub events: u64,
    /// Virtual time of all runs, in nanoseconds.
    pub virtual_ns: u128,
    /// Faults that took effect, by kind.
    pub faults: Counts,
    /// Faults that found no target or no effect.
    pub skipped: u64,
    /// How many runs ended with each verdict.
    pub verdicts: Counts,
    /// How many runs were repeated to see whether they agree with themselves.
    pub verified: u64,
    /// What all checks counted.
    pub tally: Tally,
    /// What some scenario must reach and no run of it did, with the scenario's name.
    pub never: Vec<(&'static str, &'static str)>,
    /// All failures, each in the bucket of those that are like it, by smallest seed, then scenario.
    pub findings: Vec<Finding>,
    /// Capsules that could not be written, a line each.
    pub problems: Vec<String>,
}

impl CampaignRecord {
    /// The worst verdict of all runs. `vacuous` if nothing was ever compared: a green that says nothing.
    pub fn verdict(&self) -> &'static str {
        let worst = ["internal-error", "nondeterminism", "violation", "stall"];
        match worst.into_iter().find(|name| self.verdicts.contains_key(name)) {
            Some(name) => name,
            None if self.tally.compared.values().all(|count| *count == 0) => "vacuous",
            None => "pass",
        }
    }

    /// Adds `other`, another part of the same campaign. The order of parts does not matter once
    /// [`CampaignRecord::settle`] has run.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.seeds.run += other.seeds.run;
        self.events += other.events;
        self.virtual_ns += other.virtual_ns;
        self.skipped += other.skipped;
        self.verified += other.verified;
        sum(&mut self.faults, &other.faults);
        sum(&mut self.verdicts, &other.verdicts);
        self.add_tally(&other.tally);
        other.findings.into_iter().for_each(|finding| self.file(finding));
        self.problems.extend(other.problems);
    }

    /// Puts a failure to those that are like it.
    pub(crate) fn file(&mut self, finding: Finding) {
        let like = |known: &&mut Finding| {
            known.record.scenario == finding.record.scenario && known.likeness == finding.likeness
        };
        match self.findings.iter_mut().find(like) {
            Some(known) => known.absorb(finding),
            None => self.findings.push(finding),
        }
    }

    /// Adds one run.
    pub(crate) fn add(&mut self, record: &RunRecord) {
        self.seeds.run += 1;
        self.events += record.events;
        self.virtual_ns += u128::from(record.virtual_ns);
        self.skipped += record.skipped;
        sum(&mut self.faults, &record.faults);
        *self.verdicts.entry(record.verdict.name()).or_default() += 1;
        self.add_tally(&record.tally);
    }

    fn add_tally(&mut self, tally: &Tally) {
        sum(&mut self.tally.exercised, &tally.exercised);
        sum(&mut self.tally.permitted, &tally.permitted);
        sum(&mut self.tally.compared, &tally.compared);
    }

    /// Puts what came in any order into its own.
    pub(crate) fn settle(&mut self) {
        self.findings.iter_mut().for_each(|finding| finding.seeds.sort_unstable());
        self.findings.sort_by_key(|finding| (finding.record.seed, finding.record.scenario));
        self.problems.sort();
        self.never.sort_unstable();
    }
}

/// Adds `from` to `into`, name by name.
pub(crate) fn sum(into: &mut Counts, from: &Counts) {
    for (name, count) in from {
        *into.entry(name).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_that_compared_nothing_does_not_pass() {
        let mut record = CampaignRecord::default();
        record.verdicts.insert("pass", 10);
        assert_eq!(record.verdict(), "vacuous");
        record.tally.compared.insert("acked_is_kept", 0);
        assert_eq!(record.verdict(), "vacuous");
        record.tally.compared.insert("acked_is_kept", 1);
        assert_eq!(record.verdict(), "pass");
    }

    #[test]
    fn the_worst_verdict_is_the_campaigns() {
        let mut record = CampaignRecord::default();
        record.tally.compared.insert("acked_is_kept", 1);
        record.verdicts.extend([("pass", 10), ("stall", 1)]);
        assert_eq!(record.verdict(), "stall");
        record.verdicts.insert("violation", 1);
        assert_eq!(record.verdict(), "violation");
        record.verdicts.insert("nondeterminism", 1);
        assert_eq!(record.verdict(), "nondeterminism");
    }
}
