//! Lost records.

use squall_core::ids::{BrokerId, Offset};
use squall_core::message::Acks;

use super::{AT, story};
use crate::checks::Permitted;
use crate::contract::record::{self, Ending};
use crate::ghost::Clients;
use crate::ghost::clients::{Name, Told};
use crate::ghost::partition::Damage;
use crate::invariants::{clients, replication, storage};

use Permitted::{
    Acks0Lost, Acks1Lost, DamageLost, Elsewhere, MetadataLost, RetentionDeleted, UncleanLost, Unreadable,
};

#[test]
fn acks_0_promises_nothing_and_acks_1_does() {
    let s = story().wrote(1, 0..2, &[1, 2]);
    assert_eq!(s.lost(Acks::None, None), Ok(Acks0Lost));
    s.not_permitted(Acks::Leader, 0);
}

#[test]
fn acks_1_dies_with_a_leader_that_a_later_one_overruled() {
    let s = story().wrote(1, 0..2, &[2]).cut(0, 0, 2).cut(2, 0, 2);
    assert_eq!(s.lost(Acks::Leader, 1), Ok(Acks1Lost));
}

#[test]
fn acks_1_dies_with_the_disk_of_its_leader() {
    for damage in [Damage::Wiped, Damage::PowerLoss] {
        let s = story().wrote(1, 0..2, &[]);
        let s = if damage == Damage::Wiped { s.wiped(&[0]) } else { s.tail_lost(0, 0) };
        assert_eq!(s.lost(Acks::Leader, 1), Ok(Acks1Lost));
    }
}

#[test]
fn acks_1_does_not_die_once_it_is_committed() {
    let s = story().wrote(1, 0..2, &[1]).committed(1, 0..2).cut(0, 0, 3).cut(1, 0, 3);
    let broken = s.not_permitted(Acks::Leader, 1);
    let told = format!("{:?}", broken.evidence);
    assert!(told.contains("it was committed"), "{told}");
    assert!(told.contains("cut it at event 2") && told.contains("following broker 2 in epoch 3"), "{told}");
}

#[test]
fn acks_1_is_not_cut_in_its_own_reign() {
    let s = story().wrote(1, 0..2, &[2]).cut(2, 0, 1).cut(0, 0, 2);
    s.not_permitted(Acks::Leader, 0);
}

#[test]
fn acks_1_is_not_lost_while_its_leader_holds_it() {
    let s = story().wrote(1, 0..2, &[2]).cut(2, 0, 2);
    s.not_permitted(Acks::Leader, 0);
}

#[test]
fn one_record_cut_with_permission_does_not_excuse_the_committed_one_in_its_place() {
    let s = story().wrote(1, 0..2, &[]).cut(0, 0, 2).wrote(2, 0..2, &[0]).committed(2, 0..2);
    assert_eq!(s.lost(Acks::Leader, 1), Ok(Acks1Lost), "the second is there: the first it was");
    let s = s.cut(0, 0, 3).cut(1, 0, 3);
    s.not_permitted(Acks::Leader, 1);
}

#[test]
fn acks_all_dies_beyond_the_budget_with_its_last_copy() {
    let s = story().beyond().wrote(1, 0..2, &[1]).committed(1, 0..2).wiped(&[0, 1]);
    assert_eq!(s.lost(Acks::All, 1), Ok(DamageLost), "broker 2 never had it");
    let s = story().beyond().wrote(1, 0..2, &[1]).committed(1, 0..2).tail_lost(0, 0).tail_lost(1, 0);
    assert_eq!(s.lost(Acks::All, 1), Ok(DamageLost), "nobody had synced it");
}

#[test]
fn acks_all_does_not_die_within_the_budget() {
    let s = story().wrote(1, 0..2, &[1]).committed(1, 0..2).wiped(&[0, 1]);
    s.not_permitted(Acks::All, 1);
}

#[test]
fn acks_all_is_not_cut_by_a_leader_that_never_had_it() {
    let s = story().beyond().wrote(1, 0..2, &[1]).committed(1, 0..2).wiped(&[0]).cut(1, 0, 3);
    s.not_permitted(Acks::All, 1);
}

#[test]
fn acks_all_may_be_cut_by_a_leader_that_lost_it_to_a_fault() {
    let s = story().beyond().wrote(1, 0..2, &[1, 2]).committed(1, 0..2);
    let s = s.wiped(&[1]).cut(0, 0, 2).cut(2, 0, 2);
    assert_eq!(s.lost(Acks::All, 1), Ok(DamageLost));
    // The one that cut it because of that leader may lead in turn.
    let s = story().beyond().wrote(1, 0..2, &[1, 2]).committed(1, 0..2);
    let s = s.wiped(&[1]).cut(2, 0, 2).cut(0, 0, 3);
    assert_eq!(s.lost(Acks::All, 1), Ok(DamageLost));
}

#[test]
fn a_leader_robbed_only_afterwards_is_no_excuse_for_what_it_made_others_cut() {
    let s = story().beyond().wrote(1, 0..2, &[1, 2]).committed(1, 0..2);
    let s = s.cut(0, 0, 2).cut(2, 0, 2).wiped(&[1]);
    s.not_permitted(Acks::All, 1);
}

#[test]
fn acks_all_was_in_a_committed_batch_and_in_no_other() {
    let s = story().beyond().wrote(1, 0..2, &[]).wiped(&[0]);
    s.not_permitted(Acks::All, 1);
}

#[test]
fn acks_all_dies_by_an_unclean_election_after_it() {
    let s = story().wrote(1, 0..2, &[1]).committed(1, 0..2).unclean(3).cut(0, 0, 3).cut(1, 0, 3);
    assert_eq!(s.lost(Acks::All, 1), Ok(UncleanLost));
    assert_eq!(s.lost(Acks::Leader, 1), Ok(UncleanLost));
}

#[test]
fn acks_all_does_not_die_by_an_unclean_election_before_it() {
    let s = story().unclean(2).wrote(2, 0..2, &[0]).raised(2, 2).cut(0, 0, 3).cut(1, 0, 3);
    s.not_permitted(Acks::All, 1);
}

#[test]
fn what_was_never_committed_is_no_loss_after_an_unclean_election_either() {
    // Epoch 1 lost [0, 2) uncommitted; in the same place epoch 2 committed what epoch 3 gave up uncleanly.
    let s = story().wrote(1, 0..2, &[]).cut(0, 0, 2).wrote(2, 0..2, &[0]).committed(2, 0..2);
    let s = s.unclean(3).cut(0, 0, 3).cut(1, 0, 3);
    assert_eq!(s.lost(Acks::All, 1), Ok(UncleanLost));
    // A deposed leader that does not know it yet commits alone: that goes as well.
    let s = story().wrote(1, 0..2, &[]).unclean(3).raised(1, 2).cut(0, 0, 3);
    assert_eq!(s.lost(Acks::All, 1), Ok(UncleanLost));
    let s = story().wrote(1, 0..2, &[]).unclean(3).cut(0, 0, 3);
    s.not_permitted(Acks::All, 1);
}

#[test]
fn acks_all_is_not_excused_by_an_unclean_election_that_made_nobody_cut_it() {
    let s = story().wrote(1, 0..2, &[1]).committed(1, 0..2).cut(0, 0, 2).cut(1, 0, 2).unclean(3);
    s.not_permitted(Acks::All, 1);
}

#[test]
fn a_flushed_copy_does_not_go_with_the_power() {
    let mut s = story().beyond().wrote(1, 0..2, &[]);
    s.p.replicas[0].synced(Offset(2));
    let mut s = s.stopped(0, Damage::PowerLoss);
    let back = storage::recovered(&mut s.p, BrokerId(0), (Offset::ZERO, Offset::ZERO), &[]);
    assert_eq!(back.unwrap_err().invariant, "W-LOG", "not even beyond the budget");
}

#[test]
fn what_nobody_holds_is_no_alarm_once_faults_took_it() {
    let mut s = story().beyond().wrote(1, 0..2, &[1]).committed(1, 0..2).wiped(&[0, 1]);
    assert_eq!(replication::somebody_holds_all(&mut s.p), Ok(()));
    let mut s = story().wrote(1, 0..2, &[1]).committed(1, 0..2).wiped(&[0, 1]);
    let broken = replication::somebody_holds_all(&mut s.p).unwrap_err();
    assert_eq!(broken.invariant, "W-NCL");
    assert!(broken.evidence.iter().any(|(who, what)| who == "broker 1" && what.contains("wiped")));
    let mut s = story().beyond().wrote(1, 0..2, &[1]).committed(1, 0..2).wiped(&[0]).cut(1, 0, 3);
    assert_eq!(replication::somebody_holds_all(&mut s.p).unwrap_err().invariant, "W-NCL");
}

#[test]
fn retention_excuses_what_lies_below_the_furthest_log_start_alone() {
    let mut s = story().wrote(1, 0..2, &[1]).wrote(1, 2..4, &[1]).committed(1, 0..2).committed(1, 2..4);
    s.p.replicas[0].high_watermark = Offset(4);
    storage::shortened(&mut s.p, BrokerId(0), Offset(2)).unwrap();
    assert_eq!(s.lost(Acks::All, 1), Ok(RetentionDeleted));
    s.not_permitted(Acks::All, 2);
}

/// Records 0, 1 and 2 of one sender, of which the middle one was acknowledged without an offset.
fn without_an_offset(first: u64, deleted: u64) -> Result<Option<Permitted>, &'static str> {
    let mut s = story().wrote(1, 0..2, &[1]).wrote(1, 2..6, &[1]).committed(1, 0..2).committed(1, 2..6);
    s.p.chronicle.deleted = Offset(deleted);
    let mut c = Clients::default();
    for (number, offset) in [(0, Some(first)), (1, None), (2, Some(5))] {
        let name = Name { sender: 9, number };
        c.sent(name, Acks::All, true);
        clients::told(&mut c, name, Told::Delivered, Some(AT), offset.map(Offset)).unwrap();
    }
    let name = Name { sender: 9, number: 1 };
    let record = *c.record(name).unwrap();
    let permit = record::judge(&s.p, &c, name, &record, Ending::default());
    permit.map(|permit| permit.map(|permit| permit.what)).map_err(|broken| broken.invariant)
}

#[test]
fn a_record_without_an_offset_lies_between_its_neighbours() {
    assert_eq!(without_an_offset(0, 2), Ok(Some(RetentionDeleted)));
    assert_eq!(without_an_offset(2, 2), Err("durability"), "what lies behind offset 2 was not deleted");
    assert_eq!(without_an_offset(0, 0), Err("durability"));
}

#[test]
fn a_copy_elsewhere_counts_only_where_the_promised_one_may_be_gone() {
    let (mut c, name) = (Clients::default(), Name { sender: 9, number: 0 });
    c.sent(name, Acks::All, false);
    clients::told(&mut c, name, Told::Delivered, Some(AT), Some(Offset(1))).unwrap();
    c.record(name).unwrap().found = 1;
    c.astray.insert(name);
    let record = *c.record(name).unwrap();
    let judged = |s: &super::Story| record::judge(&s.p, &c, name, &record, s.ending);
    let s = story().wrote(1, 0..2, &[1]).committed(1, 0..2);
    assert_eq!(judged(&s).unwrap_err().invariant, "durability");
    let s = s.unclean(3).cut(0, 0, 3).cut(1, 0, 3);
    assert_eq!(judged(&s).unwrap().map(|permit| permit.what), Some(Elsewhere));
}

#[test]
fn what_is_held_where_nobody_may_lead_is_not_readable_and_not_lost() {
    let s = story().beyond().wrote(1, 0..2, &[1]).committed(1, 0..2).wiped(&[0]);
    s.not_permitted(Acks::All, 1);
    assert_eq!(s.orphaned().lost(Acks::All, 1), Ok(Unreadable));
}

#[test]
fn an_orphaned_partition_does_not_excuse_what_was_cut_before() {
    let s = story().beyond().wrote(1, 0..2, &[1]).committed(1, 0..2).cut(0, 0, 3).cut(1, 0, 3).orphaned();
    s.not_permitted(Acks::All, 1);
}

#[test]
fn without_metadata_nothing_was_promised_any_more() {
    let mut s = story().beyond().wrote(1, 0..2, &[1]).committed(1, 0..2);
    s.not_permitted(Acks::All, 1);
    s.ending.no_metadata = true;
    assert_eq!(s.lost(Acks::All, 1), Ok(MetadataLost));
}
