//! `squall run`: one seed of one scenario.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use squall_reports::CampaignDocument;
use squall_sim::campaign::Request;
use squall_sim::seed::Seed;

use crate::command::capsules::Capsules;
use crate::command::watch::{WatchArgs, Watcher};
use crate::command::{Changes, Failure, Found, Output, clock, logs, output, scenario};

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The scenario; `squall list` names them.
    scenario: String,
    /// The seed; without it a fresh one.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    watch: WatchArgs,
    /// Where the capsule of a failure goes.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    output: Output,
}

pub(super) fn run(args: &RunArgs) -> Result<Found, Failure> {
    logs::install(args.output.log.as_deref())?;
    let scenario = scenario(&args.scenario)?;
    let overrides = args.changes.overrides(&[scenario])?;
    let quirks = args.changes.quirks(&[scenario])?;
    let capsules = Capsules::into(args.out.as_deref())?;
    let seed = Seed(args.seed.unwrap_or_else(clock::fresh_seed));
    let request = Request { overrides: &overrides, quirks: &quirks, verify: false };
    let began: Instant = clock::now();
    let mut watcher = args.watch.watcher(args.output.json)?;
    let ran = match &mut watcher {
        Some(watcher) => scenario.run_traced(seed, &request, watcher),
        None => scenario.worker().run(seed, &request),
    };
    let ran = ran.map_err(Failure::bad)?;
    watcher.map_or(Ok(()), Watcher::finish)?;
    let capsule = match &ran.capsule {
        Some(text) => Some(capsules.keep(scenario.info().name, seed.0, text)?),
        None => None,
    };
    if args.output.json {
        let document =
            CampaignDocument::of_run(&ran.record, capsule.as_deref(), began.elapsed().as_secs_f64());
        output::text(&document.to_text());
    } else {
        output::text(&squall_reports::run::summary(&ran.record, capsule.as_deref()));
    }
    Ok(Found::from(&ran.record.verdict))
}
