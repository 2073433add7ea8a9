//! A batch that was looked at once and is believed from then on.

use std::fmt;

use bytes::Bytes;

use super::header::{Header, at};
use super::records::{self, Records};
use super::{BadBatch, Marker, ProducerStamp, write_filler};
use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

/// A validated batch. Clones share the bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Batch {
    header: Header,
    bytes: Bytes,
}

impl Batch {
    /// Takes the batch at the front of `bytes`; answers it and the bytes behind it. Copies nothing.
    pub fn parse(mut bytes: Bytes) -> Result<(Self, Bytes), BadBatch> {
        let header = Header::verified(&bytes)?;
        records::check(&header, &bytes[..header.size])?;
        let rest = bytes.split_off(header.size);
        Ok((Self { header, bytes }, rest))
    }

    /// A batch that [`super::BatchBuilder`] has just laid out.
    pub(super) fn built(bytes: Bytes) -> Self {
        let header = Header::peek(&bytes).expect("the builder writes what the header's rules ask for");
        Self { header, bytes }
    }

    /// All header fields.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Offset of the first record; 0 until a leader has placed the batch.
    pub const fn base_offset(&self) -> Offset {
        self.header.base_offset
    }

    /// The last offset that it takes.
    pub const fn last_offset(&self) -> Offset {
        self.header.last_offset()
    }

    /// One past the last offset that it takes.
    pub const fn next_offset(&self) -> Offset {
        self.header.next_offset()
    }

    /// The reign it was placed in; `None` until a leader has placed it.
    pub const fn leader_epoch(&self) -> Option<LeaderEpoch> {
        self.header.leader_epoch
    }

    /// Its idempotent producer.
    pub const fn producer(&self) -> Option<ProducerStamp> {
        self.header.producer
    }

    /// The sequence of the last record, if the producer is idempotent.
    pub fn last_sequence(&self) -> Option<Sequence> {
        self.header.producer.map(|stamp| stamp.base.plus(self.header.span - 1))
    }

    /// Whose it is, also if it has no place in a stream.
    pub const fn identity(&self) -> Option<(ProducerId, ProducerEpoch)> {
        self.header.identity
    }

    /// What it ends, if it is a marker.
    pub fn marker(&self) -> Option<Marker> {
        Marker::of(&self.header, &self.bytes)
    }

    /// Whether it is for brokers, not for consumers.
    pub const fn is_control(&self) -> bool {
        self.header.is_control
    }

    /// Whether it is part of a transaction.
    pub const fn is_transactional(&self) -> bool {
        self.header.is_transactional
    }

    /// Timestamp of the first record, in milliseconds, or the delete horizon.
    pub const fn base_timestamp(&self) -> u64 {
        self.header.base_timestamp
    }

    /// Largest timestamp, in milliseconds.
    pub const fn max_timestamp(&self) -> u64 {
        self.header.max_timestamp
    }

    /// How many records. Fewer than offsets, even none, if compaction has removed some.
    pub const fn count(&self) -> u32 {
        self.header.count
    }

    /// Size in bytes, header and all.
    pub const fn size(&self) -> usize {
        self.header.size
    }

    /// CRC-32C of all but offset, length, leader epoch and magic: placing a batch does not change it.
    pub const fn crc(&self) -> u32 {
        self.header.crc
    }

    /// The batch as it goes over the wire and to disk.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its records, in order.
    pub fn records(&self) -> Records<'_> {
        Records::of(self.header, &self.bytes)
    }

    /// The same batch where and when a leader puts it. Neither field is under the checksum, so what the
    /// producer sealed stays sealed.
    #[must_use]
    pub fn placed(&self, base: Offset, epoch: LeaderEpoch) -> Self {
        let mut bytes = self.bytes.to_vec();
        bytes[at::BASE_OFFSET..at::LENGTH].copy_from_slice(&base.0.to_be_bytes());
        bytes[at::LEADER_EPOCH..at::MAGIC].copy_from_slice(&epoch.0.to_be_bytes());
        let header = Header { base_offset: base, leader_epoch: Some(epoch), ..self.header };
        Self { header, bytes: Bytes::from(bytes) }
    }

    /// A filler from `offset` on: a follower may end where others have removed what lies around.
    ///
    /// # Panics
    /// If it is no filler, was placed by no leader, or does not hold `offset`.
    #[must_use]
    pub fn filler_from(&self, offset: Offset) -> Self {
        assert!(self.header.is_filler() && (self.base_offset()..self.next_offset()).contains(&offset));
        let epoch = self.leader_epoch().expect("only a placed batch is ever removed");
        let mut bytes = Vec::with_capacity(self.size());
        write_filler(offset, self.next_offset(), epoch, &mut bytes);
        Self::built(Bytes::from(bytes))
    }

    /// The same records in a producer's stream, or in none: a batch gets its sequence when it is first sent,
    /// later than it is built.
    #[must_use]
    pub fn stamped(&self, stamp: Option<ProducerStamp>) -> Self {
        let mut bytes = self.bytes.to_vec();
        write_stamp(stamp, &mut bytes);
        seal(&mut bytes);
        Self::built(Bytes::from(bytes))
    }
}

/// Writes the producer's fields of the batch in `bytes`.
pub(super) fn write_stamp(stamp: Option<ProducerStamp>, bytes: &mut [u8]) {
    let (id, epoch, base) =
        stamp.map_or((-1, -1, -1), |s| (s.id.0 as i64, s.epoch.0 as i16, s.base.0 as i32));
    write_author(id, epoch, base, bytes);
}

/// Writes the producer's fields of a batch that has no place in a stream.
pub(super) fn write_identity((id, epoch): (ProducerId, ProducerEpoch), bytes: &mut [u8]) {
    write_author(id.0 as i64, epoch.0 as i16, -1, bytes);
}

fn write_author(id: i64, epoch: i16, base: i32, bytes: &mut [u8]) {
    bytes[at::PRODUCER_ID..at::PRODUCER_EPOCH].copy_from_slice(&id.to_be_bytes());
    bytes[at::PRODUCER_EPOCH..at::BASE_SEQUENCE].copy_from_slice(&epoch.to_be_bytes());
    bytes[at::BASE_SEQUENCE..at::COUNT].copy_from_slice(&base.to_be_bytes());
}

/// Writes the checksum of the batch in `bytes`, which ends where the batch does.
pub(super) fn seal(bytes: &mut [u8]) {
    let crc = crc32c::crc32c(&bytes[at::ATTRIBUTES..]);
    bytes[at::CRC..at::ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({}..{}", self.base_offset(), self.next_offset())?;
        if let Some(epoch) = self.leader_epoch() {
            write!(f, " epoch {epoch}")?;
        }
        if let Some(stamp) = self.producer() {
            write!(f, " producer {}/{} from {}", stamp.id, stamp.epoch, stamp.base)?;
        }
        write!(f, " crc {:08x})", self.crc())
    }
}

/// The batches that lie back to back in `bytes`. Ends after the first bad one.
pub const fn batches(bytes: Bytes) -> Batches {
    Batches { rest: bytes }
}

/// See [`batches`].
#[derive(Debug, Clone)]
pub struct Batches {
    rest: Bytes,
}

impl Iterator for Batches {
    type Item = Result<Batch, BadBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.rest);
        if bytes.is_empty() {
            return None;
        }
        Some(Batch::parse(bytes).map(|(batch, rest)| {
            self.rest = rest;
            batch
        }))
    }
}
