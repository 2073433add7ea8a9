//! `squall report`: a capsule's run as documents that people read and pass on.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use squall_reports::report::{Explained, Report};
use squall_reports::{markdown, page, perfetto, pinned};
use squall_sim::campaign::AnyScenario;
use squall_sim::capsule;
use squall_sim::history::{write_edn, write_json};
use squall_sim::recording::{Limits, Recording};
use squall_sim::shrink::Bounds;

use crate::command::shrink::quietly;
use crate::command::{Failure, Found, Output, clock, cores, logs, output, scenario};
use crate::invariants;

/// A plan with more faults and operations than this is not explained; `squall shrink` comes first.
const EXPLAINED: usize = 40;

/// For how long it is explained at most.
const EXPLAIN_FOR: Duration = Duration::from_secs(20);

/// How much of a history is written: of a longer run, the last part.
const ENTRIES: usize = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The capsule, a file that a failing run left. A shrunk one makes the better page.
    capsule: PathBuf,
    /// Where the documents go; without it, into a directory beside the capsule.
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write a Rust test that pins the run, with a copy of the capsule beside it.
    #[arg(long)]
    test: bool,
    #[command(flatten)]
    output: Output,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    capsule: String,
    verdict: &'static str,
    invariant: Option<&'static str>,
    directory: String,
    files: Vec<String>,
}

pub(super) fn report(args: &ReportArgs) -> Result<Found, Failure> {
    logs::install(args.output.log.as_deref())?;
    let file = args.capsule.display().to_string();
    let text = capsule::load(&args.capsule).map_err(Failure::bad)?;
    let header = capsule::header(&file, &text).map_err(Failure::bad)?;
    let scenario = scenario(&header.scenario)
        .map_err(|_| Failure::bad(format_args!("{file}: unknown scenario `{}`", header.scenario)))?;
    let (replay, recording) = scenario.record(&file, &text, Limits::default()).map_err(Failure::bad)?;
    let explained = explained(scenario, &file, &text, &recording);
    let history = scenario.history(&file, &text, ENTRIES).map_err(Failure::bad)?;
    let departs = replay.departs.as_ref().map(ToString::to_string);
    let report = Report {
        record: &replay.record,
        recording: &recording,
        capsule: &file,
        promise: replay.record.verdict.invariant().and_then(invariants::about),
        departs: departs.as_deref(),
        explained: explained.as_ref(),
    };
    let mut files = vec![
        ("index.html".to_owned(), page::page(&report)),
        ("issue.md".to_owned(), markdown::issue(&report)),
        ("trace.json".to_owned(), perfetto::trace(&recording)),
        ("history.edn".to_owned(), written(|into| write_edn(history.entries(), into))),
        ("history.json".to_owned(), written(|into| write_json(history.entries(), into))),
    ];
    if args.test {
        let stem = stem(&args.capsule);
        let kept = format!("{stem}.capsule.json");
        files.push((
            format!("{}.rs", stem.replace(|c: char| !c.is_ascii_alphanumeric(), "_")),
            pinned::test(&report, &kept),
        ));
        files.push((kept, text));
    }
    let directory = args.out.clone().unwrap_or_else(|| beside(&args.capsule));
    write(&directory, &files)?;
    let verdict = &replay.record.verdict;
    if args.output.json {
        output::json(&Written {
            capsule: file,
            verdict: verdict.name(),
            invariant: verdict.invariant(),
            directory: directory.display().to_string(),
            files: files.into_iter().map(|(name, _)| name).collect(),
        })?;
    } else {
        output::line(format_args!("{:<12}{}", verdict.name(), report.headline()));
        for (name, text) in &files {
            let path = directory.join(name);
            output::line(format_args!(
                "{:<12}{} ({} kB)",
                "written",
                path.display(),
                text.len().div_ceil(1_000)
            ));
        }
    }
    // The failure is what was asked about, not what was found.
    Ok(Found::Nothing)
}

/// What the parts of a small plan are needed for; of a large one nobody would read it.
fn explained(scenario: &dyn AnyScenario, file: &str, text: &str, recording: &Recording) -> Option<Explained> {
    let plan = &recording.plan;
    if plan.faults.len() + plan.operations.len() + plan.operations_left_out > EXPLAINED {
        return None;
    }
    let began: Instant = clock::now();
    let over = || began.elapsed() >= EXPLAIN_FOR;
    let bounds = Bounds { jobs: cores(), runs: u64::MAX, stop: &over, watch: &|_| () };
    // A run that passes has nothing to be explained.
    quietly(|| scenario.explain(file, text, &bounds)).ok().map(|explained| Explained::from(&explained))
}

/// A history as text.
fn written(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> String {
    let mut into = Vec::new();
    write(&mut into).expect("memory takes everything");
    String::from_utf8(into).expect("both forms are text")
}

/// The capsule's name without what all capsules have.
fn stem(capsule: &Path) -> String {
    let name = capsule.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.strip_suffix(".capsule.json").or_else(|| name.strip_suffix(".json")).unwrap_or(&name);
    stem.to_owned()
}

/// `out/a.capsule.json` is reported in `out/a.report`.
fn beside(capsule: &Path) -> PathBuf {
    capsule.with_file_name(format!("{}.report", stem(capsule)))
}

/// All of the files or none: each is written beside its name first, and all get their names at the end.
fn write(directory: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let made = !directory.is_dir();
    std::fs::create_dir_all(directory).map_err(|error| {
        Failure::bad(format_args!("{}: cannot be made a directory: {error}", directory.display()))
    })?;
    let beside = |name: &str| directory.join(format!(".{name}.{}.tmp", std::process::id()));
    let staged: Result<(), (PathBuf, io::Error)> = files.iter().try_for_each(|(name, text)| {
        std::fs::write(beside(name), text).map_err(|error| (directory.join(name), error))
    });
    let named = staged.and_then(|()| {
        files.iter().try_for_each(|(name, _)| {
            let path = directory.join(name);
            std::fs::rename(beside(name), &path).map_err(|error| (path, error))
        })
    });
    named.map_err(|(path, error)| {
        // The first error is the one to report; some of these were never written.
        for (name, _) in files {
            let _ = std::fs::remove_file(beside(name));
        }
        if made {
            let _ = std::fs::remove_dir(directory);
        }
        Failure::bad(format_args!("{}: cannot be written: {error}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_lies_beside_its_capsule() {
        assert_eq!(beside(Path::new("out/a-1.capsule.json")), Path::new("out/a-1.report"));
        assert_eq!(beside(Path::new("a.min.capsule.json")), Path::new("a.min.report"));
        assert_eq!(beside(Path::new("kept.json")), Path::new("kept.report"));
    }
}
