//! Duplicates and disorder: what a producer without idempotence has to live with, and what nobody has to.
//!
//! A second copy comes from a request that was sent again or that the network doubled. Disorder comes from such
//! a copy alone: it was written after the promised one was lost. So both need a cause that was observed.

use squall_core::ids::{Offset, TopicPartition};
use squall_core::message::Acks;

use crate::checks::Permitted;
use crate::contract::Permit;
use crate::ghost::Clients;
use crate::ghost::clients::{Disorder, Name, Record};
use crate::invariants::{Broken, Check, broken};

/// Whether anything made a second copy of a record of `name`'s sender in its partition.
pub fn may_be_doubled(c: &Clients, name: Name, record: &Record, network: bool) -> bool {
    network || record.at.is_some_and(|at| c.resent.contains_key(&(name.sender, at)))
}

/// A record was found more than once: its sender is not idempotent, and something doubled it.
pub fn doubled(c: &Clients, name: Name, record: &Record, network: bool) -> Check {
    if !record.idempotent && may_be_doubled(c, name, record, network) {
        return Ok(());
    }
    broken(
        "no-duplicate",
        format!(
            "record {} of sender {} was read {} times; its sender sent nothing again, and no message was doubled",
            name.number, name.sender, record.found
        ),
    )
}

/// Whether the copy that a record's sender was promised is gone with permission: lost, as `promised` says, or
/// deleted by retention, for the partition begins at `first_kept`.
pub fn is_gone(record: &Record, promised: Option<Permitted>, first_kept: Offset) -> bool {
    promised.is_some() || record.offset().is_some_and(|told| told < first_kept)
}

/// A record lies behind a later one of its sender: permitted where something doubled it and the promised copy is
/// `gone` with permission; acks=1 promises no copy beyond the fall of a leader.
pub fn out_of_order(
    c: &Clients,
    (disorder, at): (&Disorder, TopicPartition),
    record: &Record,
    gone: bool,
    network: bool,
) -> Result<Permit, Broken> {
    let Disorder { name, at: offset, behind } = *disorder;
    let late = may_be_doubled(c, name, record, network);
    let gone = gone || (record.acks == Acks::Leader && !record.idempotent);
    if late && gone {
        return Ok(Permit::of(Permitted::Disorder));
    }
    let message = format!(
        "sender {}'s record {} lies in {at} at {offset}, behind its later record {behind}",
        name.sender, name.number
    );
    let resent = c.resent.get(&(name.sender, at)).copied().unwrap_or_default();
    let evidence = vec![
        ("told".to_owned(), record.offset().map_or_else(|| "no offset".to_owned(), |told| told.to_string())),
        ("sent again".to_owned(), format!("{resent} requests of this sender and partition")),
        ("doubled".to_owned(), if network { "some messages of this run" } else { "no message" }.to_owned()),
    ];
    Err(Broken { evidence, ..Broken::new("order", message) })
}
