//! `squall shrink`: the same failure, smaller.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use squall_reports::ShrinkDocument;
use squall_sim::campaign::AnyScenario;
use squall_sim::capsule;
use squall_sim::shrink::{Bounds, ShrunkCapsule};

use crate::command::progress::Spinner;
use crate::command::{Failure, Found, Output, clock, cores, logs, output, scenario, seeds};

/// How often at most what was reached is written down.
const NOTE_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct ShrinkArgs {
    /// The capsule, a file that a failing run left.
    capsule: PathBuf,
    /// Where the smaller one goes; without it, beside the capsule as `.min.capsule.json`.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Stop after so long: 30s, 5m. The same command goes on from there.
    #[arg(long = "for", value_name = "TIME")]
    lasts: Option<String>,
    /// How many runs at once; without it, as many as there are cores.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    #[command(flatten)]
    output: Output,
}

/// Set by Ctrl-C: what was reached until then is written all the same.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

pub(super) fn shrink(args: &ShrinkArgs) -> Result<Found, Failure> {
    logs::install(args.output.log.as_deref())?;
    let lasts = args.lasts.as_deref().map(seeds::duration).transpose()?;
    let file = args.capsule.display().to_string();
    let text = capsule::load(&args.capsule).map_err(Failure::bad)?;
    let header = capsule::header(&file, &text).map_err(Failure::bad)?;
    let scenario = scenario(&header.scenario)
        .map_err(|_| Failure::bad(format_args!("{file}: unknown scenario `{}`", header.scenario)))?;
    let out = args.out.clone().unwrap_or_else(|| smaller_name(&args.capsule));
    // Without it Ctrl-C ends the command with nothing told; no reason not to begin.
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
    let began: Instant = clock::now();
    let job = Job { scenario, file: &file, text: &text, lasts, jobs: args.jobs.unwrap_or_else(cores) };
    let shrunk = job.run(&note_name(&out), &|| INTERRUPTED.load(Ordering::Relaxed))?;
    write(&out, &shrunk.text)?;
    let document = ShrinkDocument::of(&shrunk, &out.display().to_string(), began.elapsed().as_secs_f64());
    if args.output.json {
        output::json(&document)?;
    } else {
        output::text(&document.table());
    }
    Ok(Found::Nothing)
}

/// One capsule to be shrunk.
pub(super) struct Job<'a> {
    pub(super) scenario: &'a dyn AnyScenario,
    /// For errors.
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    /// For so long at most.
    pub(super) lasts: Option<Duration>,
    pub(super) jobs: usize,
}

impl Job<'_> {
    /// Shrinks it. `note` is the file that holds what was reached, for as long as it has not ended.
    pub(super) fn run(
        &self,
        note: &Path,
        stopped: &(dyn Fn() -> bool + Sync),
    ) -> Result<ShrunkCapsule, Failure> {
        let began: Instant = clock::now();
        let spinner = Spinner::new(began);
        let over = || stopped() || self.lasts.is_some_and(|lasts| began.elapsed() >= lasts);
        let watch = |progress: &_| spinner.tell(progress);
        let bounds = Bounds { jobs: self.jobs, runs: u64::MAX, stop: &over, watch: &watch };
        let earlier = std::fs::read_to_string(note).ok();
        let mut noted: Instant = began;
        let mut problem = None;
        let mut keep = |text: &dyn Fn() -> String| {
            // The last state of one that is stopped is the one to go on from.
            if over() || noted.elapsed() >= NOTE_EVERY {
                noted = clock::now();
                problem = capsule::write(note, &text()).err();
            }
        };
        let shrunk =
            quietly(|| self.scenario.shrink(self.file, self.text, earlier.as_deref(), &bounds, &mut keep));
        spinner.end();
        let shrunk = shrunk.map_err(Failure::bad)?;
        if let Some(error) = problem {
            return Err(Failure::bad(format_args!("{}: cannot be written: {error}", note.display())));
        }
        if shrunk.finished {
            // If it stays, the next attempt begins where this one ended: at the end.
            let _ = std::fs::remove_file(note);
        }
        Ok(shrunk)
    }
}

/// Does it without a word about panics: a plan that makes something panic is run hundreds of times.
pub(super) fn quietly<T>(what: impl FnOnce() -> T) -> T {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let done = what();
    std::panic::set_hook(usual);
    done
}

/// `x.capsule.json` becomes `x.min.capsule.json`.
pub(super) fn smaller_name(capsule: &Path) -> PathBuf {
    let name = capsule.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".capsule.json").unwrap_or(&name);
    capsule.with_file_name(format!("{stem}.min.capsule.json"))
}

/// Where the note about a smaller capsule is, until that is the smallest.
pub(super) fn note_name(out: &Path) -> PathBuf {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!("{}.shrink.json", name.strip_suffix(".capsule.json").unwrap_or(&name)))
}

/// Writes a capsule.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    capsule::write(path, text)
        .map_err(|error| Failure::bad(format_args!("{}: cannot be written: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_capsule_and_its_note_lie_beside_the_capsule() {
        let smaller = smaller_name(Path::new("out/orders-17.capsule.json"));
        assert_eq!(smaller, Path::new("out/orders-17.min.capsule.json"));
        assert_eq!(note_name(&smaller), Path::new("out/orders-17.min.shrink.json"));
        assert_eq!(smaller_name(Path::new("odd")), Path::new("odd.min.capsule.json"));
    }
}
