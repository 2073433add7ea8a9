//! The kinds of fault, a row each: how often, what it does, what it is meant to expose.

use crate::knob::{self, Knob, Unit};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its name in plans and counts.
    pub kind: &'static str,
    /// The knob that says how often it comes in one storm; its `why` says what the fault does.
    pub knob: Knob,
    /// What it is meant to expose.
    pub exposes: &'static str,
}

/// Faults that begin with a trigger are counted under this name too, and drawn by its row.
pub const AIMED: &str = "aimed";

/// All kinds. Their order is that of the generator's draws; new ones go to the end.
pub const TABLE: &[Row] = &[
    row("loss", "fault.loss", "messages get lost", "a request that is never sent again"),
    row("delay", "fault.delay", "messages take longer", "answers that come after the question was given up"),
    row("duplication", "fault.duplication", "messages come twice", "a request that acts twice"),
    row(
        "reordering",
        "fault.reordering",
        "messages overtake each other",
        "state that an old message sets back",
    ),
    row(
        "split-halves",
        "fault.split-halves",
        "the network falls into two halves",
        "two leaders; progress without a majority",
    ),
    row(
        "split-ring",
        "fault.split-ring",
        "each node reaches its two neighbours only",
        "elections that never end",
    ),
    row(
        "split-bridge",
        "fault.split-bridge",
        "two halves share one node only",
        "a majority that cannot talk to itself",
    ),
    row("isolate", "fault.isolate", "one node reaches nobody", "a node that does not notice that it is out"),
    row(
        "isolate-role",
        "fault.isolate-role",
        "whoever leads reaches nobody",
        "a leader that still serves after its successor began",
    ),
    row(
        "one-way-cut",
        "fault.one-way-cut",
        "one node's messages to another vanish",
        "a node that counts as alive by one direction only",
    ),
    row("crash", "fault.crash", "a process ends and comes back later", "state that was only in memory"),
    row(
        "power-loss",
        "fault.power-loss",
        "a node loses what it had not synced, and comes back later",
        "an answer given before its write was durable",
    ),
    row(
        "wipe",
        "fault.wipe",
        "a node comes back with an empty disk",
        "a copy that counts although it is gone",
    ),
    row("pause", "fault.pause", "a process stands still", "a lease believed in after it ran out"),
    row(
        "restart",
        "fault.restart",
        "a process ends and comes back at once",
        "two lives of one node that are taken for one",
    ),
    row(
        "transfer",
        "fault.transfer",
        "whoever leads is asked to hand over",
        "requests caught between two leaders",
    ),
    row(
        "drop-message",
        "fault.drop-message",
        "a few messages of one kind in a row never arrive",
        "a step that is taken for done because it was asked for",
    ),
    row(
        "delay-message",
        "fault.delay-message",
        "a few messages of one kind in a row arrive late, overtaken by others",
        "a request of an earlier time that is taken for one of now",
    ),
    row(
        "duplicate-message",
        "fault.duplicate-message",
        "a few messages of one kind in a row come again later",
        "a request that acts twice, long after it was answered",
    ),
    row(
        AIMED,
        "fault.aimed",
        "a fault of any kind begins when something happens, rather than at a time",
        "moments too short to be hit by chance: just elected, just acknowledged, not yet answered",
    ),
];

const fn row(kind: &'static str, key: &'static str, does: &'static str, exposes: &'static str) -> Row {
    Row { kind, knob: knob::row(key, Unit::Times, 0, (1, 8), (0, 10_000), does), exposes }
}

/// The static name of a kind.
pub fn find(kind: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kinds_key_is_its_name() {
        for row in TABLE {
            assert_eq!(row.knob.key.strip_prefix("fault."), Some(row.kind));
        }
    }
}
