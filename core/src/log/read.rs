//! Reading: whole batches, each checked again on its way out.
//!
//! A batch's offset and epoch are also checked against what is known from elsewhere: a sound batch may still
//! lie where another belongs. Offsets are dense from a known place on, epochs are in the cache.

use bytes::Bytes;

use super::Log;
use super::index::Entry;
use super::scan::{Look, Scan};
use super::seal::Seal;
use super::segment::Segment;
use crate::env::{Disk, DiskFault};
use crate::ids::Offset;
use crate::record::{HEADER_BYTES, Header, Records};

/// Why nothing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ReadError {
    /// Below the log start or beyond the log end.
    #[error("the log has only {start}..{end}")]
    OutOfRange {
        /// The log start.
        start: Offset,
        /// The log end.
        end: Offset,
    },
    /// What lies there is not what was written. It is not served.
    #[error("the log is damaged at {at}")]
    Damaged {
        /// The first offset of the damaged batch.
        at: Offset,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}

/// A place in a segment's file.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The batch that starts here.
    base: Offset,
    position: u64,
}

impl Log {
    /// Whole batches from the one with `from` on, none that ends beyond `limit`. At most `max_bytes`, but at
    /// least one batch if there is one; none of the next segment. One allocation.
    pub fn read(
        &self,
        from: Offset,
        limit: Offset,
        max_bytes: usize,
        disk: &mut dyn Disk,
    ) -> Result<Bytes, ReadError> {
        self.expect_in_range(from)?;
        if from >= limit.min(self.log_end) {
            return Ok(Bytes::new());
        }
        let segment = &self.segments[self.segment_of(from)];
        let place = self.locate(segment, from, disk)?;
        let mut buffer = read_batches(segment, place, max_bytes, disk)?;
        let end = self.sound_part(&mut buffer, segment.seal, place.base, limit)?;
        Ok(Bytes::from(buffer).split_to(end))
    }

    /// The offset of the first record that is not older than `timestamp` (in milliseconds); `None` if all are.
    pub fn offset_for_time(&self, timestamp: u64, disk: &mut dyn Disk) -> Result<Option<Offset>, ReadError> {
        for segment in self.segments.iter().filter(|segment| segment.index.max_timestamp() >= Some(timestamp))
        {
            if let Some(offset) = offset_for_time_in(segment, timestamp, disk)? {
                return Ok(Some(offset));
            }
        }
        Ok(None)
    }

    fn expect_in_range(&self, from: Offset) -> Result<(), ReadError> {
        let (start, end) = (self.log_start(), self.log_end);
        if (start..=end).contains(&from) { Ok(()) } else { Err(ReadError::OutOfRange { start, end }) }
    }

    /// Where the batch with `from` starts.
    fn locate(&self, segment: &Segment, from: Offset, disk: &mut dyn Disk) -> Result<Place, ReadError> {
        if segment.base == self.active().base
            && let Some((base, position)) = self.recent.find(from)
        {
            return Ok(Place { base, position });
        }
        let mut place = anchor(segment, segment.index.at_or_before(from), disk)?;
        loop {
            let header = read_header(segment, place.position, place.base, disk)?;
            if header.base_offset != place.base {
                return Err(ReadError::Damaged { at: place.base });
            }
            if header.next_offset() > from {
                return Ok(place);
            }
            place = Place { base: header.next_offset(), position: place.position + header.size as u64 };
        }
    }

    /// How much of `buffer` are sound batches that end within `limit`, the first of them at `base`. They are
    /// turned into those of the wire.
    fn sound_part(
        &self,
        buffer: &mut [u8],
        seal: Seal,
        base: Offset,
        limit: Offset,
    ) -> Result<usize, ReadError> {
        let mut expected = base;
        let mut done = 0;
        while expected < limit {
            let rest = &buffer[done..];
            let cut_off = Header::peek(rest).map_or(rest.len() < HEADER_BYTES, |h| h.size > rest.len());
            if cut_off && done > 0 {
                break;
            }
            let sound = seal.verified(rest).ok().filter(|header| {
                header.base_offset == expected && header.leader_epoch == self.epochs.epoch_at(expected)
            });
            let Some(header) = sound else {
                // What is sound before it is served; the next read starts at the damage.
                return if done > 0 { Ok(done) } else { Err(ReadError::Damaged { at: expected }) };
            };
            if header.next_offset() > limit {
                break;
            }
            expected = header.next_offset();
            seal.turn(&mut buffer[done..done + header.size]);
            done += header.size;
        }
        Ok(done)
    }
}

/// The same within a segment that has, or had, such a record.
fn offset_for_time_in(
    segment: &Segment,
    timestamp: u64,
    disk: &mut dyn Disk,
) -> Result<Option<Offset>, ReadError> {
    let place = anchor(segment, segment.index.earlier_than(timestamp), disk)?;
    let mut scan = Scan::new(&segment.file, place.position, segment.size, Look::Checksums);
    let mut walked = place.base;
    let mut had_one = false;
    while let Some(found) = scan.next(disk)? {
        let found = found.ok().filter(|found| found.header.base_offset == walked);
        let found = found.ok_or(ReadError::Damaged { at: walked })?;
        walked = found.header.next_offset();
        if found.header.max_timestamp < timestamp {
            continue;
        }
        had_one = true;
        let mut records = Records::of(found.header, found.bytes);
        // A batch that compaction has emptied knows how young its records were.
        if let Some(record) = records.find(|record| record.timestamp >= timestamp) {
            return Ok(Some(record.offset));
        }
    }
    // The index knows of such a record, and the file has it no more.
    if had_one { Ok(None) } else { Err(ReadError::Damaged { at: walked }) }
}

/// Where an indexed batch starts; without one, where the segment does.
fn anchor(segment: &Segment, entry: Option<Entry>, disk: &mut dyn Disk) -> Result<Place, ReadError> {
    let Some(entry) = entry else { return Ok(Place { base: segment.base, position: 0 }) };
    let header = read_header(segment, entry.position, segment.base, disk)?;
    // The index knows the batch by its last offset.
    if header.last_offset() != entry.last_offset {
        return Err(ReadError::Damaged { at: segment.base });
    }
    Ok(Place { base: header.base_offset, position: entry.position })
}

fn read_header(
    segment: &Segment,
    position: u64,
    expected: Offset,
    disk: &mut dyn Disk,
) -> Result<Header, ReadError> {
    let mut bytes = [0; HEADER_BYTES];
    let read = disk.read(&segment.file, position, &mut bytes)?;
    Header::peek(&bytes[..read]).map_err(|_| ReadError::Damaged { at: expected })
}

/// The bytes from `place` on: `max_bytes` of them, or one batch if that is more.
fn read_batches(
    segment: &Segment,
    place: Place,
    max_bytes: usize,
    disk: &mut dyn Disk,
) -> Result<Vec<u8>, ReadError> {
    let rest = usize::try_from(segment.size - place.position).unwrap_or(usize::MAX);
    let mut want = rest.min(max_bytes.max(HEADER_BYTES));
    loop {
        let mut buffer = vec![0; want];
        let read = disk.read(&segment.file, place.position, &mut buffer)?;
        buffer.truncate(read);
        match Header::peek(&buffer) {
            Ok(first) if first.size > want && first.size <= rest => want = first.size,
            Ok(_) | Err(_) => return Ok(buffer),
        }
    }
}
