//! Campaigns: many seeds on all cores.
//!
//! Seeds are handed out one by one; each worker keeps the memory of its last world for the next. What comes
//! out is the same for any number of jobs: sums, and findings in order of their seeds. Failures that are alike
//! are one finding; the smallest seed stands for all of them, and it alone leaves a capsule.
//! Deliberately absent: a clock. Whoever wants a campaign to end after a while brings the `stop`.

mod any;

pub use any::{AnyScenario, Info, PlayError, Ran, Request, Worker};

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::ops::{Range, RangeFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::capsule;
use crate::likeness::Likeness;
use crate::record::{CampaignRecord, Finding};
use crate::seed::Seed;
use crate::settings::Overrides;

/// How far a campaign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Runs that have ended.
    pub runs: u64,
    /// Runs in all; `None` if it goes on until it is stopped.
    pub of: Option<u64>,
    /// Failures among them.
    pub findings: u64,
    /// Events of all of them.
    pub events: u64,
}

/// Why a campaign did not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CampaignError {
    /// What was set cannot be together.
    #[error("{scenario}: impossible settings: {why}")]
    Settings {
        /// The scenario that says so.
        scenario: &'static str,
        /// Why.
        why: String,
    },
    /// The system gave no threads.
    #[error("cannot start {jobs} jobs: {why}")]
    Jobs {
        /// How many were asked for.
        jobs: usize,
        /// Why.
        why: String,
    },
}

type Stop<'a> = &'a (dyn Fn() -> bool + Sync);
type Watch<'a> = &'a (dyn Fn(&Progress) + Sync);

/// Many runs, before they happen.
pub struct Campaign<'a> {
    scenarios: &'a [&'a dyn AnyScenario],
    from: u64,
    to: Option<u64>,
    jobs: usize,
    overrides: Overrides,
    quirks: Vec<String>,
    verify_every: u64,
    out: Option<PathBuf>,
    stop: Stop<'a>,
    watch: Watch<'a>,
}

impl<'a> Campaign<'a> {
    /// Every seed runs each of `scenarios`. Unless said otherwise: 100 seeds, one job, every 50th verified.
    pub fn of(scenarios: &'a [&'a dyn AnyScenario]) -> Self {
        Self {
            scenarios,
            from: 0,
            to: Some(100),
            jobs: 1,
            overrides: Overrides::default(),
            quirks: Vec::new(),
            verify_every: 50,
            out: None,
            stop: &|| false,
            watch: &|_| (),
        }
    }

    /// These seeds.
    #[must_use]
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        (self.from, self.to) = (seeds.start, Some(seeds.end));
        self
    }

    /// From here on, until it is stopped.
    #[must_use]
    pub fn seeds_from(mut self, seeds: RangeFrom<u64>) -> Self {
        (self.from, self.to) = (seeds.start, None);
        self
    }

    /// On so many cores; none counts as one.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }

    /// With these settings in every run.
    #[must_use]
    pub fn overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// With these known mistakes switched on.
    #[must_use]
    pub fn quirks(mut self, quirks: Vec<String>) -> Self {
        self.quirks = quirks;
        self
    }

    /// Every so many seeds a run is repeated to see whether it agrees with itself; 0 is never. Every failure
    /// is in any case.
    #[must_use]
    pub fn verify_every(mut self, seeds: u64) -> Self {
        self.verify_every = seeds;
        self
    }

    /// Capsules of failures go to this directory, which exists.
    #[must_use]
    pub fn out(mut self, directory: &Path) -> Self {
        self.out = Some(directory.to_owned());
        self
    }

    /// Asked before each run; once it says so, no other begins.
    #[must_use]
    pub fn stop(mut self, stop: Stop<'a>) -> Self {
        self.stop = stop;
        self
    }

    /// Called after each run, by any job.
    #[must_use]
    pub fn watch(mut self, watch: Watch<'a>) -> Self {
        self.watch = watch;
        self
    }

    /// Runs it.
    pub fn run(&self) -> Result<CampaignRecord, CampaignError> {
        for scenario in self.scenarios {
            scenario
                .settings(Seed(self.from), &self.overrides)
                .map_err(|why| CampaignError::Settings { scenario: scenario.info().name, why })?;
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.jobs)
            .build()
            .map_err(|error| CampaignError::Jobs { jobs: self.jobs, why: error.to_string() })?;
        let shared = Shared::default();
        let parts = pool.broadcast(|_| self.work(&shared));
        let mut record = self.gather(parts);
        let buckets = shared.buckets.into_inner().expect("whoever writes a capsule does not panic");
        for ((scenario, likeness), kept) in buckets {
            let of = |finding: &&mut Finding| {
                finding.record.scenario == scenario && finding.likeness.as_ref() == Some(&likeness)
            };
            match kept.capsule {
                Ok(path) => {
                    record.findings.iter_mut().filter(of).for_each(|it| it.capsule = Some(path.clone()));
                }
                Err(problem) => record.problems.push(problem),
            }
        }
        record.settle();
        Ok(record)
    }

    /// How many runs there are at most.
    fn size(&self) -> Option<u64> {
        self.to.map(|to| to.saturating_sub(self.from) * self.scenarios.len() as u64)
    }

    /// One job: takes a number, runs what it means, until there are none.
    fn work(&self, shared: &Shared) -> Part {
        let mut workers: Vec<Option<Box<dyn Worker + '_>>> = Vec::new();
        workers.resize_with(self.scenarios.len(), || None);
        let mut part = Part { reached: vec![Reached::default(); self.scenarios.len()], ..Part::default() };
        let count = self.scenarios.len() as u64;
        while count > 0 && !(self.stop)() {
            let number = shared.next.fetch_add(1, Ordering::Relaxed);
            if self.size().is_some_and(|size| number >= size) {
                break;
            }
            part.beyond = part.beyond.max(number + 1);
            let (seed, place) = (self.from + number / count, (number % count) as usize);
            let worker = workers[place].get_or_insert_with(|| self.scenarios[place].worker());
            let verify = self.verify_every != 0 && seed.is_multiple_of(self.verify_every);
            let request = Request { overrides: &self.overrides, quirks: &self.quirks, verify };
            self.take(&mut part, shared, place, worker.run(Seed(seed), &request));
            part.record.verified += u64::from(verify);
            self.tell(shared, &part.last);
        }
        part
    }

    fn take(&self, part: &mut Part, shared: &Shared, place: usize, ran: Result<Ran, String>) {
        let Ran { record, capsule } = match ran {
            Ok(ran) => ran,
            Err(problem) => {
                part.record.problems.push(problem);
                part.last = Last::default();
                return;
            }
        };
        let reached = &mut part.reached[place];
        reached.wished.extend(&record.sometimes);
        reached.seen.extend(record.tally.exercised.iter().filter(|(_, n)| **n > 0).map(|(name, _)| *name));
        part.record.add(&record);
        part.last = Last { events: record.events, failed: !record.verdict.is_pass() };
        if part.last.failed {
            let finding = Finding::new(record, None);
            if let Some(text) = capsule {
                self.keep(shared, &finding, &text);
            }
            part.record.file(finding);
        }
    }

    /// Writes the capsule of a failure that nothing like it was found of with a smaller seed.
    fn keep(&self, shared: &Shared, finding: &Finding, text: &str) {
        let (Some(out), Some(likeness)) = (&self.out, &finding.likeness) else { return };
        let (scenario, seed) = (finding.record.scenario, finding.record.seed.0);
        let mut buckets = shared.buckets.lock().expect("whoever writes a capsule does not panic");
        let bucket = buckets.entry((scenario, likeness.clone()));
        if let Entry::Occupied(kept) = &bucket
            && kept.get().seed < seed
        {
            return;
        }
        let path = out.join(format!("{scenario}-{seed}.capsule.json"));
        let capsule = match capsule::write(&path, text) {
            Ok(()) => Ok(path.display().to_string()),
            Err(error) => Err(format!("{}: cannot be written: {error}", path.display())),
        };
        let larger = match bucket {
            Entry::Occupied(mut kept) => Some(kept.insert(Kept { seed, capsule })),
            Entry::Vacant(place) => {
                place.insert(Kept { seed, capsule });
                None
            }
        };
        if let Some(Kept { capsule: Ok(path), .. }) = larger {
            // Another core was faster with a larger seed. If its file stays it is one too many, no more.
            let _ = std::fs::remove_file(path);
        }
    }

    fn tell(&self, shared: &Shared, last: &Last) {
        let add = |to: &AtomicU64, more: u64| to.fetch_add(more, Ordering::Relaxed) + more;
        (self.watch)(&Progress {
            runs: add(&shared.runs, 1),
            of: self.size(),
            findings: add(&shared.findings, u64::from(last.failed)),
            events: add(&shared.events, last.events),
        });
    }

    /// All parts together, in an order that does not depend on who did what.
    fn gather(&self, parts: Vec<Part>) -> CampaignRecord {
        let mut whole = CampaignRecord {
            scenarios: self.scenarios.iter().map(|scenario| scenario.info().name).collect(),
            ..CampaignRecord::default()
        };
        let mut reached = vec![Reached::default(); self.scenarios.len()];
        let mut beyond = 0;
        for part in parts {
            whole.absorb(part.record);
            beyond = beyond.max(part.beyond);
            for (all, more) in reached.iter_mut().zip(part.reached) {
                all.wished.extend(more.wished);
                all.seen.extend(more.seen);
            }
        }
        for (name, reached) in whole.scenarios.iter().zip(&reached) {
            whole.never.extend(reached.wished.difference(&reached.seen).map(|what| (*name, *what)));
        }
        whole.seeds.from = self.from;
        whole.seeds.to = self.from + beyond.div_ceil(self.scenarios.len().max(1) as u64);
        whole.stopped = self.size().is_some_and(|size| beyond < size);
        whole
    }
}

/// What all jobs share.
#[derive(Default)]
struct Shared {
    next: AtomicU64,
    runs: AtomicU64,
    findings: AtomicU64,
    events: AtomicU64,
    /// Of each failure the smallest seed so far, and the scenario that it is one of.
    buckets: Mutex<BTreeMap<(&'static str, Likeness), Kept>>,
}

/// A capsule that was written, or not and why.
struct Kept {
    seed: u64,
    capsule: Result<String, String>,
}

/// What one job did.
#[derive(Default)]
struct Part {
    record: CampaignRecord,
    reached: Vec<Reached>,
    /// One more than the highest number it took.
    beyond: u64,
    last: Last,
}

#[derive(Default)]
struct Last {
    events: u64,
    failed: bool,
}

/// What a scenario wishes to have been exercised, and what was.
#[derive(Clone, Default)]
struct Reached {
    wished: BTreeSet<&'static str>,
    seen: BTreeSet<&'static str>,
}
