//! The log of one partition, or of the quorum, over a disk.
//!
//! Holds: segments, their sparse indexes, the leader-epoch cache, the producer table with its snapshots, which
//! transactions were aborted, and what of all this is durable. Both tables and the indexes are folds over the batches; the log files alone
//! are the truth. Changed only by: appends, cuts, retention, `sync` and `on_synced`. A [`Log`] that answered
//! a [`DiskFault`] must not be used any further but opened again.
//! A log may be compacted: [`Log::clean`].
//! Deliberately absent: the high watermark, any clock, a clean-shutdown mark (every start is a recovery).
//!
//! | file | holds |
//! |---|---|
//! | `{base}.log` | batches, back to back, each [sealed](unsealed); the next file starts at the offset at which this one ends |
//! | `{base}.index`, `{base}.timeindex` | the index of a sealed segment, as Kafka has them |
//! | `{base}.snapshot` | the producer table as it was at `base`; the two newest stay |
//! | `{base}.cleaned` | what compaction is about to put in the place of the log files from `base` on; worth nothing after a crash |
//! | `{base}.swap` | an empty log file about to take the place of an old one; only between two steps of one call |
//!
//! What makes a power loss harmless: a batch is in one file only, and a cut never reuses the place of a batch
//! in a file. It starts a new file instead, whose base tells recovery where the older file ends, even if the
//! truncation of that one was undone.

mod append;
mod clean;
mod cut;
mod damage;
mod durability;
mod epochs;
mod index;
mod producers;
mod read;
mod recent;
mod recovery;
mod scan;
mod seal;
mod segment;
mod snapshot;
#[cfg(test)]
mod tests;
mod transactions;

pub use append::AppendError;
pub use clean::{Aborted, CleanConfig, CleanStep, Cleanable, Cleaned, CleanedBatch, CleanupPolicy};
pub use durability::SyncOutcome;
pub use epochs::EpochCache;
pub use producers::{Check, Marked, ProducedBatch, ProducerState, ProducerTable, WINDOW};
pub use read::ReadError;
pub use recovery::Recovery;
pub use seal::unsealed;

use crate::env::{Disk, DiskFault};
use crate::ids::{LeaderEpoch, Offset};
use crate::quirk::Quirks;
use crate::time::Span;
use clean::Cleaner;
use durability::Durability;
use recent::Recent;
use segment::Segment;
use transactions::Transactions;

/// How a log is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogConfig {
    /// `segment.bytes`: a segment is sealed before it outgrows this. A larger batch gets one of its own.
    pub segment_bytes: u64,
    /// `index.interval.bytes`: how far indexed batches lie apart at least.
    pub index_interval_bytes: u64,
    /// `retention.bytes`: old segments go while the rest is at least this large. `None`: never.
    pub retention_bytes: Option<u64>,
    /// `retention.ms`: segments go whose last record is older than this. `None`: never.
    pub retention: Option<Span>,
    /// `cleanup.policy`: retention is heeded only if it deletes.
    pub cleanup: CleanupPolicy,
    /// How it is compacted, if the policy says so.
    pub clean: CleanConfig,
}

impl Default for LogConfig {
    /// Kafka's defaults, except that nothing is ever dropped.
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            index_interval_bytes: 4096,
            retention_bytes: None,
            retention: None,
            cleanup: CleanupPolicy::Delete,
            clean: CleanConfig::default(),
        }
    }
}

/// A log. See the module.
#[derive(Debug, Clone)]
pub struct Log {
    dir: String,
    config: LogConfig,
    quirks: Quirks,
    /// By base offset; never empty. The last one is the active one.
    segments: Vec<Segment>,
    log_end: Offset,
    epochs: EpochCache,
    producers: ProducerTable,
    transactions: Transactions,
    /// Where the last batches of the active segment lie.
    recent: Recent,
    durability: Durability,
    /// A batch on its way to the file.
    buffer: Vec<u8>,
    /// Of a log that is compacted.
    cleaner: Option<Box<Cleaner>>,
}

impl Log {
    /// Opens the log in `dir`, or starts one at offset 0. Repairs what a crash has left: see [`Recovery`].
    ///
    /// Nothing counts as durable until the first sync ends: what is read may be in the cache only.
    pub fn open(
        dir: &str,
        config: LogConfig,
        quirks: Quirks,
        disk: &mut dyn Disk,
    ) -> Result<(Self, Recovery), DiskFault> {
        recovery::open(dir, config, quirks, disk)
    }

    /// The first offset kept. Always the base of the first segment, so it survives a restart.
    pub fn log_start(&self) -> Offset {
        self.segments[0].base
    }

    /// The next offset to be written.
    pub const fn log_end(&self) -> Offset {
        self.log_end
    }

    /// Everything before is covered by completed syncs. May be below the log start: then not even where the
    /// log starts is durable.
    pub const fn durable_end(&self) -> Offset {
        self.durability.end
    }

    /// The epoch of the last record; `None` if the log is empty.
    pub fn last_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.last()
    }

    /// Where each epoch starts.
    pub const fn epochs(&self) -> &EpochCache {
        &self.epochs
    }

    /// What is known of each idempotent producer.
    pub const fn producers(&self) -> &ProducerTable {
        &self.producers
    }

    /// How the log is kept.
    pub const fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size).sum()
    }

    /// The base offset of each segment.
    pub fn segment_bases(&self) -> impl ExactSizeIterator<Item = Offset> {
        self.segments.iter().map(|segment| segment.base)
    }

    /// True between any two calls.
    pub fn assert_invariants(&self) {
        debug_assert!(self.log_start() <= self.log_end, "log_start_within_end: {self:?}");
        debug_assert!(self.durability.end <= self.log_end, "durable_within_end: {self:?}");
        debug_assert!(self.segments.is_sorted_by(|a, b| a.base < b.base), "segments_sorted: {self:?}");
        debug_assert!(self.active().base <= self.log_end, "active_within_end: {self:?}");
        debug_assert_eq!(
            self.epochs.entries().first().map(|&(_, start)| start),
            (self.log_start() < self.log_end).then(|| self.log_start()),
            "epochs_from_start: {self:?}"
        );
    }

    fn active(&self) -> &Segment {
        self.segments.last().expect("a log has an active segment")
    }

    fn active_mut(&mut self) -> &mut Segment {
        self.segments.last_mut().expect("a log has an active segment")
    }

    /// The segment that has `offset`, or would get it.
    fn segment_of(&self, offset: Offset) -> usize {
        // Nearly all reads and appends are at the end.
        if self.active().base <= offset {
            return self.segments.len() - 1;
        }
        self.segments.partition_point(|segment| segment.base <= offset).saturating_sub(1)
    }
}
