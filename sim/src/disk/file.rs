//! One file: its current content, and older images of it as differences.
//!
//! Each image is kept as what differs from the next newer one; the newest differs from the current content.
//! So a write touches one image only, an append none, and a completed sync drops the images before its own.

use std::ops::Range;

use super::extents::Extents;
use super::forsaken::Forsaken;

/// The content as it was at some time.
#[derive(Debug, Clone, Default)]
struct Image {
    /// The number of the sync that asked for it; 0 for an empty new file.
    sync: u64,
    len: usize,
    differs: Extents,
}

/// What a failing device did to a file. Few files have any.
#[derive(Debug, Clone, Default)]
struct Scars {
    forsaken: Forsaken,
    /// Starts and ends of what is not as it was written.
    rotten: Vec<(usize, usize)>,
}

/// A file's content.
#[derive(Debug, Clone, Default)]
pub(super) struct File {
    current: Vec<u8>,
    /// What is certain to be on the device.
    durable: Image,
    /// What syncs under way will make durable, oldest first.
    pending: Vec<Image>,
    scars: Option<Box<Scars>>,
}

impl File {
    /// An empty file in the memory of `buffer`.
    pub(super) fn new(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { current: buffer, ..Self::default() }
    }

    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.current
    }

    #[inline]
    pub(super) fn current(&self) -> &[u8] {
        &self.current
    }

    #[inline]
    pub(super) fn append(&mut self, bytes: &[u8]) {
        let start = self.current.len();
        // Only after a truncation can an append hide something older.
        if start < self.newest().len {
            self.keep(start, start + bytes.len());
        }
        if self.scars.is_some() {
            self.overwritten(start, start + bytes.len());
        }
        self.current.extend_from_slice(bytes);
    }

    pub(super) fn write_at(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        self.keep(at.min(self.current.len()), end);
        self.overwritten(at, end);
        if self.current.len() < at {
            self.current.resize(at, 0);
        }
        let overlap = bytes.len().min(self.current.len() - at);
        self.current[at..at + overlap].copy_from_slice(&bytes[..overlap]);
        self.current.extend_from_slice(&bytes[overlap..]);
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.keep(len, self.current.len());
        self.overwritten(len, usize::MAX);
        self.current.truncate(len);
    }

    /// The content as it is now becomes durable when `sync` ends.
    pub(super) fn sync(&mut self, sync: u64) {
        self.pending.push(Image { sync, len: self.current.len(), differs: Extents::default() });
        if let Some(scars) = &mut self.scars {
            scars.forsaken.sync(sync);
        }
    }

    /// `sync` ended. Without effect if a later one ended before.
    pub(super) fn synced(&mut self, sync: u64) {
        if let Some(place) = self.pending.iter().position(|image| image.sync == sync) {
            self.durable = self.pending.drain(..=place).next_back().expect("the range holds its end");
        }
        if let Some(scars) = &mut self.scars {
            scars.forsaken.synced(sync);
        }
    }

    /// `sync` failed: what it should have written counts as clean, and the device has what it had.
    pub(super) fn sync_failed(&mut self, sync: u64) {
        let device = self.durable_content();
        let Some(place) = self.pending.iter().position(|image| image.sync == sync) else { return };
        self.durable = self.pending.drain(..=place).next_back().expect("the range holds its end");
        let wished = self.durable_image();
        self.scars.get_or_insert_default().forsaken.set(&device, &wished);
    }

    /// A durable byte changes.
    pub(super) fn rot(&mut self, at: usize, mask: u8) {
        self.current[at] ^= mask;
        self.mark_rotten(at..at + 1);
    }

    /// Durable bytes are overwritten.
    pub(super) fn clobber(&mut self, at: usize, bytes: &[u8]) {
        self.current[at..at + bytes.len()].copy_from_slice(bytes);
        self.mark_rotten(at..at + bytes.len());
    }

    pub(super) fn mark_rotten(&mut self, range: Range<usize>) {
        self.scars.get_or_insert_default().rotten.push((range.start, range.end));
    }

    /// Starts and ends of what is not as it was written.
    pub(super) fn rotten(&self) -> &[(usize, usize)] {
        self.scars.as_ref().map_or(&[], |scars| &scars.rotten)
    }

    /// Whether the device lacks something that counts as written.
    pub(super) fn has_forsaken(&self) -> bool {
        self.scars.as_ref().is_some_and(|scars| !scars.forsaken.is_empty())
    }

    /// The bytes from `start` to `end` are as they were written again.
    fn overwritten(&mut self, start: usize, end: usize) {
        if let Some(scars) = &mut self.scars {
            scars.forsaken.rewrite(start, end);
            scars.rotten.retain(|&(from, to)| from < start || end < to);
        }
    }

    /// How many bytes from the start are on the device exactly as they read now.
    pub(super) fn synced_len(&self) -> usize {
        let first_difference = self.images().filter_map(|image| image.differs.first()).min();
        let forsaken = self.scars.as_ref().and_then(|scars| scars.forsaken.first());
        let first_difference = first_difference.min(forsaken).or(first_difference).or(forsaken);
        first_difference.unwrap_or(usize::MAX).min(self.durable.len).min(self.current.len())
    }

    /// The ranges in which the device may differ from the current content. They may overlap.
    pub(super) fn unsynced(&self) -> impl Iterator<Item = Range<usize>> {
        let end = self.current.len().max(self.durable.len);
        let changed = self.images().flat_map(|image| image.differs.iter().map(|e| e.at..e.end()));
        let resized = self.durable.len.min(self.current.len())..end;
        changed.map(move |range| range.start..range.end.min(end)).chain([resized]).filter(|r| !r.is_empty())
    }

    /// What is certain to be on the device.
    pub(super) fn durable_content(&self) -> Vec<u8> {
        let mut content = self.durable_image();
        if let Some(scars) = &self.scars {
            scars.forsaken.show(&mut content);
        }
        content
    }

    /// The content that the last ended sync was asked for.
    fn durable_image(&self) -> Vec<u8> {
        let mut content = self.current[..self.durable.len.min(self.current.len())].to_vec();
        content.resize(self.durable.len, 0);
        // Newest first: of two old values of a byte the older one is the durable one.
        for extent in self.images_newest_first().flat_map(|image| image.differs.iter()) {
            let end = extent.end().min(content.len());
            if extent.at < end {
                content[extent.at..end].copy_from_slice(&extent.old[..end - extent.at]);
            }
        }
        content
    }

    /// The device came back with `content`; nothing is under way any more.
    pub(super) fn came_back(&mut self, content: Vec<u8>) {
        self.current = content;
        self.settled();
    }

    /// All that is there is on the device; nothing is under way any more.
    pub(super) fn settled(&mut self) {
        self.pending.clear();
        if let Some(scars) = &mut self.scars {
            scars.forsaken = Forsaken::default();
        }
        self.durable = Image { sync: 0, len: self.current.len(), differs: Extents::default() };
    }

    #[inline]
    fn newest(&self) -> &Image {
        self.pending.last().unwrap_or(&self.durable)
    }

    /// The bytes from `start` to `end` are about to change.
    fn keep(&mut self, start: usize, end: usize) {
        let newest = self.pending.last_mut().unwrap_or(&mut self.durable);
        newest.differs.keep(&self.current, start, end.min(newest.len));
    }

    fn images(&self) -> impl Iterator<Item = &Image> {
        std::iter::once(&self.durable).chain(&self.pending)
    }

    fn images_newest_first(&self) -> impl Iterator<Item = &Image> {
        self.pending.iter().rev().chain([&self.durable])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Op {
        Append(Vec<u8>),
        WriteAt(usize, Vec<u8>),
        Truncate(usize),
        Sync,
        /// Ends one of the syncs under way, any of them.
        Synced(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        let bytes = || prop::collection::vec(1u8.., 0..12);
        prop_oneof![
            bytes().prop_map(Op::Append),
            (0..40usize, bytes()).prop_map(|(at, bytes)| Op::WriteAt(at, bytes)),
            (0..40usize).prop_map(Op::Truncate),
            Just(Op::Sync),
            (0..4usize).prop_map(Op::Synced),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// The model keeps a full copy at every sync; the file must always agree with it.
        #[test]
        fn the_durable_image_is_the_content_when_the_last_ended_sync_was_asked_for(
            ops in prop::collection::vec(op(), 0..60)
        ) {
            let (mut file, mut current, mut durable) = (File::default(), Vec::new(), Vec::new());
            let mut under_way: Vec<(u64, Vec<u8>)> = Vec::new();
            for (number, op) in (1..).zip(ops) {
                match op {
                    Op::Append(bytes) => {
                        file.append(&bytes);
                        current.extend(bytes);
                    }
                    Op::WriteAt(at, bytes) => {
                        file.write_at(at, &bytes);
                        let end = at + bytes.len();
                        current.resize(current.len().max(end), 0);
                        current[at..end].copy_from_slice(&bytes);
                    }
                    Op::Truncate(len) => {
                        file.truncate(len.min(current.len()));
                        current.truncate(len);
                    }
                    Op::Sync => {
                        file.sync(number);
                        under_way.push((number, current.clone()));
                    }
                    Op::Synced(any) if any < under_way.len() => {
                        file.synced(under_way[any].0);
                        durable = under_way.drain(..=any).next_back().unwrap().1;
                    }
                    Op::Synced(_) => {}
                }
                prop_assert_eq!(file.current(), &current);
                prop_assert_eq!(&file.durable_content(), &durable);
                let common = durable.iter().zip(&current).take_while(|(a, b)| a == b).count();
                prop_assert!(file.synced_len() <= common);
                let differs = |at: usize| durable.get(at) != current.get(at);
                let listed = |at: usize| file.unsynced().any(|range| range.contains(&at));
                prop_assert!((0..80).all(|at| !differs(at) || listed(at)), "an unsynced byte is not listed");
            }
        }
    }
}
