//! The 61 bytes in front of the records, and the cheap look at them that skips the checksum.

use super::BadBatch;
use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

/// Size of a batch header in bytes.
pub const HEADER_BYTES: usize = 61;

/// The bytes in front of what the length field counts: the base offset and the length itself.
pub const LENGTH_PREFIX_BYTES: usize = 12;

const MAGIC: u8 = 2;

/// Where each field starts, in bytes.
pub(super) mod at {
    pub(crate) const BASE_OFFSET: usize = 0;
    pub(crate) const LENGTH: usize = 8;
    pub(crate) const LEADER_EPOCH: usize = 12;
    pub(crate) const MAGIC: usize = 16;
    pub(crate) const CRC: usize = 17;
    /// The checksum covers everything from here on.
    pub(crate) const ATTRIBUTES: usize = 21;
    pub(crate) const LAST_OFFSET_DELTA: usize = 23;
    pub(crate) const BASE_TIMESTAMP: usize = 27;
    pub(crate) const MAX_TIMESTAMP: usize = 35;
    pub(crate) const PRODUCER_ID: usize = 43;
    pub(crate) const PRODUCER_EPOCH: usize = 51;
    pub(crate) const BASE_SEQUENCE: usize = 53;
    pub(crate) const COUNT: usize = 57;
}

/// Bits of the attributes field.
pub(super) mod attribute {
    /// The codec; 0 is none.
    pub(crate) const COMPRESSION: i16 = 0b111;
    /// The timestamps are the broker's: every record has the batch's largest.
    pub(crate) const LOG_APPEND_TIME: i16 = 1 << 3;
    pub(crate) const TRANSACTIONAL: i16 = 1 << 4;
    pub(crate) const CONTROL: i16 = 1 << 5;
    /// The base timestamp says until when tombstones of a cleaned batch stay (KIP-534).
    pub(crate) const DELETE_HORIZON: i16 = 1 << 6;
    /// All that is understood here.
    pub(crate) const KNOWN: i16 = COMPRESSION | LOG_APPEND_TIME | TRANSACTIONAL | CONTROL | DELETE_HORIZON;
}

/// Who produced a batch, in which reign, and where it lies in that producer's stream (KIP-98).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerStamp {
    /// The producer.
    pub id: ProducerId,
    /// Its reign.
    pub epoch: ProducerEpoch,
    /// The sequence of the batch's first record.
    pub base: Sequence,
}

/// A batch header's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// Offset of the first record.
    pub base_offset: Offset,
    /// Size of the whole batch in bytes, header and all.
    pub size: usize,
    /// The reign of the leader that placed it; `None` until one has.
    pub leader_epoch: Option<LeaderEpoch>,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Records for brokers, not for consumers.
    pub is_control: bool,
    /// Part of a transaction.
    pub is_transactional: bool,
    /// The timestamps are the broker's, not the producer's.
    pub is_log_append_time: bool,
    /// Timestamp of the first record, in milliseconds, or the delete horizon; deltas count from it.
    pub base_timestamp: u64,
    /// The base timestamp is the time, in milliseconds, until which tombstones stay: the batch was cleaned
    /// with some in it (KIP-534).
    pub has_delete_horizon: bool,
    /// Largest timestamp in the batch, in milliseconds.
    pub max_timestamp: u64,
    /// Its idempotent producer, and its place in that producer's stream.
    pub producer: Option<ProducerStamp>,
    /// Whose it is; set also where there is no place in a stream: in markers, and in offsets of a transaction.
    pub identity: Option<(ProducerId, ProducerEpoch)>,
    /// How many records. Fewer than offsets, even none, if compaction has removed some.
    pub count: u32,
    /// How many offsets it takes; at least one.
    pub span: u32,
}

impl Header {
    /// Reads the header at the front of `bytes` and believes it: fields are in range, but neither the checksum
    /// nor the records were looked at, and the batch may be longer than `bytes`.
    pub fn peek(bytes: &[u8]) -> Result<Self, BadBatch> {
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else { return Err(BadBatch::CutShort) };
        let size = whole_size(bytes)?;
        if bytes[at::MAGIC] != MAGIC {
            return Err(BadBatch::UnknownMagic);
        }
        let attributes = i16_at(bytes, at::ATTRIBUTES);
        if attributes & attribute::COMPRESSION != 0 {
            return Err(BadBatch::Compressed);
        }
        if attributes & !attribute::KNOWN != 0 {
            return Err(BadBatch::UnknownAttributes);
        }
        let is_transactional = attributes & attribute::TRANSACTIONAL != 0;
        let (count, span) = count_and_span(bytes)?;
        let (identity, producer) = producer(bytes, is_transactional)?;
        Ok(Self {
            base_offset: base_offset(bytes)?,
            size,
            leader_epoch: leader_epoch(bytes)?,
            crc: u32::from_be_bytes(array(bytes, at::CRC)),
            is_control: attributes & attribute::CONTROL != 0,
            is_transactional,
            is_log_append_time: attributes & attribute::LOG_APPEND_TIME != 0,
            base_timestamp: natural(i64_at(bytes, at::BASE_TIMESTAMP))?,
            has_delete_horizon: attributes & attribute::DELETE_HORIZON != 0,
            max_timestamp: natural(i64_at(bytes, at::MAX_TIMESTAMP))?,
            producer,
            identity,
            count,
            span,
        })
    }

    /// Reads the header at the front of `bytes` and checks the checksum; the records were not walked.
    pub fn verified(bytes: &[u8]) -> Result<Self, BadBatch> {
        Self::verified_under(bytes, 0)
    }

    /// The same for a batch whose checksum was combined with `mask`.
    pub(crate) fn verified_under(bytes: &[u8], mask: u32) -> Result<Self, BadBatch> {
        let Some(front) = bytes.first_chunk::<HEADER_BYTES>() else { return Err(BadBatch::CutShort) };
        let size = whole_size(front)?;
        if front[at::MAGIC] != MAGIC {
            return Err(BadBatch::UnknownMagic);
        }
        let batch = bytes.get(..size).ok_or(BadBatch::CutShort)?;
        // First of all: a field of a damaged batch says nothing, not even why it is refused.
        let crc = u32::from_be_bytes(array(front, at::CRC)) ^ mask;
        if crc32c::crc32c(&batch[at::ATTRIBUTES..]) != crc {
            return Err(BadBatch::BadCrc);
        }
        Ok(Self { crc, ..Self::peek(batch)? })
    }

    /// One past the last offset that it takes.
    pub const fn next_offset(&self) -> Offset {
        self.base_offset.plus(self.span as u64)
    }

    /// The last offset that it takes.
    pub const fn last_offset(&self) -> Offset {
        self.base_offset.plus(self.span as u64 - 1)
    }

    /// Whether it has a record for each of its offsets, as every batch has that was not cleaned.
    pub const fn is_dense(&self) -> bool {
        self.count == self.span
    }

    /// Whether it only keeps the place of what compaction has removed.
    pub const fn is_filler(&self) -> bool {
        self.count == 0 && self.identity.is_none()
    }

    /// Until when its tombstones stay, in milliseconds; `None`: it was never cleaned with one in it.
    pub const fn delete_horizon(&self) -> Option<u64> {
        if self.has_delete_horizon { Some(self.base_timestamp) } else { None }
    }
}

fn whole_size(bytes: &[u8; HEADER_BYTES]) -> Result<usize, BadBatch> {
    let length = i32::from_be_bytes(array(bytes, at::LENGTH));
    match usize::try_from(length) {
        Ok(length) if length >= HEADER_BYTES - LENGTH_PREFIX_BYTES => Ok(length + LENGTH_PREFIX_BYTES),
        Ok(_) | Err(_) => Err(BadBatch::BadLength),
    }
}

fn base_offset(bytes: &[u8; HEADER_BYTES]) -> Result<Offset, BadBatch> {
    let base = natural(i64_at(bytes, at::BASE_OFFSET))?;
    // The end of the batch must be an offset too.
    if base > i64::MAX as u64 - u64::from(u32::MAX) {
        return Err(BadBatch::BadHeader);
    }
    Ok(Offset(base))
}

/// -1 stands for "not placed yet" (`NO_PARTITION_LEADER_EPOCH`).
fn leader_epoch(bytes: &[u8; HEADER_BYTES]) -> Result<Option<LeaderEpoch>, BadBatch> {
    match i32_at(bytes, at::LEADER_EPOCH) {
        -1 => Ok(None),
        epoch => u32::try_from(epoch).map(|epoch| Some(LeaderEpoch(epoch))).map_err(|_| BadBatch::BadHeader),
    }
}

/// Who wrote a batch, and where in that producer's stream it lies.
type Author = (Option<(ProducerId, ProducerEpoch)>, Option<ProducerStamp>);

/// Producer id -1 stands for "not idempotent" (`NO_PRODUCER_ID`), sequence -1 for "in no stream"
/// (`NO_SEQUENCE`), which only brokers write, into transactions.
fn producer(bytes: &[u8; HEADER_BYTES], is_transactional: bool) -> Result<Author, BadBatch> {
    let id = i64_at(bytes, at::PRODUCER_ID);
    let epoch = i16_at(bytes, at::PRODUCER_EPOCH);
    let base = i32_at(bytes, at::BASE_SEQUENCE);
    match (u64::try_from(id), u16::try_from(epoch), u32::try_from(base)) {
        (Ok(id), Ok(epoch), Ok(base)) => {
            let (id, epoch) = (ProducerId(id), ProducerEpoch(epoch));
            Ok((Some((id, epoch)), Some(ProducerStamp { id, epoch, base: Sequence(base) })))
        }
        (Ok(id), Ok(epoch), Err(_)) if base == -1 && is_transactional => {
            Ok((Some((ProducerId(id), ProducerEpoch(epoch))), None))
        }
        (Err(_), Err(_), Err(_)) if (id, epoch, base) == (-1, -1, -1) && !is_transactional => {
            Ok((None, None))
        }
        (_, _, _) => Err(BadBatch::BadProducer),
    }
}

fn count_and_span(bytes: &[u8; HEADER_BYTES]) -> Result<(u32, u32), BadBatch> {
    let count = i32_at(bytes, at::COUNT);
    let last_delta = i32_at(bytes, at::LAST_OFFSET_DELTA);
    // A compacted batch has fewer records than offsets, and none has more.
    if count < 0 || last_delta < 0 || last_delta < count - 1 {
        return Err(BadBatch::BadHeader);
    }
    Ok((count as u32, last_delta as u32 + 1))
}

fn natural(value: i64) -> Result<u64, BadBatch> {
    u64::try_from(value).map_err(|_| BadBatch::BadHeader)
}

fn array<const N: usize>(bytes: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

fn i16_at(bytes: &[u8; HEADER_BYTES], at: usize) -> i16 {
    i16::from_be_bytes(array(bytes, at))
}

fn i32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> i32 {
    i32::from_be_bytes(array(bytes, at))
}

fn i64_at(bytes: &[u8; HEADER_BYTES], at: usize) -> i64 {
    i64::from_be_bytes(array(bytes, at))
}
