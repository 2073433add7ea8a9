//! The command: reads flags, calls the simulator, prints what people or programs read.
//!
//! Results go to stdout, everything else to stderr. Exit status: 0 all held, 1 something was found, 2 bad
//! usage or bad input (one line that names it), 3 nondeterminism or an internal error. The only room with a
//! real clock, and only for "how long" and "how far".

mod campaign;
mod capsules;
mod check;
mod clock;
mod explain;
mod list;
mod logs;
mod output;
mod progress;
mod replay;
mod report;
mod run;
mod scale;
mod seeds;
mod shrink;
mod watch;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use squall_sim::campaign::AnyScenario;
use squall_sim::knob;
use squall_sim::record::Verdict;
use squall_sim::settings::Overrides;

use crate::scenarios;

/// A deterministic simulation testbed for distributed messaging.
#[derive(Debug, Parser)]
#[command(name = "squall", version, propagate_version = true)]
#[command(after_help = "\
Exit status: 0 all held; 1 a violation or a stall was found; 2 bad usage or bad input;
3 nondeterminism or an internal error.

First steps:
  squall campaign                                     every scenario, fresh seeds, half a minute
  squall campaign replicated-log --quirk trunc-to-hw  the same with a historical mistake switched on
  squall replay FILE.capsule.json --trace             a failure again, exactly, line by line
  squall shrink FILE.capsule.json                     the same failure, with the few faults that matter
  squall check history.edn                            what is wrong with a history of another system")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What there is, one line each.
    List {
        /// scenarios, faults, invariants, quirks, settings, or what faults can be aimed at: facts, messages.
        #[arg(default_value = "scenarios")]
        what: String,
        /// Of this scenario (settings, quirks).
        #[arg(long, value_name = "SCENARIO")]
        scenario: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// One run of one scenario, with a summary.
    Run(run::RunArgs),
    /// Many seeds on all cores; without arguments every scenario over fresh seeds for half a minute.
    Campaign(campaign::CampaignArgs),
    /// A capsule again, exactly.
    Replay(replay::ReplayArgs),
    /// The same failure, smaller: fewer faults, operations, clients, servers, and calmer settings.
    Shrink(shrink::ShrinkArgs),
    /// Which fault is needed, and for what; and what happened, in plain sentences.
    Explain(explain::ExplainArgs),
    /// A capsule's run as one page, and as Markdown, a trace and histories.
    Report(report::ReportArgs),
    /// A history from elsewhere: every anomaly in what clients saw, each with its operations.
    Check(check::CheckArgs),
    /// What more partitions and consumers bring: throughput and the time of a rebalance, as a table and a chart.
    Scale(scale::ScaleArgs),
}

/// How results are printed.
#[derive(Debug, Clone, Args)]
struct Output {
    /// Print one JSON document on stdout, and nothing else there.
    #[arg(long)]
    json: bool,
    /// Log what happens to stderr, with virtual time in front: error, warn, info, debug or trace, or a
    /// filter such as `squall_sim=debug`.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

/// How the world is changed from what a seed draws.
#[derive(Debug, Clone, Args)]
struct Changes {
    /// Set a setting; `squall list settings` names them all. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Take settings from a TOML file; --set goes over it. May be repeated.
    #[arg(long, value_name = "FILE")]
    settings: Vec<PathBuf>,
    /// Switch on a known historical mistake; `squall list quirks` names them all. May be repeated.
    #[arg(long = "quirk", value_name = "NAME")]
    quirks: Vec<String>,
    /// Let faults destroy more than the contract survives; each loss is then classified, as permitted because
    /// of what happened to its copies, or as a violation. The same as --set fault.beyond_budget=true.
    #[arg(long)]
    beyond_budget: bool,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
enum Failure {
    /// Something that was asked for is wrong: one line that says what and where.
    BadInput(String),
    /// Something that should work did not.
    Internal(String),
}

impl Failure {
    fn bad(what: impl fmt::Display) -> Self {
        Self::BadInput(what.to_string())
    }
}

/// What was found, for the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Nothing,
    Something,
    Nondeterminism,
}

impl From<&Verdict> for Found {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Nothing,
            Verdict::Violation(_) | Verdict::Stall { .. } => Self::Something,
            Verdict::Nondeterminism { .. } | Verdict::InternalError { .. } => Self::Nondeterminism,
        }
    }
}

/// The whole command.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let outcome = match cli.command {
        Command::List { what, scenario, output } => list::list(&what, scenario.as_deref(), output.json),
        Command::Run(args) => run::run(&args),
        Command::Campaign(args) => campaign::campaign(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Shrink(args) => shrink::shrink(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Report(args) => report::report(&args),
        Command::Check(args) => check::check(&args),
        Command::Scale(args) => scale::scale(&args),
    };
    match outcome {
        Ok(Found::Nothing) => ExitCode::SUCCESS,
        Ok(Found::Something) => ExitCode::from(1),
        Ok(Found::Nondeterminism) => ExitCode::from(3),
        Err(Failure::BadInput(line)) => {
            eprintln!("squall: {line}");
            ExitCode::from(2)
        }
        Err(Failure::Internal(line)) => {
            eprintln!("squall: internal error: {line}");
            ExitCode::from(3)
        }
    }
}

/// Help goes out as clap writes it; an error becomes one line, which names the flag or the word: clap's
/// first paragraph.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    {
        let help_asked_for = !error.use_stderr();
        // Nobody to tell if even that cannot be printed.
        let _ = error.print();
        return if help_asked_for { ExitCode::SUCCESS } else { ExitCode::from(2) };
    }
    let text = error.to_string();
    let paragraph: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let line = paragraph.join(" ");
    eprintln!("squall: {} (try --help)", line.strip_prefix("error: ").unwrap_or(&line));
    ExitCode::from(2)
}

/// How many runs at once, where nobody says.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The scenario of a name.
fn scenario(name: &str) -> Result<&'static dyn AnyScenario, Failure> {
    scenarios().iter().copied().find(|scenario| scenario.info().name == name).ok_or_else(|| {
        let known: Vec<_> = scenarios().iter().map(|scenario| scenario.info().name).collect();
        Failure::bad(format_args!("unknown scenario `{name}`: there are {}", known.join(" and ")))
    })
}

impl Changes {
    /// The settings, for scenarios that all must know them.
    fn overrides(&self, of: &[&'static dyn AnyScenario]) -> Result<Overrides, Failure> {
        let mut overrides = Overrides::default();
        for scenario in of {
            let rows = knob::table(scenario.info().knobs);
            for file in &self.settings {
                let name = file.display().to_string();
                let text = std::fs::read_to_string(file)
                    .map_err(|error| Failure::bad(format_args!("{name}: cannot be read: {error}")))?;
                overrides.toml(&name, &text, &rows).map_err(Failure::bad)?;
            }
            for pair in &self.set {
                overrides.set(pair, &rows).map_err(Failure::bad)?;
            }
            if self.beyond_budget {
                overrides.insert("fault.beyond_budget", 1, &rows);
            }
        }
        Ok(overrides)
    }

    /// The quirks, for scenarios that all must know them.
    fn quirks(&self, of: &[&'static dyn AnyScenario]) -> Result<Vec<String>, Failure> {
        for quirk in &self.quirks {
            for scenario in of {
                if !scenario.info().quirks.iter().any(|(name, _)| name == quirk) {
                    return Err(Failure::bad(format_args!(
                        "unknown quirk `{quirk}`: `squall list quirks` names them all"
                    )));
                }
            }
        }
        Ok(self.quirks.clone())
    }
}
