//! Where the last few batches of the active segment lie: tail reads, which are nearly all, find their place
//! without a look at the file.

use crate::ids::Offset;

const KEPT: usize = 16;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recent {
    /// (base offset, position); a ring.
    batches: [(Offset, u64); KEPT],
    written: usize,
}

impl Recent {
    pub(super) const fn push(&mut self, base: Offset, position: u64) {
        self.batches[self.written % KEPT] = (base, position);
        self.written += 1;
    }

    pub(super) const fn clear(&mut self) {
        self.written = 0;
    }

    /// The batch that has `offset`, if it is remembered.
    pub(super) fn find(&self, offset: Offset) -> Option<(Offset, u64)> {
        let oldest = self.written.saturating_sub(KEPT);
        let newest_first = (oldest..self.written).rev().map(|nth| self.batches[nth % KEPT]);
        newest_first.into_iter().find(|&(base, _)| base <= offset)
    }
}
