//! The sparse offset and time index of one segment.
//!
//! A fold over the segment's batches: an entry for each batch that starts more than the interval behind the
//! last indexed one. Lives in memory; a sealed segment's is also written out in Kafka's file formats, where
//! an offset entry is (relative last offset u32, position u32) and a time entry (timestamp i64, relative
//! offset u32). Recovery writes anew whatever does not match.

use crate::ids::Offset;
use crate::record::Header;

/// An indexed batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its last offset.
    pub last_offset: Offset,
    /// Where it starts in the file.
    pub position: u64,
    /// The largest timestamp of the segment up to and with this batch.
    latest: Latest,
}

/// The largest timestamp so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Latest {
    timestamp: u64,
    /// The last offset of the first batch that has it.
    offset: Offset,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    entries: Vec<Entry>,
    latest: Option<Latest>,
}

impl Index {
    /// A batch lies at `position`.
    pub(super) fn apply(&mut self, header: &Header, position: u64, interval: u64) {
        let here = Latest { timestamp: header.max_timestamp, offset: header.last_offset() };
        let latest = self.latest.filter(|so_far| so_far.timestamp >= here.timestamp).unwrap_or(here);
        self.latest = Some(latest);
        let indexed = self.entries.last().map_or(0, |entry| entry.position);
        if position.saturating_sub(indexed) > interval {
            self.entries.push(Entry { last_offset: header.last_offset(), position, latest });
        }
    }

    /// The last indexed batch that does not lie behind the one with `offset`.
    pub(super) fn at_or_before(&self, offset: Offset) -> Option<Entry> {
        let after = self.entries.partition_point(|entry| entry.last_offset <= offset);
        Some(self.entries[after.checked_sub(1)?])
    }

    /// The last indexed batch up to which every timestamp is below `timestamp`.
    pub(super) fn earlier_than(&self, timestamp: u64) -> Option<Entry> {
        let after = self.entries.partition_point(|entry| entry.latest.timestamp < timestamp);
        Some(self.entries[after.checked_sub(1)?])
    }

    /// The segment's largest timestamp, in milliseconds; `None` if it is empty.
    pub(super) fn max_timestamp(&self) -> Option<u64> {
        self.latest.map(|latest| latest.timestamp)
    }

    /// Forgets what is not wholly below `end`. The batches from the answered position to `end` must be applied
    /// again.
    pub(super) fn rewind(&mut self, end: Offset) -> u64 {
        self.entries.truncate(self.entries.partition_point(|entry| entry.last_offset < end));
        let last = self.entries.last();
        self.latest = last.map(|entry| entry.latest);
        last.map_or(0, |entry| entry.position)
    }

    /// The `.index` file of a segment that starts at `base`.
    pub(super) fn offset_file(&self, base: Offset) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * 8);
        for entry in &self.entries {
            bytes.extend_from_slice(&relative(entry.last_offset, base).to_be_bytes());
            bytes.extend_from_slice(&(entry.position as u32).to_be_bytes());
        }
        bytes
    }

    /// The `.timeindex` file of a segment that starts at `base`: timestamps strictly increase, and the last
    /// entry is the segment's largest.
    pub(super) fn time_file(&self, base: Offset) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * 12 + 12);
        let mut written = None;
        for latest in self.entries.iter().map(|entry| entry.latest).chain(self.latest) {
            if written < Some(latest.timestamp) {
                bytes.extend_from_slice(&latest.timestamp.to_be_bytes());
                bytes.extend_from_slice(&relative(latest.offset, base).to_be_bytes());
                written = Some(latest.timestamp);
            }
        }
        bytes
    }
}

/// A segment is rolled before its offsets outgrow this.
fn relative(offset: Offset, base: Offset) -> u32 {
    (offset.0 - base.0) as u32
}
