//! What compaction may remove: W-CLEAN, and what readers may find missing because of it.

use std::collections::BTreeMap;

use squall_core::ids::{BrokerId, LeaderEpoch, NodeId, Offset};
use squall_core::log::Cleaned;
use squall_core::message::Acks;

use crate::ghost::clients::{Name, Reader, Record, Told};
use crate::ghost::compacted::Piece;
use crate::ghost::{Batch, Clients, PartitionGhost};
use crate::invariants::{Check, broken, or};

/// A follower took in a batch that its leader's compaction had thinned out, and with it what once lay there.
pub fn taken_in(p: &mut PartitionGhost, broker: BrokerId, piece: &Piece, originals: &[Batch]) -> Check {
    let Batch { base, next, epoch, .. } = piece.batch;
    let whole = originals.first().map(|first| first.base) == Some(base)
        && originals.last().map(|last| last.next) == Some(next)
        && originals.windows(2).all(|pair| pair[0].next == pair[1].base);
    if !whole {
        return broken(
            "W-UNIQ",
            format!(
                "broker {broker} wrote a compacted batch of {} at [{base}, {next}), where epoch {epoch} has no such batches",
                p.at
            ),
        );
    }
    lacks(p, broker, piece)?;
    let replica = &mut p.replicas[broker.0 as usize];
    for original in originals {
        let end = replica.log.end();
        if !replica.log.push(*original) {
            return broken(
                "W-REP",
                format!("broker {broker} wrote [{base}, {next}) of {} at its log end {end}", p.at),
            );
        }
    }
    replica.refold_producers();
    Ok(())
}

/// Compaction wrote a stretch of a replica's log anew.
pub fn cleaned(p: &mut PartitionGhost, broker: BrokerId, cleaned: &Cleaned) -> Check {
    p.count_keys();
    let Cleaned { from, to, limit, now_millis, .. } = *cleaned;
    let (at, true_end, unclean) = (p.at, p.true_end(), p.unclean);
    if limit > true_end && !unclean {
        return broken(
            "W-CLEAN",
            format!(
                "broker {broker} cleaned {at} by what lies below {limit}; committed is only up to {true_end}"
            ),
        );
    }
    let Some(compacted) = &mut p.compacted else { return Ok(()) };
    let pieces: Vec<Piece> = cleaned.batches.iter().map(Piece::from).collect();
    let old = compacted.rewrite(broker, (from, to), pieces.clone());
    for piece in pieces.iter().filter(|piece| !piece.kept.is_empty()) {
        p.keeps_author(&piece.batch);
    }
    let held: BTreeMap<Offset, (LeaderEpoch, Option<u64>)> = old
        .values()
        .flat_map(|piece| {
            piece.kept.iter().map(|&offset| (offset, (piece.batch.epoch, piece.delete_horizon)))
        })
        .collect();
    let kept =
        || pieces.iter().flat_map(|piece| piece.kept.iter().map(|&offset| (offset, piece.batch.epoch)));
    if let Some((offset, epoch)) =
        kept().find(|(offset, epoch)| held.get(offset).map(|held| held.0) != Some(*epoch))
    {
        return broken(
            "W-CLEAN",
            format!(
                "after cleaning broker {broker} holds {at} offset {offset} of epoch {epoch}, which it did not hold before"
            ),
        );
    }
    let places = || pieces.windows(2).all(|pair| pair[0].batch.next == pair[1].batch.base);
    let ends = (pieces.first().map(|piece| piece.batch.base), pieces.last().map(|piece| piece.batch.next));
    if ends != (Some(from), Some(to)) || !places() {
        return broken("W-CLEAN", format!("cleaning {at} [{from}, {to}), broker {broker} left a hole"));
    }
    for (&offset, &(epoch, horizon)) in &held {
        if kept().any(|(other, _)| other == offset) {
            continue;
        }
        let over = horizon.is_some_and(|horizon| horizon <= now_millis);
        let compacted = p.compacted.as_mut().expect("it was just there");
        if over && compacted.record(offset, epoch).is_some_and(|fact| fact.tombstone) && offset < limit {
            compacted.expire(offset);
        }
        may_lack(p, broker, offset, epoch)?;
    }
    Ok(())
}

/// Whatever a replica of a compacted partition lacks it may lack.
pub fn kept(p: &mut PartitionGhost, broker: BrokerId) -> Check {
    p.count_keys();
    let Some(compacted) = &p.compacted else { return Ok(()) };
    compacted.layout(broker).filter(|piece| piece.is_thinned()).try_for_each(|piece| gaps(p, broker, piece))
}

fn lacks(p: &mut PartitionGhost, broker: BrokerId, piece: &Piece) -> Check {
    p.count_keys();
    gaps(p, broker, piece)
}

fn gaps(p: &PartitionGhost, broker: BrokerId, piece: &Piece) -> Check {
    piece.gaps().try_for_each(|offset| may_lack(p, broker, offset, piece.batch.epoch))
}

/// Only a committed record goes, and only if a newer one of its key is committed too, or its time is over.
fn may_lack(p: &PartitionGhost, broker: BrokerId, offset: Offset, epoch: LeaderEpoch) -> Check {
    if p.unclean || offset < p.committed.start() {
        return Ok(());
    }
    let committed = p.committed.at(offset).is_some_and(|batch| batch.epoch == epoch);
    let out_of_date = p.compacted.as_ref().is_some_and(|compacted| compacted.is_out_of_date(offset, epoch));
    if committed && out_of_date {
        return Ok(());
    }
    let why = if committed { "no newer record of its key is committed" } else { "it is not committed" };
    broken(
        "W-CLEAN",
        format!(
            "compaction took offset {offset} of epoch {epoch} of {} from broker {broker}, though {why}",
            p.at
        ),
    )
}

/// A reader was handed `offset` and not what lies before it: compaction may have removed that.
pub fn passed_over(p: &mut PartitionGhost, c: &mut Clients, reader: NodeId, offset: Offset) -> Check {
    let Some(place) = c.readers.get_mut(&(reader, p.at)) else { return Ok(()) };
    let Reader { next: Some(next) } = *place else { return Ok(()) };
    if p.compacted.is_none() || next >= offset {
        return Ok(());
    }
    p.count_keys();
    for missing in (next.0..offset.0).map(Offset) {
        if !may_be_missing(p, missing) {
            return broken(
                "no-skip",
                format!(
                    "reader {reader} of {} was at {next} and got {offset}; the record at {missing} is the newest of its key",
                    p.at
                ),
            );
        }
    }
    place.next = Some(offset);
    Ok(())
}

/// Whether a reader need not be handed what is committed at `offset`.
pub fn may_be_missing(p: &PartitionGhost, offset: Offset) -> bool {
    if p.unclean || offset < p.committed.start() {
        return true;
    }
    let Some(compacted) = &p.compacted else { return false };
    p.committed.at(offset).is_some_and(|batch| compacted.is_out_of_date(offset, batch.epoch))
}

/// What was read last of each key, against the newest record of it that was acknowledged. Black box but for
/// tombstones whose time was over: whoever had not seen one by then still has the value before it.
pub fn latest(p: &PartitionGhost, c: &Clients) -> Result<u64, crate::invariants::Broken> {
    let Some(compacted) = &p.compacted else { return Ok(0) };
    let mut newest: BTreeMap<u32, (Offset, Name)> = BTreeMap::new();
    for (name, record) in c.records().filter(|(_, record)| is_promised(record, p)) {
        let (Some(key), Some(offset)) = (c.key(name), record.offset()) else { continue };
        let known = newest.entry(key).or_insert((offset, name));
        *known = (*known).max((offset, name));
    }
    let mut compared = 0;
    for (key, (offset, name)) in newest {
        let read = c.latest.get(&(p.at, key)).copied();
        // A record that displaced it may be gone by now, with permission; nobody else may.
        let newest = compacted.newest_of(&key.to_be_bytes()).max(Some(offset)).unwrap_or(offset);
        if read >= Some(offset) || compacted.is_expired(newest) || newest < p.chronicle.deleted {
            compared += 1;
            continue;
        }
        return broken(
            "latest-value",
            format!(
                "the newest record of key {key} that was acknowledged is {} of sender {} at offset {offset} of {}; the last one read is at {}",
                name.number, name.sender, p.at, or(read, "none")
            ),
        )
        .map(|()| 0);
    }
    Ok(compared)
}

/// Whether the first copy of a record that was found at `offset` may have been displaced by that second one.
pub fn may_have_displaced(p: &PartitionGhost, c: &Clients, name: Name, offset: Offset) -> bool {
    let Some((compacted, key)) = p.compacted.as_ref().zip(c.key(name)) else { return false };
    compacted.has_displaced(&key.to_be_bytes(), offset)
}

fn is_promised(record: &Record, p: &PartitionGhost) -> bool {
    record.at == Some(p.at) && record.told == Told::Delivered && record.acks == Acks::All
}
