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
        "bandwidth",
        "fault.bandwidth",
        "a link carries few bytes a second, and messages queue",
        "a large batch that keeps heartbeats and votes waiting",
    ),
    row(
        "slow-tail",
        "fault.slow-tail",
        "a few messages take very long, and later ones wait for them",
        "a time-out taken for a refusal",
    ),
    row(
        "flapping",
        "fault.flapping",
        "links are cut and mended again and again",
        "retries that add up; a session that never ends and never works",
    ),
    row(
        "moving-split",
        "fault.moving-split",
        "a split of which one node after the other changes sides",
        "majorities that overlap in one node only; leaders that follow each other quickly",
    ),
    row(
        "mute",
        "fault.mute",
        "one node hears everybody and reaches nobody",
        "a follower whose silence deposes nobody; a leader that believes it is heard",
    ),
    row(
        "swizzle",
        "fault.swizzle",
        "links are cut one by one and mended in another order",
        "an order of recovery that nobody thought of",
    ),
    row(
        "clock-offset",
        "fault.clock-offset",
        "a node's calendar is wrong for a while",
        "timestamps of two nodes that are compared",
    ),
    row(
        "clock-step-forth",
        "fault.clock-step-forth",
        "a node's calendar jumps ahead",
        "retention that deletes what is young",
    ),
    row(
        "clock-step-back",
        "fault.clock-step-back",
        "a node's calendar jumps back",
        "a wait until a time that does not come; time-outs measured by the calendar",
    ),
    row(
        "clock-leap",
        "fault.clock-leap",
        "all of a node's clocks jump ahead, as in a virtual machine that was suspended",
        "leases and sessions that end all at once; a lease believed in after it ran out",
    ),
    row(
        "clock-drift",
        "fault.clock-drift",
        "a node's clocks and timers run too fast or too slow",
        "a lease that ends sooner for who granted it than for who holds it",
    ),
    row(
        "clock-freeze",
        "fault.clock-freeze",
        "a node's clocks stand still, its timers run",
        "a lease that never ends; a loop that waits for time to pass",
    ),
    row(
        "long-pause",
        "fault.long-pause",
        "a process stands still for longer than any lease or session",
        "a leader that wakes up in another reign and answers what it was asked in its own",
    ),
    row(
        "restart-storm",
        "fault.restart-storm",
        "a process ends and comes back again and again",
        "lives of one node that are taken for one; a start that needs the end of the one before",
    ),
    row(
        "rolling-restart",
        "fault.rolling-restart",
        "one process after the other ends and comes back",
        "a role handed on to who is just about to go",
    ),
    row(
        "rack-power-loss",
        "fault.rack-power-loss",
        "several nodes lose power at the same moment",
        "copies that were all in memory only",
    ),
    row(
        "crash-recovering",
        "fault.crash-recovering",
        "a process ends again shortly after it came back",
        "a recovery that cannot be begun twice",
    ),
    row(
        "power-loss-recovering",
        "fault.power-loss-recovering",
        "a node loses power again shortly after it came back",
        "a repair that was not durable when it was built upon",
    ),
    row(
        "transfer-storm",
        "fault.transfer-storm",
        "whoever leads is asked to hand over again and again, often while the others are split",
        "logs of two leaders in turn that part more than once",
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
    row(
        "torn-write",
        "fault.torn-write",
        "power goes right after a write; any sectors of it survive",
        "a recovery that trusts lengths, or the end of a file",
    ),
    row(
        "lost-names",
        "fault.lost-names",
        "power goes, and all creations, renames and removals that were not synced are undone",
        "a file that is relied on before its directory was synced",
    ),
    row(
        "lost-sync",
        "fault.lost-sync",
        "syncs end well and make nothing durable",
        "one disk's word that is taken for safety",
    ),
    row(
        "rot-cold",
        "fault.rot-cold",
        "a synced byte changes, far from the last write",
        "damage that is served, copied on, or never found",
    ),
    row(
        "rot-tail",
        "fault.rot-tail",
        "a synced byte changes in the sector that was written last",
        "damage that is taken for a write cut short by a crash",
    ),
    row(
        "misdirected-write",
        "fault.misdirected-write",
        "the next write lands elsewhere and overwrites what is there",
        "bytes that are sound, but not where they belong",
    ),
    row("write-error", "fault.write-error", "writes fail", "a log that goes on behind a hole"),
    row("read-error", "fault.read-error", "reads fail", "a leader that cannot read and stays"),
    row(
        "sync-error",
        "fault.sync-error",
        "syncs fail, and what they should have written counts as clean",
        "a sync that is tried again and believed (fsyncgate)",
    ),
    row("disk-full", "fault.disk-full", "there is no room for more", "a write that is half done"),
    row("slow-disk", "fault.slow-disk", "syncs take longer", "an answer that does not wait for its sync"),
    row(
        "stalled-disk",
        "fault.stalled-disk",
        "syncs do not end while it lasts",
        "a node that is alive and gets nothing done",
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
