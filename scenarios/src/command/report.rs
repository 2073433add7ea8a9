//! `squall report`: a capsule's run as documents that people read and pass on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use squall_reports::report::Report;
use squall_reports::{markdown, page, perfetto, pinned};
use squall_sim::campaign::AnyScenario;
use squall_sim::capsule;
use squall_sim::explain::Explanation;
use squall_sim::history::{write_edn, write_json};
use squall_sim::recording::{Limits, Recording};
use squall_sim::run::Replay;
use squall_sim::shrink::Bounds;

use crate::command::progress::Spinner;
use crate::command::shrink::{Job, note_name, quietly, smaller_name};
use crate::command::{Failure, Found, Output, clock, cores, logs, output, scenario, seeds};
use crate::invariants;

/// How much of a history is written: of a longer run, the last part.
const ENTRIES: usize = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The capsule, a file that a failing run left. It is shrunk first; what is reported is the smallest plan.
    capsule: PathBuf,
    /// Where the documents go; without it, into a directory beside the capsule.
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write a Rust test that pins the run.
    #[arg(long)]
    test: bool,
    /// Report the plan as it is in the capsule.
    #[arg(long)]
    as_it_is: bool,
    /// Do not find out which part of the plan is needed.
    #[arg(long)]
    no_explain: bool,
    /// For how long it is shrunk, and then explained, at most: 30s, 5m.
    #[arg(long = "for", value_name = "TIME", default_value = "60s")]
    lasts: String,
    /// How many runs at once; without it, as many as there are cores.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    #[command(flatten)]
    output: Output,
}

/// Set by Ctrl-C: what is known by then is reported.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What was written.
#[derive(Debug, Serialize)]
struct Written<'a> {
    capsule: String,
    verdict: &'static str,
    invariant: Option<&'static str>,
    directory: String,
    files: Vec<&'a str>,
}

/// A failure on its way to being reported.
struct Subject<'a> {
    args: &'a ReportArgs,
    scenario: &'static dyn AnyScenario,
    lasts: Duration,
    jobs: usize,
    /// The capsule's path, for errors.
    file: String,
    /// The capsule that is reported, which may be a smaller one.
    text: String,
    stem: String,
    before: Option<(usize, usize)>,
}

pub(super) fn report(args: &ReportArgs) -> Result<Found, Failure> {
    logs::install(args.output.log.as_deref())?;
    let lasts = seeds::duration(&args.lasts)?;
    let file = args.capsule.display().to_string();
    let text = capsule::load(&args.capsule).map_err(Failure::bad)?;
    let header = capsule::header(&file, &text).map_err(Failure::bad)?;
    let scenario = scenario(&header.scenario)
        .map_err(|_| Failure::bad(format_args!("{file}: unknown scenario `{}`", header.scenario)))?;
    // Without it Ctrl-C ends the command with nothing told; no reason not to begin.
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
    let (stem, jobs) = (stem(&args.capsule), args.jobs.unwrap_or_else(cores));
    Subject { args, scenario, lasts, jobs, file, text, stem, before: None }.report()
}

impl Subject<'_> {
    fn report(mut self) -> Result<Found, Failure> {
        let (mut replay, mut recording) = self.record()?;
        // What does not fail, or not as its capsule says, has nothing to be made smaller.
        let fails = !replay.record.verdict.is_pass() && replay.departs.is_none();
        if fails && !self.args.as_it_is && self.shrink()? {
            (replay, recording) = self.record()?;
        }
        let explained = if fails && !self.args.no_explain { Some(self.explain()?) } else { None };
        let history =
            quietly(|| self.scenario.history(&self.file, &self.text, ENTRIES)).map_err(Failure::bad)?;
        let departs = replay.departs.as_ref().map(ToString::to_string);
        let directory = self.args.out.clone().unwrap_or_else(|| beside(&self.args.capsule));
        let kept = format!("{}.capsule.json", self.stem);
        let report = Report {
            record: &replay.record,
            recording: &recording,
            // Whoever is handed the page has the capsule beside it, wherever that is.
            capsule: &kept,
            promise: replay.record.verdict.invariant().and_then(invariants::about),
            departs: departs.as_deref(),
            before: self.before,
            explained: explained.as_ref(),
        };
        let mut files = vec![
            ("index.html".to_owned(), page::page(&report)),
            ("issue.md".to_owned(), markdown::issue(&report)),
            ("trace.json".to_owned(), perfetto::trace(&recording)),
            ("history.edn".to_owned(), written(|into| write_edn(history.entries(), into))),
            ("history.json".to_owned(), written(|into| write_json(history.entries(), into))),
        ];
        if self.args.test {
            let name = self.stem.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            files.push((format!("{name}.rs"), pinned::test(&report, &kept)));
        }
        files.push((kept.clone(), self.text));
        write(&directory, &files)?;
        tell(self.args, self.file, &report, &directory, &files)
    }

    fn record(&self) -> Result<(Replay, Recording), Failure> {
        quietly(|| self.scenario.record(&self.file, &self.text, Limits::default())).map_err(Failure::bad)
    }

    /// Whether there is a smaller plan.
    fn shrink(&mut self) -> Result<bool, Failure> {
        let (file, text, lasts) = (self.file.as_str(), self.text.as_str(), Some(self.lasts));
        let job = Job { scenario: self.scenario, file, text, lasts, jobs: self.jobs };
        let note = note_name(&smaller_name(&self.args.capsule));
        let shrunk = job.run(&note, &|| INTERRUPTED.load(Ordering::Relaxed))?;
        if shrunk.text == self.text {
            return Ok(false);
        }
        self.before = Some((shrunk.faults.0, shrunk.operations.0));
        self.text = shrunk.text;
        self.stem.push_str(".min");
        Ok(true)
    }

    fn explain(&self) -> Result<Explanation, Failure> {
        let began: Instant = clock::now();
        let spinner = Spinner::new(began);
        let over = || INTERRUPTED.load(Ordering::Relaxed) || began.elapsed() >= self.lasts;
        let watch = |progress: &_| spinner.tell(progress);
        let bounds = Bounds { jobs: self.jobs, runs: u64::MAX, stop: &over, watch: &watch };
        let explained = quietly(|| self.scenario.explain(&self.file, &self.text, &bounds));
        spinner.end();
        explained.map_err(Failure::bad)
    }
}

/// What was written, and where.
fn tell(
    args: &ReportArgs,
    capsule: String,
    report: &Report<'_>,
    directory: &Path,
    files: &[(String, String)],
) -> Result<Found, Failure> {
    let verdict = &report.record.verdict;
    if args.output.json {
        output::json(&Written {
            capsule,
            verdict: verdict.name(),
            invariant: verdict.invariant(),
            directory: directory.display().to_string(),
            files: files.iter().map(|(name, _)| name.as_str()).collect(),
        })?;
    } else {
        output::line(format_args!("{:<12}{}", verdict.name(), report.headline()));
        for (name, text) in files {
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
    let stage = |(name, text): &(String, String)| {
        let path = directory.join(name);
        // The one thing that a file cannot be renamed over.
        if path.is_dir() {
            return Err((path, io::Error::from(io::ErrorKind::IsADirectory)));
        }
        std::fs::write(beside(name), text).map_err(|error| (path, error))
    };
    let give_name = |(name, _): &(String, String)| {
        let path = directory.join(name);
        std::fs::rename(beside(name), &path).map_err(|error| (path, error))
    };
    let written = files.iter().try_for_each(stage).and_then(|()| files.iter().try_for_each(give_name));
    written.map_err(|(path, error)| {
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
