//! Bytes that are not what was written.

use proptest::prelude::*;

use super::*;
use crate::env::{Disk, DiskFault};

const FIRST: &str = "t/00000000000000000000.log";

fn written(batches: u32, disk: &mut TestDisk) -> (Log, Vec<Batch>) {
    let mut log = open(disk);
    let all = (0..batches).map(|nth| append(&mut log, 2, nth / 4, disk)).collect();
    flush(&mut log, disk);
    (log, all)
}

#[test]
fn a_damaged_batch_is_not_served_but_those_before_and_after_are() {
    let mut disk = TestDisk::new();
    let (log, all) = written(4, &mut disk);
    disk.rot(FIRST, all[0].size() + 70, 0);
    let read = |from, disk: &mut TestDisk| log.read(Offset(from), log.log_end(), 1000, disk);
    assert_eq!(&read(0, &mut disk).unwrap(), all[0].bytes());
    assert_eq!(read(2, &mut disk), Err(ReadError::Damaged { at: Offset(2) }));
    assert_eq!(&read(4, &mut disk).unwrap()[..all[2].size()], &all[2].bytes()[..]);
}

#[test]
fn a_batch_of_the_log_in_the_place_of_another_ends_a_truncation_and_no_file_stays_behind() {
    let mut disk = TestDisk::new();
    let (mut log, all) = written(3, &mut disk);
    let content = disk.content(FIRST).unwrap().to_vec();
    let size = all[0].size();
    let third = content[2 * size..].to_vec();
    disk.write_at(FIRST, 0, &third).unwrap();
    // Taken for the first batch, the third one would be cut, and a log of nothing go on behind the old file.
    assert_eq!(log.truncate_to(Offset(4), &mut disk), Err(DiskFault::Io));
    let (again, recovery) = Log::open("t", tiny(), Quirks::NONE, &mut disk).unwrap();
    assert_eq!((recovery.log_end, recovery.cut_at), (Offset(0), Some(Offset(0))));
    assert!(contents(&again, &mut disk).is_empty());
}

#[test]
fn a_file_that_became_shorter_is_damage_where_it_ends() {
    let mut disk = TestDisk::new();
    let (log, all) = written(3, &mut disk);
    disk.truncate(FIRST, all[0].size() as u64 + 10).unwrap();
    let refused = log.read(Offset(2), log.log_end(), 1000, &mut disk).unwrap_err();
    assert_eq!(refused, ReadError::Damaged { at: Offset(2) });
}

#[test]
fn damage_in_the_middle_cuts_all_behind_it_and_is_reported() {
    let mut disk = TestDisk::new();
    let (log, all) = written(20, &mut disk);
    disk.rot(FIRST, all[0].size() + 70, 0);
    let (again, recovery) = Log::open("t", tiny(), Quirks::NONE, &mut disk).unwrap();
    assert_eq!((recovery.log_end, recovery.cut_at), (Offset(2), Some(Offset(2))));
    assert_eq!(recovery.cut_bytes, log.size() - all[0].size() as u64);
    assert_eq!(contents(&again, &mut disk), all[..1]);
    let bases: Vec<_> = again.segment_bases().collect();
    assert_eq!(bases, [Offset(0), Offset(2)], "what comes next does not take the place of what was cut");
    let beyond = |file: &String| segment::parse_name("t", file).is_none_or(|(base, _)| base > Offset(2));
    assert!(!disk.list("t/").iter().any(beyond), "nothing is left of what was cut");
}

#[test]
fn a_recovery_that_believes_lengths_keeps_what_cannot_be_read() {
    let mut disk = TestDisk::new();
    let (log, all) = written(3, &mut disk);
    disk.rot(FIRST, all[0].size() + 70, 0);
    let trusting = Quirks::NONE.with(Quirk::RecoveryWithoutCrc);
    let (again, recovery) = Log::open("t", tiny(), trusting, &mut disk).unwrap();
    assert_eq!((again.log_end(), recovery.cut_at), (log.log_end(), None));
    let refused = again.read(Offset(2), again.log_end(), 1000, &mut disk).unwrap_err();
    assert_eq!(refused, ReadError::Damaged { at: Offset(2) });
}

#[test]
fn indexes_and_snapshots_that_lie_are_written_anew() {
    let mut disk = TestDisk::new();
    let (log, all) = written(20, &mut disk);
    let sound = disk.clone();
    for file in disk.list("t/").iter().filter(|file| !file.ends_with(".log")) {
        disk.rot(file, 3, 1);
    }
    let lost = log.segments[1].beside(segment::INDEX);
    disk.remove(&lost).unwrap();
    let again = open(&mut disk);
    assert_eq!(contents(&again, &mut disk), all);
    for file in sound.list("t/") {
        assert_eq!(disk.content(&file), sound.content(&file), "{file}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_flipped_bit_is_never_served_and_recovery_keeps_a_true_prefix(
        segment in 0usize..5, place: prop::sample::Index, bit in 0u32..8,
    ) {
        let mut disk = TestDisk::new();
        let (log, all) = written(20, &mut disk);
        let file = log.segments[segment % log.segments.len()].file.clone();
        let place = place.index(disk.content(&file).unwrap().len());
        disk.rot(&file, place, bit);
        let mut damaged = 0;
        for batch in &all {
            match log.read(batch.base_offset(), batch.next_offset(), 1, &mut disk) {
                Ok(bytes) => prop_assert_eq!(&bytes, batch.bytes()),
                Err(ReadError::Damaged { .. }) => damaged += 1,
                Err(other) => panic!("{other}"),
            }
        }
        prop_assert!(damaged > 0);
        prop_assert!(!Log::is_sound("t", &mut disk).unwrap(), "it is told from a write cut short");
        let again = open(&mut disk);
        let kept = contents(&again, &mut disk);
        prop_assert_eq!(&kept[..], &all[..kept.len()]);
        prop_assert!(kept.len() < all.len());
    }

    /// A broker that vouches for its log would otherwise lose its place for a power loss that cost it nothing.
    #[test]
    fn a_write_cut_short_at_sectors_is_not_taken_for_damage(
        sizes in prop::collection::vec(1u32..40, 1..8),
        synced in 0usize..4,
        kept in prop::collection::vec(any::<bool>(), 40),
        whole_length: bool,
    ) {
        let (mut disk, config) = (TestDisk::new(), LogConfig::default());
        let (mut log, _) = Log::open("t", config.clone(), Quirks::NONE, &mut disk).unwrap();
        let all: Vec<_> = sizes.iter().map(|&records| append(&mut log, records, 2, &mut disk)).collect();
        let durable: usize = all.iter().take(synced).map(Batch::size).sum();
        let mut bytes = disk.content(FIRST).unwrap().to_vec();
        let sectors: Vec<_> = (0..bytes.len()).step_by(512).zip(&kept).collect();
        for &(start, _) in sectors.iter().filter(|(_, kept)| !**kept) {
            let end = (start + 512).min(bytes.len());
            bytes[start.max(durable).min(end)..end].fill(0);
        }
        let last = sectors.iter().rfind(|(_, kept)| **kept).map_or(0, |(start, _)| start + 512);
        if !whole_length {
            bytes.truncate(last.max(durable));
        }
        let mut torn = TestDisk::new();
        torn.append(FIRST, &bytes).unwrap();
        prop_assert!(Log::is_sound("t", &mut torn).unwrap());
        let (again, _) = Log::open("t", config, Quirks::NONE, &mut torn).unwrap();
        prop_assert!(again.log_end() >= all.iter().take(synced).map(Batch::next_offset).max().unwrap_or_default());
    }

    /// Zeros of a value look like sectors that were never written.
    #[test]
    fn a_flipped_bit_of_a_value_of_zeros_is_damage(place: prop::sample::Index, bit in 0u32..8) {
        let (mut disk, config) = (TestDisk::new(), LogConfig::default());
        let (mut log, _) = Log::open("t", config, Quirks::NONE, &mut disk).unwrap();
        let mut zeros = BatchBuilder::new();
        zeros.add(None, Some(&[0; 2000]), &[], 1000);
        let batch = log.append_as_leader(&zeros.build(), LeaderEpoch(1), &mut disk).unwrap();
        disk.rot(FIRST, place.index(batch.size()), bit);
        prop_assert!(!Log::is_sound("t", &mut disk).unwrap());
    }

    /// The length of a batch may reach, once it is changed, into the holes of the write behind it.
    #[test]
    fn a_flipped_bit_before_a_write_cut_short_is_damage(
        sizes in prop::collection::vec(1u32..20, 1..4),
        place: prop::sample::Index,
        in_length: bool,
        bit in 0u32..8,
        cut in 1u32..40,
    ) {
        let (mut disk, config) = (TestDisk::new(), LogConfig::default());
        let (mut log, _) = Log::open("t", config, Quirks::NONE, &mut disk).unwrap();
        let durable: Vec<_> = sizes.iter().map(|&records| append(&mut log, records, 2, &mut disk)).collect();
        let end: usize = durable.iter().map(Batch::size).sum();
        append(&mut log, cut, 2, &mut disk);
        let mut bytes = disk.content(FIRST).unwrap().to_vec();
        let whole = bytes.len().next_multiple_of(512);
        bytes[end..].fill(0);
        bytes.resize(whole, 0);
        let last = end - durable.last().map_or(0, Batch::size);
        let changed = if in_length { last + 8 + place.index(4) } else { place.index(end) };
        bytes[changed] ^= 1 << bit;
        let mut torn = TestDisk::new();
        torn.append(FIRST, &bytes).unwrap();
        prop_assert!(!Log::is_sound("t", &mut torn).unwrap());
    }

    #[test]
    fn a_write_cut_short_anywhere_is_not_taken_for_damage(
        batches in 1u32..8, draws in prop::collection::vec(any::<u64>(), 8),
    ) {
        let mut disk = TestDisk::new();
        let (mut log, _) = written(3, &mut disk);
        (0..batches).for_each(|_| { append(&mut log, 2, 2, &mut disk); });
        let mut draws = draws.into_iter().cycle();
        disk.power_loss(PowerLoss::Tears, &mut |bound| draws.next().unwrap() % bound);
        prop_assert!(Log::is_sound("t", &mut disk).unwrap());
    }

    #[test]
    fn random_bytes_open_as_an_empty_log(bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        let mut disk = TestDisk::new();
        disk.append(FIRST, &bytes).unwrap();
        let (log, recovery) = Log::open("t", tiny(), Quirks::NONE, &mut disk).unwrap();
        prop_assert_eq!((log.log_end(), recovery.cut_at), (Offset(0), Some(Offset(0))));
        prop_assert_eq!(recovery.cut_bytes, bytes.len() as u64);
    }
}
