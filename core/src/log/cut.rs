//! Making the log shorter: at its end (truncation), at its start (retention), or altogether.

use super::scan::{Look, Scan};
use super::segment::{self, SNAPSHOT};
use super::{Log, ProducerTable, snapshot};
use crate::env::{Disk, DiskFault};
use crate::ids::Offset;
use crate::quirk::Quirk;

impl Log {
    /// Cuts the log to `end`; a batch that straddles it goes whole, so the log end may come out lower. Below
    /// the log start this is [`Log::reset_to`]; at or beyond the log end it does nothing.
    ///
    /// # Errors
    /// [`DiskFault::Io`] also if the log is damaged where it would have to be replayed.
    pub fn truncate_to(&mut self, end: Offset, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        if end >= self.log_end {
            return Ok(());
        }
        if end < self.log_start() {
            return self.reset_to(end, disk);
        }
        self.stop_cleaning_above(end, disk)?;
        let place = self.segment_of(end);
        let (position, cut) = self.rewind(place, end, disk)?;
        let producers = self.producers_at(cut, disk)?;
        // From the end, so that whatever a power loss leaves of it is a log without gaps.
        while self.segments.len() > place + 1 {
            self.active().remove(disk)?;
            self.segments.pop();
        }
        if position == 0 {
            // The new file replaces this one.
            self.active().remove_index(disk)?;
            self.segments.pop();
        } else {
            let last = &mut self.segments[place];
            disk.truncate(&last.file, position)?;
            last.size = position;
            last.dirty = true;
            last.write_index(disk)?;
        }
        self.producers = producers;
        self.transactions.truncate(cut);
        self.epochs.truncate(cut);
        self.durability.truncate(cut);
        self.log_end = cut;
        self.start_segment(disk)
    }

    /// Drops the whole log, to start again, empty, at `start`. Until the next sync ends nothing is durable, and
    /// a power loss may bring back some of what was before.
    pub fn reset_to(&mut self, start: Offset, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        self.stop_cleaning_above(Offset::ZERO, disk)?;
        let gone = std::mem::take(&mut self.segments);
        self.epochs.clear();
        self.producers.clear();
        self.transactions.clear();
        self.durability.reset();
        self.log_end = start;
        // The new file comes first: at no moment is there a log without a file, and so without a start.
        self.start_segment(disk)?;
        for segment in gone {
            if segment.base == start {
                segment.remove_index(disk)?;
            } else {
                segment.remove(disk)?;
            }
        }
        segment::remove_if_there(&self.segments[0].beside(SNAPSHOT), disk)
    }

    /// Drops whole segments below `to`; the log start becomes the base of the first one left, and the last
    /// record always stays. Whether the log start moved. The removals are durable after the next sync.
    pub fn advance_start(&mut self, to: Offset, disk: &mut dyn Disk) -> Result<bool, DiskFault> {
        let below = self.segments[1..].partition_point(|next| next.base <= to);
        self.drop_first(below.min(self.droppable()), disk)
    }

    /// Drops old segments by size and by age, none that holds a record from `up_to` (the high watermark) on.
    /// Whether the log start moved. `now_millis` is the time in milliseconds, as timestamps have it.
    pub fn retain(&mut self, now_millis: u64, up_to: Offset, disk: &mut dyn Disk) -> Result<bool, DiskFault> {
        if self.config.retention_bytes.is_none() && self.config.retention.is_none() {
            return Ok(false);
        }
        if !self.config.cleanup.deletes() {
            return Ok(false);
        }
        let mut left = self.size();
        let mut gone = 0;
        for pair in self.segments.windows(2).take(self.droppable()) {
            let [old, next] = pair else { break };
            let spare = self.config.retention_bytes.is_some_and(|most| left - old.size >= most);
            let aged = self.config.retention.is_some_and(|age| {
                old.index.max_timestamp().is_none_or(|last| last.saturating_add(age.as_millis()) < now_millis)
            });
            if next.base > up_to || !(spare || aged) {
                break;
            }
            left -= old.size;
            gone += 1;
        }
        self.drop_first(gone, disk)
    }

    /// How many segments may go at most: not the active one, and not the last that holds anything, for the
    /// epoch of the last record must stay known.
    fn droppable(&self) -> usize {
        let active = self.segments.len() - 1;
        if self.active().size > 0 { active } else { active.saturating_sub(1) }
    }

    fn drop_first(&mut self, segments: usize, disk: &mut dyn Disk) -> Result<bool, DiskFault> {
        if segments == 0 {
            return Ok(false);
        }
        // The log start moves first: a fault half way leaves files that nobody is shown any more.
        let gone: Vec<_> = self.segments.drain(..segments).collect();
        let start = self.log_start();
        self.epochs.advance_start(start);
        self.producers.forget_below(start);
        self.transactions.forget_below(start);
        self.durability.names_dirty = true;
        // In order, so that whatever a power loss leaves of it is a log without gaps.
        for segment in gone {
            segment.remove(disk)?;
        }
        segment::remove_if_there(&self.segments[0].beside(SNAPSHOT), disk)?;
        Ok(true)
    }

    /// Takes the index of the segment at `place` back to `end`; answers the position and the offset of the
    /// first batch that goes.
    fn rewind(&mut self, place: usize, end: Offset, disk: &mut dyn Disk) -> Result<(u64, Offset), DiskFault> {
        let interval = self.config.index_interval_bytes;
        let segment = &mut self.segments[place];
        let start = segment.index.rewind(end);
        let mut scan = if start == 0 {
            Scan::joined(&segment.file, segment.base, segment.size)
        } else {
            Scan::new(&segment.file, start, segment.size, Look::Checksums)
        };
        while let Some(found) = scan.next(disk)? {
            let found = found.map_err(|_| DiskFault::Io)?;
            if found.header.next_offset() > end {
                return Ok((found.position, found.header.base_offset));
            }
            segment.index.apply(&found.header, found.position, interval);
        }
        // The file ends before the log does.
        Err(DiskFault::Io)
    }

    /// The producer table as it was at `end`: the last sound snapshot, and a replay from there.
    pub(super) fn producers_at(
        &mut self,
        end: Offset,
        disk: &mut dyn Disk,
    ) -> Result<ProducerTable, DiskFault> {
        let last = self.segment_of(end);
        let mut first = last;
        let table = loop {
            if first == 0 {
                break ProducerTable::new();
            }
            let file = self.segments[first].beside(SNAPSHOT);
            let bytes = segment::read_whole(&file, disk)?;
            if let Some(table) = bytes.and_then(|bytes| snapshot::decode(&bytes)) {
                break table;
            }
            first -= 1;
        };
        let now = std::mem::replace(&mut self.producers, table);
        // A snapshot may be older than the log start.
        self.producers.forget_below(self.log_start());
        let replayed = self.replay(first..last + 1, end, disk);
        let then = std::mem::replace(&mut self.producers, now);
        replayed.map(|()| then)
    }

    fn replay(
        &mut self,
        segments: std::ops::Range<usize>,
        end: Offset,
        disk: &mut dyn Disk,
    ) -> Result<(), DiskFault> {
        for place in segments {
            let (file, size) = (self.segments[place].file.clone(), self.segments[place].size);
            let mut scan = Scan::joined(&file, self.segments[place].base, size);
            while let Some(found) = scan.next(disk)? {
                let found = found.map_err(|_| DiskFault::Io)?;
                if found.header.next_offset() > end {
                    return Ok(());
                }
                if !self.quirks.has(Quirk::ProducerTableLeaderOnly) {
                    // What it ends was noted when it was written.
                    self.producers.apply(&found.header, found.bytes);
                }
            }
        }
        Ok(())
    }
}
