//! What a run shows and keeps while it goes on: the timeline on stdout, the history in a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use squall_reports::timeline::{Focus, Timeline};
use squall_sim::history::{Entry, JsonWriter, write_edn_entry};
use squall_sim::timeline::{Line, Stage, Wants, Watch};

use crate::command::{Failure, output};

/// What is shown and kept of a run.
#[derive(Debug, Clone, Args)]
pub(super) struct WatchArgs {
    /// Print the timeline: a line for each fault and each state change, nodes in lanes.
    #[arg(long)]
    trace: bool,
    /// In the timeline, messages, timers and syncs as well.
    #[arg(long, requires = "trace")]
    messages: bool,
    /// End the timeline at this virtual time: 12.5s, 300ms.
    #[arg(long, value_name = "TIME", requires = "trace")]
    until: Option<String>,
    /// In the timeline, only this node: its name or its number.
    #[arg(long, value_name = "NODE", requires = "trace")]
    node: Option<String>,
    /// In the timeline, only this partition: 0-1, or its number.
    #[arg(long, value_name = "PARTITION", requires = "trace")]
    partition: Option<String>,
    /// Write what the clients saw: a file that ends in .edn (as Jepsen keeps it) or in .json.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
}

impl WatchArgs {
    /// Somebody who watches as asked; `None` if there is nothing to watch.
    pub(super) fn watcher(&self, json: bool) -> Result<Option<Watcher>, Failure> {
        let until = self.until.as_deref().map(time).transpose()?.unwrap_or(u64::MAX);
        let (node, partition) = (self.node.clone(), self.partition.clone());
        let shown = (self.trace && !json).then_some(Focus { until, node, partition });
        let history = self.history.as_deref().map(Paper::new).transpose()?;
        if shown.is_none() && history.is_none() {
            return Ok(None);
        }
        Ok(Some(Watcher { messages: self.messages, shown, timeline: None, history }))
    }
}

/// A moment of virtual time, in nanoseconds.
pub(super) fn time(text: &str) -> Result<u64, Failure> {
    squall_sim::fault::text::read(text).map_err(|why| Failure::bad(format_args!("bad time `{text}`: {why}")))
}

/// Prints and writes what it sees.
pub(super) struct Watcher {
    messages: bool,
    shown: Option<Focus>,
    timeline: Option<Timeline>,
    history: Option<Paper>,
}

impl Watcher {
    /// The run is over: what was written becomes a file.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.history.map_or(Ok(()), Paper::finish)
    }
}

impl Watch for Watcher {
    fn wants(&self) -> Wants {
        let lines = self.shown.is_some();
        Wants { lines, inputs: lines && self.messages, history: self.history.is_some() }
    }

    fn begin(&mut self, stage: &Stage) -> Result<(), String> {
        self.timeline = self.shown.as_ref().map(|focus| Timeline::new(stage, focus)).transpose()?;
        if let Some(timeline) = &self.timeline {
            output::line(format_args!("{}", timeline.heading()));
        }
        Ok(())
    }

    fn line(&mut self, line: &Line) {
        if let Some(text) = self.timeline.as_mut().and_then(|timeline| timeline.tell(line)) {
            output::line(format_args!("{text}"));
        }
    }

    fn entry(&mut self, entry: &Entry) {
        if let Some(paper) = &mut self.history {
            paper.write(entry);
        }
    }
}

/// A history's file. It is written beside its place and put there when it is whole.
struct Paper {
    path: PathBuf,
    beside: PathBuf,
    into: BufWriter<File>,
    form: Form,
    /// The first write that failed: the run goes on, and the end tells.
    failed: Option<io::Error>,
    kept: bool,
}

enum Form {
    Edn,
    Json(JsonWriter),
}

impl Paper {
    fn new(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let form = match path.extension().and_then(|ending| ending.to_str()) {
            Some("edn") => Form::Edn,
            Some("json") => Form::Json(JsonWriter::default()),
            Some(_) | None => {
                return Err(Failure::bad(format_args!("{shown}: a history ends in .edn or in .json")));
            }
        };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let beside = path.with_file_name(name);
        let file = File::create(&beside)
            .map_err(|error| Failure::bad(format_args!("{shown}: cannot be written: {error}")))?;
        let (path, into) = (path.to_owned(), BufWriter::new(file));
        Ok(Self { path, beside, into, form, failed: None, kept: false })
    }

    fn write(&mut self, entry: &Entry) {
        if self.failed.is_none() {
            let written = match &mut self.form {
                Form::Edn => write_edn_entry(entry, &mut self.into),
                Form::Json(writer) => writer.push(entry, &mut self.into),
            };
            self.failed = written.err();
        }
    }

    fn finish(mut self) -> Result<(), Failure> {
        let written = self.failed.take().map_or(Ok(()), Err).and_then(|()| self.put_in_place());
        written.map_err(|error| {
            Failure::bad(format_args!("{}: cannot be written: {error}", self.path.display()))
        })
    }

    fn put_in_place(&mut self) -> io::Result<()> {
        match &mut self.form {
            Form::Edn => {}
            Form::Json(writer) => std::mem::take(writer).finish(&mut self.into)?,
        }
        self.into.flush()?;
        self.into.get_ref().sync_all()?;
        std::fs::rename(&self.beside, &self.path)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Paper {
    fn drop(&mut self) {
        if !self.kept {
            // A run that did not end leaves no half of a history.
            let _ = std::fs::remove_file(&self.beside);
        }
    }
}
