//! A poisoned record, and those behind it.

use squall_core::ids::{GroupId, MemberId, Offset, Turn};
use squall_core::share::probe::SharePartition;
use squall_core::time::{Span, Time};

use super::fires::History;
use super::histories::AT;
use crate::ghost::Backlog;
use crate::ghost::backlog::{Ahead, Awaited, Bound, Hard, Waiting};
use crate::ghost::shares::Seen;
use crate::invariants::{Check, shares};

pub(super) const HISTORIES: &[History] = &[
    ("worked-in-time", never_handed_out_behind_a_poisoned_record),
    ("worked-in-time", handed_out_behind_a_poisoned_record_and_left_there),
];

const BOUND: Bound = Bound {
    warm: Span(1_000),
    turn: Span(10),
    aside: Span(5),
    read: Span(0),
    paced: Span(0),
    interval: Span(0),
    slow: Span(300),
    at_once: 1,
    in_hand: 0,
    limit: 10,
    put_backs: 0,
    is_late: false,
};

const BEGAN: Time = Time(50_000);

fn ahead(partition: u32, hard: &[Hard]) -> Ahead {
    let of = SharePartition {
        group: GroupId("billing".into()),
        at: squall_core::ids::TopicPartition { partition, ..AT },
    };
    let waiting =
        |(offset, &hard): (u64, &Hard)| Waiting { offset: Offset(offset), hard, turns: 0, is_certain: true };
    Ahead { of, records: (0..).zip(hard).map(waiting).collect(), end: Offset(hard.len() as u64) }
}

fn awaited(bound: &Bound, group: &[Ahead]) -> Vec<Awaited> {
    let mut backlog = Backlog::default();
    backlog.begin(bound, BEGAN, group);
    backlog.awaited
}

/// The record behind a poisoned one, when its time is up.
fn behind_a_poisoned_one(seen: Option<&Seen>) -> Check {
    let awaited = awaited(&BOUND, &[ahead(0, &[Hard::Poison(1), Hard::Ordinary])]);
    assert_eq!(awaited.iter().map(|one| (one.offset, one.behind)).collect::<Vec<_>>(), [(Offset(1), 1)]);
    shares::in_time(&awaited[0], BEGAN, seen)
}

fn never_handed_out_behind_a_poisoned_record() -> Check {
    behind_a_poisoned_one(None)
}

fn handed_out_behind_a_poisoned_record_and_left_there() -> Check {
    let mut seen = Seen::default();
    seen.receive(Turn(1), MemberId(1));
    behind_a_poisoned_one(Some(&seen))
}

#[test]
fn what_was_worked_or_has_its_letter_or_may_be_either_is_in_time() {
    let worked = Seen { worked: Some((Turn(1), MemberId(1))), ..Seen::default() };
    let dead = Seen { letter: Some(Turn(10)), ..Seen::default() };
    let unheard_of = Seen { maybe_worked: true, ..Seen::default() };
    for seen in [worked, dead, unheard_of] {
        assert_eq!(behind_a_poisoned_one(Some(&seen)), Ok(()));
    }
}

fn waits(bound: &Bound, group: &[Ahead], offset: u64) -> u64 {
    let awaited = awaited(bound, group);
    let one = awaited.iter().find(|one| one.offset == Offset(offset) && one.of == group[0].of);
    one.expect("it is awaited").until.since(BEGAN).0
}

#[test]
fn a_poisoned_record_costs_those_behind_it_what_it_may_be_delivered_and_no_more() {
    use Hard::{Ordinary, Poison, Rejected};
    let alone = waits(&BOUND, &[ahead(0, &[Ordinary])], 0);
    assert_eq!(alone, 1_000 + 2 * 10, "once, and once to a worker that is no more");
    assert_eq!(waits(&BOUND, &[ahead(0, &[Ordinary, Poison(1)])], 0), alone, "those behind do not matter");
    // Ten deliveries, two turns for its letter, and it may be worked in its last life.
    assert_eq!(waits(&BOUND, &[ahead(0, &[Poison(1), Ordinary])], 1), alone + 14 * 10);
    assert_eq!(waits(&BOUND, &[ahead(0, &[Poison(2), Ordinary])], 1), alone + 26 * 10);
    assert_eq!(waits(&BOUND, &[ahead(0, &[Rejected(1), Ordinary])], 1), alone + 4 * 10);
    let four = Bound { at_once: 4, ..BOUND };
    assert_eq!(
        waits(&four, &[ahead(0, &[Poison(1), Ordinary])], 1),
        1_000 + 8 * 10,
        "it takes one place of four"
    );
}

#[test]
fn other_partitions_and_slow_records_cost_a_worker_time() {
    use Hard::{Ordinary, Slow};
    let alone = waits(&BOUND, &[ahead(0, &[Ordinary])], 0);
    assert_eq!(waits(&BOUND, &[ahead(0, &[Ordinary]), ahead(1, &[Ordinary; 3])], 0), alone + 6 * 5);
    assert_eq!(waits(&BOUND, &[ahead(0, &[Ordinary]), ahead(1, &[Slow])], 0), alone + 3 * 5 + 300);
    let late = Bound { is_late: true, ..BOUND };
    assert_eq!(
        waits(&late, &[ahead(0, &[Ordinary])], 0),
        1_000 + 13 * 10,
        "any may fail as often as it may be delivered"
    );
}

#[test]
fn what_may_not_be_there_and_what_is_hard_is_not_awaited() {
    let mut own = ahead(0, &[Hard::Poison(1), Hard::Rejected(1), Hard::Ordinary]);
    own.records[2].is_certain = false;
    assert_eq!(awaited(&BOUND, &[own]), []);
}
