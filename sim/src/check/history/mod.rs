//! Histories judged by what clients saw: every anomaly that jepsen.tests.kafka names, and a few beside.
//!
//! After jepsen-io/jepsen `jepsen/src/jepsen/tests/kafka.clj` (what each class means) and jepsen-io/elle (cycles);
//! their sources are the authority for the names. All that is known comes from the operations: no broker, no
//! true log. What the two say of one run is compared elsewhere.
//!
//! | room | holds |
//! |---|---|
//! | `class` | the names, and what a configuration allows |
//! | `checker` | operations in, a report out |
//! | `impossible` | what no history can hold |
//! | `tables`, `names` | evidence, folded one completion at a time, and where that of a value is |
//! | `order` | the order of a key's values, and what contradicts that there is one |
//! | `missing` | lost, unseen, aborted, phantom |
//! | `pairs` | skips and going back |
//! | `graph`, `cycles` | dependencies, and what depends on itself |
//! | `queue`, `groups` | queues; owners, commits, exactly once |
//! | `measures` | what is never an error |
//! | `anomaly`, `findings`, `report` | what was found |
//!
//! A phantom (a value that nobody sent) is a class here; Jepsen's checker throws. Where an offset holds several
//! values the least by name stands for it; Jepsen's choice goes by hash. Never: a clock, a file, a float.

mod anomaly;
mod checker;
mod class;
mod cycles;
mod findings;
mod graph;
mod groups;
mod impossible;
mod measures;
mod missing;
mod names;
mod order;
mod pairs;
mod queue;
mod report;
mod tables;

pub use anomaly::{Anomaly, Fact, Step};
pub use checker::{Checker, Impossible, Options};
pub use class::{Class, allowed};
pub use findings::Found;
pub use measures::{Consumed, Lag};
pub use queue::QueueReport;
pub use report::{Compared, Operation, Report, Verdict, lag};

use crate::history::op::Op;

/// Judges a whole history.
pub fn check(ops: impl IntoIterator<Item = Op>, options: Options) -> Result<Report, Impossible> {
    let mut checker = Checker::new(options);
    ops.into_iter().try_for_each(|op| checker.push(op))?;
    Ok(checker.finish())
}
