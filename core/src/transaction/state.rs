//! The states of a transactional id.

/// Where a transactional id stands. Source: KIP-98, Kafka's `TransactionState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionState {
    /// It was given a producer id, and has not written yet.
    Empty,
    /// It has written, or is about to.
    Ongoing,
    /// It will be committed; partitions are being told.
    PrepareCommit,
    /// It will be aborted; partitions are being told.
    PrepareAbort,
    /// It is committed, and every partition knows.
    CompleteCommit,
    /// It is aborted, and every partition knows.
    CompleteAbort,
}

impl TransactionState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
    ];

    /// Its name in Kafka.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }

    /// Whether it may come after `before` (`TransactionMetadata.validPreviousStates`).
    pub const fn may_follow(self, before: Self) -> bool {
        match self {
            Self::Empty => matches!(before, Self::Empty | Self::CompleteCommit | Self::CompleteAbort),
            Self::Ongoing => {
                matches!(before, Self::Ongoing | Self::Empty | Self::CompleteCommit | Self::CompleteAbort)
            }
            Self::PrepareCommit => matches!(before, Self::Ongoing),
            // Also without a transaction: its producer may not know whether it has begun one (KIP-890).
            Self::PrepareAbort => {
                matches!(before, Self::Ongoing | Self::Empty | Self::CompleteCommit | Self::CompleteAbort)
            }
            Self::CompleteCommit => matches!(before, Self::PrepareCommit),
            Self::CompleteAbort => matches!(before, Self::PrepareAbort),
        }
    }

    /// Whether no partition has anything undecided of it.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Empty | Self::CompleteCommit | Self::CompleteAbort)
    }
}
