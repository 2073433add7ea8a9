//! `squall run`: one seed of one scenario.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use squall_reports::CampaignDocument;
use squall_sim::campaign::{AnyScenario, Ran, Request};
use squall_sim::capsule;
use squall_sim::plan::written::Beside;
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;
use squall_sim::timeline::Watch;

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
    /// Take the faults, settings and quirks from this TOML file instead of drawing them.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Write the seed's plan to this file, as TOML to go on from, and run it.
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    write_plan: Option<PathBuf>,
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
    let began: Instant = clock::now();
    let mut watcher = args.watch.watcher(args.output.json)?;
    let watching = watcher.as_mut();
    let ran = match &args.plan {
        Some(file) => run_written(args, scenario, file, &overrides, &quirks, watching)?,
        None => {
            let request = Request { overrides: &overrides, quirks: &quirks, verify: false };
            run_drawn(args, scenario, &request, watching)?
        }
    };
    watcher.map_or(Ok(()), Watcher::finish)?;
    let capsule = match &ran.capsule {
        Some(text) => Some(capsules.keep(scenario.info().name, ran.record.seed.0, text)?),
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

/// What the seed draws.
fn run_drawn(
    args: &RunArgs,
    scenario: &dyn AnyScenario,
    request: &Request<'_>,
    watcher: Option<&mut Watcher>,
) -> Result<Ran, Failure> {
    let seed = Seed(args.seed.unwrap_or_else(clock::fresh_seed));
    if let Some(file) = &args.write_plan {
        let text = scenario.write_plan(seed, request).map_err(Failure::bad)?;
        capsule::write(file, &text)
            .map_err(|error| Failure::bad(format_args!("{}: cannot be written: {error}", file.display())))?;
    }
    let ran = match watcher {
        Some(watcher) => scenario.run_traced(seed, request, watcher),
        None => scenario.worker().run(seed, request),
    };
    ran.map_err(Failure::bad)
}

/// What somebody wrote.
fn run_written(
    args: &RunArgs,
    scenario: &dyn AnyScenario,
    file: &Path,
    overrides: &Overrides,
    quirks: &[String],
    watcher: Option<&mut Watcher>,
) -> Result<Ran, Failure> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::bad(format_args!("{name}: cannot be read: {error}")))?;
    let fresh = Seed(clock::fresh_seed());
    let beside = Beside { seed: args.seed.map(Seed), fresh, overrides, quirks };
    let sink = watcher.map(|watcher| watcher as &mut dyn Watch);
    scenario.run_written(&name, &text, &beside, sink).map_err(Failure::bad)
}
