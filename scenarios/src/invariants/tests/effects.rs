//! Histories of transactions as applications and readers of their effects see them.

use squall_core::client::transacted::Outcome;
use squall_core::ids::{NodeId, Offset, TopicId, TopicPartition};

use super::fires::History;
use crate::ghost::Effects;
use crate::invariants::{Check, effects};

const SOURCE: TopicPartition = TopicPartition { topic: TopicId(0), partition: 0 };
const SINK: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };
const READER: NodeId = NodeId(9);

/// Each of them breaks the invariant of its name.
pub(super) const HISTORIES: &[History] = &[
    ("read-committed", what_nobody_asked_to_commit_is_read),
    ("read-committed", what_was_aborted_is_read),
    ("read-committed", what_was_read_is_aborted_later),
    ("exactly-once", a_record_has_two_effects),
    ("exactly-once", an_effect_lies_twice),
    ("exactly-once", a_record_has_no_effect),
    ("effect-order", effects_lie_in_another_order),
    ("atomic", half_a_transaction_is_read),
    ("atomic", a_transaction_that_was_acknowledged_is_not_read),
];

/// Transaction 1 wrote effects 10 and 11 of the first two records and asked to be committed, 2 wrote 20 and 21 of
/// the same records.
fn written() -> Effects {
    let mut e = Effects::default();
    for (transaction, effect, offset) in [(1, 10, 0), (1, 11, 1), (2, 20, 0), (2, 21, 1)] {
        e.written(effect, transaction, (SOURCE, Offset(offset)));
    }
    e.transactions.entry(1).or_default().commits = true;
    e
}

/// The last reader, who reads what is committed, is handed an effect.
fn read(e: &mut Effects, offset: u64, effect: u64) -> Check {
    effects::read(e, READER, (SINK, Offset(offset)), Some(effect), (true, true)).map(|_| ())
}

fn what_nobody_asked_to_commit_is_read() -> Check {
    read(&mut written(), 5, 20)
}

fn what_was_aborted_is_read() -> Check {
    let mut e = written();
    effects::ended(&mut e, 1, Outcome::Aborted)?;
    read(&mut e, 5, 10)
}

fn what_was_read_is_aborted_later() -> Check {
    let mut e = written();
    read(&mut e, 5, 10)?;
    effects::ended(&mut e, 1, Outcome::Aborted)
}

fn a_record_has_two_effects() -> Check {
    let mut e = written();
    read(&mut e, 5, 10)?;
    e.transactions.entry(2).or_default().commits = true;
    read(&mut e, 6, 20)
}

fn an_effect_lies_twice() -> Check {
    let mut e = written();
    read(&mut e, 5, 10)?;
    read(&mut e, 6, 10)
}

fn a_record_has_no_effect() -> Check {
    let mut e = written();
    read(&mut e, 5, 10)?;
    effects::all(&e, SOURCE, Offset(2)).map(|_| ())
}

fn effects_lie_in_another_order() -> Check {
    let mut e = written();
    read(&mut e, 5, 11)?;
    read(&mut e, 6, 10)
}

fn half_a_transaction_is_read() -> Check {
    let mut e = written();
    read(&mut e, 5, 10)?;
    effects::whole(&e).map(|_| ())
}

fn a_transaction_that_was_acknowledged_is_not_read() -> Check {
    let mut e = written();
    effects::ended(&mut e, 1, Outcome::Committed)?;
    effects::whole(&e).map(|_| ())
}

#[test]
fn a_record_that_was_written_again_after_an_abort_has_one_effect() {
    let mut e = written();
    effects::ended(&mut e, 1, Outcome::Aborted).expect("nobody has read it");
    e.transactions.entry(2).or_default().commits = true;
    read(&mut e, 5, 20).expect("the second transaction counts");
    read(&mut e, 6, 21).expect("all of it");
    effects::ended(&mut e, 2, Outcome::Undecided).expect("its application does not know");
    assert_eq!(effects::whole(&e), Ok(2));
    assert_eq!(effects::all(&e, SOURCE, Offset(2)), Ok(2));
}

#[test]
fn whoever_wants_uncommitted_records_gets_them() {
    let mut e = written();
    effects::read(&mut e, READER, (SINK, Offset(5)), Some(20), (false, false)).expect("it asked for them");
    effects::ended(&mut e, 2, Outcome::Aborted).expect("nobody read it as committed");
    assert_eq!(effects::whole(&e), Ok(2), "nothing is read of either in the end");
}

#[test]
fn what_a_group_was_made_to_forget_may_be_done_again_and_nothing_else() {
    let mut e = written();
    e.transactions.entry(2).or_default().commits = true;
    e.forget(SOURCE, Offset(1));
    e.forget(SOURCE, Offset(0));
    let mut read = |offset: u64, effect| {
        effects::read(&mut e, READER, (SINK, Offset(offset)), Some(effect), (true, true))
    };
    assert_eq!(read(5, 10), Ok(false));
    assert_eq!(read(6, 11), Ok(false));
    assert_eq!(read(7, 20), Ok(true), "its group began again");
    assert_eq!(read(8, 21).map_err(|broken| broken.invariant), Err("exactly-once"), "that was not forgotten");
}
