//! `squall check`: a history from elsewhere, judged by what its clients saw.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;

use clap::Args;
use squall_sim::check::history::{Checker, Class, Options, Report, Verdict};
use squall_sim::history::read::{Reader, Refusal};

use crate::command::{Failure, Found, Output, logs, output};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The history: Jepsen's `history.edn`, or JSON, one operation a line or all in an array; gzip too.
    file: PathBuf,
    /// Order writes by their offsets: looks for write cycles, and allows cycles of writes and reads.
    #[arg(long)]
    ww_deps: bool,
    /// Clients subscribed, so that rebalances moved them: allows poll-skip and nonmonotonic-poll.
    #[arg(long)]
    subscribe: bool,
    /// Allow this anomaly. May be repeated.
    #[arg(long, value_name = "NAME")]
    allow: Vec<String>,
    /// Take operations that cannot be (ended without having begun, with other values, out of order) as well as
    /// can be, instead of refusing the history.
    #[arg(long)]
    lenient: bool,
    #[command(flatten)]
    output: Output,
}

pub(super) fn check(args: &CheckArgs) -> Result<Found, Failure> {
    logs::install(args.output.log.as_deref())?;
    let options = Options {
        ww_deps: args.ww_deps,
        subscribe: args.subscribe,
        allow: allowed(&args.allow)?,
        lenient: args.lenient,
        ..Options::default()
    };
    let name = args.file.display().to_string();
    let report = judge(args, options)
        .map_err(|Refusal { line, what }| Failure::bad(format_args!("{name}:{line}: {}", one_line(&what))))?;
    if args.output.json {
        output::json(&report.json())?;
    } else {
        output::text(&squall_reports::history::told(&name, &report));
    }
    match report.verdict {
        Verdict::Valid => Ok(Found::Nothing),
        Verdict::Invalid => Ok(Found::Something),
        Verdict::Unknown(why) => Err(Failure::bad(format_args!("{name}: {why}"))),
    }
}

fn allowed(names: &[String]) -> Result<BTreeSet<Class>, Failure> {
    let named = |name: &String| {
        Class::named(name).ok_or_else(|| {
            let all: Vec<_> = Class::ALL.iter().map(|class| class.name()).collect();
            Failure::bad(format_args!("unknown anomaly `{name}`: there are {}", all.join(", ")))
        })
    };
    names.iter().map(named).collect()
}

fn judge(args: &CheckArgs, options: Options) -> Result<Report, Refusal> {
    let file = File::open(&args.file)
        .map_err(|error| Refusal { line: 1, what: format!("cannot be read: {error}") })?;
    let mut checker = Checker::new(options);
    for read in Reader::new(file)? {
        let (line, op) = read?;
        checker.push(op).map_err(|impossible| Refusal { line, what: impossible.0 })?;
    }
    Ok(checker.finish())
}

/// What a file holds may hold anything.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
