//! What clients saw: durability, no duplicate, order, no skip, no phantom. Black box but for the contract.

use squall_core::ids::{NodeId, Offset, TopicPartition};

use crate::ghost::clients::{Disorder, Identities, Name, Reader, Record, Told};
use crate::ghost::{Clients, PartitionGhost};
use crate::invariants::{Broken, Check, broken};

/// A reader was handed a record.
pub fn consumed(
    c: &mut Clients,
    reader: NodeId,
    at: TopicPartition,
    offset: Offset,
    record: Option<u64>,
    last_reading: bool,
) -> Check {
    in_order(c, reader, at, offset)?;
    let Some(name) = record.map(Name::unpack) else {
        return broken(
            "no-phantom",
            format!("reader {reader} got {at} offset {offset} without a record's name in it"),
        );
    };
    let Some(known) = c.record(name) else {
        return broken(
            "no-phantom",
            format!(
                "reader {reader} got {at} offset {offset}, which names record {} of {}: never sent",
                name.number, name.sender
            ),
        );
    };
    let first = in_one_partition(known, name, at)?;
    if known.told == Told::Refused {
        return broken(
            "no-phantom",
            format!(
                "reader {reader} got {at} offset {offset}; the sender {} of record {} was told that it is not there",
                name.sender, name.number
            ),
        );
    }
    if known.offset().is_none() {
        known.found_at(offset);
    }
    if first {
        at_home(c, name, at)?;
    }
    if last_reading { read_again(c, at, offset, name) } else { Ok(()) }
}

/// A sender's word on a record.
pub fn told(
    c: &mut Clients,
    name: Name,
    told: Told,
    at: Option<TopicPartition>,
    offset: Option<Offset>,
) -> Check {
    let Some(known) = c.record(name) else {
        return broken(
            "no-phantom",
            format!("sender {} was told of record {}, which it never sent", name.sender, name.number),
        );
    };
    if known.told != Told::Nothing {
        return broken(
            "no-phantom",
            format!("sender {} was told twice what became of record {}", name.sender, name.number),
        );
    }
    known.told = told;
    if told == Told::Refused
        && let Some(offset) = known.offset()
    {
        return broken(
            "no-phantom",
            format!(
                "sender {} was told that record {} is not there; a reader had it at {offset}",
                name.sender, name.number
            ),
        );
    }
    if let Some(offset) = offset {
        known.found_at(offset);
    }
    let Some(at) = at else { return Ok(()) };
    if in_one_partition(known, name, at)? { at_home(c, name, at) } else { Ok(()) }
}

/// Answers whether this is the first that is heard of its partition.
fn in_one_partition(known: &mut Record, name: Name, at: TopicPartition) -> Result<bool, Broken> {
    match known.at.replace(at) {
        Some(other) if other != at => broken(
            "no-duplicate",
            format!("record {} of sender {} is in {other} and in {at}", name.number, name.sender),
        )
        .map(|()| false),
        Some(_) => Ok(false),
        None => Ok(true),
    }
}

/// Records of one key lie in one partition, or their order would mean nothing.
fn at_home(c: &mut Clients, name: Name, at: TopicPartition) -> Check {
    let Some(key) = c.key(name) else { return Ok(()) };
    let home = *c.homes.entry(key).or_insert(at);
    if home == at {
        return Ok(());
    }
    broken(
        "key",
        format!(
            "record {} of sender {} has key {key} and lies in {at}; that key's partition is {home}",
            name.number, name.sender
        ),
    )
}

/// No gap and no step back, but where the reader said that it moved.
fn in_order(c: &mut Clients, reader: NodeId, at: TopicPartition, offset: Offset) -> Check {
    let place = c.readers.entry((reader, at)).or_insert(Reader { next: None });
    match place.next.replace(offset.plus(1)) {
        Some(expected) if expected != offset => {
            broken("no-skip", format!("reader {reader} of {at} was at {expected} and got {offset}"))
        }
        Some(_) | None => Ok(()),
    }
}

/// A reader's position moved other than by reading: only what is gone may be passed over.
pub fn moved(
    c: &mut Clients,
    p: &PartitionGhost,
    reader: NodeId,
    (from, to): (Offset, Offset),
    truncated: bool,
) -> Check {
    let at = p.at;
    if !p.unclean {
        // A committed record is never cut, so a reader, who sees nothing else, is never behind a cut.
        if truncated {
            return broken(
                "W-CR",
                format!(
                    "reader {reader} of {at} was sent back from {from} to {to}, though nothing committed was ever cut"
                ),
            );
        }
        let start = p.first_kept();
        if to > start.max(from) {
            return broken(
                "no-skip",
                format!(
                    "reader {reader} of {at} was moved from {from} to {to}; records from {start} on are kept"
                ),
            );
        }
    }
    if let Some(place) = c.readers.get_mut(&(reader, at)) {
        place.next = Some(to);
    }
    Ok(())
}

/// A client was given a producer id: W-PID.
pub fn identified(identities: &mut Identities, node: NodeId, id: u64) -> Check {
    match identities.give(id, node) {
        Some(other) => {
            broken("W-PID", format!("producer id {id} was given to node {other} and to node {node}"))
        }
        None => Ok(()),
    }
}

/// The last reading, from the start of each log.
fn read_again(c: &mut Clients, at: TopicPartition, offset: Offset, name: Name) -> Check {
    let Some(known) = c.record(name) else { return Ok(()) };
    known.found = known.found.saturating_add(1);
    let (first, known) = (known.found == 1, *known);
    if let Some(key) = c.key(name) {
        c.latest.insert((at, key), offset);
    }
    let said = known.offset().is_none_or(|said| said == offset);
    if said {
        c.astray.remove(&name);
    } else if first && known.told == Told::Delivered {
        c.astray.insert(name);
    }
    if !first {
        if known.idempotent {
            return broken(
                "no-duplicate",
                format!(
                    "record {} of idempotent sender {} is in {at} twice, again at {offset}",
                    name.number, name.sender
                ),
            );
        }
        return Ok(());
    }
    // What nobody was told is there has no place, and acks=0 promises none.
    if known.told != Told::Delivered || known.acks == squall_core::message::Acks::None {
        return Ok(());
    }
    match c.last_read.get(&(name.sender, at)) {
        // Judged when all is read: it may be a late copy of one that was lost with permission.
        Some(&last) if last > name.number => c.disorder.push(Disorder { name, at: offset, behind: last }),
        Some(_) | None => {
            c.last_read.insert((name.sender, at), name.number);
        }
    }
    Ok(())
}
