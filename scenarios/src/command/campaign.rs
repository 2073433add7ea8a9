//! `squall campaign`: many seeds on all cores.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use squall_reports::CampaignDocument;
use squall_sim::campaign::{AnyScenario, Campaign};
use squall_sim::capsule;
use squall_sim::record::{CampaignRecord, Finding, ShrunkFinding, Verdict};

use crate::command::capsules::Capsules;
use crate::command::progress::Bar;
use crate::command::shrink::{self, Job};
use crate::command::{Changes, Failure, Found, Output, clock, cores, logs, output, scenario, seeds};
use crate::scenarios;

/// How long a campaign goes on that nobody gave a length.
const HALF_A_MINUTE: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct CampaignArgs {
    /// The scenarios; without any, all of them.
    scenarios: Vec<String>,
    /// These seeds: A..B (without B), or one.
    #[arg(long, value_name = "A..B", conflicts_with = "lasts")]
    seeds: Option<String>,
    /// Fresh seeds for so long: 30s, 5m, 2h.
    #[arg(long = "for", value_name = "TIME", id = "lasts")]
    lasts: Option<String>,
    /// How many runs at once; without it, as many as there are cores.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Where capsules of failures go.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Repeat every N-th seed to see whether it agrees with itself; 0 is never. Failures always are.
    #[arg(long, value_name = "N", default_value_t = 50)]
    verify_every: u64,
    /// Leave failures as they were found.
    #[arg(long, conflicts_with = "shrink_for")]
    no_shrink: bool,
    /// For how long each distinct failure is shrunk at most.
    #[arg(long, value_name = "TIME", default_value = "20s")]
    shrink_for: String,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    output: Output,
}

/// How many distinct failures are shrunk at most: with more, something is wrong that one of them shows.
const SHRUNK: usize = 10;

/// Set by Ctrl-C: what was run until then is told all the same.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

pub(super) fn campaign(args: &CampaignArgs) -> Result<Found, Failure> {
    logs::install(args.output.log.as_deref())?;
    let chosen = chosen(&args.scenarios)?;
    let overrides = args.changes.overrides(&chosen)?;
    let quirks = args.changes.quirks(&chosen)?;
    let range = args.seeds.as_deref().map(seeds::range).transpose()?;
    let lasts = match (&args.lasts, &range) {
        (Some(text), _) => Some(seeds::duration(text)?),
        (None, None) => Some(HALF_A_MINUTE),
        (None, Some(_)) => None,
    };
    let shrink_for = seeds::duration(&args.shrink_for)?;
    let capsules = Capsules::into(args.out.as_deref())?;
    // Without it Ctrl-C ends the command with nothing told; no reason not to begin.
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
    let began: Instant = clock::now();
    let bar = Bar::new(began, lasts);
    let stop = || INTERRUPTED.load(Ordering::Relaxed) || lasts.is_some_and(|lasts| began.elapsed() >= lasts);
    let watch = |progress: &_| bar.tell(progress);
    let campaign = Campaign::of(&chosen)
        .jobs(args.jobs.unwrap_or_else(cores))
        .overrides(overrides)
        .quirks(quirks)
        .verify_every(args.verify_every)
        .out(capsules.directory())
        .stop(&stop)
        .watch(&watch);
    let campaign = match range {
        Some(range) => campaign.seeds(range),
        None => campaign.seeds_from(clock::fresh_seed()..),
    };
    let mut record = campaign.run().map_err(Failure::bad)?;
    bar.end();
    let ran = began.elapsed();
    if !args.no_shrink {
        shrink_all(&mut record, shrink_for, args.jobs.unwrap_or_else(cores));
    }
    tell(&record, args.output.json, ran);
    Ok(found(&record))
}

/// Shrinks each distinct failure; what cannot be is a problem of the campaign, and no end.
fn shrink_all(record: &mut CampaignRecord, lasts: Duration, jobs: usize) {
    for finding in record.findings.iter_mut().take(SHRUNK) {
        if INTERRUPTED.load(Ordering::Relaxed) || lasts.is_zero() {
            return;
        }
        match shrink_one(finding, lasts, jobs) {
            Ok(shrunk) => finding.shrunk = shrunk,
            Err(Failure::BadInput(problem) | Failure::Internal(problem)) => record.problems.push(problem),
        }
    }
}

fn shrink_one(finding: &Finding, lasts: Duration, jobs: usize) -> Result<Option<ShrunkFinding>, Failure> {
    // Two runs that differ have nothing in common that could be kept.
    let (Some(path), false) =
        (&finding.capsule, matches!(finding.record.verdict, Verdict::Nondeterminism { .. }))
    else {
        return Ok(None);
    };
    let text = capsule::load(Path::new(path)).map_err(Failure::bad)?;
    let scenario = scenario(finding.record.scenario)?;
    let out = shrink::smaller_name(Path::new(path));
    let job = Job { scenario, file: path, text: &text, lasts: Some(lasts), jobs };
    let shrunk = job.run(&shrink::note_name(&out), &|| INTERRUPTED.load(Ordering::Relaxed))?;
    shrink::write(&out, &shrunk.text)?;
    Ok(Some(ShrunkFinding {
        capsule: out.display().to_string(),
        faults: shrunk.faults,
        operations: shrunk.operations,
        finished: shrunk.finished,
    }))
}

fn chosen(names: &[String]) -> Result<Vec<&'static dyn AnyScenario>, Failure> {
    if names.is_empty() {
        return Ok(scenarios().to_vec());
    }
    names.iter().map(|name| scenario(name)).collect()
}

fn tell(record: &CampaignRecord, json: bool, wall: Duration) {
    let seconds = wall.as_secs_f64();
    if json {
        output::text(&CampaignDocument::of(record, seconds).to_text());
        return;
    }
    output::text(&squall_reports::campaign::table(record));
    let runs: u64 = record.verdicts.values().sum();
    output::line(format_args!(
        "speed        {runs} runs in {seconds:.1} s: {:.0} runs and {:.0} events a second",
        runs as f64 / seconds,
        record.events as f64 / seconds
    ));
}

fn found(record: &CampaignRecord) -> Found {
    let worst = record.findings.iter().map(|finding| Found::from(&finding.record.verdict)).max();
    match worst {
        Some(found) => found,
        // A green campaign that checked nothing is red.
        None if record.verdict() == "pass" => Found::Nothing,
        None => Found::Something,
    }
}
