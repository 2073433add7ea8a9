//! Making batches.

use bytes::Bytes;

use super::batch::{Batch, seal, write_identity, write_stamp};
use super::header::{HEADER_BYTES, LENGTH_PREFIX_BYTES, ProducerStamp, at, attribute};
use super::varint;
use crate::ids::{ProducerEpoch, ProducerId};

/// Collects records into one batch. `build` leaves it empty with its buffer kept, ready for the next.
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    /// The batch so far; of the header only the place is there.
    bytes: Vec<u8>,
    count: u32,
    base_timestamp: u64,
    max_timestamp: u64,
    attributes: i16,
    producer: Option<ProducerStamp>,
    identity: Option<(ProducerId, ProducerEpoch)>,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchBuilder {
    /// An empty batch of no producer.
    pub fn new() -> Self {
        Self {
            bytes: vec![0; HEADER_BYTES],
            count: 0,
            base_timestamp: 0,
            max_timestamp: 0,
            attributes: 0,
            producer: None,
            identity: None,
        }
    }

    /// The batch is part of this producer's stream. Holds until `build`.
    pub const fn set_producer(&mut self, stamp: ProducerStamp) -> &mut Self {
        self.producer = Some(stamp);
        self
    }

    /// The batch is this producer's, without a place in its stream. It must be transactional too. Holds until
    /// `build`.
    pub const fn set_identity(&mut self, id: ProducerId, epoch: ProducerEpoch) -> &mut Self {
        self.identity = Some((id, epoch));
        self
    }

    /// The batch is for brokers, not for consumers. Holds until `build`.
    pub const fn set_control(&mut self) -> &mut Self {
        self.attributes |= attribute::CONTROL;
        self
    }

    /// The batch is part of a transaction; its producer must be set too. Holds until `build`.
    pub const fn set_transactional(&mut self) -> &mut Self {
        self.attributes |= attribute::TRANSACTIONAL;
        self
    }

    /// Adds a record; `timestamp` in milliseconds, below 2⁶³.
    pub fn add(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
        timestamp: u64,
    ) -> &mut Self {
        if self.count == 0 {
            self.base_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        varint::put(self.body_size(key, value, headers, timestamp) as i64, &mut self.bytes);
        self.bytes.push(0);
        varint::put(self.timestamp_delta(timestamp), &mut self.bytes);
        varint::put(i64::from(self.count), &mut self.bytes);
        put_nullable(key, &mut self.bytes);
        put_nullable(value, &mut self.bytes);
        varint::put(headers.len() as i64, &mut self.bytes);
        for &(key, value) in headers {
            put_nullable(Some(key), &mut self.bytes);
            put_nullable(value, &mut self.bytes);
        }
        self.count += 1;
        self
    }

    /// How many records it holds.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Whether there is nothing to build.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The batch's size in bytes as it stands.
    pub const fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The batch's size in bytes if this record were added.
    pub fn size_with(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
        timestamp: u64,
    ) -> usize {
        let body = self.body_size(key, value, headers, timestamp);
        self.bytes.len() + varint::size(body as i64) + body
    }

    /// The batch, at offset 0 and without a leader epoch. One copy.
    ///
    /// # Panics
    /// If no record was added: an empty batch does not exist. If it is larger than 2 GiB, or transactional
    /// without a producer.
    pub fn build(&mut self) -> Batch {
        assert!(self.count > 0, "an empty batch does not exist");
        self.write_header();
        let batch = Batch::built(Bytes::copy_from_slice(&self.bytes));
        self.clear();
        batch
    }

    /// Drops the records and the marks; the buffer stays.
    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER_BYTES);
        self.count = 0;
        self.max_timestamp = 0;
        self.attributes = 0;
        self.producer = None;
        self.identity = None;
    }

    fn write_header(&mut self) {
        let length = i32::try_from(self.bytes.len() - LENGTH_PREFIX_BYTES).expect("a batch is below 2 GiB");
        let bytes = &mut self.bytes;
        bytes[at::BASE_OFFSET..at::LENGTH].fill(0);
        bytes[at::LENGTH..at::LEADER_EPOCH].copy_from_slice(&length.to_be_bytes());
        bytes[at::LEADER_EPOCH..at::MAGIC].copy_from_slice(&(-1i32).to_be_bytes());
        bytes[at::MAGIC] = 2;
        bytes[at::ATTRIBUTES..at::LAST_OFFSET_DELTA].copy_from_slice(&self.attributes.to_be_bytes());
        bytes[at::LAST_OFFSET_DELTA..at::BASE_TIMESTAMP].copy_from_slice(&(self.count - 1).to_be_bytes());
        bytes[at::BASE_TIMESTAMP..at::MAX_TIMESTAMP].copy_from_slice(&self.base_timestamp.to_be_bytes());
        bytes[at::MAX_TIMESTAMP..at::PRODUCER_ID].copy_from_slice(&self.max_timestamp.to_be_bytes());
        bytes[at::COUNT..HEADER_BYTES].copy_from_slice(&self.count.to_be_bytes());
        match self.identity {
            Some(identity) => write_identity(identity, bytes),
            None => write_stamp(self.producer, bytes),
        }
        seal(bytes);
    }

    fn timestamp_delta(&self, timestamp: u64) -> i64 {
        let base = if self.count == 0 { timestamp } else { self.base_timestamp };
        timestamp as i64 - base as i64
    }

    /// The size of a record behind its own length.
    fn body_size(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
        timestamp: u64,
    ) -> usize {
        let attributes = 1;
        let headers_size: usize =
            headers.iter().map(|&(key, value)| nullable_size(Some(key)) + nullable_size(value)).sum();
        attributes
            + varint::size(self.timestamp_delta(timestamp))
            + varint::size(i64::from(self.count))
            + nullable_size(key)
            + nullable_size(value)
            + varint::size(headers.len() as i64)
            + headers_size
    }
}

fn put_nullable(bytes: Option<&[u8]>, into: &mut Vec<u8>) {
    match bytes {
        Some(bytes) => {
            varint::put(bytes.len() as i64, into);
            into.extend_from_slice(bytes);
        }
        None => varint::put(-1, into),
    }
}

fn nullable_size(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint::size(bytes.len() as i64) + bytes.len())
}
