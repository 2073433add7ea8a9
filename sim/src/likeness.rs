//! Likeness: whether two runs fail in the same way.
//!
//! Holds: [`Likeness`], a failure without its numbers: the verdict, the broken promise, the shape of what
//! was said about it, what evidence there is, and the kind of event that it came to light on. Campaigns sort
//! failures by it; a smaller plan counts only if its likeness is the same.
//! Deliberately absent: anything of one run alone (which offset, which node, when).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::record::{RunRecord, Verdict};

/// How a run failed, as one line: `violation W-LCC: broker # cut its log at # [event, node] on Delivered`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Likeness(String);

impl Likeness {
    /// How `record` failed; `None` if it passed.
    pub fn of(record: &RunRecord) -> Option<Self> {
        let text = match &record.verdict {
            Verdict::Pass => return None,
            Verdict::Violation(violation) => {
                let keys: Vec<&str> = violation.evidence.iter().map(|(what, _)| what.as_str()).collect();
                let on = record.failed_on.unwrap_or("nothing");
                let shape = shape(&violation.message);
                format!("violation {}: {shape} [{}] on {on}", violation.invariant, keys.join(", "))
            }
            Verdict::Stall { reason } => format!("stall: {}", shape(reason)),
            // Where two runs part differs from one attempt to the next.
            Verdict::Nondeterminism { .. } => "nondeterminism".to_owned(),
            Verdict::InternalError { message } => format!("internal-error: {}", shape(message)),
        };
        Some(Self(text))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `text` with every number, and every list of numbers, as `#`, and without brackets: `broker 2 of 0-1 has
/// [3, 4)` and `broker 0 of 0-3 has [7, 9)` have one shape.
pub fn shape(text: &str) -> String {
    let mut shape = String::with_capacity(text.len());
    let flat: String = text.replace(['(', '[', '{'], " ").replace([')', ']', '}'], "");
    let plain = flat.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in plain.split_inclusive(|c| !is_word(c)) {
        let word = part.trim_end_matches(|c| !is_word(c));
        if is_number(word) {
            push_number(&mut shape);
        } else {
            shape.push_str(word);
        }
        shape.push_str(&part[word.len()..]);
    }
    shape
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Digits with what belongs to them: `17`, `120ms`, `e4`; also a checksum, which need not have digits.
fn is_number(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
        || (word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// One `#` for a whole list: how many numbers there are belongs to one run alone.
fn push_number(shape: &mut String) {
    let before = shape.trim_end_matches([' ', ',', '-', '.']);
    let listed = before.ends_with('#') && before.len() < shape.len();
    if listed {
        shape.truncate(before.len());
    } else {
        shape.push('#');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Violation;
    use crate::seed::Seed;
    use squall_core::time::Time;

    fn record(verdict: Verdict) -> RunRecord {
        RunRecord {
            scenario: "none",
            seed: Seed(0),
            verdict,
            failed_on: None,
            events: 0,
            virtual_ns: 0,
            fingerprint: Default::default(),
            trail: Vec::new(),
            faults: Default::default(),
            skipped: 0,
            excused: None,
            permits: Vec::new(),
            tally: Default::default(),
            sometimes: Vec::new(),
            last_events: Vec::new(),
        }
    }

    fn violation(message: &str, key: &str, on: &'static str) -> Option<Likeness> {
        let violation = Violation::new("W-LCC", message, Time(5)).with(key, 3);
        Likeness::of(&RunRecord { failed_on: Some(on), ..record(Verdict::Violation(violation)) })
    }

    #[test]
    fn numbers_lists_and_checksums_make_no_difference() {
        let one = violation("broker 1 of 0-1 has [3, 4) crc 00ab12cd, isr [0, 1]", "node", "Delivered");
        let other =
            violation("broker 22 of 7-13 has [0, 9) crc deadbeef, isr [0, 2, 4]", "node", "Delivered");
        assert_eq!(one, other);
        assert_eq!(
            one.map(|likeness| likeness.to_string()).as_deref(),
            Some("violation W-LCC: broker # of # has # crc #, isr # [node] on Delivered")
        );
    }

    #[test]
    fn other_words_evidence_or_events_are_another_failure() {
        let one = violation("broker 1 cut its log at 4", "node", "Delivered");
        assert_ne!(one, violation("broker 1 lost its log at 4", "node", "Delivered"));
        assert_ne!(one, violation("broker 1 cut its log at 4", "offset", "Delivered"));
        assert_ne!(one, violation("broker 1 cut its log at 4", "node", "Synced"));
    }

    #[test]
    fn a_pass_is_like_nothing_and_a_stall_is_like_a_stall_for_the_same_reason() {
        assert_eq!(Likeness::of(&record(Verdict::Pass)), None);
        let stall = |reason: &str| Likeness::of(&record(Verdict::Stall { reason: reason.to_owned() }));
        assert_eq!(stall("0-1 has no leader"), stall("0-3 has no leader"));
        assert_ne!(stall("0-1 has no leader"), stall("reader 9 waits"));
        let panic = Likeness::of(&record(Verdict::InternalError { message: "0-1 has no leader".to_owned() }));
        assert_ne!(stall("0-1 has no leader"), panic);
    }
}
