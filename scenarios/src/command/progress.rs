//! A progress bar on stderr: only on a terminal, only for what takes more than a second.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use squall_sim::campaign::Progress;
use squall_sim::shrink;

/// The bar of one campaign.
pub(super) struct Bar {
    began: Instant,
    /// How long it goes on, where it ends by time.
    lasts: Option<Duration>,
    bar: OnceLock<ProgressBar>,
    shown: bool,
}

impl Bar {
    /// A bar that shows itself after a second, if anybody is there to see it.
    pub(super) fn new(began: Instant, lasts: Option<Duration>) -> Self {
        Self { began, lasts, bar: OnceLock::new(), shown: std::io::stderr().is_terminal() }
    }

    /// So far is it.
    pub(super) fn tell(&self, progress: &Progress) {
        if !self.shown || self.began.elapsed() < Duration::from_secs(1) {
            return;
        }
        let length = self.lasts.map_or_else(|| progress.of.unwrap_or(0), |lasts| lasts.as_millis() as u64);
        let bar = self.bar.get_or_init(|| ProgressBar::new(length).with_style(style()));
        bar.set_position(match self.lasts {
            Some(_) => self.began.elapsed().as_millis() as u64,
            None => progress.runs,
        });
        bar.set_message(format!(
            "{} runs, {} events, {} found",
            progress.runs, progress.events, progress.findings
        ));
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

/// Something that goes on until there is nothing left to do.
pub(super) struct Spinner {
    began: Instant,
    bar: OnceLock<ProgressBar>,
    shown: bool,
}

impl Spinner {
    /// One that shows itself after a second, if anybody is there to see it.
    pub(super) fn new(began: Instant) -> Self {
        Self { began, bar: OnceLock::new(), shown: std::io::stderr().is_terminal() }
    }

    /// So far is it.
    pub(super) fn tell(&self, progress: &shrink::Progress) {
        if !self.shown || self.began.elapsed() < Duration::from_secs(1) {
            return;
        }
        let bar = self.bar.get_or_init(|| ProgressBar::new_spinner().with_style(spinner_style()));
        bar.tick();
        bar.set_message(format!(
            "{} runs, {} faults and {} operations left",
            progress.runs, progress.faults, progress.operations
        ));
    }

    /// Takes it away.
    pub(super) fn end(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

/// A few long steps, one after another.
pub(super) struct Steps {
    began: Instant,
    length: u64,
    bar: OnceLock<ProgressBar>,
    shown: bool,
}

impl Steps {
    /// A bar of so many steps that shows itself after a second, if anybody is there to see it.
    pub(super) fn new(began: Instant, length: u64) -> Self {
        Self { began, length, bar: OnceLock::new(), shown: std::io::stderr().is_terminal() }
    }

    /// So many are done, and `now` is on.
    pub(super) fn tell(&self, done: u64, now: &str) {
        if !self.shown || self.began.elapsed() < Duration::from_secs(1) {
            return;
        }
        let bar = self.bar.get_or_init(|| ProgressBar::new(self.length).with_style(style()));
        bar.set_position(done);
        bar.set_message(now.to_owned());
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

fn spinner_style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {elapsed}  {msg}").expect("the template is a valid one")
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{wide_bar} {percent}%  {msg}").expect("the template is a valid one")
}
