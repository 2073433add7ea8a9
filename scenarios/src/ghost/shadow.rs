//! A shadow of one log, kept outside the system: which batch lies where, by what the node reported.
//!
//! Holds no payloads: a batch is its place, its epoch and its CRC. Shadows are pruned below the log start,
//! so a long run costs no more than what its logs keep.

use std::collections::VecDeque;
use std::fmt;

use squall_core::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

/// One batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Batch {
    /// Offset of its first record.
    pub base: Offset,
    /// One past its last record.
    pub next: Offset,
    /// The leader epoch it carries.
    pub epoch: LeaderEpoch,
    /// Its CRC-32C.
    pub crc: u32,
    /// Its idempotent producer.
    pub stamp: Option<(ProducerId, ProducerEpoch, Sequence)>,
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}) of epoch {}, crc {:08x}", self.base, self.next, self.epoch, self.crc)
    }
}

impl Batch {
    /// How many records it holds.
    pub const fn count(&self) -> u64 {
        self.next.0 - self.base.0
    }

    /// Whether `other`, whose producer may not be known, is this one.
    pub fn is(&self, other: &Self) -> bool {
        (self.base, self.next, self.epoch, self.crc) == (other.base, other.next, other.epoch, other.crc)
    }
}

/// One log.
#[derive(Debug, Clone, Default)]
pub struct Shadow {
    batches: VecDeque<Batch>,
    start: Offset,
    end: Offset,
}

impl Shadow {
    /// An empty log that starts at `at`.
    pub fn starting_at(at: Offset) -> Self {
        Self { batches: VecDeque::new(), start: at, end: at }
    }

    /// The first offset kept.
    pub const fn start(&self) -> Offset {
        self.start
    }

    /// The next offset to be written.
    pub const fn end(&self) -> Offset {
        self.end
    }

    /// Its batches, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Batch> {
        self.batches.iter()
    }

    /// Adds a batch; answers whether it fits the end.
    #[must_use]
    pub fn push(&mut self, batch: Batch) -> bool {
        if batch.base != self.end || batch.next <= batch.base {
            return false;
        }
        self.end = batch.next;
        self.batches.push_back(batch);
        true
    }

    /// Cuts at `to` and answers what was cut, in order.
    pub fn truncate(&mut self, to: Offset) -> Vec<Batch> {
        let at = self.place(to);
        let cut: Vec<Batch> = self.batches.split_off(at).into();
        self.end = cut.first().map_or(self.end, |batch| batch.base).min(self.end);
        if self.end > to && at == 0 {
            self.end = to.max(self.start);
        }
        cut
    }

    /// Forgets what lies before `start`.
    pub fn advance_start(&mut self, start: Offset) {
        while self.batches.front().is_some_and(|batch| batch.next <= start) {
            self.batches.pop_front();
        }
        self.start = self.start.max(start);
        self.end = self.end.max(start);
    }

    /// The log as it is there again, as [`start`, `end`): what lies on the disk, of all that is in it or is `gone`
    /// since the last sync, the latest first. What its disk had changed cannot be told by that, and is taken for
    /// what was there last.
    pub fn reopened<'a>(
        &'a self,
        (start, end): (Offset, Offset),
        gone: impl Iterator<Item = &'a Batch> + Clone,
        on_disk: &[Batch],
    ) -> Self {
        let mut log = Self::starting_at(start);
        let mut on_disk = on_disk.iter().peekable();
        while log.end < end {
            let here = log.end;
            while on_disk.next_if(|found| found.base < here).is_some() {}
            let fits = |known: &&Batch| known.base == here && known.next <= end;
            let mut known = self.at(here).into_iter().chain(gone.clone()).filter(fits);
            let last = known.clone().next();
            let batch = known.find(|known| on_disk.peek().is_some_and(|found| known.is(found))).or(last);
            if !batch.is_some_and(|batch| log.push(*batch)) {
                break;
            }
        }
        log
    }

    /// The batch that holds `offset`.
    pub fn at(&self, offset: Offset) -> Option<&Batch> {
        let batch = self.batches.get(self.place(offset))?;
        (batch.base <= offset).then_some(batch)
    }

    /// The batches from the one that holds `offset` on.
    pub fn from(&self, offset: Offset) -> impl Iterator<Item = &Batch> {
        self.batches.range(self.place(offset)..)
    }

    /// The last batch.
    pub fn last(&self) -> Option<&Batch> {
        self.batches.back()
    }

    /// How far this log equals `other`, given that it does up to `known`.
    ///
    /// What either has pruned is taken as equal: it was compared while it was there.
    pub fn agrees_up_to(&self, other: &Self, known: Offset) -> Offset {
        let from = known.max(self.start).max(other.start);
        let mut agreed = from.min(self.end).min(other.end);
        if agreed < from {
            return agreed;
        }
        for (mine, theirs) in self.from(from).zip(other.from(from)) {
            if !mine.is(theirs) {
                break;
            }
            agreed = mine.next;
        }
        agreed
    }

    /// The place of the first batch that ends after `offset`.
    fn place(&self, offset: Offset) -> usize {
        place(&self.batches, offset)
    }
}

/// The place of the first of `batches` that ends after `offset`.
///
/// Searched from the back in growing steps: it is almost always asked about the last few, and a long log
/// must not cost more than a short one.
pub fn place(batches: &VecDeque<Batch>, offset: Offset) -> usize {
    let ends_after = |place: usize| batches[place].next > offset;
    let (mut high, mut step) = (batches.len(), 1);
    let mut low = loop {
        let Some(probe) = high.checked_sub(step) else { break 0 };
        if !ends_after(probe) {
            break probe + 1;
        }
        (high, step) = (probe, step * 2);
    };
    while low < high {
        let middle = low.midpoint(high);
        if ends_after(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(base: u64, next: u64, epoch: u32, crc: u32) -> Batch {
        Batch { base: Offset(base), next: Offset(next), epoch: LeaderEpoch(epoch), crc, stamp: None }
    }

    fn log(batches: &[Batch]) -> Shadow {
        let mut shadow = Shadow::default();
        for &b in batches {
            assert!(shadow.push(b));
        }
        shadow
    }

    #[test]
    fn a_batch_that_leaves_a_gap_is_not_taken() {
        let mut shadow = log(&[batch(0, 2, 1, 7)]);
        assert!(!shadow.push(batch(3, 4, 1, 8)));
        assert!(!shadow.push(batch(1, 4, 1, 8)));
        assert_eq!(shadow.end(), Offset(2));
    }

    #[test]
    fn a_cut_inside_a_batch_drops_all_of_it() {
        let mut shadow = log(&[batch(0, 2, 1, 7), batch(2, 5, 1, 8), batch(5, 6, 1, 9)]);
        let cut = shadow.truncate(Offset(3));
        assert_eq!(cut, [batch(2, 5, 1, 8), batch(5, 6, 1, 9)]);
        assert_eq!(shadow.end(), Offset(2));
    }

    #[test]
    fn every_offset_of_a_long_log_is_found() {
        let shadow = log(&(0..40).map(|n| batch(n * 3, n * 3 + 3, 1, n as u32)).collect::<Vec<_>>());
        for offset in 0..120 {
            assert_eq!(shadow.at(Offset(offset)).map(|batch| batch.crc), Some(offset as u32 / 3));
        }
        assert_eq!(shadow.at(Offset(120)), None);
    }

    #[test]
    fn agreement_ends_where_the_crc_or_the_epoch_differs() {
        let a = log(&[batch(0, 2, 1, 7), batch(2, 5, 1, 8), batch(5, 6, 1, 9)]);
        let b = log(&[batch(0, 2, 1, 7), batch(2, 5, 2, 8), batch(5, 6, 2, 9)]);
        assert_eq!(a.agrees_up_to(&b, Offset::ZERO), Offset(2));
        assert_eq!(a.agrees_up_to(&a, Offset::ZERO), Offset(6));
    }

    #[test]
    fn what_is_pruned_counts_as_equal() {
        let a = log(&[batch(0, 2, 1, 7), batch(2, 5, 1, 8)]);
        let mut b = log(&[batch(0, 2, 1, 7), batch(2, 5, 1, 8)]);
        b.advance_start(Offset(2));
        assert_eq!(a.agrees_up_to(&b, Offset::ZERO), Offset(5));
        assert_eq!(b.start(), Offset(2));
    }

    #[test]
    fn an_empty_log_agrees_with_nothing_it_lacks() {
        let a = log(&[batch(0, 2, 1, 7)]);
        assert_eq!(Shadow::default().agrees_up_to(&a, Offset::ZERO), Offset::ZERO);
        assert_eq!(Shadow::default().agrees_up_to(&a, Offset(2)), Offset::ZERO);
    }
}
