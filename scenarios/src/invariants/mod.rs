//! The invariants of INVARIANTS.md, each under its name there, over the ghost state.
//!
//! Each is checked when a probe could break it, not after every event: what cannot have changed is not
//! looked at again. A check answers [`Broken`]; which node and when is added by whoever calls it.
//! Deliberately absent: looks into the system's own state, but for `storage`, which compares what a replica
//! keeps in memory and on disk to the ghost's fold, and for what `groups` and `share_state` compare of coordinators.

pub mod clients;
pub mod compaction;
pub mod effects;
pub mod groups;
pub mod membership;
pub mod quorum;
pub mod replication;
pub mod share_state;
pub mod shares;
pub mod storage;
#[cfg(test)]
mod tests;
pub mod transactions;
pub mod work;

use std::fmt;

use squall_core::time::Time;
use squall_sim::record::Violation;

use crate::ghost::copies::Evidence;

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its name in INVARIANTS.md.
    pub invariant: &'static str,
    /// Who, which offset, which epoch.
    pub message: String,
    /// What led to it, line by line.
    pub evidence: Evidence,
}

impl Broken {
    /// One without a chain of evidence.
    pub fn new(invariant: &'static str, message: impl Into<String>) -> Self {
        debug_assert!(ALL.iter().any(|(name, _)| *name == invariant), "unlisted invariant {invariant}");
        Self { invariant, message: message.into(), evidence: Evidence::new() }
    }

    /// Whether the all-seeing observer found it; whoever saw only what clients saw could not have.
    pub fn is_the_observers(&self) -> bool {
        self.invariant.starts_with("W-")
    }

    /// As a run's verdict.
    pub fn violation(self, at: Time) -> Violation {
        Violation { evidence: self.evidence, ..Violation::new(self.invariant, self.message, at) }
    }
}

/// What there may be, in words: itself, or `none`.
pub fn or<T: fmt::Display>(known: Option<T>, none: &str) -> String {
    known.map_or_else(|| none.to_owned(), |known| known.to_string())
}

/// What a check answers.
pub type Check = Result<(), Broken>;

/// What the invariant of this name says.
pub fn about(name: &str) -> Option<&'static str> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, about)| *about)
}

/// Every invariant, with what it says; `squall list invariants` prints it.
pub const ALL: &[(&str, &str)] = &[
    ("W-SI", "below a leader's high watermark, every in-sync replica holds what the leader holds"),
    ("W-LII", "a partition's leader is in its ISR"),
    ("W-AHW", "every in-sync replica reaches the high watermark of every leader"),
    ("W-LC", "the leader that the controllers name holds every committed and every acknowledged record"),
    ("W-LCC", "every running member of ISR and ELR holds every committed record"),
    ("W-NCL", "every committed record is in the log of at least one replica; acks=all means committed"),
    ("W-LM", "two replicas hold the same records below both their high watermarks"),
    ("W-UNIQ", "a leader epoch and an offset never name two records, over all replicas and all time"),
    ("W-HWB", "log start <= high watermark <= log end, and no high watermark is above the true one"),
    ("W-AHM", "the high watermark that leaders show never goes back from one reign to the next"),
    (
        "W-JOIN",
        "a replica enters the ISR only when it holds all that is committed, in this reign and this life",
    ),
    ("W-FIS", "no fenced broker is in an ISR"),
    ("W-ELR", "ISR and ELR are replicas, disjoint, and the ELR is empty while the ISR is large enough"),
    (
        "W-RQS",
        "whoever the controllers may count as in sync, by any wish of the leader, reaches its high watermark",
    ),
    ("W-BRK", "a broker is unfenced, leads and follows only once it has read its own registration"),
    ("W-ELECT", "a leader is elected from ISR or ELR, or uncleanly where the topic allows it"),
    ("W-UX", "a replica whose disk lost records is not leader, ISR or ELR before it has caught up"),
    ("W-MLM", "every node applies the decided metadata log, and one broker leads in each epoch"),
    ("W-REP", "offsets in a log are dense, and only the named leader leads"),
    ("W-CR", "a record once consumed is what the log holds at its offset from then on"),
    ("W-LOG", "a recovered log is a valid prefix of the log before the crash, at least up to the last sync"),
    ("W-EC", "the leader-epoch cache is the fold of the log"),
    ("W-PS", "the table of producers is the fold of the log"),
    (
        "W-CLEAN",
        "compaction removes a record only if it is committed, and a newer one of its key is too or its time as a tombstone is over",
    ),
    ("W-SEQ", "in any log, a producer's sequences are contiguous and start at 0"),
    ("W-PID", "no producer id is given away twice"),
    ("W-ES", "at most one node leads the quorum in an epoch"),
    ("W-VOTE", "a voter grants at most one vote in an epoch, over all its lives"),
    ("W-ME", "a voter's durable epoch never goes back"),
    ("W-MHW", "the commit index that quorum leaders show never goes back"),
    ("W-MAJ", "what a quorum leader commits is on a majority"),
    (
        "W-DUR",
        "what a quorum leader commits is durable on a majority; what a leader acknowledges is, where batches are flushed, durable on min.insync.replicas",
    ),
    ("W-QLC", "a quorum leader holds every committed entry"),
    ("W-CP", "committed prefixes of two voters are prefixes of each other"),
    ("W-LMR", "entries of one epoch at one place are the same on every voter"),
    ("W-CTC", "a quorum leader commits only onto an entry of its own epoch"),
    ("W-NTB", "no voter cuts what it knows to be committed"),
    ("W-SMS", "nothing is applied before it is committed, and equal logs make equal images"),
    ("W-SNAP", "a snapshot is of committed entries, under the epoch of the last of them"),
    ("W-PV", "a pre-vote changes neither epoch nor vote"),
    ("W-GC", "a coordinator leads, and what it keeps of its groups is the fold of its offsets partition"),
    ("W-GF", "an offset commit that is taken is a current member's, in the current generation"),
    ("W-OWN", "no two current members of a group own a partition in one generation"),
    (
        "W-TC",
        "one broker coordinates a partition of transactions in an epoch, and what it decides follows from what was decided",
    ),
    (
        "W-LSO",
        "the last stable offset is that of the log; what is open in a log is open at its coordinator; nothing of a transaction follows its marker",
    ),
    (
        "durability",
        "every acknowledged record is read again in the end, unless its contract permits the loss",
    ),
    ("no-duplicate", "a record of an idempotent producer is in the log once"),
    ("order", "a producer's acknowledged records lie in a partition in sending order"),
    ("key", "records of one key lie in one partition"),
    (
        "latest-value",
        "where logs are compacted, the newest acknowledged value of each key, or a newer one, is read in the end",
    ),
    ("no-skip", "a reader is handed every offset once, in order, but for what compaction may have removed"),
    (
        "no-phantom",
        "a reader is handed only records that were sent, and none whose sender was told it is not there",
    ),
    ("one-owner", "two members of one generation never own the same partition"),
    (
        "at-least-once",
        "a group commits nothing that it has not processed, and in the end has processed everything",
    ),
    (
        "owned-again",
        "after the storm every partition of a group has one owner again within a bound of the settings",
    ),
    ("commit-monotone", "nobody sets back what a newer owner was told is committed"),
    ("commit-kept", "nobody resumes before what was acknowledged as committed"),
    (
        "exactly-once",
        "as readers of committed records see it, every record that was processed has one effect, and no other one",
    ),
    (
        "read-committed",
        "readers of committed records get nothing of a transaction that was not to be committed",
    ),
    ("atomic", "of a transaction everything is read as committed, or nothing"),
    ("effect-order", "effects lie in the order of the records that they are effects of"),
    (
        "one-holder",
        "a record of a share group is one worker's at a time, and only its present delivery is settled",
    ),
    ("lock-held", "an acknowledgement counts only before another worker was told that the record is its own"),
    ("worked-once", "no two workers of a share group are told that they have worked the same record"),
    ("delivery-limit", "no record is delivered more often than the limit before somebody puts it back"),
    ("share-kept", "a new leader of a share-partition knows of every delivery, and of all that is done"),
    ("pace", "no leader delivers more in an interval than the pace allows"),
    ("total-queue", "every acknowledged record is worked by each share group, or has its letter, and once"),
    (
        "worked-in-time",
        "while nothing breaks, a record of a share group is worked within its bound, whatever is hard about others",
    ),
    (
        "W-SQ",
        "a leader of share-partitions leads, and what it keeps of them is what was heard of, and what its log says",
    ),
    ("H-AGREE", "what clients saw, judged as a history, and the true log say the same of every record"),
];

/// A broken invariant.
pub fn broken(invariant: &'static str, message: String) -> Check {
    Err(Broken::new(invariant, message))
}
