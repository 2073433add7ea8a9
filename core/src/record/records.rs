//! The records section: a walk that checks, and a walk that hands out.

use super::header::{HEADER_BYTES, Header};
use super::{BadBatch, varint};
use crate::ids::Offset;

/// One record, borrowed from its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its place in the log.
    pub offset: Offset,
    /// In milliseconds.
    pub timestamp: u64,
    /// What it is about; decides its partition and what compaction keeps.
    pub key: Option<&'a [u8]>,
    /// What it says; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    headers: RecordHeaders<'a>,
}

impl<'a> Record<'a> {
    /// Its headers, in order; a key may come more than once.
    pub const fn headers(&self) -> RecordHeaders<'a> {
        self.headers
    }
}

/// A header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader<'a> {
    /// Its name.
    pub key: &'a [u8],
    /// Its content.
    pub value: Option<&'a [u8]>,
}

/// The headers of a record, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeaders<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Iterator for RecordHeaders<'a> {
    type Item = RecordHeader<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(take_header(&mut self.rest).expect("the batch was walked when it was made"))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

/// The records of a batch, in offset order.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    header: Header,
    rest: &'a [u8],
    index: u32,
    /// The next record's offset is at least so far from the first.
    delta: u32,
}

impl<'a> Records<'a> {
    /// `batch` was checked with [`check`].
    pub(crate) fn of(header: Header, batch: &'a [u8]) -> Self {
        Self { header, rest: &batch[HEADER_BYTES..], index: 0, delta: 0 }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index == self.header.count {
            return None;
        }
        let record = take_record(&self.header, &mut self.delta, &mut self.rest);
        self.index += 1;
        Some(record.expect("the batch was walked when it was made"))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.header.count - self.index) as usize;
        (left, Some(left))
    }
}

/// The first record of a batch whose records nobody may have walked.
pub(super) fn first<'a>(header: &Header, batch: &'a [u8]) -> Option<Record<'a>> {
    if header.count == 0 {
        return None;
    }
    take_record(header, &mut 0, &mut batch.get(HEADER_BYTES..)?)
}

/// Walks the records of `batch` to its last byte: as many as the header says, at ascending offsets within its
/// span (so if there are as many, at each), their largest timestamp the header's.
pub(super) fn check(header: &Header, batch: &[u8]) -> Result<(), BadBatch> {
    let mut rest = &batch[HEADER_BYTES..];
    let mut max_timestamp = 0;
    let mut delta = 0;
    for _ in 0..header.count {
        let record = take_record(header, &mut delta, &mut rest).ok_or(BadBatch::BadRecord)?;
        max_timestamp = max_timestamp.max(record.timestamp);
    }
    // Without a record the largest timestamp is that of what was there.
    if !rest.is_empty() || (header.count > 0 && max_timestamp != header.max_timestamp) {
        return Err(BadBatch::BadRecord);
    }
    Ok(())
}

/// Takes the record that lies `delta` offsets behind the first, or farther.
fn take_record<'a>(header: &Header, delta: &mut u32, rest: &mut &'a [u8]) -> Option<Record<'a>> {
    let length = varint::take(rest)?;
    let mut body = take_bytes(rest, length)?;
    // No attribute of a record is defined: a set bit would be a format we do not know.
    let (&0, after) = body.split_first()? else { return None };
    body = after;
    let timestamp = i64::try_from(header.base_timestamp).ok()?.checked_add(varint::take_long(&mut body)?)?;
    let place = u32::try_from(varint::take(&mut body)?).ok()?;
    if place < *delta || place >= header.span {
        return None;
    }
    *delta = place + 1;
    let key = take_nullable(&mut body)?;
    let value = take_nullable(&mut body)?;
    let left = u32::try_from(varint::take(&mut body)?).ok()?;
    let headers = RecordHeaders { rest: body, left };
    for _ in 0..left {
        take_header(&mut body)?;
    }
    if !body.is_empty() {
        return None;
    }
    let timestamp = u64::try_from(timestamp).ok()?;
    Some(Record {
        offset: header.base_offset.plus(u64::from(place)),
        timestamp: if header.is_log_append_time { header.max_timestamp } else { timestamp },
        key,
        value,
        headers,
    })
}

fn take_header<'a>(rest: &mut &'a [u8]) -> Option<RecordHeader<'a>> {
    let length = varint::take(rest)?;
    let key = take_bytes(rest, length)?;
    Some(RecordHeader { key, value: take_nullable(rest)? })
}

/// `Some(None)` is a null; `None` is not in the format.
fn take_nullable<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    match varint::take(rest)? {
        -1 => Some(None),
        length => take_bytes(rest, length).map(Some),
    }
}

fn take_bytes<'a>(rest: &mut &'a [u8], length: i32) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(taken)
}
