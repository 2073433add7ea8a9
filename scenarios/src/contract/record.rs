//! One record against its promise: durability.
//!
//! A record whose sender was told an offset is one of the batches that were ever written there. Each of them is
//! weighed: one that somebody holds was read, so it is another record's; one that is gone had to be allowed to
//! go. One batch that was not suffices for a violation, whoever's record it held.

use std::ops::Range;

use squall_core::ids::Offset;
use squall_core::message::Acks;

use crate::checks::Permitted;
use crate::contract::Permit;
use crate::ghost::chronicle::By;
use crate::ghost::clients::{Name, Record, Told};
use crate::ghost::copies::Evidence;
use crate::ghost::{Batch, Clients, PartitionGhost};
use crate::invariants::{Broken, broken, compaction};

/// What is known about the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ending {
    /// Nobody may lead the partition any more, with permission: it was not read again.
    pub orphaned: bool,
    /// Wipes destroyed the controllers' log: nothing was read again.
    pub no_metadata: bool,
    /// The network doubled messages in this run.
    pub doubled: bool,
}

/// What an acknowledged record's absence comes to.
type Ruling = Result<Option<Permit>, Broken>;

/// What became of one record of the partition `p`; what went wrong with permission is answered.
pub fn judge(p: &PartitionGhost, c: &Clients, name: Name, record: &Record, ending: Ending) -> Ruling {
    match record.told {
        Told::Nothing if ending.no_metadata => Ok(Some(Permit::of(Permitted::MetadataLost))),
        Told::Nothing => broken(
            "durability",
            format!("sender {} was never told what became of record {}", name.sender, name.number),
        )
        .map(|()| None),
        // Found or not was judged when it was read.
        Told::Refused => Ok(None),
        Told::Unknown if record.found > 0 => Ok(Some(Permit::of(Permitted::UnknownLanded))),
        Told::Unknown => Ok(Some(Permit::of(Permitted::UnknownMissing))),
        Told::Delivered if record.found > 0 => found(p, c, name, record, ending),
        Told::Delivered => missing(p, c, name, record, ending).map(Some),
    }
}

fn found(p: &PartitionGhost, c: &Clients, name: Name, record: &Record, ending: Ending) -> Ruling {
    if record.found > 1 {
        super::order::doubled(c, name, record, ending.doubled)?;
        return Ok(Some(Permit { times: record.found - 1, ..Permit::of(Permitted::Duplicates) }));
    }
    if !c.astray.contains(&name) {
        return Ok(None);
    }
    // What was promised is an offset, not just some copy: that one is judged like any that is missing.
    let Permit { what, copy, .. } = missing(p, c, name, record, ending)?;
    let was_deleted = what == Permitted::RetentionDeleted;
    Ok((!was_deleted).then_some(Permit { copy, ..Permit::of(Permitted::Elsewhere) }))
}

/// Why a record may be missing where its sender was told that it is.
fn missing(
    p: &PartitionGhost,
    c: &Clients,
    name: Name,
    record: &Record,
    ending: Ending,
) -> Result<Permit, Broken> {
    if record.acks == Acks::None {
        return Ok(Permit::of(Permitted::Acks0Lost));
    }
    if ending.no_metadata {
        return Ok(Permit::of(Permitted::MetadataLost));
    }
    let place = match record.offset() {
        Some(offset) => offset..offset.plus(1),
        // Its sender was told no offset: the broker remembered only that it had it.
        None => between_neighbours(p, c, name, record),
    };
    if place.start < p.chronicle.deleted {
        return Ok(Permit::of(Permitted::RetentionDeleted));
    }
    lost_at(p, record.acks, place.clone(), ending.orphaned)
        .map_err(|evidence| lost(p, name, record, evidence))
}

/// Where a record without an offset can lie: its sender's acknowledged records lie in sending order.
fn between_neighbours(p: &PartitionGhost, c: &Clients, name: Name, record: &Record) -> Range<Offset> {
    let all = c.sent.get(&name.sender).map_or(&[][..], Vec::as_slice);
    let (before, after) = all.split_at((name.number as usize).min(all.len()));
    let known = |other: &&Record| other.at == record.at && other.told == Told::Delivered;
    let first =
        before.iter().rev().filter(known).find_map(Record::offset).map_or(Offset::ZERO, |o| o.plus(1));
    let last = after.iter().filter(known).find_map(Record::offset);
    let ends = p.replicas.iter().map(|replica| replica.log.end()).chain([p.true_end()]);
    first..last.unwrap_or_else(|| ends.max().unwrap_or_default()).max(first)
}

/// What became of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is there, or was never promised: the record was in another.
    Innocent,
    /// It is gone and may be.
    May(Permitted),
    /// It is gone and may not be.
    MayNot,
}

/// Weighs every batch that was ever written in `place`.
fn lost_at(p: &PartitionGhost, acks: Acks, place: Range<Offset>, orphaned: bool) -> Result<Permit, Evidence> {
    let mut permit = None;
    let mut evidence = Evidence::new();
    let mut offset = place.start;
    while offset < place.end {
        let mut next = offset.plus(1);
        for batch in p.written(offset) {
            match fate(p, batch, offset, acks, orphaned) {
                Fate::Innocent => next = next.max(batch.next),
                Fate::May(what) => {
                    permit = permit.or(Some(Permit { what, times: 1, copy: Some((batch.epoch, offset)) }))
                }
                Fate::MayNot => return Err(p.evidence(batch.epoch, offset)),
            }
            evidence.extend(p.evidence(batch.epoch, offset));
        }
        if permit.is_some() {
            break;
        }
        offset = next;
    }
    permit.ok_or(evidence)
}

fn fate(p: &PartitionGhost, batch: &Batch, offset: Offset, acks: Acks, orphaned: bool) -> Fate {
    let epoch = batch.epoch;
    if p.holders(epoch, offset).next().is_some() {
        return if orphaned {
            Fate::May(Permitted::Unreadable)
        } else if p.compacted.is_some() && compaction::may_be_missing(p, offset) {
            Fate::May(Permitted::Displaced)
        } else {
            Fate::Innocent
        };
    }
    if p.was_committed(epoch, offset) {
        return if p.betrayed(epoch, offset).is_some() {
            Fate::May(Permitted::UncleanLost)
        } else if p.beyond && p.destroyed(epoch, offset) {
            Fate::May(Permitted::DamageLost)
        } else {
            Fate::MayNot
        };
    }
    match acks {
        Acks::All => Fate::Innocent,
        Acks::Leader | Acks::None if fell(p, batch, offset) => Fate::May(Permitted::Acks1Lost),
        Acks::Leader | Acks::None => Fate::MayNot,
    }
}

/// Whether the leader that wrote the batch, which was never committed, lost it to a fault or to a later leader.
fn fell(p: &PartitionGhost, batch: &Batch, offset: Offset) -> bool {
    let later = |by: By| match by {
        By::Fault(_) => true,
        By::Cut(reign) | By::Dropped(reign) => reign > batch.epoch,
    };
    let leader = p.leader_of(batch.epoch);
    let losses = || p.chronicle.of(batch.epoch, offset);
    losses().any(|loss| Some(loss.broker) == leader) && losses().all(|loss| later(loss.by))
}

fn lost(p: &PartitionGhost, name: Name, record: &Record, evidence: Evidence) -> Broken {
    let place =
        record.offset().map_or_else(|| "an unknown offset".to_owned(), |offset| format!("offset {offset}"));
    let acks = record.acks_word();
    let message = format!(
        "record {} of sender {}, acknowledged with acks={acks} at {place} of {}, is not read again there",
        name.number, name.sender, p.at
    );
    Broken { evidence, ..Broken::new("durability", message) }
}
