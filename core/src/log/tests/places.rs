//! Finding places: reads, limits, times, indexes.

use super::*;

/// Forty batches of three records over several segments.
fn full(disk: &mut TestDisk) -> (Log, Vec<Batch>) {
    let mut log = open(disk);
    let written: Vec<_> = (0..40).map(|nth| append(&mut log, 3, nth / 10, disk)).collect();
    assert!(log.segment_bases().len() > 5);
    (log, written)
}

#[test]
fn a_read_starts_with_the_batch_that_has_the_offset() {
    let mut disk = TestDisk::new();
    let (log, written) = full(&mut disk);
    for from in 0..120 {
        let bytes = log.read(Offset(from), log.log_end(), 1, &mut disk).unwrap();
        assert_eq!(&bytes, written[from as usize / 3].bytes(), "offset {from}");
    }
    assert!(
        log.read(Offset(120), Offset(999), 1000, &mut disk).unwrap().is_empty(),
        "the log end is in range"
    );
}

#[test]
fn a_read_holds_whole_batches_up_to_its_size_but_at_least_one() {
    let mut disk = TestDisk::new();
    let (log, written) = full(&mut disk);
    let size = written[0].size();
    let read =
        |max_bytes, disk: &mut TestDisk| log.read(Offset(0), log.log_end(), max_bytes, disk).unwrap().len();
    assert_eq!(read(0, &mut disk), size);
    assert_eq!(read(size * 2 - 1, &mut disk), size);
    assert_eq!(read(size * 2, &mut disk), size * 2);
    let first = log.segment_bases().nth(1).unwrap().0 as usize / 3;
    assert_eq!(read(usize::MAX, &mut disk), size * first, "one segment at a time");
}

#[test]
fn a_read_shows_nothing_that_ends_beyond_its_limit() {
    let mut disk = TestDisk::new();
    let (log, written) = full(&mut disk);
    let read = |limit, disk: &mut TestDisk| log.read(Offset(0), Offset(limit), 1000, disk).unwrap();
    assert!(read(0, &mut disk).is_empty());
    assert!(read(2, &mut disk).is_empty(), "half a batch is not committed");
    assert_eq!(&read(5, &mut disk), written[0].bytes());
}

#[test]
fn a_read_outside_of_the_log_is_told_its_range() {
    let mut disk = TestDisk::new();
    let (mut log, _) = full(&mut disk);
    log.advance_start(Offset(50), &mut disk).unwrap();
    let (start, end) = (log.log_start(), log.log_end());
    for from in [start.previous().unwrap(), end.plus(1)] {
        let refused = log.read(from, Offset(999), 1, &mut disk).unwrap_err();
        assert_eq!(refused, ReadError::OutOfRange { start, end });
    }
}

#[test]
fn a_time_is_found_to_the_record() {
    let mut disk = TestDisk::new();
    let mut log = open(&mut disk);
    // Timestamps go up and down, as those of several producers do.
    let times: Vec<u64> = (0..60).map(|nth| 1000 + nth * 10 - (nth % 7) * 25).collect();
    for &time in &times {
        log.append_as_leader(&batch(2, time, None), LeaderEpoch(0), &mut disk).unwrap();
    }
    let records: Vec<u64> = times.iter().flat_map(|&time| [time, time + 1]).collect();
    for asked in 800..1700 {
        let expected = records.iter().position(|&time| time >= asked).map(|place| Offset(place as u64));
        assert_eq!(log.offset_for_time(asked, &mut disk).unwrap(), expected, "time {asked}");
    }
}

#[test]
fn index_files_are_kafkas_and_point_at_batches() {
    let mut disk = TestDisk::new();
    let (log, written) = full(&mut disk);
    let bases: Vec<_> = log.segment_bases().collect();
    for pair in bases.windows(2) {
        let content = |suffix| disk.content(&format!("t/{:020}.{suffix}", pair[0].0)).unwrap();
        let (file, index, times) = (content("log"), content("index"), content("timeindex"));
        assert!(!index.is_empty() && index.len() % 8 == 0 && times.len() % 12 == 0);
        for entry in index.chunks(8) {
            let last = pair[0].plus(u64::from(u32::from_be_bytes(entry[..4].try_into().unwrap())));
            let position = u32::from_be_bytes(entry[4..].try_into().unwrap()) as usize;
            assert_eq!(seal::Seal::of("t/0.log").verified(&file[position..]).unwrap().last_offset(), last);
        }
        let (time, last) = times[times.len() - 12..].split_at(8);
        let last = pair[0].plus(u64::from(u32::from_be_bytes(last.try_into().unwrap())));
        assert_eq!(last.plus(1), pair[1], "timestamps grow here, so the last entry is the last batch");
        let newest = written.iter().find(|batch| batch.last_offset() == last).unwrap().max_timestamp();
        assert_eq!(u64::from_be_bytes(time.try_into().unwrap()), newest);
    }
}
