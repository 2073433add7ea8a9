//! The leader-epoch cache: at which offset each epoch of the log starts.
//!
//! A fold over the batches (W-EC): it is never written, recovery builds it anew. An epoch in which nothing
//! was appended has no entry. Source: KIP-101, KIP-279; Kafka's `LeaderEpochFileCache`.

use crate::ids::{LeaderEpoch, Offset};

/// Epochs and where they start; both strictly increase.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EpochCache {
    entries: Vec<(LeaderEpoch, Offset)>,
}

impl EpochCache {
    /// Of an empty log.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Every epoch of the log with its first offset, oldest first.
    pub fn entries(&self) -> &[(LeaderEpoch, Offset)] {
        &self.entries
    }

    /// The epoch of the last record; `None` if the log is empty.
    pub fn last(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|&(epoch, _)| epoch)
    }

    /// The epoch of the record at `offset`, which must be in the log.
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let after = self.entries.partition_point(|&(_, start)| start <= offset);
        Some(self.entries[after.checked_sub(1)?].0)
    }

    /// The largest epoch not above `epoch`, and where it ends; `None` if the log has none so old.
    pub fn end_offset_for(&self, epoch: LeaderEpoch, log_end: Offset) -> Option<(LeaderEpoch, Offset)> {
        let after = self.entries.partition_point(|&(e, _)| e <= epoch);
        let (found, _) = self.entries[after.checked_sub(1)?];
        let end = self.entries.get(after).map_or(log_end, |&(_, start)| start);
        Some((found, end))
    }

    /// Where the first epoch above `epoch` starts, if the log has one.
    pub fn start_of_first_after(&self, epoch: LeaderEpoch) -> Option<Offset> {
        let after = self.entries.partition_point(|&(e, _)| e <= epoch);
        self.entries.get(after).map(|&(_, start)| start)
    }

    /// A batch of `epoch` was written at `base`. Epochs never go back: the log refuses such a batch.
    pub fn apply(&mut self, epoch: LeaderEpoch, base: Offset) {
        if self.last().is_none_or(|last| last < epoch) {
            self.entries.push((epoch, base));
        }
    }

    /// The log was cut to `end`.
    pub(super) fn truncate(&mut self, end: Offset) {
        self.entries.truncate(self.entries.partition_point(|&(_, start)| start < end));
    }

    /// The first record kept is now at `start`, and the log is not empty.
    pub(super) fn advance_start(&mut self, start: Offset) {
        let gone = self.entries.partition_point(|&(_, first)| first <= start).saturating_sub(1);
        self.entries.drain(..gone);
        if let Some((_, first)) = self.entries.first_mut() {
            *first = start.max(*first);
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}
