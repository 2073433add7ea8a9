//! Histories of transactions: those that break an invariant, and those that a correct cluster goes through.

use squall_core::ids::{BrokerId, LeaderEpoch, Offset, ProducerEpoch, ProducerId, TransactionalId};
use squall_core::transaction::state::TransactionState;

use super::fires::History;
use super::histories::{AT, batch, partition};
use crate::ghost::PartitionGhost;
use crate::ghost::transactions::{Author, Decided, TransactionsGhost};
use crate::invariants::{Check, transactions};

pub(super) const HISTORIES: &[History] = &[
    ("W-TC", two_brokers_coordinate_in_one_epoch),
    ("W-TC", a_commit_of_nothing),
    ("W-TC", a_decision_is_forgotten),
    ("W-LSO", || shown(0)),
    ("W-LSO", || shown(2)),
    ("W-LSO", || written(1, Some((TransactionState::CompleteAbort, 2)))),
    ("W-LSO", || written(1, Some((TransactionState::Ongoing, 2)))),
    ("W-LSO", || written(1, None)),
    ("W-LSO", a_record_behind_its_marker),
];

fn name() -> TransactionalId {
    TransactionalId("orders".into())
}

fn decided(state: TransactionState, epoch: u16) -> Decided {
    Decided { producer: ProducerId(7), epoch: ProducerEpoch(epoch), state, partitions: vec![AT] }
}

fn author(epoch: u16, marks: bool) -> Author {
    Author { producer: ProducerId(7), epoch: ProducerEpoch(epoch), marks }
}

/// Broker 0 holds, one record a batch and all committed: one of nobody's, then these.
fn log(authors: &[Author]) -> PartitionGhost {
    let mut p = partition();
    for (base, author) in std::iter::once(None).chain(authors.iter().map(Some)).enumerate() {
        let one = batch(base as u64, base as u64 + 1, 1, base as u32);
        assert!(p.replicas[0].log.push(one) && p.committed.push(one));
        if let Some(author) = author {
            p.transacted.note(&one, *author);
        }
    }
    p
}

fn two_brokers_coordinate_in_one_epoch() -> Check {
    let mut ghost = TransactionsGhost::default();
    transactions::coordinates(&mut ghost, BrokerId(0), AT, LeaderEpoch(3)).unwrap();
    transactions::coordinates(&mut ghost, BrokerId(1), AT, LeaderEpoch(3))
}

fn changed(ghost: &mut TransactionsGhost, from: TransactionState, to: TransactionState) -> Check {
    transactions::changed(ghost, &name(), from, decided(to, 1), true)
}

fn a_commit_of_nothing() -> Check {
    changed(&mut TransactionsGhost::default(), TransactionState::Empty, TransactionState::PrepareCommit)
}

fn a_decision_is_forgotten() -> Check {
    let mut ghost = TransactionsGhost::default();
    changed(&mut ghost, TransactionState::Empty, TransactionState::Ongoing).unwrap();
    changed(&mut ghost, TransactionState::Ongoing, TransactionState::PrepareCommit).unwrap();
    changed(&mut ghost, TransactionState::Ongoing, TransactionState::PrepareAbort)
}

/// What a leader shows of [nobody's, a transaction's first record and its marker], committed up to the marker.
fn shown(last_stable: u64) -> Check {
    let mut p = log(&[author(1, false), author(2, true)]);
    transactions::shown(&mut p, BrokerId(0), Offset(last_stable), Offset(2))
}

fn written(epoch: u16, coordinator: Option<(TransactionState, u16)>) -> Check {
    let mut ghost = TransactionsGhost::default();
    if let Some((state, epoch)) = coordinator {
        ghost.changed(&name(), decided(state, epoch));
    }
    transactions::committed(&mut log(&[author(epoch, false)]), &ghost, Offset::ZERO)
}

fn a_record_behind_its_marker() -> Check {
    let mut ghost = TransactionsGhost::default();
    ghost.changed(&name(), decided(TransactionState::PrepareCommit, 2));
    let mut p = log(&[author(1, false), author(2, true), author(1, false)]);
    transactions::committed(&mut p, &ghost, Offset::ZERO)
}

#[test]
fn a_transaction_is_stable_once_its_marker_is_committed() {
    let mut p = log(&[author(1, false), author(2, true)]);
    for (committed, stable) in [(0, 0), (1, 1), (2, 1), (3, 3)] {
        assert_eq!(transactions::shown(&mut p, BrokerId(0), Offset(stable), Offset(committed)), Ok(()));
    }
}

#[test]
fn a_record_of_an_open_transaction_is_right_also_while_that_is_being_ended() {
    assert_eq!(written(1, Some((TransactionState::Ongoing, 1))), Ok(()));
    assert_eq!(written(1, Some((TransactionState::PrepareAbort, 2))), Ok(()));
}

#[test]
fn where_decisions_may_be_lost_another_may_follow() {
    let mut ghost = TransactionsGhost::default();
    ghost.changed(&name(), decided(TransactionState::PrepareCommit, 2));
    let now = decided(TransactionState::PrepareAbort, 2);
    let from = TransactionState::Ongoing;
    assert_eq!(transactions::changed(&mut ghost, &name(), from, now, false), Ok(()));
}
