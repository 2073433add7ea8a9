//! What a log knows of transactions, against a fold of its batches.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::env::Disk;
use crate::message::AbortedTransaction;
use crate::record::{Ending, Marker};

fn data(id: u64, epoch: u16, sequence: u32, transactional: bool) -> Batch {
    let mut builder = BatchBuilder::new();
    builder.add(Some(b"k"), Some(b"v"), &[], 1000).set_producer(stamp(id, epoch, sequence));
    if transactional {
        builder.set_transactional();
    }
    builder.build()
}

fn marker(id: u64, epoch: u16, ending: Ending) -> Batch {
    let (producer, epoch) = (ProducerId(id), ProducerEpoch(epoch));
    Marker { producer, epoch, coordinator_epoch: LeaderEpoch(4), ending }.batch(1000)
}

fn lead(log: &mut Log, batch: &Batch, disk: &mut TestDisk) {
    log.append_as_leader(batch, LeaderEpoch(0), disk).unwrap();
}

/// Producer 1 writes 0 and 2, producer 2 writes 1; 1 aborts at 3, 2 commits at 4; producer 1 goes on at 5.
fn two_transactions(disk: &mut TestDisk) -> Log {
    let mut log = open(disk);
    for batch in [
        data(1, 0, 0, true),
        data(2, 0, 0, true),
        data(1, 0, 1, true),
        marker(1, 1, Ending::Abort),
        marker(2, 1, Ending::Commit),
        data(1, 1, 0, true),
    ] {
        lead(&mut log, &batch, disk);
    }
    log
}

#[test]
fn nothing_is_stable_behind_an_open_transaction_or_before_its_marker_is_committed() {
    let log = two_transactions(&mut TestDisk::new());
    let stable = |committed| log.last_stable(Offset(committed)).0;
    assert_eq!(stable(3), 0, "both are open as far as is committed");
    assert_eq!(stable(4), 1, "the abort is committed, the commit is not");
    assert_eq!(stable(5), 5);
    assert_eq!(stable(6), 5, "the next one is open");
}

#[test]
fn a_quirky_log_shows_the_first_record_of_an_open_transaction() {
    let mut log = two_transactions(&mut TestDisk::new());
    log.quirks = Quirks::NONE.with(Quirk::LsoOffByOne);
    assert_eq!(log.last_stable(Offset(6)), Offset(6));
}

#[test]
fn aborted_transactions_are_named_where_they_reach() {
    let log = two_transactions(&mut TestDisk::new());
    let aborted = [AbortedTransaction { first: Offset(0), producer: ProducerId(1) }];
    assert_eq!(log.aborted_in(Offset(0), Offset(1)), aborted);
    assert_eq!(log.aborted_in(Offset(3), Offset(6)), aborted, "its marker is among them");
    assert_eq!(log.aborted_in(Offset(4), Offset(6)), []);
}

#[test]
fn what_comes_late_from_a_transaction_is_refused_behind_its_marker() {
    let log = two_transactions(&mut TestDisk::new());
    let check = |id, epoch, base| log.producers().check(stamp(id, epoch, base), 1);
    assert_eq!(check(2, 0, 1), Err(Refused::InvalidProducerEpoch));
    assert_eq!(check(2, 1, 1), Err(Refused::OutOfOrderSequenceNumber), "a new reign starts at 0");
    assert_eq!(check(2, 1, 0), Ok(Check::New));
    assert_eq!(check(1, 1, 1), Ok(Check::New));
}

#[test]
fn a_cut_marker_opens_its_transaction_again() {
    let mut disk = TestDisk::new();
    let mut log = two_transactions(&mut disk);
    log.truncate_to(Offset(3), &mut disk).unwrap();
    assert_eq!(log.aborted(), []);
    assert_eq!(log.last_stable(Offset(3)), Offset(0));
    lead(&mut log, &marker(1, 1, Ending::Abort), &mut disk);
    assert_eq!(log.aborted().len(), 1);
}

#[derive(Debug, Clone)]
enum Op {
    Write { id: u64, transactional: bool },
    End { id: u64, commit: bool },
    Commit(prop::sample::Index),
    Truncate(prop::sample::Index),
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0..3u64, prop::bool::weighted(0.8)).prop_map(|(id, t)| Op::Write { id, transactional: t }),
        4 => (0..3u64, any::<bool>()).prop_map(|(id, commit)| Op::End { id, commit }),
        3 => any::<prop::sample::Index>().prop_map(Op::Commit),
        1 => any::<prop::sample::Index>().prop_map(Op::Truncate),
        1 => Just(Op::Reopen),
    ]
}

/// First record, and marker (`None`: open) with ending.
type Transaction = (ProducerId, Offset, Option<(Offset, Ending)>);

/// Every transaction in `batches`.
fn transactions(batches: &[Batch]) -> Vec<Transaction> {
    let mut all: Vec<Transaction> = Vec::new();
    for batch in batches.iter().filter(|batch| batch.is_transactional()) {
        let (id, _) = batch.identity().unwrap();
        let open = all.iter_mut().find(|(other, _, end)| *other == id && end.is_none());
        match (batch.marker(), open) {
            (Some(marker), Some(open)) => open.2 = Some((batch.base_offset(), marker.ending)),
            (None, None) => all.push((id, batch.base_offset(), None)),
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
    all
}

fn check(log: &Log, committed: Offset, disk: &mut TestDisk) {
    let all = transactions(&contents(log, disk));
    let undecided = all.iter().filter(|(_, _, end)| end.is_none_or(|(marker, _)| marker >= committed));
    let stable = undecided.map(|(_, first, _)| *first).min().map_or(committed, |first| first.min(committed));
    assert_eq!(log.last_stable(committed), stable);
    let mut aborted: Vec<_> = all
        .iter()
        .filter(|(_, _, end)| end.is_some_and(|(_, ending)| ending == Ending::Abort))
        .map(|&(producer, first, _)| AbortedTransaction { first, producer })
        .collect();
    aborted.sort_unstable();
    assert_eq!(log.aborted_in(Offset::ZERO, log.log_end()), aborted);
    assert_eq!(log.producers(), &fold(&contents(log, disk)).1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn transactions_are_a_fold_of_the_log_whatever_happens_to_it(ops in vec(op(), 1..60)) {
        let mut disk = TestDisk::new();
        let mut log = open(&mut disk);
        let mut committed = Offset::ZERO;
        for op in ops {
            match op {
                Op::Write { id, transactional } => {
                    let state = log.producers().get(ProducerId(id)).copied();
                    let (epoch, next) = state.map_or((0, 0), |s| (s.epoch().0, s.next_sequence().0));
                    lead(&mut log, &data(id, epoch, next, transactional), &mut disk);
                }
                Op::End { id, commit } => {
                    let epoch = log.producers().get(ProducerId(id)).map_or(0, |state| state.epoch().0);
                    let ending = if commit { Ending::Commit } else { Ending::Abort };
                    lead(&mut log, &marker(id, epoch + 1, ending), &mut disk);
                }
                Op::Commit(at) => {
                    committed = committed.max(Offset(at.index(log.log_end().0 as usize + 1) as u64));
                    log.settle(committed);
                }
                Op::Truncate(at) => {
                    let to = committed.0 + at.index((log.log_end().0 - committed.0) as usize + 1) as u64;
                    log.truncate_to(Offset(to), &mut disk).unwrap();
                }
                Op::Reopen => {
                    disk.crash();
                    log = open(&mut disk);
                }
            }
            check(&log, committed, &mut disk);
        }
        prop_assert!(disk.len("t/00000000000000000000.log").is_some());
    }
}
