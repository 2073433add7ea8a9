//! A cleaned group takes the place of the files that it was made of.
//!
//! Its content is durable by then, and one rename puts it into the place of the first old file. The others are
//! removed from the front on. Names are journaled, so a power loss leaves one of: all old files; the new one and
//! some of the last old ones, at whose start recovery cuts the new one; the new one alone. Each holds all that
//! is to stay. That makes Kafka's second name on the way (`.swap`) needless.

use super::super::append::SNAPSHOTS_KEPT;
use super::super::segment::{self, SNAPSHOT, Segment};
use super::{CleanStep, Cleaned, CleanedBatch, Log, Pass, Step};
use crate::env::{Disk, DiskFault};
use crate::ids::Offset;

/// Segments that were written anew as one.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// The `.cleaned` file.
    pub file: String,
    /// What will be there.
    pub new: Segment,
    /// Base and size of what is there.
    pub sources: Vec<(Offset, u64)>,
    /// Where the group ends.
    pub to: Offset,
    pub batches: Vec<CleanedBatch>,
}

impl Group {
    /// Nobody wants it any more.
    pub(super) fn discard(self, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        segment::remove_if_there(&self.file, disk)
    }
}

impl Log {
    /// Puts `group` in its place, unless retention has taken some of what it was made of.
    pub(super) fn swap(
        &mut self,
        pass: &Pass,
        group: Group,
        did: &mut CleanStep,
        disk: &mut dyn Disk,
    ) -> Result<Step, DiskFault> {
        let to = group.to;
        let first = self.segments.partition_point(|segment| segment.base < group.new.base);
        let places = first..first + group.sources.len();
        let there = self.segments.get(places.clone()).unwrap_or_default();
        if !there.iter().map(|old| (old.base, old.size)).eq(group.sources.iter().copied()) {
            group.discard(disk)?;
            return Ok(Step::Write(to));
        }
        self.forget_snapshots_below(pass.limit, disk)?;
        let Group { file, mut new, batches, .. } = group;
        new.dirty = false;
        disk.rename(&file, &new.file)?;
        let (from, limit, now_millis) = (new.base, pass.limit, pass.now_millis);
        did.cleaned = Some(Cleaned { from, to, limit, now_millis, batches });
        new.write_index(disk)?;
        let old: Vec<Segment> = self.segments.splice(places, [new]).collect();
        self.durability.names_dirty = true;
        for segment in &old[1..] {
            segment.remove(disk)?;
        }
        Ok(Step::Write(to))
    }

    /// Snapshots tell of batches that may be gone now: the table is to be a fold of what is there.
    fn forget_snapshots_below(&self, limit: Offset, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        let kept = self.segments.len().saturating_sub(SNAPSHOTS_KEPT);
        for segment in self.segments[kept..].iter().filter(|segment| segment.base < limit) {
            segment::remove_if_there(&segment.beside(SNAPSHOT), disk)?;
        }
        Ok(())
    }
}
