//! Duplicates and disorder.

use squall_core::ids::Offset;
use squall_core::message::Acks;

use super::AT;
use crate::checks::Permitted;
use crate::contract::order;
use crate::ghost::Clients;
use crate::ghost::clients::{Disorder, Name, Record, Told};

const NAME: Name = Name { sender: 9, number: 0 };

fn sent(acks: Acks, idempotent: bool, resent: u64) -> (Clients, Record) {
    let mut c = Clients::default();
    c.sent(NAME, acks, idempotent);
    if resent > 0 {
        c.resent.insert((NAME.sender, AT), resent);
    }
    let record = c.record(NAME).expect("just sent");
    (record.told, record.at, record.found) = (Told::Delivered, Some(AT), 2);
    let record = *record;
    (c, record)
}

fn doubled(idempotent: bool, resent: u64, network: bool) -> bool {
    let (c, record) = sent(Acks::All, idempotent, resent);
    order::doubled(&c, NAME, &record, network).is_ok()
}

#[test]
fn a_second_copy_has_a_cause_or_is_a_violation() {
    assert!(doubled(false, 1, false), "sent again");
    assert!(doubled(false, 0, true), "doubled by the network");
    assert!(!doubled(false, 0, false), "a broker wrote it twice");
}

#[test]
fn an_idempotent_record_has_no_second_copy_whatever_doubled_it() {
    assert!(!doubled(true, 1, true));
}

fn late(
    acks: Acks,
    idempotent: bool,
    resent: u64,
    promised: Option<Permitted>,
) -> Result<Permitted, &'static str> {
    let (c, record) = sent(acks, idempotent, resent);
    let disorder = Disorder { name: NAME, at: Offset(7), behind: 3 };
    let gone = order::is_gone(&record, promised, Offset(0));
    let permit = order::out_of_order(&c, (&disorder, AT), &record, gone, false);
    permit.map(|permit| permit.what).map_err(|broken| broken.invariant)
}

#[test]
fn a_late_copy_of_what_was_lost_with_permission_may_lie_behind() {
    let gone = Some(Permitted::Elsewhere);
    for idempotent in [false, true] {
        assert_eq!(late(Acks::All, idempotent, 1, gone), Ok(Permitted::Disorder));
        assert_eq!(late(Acks::All, idempotent, 1, None), Err("order"), "the promised copy is there");
        assert_eq!(late(Acks::All, idempotent, 0, gone), Err("order"), "nothing doubled it");
    }
}

#[test]
fn acks_1_keeps_its_order_unless_something_was_sent_again() {
    assert_eq!(late(Acks::Leader, false, 1, None), Ok(Permitted::Disorder));
    assert_eq!(late(Acks::Leader, false, 0, None), Err("order"));
}

#[test]
fn a_late_copy_may_lie_behind_once_retention_has_deleted_the_promised_one() {
    let mut c = Clients::default();
    c.sent(NAME, Acks::All, false);
    let record = c.record(NAME).expect("just sent");
    record.found_at(Offset(4));
    assert!(order::is_gone(record, None, Offset(5)), "the log begins behind it");
    assert!(!order::is_gone(record, None, Offset(4)), "it is the first that is kept");
}
