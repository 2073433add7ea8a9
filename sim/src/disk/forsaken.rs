//! Bytes that a failed sync left behind: the cache shows them, the device never got them, and no later sync
//! writes them, for their pages count as clean (as Linux has it; "fsyncgate", 2018).
//!
//! Kept as what the device has in their place, until they are written again and that is synced.

use super::extents::Extent;

/// Some bytes that are not on the device.
#[derive(Debug, Clone)]
struct Piece {
    /// What the device has there.
    device: Extent,
    /// They were written again since.
    rewritten: bool,
    /// The sync that was asked for after that.
    covered_by: Option<u64>,
}

/// All such bytes of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Forsaken(Vec<Piece>);

impl Forsaken {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first place that is not on the device.
    pub(super) fn first(&self) -> Option<usize> {
        self.0.iter().map(|piece| piece.device.at).min()
    }

    /// The device has `device`, where it would have `wished` had the sync not failed.
    pub(super) fn set(&mut self, device: &[u8], wished: &[u8]) {
        self.0.clear();
        let old = |at: usize| device.get(at).copied().unwrap_or(0);
        let differs = |at: &usize| old(*at) != wished[*at] || *at >= device.len();
        let first = (0..wished.len()).find(differs);
        let last = (0..wished.len()).rfind(differs);
        if let Some((at, last)) = first.zip(last) {
            let device = Extent { at, old: (at..=last).map(old).collect() };
            self.0.push(Piece { device, rewritten: false, covered_by: None });
        }
    }

    /// The bytes from `start` to `end` were written: they are dirty again.
    pub(super) fn rewrite(&mut self, start: usize, end: usize) {
        for mut piece in std::mem::take(&mut self.0) {
            let (at, piece_end) = (piece.device.at, piece.device.end());
            let (low, high) = (start.clamp(at, piece_end), end.clamp(at, piece_end));
            if low == high {
                self.0.push(piece);
                continue;
            }
            let behind = piece.device.old.split_off(high - at);
            let inside = piece.device.old.split_off(low - at);
            let (rewritten, covered_by) = (piece.rewritten, piece.covered_by);
            let parts = [
                Piece { device: piece.device, rewritten, covered_by },
                Piece { device: Extent { at: low, old: inside }, rewritten: true, covered_by: None },
                Piece { device: Extent { at: high, old: behind }, rewritten, covered_by },
            ];
            self.0.extend(parts.into_iter().filter(|part| !part.device.old.is_empty()));
        }
    }

    /// `sync` was asked for: it will write what was written again.
    pub(super) fn sync(&mut self, sync: u64) {
        for piece in self.0.iter_mut().filter(|piece| piece.rewritten) {
            piece.covered_by.get_or_insert(sync);
        }
    }

    /// `sync` ended well.
    pub(super) fn synced(&mut self, sync: u64) {
        self.0.retain(|piece| piece.covered_by.is_none_or(|by| by > sync));
    }

    /// Puts what the device has over `content`.
    pub(super) fn show(&self, content: &mut [u8]) {
        for Extent { at, old } in self.0.iter().map(|piece| &piece.device) {
            let end = (at + old.len()).min(content.len());
            if *at < end {
                content[*at..end].copy_from_slice(&old[..end - at]);
            }
        }
    }
}
