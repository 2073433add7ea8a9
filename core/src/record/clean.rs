//! What compaction writes: batches with fewer records, and fillers in the place of those that are gone.
//!
//! A thinned-out batch keeps its offset, its span, its leader epoch and its producer's fields, as Kafka's
//! (`MemoryRecords.filterTo`). A filler is one empty batch of no producer for a whole run of removed batches
//! of one leader epoch. Kafka leaves a hole there; with fillers a log has no holes, so a batch that went
//! missing, or a sound one in the wrong place, still shows. Redpanda fills gaps in its logs in the same way
//! (`model::record_batch_type::ghost_batch`).

use super::batch::{seal, write_stamp};
use super::header::{HEADER_BYTES, Header, LENGTH_PREFIX_BYTES, at, attribute};
use super::records::{Record, Records};
use super::varint;
use crate::ids::{LeaderEpoch, Offset};

/// Appends to `into` the checked `batch` with only those records that `keep` wants. With a `horizon` (in
/// milliseconds) the batch gets that as its delete horizon. Answers how many records are left.
pub(crate) fn rebuild(
    header: &Header,
    batch: &[u8],
    horizon: Option<u64>,
    mut keep: impl FnMut(&Record<'_>) -> bool,
    into: &mut Vec<u8>,
) -> u32 {
    let start = into.len();
    into.extend_from_slice(&batch[..HEADER_BYTES]);
    let shift = horizon.map_or(0, |horizon| header.base_timestamp as i64 - horizon as i64);
    let (mut count, mut latest) = (0, None);
    let mut rest = &batch[HEADER_BYTES..];
    for record in Records::of(*header, batch) {
        let body = take_body(&mut rest);
        if keep(&record) {
            put_shifted(body, shift, into);
            count += 1;
            latest = latest.max(Some(record.timestamp));
        }
    }
    let bytes = &mut into[start..];
    if let Some(horizon) = horizon {
        let attributes = i16::from_be_bytes([bytes[at::ATTRIBUTES], bytes[at::ATTRIBUTES + 1]]);
        let attributes = (attributes | attribute::DELETE_HORIZON).to_be_bytes();
        bytes[at::ATTRIBUTES..at::LAST_OFFSET_DELTA].copy_from_slice(&attributes);
        bytes[at::BASE_TIMESTAMP..at::MAX_TIMESTAMP].copy_from_slice(&horizon.to_be_bytes());
    }
    let latest = latest.unwrap_or(header.max_timestamp);
    bytes[at::MAX_TIMESTAMP..at::PRODUCER_ID].copy_from_slice(&latest.to_be_bytes());
    close(bytes, count);
    count
}

/// Appends to `into` a batch without records that takes the place of `[base, next)` in the reign `epoch`.
/// Its timestamps are 0: there is nothing to be found by time, nor to be kept because of it.
pub(crate) fn write_filler(base: Offset, next: Offset, epoch: LeaderEpoch, into: &mut Vec<u8>) {
    let start = into.len();
    into.resize(start + HEADER_BYTES, 0);
    let bytes = &mut into[start..];
    bytes[at::BASE_OFFSET..at::LENGTH].copy_from_slice(&base.0.to_be_bytes());
    bytes[at::LEADER_EPOCH..at::MAGIC].copy_from_slice(&epoch.0.to_be_bytes());
    bytes[at::MAGIC] = 2;
    let last = (next.0 - base.0 - 1) as u32;
    bytes[at::LAST_OFFSET_DELTA..at::BASE_TIMESTAMP].copy_from_slice(&last.to_be_bytes());
    write_stamp(None, bytes);
    close(bytes, 0);
}

/// Writes what depends on the records.
fn close(bytes: &mut [u8], count: u32) {
    let length = (bytes.len() - LENGTH_PREFIX_BYTES) as i32;
    bytes[at::LENGTH..at::LEADER_EPOCH].copy_from_slice(&length.to_be_bytes());
    bytes[at::COUNT..HEADER_BYTES].copy_from_slice(&count.to_be_bytes());
    seal(bytes);
}

/// The next record of a checked batch, behind its length.
fn take_body<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let length = varint::take(rest).expect("the batch was walked when it was made");
    let (body, after) = rest.split_at(length as usize);
    *rest = after;
    body
}

/// Writes a record with its timestamp counted from elsewhere.
fn put_shifted(body: &[u8], shift: i64, into: &mut Vec<u8>) {
    let (attributes, mut rest) = body.split_at(1);
    let delta = varint::take_long(&mut rest).expect("the batch was walked when it was made");
    // Both were timestamps below 2⁶³ apart from each other, so what comes out is one as well.
    let delta = delta.wrapping_add(shift);
    varint::put((attributes.len() + varint::size(delta) + rest.len()) as i64, into);
    into.extend_from_slice(attributes);
    varint::put(delta, into);
    into.extend_from_slice(rest);
}
