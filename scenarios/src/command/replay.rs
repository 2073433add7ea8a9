//! `squall replay`: a capsule again, bit for bit.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use squall_core::time::Time;
use squall_reports::CampaignDocument;
use squall_sim::capsule;
use squall_sim::run::Replay;

use crate::command::{Failure, Found, Output, clock, logs, output, scenario};

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The capsule, a file that a failing run left.
    capsule: PathBuf,
    /// Print the timeline, a line for each event and each fact that a node reported.
    #[arg(long)]
    trace: bool,
    /// Print the timeline only up to this virtual time: 12.5s, 300ms.
    #[arg(long, value_name = "TIME", requires = "trace")]
    until: Option<String>,
    #[command(flatten)]
    output: Output,
}

pub(super) fn replay(args: &ReplayArgs) -> Result<Found, Failure> {
    logs::install(args.output.log.as_deref())?;
    let until = match &args.until {
        Some(text) => Time(
            squall_sim::fault::text::read(text)
                .map_err(|why| Failure::bad(format_args!("bad time `{text}`: {why}")))?,
        ),
        None => Time(u64::MAX),
    };
    let file = args.capsule.display().to_string();
    let text = capsule::load(&args.capsule).map_err(Failure::bad)?;
    let header = capsule::header(&file, &text).map_err(Failure::bad)?;
    let scenario = scenario(&header.scenario)
        .map_err(|_| Failure::bad(format_args!("{file}: unknown scenario `{}`", header.scenario)))?;
    let began: Instant = clock::now();
    let mut sink = |at: Time, line: &str| {
        if at <= until {
            output::line(format_args!("{line}"));
        }
    };
    let traced = args.trace && !args.output.json;
    let replay = scenario.replay(&file, &text, traced.then_some(&mut sink)).map_err(Failure::bad)?;
    if args.output.json {
        let wall = began.elapsed().as_secs_f64();
        output::text(&CampaignDocument::of_run(&replay.record, Some(&file), wall).to_text());
    } else {
        output::text(&squall_reports::run::summary(&replay.record, Some(&file)));
        tell(&replay, &file, &header.squall);
    }
    Ok(found(&replay))
}

/// Whether it went as the capsule says, in one line.
fn tell(replay: &Replay, file: &str, written_by: &str) {
    match &replay.departs {
        None => output::line(format_args!("replay       as {file} says, bit for bit")),
        Some(how) => output::line(format_args!(
            "replay       not as {file} says (written by squall {written_by}, this is {}): {how}",
            env!("CARGO_PKG_VERSION")
        )),
    }
}

/// The failure is still there, or it is gone; a run that differs from its capsule on the same version is
/// nondeterminism.
fn found(replay: &Replay) -> Found {
    Found::from(&replay.record.verdict)
}
