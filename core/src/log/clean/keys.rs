//! The offset map: where the newest record of each key lies, of a stretch of the log.
//!
//! Kafka's `SkimpyOffsetMap` keeps MD5 digests, and would drop a live record if two keys met in one. Here the
//! keys themselves are kept: the map costs more for long keys and is never wrong. It is bounded in bytes: a
//! stretch that does not fit is cleaned in several passes.

use crate::ids::Offset;
use crate::record::{Header, Records};

/// What a key costs beside its bytes: its entry and two slots.
const ENTRY_BYTES: usize = 24 + 2 * 4;
/// The least number of slots; always a power of two.
const LEAST_SLOTS: usize = 64;

#[derive(Debug, Clone)]
struct Entry {
    start: usize,
    len: u32,
    newest: Offset,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    /// All keys, back to back.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// Open addressing: one more than the place of an entry; 0 is free. At most half are taken.
    slots: Vec<u32>,
    /// How much all of it may take, in bytes.
    most: usize,
}

impl Keys {
    /// An empty map of at most `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), entries: Vec::new(), slots: vec![0; LEAST_SLOTS], most }
    }

    /// Whether the keys of a batch fit, whatever they are. An empty map takes any batch: else a log with one
    /// that is too large could never be cleaned.
    pub(super) fn has_room_for(&self, batch: &Header) -> bool {
        let taken = self.bytes.len() + self.entries.len() * ENTRY_BYTES;
        self.entries.is_empty() || taken + batch.size + batch.count as usize * ENTRY_BYTES <= self.most
    }

    /// Notes the keys of a batch that is newer than all before.
    pub(super) fn note(&mut self, records: Records<'_>) {
        for record in records {
            if let Some(key) = record.key {
                self.put(key, record.offset);
            }
        }
    }

    /// There is a record of `key` at `offset`, newer than all before.
    fn put(&mut self, key: &[u8], offset: Offset) {
        let slot = self.slot_of(key);
        if let Some(place) = self.slots[slot].checked_sub(1) {
            self.entries[place as usize].newest = offset;
            return;
        }
        self.entries.push(Entry { start: self.bytes.len(), len: key.len() as u32, newest: offset });
        self.bytes.extend_from_slice(key);
        self.slots[slot] = self.entries.len() as u32;
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
    }

    /// Where the newest record of `key` lies.
    pub(super) fn newest(&self, key: &[u8]) -> Option<Offset> {
        let place = self.slots[self.slot_of(key)].checked_sub(1)?;
        Some(self.entries[place as usize].newest)
    }

    /// The slot that has `key`, or would get it.
    fn slot_of(&self, key: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = crc32c::crc32c(key) as usize & mask;
        while let Some(place) = self.slots[slot].checked_sub(1) {
            if self.key_of(&self.entries[place as usize]) == key {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn key_of(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.start..entry.start + entry.len as usize]
    }

    fn grow(&mut self) {
        let slots = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(slots, 0);
        for place in 0..self.entries.len() {
            let slot = self.slot_of(self.key_of(&self.entries[place]));
            self.slots[slot] = place as u32 + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_map_knows_the_newest_of_each_key_and_of_no_other(
            keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3), 0..400),
            asked in prop::collection::vec(any::<u8>(), 0..3),
        ) {
            let (mut map, mut model) = (Keys::new(1 << 20), BTreeMap::new());
            for (offset, key) in keys.iter().enumerate() {
                map.put(key, Offset(offset as u64));
                model.insert(key.clone(), Offset(offset as u64));
            }
            for (key, newest) in &model {
                prop_assert_eq!(map.newest(key), Some(*newest));
            }
            prop_assert_eq!(map.newest(&asked), model.get(&asked).copied());
        }
    }
}
