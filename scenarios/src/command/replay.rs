//! `squall replay`: a capsule again, bit for bit.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use squall_core::time::Time;
use squall_reports::{CampaignDocument, still};
use squall_sim::capsule;
use squall_sim::run::{Departure, Replay};
use squall_sim::steps::Difference;
use squall_sim::timeline::Watch;

use crate::command::watch::{self, WatchArgs, Watcher};
use crate::command::{Failure, Found, Output, clock, logs, output, scenario};

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The capsule, a file that a failing run left.
    capsule: PathBuf,
    #[command(flatten)]
    watch: WatchArgs,
    /// Only print every node's state at this virtual time: 12.5s, 300ms.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["trace", "history"])]
    at: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// A run's document, and whether it went as its capsule says.
#[derive(Debug, Serialize)]
struct Replayed {
    #[serde(flatten)]
    run: CampaignDocument,
    /// `null`: bit for bit.
    departs: Option<Departs>,
}

/// Where a replay first differs from its capsule.
#[derive(Debug, Serialize)]
struct Departs {
    /// The last event known to be alike.
    after: u64,
    /// The first known to differ; `null`: only the end does.
    event: Option<u64>,
    /// What was expected there, if the capsule knows its events; `null`: the end, or not known.
    expected: Option<String>,
    /// What came.
    came: Option<String>,
    /// Whether the failure is still there.
    failure: &'static str,
    /// All of it in one line.
    message: String,
}

impl Departs {
    fn of(departure: &Departure) -> Self {
        let difference = departure.difference.clone();
        let (failure, message) = (departure.failure.name(), departure.to_string());
        match difference {
            Some(Difference { after, event, expected, came, .. }) => {
                Self { after, event: Some(event), expected, came, failure, message }
            }
            None => {
                let (after, event) = (departure.after, departure.before);
                Self { after, event, expected: None, came: None, failure, message }
            }
        }
    }
}

pub(super) fn replay(args: &ReplayArgs) -> Result<Found, Failure> {
    logs::install(args.output.log.as_deref())?;
    let at = args.at.as_deref().map(watch::time).transpose()?;
    let file = args.capsule.display().to_string();
    let text = capsule::load(&args.capsule).map_err(Failure::bad)?;
    let header = capsule::header(&file, &text).map_err(Failure::bad)?;
    let scenario = scenario(&header.scenario)
        .map_err(|_| Failure::bad(format_args!("{file}: unknown scenario `{}`", header.scenario)))?;
    if let Some(at) = at {
        let still = scenario.still_at(&file, &text, Time(at)).map_err(Failure::bad)?;
        if args.output.json {
            output::json(&still::document(&still))?;
        } else {
            output::text(&still::told(&still));
        }
        return Ok(Found::Nothing);
    }
    let began: Instant = clock::now();
    let mut watcher = args.watch.watcher(args.output.json)?;
    let sink = watcher.as_mut().map(|watcher| watcher as &mut dyn Watch);
    let replay = scenario.replay(&file, &text, sink).map_err(Failure::bad)?;
    watcher.map_or(Ok(()), Watcher::finish)?;
    if args.output.json {
        let wall = began.elapsed().as_secs_f64();
        let run = CampaignDocument::of_run(&replay.record, Some(&file), wall);
        output::json(&Replayed { run, departs: replay.departs.as_ref().map(Departs::of) })?;
    } else {
        output::text(&squall_reports::run::summary(&replay.record, Some(&file)));
        tell(&replay, &file, &header.squall);
    }
    Ok(Found::from(&replay.record.verdict))
}

/// Whether it went as the capsule says, in one line.
fn tell(replay: &Replay, file: &str, written_by: &str) {
    match &replay.departs {
        None => output::line(format_args!("replay      as {file} says, bit for bit")),
        Some(how) => output::line(format_args!(
            "replay      not as {file} says (written by squall {written_by}, this is {}): {how}",
            env!("CARGO_PKG_VERSION")
        )),
    }
}
