//! Voters that forgot: what consensus may lose beyond the budget, and what it may not.

use squall_core::ids::{LeaderEpoch, NodeId, Offset};
use squall_core::time::Time;

use super::batch;
use crate::ghost::QuorumGhost;
use crate::ghost::chronicle::When;
use crate::invariants::quorum as voters;

const EARLIER: When = When { event: 3, at: Time(3) };

/// Three voters; 0 and 1 hold what the leader of epoch 1 committed.
fn decided(beyond: bool) -> QuorumGhost {
    let mut q = QuorumGhost::new(&[NodeId(0), NodeId(1), NodeId(2)]);
    q.beyond = beyond;
    assert!(q.committed.push(batch(1, 0..2)));
    q.decided.insert(LeaderEpoch(1), Offset(2));
    for voter in [0, 1] {
        assert!(q.voters[voter].log.push(batch(1, 0..2)));
        vote(&mut q, voter, 1, 0);
    }
    q.leaders.insert(LeaderEpoch(1), NodeId(0));
    q
}

fn vote(q: &mut QuorumGhost, voter: usize, epoch: u32, candidate: u32) {
    let (epoch, candidate) = (LeaderEpoch(epoch), NodeId(candidate));
    q.voters[voter].persisted = (epoch, Some(candidate));
    voters::granted(q, voter, epoch, candidate).expect("it may vote");
}

#[test]
fn a_wiped_elector_may_elect_a_leader_that_lacks_what_was_committed() {
    let mut q = decided(true);
    q.voters[1].forget(EARLIER);
    [1, 2].into_iter().for_each(|voter| vote(&mut q, voter, 2, 2));
    assert_eq!(voters::leads(&mut q, 2, LeaderEpoch(2)), Ok(()));
    let lost = q.lost.expect("the log is gone").to_string();
    assert!(lost.contains("voter 1, whose disk was wiped at event 3"), "{lost}");
}

#[test]
fn without_a_wipe_nobody_does() {
    let mut q = decided(true);
    [1, 2].into_iter().for_each(|voter| vote(&mut q, voter, 2, 2));
    assert_eq!(voters::leads(&mut q, 2, LeaderEpoch(2)).unwrap_err().invariant, "W-QLC");
}

#[test]
fn a_wipe_of_somebody_else_is_no_excuse() {
    let mut q = decided(true);
    q.voters[0].forget(EARLIER);
    [1, 2].into_iter().for_each(|voter| vote(&mut q, voter, 2, 2));
    assert_eq!(voters::leads(&mut q, 2, LeaderEpoch(2)).unwrap_err().invariant, "W-QLC");
}

#[test]
fn within_the_budget_a_wipe_is_no_excuse() {
    let mut q = decided(false);
    q.voters[1].forget(EARLIER);
    [1, 2].into_iter().for_each(|voter| vote(&mut q, voter, 2, 2));
    assert_eq!(voters::leads(&mut q, 2, LeaderEpoch(2)).unwrap_err().invariant, "W-QLC");
}

#[test]
fn a_wiped_voter_whose_leader_holds_everything_destroyed_nothing() {
    let mut q = decided(true);
    q.voters[1].forget(EARLIER);
    [0, 1].into_iter().for_each(|voter| vote(&mut q, voter, 2, 0));
    assert_eq!(voters::leads(&mut q, 0, LeaderEpoch(2)), Ok(()));
    assert_eq!(q.lost, None);
}

#[test]
fn a_forgotten_vote_may_be_given_again_and_make_a_second_leader() {
    let mut q = decided(true);
    q.voters[1].forget(EARLIER);
    [1, 2].into_iter().for_each(|voter| vote(&mut q, voter, 1, 2));
    assert_eq!(voters::leads(&mut q, 2, LeaderEpoch(1)), Ok(()));
    assert!(q.lost.is_some());
    let mut q = decided(true);
    let again = voters::granted(&mut q, 1, LeaderEpoch(1), NodeId(2)).unwrap_err();
    assert_eq!(again.invariant, "W-VOTE", "it remembers");
}

#[test]
fn two_leaders_of_one_epoch_need_a_vote_that_was_forgotten() {
    let mut q = decided(true);
    q.voters[2].forget(EARLIER);
    vote(&mut q, 2, 1, 2);
    assert_eq!(voters::leads(&mut q, 2, LeaderEpoch(1)).unwrap_err().invariant, "W-ES");
}

#[test]
fn a_leader_that_forgot_its_reign_may_be_elected_into_it_again() {
    for (wiped, destroyed) in [(true, true), (false, false)] {
        let mut q = decided(true);
        if wiped {
            q.voters[0].forget(EARLIER);
            vote(&mut q, 0, 1, 0);
        }
        assert_eq!(voters::leads(&mut q, 0, LeaderEpoch(1)), Ok(()));
        assert_eq!(q.lost.is_some(), destroyed);
    }
    let mut q = decided(false);
    q.voters[0].forget(EARLIER);
    vote(&mut q, 0, 1, 0);
    assert_eq!(voters::leads(&mut q, 0, LeaderEpoch(1)), Ok(()));
    let again = voters::appended(&mut q, 0, crate::ghost::Batch { crc: 77, ..batch(1, 0..2) });
    assert_eq!(again, Ok(()), "nobody wrote there yet");
    let other = voters::appended(&mut q, 2, batch(1, 0..2)).unwrap_err();
    assert_eq!(other.invariant, "W-LMR", "within the budget it is no excuse");
}

#[test]
fn an_earlier_vote_still_counts_for_whom_it_was_given() {
    let mut q = decided(true);
    q.leaders.clear();
    q.voters[1].forget(EARLIER);
    vote(&mut q, 1, 1, 2);
    assert_eq!(voters::leads(&mut q, 0, LeaderEpoch(1)), Ok(()), "two voted for it before the wipe");
}

#[test]
fn a_copy_that_was_counted_may_be_wiped_before_the_commit() {
    for (beyond, verdict) in [(true, None), (false, Some("W-MAJ"))] {
        let mut q = decided(beyond);
        for voter in [0, 1] {
            assert!(q.voters[voter].log.push(batch(2, 2..3)));
            q.voters[voter].durable = Offset(3);
        }
        q.voters[0].leads = Some(LeaderEpoch(2));
        q.voters[1].forget(EARLIER);
        let committed = voters::committed(&mut q, 0, Offset(3), LeaderEpoch(2), true);
        assert_eq!(committed.err().map(|broken| broken.invariant), verdict);
    }
}

#[test]
fn a_wiped_voter_comes_back_with_nothing_and_another_does_not() {
    for (wiped, verdict) in [(true, None), (false, Some("W-ME"))] {
        let mut q = decided(true);
        if wiped {
            q.voters[1].forget(EARLIER);
        }
        let back = voters::recovered(&mut q, 1, (LeaderEpoch(0), None), (Offset::ZERO, Offset::ZERO), &[]);
        assert_eq!(back.err().map(|broken| broken.invariant), verdict);
    }
}
