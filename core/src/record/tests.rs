//! What the layout promises: byte by byte, both ways, and under damage.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::header::at;
use super::*;
use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};
use crate::refused::Refused;

/// A record as its parts.
#[derive(Debug, Clone)]
struct Parts {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    timestamp: u64,
}

impl Parts {
    fn add_to(&self, builder: &mut BatchBuilder) {
        let headers: Vec<_> = self.headers.iter().map(|(k, v)| (k.as_slice(), v.as_deref())).collect();
        let size = builder.size_with(self.key.as_deref(), self.value.as_deref(), &headers, self.timestamp);
        builder.add(self.key.as_deref(), self.value.as_deref(), &headers, self.timestamp);
        assert_eq!(builder.size(), size, "the estimate is exact");
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..80)
}

fn parts() -> impl Strategy<Value = Parts> {
    let headers = vec((bytes(), option::of(bytes())), 0..3);
    (option::of(bytes()), option::of(bytes()), headers, 0..1u64 << 50)
        .prop_map(|(key, value, headers, timestamp)| Parts { key, value, headers, timestamp })
}

fn stamp() -> impl Strategy<Value = ProducerStamp> {
    (0..1u64 << 62, 0..1u16 << 15, 0..1u32 << 31).prop_map(|(id, epoch, base)| ProducerStamp {
        id: ProducerId(id),
        epoch: ProducerEpoch(epoch),
        base: Sequence(base),
    })
}

fn build(records: &[Parts], stamp: Option<ProducerStamp>, control: bool) -> Batch {
    let mut builder = BatchBuilder::new();
    records.iter().for_each(|parts| parts.add_to(&mut builder));
    if let Some(stamp) = stamp {
        builder.set_producer(stamp).set_transactional();
    }
    if control {
        builder.set_control();
    }
    builder.build()
}

fn small() -> Batch {
    BatchBuilder::new()
        .add(Some(b"k"), Some(b"v1"), &[(b"h", Some(b"x"))], 1000)
        .add(None, None, &[(b"n", None)], 996)
        .set_producer(ProducerStamp { id: ProducerId(7), epoch: ProducerEpoch(3), base: Sequence(5) })
        .set_transactional()
        .build()
}

/// The checksum was computed apart, bit by bit, over the bytes from the attributes on.
#[rustfmt::skip]
const GOLDEN: [u8; 85] = [
    0, 0, 0, 0, 0, 0, 0, 42,            // base offset
    0, 0, 0, 73,                        // length of what follows
    0, 0, 0, 9,                         // partition leader epoch
    2,                                  // magic
    0xbb, 0x7a, 0x41, 0x85,             // CRC-32C
    0, 0b1_0000,                        // attributes: transactional
    0, 0, 0, 1,                         // last offset delta
    0, 0, 0, 0, 0, 0, 0x03, 0xe8,       // base timestamp
    0, 0, 0, 0, 0, 0, 0x03, 0xe8,       // max timestamp
    0, 0, 0, 0, 0, 0, 0, 7,             // producer id
    0, 3,                               // producer epoch
    0, 0, 0, 5,                         // base sequence
    0, 0, 0, 2,                         // records
    26, 0, 0, 0,                        // 13 bytes, no attributes, +0 ms, +0
    2, b'k', 4, b'v', b'1',             // key, value
    2, 2, b'h', 2, b'x',                // one header
    18, 0, 7, 2,                        // 9 bytes, no attributes, -4 ms, +1
    1, 1,                               // null key, null value
    2, 2, b'n', 1,                      // one header, null
];

#[test]
fn the_layout_is_kafkas_byte_by_byte() {
    let batch = small().placed(Offset(42), LeaderEpoch(9));
    assert_eq!(batch.bytes()[..], GOLDEN);
}

#[test]
fn kafkas_bytes_are_read_field_by_field() {
    let (batch, rest) = Batch::parse(Bytes::from_static(&GOLDEN)).unwrap();
    assert!(rest.is_empty());
    assert_eq!(
        (batch.base_offset(), batch.last_offset(), batch.next_offset()),
        (Offset(42), Offset(43), Offset(44))
    );
    assert_eq!(batch.leader_epoch(), Some(LeaderEpoch(9)));
    assert_eq!((batch.base_timestamp(), batch.max_timestamp()), (1000, 1000));
    assert_eq!((batch.count(), batch.size(), batch.crc()), (2, 85, 0xbb7a_4185));
    assert_eq!(batch.last_sequence(), Some(Sequence(6)));
    assert!(batch.is_transactional() && !batch.is_control());
    let records: Vec<_> = batch.records().collect();
    assert_eq!((records[0].offset, records[0].timestamp), (Offset(42), 1000));
    assert_eq!((records[0].key, records[0].value), (Some(&b"k"[..]), Some(&b"v1"[..])));
    assert_eq!((records[1].offset, records[1].timestamp), (Offset(43), 996));
    assert_eq!((records[1].key, records[1].value), (None, None));
    let headers: Vec<_> =
        records.iter().flat_map(|record| record.headers()).map(|h| (h.key, h.value)).collect();
    assert_eq!(headers, [(&b"h"[..], Some(&b"x"[..])), (&b"n"[..], None)]);
}

#[test]
fn a_last_sequence_wraps_with_its_batch() {
    let stamp = ProducerStamp { id: ProducerId(1), epoch: ProducerEpoch(0), base: Sequence(i32::MAX as u32) };
    assert_eq!(small().stamped(Some(stamp)).last_sequence(), Some(Sequence(0)));
}

/// Sets bytes of the small batch and seals it again, as a wrong but honest producer would.
fn forged(edit: impl Fn(&mut Vec<u8>)) -> Result<(Batch, Bytes), BadBatch> {
    let mut bytes = GOLDEN.to_vec();
    edit(&mut bytes);
    super::batch::seal(&mut bytes);
    Batch::parse(Bytes::from(bytes))
}

#[test]
fn a_sealed_batch_that_breaks_the_format_is_refused_by_its_name() {
    let bad = |edit: fn(&mut Vec<u8>)| forged(edit).unwrap_err();
    assert_eq!(bad(|b| b[at::ATTRIBUTES + 1] |= 1), BadBatch::Compressed, "gzip");
    assert_eq!(bad(|b| b[at::ATTRIBUTES + 1] |= 7), BadBatch::Compressed, "no such codec");
    assert_eq!(bad(|b| b[at::ATTRIBUTES + 1] |= 1 << 7), BadBatch::UnknownAttributes, "no such attribute");
    assert_eq!(bad(|b| b[at::MAGIC] = 1), BadBatch::UnknownMagic);
    assert_eq!(bad(|b| b[at::COUNT + 3] = 3), BadBatch::BadHeader, "more records than offsets");
    assert_eq!(bad(|b| b[at::BASE_OFFSET] = 0x80), BadBatch::BadHeader, "a negative offset");
    assert_eq!(bad(|b| b[at::PRODUCER_EPOCH] = 0xff), BadBatch::BadProducer);
    assert_eq!(bad(|b| b[at::MAX_TIMESTAMP + 7] = 0xe7), BadBatch::BadRecord, "not the largest timestamp");
    assert_eq!(bad(|b| b[HEADER_BYTES + 3] = 2), BadBatch::BadRecord, "an offset delta that skips");
    assert_eq!(bad(|b| b[HEADER_BYTES + 1] = 1), BadBatch::BadRecord, "a record attribute");
    assert_eq!(bad(|b| b[HEADER_BYTES] = 24), BadBatch::BadRecord, "a record that ends early");
    let trailing = forged(|b| {
        b.push(0);
        b[at::LENGTH + 3] += 1;
    });
    assert_eq!(trailing.unwrap_err(), BadBatch::BadRecord, "a byte behind the last record");
}

#[test]
fn a_bad_batch_is_refused_with_kafkas_code() {
    assert_eq!(BadBatch::BadCrc.refusal(), Refused::CorruptMessage);
    assert_eq!(BadBatch::Compressed.refusal(), Refused::UnsupportedCompressionType);
    assert_eq!(BadBatch::BadRecord.refusal(), Refused::InvalidRecord);
}

#[test]
fn broker_timestamps_hold_for_every_record() {
    let (batch, _) = forged(|b| b[at::ATTRIBUTES + 1] |= 1 << 3).unwrap();
    assert!(batch.records().all(|record| record.timestamp == 1000));
}

#[test]
fn a_walk_over_batches_ends_at_the_first_bad_one() {
    let mut bytes = [GOLDEN, GOLDEN, GOLDEN].concat();
    bytes[85 + 70] ^= 1;
    let walked: Vec<_> = batches(Bytes::from(bytes)).map(|batch| batch.map(|b| b.count())).collect();
    assert_eq!(walked, [Ok(2), Err(BadBatch::BadCrc)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_built_is_what_is_read(
        records in vec(parts(), 1..8), stamp in option::of(stamp()), control: bool,
        base in 0..1u64 << 60, epoch in 0..1u32 << 31, tail in vec(any::<u8>(), 0..9),
    ) {
        let batch = build(&records, stamp, control).placed(Offset(base), LeaderEpoch(epoch));
        let stream = [&batch.bytes()[..], &tail].concat();
        let (read, rest) = Batch::parse(Bytes::from(stream)).unwrap();
        prop_assert_eq!(&rest[..], &tail[..]);
        prop_assert_eq!(&read, &batch);
        prop_assert_eq!((read.base_offset(), read.leader_epoch()), (Offset(base), Some(LeaderEpoch(epoch))));
        prop_assert_eq!((read.producer(), read.is_control()), (stamp, control));
        prop_assert_eq!(read.count() as usize, records.len());
        prop_assert_eq!(read.max_timestamp(), records.iter().map(|r| r.timestamp).max().unwrap());
        for (index, (record, parts)) in read.records().zip(&records).enumerate() {
            prop_assert_eq!(record.offset, Offset(base + index as u64));
            prop_assert_eq!(record.timestamp, parts.timestamp);
            prop_assert_eq!((record.key, record.value), (parts.key.as_deref(), parts.value.as_deref()));
            let headers: Vec<_> = record.headers().map(|h| (h.key.to_vec(), h.value.map(<[u8]>::to_vec))).collect();
            prop_assert_eq!(&headers, &parts.headers);
        }
        // Taking a stamp off and putting it on again gives the same bytes: nothing else moved.
        if !read.is_transactional() {
            let other = ProducerStamp { id: ProducerId(9), epoch: ProducerEpoch(1), base: Sequence(0) };
            prop_assert_eq!(&read.stamped(Some(other)).stamped(stamp), &read);
        }
    }

    #[test]
    fn a_flipped_bit_under_the_checksum_is_found(
        records in vec(parts(), 1..4), stamp in option::of(stamp()), place: prop::sample::Index, bit in 0..8u32,
    ) {
        let mut bytes = build(&records, stamp, false).bytes().to_vec();
        let place = at::CRC + place.index(bytes.len() - at::CRC);
        bytes[place] ^= 1u8 << bit;
        prop_assert_eq!(Batch::parse(Bytes::from(bytes)).unwrap_err(), BadBatch::BadCrc);
    }

    #[test]
    fn a_batch_cut_anywhere_is_cut_short(records in vec(parts(), 1..4), place: prop::sample::Index) {
        let bytes = build(&records, None, false).bytes().clone();
        let cut = bytes.slice(..place.index(bytes.len()));
        prop_assert_eq!(Batch::parse(cut).unwrap_err(), BadBatch::CutShort);
    }

    /// Sealed anew, so that the damage reaches the walk over the records; whatever passes can be read.
    #[test]
    fn mangled_records_are_refused_or_readable(
        records in vec(parts(), 1..4), damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = build(&records, None, false).bytes().to_vec();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        super::batch::seal(&mut bytes);
        if let Ok((batch, _)) = Batch::parse(Bytes::from(bytes)) {
            let headers: usize = batch.records().map(|record| record.headers().count()).sum();
            prop_assert!(batch.size() >= HEADER_BYTES + 7 * batch.count() as usize + 2 * headers);
        }
    }

    #[test]
    fn random_bytes_are_no_batch(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(Batch::parse(Bytes::from(bytes)).is_err());
    }
}
