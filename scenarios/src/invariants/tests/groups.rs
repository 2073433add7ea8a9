//! Histories of groups: those that break an invariant, and those that a correct group goes through.

use squall_core::group::Table;
use squall_core::group::message::CommittedOffset;
use squall_core::group::probe::{Departure, GroupProbe};
use squall_core::group::record::{GroupRecord, StoredOffset};
use squall_core::ids::{
    BrokerId, Generation, GroupId, InstanceId, LeaderEpoch, MemberId, NodeId, Offset, TopicPartition,
};

use super::histories::AT;
use crate::ghost::GroupsGhost;
use crate::ghost::groups::Holder;
use crate::invariants::{Check, groups};

const BROKER: BrokerId = BrokerId(0);

fn group() -> GroupId {
    GroupId("billing".into())
}

/// Broker 0 coordinates, and the controllers name it: generation 3 has begun, of the members 1 and 2.
fn rebalanced() -> GroupsGhost {
    let mut ghost = GroupsGhost::default();
    say(&mut ghost, &generation(3, &[1, 2]));
    ghost
}

fn generation(generation: u32, members: &[u64]) -> GroupProbe {
    GroupProbe::Rebalanced {
        group: group(),
        generation: Generation(generation),
        protocol: None,
        leader: None,
        members: members.iter().copied().map(MemberId).collect(),
    }
}

fn left(member: u64) -> GroupProbe {
    GroupProbe::Left { group: group(), member: MemberId(member), why: Departure::Session }
}

fn say(ghost: &mut GroupsGhost, probe: &GroupProbe) {
    ghost.fold(BROKER, AT, true, probe);
}

fn commit(ghost: &GroupsGhost, member: Option<(u64, u32)>) -> Check {
    let member = member.map(|(id, generation)| (MemberId(id), Generation(generation)));
    groups::commit_taken(ghost, BROKER, &group(), member)
}

fn holder(node: u32, member: u64, generation: u32, partitions: &[u32]) -> Holder {
    Holder {
        node: NodeId(node),
        member: MemberId(member),
        generation: Generation(generation),
        partitions: partitions
            .iter()
            .map(|partition| TopicPartition { partition: *partition, ..AT })
            .collect(),
    }
}

fn owns(ghost: &mut GroupsGhost, holder: Holder) -> Check {
    groups::owns(ghost, &group(), holder)
}

fn kept(offset: u64) -> Table {
    let mut table = Table::default();
    let committed = CommittedOffset { offset: Offset(offset), leader_epoch: None, metadata: "".into() };
    let value = Some(StoredOffset { committed, at: 0, by: None });
    table.apply(GroupRecord::Offset { group: group(), at: AT, value });
    table
}

pub(super) fn coordinates_without_leading() -> Check {
    groups::reigns(BROKER, AT, LeaderEpoch(1), Some((LeaderEpoch(2), Offset(0))))
}

pub(super) fn a_cache_of_another_log() -> Check {
    groups::same(BROKER, AT, &Table::default(), &kept(5))
}

pub(super) fn a_zombie_commits() -> Check {
    commit(&rebalanced(), Some((1, 2)))
}

pub(super) fn a_stranger_commits() -> Check {
    commit(&rebalanced(), Some((7, 3)))
}

pub(super) fn nobody_commits_for_a_living_group() -> Check {
    commit(&rebalanced(), None)
}

pub(super) fn two_processes_own_a_partition() -> Check {
    let mut ghost = rebalanced();
    owns(&mut ghost, holder(7, 1, 3, &[0, 1])).unwrap();
    owns(&mut ghost, holder(8, 2, 3, &[1]))
}

pub(super) fn two_members_are_assigned_a_partition() -> Check {
    groups::assigned(&group(), Generation(3), &[(MemberId(1), vec![AT]), (MemberId(2), vec![AT])])
}

#[test]
fn what_is_cached_as_the_log_says_is_right_in_its_reign() {
    assert_eq!(groups::same(BROKER, AT, &kept(5), &kept(5)), Ok(()));
    assert_eq!(groups::reigns(BROKER, AT, LeaderEpoch(2), Some((LeaderEpoch(2), Offset(9)))), Ok(()));
}

#[test]
fn a_current_member_may_commit_and_so_may_anybody_in_an_empty_group() {
    let mut ghost = GroupsGhost::default();
    assert_eq!(commit(&ghost, None), Ok(()));
    say(&mut ghost, &generation(3, &[1, 2]));
    assert_eq!(commit(&ghost, Some((1, 3))), Ok(()));
    say(&mut ghost, &generation(4, &[]));
    assert_eq!(commit(&ghost, None), Ok(()));
}

#[test]
fn a_deposed_coordinator_takes_commits_by_what_it_knows() {
    // Another broker has gone on to generation 4; this one has not heard that it coordinates no more.
    let mut ghost = rebalanced();
    ghost.fold(BrokerId(1), AT, true, &generation(4, &[2]));
    assert_eq!(commit(&ghost, Some((1, 3))), Ok(()));
    assert!(groups::commit_taken(&ghost, BrokerId(1), &group(), Some((MemberId(1), Generation(3)))).is_err());
}

#[test]
fn a_member_that_sleeps_through_a_rebalance_goes_on_owning_what_another_has() {
    let mut ghost = rebalanced();
    owns(&mut ghost, holder(7, 1, 3, &[0, 1])).unwrap();
    say(&mut ghost, &left(1));
    say(&mut ghost, &generation(4, &[2]));
    assert_eq!(owns(&mut ghost, holder(8, 2, 4, &[0, 1])), Ok(()));
}

#[test]
fn the_earlier_life_of_a_static_member_is_no_member_though_its_generation_stands() {
    let mut ghost = rebalanced();
    owns(&mut ghost, holder(7, 1, 3, &[0])).unwrap();
    let instance = InstanceId("one".into());
    let (old, new) = (MemberId(1), MemberId(9));
    say(&mut ghost, &GroupProbe::Replaced { group: group(), instance, old, new });
    assert_eq!(owns(&mut ghost, holder(8, 9, 3, &[0])), Ok(()));
    // And it may go on saying so.
    assert_eq!(owns(&mut ghost, holder(7, 1, 3, &[0])), Ok(()));
}

#[test]
fn an_expulsion_that_no_coordinator_remembers_is_none() {
    let mut ghost = rebalanced();
    say(&mut ghost, &left(1));
    let members = vec![MemberId(1), MemberId(2)];
    ghost.fold(
        BrokerId(1),
        AT,
        true,
        &GroupProbe::Restored { group: group(), generation: Generation(3), members },
    );
    owns(&mut ghost, holder(7, 1, 3, &[0])).unwrap();
    assert!(owns(&mut ghost, holder(8, 2, 3, &[0])).is_err());
}

#[test]
fn a_generation_that_no_coordinator_remembers_gives_nobody_anything() {
    // Member 1 slept through it all: generation 3 was never in the log, and is counted again, without it.
    let mut ghost = rebalanced();
    owns(&mut ghost, holder(7, 1, 3, &[0])).unwrap();
    let members = vec![MemberId(1), MemberId(2)];
    let restored = GroupProbe::Restored { group: group(), generation: Generation(1), members };
    ghost.fold(BrokerId(1), AT, true, &restored);
    ghost.fold(BrokerId(1), AT, true, &generation(3, &[1, 2]));
    assert_eq!(owns(&mut ghost, holder(8, 2, 3, &[0])), Ok(()));
}

#[test]
fn who_left_a_deposed_coordinator_is_out_once_its_successor_reads_so() {
    // Two lives later: the one that the deposed coordinator had last is replaced by its successor.
    let mut ghost = rebalanced();
    owns(&mut ghost, holder(7, 1, 3, &[0])).unwrap();
    let replaced = |old, new| GroupProbe::Replaced {
        group: group(),
        instance: InstanceId("one".into()),
        old: MemberId(old),
        new: MemberId(new),
    };
    ghost.fold(BROKER, AT, false, &replaced(1, 8));
    let members = vec![MemberId(8), MemberId(2)];
    let restored = GroupProbe::Restored { group: group(), generation: Generation(3), members };
    ghost.fold(BrokerId(1), AT, true, &restored);
    ghost.fold(BrokerId(1), AT, true, &replaced(8, 9));
    assert_eq!(owns(&mut ghost, holder(8, 9, 3, &[0])), Ok(()));
}

#[test]
fn a_process_that_died_owns_nothing() {
    let mut ghost = rebalanced();
    owns(&mut ghost, holder(7, 1, 3, &[0])).unwrap();
    ghost.died(NodeId(7));
    assert_eq!(owns(&mut ghost, holder(8, 2, 3, &[0])), Ok(()));
}

#[test]
fn a_group_that_was_removed_counts_its_generations_anew() {
    let mut ghost = rebalanced();
    owns(&mut ghost, holder(7, 1, 3, &[0])).unwrap();
    say(&mut ghost, &GroupProbe::Removed { group: group() });
    assert_eq!(owns(&mut ghost, holder(8, 2, 3, &[0])), Ok(()));
}
