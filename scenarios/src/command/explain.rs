//! `squall explain`: which fault is needed, and for what.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use squall_sim::capsule;
use squall_sim::shrink::Bounds;

use crate::command::progress::Spinner;
use crate::command::shrink::{Job, note_name, quietly, smaller_name};
use crate::command::{Failure, Found, Output, clock, cores, logs, output, scenario, seeds};

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The capsule, a file that a failing run left. It is shrunk first; what is explained is the smallest plan.
    capsule: PathBuf,
    /// Explain the plan as it is in the capsule.
    #[arg(long)]
    as_it_is: bool,
    /// For how long it is shrunk, and then explained, at most: 30s, 5m.
    #[arg(long = "for", value_name = "TIME", default_value = "60s")]
    lasts: String,
    /// How many runs at once; without it, as many as there are cores.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    #[command(flatten)]
    output: Output,
}

/// Set by Ctrl-C: what is known by then is told.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

pub(super) fn explain(args: &ExplainArgs) -> Result<Found, Failure> {
    logs::install(args.output.log.as_deref())?;
    let lasts: Duration = seeds::duration(&args.lasts)?;
    let file = args.capsule.display().to_string();
    let mut text = capsule::load(&args.capsule).map_err(Failure::bad)?;
    let header = capsule::header(&file, &text).map_err(Failure::bad)?;
    let scenario = scenario(&header.scenario)
        .map_err(|_| Failure::bad(format_args!("{file}: unknown scenario `{}`", header.scenario)))?;
    let jobs = args.jobs.unwrap_or_else(cores);
    // Without it Ctrl-C ends the command with nothing told; no reason not to begin.
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
    let stopped = || INTERRUPTED.load(Ordering::Relaxed);
    if !args.as_it_is {
        let job = Job { scenario, file: &file, text: &text, lasts: Some(lasts), jobs };
        let note = note_name(&smaller_name(&args.capsule));
        text = job.run(&note, &stopped)?.text;
    }
    let began: Instant = clock::now();
    let spinner = Spinner::new(began);
    let over = || stopped() || began.elapsed() >= lasts;
    let watch = |progress: &_| spinner.tell(progress);
    let bounds = Bounds { jobs, runs: u64::MAX, stop: &over, watch: &watch };
    let explained = quietly(|| scenario.explain(&file, &text, &bounds));
    spinner.end();
    let explained = explained.map_err(Failure::bad)?;
    if args.output.json {
        output::json(&explained)?;
    } else {
        output::text(&squall_reports::explain::table(&explained));
    }
    Ok(Found::Nothing)
}
