//! False alarms that were met: what a correct system does and must be allowed to.

use squall_core::ids::{BrokerId, LeaderEpoch, NodeId, Offset, ProducerEpoch, ProducerId, Sequence};
use squall_core::message::Acks;

use super::histories::{AT, batch, committed, decided, partition, quorum, state};
use crate::checks::Permitted;
use crate::contract::Permit;
use crate::contract::record::{self, Ending};
use crate::ghost::chronicle::When;
use crate::ghost::clients::Name;
use crate::ghost::partition::Damage;
use crate::ghost::{Batch, Clients, PartitionGhost, Shadow};
use crate::invariants::{Broken, clients, membership, quorum as voters, replication, storage};

#[test]
fn a_leader_that_slept_through_its_deposition_owes_nothing_to_the_next_reign() {
    // Epoch 2 has committed; broker 0 learns only now that it led in epoch 1.
    let mut p = committed(&[1]);
    let metadata = decided(&state(1, (2, 2), &[1], &[]));
    assert_eq!(replication::leads(&mut p, BrokerId(0), LeaderEpoch(1), Offset(0), &metadata), Ok(()));
}

#[test]
fn a_stale_candidate_that_wins_an_old_epoch_owes_nothing_to_later_ones() {
    let mut q = quorum();
    assert!(q.committed.push(batch(0, 2, 3, 7)));
    q.decided.insert(LeaderEpoch(3), Offset(2));
    (0..2).for_each(|voter| {
        q.voters[voter].granted.insert(LeaderEpoch(2), NodeId(0));
    });
    assert_eq!(voters::leads(&mut q, 0, LeaderEpoch(2)), Ok(()));
}

#[test]
fn a_pre_vote_may_be_answered_while_a_higher_epoch_is_not_durable_yet() {
    let mut q = quorum();
    q.voters[0].persisted = (LeaderEpoch(2), None);
    voters::entered(&mut q, 0, LeaderEpoch(3), 5).unwrap();
    assert_eq!(voters::pre_voted(&q, 0, LeaderEpoch(3), 6), Ok(()));
}

/// A log of one entry for each of these epochs.
fn entries(epochs: &[u32]) -> Shadow {
    let mut log = Shadow::default();
    for (base, epoch) in epochs.iter().enumerate() {
        assert!(log.push(batch(base as u64, base as u64 + 1, *epoch, 7)));
    }
    log
}

#[test]
fn a_cut_that_was_not_synced_may_come_back_in_the_place_of_what_was_written_after_it() {
    let mut q = quorum();
    q.voters[0].log = entries(&[1, 1, 1, 1]);
    voters::truncated(&mut q, 0, Offset(2)).unwrap();
    assert!(q.voters[0].log.push(batch(2, 3, 2, 7)));
    q.voters[0].damage = Damage::PowerLoss;
    let reopened = |epochs: &[u32]| {
        let (mut q, on_disk) = (q.clone(), entries(epochs));
        let on_disk: Vec<Batch> = on_disk.iter().copied().collect();
        let range = (Offset(0), Offset(epochs.len() as u64));
        voters::recovered(&mut q, 0, (LeaderEpoch(0), None), range, &on_disk)?;
        Ok::<_, Broken>(q.voters[0].log.at(Offset(2)).map(|batch| batch.epoch.0))
    };
    assert_eq!(reopened(&[1, 1, 1, 1]), Ok(Some(1)));
    assert_eq!(reopened(&[1, 1, 1]), Ok(Some(1)), "also where it ends as the new one did");
    assert_eq!(reopened(&[1, 1]), Ok(None));
    assert_eq!(reopened(&[1; 5]).unwrap_err().invariant, "W-LOG", "it never held so much");
}

#[test]
fn a_snapshot_that_had_its_name_before_a_crash_replaces_the_log_and_a_power_loss_may_undo_that() {
    let mut q = quorum();
    q.committed = entries(&[1, 1, 2, 2]);
    q.voters[0].log = entries(&[1, 1]);
    let vote = (LeaderEpoch(0), None);
    assert_eq!(voters::recovered(&mut q, 0, vote, (Offset(4), Offset(4)), &[]), Ok(()));
    assert_eq!(q.voters[0].log.start(), Offset(4));
    q.voters[0].damage = Damage::PowerLoss;
    assert_eq!(voters::recovered(&mut q, 0, vote, (Offset(0), Offset(2)), &[]), Ok(()));
    assert_eq!((q.voters[0].log.start(), q.refresh(0)), (Offset(0), Offset(2)));
}

#[test]
fn an_ack_may_come_after_one_of_its_copies_was_wiped() {
    let mut p = committed(&[0, 1]);
    p.replicas[2].destroyed = Offset(2);
    let acknowledged =
        replication::acknowledged(&mut p, BrokerId(0), LeaderEpoch(1), Offset(2), Acks::All, (3, false));
    assert_eq!(acknowledged, Ok(()));
}

#[test]
fn an_in_sync_replica_that_is_down_may_be_short() {
    let mut p = committed(&[0]);
    p.replicas[1].damage = Damage::PowerLoss;
    let mut metadata = decided(&state(0, (1, 1), &[0, 1], &[]));
    metadata.died(BrokerId(1));
    assert_eq!(membership::changed(&mut p, None, &metadata), Ok(()));
    metadata.registered(BrokerId(1), metadata.image.brokers[&BrokerId(1)].epoch);
    let back = membership::candidates_hold_all(&mut p, &state(0, (1, 1), &[0, 1], &[]), &metadata);
    assert_eq!(back.unwrap_err().invariant, "W-UX", "once it runs, it may not");
}

#[test]
fn a_followers_high_watermark_may_go_back() {
    let mut p = committed(&[0, 1]);
    let metadata = decided(&state(0, (1, 1), &[0, 1], &[]));
    for to in [2, 0] {
        let moved =
            replication::watermark(&mut p, BrokerId(1), LeaderEpoch(1), Offset(to), false, false, &metadata);
        assert_eq!(moved, Ok(()));
    }
}

#[test]
fn a_follower_that_still_keeps_what_its_leader_deleted_takes_the_late_retry() {
    let stamped = |base, next| {
        let stamp = Some((ProducerId(4), ProducerEpoch(0), Sequence(0)));
        Batch { stamp, ..batch(base, next, 1, base as u32) }
    };
    let mut p = partition();
    replication::appended(&mut p, BrokerId(0), stamped(0, 2), true).unwrap();
    replication::appended(&mut p, BrokerId(1), stamped(0, 2), false).unwrap();
    p.replicas[0].high_watermark = Offset(2);
    storage::shortened(&mut p, BrokerId(0), Offset(2)).unwrap();
    assert_eq!(replication::appended(&mut p, BrokerId(0), stamped(2, 4), true), Ok(()));
    assert_eq!(replication::appended(&mut p, BrokerId(1), stamped(2, 4), false), Ok(()));
}

#[test]
fn a_power_loss_may_bring_back_what_retention_deleted_since_the_last_sync() {
    let mut p = committed(&[0]);
    let replica = &mut p.replicas[0];
    replica.high_watermark = Offset(2);
    storage::shortened(&mut p, BrokerId(0), Offset(2)).unwrap();
    let mut back = p.replicas[0].clone();
    // The sync that was under way then does not cover it; the next one does.
    back.synced(Offset(2));
    back.reopened((Offset(0), Offset(2)), &[]);
    assert_eq!((back.log.start(), back.log.end(), back.log.iter().count()), (Offset(0), Offset(2), 1));
    (0..2).for_each(|_| p.replicas[0].synced(Offset(2)));
    p.replicas[0].reopened((Offset(0), Offset(2)), &[]);
    assert_eq!(p.replicas[0].log.end(), Offset(0), "nothing comes back of what is durably gone");
}

#[test]
fn a_voter_that_begins_at_a_snapshot_knows_no_entry_before_it() {
    let mut q = quorum();
    voters::appended(&mut q, 0, batch(0, 1, 1, 7)).unwrap();
    voters::appended(&mut q, 0, batch(1, 2, 3, 8)).unwrap();
    q.voters[1].log = Shadow::starting_at(Offset(1));
    assert_eq!(voters::appended(&mut q, 1, batch(1, 2, 3, 8)), Ok(()));
}

#[test]
fn what_retention_deleted_may_be_missing_and_passed_over() {
    let mut p = committed(&[0, 1, 2]);
    p.replicas[0].high_watermark = Offset(2);
    storage::shortened(&mut p, BrokerId(0), Offset(2)).unwrap();
    let mut c = Clients::default();
    let name = Name { sender: 5, number: 0 };
    c.sent(name, Acks::All, true);
    clients::told(&mut c, name, crate::ghost::clients::Told::Delivered, Some(AT), Some(Offset(1))).unwrap();
    let record = *c.record(name).unwrap();
    let permit = record::judge(&p, &c, name, &record, Ending::default());
    assert_eq!(permit, Ok(Some(Permit::of(Permitted::RetentionDeleted))));
    assert_eq!(clients::moved(&mut c, &p, NodeId(9), (Offset(0), Offset(2)), false), Ok(()));
}

#[test]
fn entries_that_follow_an_installed_snapshot_stay() {
    // They arrived while the snapshot was becoming durable.
    let mut q = quorum();
    assert!(q.committed.push(batch(0, 2, 1, 7)));
    for follower in [batch(0, 2, 1, 7), batch(2, 3, 1, 8)] {
        assert!(q.voters[1].log.push(follower));
    }
    assert_eq!(voters::installed(&mut q, 1, (Offset(2), LeaderEpoch(1)), Offset(3)), Ok(()));
    assert!(q.committed.push(batch(2, 3, 1, 8)));
    assert_eq!(voters::committed(&mut q, 1, Offset(3), LeaderEpoch(1), false), Ok(()));
}

#[test]
fn a_cut_that_no_sync_covered_may_come_back_in_the_place_of_what_was_written_since() {
    let mut p = partition();
    for wrote in [batch(0, 2, 1, 7), batch(2, 3, 1, 8), batch(3, 4, 1, 9)] {
        replication::appended(&mut p, BrokerId(2), wrote, false).unwrap();
    }
    p.cut(BrokerId(2), Offset(2));
    replication::appended(&mut p, BrokerId(2), batch(2, 3, 2, 5), false).unwrap();
    p.stopped(BrokerId(2), Damage::PowerLoss, When::default());
    let reopened = |end, on_disk: &[_]| {
        let mut p = p.clone();
        storage::recovered(&mut p, BrokerId(2), (Offset(0), Offset(end)), on_disk).map(|()| p)
    };
    let second = |p: &PartitionGhost| p.replicas[2].log.at(Offset(2)).map(|batch| batch.crc);
    let old = reopened(4, &[batch(0, 2, 1, 7), batch(2, 3, 1, 8), batch(3, 4, 1, 9)]).unwrap();
    assert_eq!(second(&old), Some(8), "the old tail is back");
    assert!(old.chronicle.of(LeaderEpoch(2), Offset(2)).next().is_some(), "and the new one is lost");
    let new = reopened(3, &[batch(0, 2, 1, 7), batch(2, 3, 2, 5)]).unwrap();
    assert_eq!(second(&new), Some(5), "the new tail stayed");
    let strange = reopened(3, &[batch(0, 2, 1, 7), batch(2, 3, 2, 6)]).unwrap();
    assert_eq!(second(&strange), Some(5), "what nobody ever wrote there is no log that came back");
    assert_eq!(reopened(5, &[]).unwrap_err().invariant, "W-LOG", "it never held so much");
}

#[test]
fn a_cut_and_a_removal_may_come_back_together() {
    let mut p = partition();
    for wrote in [batch(0, 1, 1, 6), batch(1, 3, 1, 7), batch(3, 6, 1, 8), batch(6, 7, 1, 9)] {
        replication::appended(&mut p, BrokerId(1), wrote, false).unwrap();
    }
    p.replicas[1].synced(Offset(7));
    p.cut(BrokerId(1), Offset(3));
    replication::appended(&mut p, BrokerId(1), batch(3, 4, 2, 5), false).unwrap();
    // Once before what was cut, once past its beginning.
    for start in [1, 4] {
        let mut p = p.clone();
        p.replicas[1].advance_start(Offset(start));
        p.stopped(BrokerId(1), Damage::PowerLoss, When::default());
        let on_disk = [batch(0, 1, 1, 6), batch(1, 3, 1, 7), batch(3, 6, 1, 8)];
        assert_eq!(storage::recovered(&mut p, BrokerId(1), (Offset(0), Offset(6)), &on_disk), Ok(()));
        assert!(p.replicas[1].log.iter().eq(&on_disk), "what lies there, with the start at {start}");
    }
}

#[test]
fn a_reset_that_was_not_durable_may_bring_the_old_log_back_under_the_same_offsets() {
    let mut p = partition();
    replication::appended(&mut p, BrokerId(1), batch(0, 2, 1, 7), false).unwrap();
    p.replicas[1].reset(Offset(0));
    replication::appended(&mut p, BrokerId(1), batch(0, 2, 2, 9), false).unwrap();
    p.replicas[1].damage = Damage::PowerLoss;
    let old = [batch(0, 2, 1, 7)];
    assert_eq!(storage::recovered(&mut p, BrokerId(1), (Offset(0), Offset(2)), &old), Ok(()));
    let held = p.replicas[1].log.at(Offset(0)).map(|batch| (batch.epoch, batch.crc));
    assert_eq!(held, Some((LeaderEpoch(1), 7)), "the observer goes on with what is there");
}

/// Replica 1 has two batches, both durable.
fn two_durable_batches() -> PartitionGhost {
    let mut p = partition();
    for batch in [batch(0, 2, 1, 7), batch(2, 3, 1, 8)] {
        replication::appended(&mut p, BrokerId(1), batch, false).unwrap();
    }
    p.replicas[1].synced(Offset(3));
    p
}

#[test]
fn what_a_disk_has_changed_may_be_cut_and_nothing_before_it() {
    for (end, allowed) in [(2, true), (0, false)] {
        let mut p = two_durable_batches();
        p.replicas[1].rotten = Some(Offset(2));
        let cut = storage::recovered(&mut p, BrokerId(1), (Offset(0), Offset(end)), &[]);
        assert_eq!(cut.is_ok(), allowed, "recovered up to {end}");
        if allowed {
            assert_eq!(p.replicas[1].rotten, None, "what comes next is as it was written");
        }
    }
}

#[test]
fn what_a_lying_disk_called_durable_may_be_lost_with_the_power() {
    let mut p = two_durable_batches();
    replication::appended(&mut p, BrokerId(1), batch(3, 4, 1, 9), false).unwrap();
    let replica = &mut p.replicas[1];
    replica.doubtful = true;
    replica.synced(Offset(4));
    assert_eq!((replica.durable, replica.claimed), (Offset(3), Offset(4)));
    replica.damage = Damage::PowerLoss;
    assert_eq!(storage::recovered(&mut p, BrokerId(1), (Offset(0), Offset(3)), &[]), Ok(()));
    assert!(!p.replicas[1].doubtful, "an opened log is written again");
}

#[test]
fn a_cut_that_was_not_durable_may_come_back_after_another_death_in_between() {
    let mut p = two_durable_batches();
    let replica = &mut p.replicas[1];
    let cut = replica.log.truncate(Offset(2));
    replica.cut.extend(cut);
    replica.cut_claims(Offset(2));
    assert_eq!(storage::recovered(&mut p, BrokerId(1), (Offset(0), Offset(2)), &[]), Ok(()));
    p.replicas[1].damage = Damage::PowerLoss;
    assert_eq!(storage::recovered(&mut p, BrokerId(1), (Offset(0), Offset(3)), &[]), Ok(()));
}

#[test]
fn an_epoch_that_a_crashed_voter_read_from_its_cache_may_be_lost_with_the_power() {
    let mut q = quorum();
    voters::persisted(&mut q, 1, LeaderEpoch(4), None).unwrap();
    let nothing = (Offset(0), Offset(0));
    voters::recovered(&mut q, 1, (LeaderEpoch(5), Some(NodeId(1))), (nothing.0, nothing.1), &[]).unwrap();
    q.voters[1].damage = Damage::PowerLoss;
    let back =
        |q: &mut _, epoch| voters::recovered(q, 1, (LeaderEpoch(epoch), None), (nothing.0, nothing.1), &[]);
    assert_eq!(back(&mut q.clone(), 4), Ok(()));
    assert_eq!(back(&mut q, 3).unwrap_err().invariant, "W-ME", "what was durable may not");
}

#[test]
fn a_cut_that_the_disk_stopped_half_way_may_be_done_or_not() {
    for end in [2, 3] {
        let mut p = two_durable_batches();
        let replica = &mut p.replicas[1];
        let cut = replica.log.truncate(Offset(2));
        replica.cut.extend(cut);
        replica.cut_claims(Offset(2));
        replica.damage = Damage::Halted;
        let back = storage::recovered(&mut p, BrokerId(1), (Offset(0), Offset(end)), &[]);
        assert_eq!(back, Ok(()), "recovered up to {end}");
    }
}

#[test]
fn what_a_disk_has_changed_comes_back_changed_with_what_retention_removed() {
    for (end, allowed) in [(2, true), (0, false)] {
        let mut p = partition();
        for batch in [batch(0, 2, 1, 7), batch(2, 3, 1, 8), batch(3, 5, 1, 9)] {
            replication::appended(&mut p, BrokerId(1), batch, false).unwrap();
        }
        let replica = &mut p.replicas[1];
        replica.synced(Offset(5));
        replica.rotten = Some(Offset(2));
        replica.advance_start(Offset(3));
        replica.rotten = None;
        replica.damage = Damage::PowerLoss;
        let back = storage::recovered(&mut p, BrokerId(1), (Offset(0), Offset(end)), &[]);
        assert_eq!(back.is_ok(), allowed, "recovered up to {end}");
    }
}
