//! Histories of share groups that break something, and some that look as if they did.

use std::collections::VecDeque;

use squall_core::ids::{GroupId, LeaderEpoch, MemberId, Offset, Turn};
use squall_core::share::message::Verdict;
use squall_core::share::probe::{Afterwards, Kept};
use squall_core::time::{Span, Time};
use squall_sim::history::Kind;
use squall_sim::history::op::{Action, Argument, Name, Op};

use super::fires::History;
use crate::ghost::shares::{Part, Said, Seen, State};
use crate::invariants::{Check, shares};

pub(super) const HISTORIES: &[History] = &[
    ("one-holder", held_twice),
    ("one-holder", settled_by_an_earlier_delivery),
    ("one-holder", told_to_two),
    ("lock-held", taken_after_another_began),
    ("worked-once", worked_by_two),
    ("delivery-limit", delivered_once_more),
    ("share-kept", forgotten_as_a_whole),
    ("share-kept", done_and_in_flight_again),
    ("pace", too_many_in_an_interval),
    ("total-queue", neither_worked_nor_buried),
];

const ONE: MemberId = MemberId(1);
const TWO: MemberId = MemberId(2);
const AT: Offset = Offset(7);

fn held_by_one() -> Part {
    let mut part = Part { epoch: LeaderEpoch(1), ..Part::default() };
    shares::acquired(&mut part, AT, Turn(1), ONE, 1).expect("it is new");
    part
}

fn held_twice() -> Check {
    shares::acquired(&mut held_by_one(), AT, Turn(2), TWO, 1)
}

fn settled_by_an_earlier_delivery() -> Check {
    let mut part = held_by_one();
    shares::settled(&mut part, AT, Turn(1), Afterwards::Available)?;
    shares::acquired(&mut part, AT, Turn(2), TWO, 1)?;
    shares::settled(&mut part, AT, Turn(1), Afterwards::Done)
}

fn told_to_two() -> Check {
    let mut seen = Seen::default();
    seen.receive(Turn(1), ONE);
    shares::received(&seen, AT, (Turn(1), TWO), 1, 10)
}

fn said(turn: u32, newest: u32) -> Said {
    Said { turn: Turn(turn), member: ONE, verdict: Verdict::Accept, newest: Turn(newest) }
}

fn taken_after_another_began() -> Check {
    shares::taken(&Seen::default(), AT, said(1, 2))
}

fn worked_by_two() -> Check {
    shares::taken(&Seen { worked: Some((Turn(1), TWO)), ..Seen::default() }, AT, said(2, 2))
}

fn delivered_once_more() -> Check {
    shares::received(&Seen::default(), AT, (Turn(11), ONE), 11, 10)
}

fn forgotten_as_a_whole() -> Check {
    shares::reign(&mut held_by_one(), LeaderEpoch(2)).map(|_| ())
}

fn kept(turn: u32) -> Kept {
    Kept { offset: AT, turn: Turn(turn), holder: None, archiving: false }
}

fn done_and_in_flight_again() -> Check {
    let mut part = held_by_one();
    shares::settled(&mut part, AT, Turn(1), Afterwards::Done)?;
    shares::restored(&mut part, LeaderEpoch(2), Offset(8), &[kept(1)])
}

fn too_many_in_an_interval() -> Check {
    let mut handed = VecDeque::new();
    [0, 50, 99].into_iter().try_for_each(|at| shares::paced(&mut handed, (2, Span(100)), Time(at)))
}

fn neither_worked_nor_buried() -> Check {
    let items = || Argument::Items(vec![Name::Number(3)]);
    let history = vec![
        Op::new(0, Kind::Invoke, Action::Enqueue, items()),
        Op::new(0, Kind::Ok, Action::Enqueue, items()),
        Op::new(1, Kind::Invoke, Action::Drain, Argument::None),
        Op::new(1, Kind::Ok, Action::Drain, Argument::Items(Vec::new())),
    ];
    shares::totals(&GroupId("billing".into()), history)
}

#[test]
fn the_word_of_a_deposed_leader_counts_no_more() {
    let mut part = held_by_one();
    shares::restored(&mut part, LeaderEpoch(2), Offset(8), &[kept(1)])
        .expect("a lock that ran out unheard of");
    assert_eq!(shares::reign(&mut part, LeaderEpoch(1)), Ok(false));
    assert_eq!(shares::acquired(&mut part, AT, Turn(2), TWO, 1), Ok(()));
}

#[test]
fn what_no_leader_lived_to_tell_is_over_and_may_be_put_back() {
    let mut part = held_by_one();
    shares::restored(&mut part, LeaderEpoch(2), Offset(8), &[]).expect("it was settled unheard of");
    let back = shares::moved(&mut part, (AT, Turn(3)), State::Dead, State::Available);
    assert_eq!(back, Ok(()));
}

#[test]
fn a_pace_is_kept_at_its_very_edge() {
    let mut handed = VecDeque::new();
    let all = [0, 50, 100, 150].into_iter();
    let kept = all.map(|at| shares::paced(&mut handed, (2, Span(100)), Time(at))).all(|check| check.is_ok());
    assert!(kept);
}
