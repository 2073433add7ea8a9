//! Capsules from `cargo test`: a run that was kept is played again. `squall report --test` writes such tests.

use squall_sim::capsule;
use squall_sim::record::{Finding, RunRecord};

/// A capsule that a test holds, before it is played.
#[must_use = "nothing runs before `passes` or `fails_with`"]
#[derive(Debug, Clone, Copy)]
pub struct Pinned<'a> {
    file: &'a str,
    text: &'a str,
}

/// A capsule of one of this crate's scenarios: its file's name, for messages, and what the file holds.
pub fn pinned<'a>(file: &'a str, text: &'a str) -> Pinned<'a> {
    Pinned { file, text }
}

impl Pinned<'_> {
    /// The run passes: what once went wrong in it has been mended.
    ///
    /// # Panics
    /// If it does not, with the evidence and the line that repeats it; or if the capsule cannot be read.
    pub fn passes(self) {
        let record = self.play();
        assert!(record.verdict.is_pass(), "{}", self.told(record));
    }

    /// The run breaks the promise `name`, or ends with the verdict of that name: a known mistake is
    /// switched on in its plan, and must be found.
    ///
    /// # Panics
    /// If it ends in another way; or if the capsule cannot be read.
    pub fn fails_with(self, name: &str) {
        let record = self.play();
        let verdict = &record.verdict;
        let found = verdict.invariant() == Some(name) || verdict.name() == name;
        assert!(found, "it should fail with {name}\n\n{}", self.told(record));
    }

    fn play(self) -> RunRecord {
        let header = capsule::header(self.file, self.text).unwrap_or_else(|error| panic!("{error}"));
        let known = crate::scenarios().iter().find(|scenario| scenario.info().name == header.scenario);
        let scenario =
            known.unwrap_or_else(|| panic!("{}: unknown scenario `{}`", self.file, header.scenario));
        scenario.replay(self.file, self.text, None).unwrap_or_else(|error| panic!("{error}")).record
    }

    fn told(self, record: RunRecord) -> String {
        squall_reports::finding::told(&Finding::new(record, Some(self.file.to_owned())))
    }
}
