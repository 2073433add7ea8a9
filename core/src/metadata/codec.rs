//! Records and images as bytes: the payloads of the metadata log, and its snapshots.
//!
//! A version byte, then fields in the order of their declaration: numbers as unsigned LEB128, random
//! 64-bit numbers as eight little-endian bytes, lists and texts after their length. Each value has exactly
//! one encoding and a decoder takes nothing else, so equal bytes and equal values are the same thing.
//! A decoder reads anything without a panic, and reserves no more memory than the input could fill.
//! Deliberately absent: older versions. There is one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::image::{BrokerState, Image, TopicState};
use super::records::{MetadataRecord, PartitionState};
use crate::ids::{
    BrokerEpoch, BrokerId, DiskId, Incarnation, LeaderEpoch, Offset, PartitionEpoch, ProducerId, TopicId,
    TopicPartition,
};
use crate::log::CleanupPolicy;

/// The layout that is written, and the only one that is read.
const VERSION: u8 = 1;

const REGISTERED: u8 = 0;
const UNFENCED: u8 = 1;
const FENCED: u8 = 2;
const TOPIC: u8 = 3;
const PARTITION: u8 = 4;
const PRODUCER_IDS: u8 = 5;
const NO_OP: u8 = 6;

/// Why bytes are no record and no image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecodeError {
    /// They end too soon, or claim more elements than could follow.
    #[error("cut short")]
    Truncated,
    /// Another layout.
    #[error("unknown version {0}")]
    Version(u8),
    /// Another kind of record.
    #[error("unknown kind {0}")]
    Kind(u8),
    /// A number is too large for its field, or not in its shortest form, or a flag is neither 0 nor 1.
    #[error("malformed number")]
    Number,
    /// A text is not UTF-8.
    #[error("malformed text")]
    Text,
    /// Keys are not in strictly ascending order.
    #[error("keys out of order")]
    Order,
    /// Something follows.
    #[error("trailing bytes")]
    Trailing,
}

impl MetadataRecord {
    /// The record as a payload of the metadata log.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(48);
        match self {
            Self::BrokerRegistered { broker, incarnation, disk } => {
                out.byte(REGISTERED);
                out.int(broker.0);
                out.fixed(incarnation.0);
                out.fixed(disk.0);
            }
            Self::BrokerUnfenced { broker, epoch } => out.registration(UNFENCED, *broker, *epoch),
            Self::BrokerFenced { broker, epoch } => out.registration(FENCED, *broker, *epoch),
            Self::TopicCreated { topic, name, min_isr, unclean, cleanup } => {
                out.byte(TOPIC);
                out.int(topic.0);
                out.text(name);
                out.int(*min_isr);
                out.policy(*unclean, *cleanup);
            }
            Self::PartitionChanged { at, state } => {
                out.byte(PARTITION);
                out.int(at.topic.0);
                out.int(at.partition);
                out.partition(state);
            }
            Self::ProducerIdsAllocated { next } => {
                out.byte(PRODUCER_IDS);
                out.int(next.0);
            }
            Self::NoOp => out.byte(NO_OP),
        }
        out.0
    }

    /// The record that `bytes` are.
    ///
    /// # Errors
    /// [`DecodeError`] if they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut read = Reader::new(bytes)?;
        let record = read.record()?;
        read.end()?;
        Ok(record)
    }
}

impl Image {
    /// The image as a snapshot of the metadata log.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(256);
        out.int(self.end.0);
        out.int(self.brokers.len() as u64);
        for (id, broker) in &self.brokers {
            out.int(id.0);
            out.int(broker.epoch.0);
            out.fixed(broker.incarnation.0);
            out.fixed(broker.disk.0);
            out.flag(broker.fenced);
        }
        out.int(self.topics.len() as u64);
        for (id, topic) in &self.topics {
            out.int(id.0);
            out.text(&topic.name);
            out.int(topic.min_isr);
            out.policy(topic.unclean, topic.cleanup);
            out.int(topic.partitions.len() as u64);
            topic.partitions.iter().for_each(|partition| out.partition(partition));
        }
        out.int(self.next_producer_id.0);
        out.0
    }

    /// The image that `bytes` are.
    ///
    /// # Errors
    /// [`DecodeError`] if they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut read = Reader::new(bytes)?;
        let end = Offset(read.int()?);
        let brokers = read.map(BROKER_MIN, |read| Ok((read.broker_id()?, read.broker()?)))?;
        let topics = read.map(TOPIC_MIN, |read| Ok((TopicId(read.int32()?), read.topic()?)))?;
        let next_producer_id = ProducerId(read.int()?);
        read.end()?;
        Ok(Self { end, brokers, topics, next_producer_id })
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn new(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.push(VERSION);
        Self(bytes)
    }

    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Whether unclean elections are allowed, in the lowest bit, and what becomes of old records.
    fn policy(&mut self, unclean: bool, cleanup: CleanupPolicy) {
        self.byte(u8::from(unclean) | (cleanup as u8) << 1);
    }

    fn flag(&mut self, flag: bool) {
        self.byte(u8::from(flag));
    }

    fn int(&mut self, value: impl Into<u64>) {
        let mut value = value.into();
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    fn fixed(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.int(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn members(&mut self, members: &[BrokerId]) {
        self.int(members.len() as u64);
        members.iter().for_each(|member| self.int(member.0));
    }

    fn registration(&mut self, kind: u8, broker: BrokerId, epoch: BrokerEpoch) {
        self.byte(kind);
        self.int(broker.0);
        self.int(epoch.0);
    }

    fn partition(&mut self, state: &PartitionState) {
        self.members(&state.replicas);
        self.members(&state.isr);
        self.members(&state.elr);
        self.int(state.leader.map_or(0, |leader| u64::from(leader.0) + 1));
        self.int(state.leader_epoch.0);
        self.int(state.partition_epoch.0);
        self.flag(state.unclean);
    }
}

/// The fewest bytes that a broker, a topic, a partition can take in an image: what a claimed count is
/// judged by before anything is reserved for it.
const BROKER_MIN: usize = 19;
const TOPIC_MIN: usize = 5;
const PARTITION_MIN: usize = 7;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut read = Self(bytes);
        match read.byte()? {
            VERSION => Ok(read),
            other => Err(DecodeError::Version(other)),
        }
    }

    fn end(&self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Number),
        }
    }

    fn policy(&mut self) -> Result<(bool, CleanupPolicy), DecodeError> {
        let byte = self.byte()?;
        let cleanup = match byte >> 1 {
            0 => CleanupPolicy::Delete,
            1 => CleanupPolicy::Compact,
            2 => CleanupPolicy::CompactAndDelete,
            _ => return Err(DecodeError::Number),
        };
        Ok((byte & 1 == 1, cleanup))
    }

    fn int(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit; and a zero at the end would be a longer form.
            if (shift == 63 && bits > 1) || (shift > 0 && byte == 0) {
                return Err(DecodeError::Number);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Number)
    }

    fn int32(&mut self) -> Result<u32, DecodeError> {
        u32::try_from(self.int()?).map_err(|_| DecodeError::Number)
    }

    fn fixed(&mut self) -> Result<u64, DecodeError> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(u64::from_le_bytes(bytes))
    }

    /// A count of elements of at least `min` bytes each, all of which may still follow.
    fn count(&mut self, min: usize) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.int()?).map_err(|_| DecodeError::Truncated)?;
        if count <= self.0.len() / min { Ok(count) } else { Err(DecodeError::Truncated) }
    }

    fn list<T>(
        &mut self,
        min: usize,
        element: impl Fn(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        (0..self.count(min)?).map(|_| element(self)).collect()
    }

    fn map<K: Ord + Copy, V>(
        &mut self,
        min: usize,
        entry: impl Fn(&mut Self) -> Result<(K, V), DecodeError>,
    ) -> Result<BTreeMap<K, V>, DecodeError> {
        let mut map = BTreeMap::new();
        for _ in 0..self.count(min)? {
            let (key, value) = entry(self)?;
            if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return Err(DecodeError::Order);
            }
            map.insert(key, value);
        }
        Ok(map)
    }

    fn text(&mut self) -> Result<Arc<str>, DecodeError> {
        let len = self.count(1)?;
        let text = std::str::from_utf8(self.take(len)?).map_err(|_| DecodeError::Text)?;
        Ok(text.into())
    }

    fn broker_id(&mut self) -> Result<BrokerId, DecodeError> {
        Ok(BrokerId(self.int32()?))
    }

    fn record(&mut self) -> Result<MetadataRecord, DecodeError> {
        Ok(match self.byte()? {
            REGISTERED => MetadataRecord::BrokerRegistered {
                broker: self.broker_id()?,
                incarnation: Incarnation(self.fixed()?),
                disk: DiskId(self.fixed()?),
            },
            UNFENCED => {
                MetadataRecord::BrokerUnfenced { broker: self.broker_id()?, epoch: BrokerEpoch(self.int()?) }
            }
            FENCED => {
                MetadataRecord::BrokerFenced { broker: self.broker_id()?, epoch: BrokerEpoch(self.int()?) }
            }
            TOPIC => {
                let (topic, name, min_isr) = (TopicId(self.int32()?), self.text()?, self.int32()?);
                let (unclean, cleanup) = self.policy()?;
                MetadataRecord::TopicCreated { topic, name, min_isr, unclean, cleanup }
            }
            PARTITION => MetadataRecord::PartitionChanged {
                at: TopicPartition { topic: TopicId(self.int32()?), partition: self.int32()? },
                state: self.partition()?,
            },
            PRODUCER_IDS => MetadataRecord::ProducerIdsAllocated { next: ProducerId(self.int()?) },
            NO_OP => MetadataRecord::NoOp,
            other => return Err(DecodeError::Kind(other)),
        })
    }

    fn partition(&mut self) -> Result<PartitionState, DecodeError> {
        Ok(PartitionState {
            replicas: self.list(1, Self::broker_id)?,
            isr: self.list(1, Self::broker_id)?,
            elr: self.list(1, Self::broker_id)?,
            leader: self.leader()?,
            leader_epoch: LeaderEpoch(self.int32()?),
            partition_epoch: PartitionEpoch(self.int32()?),
            unclean: self.flag()?,
        })
    }

    fn leader(&mut self) -> Result<Option<BrokerId>, DecodeError> {
        let Some(id) = self.int()?.checked_sub(1) else { return Ok(None) };
        Ok(Some(BrokerId(u32::try_from(id).map_err(|_| DecodeError::Number)?)))
    }

    fn broker(&mut self) -> Result<BrokerState, DecodeError> {
        Ok(BrokerState {
            epoch: BrokerEpoch(self.int()?),
            incarnation: Incarnation(self.fixed()?),
            disk: DiskId(self.fixed()?),
            fenced: self.flag()?,
        })
    }

    fn topic(&mut self) -> Result<TopicState, DecodeError> {
        let (name, min_isr) = (self.text()?, self.int32()?);
        let (unclean, cleanup) = self.policy()?;
        Ok(TopicState {
            name,
            min_isr,
            unclean,
            cleanup,
            partitions: self.list(PARTITION_MIN, Self::partition)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::metadata::strategies::{image, record};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_record_comes_back_as_it_was(record in record()) {
            prop_assert_eq!(MetadataRecord::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn an_image_comes_back_as_it_was(image in image()) {
            prop_assert_eq!(Image::decode(&image.encode()), Ok(image));
        }

        #[test]
        fn a_damaged_record_is_refused_or_has_that_encoding(
            record in record(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
        ) {
            let mut bytes = record.encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(if cut { at } else { bytes.len() });
            if let Ok(other) = MetadataRecord::decode(&bytes) {
                prop_assert_eq!(other.encode(), bytes);
            }
        }

        #[test]
        fn a_damaged_image_is_refused_or_has_that_encoding(
            image in image(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = image.encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(other) = Image::decode(&bytes) {
                prop_assert_eq!(other.encode(), bytes);
            }
        }

        #[test]
        fn no_bytes_make_a_decoder_panic(mut bytes in vec(any::<u8>(), 0..200)) {
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            if let Ok(record) = MetadataRecord::decode(&bytes) {
                prop_assert_eq!(record.encode(), bytes.clone());
            }
            if let Ok(image) = Image::decode(&bytes) {
                prop_assert_eq!(image.encode(), bytes);
            }
        }
    }

    #[test]
    fn a_claimed_length_reserves_nothing_before_its_elements_came() {
        // A topic whose name claims 2^63 bytes, and a partition with as many replicas.
        let huge = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
        for start in [[VERSION, TOPIC, 0].as_slice(), &[VERSION, PARTITION, 0, 0]] {
            let bytes = [start, &huge, &[0; 8]].concat();
            assert_eq!(MetadataRecord::decode(&bytes), Err(DecodeError::Truncated));
        }
    }

    #[test]
    fn each_kind_of_damage_has_its_name() {
        let decode = MetadataRecord::decode;
        assert_eq!(decode(&[]), Err(DecodeError::Truncated));
        assert_eq!(decode(&[9, NO_OP]), Err(DecodeError::Version(9)));
        assert_eq!(decode(&[VERSION, 99]), Err(DecodeError::Kind(99)));
        assert_eq!(decode(&[VERSION, NO_OP, 0]), Err(DecodeError::Trailing));
        assert_eq!(decode(&[VERSION, PRODUCER_IDS, 0x80, 0x00]), Err(DecodeError::Number));
        assert_eq!(decode(&[VERSION, TOPIC, 0, 1, 0xff, 1, 0]), Err(DecodeError::Text));
        assert_eq!(decode(&[VERSION, TOPIC, 0, 0, 1, 6]), Err(DecodeError::Number));
    }
}
