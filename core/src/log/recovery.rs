//! Opening: the longest prefix of sound, dense batches is the log; the rest goes.
//!
//! Every file is walked and every checksum looked at, for no start is known to be clean. The tables come out
//! of the walk; indexes and snapshots that say otherwise are written anew. Damage in the middle costs
//! everything behind it: whether the replica may still vouch for its history has to be asked before
//! ([`Log::is_sound`]). What is kept is written once more: a sync that failed in an earlier life may have left it in the cache
//! only, as clean, and no later sync would bring it to the device.

use super::append::SNAPSHOTS_KEPT;
use super::durability::Durability;
use super::recent::Recent;
use super::scan::{Look, Scan};
use super::segment::{self, INDEX, LOG, SNAPSHOT, Segment, TIME_INDEX};
use super::transactions::Transactions;
use super::{EpochCache, Log, LogConfig, ProducerTable, snapshot};
use crate::env::{Disk, DiskFault};
use crate::ids::{LeaderEpoch, Offset};
use crate::quirk::{Quirk, Quirks};
use crate::record::Header;

/// What [`Log::open`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recovery {
    /// The first offset kept.
    pub log_start: Offset,
    /// The next offset to be written.
    pub log_end: Offset,
    /// Where something was found that is no sound next batch; everything from here on was cut.
    pub cut_at: Option<Offset>,
    /// How many bytes were cut, over all files.
    pub cut_bytes: u64,
}

pub(super) fn open(
    dir: &str,
    config: LogConfig,
    quirks: Quirks,
    disk: &mut dyn Disk,
) -> Result<(Log, Recovery), DiskFault> {
    let bases = segments_in(dir, disk);
    let start = bases.first().copied().unwrap_or(Offset::ZERO);
    let mut log = Log {
        dir: dir.to_owned(),
        config,
        quirks,
        segments: Vec::new(),
        log_end: start,
        epochs: EpochCache::new(),
        producers: ProducerTable::new(),
        transactions: Transactions::default(),
        recent: Recent::default(),
        durability: Durability::new(),
        buffer: Vec::new(),
        cleaner: None,
    };
    let mut cut = Cut::default();
    log.recover_segments(&bases, &mut cut, disk)?;
    if log.segments.is_empty() || cut.at.is_some() {
        log.start_after_cut(disk)?;
    }
    log.remove_orphans(disk)?;
    log.assert_invariants();
    let recovery = Recovery { log_start: start, log_end: log.log_end, cut_at: cut.at, cut_bytes: cut.bytes };
    Ok((log, recovery))
}

#[derive(Default)]
struct Cut {
    at: Option<Offset>,
    bytes: u64,
}

pub(super) fn segments_in(dir: &str, disk: &dyn Disk) -> Vec<Offset> {
    let mut bases = Vec::new();
    for file in disk.list(&format!("{dir}/")) {
        if let Some((base, LOG)) = segment::parse_name(dir, &file) {
            bases.push(base);
        }
    }
    bases.sort_unstable();
    bases
}

impl Log {
    fn recover_segments(
        &mut self,
        bases: &[Offset],
        cut: &mut Cut,
        disk: &mut dyn Disk,
    ) -> Result<(), DiskFault> {
        for (place, &base) in bases.iter().enumerate() {
            if base != self.log_end {
                cut.at.get_or_insert(self.log_end);
                return self.drop_files(&bases[place..], cut, disk);
            }
            if place > 0 {
                self.segments[place - 1].write_index(disk)?;
                if place + SNAPSHOTS_KEPT >= bases.len() {
                    self.mend_snapshot(base, disk)?;
                }
            }
            let limit = bases.get(place + 1).copied();
            self.recover_segment(base, limit, cut, disk)?;
        }
        Ok(())
    }

    /// Walks one file and cuts it where it stops making sense, or where the next one takes over.
    fn recover_segment(
        &mut self,
        base: Offset,
        limit: Option<Offset>,
        cut: &mut Cut,
        disk: &mut dyn Disk,
    ) -> Result<(), DiskFault> {
        let trusting = self.quirks.has(Quirk::RecoveryWithoutCrc);
        let look = if trusting { Look::Lengths } else { Look::Checksums };
        let segment = Segment::new(&self.dir, base);
        let file = segment.file.clone();
        let len = disk.len(&file).ok_or(DiskFault::NotFound)?;
        self.segments.push(segment);
        self.recent.clear();
        let mut scan = Scan::new(&file, 0, len, look);
        while let Some(found) = scan.next(disk)? {
            // A batch from before a truncation that a power loss has undone: the next file replaces it.
            let replaced = limit == Some(self.log_end);
            let next = found.ok().and_then(|found| self.sound_next(&found.header).zip(Some(found)));
            let Some((epoch, found)) = next.filter(|_| !replaced) else {
                if !replaced {
                    cut.at.get_or_insert(self.log_end);
                    cut.bytes += len - self.active().size;
                }
                return disk.truncate(&file, self.active().size);
            };
            disk.write_at(&file, found.position, found.bytes)?;
            self.admit(&found.header, epoch, found.position);
            self.learn_producer(&found.header, found.bytes);
        }
        Ok(())
    }

    /// The epoch of a batch that may come next; `None` if it may not.
    fn sound_next(&self, header: &Header) -> Option<LeaderEpoch> {
        let epoch = header.leader_epoch?;
        (header.base_offset == self.log_end && self.last_epoch() <= Some(epoch)).then_some(epoch)
    }

    /// The log goes on in a new file: appended to the old one, new batches would take the place of what was cut,
    /// and another power loss could mix the two.
    fn start_after_cut(&mut self, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        if let Some(last) = self.segments.pop_if(|last| last.size == 0) {
            last.remove_index(disk)?;
        } else if let Some(last) = self.segments.last() {
            last.write_index(disk)?;
        }
        self.start_segment(disk)
    }

    /// Files that nothing leads up to any more, from the last on: what is left at any moment has no gaps but
    /// the one that was found.
    fn drop_files(&mut self, bases: &[Offset], cut: &mut Cut, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        for &base in bases.iter().rev() {
            let file = segment::name(&self.dir, base, LOG);
            cut.bytes += disk.len(&file).unwrap_or(0);
            disk.remove(&file)?;
        }
        Ok(())
    }

    /// The snapshot at `base` says what the log before it says.
    fn mend_snapshot(&mut self, base: Offset, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        let file = segment::name(&self.dir, base, SNAPSHOT);
        let found = segment::read_whole(&file, disk)?.and_then(|bytes| snapshot::decode(&bytes));
        // It may still tell of what retention has removed since.
        let found = found.map(|mut table| {
            table.forget_below(self.log_start());
            table
        });
        if found.as_ref() == Some(&self.producers) {
            return Ok(());
        }
        segment::replace(&file, &snapshot::encode(&self.producers), disk)
    }

    /// Removes what lies beside a log file that is gone, the index of the active segment, and snapshots that are
    /// not the newest, or the first's, which says nothing.
    fn remove_orphans(&mut self, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        let active = self.active().base;
        for file in disk.list(&format!("{}/", self.dir)) {
            let Some((base, suffix)) = segment::parse_name(&self.dir, &file) else { continue };
            let known = self.segments.binary_search_by_key(&base, |segment| segment.base);
            let needed = match (known, suffix) {
                (Ok(_), LOG) => true,
                (Ok(place), SNAPSHOT) => place > 0 && place + SNAPSHOTS_KEPT >= self.segments.len(),
                (Ok(_), INDEX | TIME_INDEX) => base != active,
                (_, _) => false,
            };
            if !needed {
                disk.remove(&file)?;
            }
        }
        Ok(())
    }
}
