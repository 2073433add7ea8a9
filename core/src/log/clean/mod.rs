//! Compaction: of each key the newest record stays (Kafka's `LogCleaner`).
//!
//! A *pass* cleans the log up to a limit: it notes where the newest record of each key lies, over what was not
//! cleaned before ([`keys`]), then writes the segments below the limit anew, a few at a time ([`rewrite`]), each
//! group into a `.cleaned` file that takes the old files' place once it is durable ([`swap`]). It goes on in
//! slices, whenever [`Log::clean`] is called; a cut below the limit ends it without a trace.
//!
//! What stays the same: offsets, leader epochs, the producer table as a fold of the log. A batch whose records
//! are all gone stays, empty, while it is among its producer's last (KAFKA-8335; Kafka keeps the very last
//! one, here it is the whole window); others make room for fillers, see [`crate::record`]. Control batches
//! stay. Tombstones stay until the delete horizon that their first cleaning sets (KIP-534).
//! Deliberately absent: a checkpoint of what is clean (`cleaner-offset-checkpoint`): after a restart the whole
//! log counts as dirty, which costs a pass and nothing else. `max.compaction.lag.ms`.

mod keys;
mod rewrite;
mod swap;

use std::hash::{Hash, Hasher};

use super::scan::{Found, Scan};
use super::{Log, ProducerTable};
use crate::env::{Disk, DiskFault, SyncId};
use crate::ids::{LeaderEpoch, Offset, ProducerId};
use crate::quirk::Quirk;
use crate::record::{Header, ProducerStamp, Records};
use crate::time::Span;
use keys::Keys;
use swap::Group;

/// `cleanup.policy`: what becomes of old records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CleanupPolicy {
    /// Whole segments go by age and size.
    #[default]
    Delete,
    /// Of each key the newest record stays.
    Compact,
    /// Both.
    CompactAndDelete,
}

/// Silent for the default, so that what says nothing of it has the digest that it always had.
impl Hash for CleanupPolicy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if *self != Self::Delete {
            (*self as u8).hash(state);
        }
    }
}

impl CleanupPolicy {
    /// Whether old records of a key go.
    pub const fn compacts(self) -> bool {
        matches!(self, Self::Compact | Self::CompactAndDelete)
    }

    /// Whether segments go by age and size.
    pub const fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::CompactAndDelete)
    }
}

/// How a log is compacted, if it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CleanConfig {
    /// `min.cleanable.dirty.ratio` in thousandths: a pass begins when so much of what it could clean was not
    /// cleaned before.
    pub dirty_per_mille: u64,
    /// `min.compaction.lag.ms`: segments with a younger record are left alone.
    pub min_lag: Span,
    /// `delete.retention.ms`: how long a tombstone stays after its first cleaning.
    pub delete_retention: Span,
    /// `log.cleaner.dedupe.buffer.size`: the most that a pass keeps in memory, in bytes.
    pub dedupe_bytes: usize,
}

impl Default for CleanConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            dirty_per_mille: 500,
            min_lag: Span::ZERO,
            delete_retention: Span::from_millis(86_400_000),
            dedupe_bytes: 128 << 20,
        }
    }
}

/// What may be cleaned, and when it is.
#[derive(Debug, Clone, Copy)]
pub struct Cleanable<'a> {
    /// Records from here on may be cut yet, and so must displace nothing: the high watermark, or the last stable
    /// offset where there are transactions.
    pub up_to: Offset,
    /// Records before `up_to` that never took place.
    pub aborted: &'a [Aborted],
    /// The time in milliseconds, as timestamps have it.
    pub now_millis: u64,
}

/// A transaction that was aborted: its producer's transactional batches within these offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Aborted {
    /// The producer.
    pub producer: ProducerId,
    /// The offset of its first record.
    pub first: Offset,
    /// The offset of its marker.
    pub last: Offset,
}

/// What one call of [`Log::clean`] did.
#[derive(Debug, Clone, Default)]
pub struct CleanStep {
    /// How many bytes were read and written.
    pub bytes: u64,
    /// There is more to do, and no sync has to end before.
    pub more: bool,
    /// The stretch that has taken its old self's place.
    pub cleaned: Option<Cleaned>,
}

/// A stretch of the log that was written anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cleaned {
    /// Where it starts.
    pub from: Offset,
    /// Where it ends.
    pub to: Offset,
    /// Nothing from here on had a say in what stays.
    pub limit: Offset,
    /// The time of the pass, in milliseconds: what tombstones went by.
    pub now_millis: u64,
    /// What lies there now, without gaps.
    pub batches: Vec<CleanedBatch>,
}

/// A batch as compaction left it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CleanedBatch {
    /// The first offset that it takes.
    pub base: Offset,
    /// One past the last.
    pub next: Offset,
    /// The leader epoch it carries.
    pub epoch: LeaderEpoch,
    /// Its CRC-32C.
    pub crc: u32,
    /// Its idempotent producer.
    pub stamp: Option<ProducerStamp>,
    /// Until when its tombstones stay, in milliseconds.
    pub delete_horizon: Option<u64>,
    /// The offsets of its records.
    pub kept: Vec<Offset>,
}

/// What a log that is compacted keeps for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Cleaner {
    /// Everything before was cleaned since the log was opened.
    pub clean_to: Offset,
    /// The pass under way, and what it does next.
    pass: Option<(Pass, Step)>,
    /// Syncs of `.cleaned` files that have not ended, also of those that are gone.
    syncs: Vec<SyncId>,
    /// What is on its way to a `.cleaned` file.
    output: Vec<u8>,
}

/// A pass under way.
#[derive(Debug, Clone)]
struct Pass {
    limit: Offset,
    now_millis: u64,
    /// The producer table at the limit: its batches stay, be they empty.
    producers: ProducerTable,
    keys: Keys,
    aborted: Vec<Aborted>,
}

#[derive(Debug, Clone)]
enum Step {
    /// Keys are noted; the next is the batch at this offset.
    Note(Offset),
    /// Segments are written anew; the next group starts here.
    Write(Offset),
    /// A group was written and becomes durable.
    Wait(SyncId, Group),
    /// A durable group is to take its place.
    Swap(Group),
}

impl Log {
    /// Cleans a slice: reads one segment, writes one group of them anew, or puts one in its place. Does nothing if
    /// the log's policy is not to be compacted, there is too little to clean, or a sync has to end first. What it
    /// `did` is told also if the disk failed then: a cleaned file may be in its place before the old ones are gone.
    ///
    /// # Errors
    /// [`DiskFault::Io`] also if the log is damaged where it is read.
    pub fn clean(
        &mut self,
        allowed: &Cleanable<'_>,
        did: &mut CleanStep,
        disk: &mut dyn Disk,
    ) -> Result<(), DiskFault> {
        if !self.config.cleanup.compacts() {
            return Ok(());
        }
        let mut cleaner = self.cleaner.take().unwrap_or_default();
        cleaner.clean_to = cleaner.clean_to.max(self.log_start());
        let done = self.clean_slice(&mut cleaner, allowed, did, disk);
        self.cleaner = Some(cleaner);
        done
    }

    /// Whether a pass is under way.
    pub fn is_cleaning(&self) -> bool {
        self.cleaner.as_ref().is_some_and(|cleaner| cleaner.pass.is_some())
    }

    fn clean_slice(
        &mut self,
        cleaner: &mut Cleaner,
        allowed: &Cleanable<'_>,
        did: &mut CleanStep,
        disk: &mut dyn Disk,
    ) -> Result<(), DiskFault> {
        if cleaner.pass.is_none() {
            cleaner.pass = self.begin_pass(cleaner.clean_to, allowed, disk)?;
        }
        let Some((mut pass, step)) = cleaner.pass.take() else { return Ok(()) };
        let next = match step {
            Step::Note(from) => Some(self.note_keys(&mut pass, from, did, disk)?),
            Step::Write(from) => self.write_group(cleaner, &pass, from, did, disk)?,
            Step::Wait(_, _) => Some(step),
            Step::Swap(group) => Some(self.swap(&pass, group, did, disk)?),
        };
        did.more = next.as_ref().is_some_and(|step| !matches!(step, Step::Wait(_, _)));
        match next {
            Some(step) => cleaner.pass = Some((pass, step)),
            None => cleaner.clean_to = pass.limit,
        }
        Ok(())
    }

    /// A new pass, if there is enough to clean.
    fn begin_pass(
        &mut self,
        clean_to: Offset,
        allowed: &Cleanable<'_>,
        disk: &mut dyn Disk,
    ) -> Result<Option<(Pass, Step)>, DiskFault> {
        let limit = self.cleanable_to(allowed);
        if limit <= clean_to || !self.is_dirty_enough(clean_to, limit) {
            return Ok(None);
        }
        let pass = Pass {
            limit,
            now_millis: allowed.now_millis,
            producers: self.producers_at(limit, disk)?,
            keys: Keys::new(self.config.clean.dedupe_bytes),
            aborted: allowed.aborted.to_vec(),
        };
        Ok(Some((pass, Step::Note(clean_to))))
    }

    /// Where the first segment starts that must be left alone: the active one, one with a record that may be cut
    /// yet, is not durable, or is too young.
    fn cleanable_to(&self, allowed: &Cleanable<'_>) -> Offset {
        let quirky = self.quirks.has(Quirk::CleanPastHighWatermark);
        let up_to = if quirky { self.log_end } else { allowed.up_to }.min(self.durability.end);
        let lag = self.config.clean.min_lag.as_millis();
        let old_enough = |segment: &super::Segment| {
            lag == 0
                || segment
                    .index
                    .max_timestamp()
                    .is_none_or(|last| last.saturating_add(lag) < allowed.now_millis)
        };
        let cleanable = self
            .segments
            .windows(2)
            .take_while(|pair| pair[1].base <= up_to && !pair[0].dirty && old_enough(&pair[0]));
        cleanable.last().map_or(self.log_start(), |pair| pair[1].base)
    }

    fn is_dirty_enough(&self, clean_to: Offset, limit: Offset) -> bool {
        let (mut dirty, mut all) = (0, 0);
        for pair in self.segments.windows(2).take_while(|pair| pair[0].base < limit) {
            all += pair[0].size;
            dirty += if pair[1].base > clean_to { pair[0].size } else { 0 };
        }
        dirty * 1_000 >= self.config.clean.dirty_per_mille * all
    }

    /// Notes the keys of the segment with `from`, from there on. Where the map is full the pass ends.
    fn note_keys(
        &mut self,
        pass: &mut Pass,
        from: Offset,
        did: &mut CleanStep,
        disk: &mut dyn Disk,
    ) -> Result<Step, DiskFault> {
        let from = from.max(self.log_start());
        if from >= pass.limit {
            return Ok(Step::Write(self.log_start()));
        }
        let segment = &self.segments[self.segment_of(from)];
        did.bytes += segment.size;
        let mut next = segment.base;
        let mut scan = Scan::joined(&segment.file, segment.base, segment.size);
        while let Some(found) = scan.next(disk)? {
            let Found { header, bytes, .. } = found.map_err(|_| DiskFault::Io)?;
            if header.base_offset >= from && pass.has_say(&header) {
                if !pass.keys.has_room_for(&header) {
                    pass.limit = header.base_offset;
                    pass.producers = self.producers_at(pass.limit, disk)?;
                    return Ok(Step::Write(self.log_start()));
                }
                pass.keys.note(Records::of(header, bytes));
            }
            next = header.next_offset();
        }
        Ok(Step::Note(next))
    }

    /// The log is cut to `end`: what was noted from there on is no more.
    pub(super) fn stop_cleaning_above(&mut self, end: Offset, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        let Some(cleaner) = &mut self.cleaner else { return Ok(()) };
        cleaner.clean_to = cleaner.clean_to.min(end);
        match cleaner.pass.take_if(|(pass, _)| end < pass.limit).map(|(_, step)| step) {
            Some(Step::Wait(_, group) | Step::Swap(group)) => group.discard(disk),
            Some(Step::Note(_) | Step::Write(_)) | None => Ok(()),
        }
    }

    /// A sync ended; `None` if it was not of a `.cleaned` file.
    pub(super) fn on_cleaned_synced(
        &mut self,
        sync: SyncId,
        outcome: Result<(), DiskFault>,
    ) -> Option<Result<(), DiskFault>> {
        let cleaner = self.cleaner.as_mut()?;
        let place = cleaner.syncs.iter().position(|&pending| pending == sync)?;
        cleaner.syncs.swap_remove(place);
        let awaited =
            |(_, step): &mut (Pass, Step)| matches!(step, Step::Wait(awaited, _) if *awaited == sync);
        if let Some((pass, Step::Wait(_, group))) = cleaner.pass.take_if(awaited) {
            cleaner.pass = Some((pass, Step::Swap(group)));
        }
        Some(outcome)
    }
}

impl Pass {
    /// Whether the records of a batch displace older ones: not those for brokers, and none that never took
    /// place.
    fn has_say(&self, header: &Header) -> bool {
        !header.is_control && !self.is_aborted(header)
    }

    fn is_aborted(&self, header: &Header) -> bool {
        let Some((producer, _)) = header.identity.filter(|_| header.is_transactional) else { return false };
        let within = |aborted: &&Aborted| (aborted.first..=aborted.last).contains(&header.base_offset);
        self.aborted.iter().filter(within).any(|aborted| aborted.producer == producer)
    }
}
