//! What leaders of share-partitions keep, rightly and wrongly.

use std::collections::BTreeMap;

use squall_core::ids::{BrokerId, CorrelationId, GroupId, LeaderEpoch, MemberId, Offset, Turn};
use squall_core::share::probe::{Afterwards, Kept, SharePartition};
use squall_core::share::record::{Letter, StoredRecord, StoredShare, StoredState};

use super::fires::History;
use super::histories::AT;
use crate::ghost::shares::{Part, State};
use crate::invariants::{Check, share_state, shares};

pub(super) const HISTORIES: &[History] = &[
    ("W-SQ", leads_share_partitions_in_another_reign),
    ("W-SQ", goes_on_elsewhere),
    ("W-SQ", holds_for_another_worker),
    ("W-SQ", has_lost_count),
    ("W-SQ", has_forgotten_a_record),
    ("W-SQ", has_forgotten_a_dead_record),
    ("W-SQ", takes_a_worked_record_for_dead),
    ("W-SQ", keeps_what_its_log_does_not_say),
    ("W-SQ", keeps_nothing_of_what_its_log_says),
];

const BROKER: BrokerId = BrokerId(0);
const ONE: MemberId = MemberId(1);
const TWO: MemberId = MemberId(2);

fn of() -> SharePartition {
    SharePartition { group: GroupId("billing".into()), at: AT }
}

/// Of three records the first is dead after two deliveries, the second is worked, and the third is held by one.
fn heard() -> Part {
    let mut part = Part { epoch: LeaderEpoch(1), ..Part::default() };
    for offset in 0..3 {
        shares::acquired(&mut part, Offset(offset), Turn(1), ONE, 1).unwrap();
    }
    shares::settled(&mut part, Offset(0), Turn(1), Afterwards::Available).unwrap();
    shares::settled(&mut part, Offset(1), Turn(1), Afterwards::Done).unwrap();
    shares::acquired(&mut part, Offset(0), Turn(2), TWO, 2).unwrap();
    shares::settled(&mut part, Offset(0), Turn(2), Afterwards::Archiving).unwrap();
    shares::moved(&mut part, (Offset(0), Turn(2)), State::Archiving, State::Dead).unwrap();
    part
}

fn held(by: MemberId, count: u32) -> StoredRecord {
    let state = StoredState::Acquired(by, CorrelationId(9));
    StoredRecord { offset: Offset(2), turn: Turn(1), count, returned: 0, state }
}

fn letter(offset: u64, turn: u32) -> Letter {
    Letter { offset: Offset(offset), turn: Turn(turn), returned: 0, count: turn }
}

/// The same as its leader keeps it.
fn kept() -> StoredShare {
    StoredShare { next: Offset(3), records: vec![held(ONE, 1)], dead: vec![letter(0, 2)] }
}

fn compare(kept: &StoredShare) -> Check {
    share_state::heard(BROKER, &of(), kept, &heard())
}

fn leads_share_partitions_in_another_reign() -> Check {
    share_state::leads(BROKER, AT, LeaderEpoch(1), Some((LeaderEpoch(2), Offset(0))))
}

fn goes_on_elsewhere() -> Check {
    compare(&StoredShare { next: Offset(4), ..kept() })
}

fn holds_for_another_worker() -> Check {
    compare(&StoredShare { records: vec![held(TWO, 1)], ..kept() })
}

fn has_lost_count() -> Check {
    compare(&StoredShare { records: vec![held(ONE, 2)], ..kept() })
}

fn has_forgotten_a_record() -> Check {
    compare(&StoredShare { records: Vec::new(), ..kept() })
}

fn has_forgotten_a_dead_record() -> Check {
    compare(&StoredShare { dead: Vec::new(), ..kept() })
}

fn takes_a_worked_record_for_dead() -> Check {
    compare(&StoredShare { dead: vec![letter(0, 2), letter(1, 1)], ..kept() })
}

fn table(share: StoredShare) -> BTreeMap<SharePartition, StoredShare> {
    BTreeMap::from([(of(), share)])
}

fn keeps_what_its_log_does_not_say() -> Check {
    let log = table(StoredShare { records: vec![held(ONE, 2)], ..kept() });
    share_state::replayed(BROKER, AT, &table(kept()), &log).map(|_| ())
}

fn keeps_nothing_of_what_its_log_says() -> Check {
    share_state::replayed(BROKER, AT, &BTreeMap::new(), &table(kept())).map(|_| ())
}

#[test]
fn what_is_kept_as_it_was_heard_of_and_as_the_log_says_is_right() {
    assert_eq!(compare(&kept()), Ok(()));
    assert_eq!(share_state::replayed(BROKER, AT, &table(kept()), &table(kept())), Ok(1));
    assert_eq!(share_state::leads(BROKER, AT, LeaderEpoch(2), Some((LeaderEpoch(2), Offset(9)))), Ok(()));
}

#[test]
fn a_share_partition_of_which_nothing_was_delivered_is_in_no_log() {
    let untouched = table(StoredShare::default());
    assert_eq!(share_state::replayed(BROKER, AT, &untouched, &BTreeMap::new()), Ok(1));
}

#[test]
fn a_new_leader_may_know_of_deaths_and_deliveries_that_nobody_heard_of() {
    let mut part = heard();
    // The third record's lock ran out and it died, a fourth was tried three times, a fifth died.
    let found = [Kept { offset: Offset(3), turn: Turn(3), holder: None, archiving: false }];
    shares::restored(&mut part, LeaderEpoch(2), Offset(5), &found).unwrap();
    let fourth =
        StoredRecord { offset: Offset(3), turn: Turn(3), state: StoredState::Available, ..held(ONE, 3) };
    let dead = vec![letter(0, 2), letter(2, 1), letter(4, 2)];
    let kept = StoredShare { next: Offset(5), records: vec![fourth], dead };
    assert_eq!(share_state::heard(BROKER, &of(), &kept, &part), Ok(()));
    // From the next delivery on it is known how often it was tried.
    shares::acquired(&mut part, Offset(3), Turn(4), ONE, 4).unwrap();
    let told = |count| StoredRecord { offset: Offset(3), turn: Turn(4), ..held(ONE, count) };
    let four = StoredShare { records: vec![told(4)], ..kept.clone() };
    assert_eq!(share_state::heard(BROKER, &of(), &four, &part), Ok(()));
    let five = StoredShare { records: vec![told(5)], ..kept };
    assert!(share_state::heard(BROKER, &of(), &five, &part).is_err());
}

#[test]
fn what_was_put_back_is_counted_from_nothing() {
    let mut part = heard();
    shares::moved(&mut part, (Offset(0), Turn(2)), State::Dead, State::Available).unwrap();
    let back = StoredRecord {
        offset: Offset(0),
        turn: Turn(2),
        count: 0,
        returned: 1,
        state: StoredState::Available,
    };
    let kept = StoredShare { records: vec![back, held(ONE, 1)], dead: Vec::new(), ..kept() };
    assert_eq!(share_state::heard(BROKER, &of(), &kept, &part), Ok(()));
}
