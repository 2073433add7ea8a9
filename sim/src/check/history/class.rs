//! The names of what can be wrong with a history, and which of it a configuration allows.
//!
//! The names are those of jepsen.tests.kafka and of Elle; those at the end are our own, since their checkers
//! have no such check. Deliberately absent: `G0-process` and `G1c-process` (no process edges are drawn) and
//! `cycle-search-timeout` (the search takes time in proportion and has no clock).

use std::collections::BTreeSet;
use std::fmt;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// An offset holds two values.
    InconsistentOffsets,
    /// A value lies at two offsets.
    Duplicate,
    /// A committed read of what was definitely not sent.
    G1a,
    /// An operation read what it sent itself, before it had committed.
    PrecommittedRead,
    /// A committed value at or below the highest offset that anybody read, and nobody read it.
    LostWrite,
    /// An acknowledged value that nobody had read in the end.
    Unseen,
    /// Values left out inside one operation's reads.
    IntPollSkip,
    /// Reads of one operation that go back, or stand still.
    IntNonmonotonicPoll,
    /// Other values between the sends of one operation.
    IntSendSkip,
    /// Sends of one operation that landed in another order.
    IntNonmonotonicSend,
    /// Values left out between a client's polls.
    PollSkip,
    /// A client's poll went back behind its last one.
    NonmonotonicPoll,
    /// A client's sends landed in another order.
    NonmonotonicSend,
    /// A cycle of write dependencies.
    G0,
    /// A cycle of write and read dependencies.
    G1c,
    /// A cycle of write dependencies and of time.
    G0Realtime,
    /// A cycle of write and read dependencies and of time.
    G1cRealtime,
    /// Operations depend on themselves by writes alone.
    Pl1CycleExists,
    /// By writes and reads.
    Pl2CycleExists,
    /// By writes and time.
    StrongPl1CycleExists,
    /// By writes, reads and time.
    StrongPl2CycleExists,
    /// No operation has to do with any other: nothing was checked.
    EmptyTransactionGraph,
    /// A value was read that nobody sent. Jepsen's checker throws here.
    Phantom,
    /// A queue: dequeued, and nobody had enqueued it.
    QueueUnexpected,
    /// A drained queue: acknowledged, and never dequeued.
    QueueLost,
    /// A drained queue: dequeued more often than enqueued. Jepsen counts these and allows them.
    QueueDuplicated,
    /// A drained queue: dequeued although its enqueuing was in doubt. Jepsen counts these and allows them.
    QueueRecovered,
    /// Two members of a group were given one partition in one generation.
    OwnedTwice,
    /// A group's committed offset went back.
    CommitWentBack,
    /// A group's offset was read back lower than it had been committed.
    CommitLost,
    /// A group's committed offset passed a value that no member had read: not at least once.
    CommitUnread,
    /// Two committed transactions of a group read one value: not exactly once.
    ConsumedTwice,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 32] = [
        Self::InconsistentOffsets,
        Self::Duplicate,
        Self::G1a,
        Self::PrecommittedRead,
        Self::LostWrite,
        Self::Unseen,
        Self::IntPollSkip,
        Self::IntNonmonotonicPoll,
        Self::IntSendSkip,
        Self::IntNonmonotonicSend,
        Self::PollSkip,
        Self::NonmonotonicPoll,
        Self::NonmonotonicSend,
        Self::G0,
        Self::G1c,
        Self::G0Realtime,
        Self::G1cRealtime,
        Self::Pl1CycleExists,
        Self::Pl2CycleExists,
        Self::StrongPl1CycleExists,
        Self::StrongPl2CycleExists,
        Self::EmptyTransactionGraph,
        Self::Phantom,
        Self::QueueUnexpected,
        Self::QueueLost,
        Self::QueueDuplicated,
        Self::QueueRecovered,
        Self::OwnedTwice,
        Self::CommitWentBack,
        Self::CommitLost,
        Self::CommitUnread,
        Self::ConsumedTwice,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InconsistentOffsets => "inconsistent-offsets",
            Self::Duplicate => "duplicate",
            Self::G1a => "G1a",
            Self::PrecommittedRead => "precommitted-read",
            Self::LostWrite => "lost-write",
            Self::Unseen => "unseen",
            Self::IntPollSkip => "int-poll-skip",
            Self::IntNonmonotonicPoll => "int-nonmonotonic-poll",
            Self::IntSendSkip => "int-send-skip",
            Self::IntNonmonotonicSend => "int-nonmonotonic-send",
            Self::PollSkip => "poll-skip",
            Self::NonmonotonicPoll => "nonmonotonic-poll",
            Self::NonmonotonicSend => "nonmonotonic-send",
            Self::G0 => "G0",
            Self::G1c => "G1c",
            Self::G0Realtime => "G0-realtime",
            Self::G1cRealtime => "G1c-realtime",
            Self::Pl1CycleExists => "PL-1-cycle-exists",
            Self::Pl2CycleExists => "PL-2-cycle-exists",
            Self::StrongPl1CycleExists => "strong-PL-1-cycle-exists",
            Self::StrongPl2CycleExists => "strong-PL-2-cycle-exists",
            Self::EmptyTransactionGraph => "empty-transaction-graph",
            Self::Phantom => "phantom",
            Self::QueueUnexpected => "queue-unexpected",
            Self::QueueLost => "queue-lost",
            Self::QueueDuplicated => "queue-duplicated",
            Self::QueueRecovered => "queue-recovered",
            Self::OwnedTwice => "owned-twice",
            Self::CommitWentBack => "commit-went-back",
            Self::CommitLost => "commit-lost",
            Self::CommitUnread => "commit-unread",
            Self::ConsumedTwice => "consumed-twice",
        }
    }

    /// The class of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a history is allowed to show: always, when members subscribe and are rebalanced, and when writes are
/// ordered by their offsets (jepsen.tests.kafka, `allowed-error-types`).
pub fn allowed(ww_deps: bool, subscribe: bool) -> BTreeSet<Class> {
    // Kafka's transactions do not isolate writes: their sends interleave.
    let always = [
        Class::IntSendSkip,
        Class::G0,
        Class::G0Realtime,
        Class::Pl1CycleExists,
        Class::StrongPl1CycleExists,
        Class::QueueDuplicated,
        Class::QueueRecovered,
    ];
    // A rebalance between two polls moves a client.
    let subscribed = [Class::PollSkip, Class::NonmonotonicPoll];
    let ordered = [Class::G1c, Class::G1cRealtime, Class::Pl2CycleExists, Class::StrongPl2CycleExists];
    let mut all = BTreeSet::from(always);
    all.extend(subscribe.then_some(subscribed).into_iter().flatten());
    all.extend(ww_deps.then_some(ordered).into_iter().flatten());
    all
}
