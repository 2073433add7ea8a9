//! One failure with all that is known of it: what every document about it is made from.

use squall_sim::explain::Explanation;
use squall_sim::record::{RunRecord, Verdict};
use squall_sim::recording::Recording;

/// What a report says.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What the run left.
    pub record: &'a RunRecord,
    /// What happened in it.
    pub recording: &'a Recording,
    /// The capsule's path, as a person would name it to repeat the run.
    pub capsule: &'a str,
    /// What the broken promise says, in a line.
    pub promise: Option<&'a str>,
    /// Where the run went otherwise than its capsule says.
    pub departs: Option<&'a str>,
    /// How many faults and operations there were in the plan that this one was shrunk from.
    pub before: Option<(usize, usize)>,
    /// Which fault is needed and for what, if that was found out.
    pub explained: Option<&'a Explanation>,
}

impl Report<'_> {
    /// What failed, in a few words.
    pub fn headline(&self) -> String {
        match &self.record.verdict {
            Verdict::Pass => "All promises held".to_owned(),
            Verdict::Violation(violation) => format!("{} was broken", violation.invariant),
            Verdict::Stall { .. } => "The cluster did not come to rest".to_owned(),
            Verdict::Nondeterminism { .. } => "The run does not agree with itself".to_owned(),
            Verdict::InternalError { .. } => "A panic".to_owned(),
        }
    }

    /// The command that repeats the run.
    pub fn command(&self) -> String {
        format!("squall replay {}", crate::finding::quoted(self.capsule))
    }

    /// What is known about the failure, by name.
    pub fn evidence(&self) -> &[(String, String)] {
        match &self.record.verdict {
            Verdict::Violation(violation) => &violation.evidence,
            Verdict::Pass
            | Verdict::Stall { .. }
            | Verdict::Nondeterminism { .. }
            | Verdict::InternalError { .. } => &[],
        }
    }

    /// When the run ended, in nanoseconds of virtual time.
    pub fn failed_ns(&self) -> u64 {
        self.recording.end.at_ns
    }
}
