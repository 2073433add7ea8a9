//! Writing a group of segments anew, without what is out of date.
//!
//! A group is as many segments as fit into one (`groupSegmentsBySize`). A filler never reaches over the start of
//! an old segment: should a power loss keep only some of the old files, recovery cuts the new one there.

use super::super::scan::{Found, Scan};
use super::super::segment::{self, CLEANED, MOST_RECORDS, Segment};
use super::swap::Group;
use super::{CleanStep, CleanedBatch, Cleaner, Log, Pass, Step};
use crate::env::{Disk, DiskFault};
use crate::ids::{LeaderEpoch, Offset};
use crate::record::{Header, Record, Records, rebuild, write_filler};

/// So much is written at once, in bytes.
const CHUNK: usize = 64 * 1024;

impl Log {
    /// Writes the group that starts at `from`; `None` if there is none below the limit.
    pub(super) fn write_group(
        &mut self,
        cleaner: &mut Cleaner,
        pass: &Pass,
        from: Offset,
        did: &mut CleanStep,
        disk: &mut dyn Disk,
    ) -> Result<Option<Step>, DiskFault> {
        let from = from.max(self.log_start());
        let places = self.group_from(from, pass.limit);
        if places.is_empty() {
            return Ok(None);
        }
        let to = self.segments[places.end].base;
        let new = Segment::new(&self.dir, self.segments[places.start].base);
        let file = new.beside(CLEANED);
        // An earlier pass may have left one half written.
        segment::remove_if_there(&file, disk)?;
        cleaner.output.clear();
        let mut rewrite = Rewrite {
            pass,
            new,
            file: &file,
            interval: self.config.index_interval_bytes,
            delete_retention: self.config.clean.delete_retention.as_millis(),
            output: &mut cleaner.output,
            run: None,
            changed: false,
            batches: Vec::new(),
        };
        for old in &self.segments[places.clone()] {
            did.bytes += old.size;
            rewrite.segment(old, disk)?;
        }
        if !rewrite.changed && places.len() == 1 {
            segment::remove_if_there(&file, disk)?;
            return Ok(Some(Step::Write(to)));
        }
        rewrite.flush(disk)?;
        did.bytes += rewrite.new.size;
        let sources = self.segments[places].iter().map(|old| (old.base, old.size)).collect();
        let Rewrite { new, batches, .. } = rewrite;
        let sync = disk.sync(&file);
        cleaner.syncs.push(sync);
        Ok(Some(Step::Wait(sync, Group { file, new, sources, to, batches })))
    }

    /// The segments from the one at `from` on that fit into one, all of them sealed and with something to clean.
    fn group_from(&self, from: Offset, limit: Offset) -> std::ops::Range<usize> {
        let start = self.segment_of(from);
        let base = self.segments[start].base;
        let mut end = start;
        let mut size = 0;
        for pair in self.segments[start..].windows(2).take_while(|pair| pair[0].base < limit) {
            size += pair[0].size;
            let fits = size <= self.config.segment_bytes && pair[1].base.0 - base.0 <= MOST_RECORDS;
            if end > start && !fits {
                break;
            }
            end += 1;
        }
        start..end
    }
}

/// Removed batches that lie side by side.
struct Run {
    base: Offset,
    next: Offset,
    epoch: LeaderEpoch,
}

/// A group on its way to its `.cleaned` file.
struct Rewrite<'a> {
    pass: &'a Pass,
    new: Segment,
    file: &'a str,
    interval: u64,
    delete_retention: u64,
    output: &'a mut Vec<u8>,
    run: Option<Run>,
    /// Something is not as it was.
    changed: bool,
    batches: Vec<CleanedBatch>,
}

impl Rewrite<'_> {
    fn segment(&mut self, old: &Segment, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        let mut scan = Scan::joined(&old.file, old.base, old.size);
        while let Some(found) = scan.next(disk)? {
            let found = found.map_err(|_| DiskFault::Io)?;
            self.batch(&found);
            if self.output.len() >= CHUNK {
                self.flush(disk)?;
            }
        }
        self.end_run();
        Ok(())
    }

    fn flush(&mut self, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        disk.append(self.file, self.output)?;
        self.output.clear();
        Ok(())
    }

    fn batch(&mut self, found: &Found<'_>) {
        let Found { header, bytes, .. } = *found;
        let keeps = |record: &Record<'_>| self.pass.keeps(&header, record);
        let (mut left, mut has_tombstone) = (0, false);
        for record in Records::of(header, bytes).filter(keeps) {
            left += 1;
            has_tombstone |= record.value.is_none();
        }
        if left == 0 && header.base_offset < self.pass.limit && !self.pass.is_last_of_producer(&header) {
            return self.remove(&header);
        }
        self.end_run();
        // Control records have no value in this sense, and what lies beyond the limit is left as it is.
        let marks = has_tombstone
            && !header.has_delete_horizon
            && !header.is_control
            && header.base_offset < self.pass.limit;
        if left == header.count && !marks {
            return self.keep_as_it_is(&header, bytes);
        }
        let horizon = marks.then(|| self.pass.now_millis.saturating_add(self.delete_retention));
        let start = self.output.len();
        rebuild(&header, bytes, horizon, |record| self.pass.keeps(&header, record), self.output);
        self.changed = true;
        self.wrote(start);
    }

    /// The batch makes room for a filler, together with those beside it.
    fn remove(&mut self, header: &Header) {
        let epoch = header.leader_epoch.expect("a batch in a log was placed by a leader");
        self.changed |= !header.is_filler();
        match &mut self.run {
            Some(run) if run.epoch == epoch => {
                run.next = header.next_offset();
                self.changed = true;
            }
            Some(_) | None => {
                self.end_run();
                self.run = Some(Run { base: header.base_offset, next: header.next_offset(), epoch });
            }
        }
    }

    fn end_run(&mut self) {
        if let Some(Run { base, next, epoch }) = self.run.take() {
            let start = self.output.len();
            write_filler(base, next, epoch, self.output);
            self.wrote(start);
        }
    }

    fn keep_as_it_is(&mut self, header: &Header, sealed: &[u8]) {
        self.note(header, sealed);
        self.output.extend_from_slice(sealed);
    }

    /// A batch was laid out at the end of the output, as it is on the wire.
    fn wrote(&mut self, start: usize) {
        let header = Header::peek(&self.output[start..]).expect("a thinned-out batch is one");
        let batch = std::mem::take(self.output);
        self.note(&header, &batch[start..]);
        *self.output = batch;
        self.new.seal.turn(&mut self.output[start..]);
    }

    fn note(&mut self, header: &Header, batch: &[u8]) {
        self.new.index.apply(header, self.new.size, self.interval);
        self.new.size += header.size as u64;
        self.batches.push(CleanedBatch {
            base: header.base_offset,
            next: header.next_offset(),
            epoch: header.leader_epoch.expect("a batch in a log was placed by a leader"),
            crc: header.crc,
            stamp: header.producer,
            delete_horizon: header.delete_horizon(),
            kept: Records::of(*header, batch).map(|record| record.offset).collect(),
        });
    }
}

impl Pass {
    /// Whether a record stays (`Cleaner.shouldRetainRecord`).
    fn keeps(&self, header: &Header, record: &Record<'_>) -> bool {
        if record.offset >= self.limit || header.is_control {
            return true;
        }
        // Nothing could ever displace a record without a key.
        let Some(key) = record.key else { return false };
        if self.is_aborted(header) || self.keys.newest(key) > Some(record.offset) {
            return false;
        }
        record.value.is_some() || header.delete_horizon().is_none_or(|horizon| self.now_millis < horizon)
    }

    /// Whether the producer table holds the batch.
    fn is_last_of_producer(&self, header: &Header) -> bool {
        let Some(stamp) = header.producer else { return false };
        let state = self.producers.get(stamp.id).filter(|state| state.epoch() == stamp.epoch);
        state.is_some_and(|state| state.batches().iter().any(|batch| batch.base == header.base_offset))
    }
}
