//! A history for each invariant in which it is broken.

use std::collections::BTreeSet;
use std::sync::Arc;

use squall_core::ids::{
    BrokerEpoch, BrokerId, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerEpoch, ProducerId, Sequence,
    TopicPartition,
};
use squall_core::log::{Log, LogConfig};
use squall_core::message::Acks;
use squall_core::metadata::{MetadataRecord, PartitionState};
use squall_core::quirk::Quirks;
use squall_core::record::BatchBuilder;
use squall_core::testing::TestDisk;
use squall_sim::check::history::{Checker, Options};

use super::groups;
use super::histories::{AT, batch, committed, decided, led, partition, quorum, state, unregistered, write};
use super::work;
use crate::checks::{self, Leave};
use crate::contract::order;
use crate::contract::record::{self, Ending};
use crate::ghost::clients::{Identities, Name, Told};
use crate::ghost::partition::Damage;
use crate::ghost::{Batch, Clients, PartitionGhost};
use crate::invariants::{Check, clients, membership, quorum as voters, replication, storage};

/// The name of what is broken, and how.
pub(super) type History = (&'static str, fn() -> Check);

/// At least one of each name.
pub(super) const HISTORIES: &[History] = &[
    ("W-SI", an_in_sync_replica_holds_another_record),
    ("W-LII", a_leader_outside_its_isr),
    ("W-AHW", an_in_sync_replica_ends_below_the_high_watermark),
    ("W-LC", a_leader_without_what_is_committed),
    ("W-LCC", || candidate(Damage::None)),
    ("W-NCL", acknowledged_before_committed),
    ("W-NCL", acknowledged_with_too_few_copies),
    ("W-NCL", a_sender_was_told_before_it_was_committed),
    ("W-NCL", nobody_holds_what_is_committed),
    ("W-LM", a_follower_believes_another_record_committed),
    ("W-UNIQ", one_place_two_records),
    ("W-HWB", a_high_watermark_beyond_the_log),
    ("W-HWB", a_follower_knows_more_committed_than_there_is),
    ("W-HWB", retention_past_the_high_watermark),
    ("W-AHM", a_new_leader_shows_less),
    ("W-JOIN", joined_without_following),
    ("W-RQS", a_wished_for_replica_ends_below_the_high_watermark),
    ("W-RQS", an_older_registration_is_adopted),
    ("W-BRK", || membership::has_read(BrokerId(1), Some(BrokerEpoch(5)), Offset(5))),
    ("W-FIS", a_fenced_broker_in_the_isr),
    ("W-FIS", a_broker_is_fenced_and_left_in_the_isr),
    ("W-ELR", both_in_sync_and_eligible),
    ("W-ELECT", elected_from_nowhere),
    ("W-ELECT", elected_uncleanly_without_leave),
    ("W-UX", || candidate(Damage::PowerLoss)),
    ("W-MLM", a_registration_that_does_not_grow),
    ("W-MLM", two_leaders_in_one_epoch),
    ("W-REP", a_gap_in_a_log),
    ("W-REP", somebody_else_leads),
    ("W-CR", read_before_committed),
    ("W-CR", a_reader_is_sent_back),
    ("W-LOG", a_log_start_inside_a_batch),
    ("W-EC", an_epoch_cache_of_another_log),
    ("W-PS", a_producer_table_of_another_log),
    ("W-SEQ", a_sequence_is_left_out),
    ("W-PID", one_producer_id_for_two),
    ("W-ES", two_leaders_of_one_quorum_epoch),
    ("W-ES", a_leader_without_votes),
    ("W-VOTE", voted_twice),
    ("W-VOTE", voted_before_it_was_durable),
    ("W-ME", an_epoch_goes_back),
    ("W-ME", a_life_forgets_what_a_crash_keeps),
    ("W-LOG", a_snapshot_of_what_is_not_committed),
    ("W-MHW", a_later_leader_commits_less),
    ("W-MAJ", || voters::committed(&mut led(&[0], true), 0, Offset(3), LeaderEpoch(2), true)),
    ("W-DUR", || voters::committed(&mut led(&[0, 1], false), 0, Offset(3), LeaderEpoch(2), true)),
    ("W-DUR", acknowledged_before_durable),
    ("W-QLC", elected_without_what_is_committed),
    ("W-CP", || voters::committed(&mut led(&[0], true), 0, Offset(9), LeaderEpoch(2), false)),
    ("W-LMR", one_entry_two_contents),
    ("W-LMR", one_entry_behind_two_others),
    ("W-CTC", || voters::committed(&mut led(&[0, 1], true), 0, Offset(3), LeaderEpoch(1), true)),
    ("W-NTB", cut_below_the_commit_index),
    ("W-SMS", || voters::applied(&quorum(), 0, Offset(0))),
    ("W-SNAP", || voters::snapshotted(&quorum(), 0, Offset(1), LeaderEpoch(1))),
    ("W-PV", || voters::pre_voted(&quorum(), 0, LeaderEpoch(1), 5)),
    ("durability", an_acknowledged_record_is_gone),
    ("durability", an_acknowledged_record_is_elsewhere),
    ("durability", a_sender_is_never_told),
    ("no-duplicate", an_idempotent_record_twice),
    ("no-duplicate", one_record_in_two_partitions),
    ("order", a_later_record_lies_before),
    ("key", one_key_in_two_partitions),
    ("no-skip", an_offset_is_left_out),
    ("no-skip", moved_over_what_is_kept),
    ("no-phantom", || clients::consumed(&mut Clients::default(), READER, AT, Offset(0), Some(1), false)),
    ("no-phantom", || clients::consumed(&mut Clients::default(), READER, AT, Offset(0), None, false)),
    ("no-phantom", read_although_refused),
    ("no-phantom", told_twice),
    ("W-GC", groups::coordinates_without_leading),
    ("W-GC", groups::a_cache_of_another_log),
    ("W-GF", groups::a_zombie_commits),
    ("W-GF", groups::a_stranger_commits),
    ("W-GF", groups::nobody_commits_for_a_living_group),
    ("W-OWN", groups::two_processes_own_a_partition),
    ("W-OWN", groups::two_members_are_assigned_a_partition),
    ("one-owner", work::two_members_of_one_generation_own_a_partition),
    ("at-least-once", work::a_commit_of_what_nobody_has_processed),
    ("at-least-once", work::in_the_end_a_record_is_not_processed),
    ("at-least-once", work::in_the_end_a_record_that_is_there_is_not_processed),
    ("owned-again", work::a_partition_waits_for_an_owner_beyond_its_bound),
    ("commit-monotone", work::a_zombie_sets_a_commit_back),
    ("commit-kept", work::a_member_resumes_before_the_last_commit),
    ("H-AGREE", a_record_is_gone_and_no_client_misses_it),
];

const READER: NodeId = NodeId(9);

/// More of it, and the other way round, beside the code.
fn a_record_is_gone_and_no_client_misses_it() -> Check {
    let nothing_seen = Checker::new(Options::default()).finish();
    let missing = BTreeSet::from(["6#0".to_owned()]);
    checks::compare(&nothing_seen, Leave::default(), &missing, &BTreeSet::new())
}

fn changed(p: &mut PartitionGhost, before: Option<&PartitionState>, after: &PartitionState) -> Check {
    membership::changed(p, before, &decided(after))
}

fn leader_raises(p: &mut PartitionGhost, leader: u32, epoch: u32, to: u64, isr: &[u32]) -> Check {
    let metadata = decided(&state(leader, (epoch, 1), isr, &[]));
    replication::watermark(p, BrokerId(leader), LeaderEpoch(epoch), Offset(to), true, true, &metadata)
}

fn an_in_sync_replica_holds_another_record() -> Check {
    let mut p = partition();
    assert!(p.replicas[0].log.push(batch(0, 2, 1, 7)));
    assert!(p.replicas[1].log.push(batch(0, 2, 1, 8)));
    leader_raises(&mut p, 0, 1, 2, &[0, 1])
}

fn an_in_sync_replica_ends_below_the_high_watermark() -> Check {
    let mut p = partition();
    assert!(p.replicas[0].log.push(batch(0, 2, 1, 7)));
    leader_raises(&mut p, 0, 1, 2, &[0, 1])
}

fn a_leader_outside_its_isr() -> Check {
    changed(&mut partition(), None, &state(0, (1, 1), &[1], &[]))
}

fn a_leader_without_what_is_committed() -> Check {
    let metadata = decided(&state(0, (1, 1), &[0], &[]));
    replication::leads(&mut committed(&[1]), BrokerId(0), LeaderEpoch(1), Offset(0), &metadata)
}

fn candidate(damage: Damage) -> Check {
    let mut p = committed(&[0]);
    p.replicas[1].damage = damage;
    changed(&mut p, None, &state(0, (1, 1), &[0, 1], &[]))
}

fn acknowledge(p: &mut PartitionGhost, min_isr: usize, flush: bool) -> Check {
    replication::acknowledged(p, BrokerId(0), LeaderEpoch(1), Offset(2), Acks::All, (min_isr, flush))
}

fn acknowledged_before_committed() -> Check {
    let mut p = partition();
    assert!(p.replicas[0].log.push(batch(0, 2, 1, 7)));
    acknowledge(&mut p, 1, false)
}

fn acknowledged_with_too_few_copies() -> Check {
    acknowledge(&mut committed(&[0]), 2, false)
}

fn acknowledged_before_durable() -> Check {
    let mut p = committed(&[0, 1]);
    p.replicas[0].durable = Offset(2);
    p.replicas[0].claimed = Offset(2);
    acknowledge(&mut p, 2, true)
}

fn a_sender_was_told_before_it_was_committed() -> Check {
    replication::delivered(&partition(), Some(Acks::All), Some(Offset(0)))
}

fn nobody_holds_what_is_committed() -> Check {
    replication::somebody_holds_all(&mut committed(&[]))
}

fn follower_learns(p: &mut PartitionGhost, to: u64) -> Check {
    let metadata = decided(&state(0, (1, 1), &[0], &[]));
    replication::watermark(p, BrokerId(1), LeaderEpoch(1), Offset(to), false, false, &metadata)
}

fn a_follower_believes_another_record_committed() -> Check {
    let mut p = committed(&[0]);
    assert!(p.replicas[1].log.push(batch(0, 2, 1, 8)));
    follower_learns(&mut p, 2)
}

fn a_high_watermark_beyond_the_log() -> Check {
    follower_learns(&mut committed(&[0]), 2)
}

fn a_follower_knows_more_committed_than_there_is() -> Check {
    let mut p = partition();
    assert!(p.replicas[1].log.push(batch(0, 2, 1, 7)));
    follower_learns(&mut p, 2)
}

fn retention_past_the_high_watermark() -> Check {
    storage::shortened(&mut committed(&[0]), BrokerId(0), Offset(2))
}

fn a_log_start_inside_a_batch() -> Check {
    storage::shortened(&mut committed(&[0]), BrokerId(0), Offset(1))
}

fn one_place_two_records() -> Check {
    let mut p = partition();
    replication::appended(&mut p, BrokerId(0), batch(0, 2, 1, 7), true)?;
    replication::appended(&mut p, BrokerId(1), batch(0, 2, 1, 8), false)
}

fn a_gap_in_a_log() -> Check {
    replication::appended(&mut partition(), BrokerId(0), batch(3, 4, 1, 7), true)
}

fn somebody_else_leads() -> Check {
    replication::appended(&mut partition(), BrokerId(2), batch(0, 1, 1, 7), true)
}

fn a_new_leader_shows_less() -> Check {
    let mut p = committed(&[0, 1]);
    leader_raises(&mut p, 0, 1, 2, &[0, 1])?;
    leader_raises(&mut p, 1, 2, 0, &[0, 1])
}

fn a_wished_for_replica_ends_below_the_high_watermark() -> Check {
    let mut p = partition();
    assert!(p.replicas[0].log.push(batch(0, 2, 1, 7)));
    replication::adopted(&mut p, BrokerId(0), (LeaderEpoch(1), PartitionEpoch(1)), &[BrokerId(0)])?;
    replication::wished(&mut p, BrokerId(0), [BrokerId(0), BrokerId(2)].into_iter());
    leader_raises(&mut p, 0, 1, 2, &[0])
}

fn an_older_registration_is_adopted() -> Check {
    let mut p = partition();
    replication::adopted(&mut p, BrokerId(0), (LeaderEpoch(1), PartitionEpoch(2)), &[BrokerId(0)])?;
    replication::adopted(&mut p, BrokerId(0), (LeaderEpoch(1), PartitionEpoch(1)), &[BrokerId(0)])
}

fn a_broker_is_fenced_and_left_in_the_isr() -> Check {
    let mut metadata = decided(&state(0, (1, 1), &[0, 1], &[]));
    let (broker, epoch) = (BrokerId(1), metadata.image.brokers[&BrokerId(1)].epoch);
    write(&mut metadata, MetadataRecord::BrokerFenced { broker, epoch });
    membership::fenced(broker, &metadata.image)
}

fn joined_without_following() -> Check {
    changed(&mut partition(), Some(&state(0, (1, 1), &[0], &[1])), &state(0, (1, 2), &[0, 1], &[]))
}

fn a_fenced_broker_in_the_isr() -> Check {
    let mut metadata = decided(&state(0, (1, 1), &[0, 1], &[]));
    let (broker, epoch) = (BrokerId(1), metadata.image.brokers[&BrokerId(1)].epoch);
    write(&mut metadata, MetadataRecord::BrokerFenced { broker, epoch });
    membership::changed(&mut partition(), None, &metadata)
}

fn both_in_sync_and_eligible() -> Check {
    changed(&mut partition(), None, &state(0, (1, 1), &[0], &[0]))
}

fn elected_from_nowhere() -> Check {
    changed(&mut partition(), Some(&state(0, (1, 1), &[0], &[])), &state(1, (2, 2), &[1], &[]))
}

fn elected_uncleanly_without_leave() -> Check {
    let after = PartitionState { unclean: true, ..state(1, (2, 2), &[1], &[]) };
    changed(&mut partition(), Some(&state(0, (1, 1), &[0], &[])), &after)
}

fn a_registration_that_does_not_grow() -> Check {
    changed(&mut partition(), Some(&state(0, (1, 1), &[0], &[])), &state(0, (1, 1), &[0], &[]))
}

fn two_leaders_in_one_epoch() -> Check {
    changed(&mut partition(), None, &state(1, (1, 1), &[1], &[]))
}

fn read_before_committed() -> Check {
    replication::consumed(&partition(), Offset(0), LeaderEpoch(1))
}

fn a_reader_is_sent_back() -> Check {
    clients::moved(&mut Clients::default(), &committed(&[0]), READER, (Offset(2), Offset(1)), true)
}

fn moved_over_what_is_kept() -> Check {
    clients::moved(&mut Clients::default(), &committed(&[0]), READER, (Offset(0), Offset(2)), false)
}

fn stamped(base: u64, next: u64, sequence: u32) -> Batch {
    let stamp = Some((ProducerId(4), ProducerEpoch(0), Sequence(sequence)));
    Batch { stamp, ..batch(base, next, 1, 7) }
}

/// A log with one batch, against a shadow with `shadow`.
fn tables(shadow: Batch) -> Check {
    let mut disk = TestDisk::new();
    let (mut log, _) = Log::open("t", LogConfig::default(), Quirks::NONE, &mut disk).unwrap();
    let mut builder = BatchBuilder::new();
    builder.add(None, Some(b"value"), &[], 0);
    log.append_as_leader(&builder.build(), LeaderEpoch(1), &mut disk).unwrap();
    let mut p = partition();
    assert!(p.replicas[0].log.push(shadow));
    storage::tables(&p, BrokerId(0), &log)
}

fn an_epoch_cache_of_another_log() -> Check {
    tables(batch(0, 1, 2, 7))
}

fn a_producer_table_of_another_log() -> Check {
    tables(stamped(0, 1, 0))
}

fn a_sequence_is_left_out() -> Check {
    let mut p = partition();
    replication::appended(&mut p, BrokerId(0), stamped(0, 2, 0), true)?;
    replication::appended(&mut p, BrokerId(0), stamped(2, 3, 3), true)
}

fn one_producer_id_for_two() -> Check {
    let mut identities = Identities::default();
    clients::identified(&mut identities, NodeId(1), 4)?;
    clients::identified(&mut identities, NodeId(2), 4)
}

fn two_leaders_of_one_quorum_epoch() -> Check {
    let mut q = quorum();
    q.leaders.insert(LeaderEpoch(1), NodeId(1));
    voters::leads(&mut q, 0, LeaderEpoch(1))
}

fn a_leader_without_votes() -> Check {
    voters::leads(&mut quorum(), 0, LeaderEpoch(1))
}

fn voted_twice() -> Check {
    let mut q = quorum();
    q.voters[0].granted.insert(LeaderEpoch(1), NodeId(1));
    q.voters[0].persisted = (LeaderEpoch(1), Some(NodeId(2)));
    voters::granted(&mut q, 0, LeaderEpoch(1), NodeId(2))
}

fn voted_before_it_was_durable() -> Check {
    voters::granted(&mut quorum(), 0, LeaderEpoch(1), NodeId(2))
}

fn a_life_forgets_what_a_crash_keeps() -> Check {
    let mut q = quorum();
    voters::recovered(&mut q, 0, (LeaderEpoch(5), None), (Offset(0), Offset(0)), &[])?;
    voters::recovered(&mut q, 0, (LeaderEpoch(4), None), (Offset(0), Offset(0)), &[])
}

fn a_snapshot_of_what_is_not_committed() -> Check {
    voters::recovered(&mut quorum(), 0, (LeaderEpoch(0), None), (Offset(4), Offset(4)), &[])
}

fn an_epoch_goes_back() -> Check {
    let mut q = quorum();
    voters::entered(&mut q, 0, LeaderEpoch(3), 1)?;
    voters::entered(&mut q, 0, LeaderEpoch(2), 2)
}

fn a_later_leader_commits_less() -> Check {
    let mut q = led(&[0, 1], true);
    q.decided.insert(LeaderEpoch(1), Offset(5));
    voters::committed(&mut q, 0, Offset(3), LeaderEpoch(2), true)
}

fn elected_without_what_is_committed() -> Check {
    let mut q = quorum();
    assert!(q.committed.push(batch(0, 2, 1, 7)));
    q.decided.insert(LeaderEpoch(1), Offset(2));
    (0..2).for_each(|voter| {
        q.voters[voter].granted.insert(LeaderEpoch(2), NodeId(0));
    });
    voters::leads(&mut q, 0, LeaderEpoch(2))
}

fn one_entry_two_contents() -> Check {
    let mut q = quorum();
    voters::appended(&mut q, 0, batch(0, 1, 1, 7))?;
    voters::appended(&mut q, 1, batch(0, 1, 1, 8))
}

fn one_entry_behind_two_others() -> Check {
    let mut q = quorum();
    for (voter, first) in [(0, 1), (1, 2)] {
        voters::appended(&mut q, voter, batch(0, 1, first, 7))?;
        voters::appended(&mut q, voter, batch(1, 2, 3, 8))?;
    }
    Ok(())
}

fn cut_below_the_commit_index() -> Check {
    let mut q = led(&[0], true);
    q.voters[0].commit = Offset(3);
    voters::truncated(&mut q, 0, Offset(0))
}

/// Records 0 and 1 of sender 5, both with key 3.
fn sent() -> Clients {
    let mut c = Clients { keys: Arc::new([(5, vec![Some(3), Some(3)])].into()), ..Clients::default() };
    (0..2).for_each(|number| c.sent(name(number), Acks::All, true));
    c
}

fn name(number: u32) -> Name {
    Name { sender: 5, number }
}

fn told(c: &mut Clients, number: u32, told: Told, offset: Option<u64>) -> Check {
    clients::told(c, name(number), told, offset.map(|_| AT), offset.map(Offset))
}

fn read(c: &mut Clients, offset: u64, number: u32) -> Check {
    clients::consumed(c, READER, AT, Offset(offset), Some(name(number).pack()), true)
}

fn kept(c: &mut Clients) -> Check {
    let record = *c.record(name(0)).expect("it was sent");
    record::judge(&committed(&[0]), c, name(0), &record, Ending::default()).map(drop)
}

fn an_acknowledged_record_is_gone() -> Check {
    let mut c = sent();
    told(&mut c, 0, Told::Delivered, Some(1))?;
    kept(&mut c)
}

fn an_acknowledged_record_is_elsewhere() -> Check {
    let mut c = sent();
    told(&mut c, 0, Told::Delivered, Some(1))?;
    read(&mut c, 0, 0)?;
    kept(&mut c)
}

fn a_sender_is_never_told() -> Check {
    kept(&mut sent())
}

fn an_idempotent_record_twice() -> Check {
    let mut c = sent();
    read(&mut c, 0, 0)?;
    read(&mut c, 1, 0)
}

fn one_record_in_two_partitions() -> Check {
    let mut c = sent();
    told(&mut c, 0, Told::Delivered, Some(1))?;
    let other = TopicPartition { partition: 1, ..AT };
    clients::consumed(&mut c, READER, other, Offset(0), Some(name(0).pack()), false)
}

fn a_later_record_lies_before() -> Check {
    let mut c = sent();
    told(&mut c, 0, Told::Delivered, Some(1))?;
    told(&mut c, 1, Told::Delivered, Some(0))?;
    read(&mut c, 0, 1)?;
    read(&mut c, 1, 0)?;
    let record = *c.record(name(0)).expect("it was sent");
    order::out_of_order(&c, (&c.disorder[0], AT), &record, false, true).map(drop)
}

fn one_key_in_two_partitions() -> Check {
    let mut c = sent();
    read(&mut c, 0, 0)?;
    let other = TopicPartition { partition: 1, ..AT };
    clients::consumed(&mut c, READER, other, Offset(0), Some(name(1).pack()), false)
}

fn an_offset_is_left_out() -> Check {
    let mut c = sent();
    read(&mut c, 0, 0)?;
    read(&mut c, 2, 1)
}

fn read_although_refused() -> Check {
    let mut c = sent();
    told(&mut c, 0, Told::Refused, None)?;
    read(&mut c, 0, 0)
}

fn told_twice() -> Check {
    let mut c = sent();
    told(&mut c, 0, Told::Delivered, Some(0))?;
    told(&mut c, 0, Told::Delivered, Some(0))
}

#[test]
fn a_topic_that_allows_unclean_elections_may_have_one() {
    let before = state(0, (1, 1), &[0], &[]);
    let after = PartitionState { unclean: true, ..state(1, (2, 2), &[1], &[]) };
    let mut metadata = unregistered(true);
    write(&mut metadata, MetadataRecord::PartitionChanged { at: AT, state: after });
    let mut p = committed(&[0]);
    assert_eq!(membership::changed(&mut p, Some(&before), &metadata), Ok(()));
    assert!(p.unclean, "from here on losses are permitted");
}

#[test]
fn w_snap_a_log_that_parts_from_an_installed_snapshot_is_kept() {
    let mut q = quorum();
    assert!(q.committed.push(batch(0, 2, 2, 9)));
    for parted in [batch(0, 2, 1, 7), batch(2, 3, 1, 8)] {
        assert!(q.voters[1].log.push(parted));
    }
    let kept = voters::installed(&mut q, 1, (Offset(2), LeaderEpoch(2)), Offset(3));
    assert_eq!(kept.unwrap_err().invariant, "W-SNAP");
}

#[test]
fn w_snap_entries_that_follow_an_installed_snapshot_are_thrown_away() {
    let mut q = quorum();
    assert!(q.committed.push(batch(0, 2, 1, 7)));
    for follower in [batch(0, 2, 1, 7), batch(2, 3, 1, 8)] {
        assert!(q.voters[1].log.push(follower));
    }
    let cut = voters::installed(&mut q, 1, (Offset(2), LeaderEpoch(1)), Offset(2));
    assert_eq!(cut.unwrap_err().invariant, "W-SNAP");
}

#[test]
fn w_ntb_a_snapshot_takes_a_voters_commit_index_back() {
    let mut q = quorum();
    for entries in [batch(0, 2, 1, 7), batch(2, 3, 1, 8)] {
        assert!(q.committed.push(entries));
        assert!(q.voters[1].log.push(entries));
    }
    q.voters[1].commit = Offset(3);
    let back = voters::installed(&mut q, 1, (Offset(2), LeaderEpoch(5)), Offset(2));
    assert_eq!(back.unwrap_err().invariant, "W-NTB");
}
