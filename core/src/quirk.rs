//! Defects on purpose: known historical mistakes, each switched on by name, off otherwise.
//!
//! Each is asked for at the one line it changes, so that every check can be shown to fail. Nothing else
//! may look at them. Deliberately absent: any knowledge of which check finds which.

/// One historical mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Quirk {
    /// KIP-101: a follower of a new leader cuts its log to its own high watermark.
    TruncateToHighWatermark,
    /// KIP-279: the answer about a divergence is an offset without the epoch it ends.
    DivergenceWithoutEpoch,
    /// KIP-320: a fetch counts although follower and leader are in different leader epochs.
    UnfencedFetch,
    /// KIP-497: the high watermark ignores an ISR change that is still being agreed.
    HighWatermarkIgnoresPendingIsr,
    /// KIP-903: a replica joins the ISR on the word of a registration that is over.
    StaleBrokerEpochRejoins,
    /// A vote is answered before it is durable (nats-server 73ba2d0b2).
    VolatileVote,
    /// KAFKA-5494, redpanda#3039: followers do not build the table of producers.
    ProducerTableLeaderOnly,
    /// Recovery believes lengths and does not look at checksums (nats-server#7549, KAFKA-14104).
    RecoveryWithoutCrc,
    /// KAFKA-9823: an offset commit is taken whoever sends it, of whatever generation.
    CommitWithoutGeneration,
    /// KAFKA-10614: a coordinator that was unloaded late wipes what its next reign has loaded.
    LateUnload,
    /// KIP-211, KAFKA-4682: offsets expire by their commit alone, though their group is alive.
    LiveOffsetsExpire,
    /// KAFKA-8500: a static member that comes back during a rebalance is given the id of its earlier life.
    StaticMemberNotFenced,
    /// KAFKA-16147, KAFKA-14639: a group's partition is given to its next owner before the last one has let it go.
    OwnedTwice,
    /// KIP-320: a consumer goes on at its offset without asking whether the log was cut before it.
    UnvalidatedPosition,
    /// KAFKA-13194: compaction goes by the log end, and lets records that may be cut yet displace committed ones.
    CleanPastHighWatermark,
    /// KAFKA-17754: a transaction's end is taken whatever the producer's epoch, so a late one ends the next.
    DelayedEndTxn,
    /// KIP-890: a transactional batch is written though nobody knows whether its transaction is still open.
    WriteAfterAbort,
    /// redpanda#3036: the last stable offset lies behind the first record of the oldest open transaction.
    LsoOffByOne,
    /// KAFKA-3197: a producer without idempotence sends on behind a batch that it may have to send again.
    RetryOvertakes,
    /// MassTransit#6216: a record that fails is tried again for ever, and nothing behind it is worked.
    RetryPoisonForever,
    /// KIP-932: an acknowledgement is taken from whoever once had the record, though its lock ran out.
    LateAcknowledgement,
    /// pipeshub-ai#3445: after the last attempt a record is set aside where nobody looks.
    PoisonParksSilently,
}

impl Quirk {
    /// All of them, in order.
    pub const ALL: [Self; 22] = [
        Self::TruncateToHighWatermark,
        Self::DivergenceWithoutEpoch,
        Self::UnfencedFetch,
        Self::HighWatermarkIgnoresPendingIsr,
        Self::StaleBrokerEpochRejoins,
        Self::VolatileVote,
        Self::ProducerTableLeaderOnly,
        Self::RecoveryWithoutCrc,
        Self::CommitWithoutGeneration,
        Self::LateUnload,
        Self::LiveOffsetsExpire,
        Self::StaticMemberNotFenced,
        Self::OwnedTwice,
        Self::UnvalidatedPosition,
        Self::CleanPastHighWatermark,
        Self::DelayedEndTxn,
        Self::WriteAfterAbort,
        Self::LsoOffByOne,
        Self::RetryOvertakes,
        Self::RetryPoisonForever,
        Self::LateAcknowledgement,
        Self::PoisonParksSilently,
    ];
}

/// The mistakes that are switched on in one node; normally none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Quirks(u32);

impl Quirks {
    /// A correct node.
    pub const NONE: Self = Self(0);

    /// These and `quirk`.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> Self {
        Self(self.0 | 1 << quirk as u8)
    }

    /// Whether `quirk` is switched on.
    pub const fn has(self, quirk: Quirk) -> bool {
        self.0 & (1 << quirk as u8) != 0
    }

    /// Whether the node is correct.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
