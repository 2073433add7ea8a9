//! Histories of groups as their members see them.

use squall_core::ids::{Generation, GroupId, MemberId, NodeId, Offset, TopicPartition};
use squall_core::time::Span;

use super::histories::AT;
use crate::ghost::Work;
use crate::ghost::clients::Name;
use crate::ghost::work::{Floor, Share};
use crate::invariants::{Check, work};

const ONE: MemberId = MemberId(1);
const TWO: MemberId = MemberId(2);

fn group() -> GroupId {
    GroupId("billing".into())
}

/// Both are in generation 3, and the first owns the partition.
fn owned_by_one() -> Work {
    let mut work = Work::default();
    work.group(&group()).begin(Generation(3), &[ONE, TWO], true);
    work.share(&group(), AT).own(Generation(3), ONE);
    work
}

fn owns(work: &mut Work, generation: u32, member: MemberId) -> Check {
    work::owned(&group(), work.group(&group()), AT, Generation(generation), member)
}

/// The first was told in generation 3 that 20 is committed.
fn committed() -> Share {
    let mut share = Share::default();
    share.done = Offset(20);
    share.take(NodeId(0), commit(20, ONE, 3));
    share.floor = share.told(ONE, Offset(20));
    share
}

fn commit(offset: u64, member: MemberId, generation: u32) -> Floor {
    Floor { offset: Offset(offset), by: Some((member, Generation(generation))) }
}

pub(super) fn two_members_of_one_generation_own_a_partition() -> Check {
    owns(&mut owned_by_one(), 3, TWO)
}

pub(super) fn a_commit_of_what_nobody_has_processed() -> Check {
    work::nothing_skipped(&group(), &Share::default(), AT, Offset(1))
}

pub(super) fn in_the_end_a_record_is_not_processed() -> Check {
    work::finished(&group(), None::<&Share>, AT, Offset(1))
}

pub(super) fn in_the_end_a_record_that_is_there_is_not_processed() -> Check {
    work::has_processed(&group(), None, Name { sender: 6, number: 1 })
}

pub(super) fn a_zombie_sets_a_commit_back() -> Check {
    work::commit_written(&group(), &committed(), AT, commit(10, TWO, 2)).map(|_| ())
}

pub(super) fn a_member_resumes_before_the_last_commit() -> Check {
    work::resumed(&group(), &committed(), AT, Generation(3), Some(Offset(19)))
}

#[test]
fn a_member_that_its_group_has_left_behind_owns_what_it_likes() {
    let mut work = owned_by_one();
    work.group(&group()).begin(Generation(4), &[TWO], true);
    owns(&mut work, 4, TWO).expect("the first is in an older generation");
    work.share(&group(), AT).own(Generation(4), TWO);
    owns(&mut work, 4, ONE).expect("it is not in this one");
    work.group(&group()).replace(TWO, ONE);
    owns(&mut work, 4, ONE).expect("it is the same static member");
}

#[test]
fn a_generation_that_was_never_written_down_may_begin_again_with_others() {
    let mut work = owned_by_one();
    work.group(&group()).begin(Generation(3), &[TWO], true);
    owns(&mut work, 3, TWO).expect("whoever was in the first generation 3 is not in this one");
}

#[test]
fn a_members_own_late_commit_and_one_of_whoever_resumed_before_it_may_undo_a_commit() {
    let share = committed();
    let written = |share: &Share, commit| work::commit_written(&group(), share, AT, commit);
    assert_eq!(written(&share, commit(10, ONE, 3)), Ok(true));
    assert_eq!(written(&share, commit(20, ONE, 3)), Ok(false));
    let mut share = committed();
    share.resume(TWO, Offset(10));
    assert_eq!(written(&share, commit(12, TWO, 4)), Ok(true));
}

#[test]
fn what_is_committed_may_be_resumed_at_and_what_was_never_acknowledged_may_be_forgotten() {
    let partition = TopicPartition::default();
    let resumed = |share: &Share, offset| work::resumed(&group(), share, partition, Generation(4), offset);
    resumed(&committed(), Some(Offset(20))).expect("it is there");
    resumed(&Share::default(), None).expect("nobody was told of any commit");
}

#[test]
fn only_whoever_slept_over_an_answer_may_resume_before_a_later_generations_commit() {
    let resumed = |generation| work::resumed(&group(), &committed(), AT, Generation(generation), None);
    resumed(2).expect("the commit is of a generation that is without it");
    assert!(resumed(3).is_err() && resumed(4).is_err());
}

pub(super) fn a_partition_waits_for_an_owner_beyond_its_bound() -> Check {
    let owned =
        |secs| work::owned_again("0-0 has 0 owners in a group", Span::from_secs(secs), Span::from_secs(3));
    owned(3)?;
    owned(4)
}
