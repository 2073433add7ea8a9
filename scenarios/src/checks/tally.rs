//! What a run exercised, permitted and compared, counted by name.

use squall_sim::record::{Counts, Tally};

macro_rules! counted {
    ($(#[$doc:meta])* $name:ident: $($variant:ident = $text:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = $text] $variant,)*
        }

        impl $name {
            const NAMES: &'static [&'static str] = &[$($text,)*];

            /// Its name in tables and documents.
            pub const fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }
        }
    };
}

counted! {
    /// What a run brought about.
    Exercised:
    Elections = "leader elections",
    ElrElections = "elections from the ELR",
    QuorumElections = "quorum elections",
    Resignations = "quorum leaders that resigned alone",
    PreVotesRefused = "pre-votes refused",
    Truncations = "truncations",
    Resets = "logs dropped and copied anew",
    QuorumTruncations = "quorum truncations",
    SnapshotsTaken = "snapshots taken",
    SnapshotsInstalled = "snapshots installed",
    IsrShrinks = "ISR shrinks",
    IsrExpansions = "ISR expansions",
    Fencings = "brokers fenced",
    Registrations = "registrations",
    RetriesSent = "retries sent",
    RetriesAbsorbed = "retries absorbed",
    PowerLossesSurvived = "power losses survived",
    TailsLost = "unsynced tails lost",
    DisksRefilled = "lost disks refilled",
    LeadersUnexposed = "leaders that did not know the high watermark yet",
    SegmentsDeleted = "log starts moved",
    ReadersTruncated = "readers moved by truncation",
    ReadersReset = "readers out of range",
    ProducerIds = "producer ids given",
    Halts = "processes that halted because of their disk",
    DamageFound = "damaged batches found by a reader",
    DamageCut = "damaged logs cut and copied anew",
    Rebalances = "group rebalances",
    TakeOvers = "partitions taken over from a failed member",
    Redeliveries = "records processed again",
    CoordinatorFailovers = "coordinators that ceased",
    GroupLoads = "coordinators that loaded",
    MembersOut = "members thrown out",
    MembersFenced = "members fenced",
    MembersReplaced = "static members replaced",
    OwnedWithinOne = "partitions owned again within 1 s",
    OwnedWithinFive = "partitions owned again within 5 s",
    OwnedWithinTwenty = "partitions owned again within 20 s",
    OwnedLater = "partitions owned again later than that",
    StretchesCleaned = "stretches of logs cleaned",
    TransactionsCommitted = "transactions committed",
    TransactionsAborted = "transactions aborted",
    TransactionsUndecided = "transactions whose end nobody was told",
    TransactionsTimedOut = "transactions timed out",
    ZombiesFenced = "producers fenced",
    MarkersRetried = "markers retried",
    TransactionCoordinatorsCeased = "transaction coordinators that ceased",
    DirtyReads = "uncommitted effects read by whoever wants them",
    SharesLoaded = "leaders of share-partitions that loaded",
    SharesRestored = "share-partitions restored",
    ShareTakeOvers = "leaders of share-partitions that ceased",
    ShareRedeliveries = "records delivered again",
    WorkedAfterFailure = "records worked after a failed delivery",
    LocksExpired = "locks that ran out",
    LocksRenewed = "locks renewed",
    LateAcknowledgements = "acknowledgements refused",
    Letters = "dead letters",
    PutBacks = "dead letters put back",
    StuckListed = "lists of stuck records that were not empty",
}

counted! {
    /// What was allowed to go wrong.
    Permitted:
    Acks0Lost = "acks=0 record lost",
    Acks1Lost = "acks=1 record lost: its leader fell before it was committed",
    Duplicates = "duplicate of a producer without idempotence",
    UnknownLanded = "record whose sender does not know is there",
    UnknownMissing = "record whose sender does not know is not there",
    RetentionDeleted = "record deleted by retention",
    UncleanLost = "record lost by an unclean election",
    DamageLost = "record lost: faults destroyed every copy",
    MetadataLost = "record lost: faults destroyed the controllers' log",
    Unreadable = "record not readable: who holds it may not lead",
    Elsewhere = "record read again, but not where promised: that copy was lost with permission",
    Disorder = "record out of order: its promised copy was lost, another came late",
    VoteForgotten = "vote given twice: its voter was wiped in between",
    ProcessedAgain = "record processed again: it was not committed when its owner failed or gave it up",
    CommitUndone = "commit undone by an older copy of itself, or by an owner that had resumed before it",
    Displaced = "record displaced by a newer one of its key",
    WorkedAgain = "record worked again: nobody had heard of its first worker in time",
    LetterTwice = "letter written twice: its leader ceased before it knew of the first",
    EffectTwice = "record with two effects: its group was empty for so long that its offset was forgotten",
}

counted! {
    /// What was looked at.
    Compared:
    Batches = "batches written",
    Watermarks = "high watermarks",
    Acknowledgements = "acknowledgements",
    MetadataRecords = "metadata records applied",
    Registrations = "partition registrations",
    QuorumEntries = "quorum entries",
    QuorumCommits = "quorum commits",
    Votes = "votes",
    Recoveries = "logs recovered",
    Folds = "epoch caches and producer tables",
    RecordsConsumed = "records consumed",
    RecordsReadAgain = "acknowledged records read again",
    Replicas = "replicas compared in the end",
    Identities = "producer ids",
    RecordsProcessed = "records processed by groups",
    CommitsAcknowledged = "offsets acknowledged as committed",
    PositionsResumed = "positions resumed",
    GroupsWhole = "groups whole again within their bound",
    Owners = "partitions owned",
    NewestOfKeys = "newest values of keys read",
    Histories = "histories of clients against the true log",
    EffectsRead = "committed effects read",
    Transactions = "transactions whole or not at all",
    Effects = "records with one effect",
    Deliveries = "deliveries to share groups",
    AcknowledgementsTaken = "acknowledgements taken",
    Queues = "queues whose totals were compared",
    SharesHeardOf = "share-partitions in memory, against what was heard of them",
    WorkedInTime = "records worked within their bound once nothing broke",
    SharesReplayed = "share-partitions in memory, against their logs",
}

/// All counters of a run.
#[derive(Debug, Clone)]
pub struct Counters {
    exercised: [u64; Exercised::NAMES.len()],
    permitted: [u64; Permitted::NAMES.len()],
    compared: [u64; Compared::NAMES.len()],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            exercised: [0; Exercised::NAMES.len()],
            permitted: [0; Permitted::NAMES.len()],
            compared: [0; Compared::NAMES.len()],
        }
    }
}

impl Counters {
    /// Once more.
    pub const fn exercised(&mut self, what: Exercised) {
        self.exercised[what as usize] += 1;
    }

    /// Once more.
    pub const fn permitted(&mut self, what: Permitted) {
        self.permitted[what as usize] += 1;
    }

    /// Once more.
    pub const fn compared(&mut self, what: Compared) {
        self.compared[what as usize] += 1;
    }

    /// By name, those above zero.
    pub fn tally(&self) -> Tally {
        let named = |names: &[&'static str], counts: &[u64]| -> Counts {
            names
                .iter()
                .zip(counts)
                .filter(|(_, count)| **count > 0)
                .map(|(name, count)| (*name, *count))
                .collect()
        };
        Tally {
            exercised: named(Exercised::NAMES, &self.exercised),
            permitted: named(Permitted::NAMES, &self.permitted),
            compared: named(Compared::NAMES, &self.compared),
        }
    }
}
