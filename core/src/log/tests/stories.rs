//! Lives of a log: syncs, cuts, crashes, retention, each as it would happen.

use super::*;
use crate::env::{Disk, DiskFault};
use crate::log::segment::parse_name;
use crate::time::Span;

#[test]
fn a_fresh_log_is_empty_and_appends_from_zero() {
    let mut disk = TestDisk::new();
    let (mut log, recovery) = Log::open("t", tiny(), Quirks::NONE, &mut disk).unwrap();
    assert_eq!((recovery.log_start, recovery.log_end, recovery.cut_at), (Offset(0), Offset(0), None));
    let placed = append(&mut log, 3, 5, &mut disk);
    assert_eq!((placed.base_offset(), placed.leader_epoch()), (Offset(0), Some(LeaderEpoch(5))));
    assert_eq!(
        (log.log_end(), log.last_epoch(), log.durable_end()),
        (Offset(3), Some(LeaderEpoch(5)), Offset(0))
    );
}

#[test]
fn a_follower_takes_only_the_next_batch_of_no_older_epoch() {
    let mut disk = TestDisk::new();
    let mut log = open(&mut disk);
    let at = |base: u64, epoch| batch(2, 0, None).placed(Offset(base), LeaderEpoch(epoch));
    log.append_as_follower(&at(0, 4), &mut disk).unwrap();
    let gap = Err(AppendError::Gap { expected: Offset(2) });
    assert_eq!(log.append_as_follower(&at(3, 4), &mut disk), gap);
    assert_eq!(log.append_as_follower(&at(0, 4), &mut disk), gap, "a late double");
    let back = Err(AppendError::EpochWentBack { last: LeaderEpoch(4) });
    assert_eq!(log.append_as_follower(&at(2, 3), &mut disk), back);
    log.append_as_follower(&at(2, 4), &mut disk).unwrap();
    assert_eq!(
        log.append_as_follower(&batch(1, 0, None), &mut disk),
        Err(AppendError::Gap { expected: Offset(4) })
    );
    let unplaced = open(&mut TestDisk::new()).append_as_follower(&batch(1, 0, None), &mut disk);
    assert_eq!(unplaced, Err(AppendError::Unplaced));
}

#[test]
fn a_new_file_is_durable_only_once_its_name_is() {
    let mut disk = TestDisk::new();
    let mut log = open(&mut disk);
    append(&mut log, 3, 0, &mut disk);
    assert!(log.sync(&mut disk));
    let asked = disk.pending();
    assert_eq!(asked.len(), 2, "the file and the directory");
    disk.complete(asked[0]);
    assert_eq!(log.on_synced(asked[0], Ok(())), SyncOutcome::Pending);
    assert_eq!(log.durable_end(), Offset(0));
    disk.complete(asked[1]);
    assert_eq!(log.on_synced(asked[1], Ok(())), SyncOutcome::Durable(Offset(3)));
    append(&mut log, 1, 0, &mut disk);
    log.sync(&mut disk);
    assert_eq!(disk.pending().len(), 1, "no new name, no sync of names");
    assert!(!log.sync(&mut disk), "nothing was written since");
    assert_eq!(log.on_synced(SyncId(999), Ok(())), SyncOutcome::NotMine);
}

#[test]
fn a_later_sync_that_ends_first_makes_nothing_durable() {
    let mut disk = TestDisk::new();
    let mut log = open(&mut disk);
    flush(&mut log, &mut disk);
    append(&mut log, 3, 0, &mut disk);
    log.sync(&mut disk);
    // Fills the segment, so that the second sync is about another file.
    while log.segment_bases().len() == 1 {
        append(&mut log, 3, 0, &mut disk);
    }
    log.sync(&mut disk);
    let asked = disk.pending();
    for &sync in &asked[1..] {
        assert_eq!(log.on_synced(sync, Ok(())), SyncOutcome::Pending);
    }
    assert_eq!(log.on_synced(asked[0], Ok(())), SyncOutcome::Durable(log.log_end()));
}

#[test]
fn a_stale_sync_does_not_count_what_replaced_the_cut_part() {
    let mut disk = TestDisk::new();
    let mut log = open(&mut disk);
    append(&mut log, 2, 0, &mut disk);
    flush(&mut log, &mut disk);
    append(&mut log, 2, 0, &mut disk);
    log.sync(&mut disk);
    log.truncate_to(Offset(2), &mut disk).unwrap();
    append(&mut log, 2, 1, &mut disk);
    let stale = disk.complete_next().unwrap();
    assert_eq!(log.on_synced(stale, Ok(())), SyncOutcome::Durable(Offset(2)));
    lose_all(&mut disk);
    let log = open(&mut disk);
    assert_eq!(log.last_epoch(), Some(LeaderEpoch(0)), "the new batch is gone, as was to be expected");
}

#[test]
fn a_failed_sync_takes_those_after_it_along_and_all_is_asked_for_again() {
    let mut disk = TestDisk::new();
    let mut log = open(&mut disk);
    flush(&mut log, &mut disk);
    append(&mut log, 1, 0, &mut disk);
    log.sync(&mut disk);
    append(&mut log, 1, 0, &mut disk);
    log.sync(&mut disk);
    let asked = disk.pending();
    disk.fail(asked[0]);
    assert_eq!(log.on_synced(asked[0], Err(DiskFault::Io)), SyncOutcome::Failed(DiskFault::Io));
    disk.complete(asked[1]);
    assert_eq!(log.on_synced(asked[1], Ok(())), SyncOutcome::Pending);
    assert_eq!(log.durable_end(), Offset(0));
    flush(&mut log, &mut disk);
}

#[test]
fn what_was_synced_survives_a_power_loss_over_many_segments() {
    let mut disk = TestDisk::new();
    let mut log = open(&mut disk);
    for nth in 0..30 {
        append(&mut log, 2, nth / 10, &mut disk);
    }
    flush(&mut log, &mut disk);
    let written = contents(&log, &mut disk);
    append(&mut log, 2, 9, &mut disk);
    lose_all(&mut disk);
    let (log, recovery) = Log::open("t", tiny(), Quirks::NONE, &mut disk).unwrap();
    assert_eq!(contents(&log, &mut disk), written);
    assert_eq!(recovery.cut_at, None, "an unsynced batch that is gone altogether was not cut");
    assert_eq!(log.durable_end(), Offset(0), "after a mere crash all this might be in the cache");
}

#[test]
fn a_cut_drops_the_batch_that_straddles_it_and_all_tables_follow() {
    let mut disk = TestDisk::new();
    let mut log = open(&mut disk);
    for nth in 0..40u32 {
        let stamped = batch(3, 7, Some(stamp(u64::from(nth % 3), 0, nth / 3 * 3)));
        log.append_as_leader(&stamped, LeaderEpoch(nth / 5), &mut disk).unwrap();
    }
    let written = contents(&log, &mut disk);
    for end in (0..120).rev() {
        log.truncate_to(Offset(end), &mut disk).unwrap();
        let left = &written[..end as usize / 3];
        assert_eq!(log.log_end(), Offset(end / 3 * 3));
        assert_eq!(contents(&log, &mut disk), left);
        assert_eq!((log.epochs().clone(), log.producers().clone()), fold(left), "cut to {end}");
        log.assert_invariants();
    }
}

#[test]
fn a_lost_or_damaged_snapshot_costs_a_replay_and_nothing_else() {
    for damaged in [false, true] {
        let mut disk = TestDisk::new();
        let mut log = open(&mut disk);
        for nth in 0..40u32 {
            log.append_as_leader(&batch(1, 7, Some(stamp(1, 0, nth))), LeaderEpoch(0), &mut disk).unwrap();
        }
        for file in disk.list("t/").iter().filter(|file| file.ends_with("snapshot")) {
            if damaged { disk.rot(file, 12, 3) } else { disk.remove(file).unwrap() }
        }
        log.truncate_to(Offset(33), &mut disk).unwrap();
        let left = contents(&log, &mut disk);
        assert_eq!(log.producers(), &fold(&left).1);
    }
}

#[test]
fn the_log_start_survives_a_power_loss_and_stays_without_gaps_if_removals_do_not() {
    for synced in [true, false] {
        let mut disk = TestDisk::new();
        let mut log = open(&mut disk);
        for nth in 0..30 {
            append(&mut log, 2, nth / 10, &mut disk);
        }
        flush(&mut log, &mut disk);
        assert!(log.advance_start(Offset(45), &mut disk).unwrap());
        assert!(log.log_start() <= Offset(45) && log.log_start() > Offset(30));
        assert_eq!(
            log.epochs().entries()[0],
            (LeaderEpoch(2), log.log_start()).max((LeaderEpoch(1), log.log_start()))
        );
        if synced {
            flush(&mut log, &mut disk);
        }
        lose_all(&mut disk);
        let again = open(&mut disk);
        assert_eq!(again.log_start(), if synced { log.log_start() } else { Offset(0) });
        assert_eq!(again.log_end(), log.log_end());
    }
}

#[test]
fn the_last_record_is_never_retired() {
    let mut disk = TestDisk::new();
    let mut log = open(&mut disk);
    for _ in 0..12 {
        append(&mut log, 2, 3, &mut disk);
    }
    // Leaves an empty active segment behind.
    log.truncate_to(Offset(20), &mut disk).unwrap();
    log.advance_start(log.log_end(), &mut disk).unwrap();
    assert!(log.log_start() < log.log_end());
    assert_eq!(log.last_epoch(), Some(LeaderEpoch(3)));
}

#[test]
fn retention_by_size_keeps_at_least_that_much() {
    let mut disk = TestDisk::new();
    let config = LogConfig { retention_bytes: Some(700), ..tiny() };
    let (mut log, _) = Log::open("t", config, Quirks::NONE, &mut disk).unwrap();
    for _ in 0..30 {
        append(&mut log, 2, 0, &mut disk);
    }
    assert!(log.retain(0, log.log_end(), &mut disk).unwrap());
    let first = log.segments[0].size;
    assert!(log.size() >= 700 && log.size() - first < 700);
    assert!(!log.retain(0, log.log_end(), &mut disk).unwrap());
}

#[test]
fn retention_by_age_spares_the_active_segment_and_what_is_not_committed() {
    let mut disk = TestDisk::new();
    let config = LogConfig { retention: Some(Span::from_millis(100)), ..tiny() };
    let (mut log, _) = Log::open("t", config, Quirks::NONE, &mut disk).unwrap();
    for _ in 0..30 {
        append(&mut log, 2, 0, &mut disk);
    }
    assert!(!log.retain(1000, log.log_end(), &mut disk).unwrap(), "nothing is old yet");
    log.retain(9_999, Offset(21), &mut disk).unwrap();
    assert!(log.log_start() > Offset(0) && log.log_start() <= Offset(21));
    log.retain(9_999, log.log_end(), &mut disk).unwrap();
    assert_eq!(log.segment_bases().len(), 1);
}

#[test]
fn a_producer_whose_batches_are_all_retired_is_forgotten_everywhere() {
    let mut disk = TestDisk::new();
    let mut log = open(&mut disk);
    log.append_as_leader(&batch(1, 0, Some(stamp(1, 0, 0))), LeaderEpoch(0), &mut disk).unwrap();
    for nth in 0..20 {
        log.append_as_leader(&batch(1, 0, Some(stamp(2, 0, nth))), LeaderEpoch(0), &mut disk).unwrap();
    }
    log.advance_start(Offset(10), &mut disk).unwrap();
    assert!(log.producers().get(ProducerId(1)).is_none());
    assert_eq!(log.producers(), open(&mut disk).producers());
    // A snapshot from before the retention still names it.
    log.truncate_to(Offset(18), &mut disk).unwrap();
    assert_eq!(log.producers(), &fold(&contents(&log, &mut disk)).1);
}

#[test]
fn a_reset_log_starts_where_it_was_told_also_after_a_power_loss() {
    let mut disk = TestDisk::new();
    let mut log = open(&mut disk);
    for _ in 0..20 {
        append(&mut log, 2, 0, &mut disk);
    }
    log.sync(&mut disk);
    log.reset_to(Offset(500), &mut disk).unwrap();
    assert_eq!((log.log_start(), log.log_end(), log.durable_end()), (Offset(500), Offset(500), Offset(0)));
    assert_eq!((log.last_epoch(), log.producers().iter().len()), (None, 0));
    while let Some(sync) = disk.complete_next() {
        assert_eq!(log.on_synced(sync, Ok(())), SyncOutcome::Pending, "it was about the old log");
    }
    flush(&mut log, &mut disk);
    lose_all(&mut disk);
    let mut log = open(&mut disk);
    assert_eq!((log.log_start(), log.log_end()), (Offset(500), Offset(500)));
    append(&mut log, 1, 7, &mut disk);
    log.truncate_to(Offset(40), &mut disk).unwrap();
    assert_eq!(log.log_start(), Offset(40), "a cut below the start is a reset");
}

#[test]
fn nothing_of_other_rooms_in_the_same_directory_is_touched() {
    let mut disk = TestDisk::new();
    let others = ["t/00000000000000000007-0000000002.checkpoint", "t/vote", "t2/00000000000000000000.log"];
    for file in others {
        disk.append(file, b"mine").unwrap();
    }
    disk.append("t/00000000000000000099.index", b"an orphan").unwrap();
    let mut log = open(&mut disk);
    append(&mut log, 1, 0, &mut disk);
    log.reset_to(Offset(7), &mut disk).unwrap();
    assert!(others.iter().all(|file| disk.content(file) == Some(b"mine")));
    assert!(disk.content("t/00000000000000000099.index").is_none());
    assert_eq!(parse_name("t", "t/0000000000000000007.log"), None, "19 digits");
}

#[test]
fn a_full_disk_is_a_fault_and_a_reopened_log_is_sound() {
    for nth in 0..6 {
        let mut disk = TestDisk::new();
        let mut log = open(&mut disk);
        for _ in 0..3 {
            append(&mut log, 2, 0, &mut disk);
        }
        disk.fail_operation(nth, DiskFault::Full);
        let big = batch(20, 0, None);
        let outcome = log.append_as_leader(&big, LeaderEpoch(1), &mut disk);
        let log = open(&mut disk);
        assert_eq!(log.log_end(), if outcome.is_ok() { Offset(26) } else { Offset(6) }, "operation {nth}");
    }
}

#[test]
fn a_leader_only_producer_table_is_empty_on_followers_and_after_a_restart() {
    let quirks = Quirks::NONE.with(Quirk::ProducerTableLeaderOnly);
    let mut disk = TestDisk::new();
    let (mut log, _) = Log::open("t", tiny(), quirks, &mut disk).unwrap();
    log.append_as_leader(&batch(1, 0, Some(stamp(1, 0, 0))), LeaderEpoch(0), &mut disk).unwrap();
    assert_eq!(log.producers().iter().len(), 1);
    let next = batch(1, 0, Some(stamp(2, 0, 0))).placed(Offset(1), LeaderEpoch(0));
    log.append_as_follower(&next, &mut disk).unwrap();
    assert_eq!(log.producers().iter().len(), 1);
    let (log, _) = Log::open("t", tiny(), quirks, &mut disk).unwrap();
    assert_eq!(log.producers().iter().len(), 0);
}

/// Found by the model: removing the old file and naming the new one were two steps.
#[test]
fn a_log_cut_to_its_start_keeps_that_start_wherever_the_power_fails() {
    for survivors in 0..4 {
        let mut disk = TestDisk::new();
        let mut log = open(&mut disk);
        log.reset_to(Offset(500), &mut disk).unwrap();
        append(&mut log, 2, 0, &mut disk);
        flush(&mut log, &mut disk);
        log.truncate_to(Offset(500), &mut disk).unwrap();
        let mut survivors = Some(survivors);
        // The first number drawn is how many changes of names survive.
        disk.power_loss(PowerLoss::Tears, &mut |below| {
            survivors.take().map_or(0, |kept| kept.min(below - 1))
        });
        assert_eq!(open(&mut disk).log_start(), Offset(500));
    }
}

/// Found by the model: appends took the place of what recovery had cut.
#[test]
fn old_batches_do_not_come_back_behind_new_ones_after_a_second_power_loss() {
    let mut disk = TestDisk::new();
    let mut log = open(&mut disk);
    let old: Vec<_> = (0..3).map(|_| append(&mut log, 2, 0, &mut disk)).collect();
    flush(&mut log, &mut disk);
    disk.rot("t/00000000000000000000.log", old[0].size() + 70, 0);
    let mut log = open(&mut disk);
    let new = batch(2, 77, None).placed(Offset(2), LeaderEpoch(0));
    assert_eq!(new.size(), old[1].size(), "or it would not fit before the old third one");
    log.append_as_follower(&new, &mut disk).unwrap();
    // All that is new survives, and of the old bytes whatever lies behind it.
    disk.power_loss(PowerLoss::Tears, &mut |below| if below == 3 { 0 } else { below - 1 });
    let log = open(&mut disk);
    assert!(!contents(&log, &mut disk).contains(&old[2]));
}
