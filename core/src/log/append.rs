//! Appending, as the leader that assigns places and as the follower that takes them.

use super::segment::{self, MOST_BYTES, MOST_RECORDS, SNAPSHOT, Segment};
use super::{Log, snapshot};
use crate::env::{Disk, DiskFault};
use crate::ids::{LeaderEpoch, Offset};
use crate::quirk::Quirk;
use crate::record::{Batch, Header};

/// How many snapshots of the producer table stay, the newest.
pub(super) const SNAPSHOTS_KEPT: usize = 2;

/// Why a follower's append did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AppendError {
    /// The batch does not start at the log end.
    #[error("the batch does not start at the log end, {expected}")]
    Gap {
        /// The log end.
        expected: Offset,
    },
    /// The batch's epoch is below the last one in the log.
    #[error("the batch is older than the last epoch, {last}")]
    EpochWentBack {
        /// The last epoch.
        last: LeaderEpoch,
    },
    /// No leader has placed the batch.
    #[error("the batch was placed by no leader")]
    Unplaced,
    /// The disk failed; the log must be opened again.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}

impl Log {
    /// Appends `batch` at the log end, in the reign `epoch`; answers it as placed. Whether its producer may
    /// append it was asked of [`Log::producers`] before.
    ///
    /// # Panics
    /// If `epoch` is below the last one in the log: a leader's epoch is above all that came before.
    pub fn append_as_leader(
        &mut self,
        batch: &Batch,
        epoch: LeaderEpoch,
        disk: &mut dyn Disk,
    ) -> Result<Batch, DiskFault> {
        assert!(self.last_epoch() <= Some(epoch), "epoch {epoch} leads after {:?}", self.last_epoch());
        let placed = batch.placed(self.log_end, epoch);
        self.append(&placed, epoch, disk)?;
        self.fold_producer(placed.header(), placed.bytes());
        Ok(placed)
    }

    /// Appends a leader's batch where that leader put it.
    pub fn append_as_follower(&mut self, batch: &Batch, disk: &mut dyn Disk) -> Result<(), AppendError> {
        if batch.base_offset() != self.log_end {
            return Err(AppendError::Gap { expected: self.log_end });
        }
        let epoch = batch.leader_epoch().ok_or(AppendError::Unplaced)?;
        if let Some(last) = self.last_epoch().filter(|&last| epoch < last) {
            return Err(AppendError::EpochWentBack { last });
        }
        self.append(batch, epoch, disk)?;
        self.learn_producer(batch.header(), batch.bytes());
        Ok(())
    }

    fn append(&mut self, batch: &Batch, epoch: LeaderEpoch, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        if self.is_full_for(batch) {
            self.roll(disk)?;
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(batch.bytes());
        let seal = self.active().seal;
        seal.turn(&mut self.buffer);
        disk.append(&self.active().file, &self.buffer)?;
        let position = self.active().size;
        self.active_mut().dirty = true;
        self.admit(batch.header(), epoch, position);
        Ok(())
    }

    /// Folds a batch that lies in the active segment at `position` into everything but the producer table.
    pub(super) fn admit(&mut self, header: &Header, epoch: LeaderEpoch, position: u64) {
        let interval = self.config.index_interval_bytes;
        let active = self.active_mut();
        active.index.apply(header, position, interval);
        active.size = position + header.size as u64;
        self.recent.push(header.base_offset, position);
        self.epochs.apply(epoch, header.base_offset);
        self.log_end = header.next_offset();
    }

    /// Folds a batch that this node did not place itself into the producer table.
    pub(super) fn learn_producer(&mut self, header: &Header, batch: &[u8]) {
        if !self.quirks.has(Quirk::ProducerTableLeaderOnly) {
            self.fold_producer(header, batch);
        }
    }

    fn is_full_for(&self, batch: &Batch) -> bool {
        let active = self.active();
        let most = self.config.segment_bytes.min(MOST_BYTES);
        let records = self.log_end.0 - active.base.0 + u64::from(batch.header().span);
        active.size > 0 && (active.size + batch.size() as u64 > most || records > MOST_RECORDS)
    }

    fn roll(&mut self, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        self.active().write_index(disk)?;
        self.start_segment(disk)
    }

    /// The log goes on in a new file, at the log end.
    pub(super) fn start_segment(&mut self, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        let segment = Segment::new(&self.dir, self.log_end);
        // Made even though it is empty: its name says where the log goes on, or starts.
        segment.create(disk)?;
        if !self.segments.is_empty() {
            segment::replace(&segment.beside(SNAPSHOT), &snapshot::encode(&self.producers), disk)?;
            self.drop_old_snapshot(disk)?;
        }
        self.segments.push(segment);
        self.recent.clear();
        self.durability.names_dirty = true;
        Ok(())
    }

    /// Of the producer table's snapshots the two newest stay (Kafka's ProducerStateManager up to 2.7): a log of
    /// many small segments would else hold its producers as often as it has segments. Whoever needs an older
    /// one replays the log.
    fn drop_old_snapshot(&self, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        match self.segments.len().checked_sub(SNAPSHOTS_KEPT) {
            Some(place) => segment::remove_if_there(&self.segments[place].beside(SNAPSHOT), disk),
            None => Ok(()),
        }
    }
}
