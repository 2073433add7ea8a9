//! A shrinking: what it took away, as a few lines and as a document.

use serde::Serialize;
use squall_sim::shrink::ShrunkCapsule;

use crate::document::BeforeAfter;
use crate::text::{line, number};

/// What `squall shrink --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShrinkDocument {
    /// The smaller capsule's path.
    pub capsule: String,
    /// How many faults there were, and are.
    pub faults: BeforeAfter,
    /// How many operations there were, and are.
    pub operations: BeforeAfter,
    /// How many runs it took.
    pub runs: u64,
    /// Real time that passed.
    pub wall_seconds: f64,
    /// Whether nothing smaller is left to try.
    pub finished: bool,
    /// How both capsules fail.
    pub likeness: String,
}

impl ShrinkDocument {
    /// Of what was written to `capsule`.
    pub fn of(shrunk: &ShrunkCapsule, capsule: &str, wall_seconds: f64) -> Self {
        Self {
            capsule: capsule.to_owned(),
            faults: shrunk.faults.into(),
            operations: shrunk.operations.into(),
            runs: shrunk.runs,
            wall_seconds,
            finished: shrunk.finished,
            likeness: shrunk.likeness.clone(),
        }
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let less =
            |count: BeforeAfter| format!("{} to {}", number(count.before as u64), number(count.after as u64));
        line(&mut text, "fails with", &self.likeness);
        line(&mut text, "faults", &less(self.faults));
        line(&mut text, "operations", &less(self.operations));
        let yet = if self.finished { "" } else { "; stopped early, the same command goes on" };
        let runs = number(self.runs);
        line(&mut text, "runs", &format!("{runs} in {:.1} s{yet}", self.wall_seconds));
        line(&mut text, "capsule", &self.capsule);
        text
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_shrinking_is_a_few_lines() {
        let document = ShrinkDocument {
            capsule: "out/orders-17.min.capsule.json".to_owned(),
            faults: (36, 2).into(),
            operations: (1_226, 1).into(),
            runs: 1_041,
            wall_seconds: 1.25,
            finished: false,
            likeness: "violation acked_is_kept: # lost [offset] on Delivered".to_owned(),
        };
        expect![[r#"
            fails with  violation acked_is_kept: # lost [offset] on Delivered
            faults      36 to 2
            operations  1 226 to 1
            runs        1 041 in 1.2 s; stopped early, the same command goes on
            capsule     out/orders-17.min.capsule.json
        "#]]
        .assert_eq(&document.table());
    }
}
