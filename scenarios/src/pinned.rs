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

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use squall_sim::campaign::{AnyScenario, Request};
    use squall_sim::seed::Seed;
    use squall_sim::settings::Overrides;

    use super::*;
    use crate::replicated_log::ReplicatedLog;

    #[test]
    fn a_pinned_failure_is_no_pass_and_no_other_failure() {
        let quirks = ["trunc-to-hw".to_owned()];
        let request = Request { overrides: &Overrides::default(), quirks: &quirks, verify: false };
        let mut worker = ReplicatedLog.worker();
        let mut ran = (0..40).map(|seed| worker.run(Seed(seed), &request).unwrap());
        let failed = ran.find(|ran| !ran.record.verdict.is_pass()).unwrap();
        let (text, verdict) = (failed.capsule.unwrap(), failed.record.verdict);
        let name = verdict.invariant().unwrap_or(verdict.name());
        pinned("a.capsule.json", &text).fails_with(name);
        for wrong in [
            catch_unwind(|| pinned("a.capsule.json", &text).passes()),
            catch_unwind(|| {
                pinned("a.capsule.json", &text).fails_with("pass");
            }),
        ] {
            let said = *wrong.unwrap_err().downcast::<String>().unwrap();
            assert!(said.contains("squall replay a.capsule.json"), "{said}");
        }
    }
}
