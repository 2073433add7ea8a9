//! What a replica keeps against what it should: W-LOG on its disk, W-EC and W-PS in its memory.
//!
//! The one place where invariants look into the system: a probe may say one thing and the disk hold another.

use std::collections::BTreeMap;

use bytes::Bytes;
use squall_core::broker::Broker;
use squall_core::ids::{
    BrokerId, LeaderEpoch, NodeId, Offset, ProducerEpoch, ProducerId, Sequence, TopicPartition,
};
use squall_core::log::{Log, WINDOW, unsealed};
use squall_core::partition::directory;
use squall_core::record::{Header, batches};
use squall_sim::engine::World;

use crate::cluster::Member;
use crate::ghost::chronicle::By;
use crate::ghost::partition::Damage;
use crate::ghost::transactions::Transacted;
use crate::ghost::{Batch, PartitionGhost, Shadow};
use crate::invariants::{Check, broken, or};

/// A replica's log was opened and repaired: W-LOG.
///
/// `on_disk` are its whole batches, where the power or the disk failed: after a removal, a cut or a reset that
/// was not durable yet, the old log may be there again, under the same offsets.
pub fn recovered(
    p: &mut PartitionGhost,
    broker: BrokerId,
    (start, end): (Offset, Offset),
    on_disk: &[Batch],
) -> Check {
    let at = p.at;
    let replica = &mut p.replicas[broker.0 as usize];
    let known = replica.log.end();
    let undone = matches!(replica.damage, Damage::Halted | Damage::PowerLoss);
    let first = on_disk.first().filter(|first| first.base == start);
    let other = first.is_some_and(|first| replica.log.iter().next().is_none_or(|batch| !batch.is(first)));
    // What retention or a reset removed since the last sync may be back.
    let is_back = undone && (start < replica.log.start() || other);
    // So may files that compaction has replaced.
    if is_back || (undone && p.compacted.is_some()) {
        // As it was, with what its disk had changed there.
        let back = replica.removed_rot.into_iter().flatten().filter(|&rotten| rotten >= start).min();
        replica.rotten = replica.rotten.into_iter().chain(back).min();
    }
    let least = match replica.damage {
        Damage::None | Damage::Rotten => known,
        Damage::Halted | Damage::PowerLoss => replica.durable.min(known),
        Damage::Wiped => Offset::ZERO,
    };
    let was_rotten = replica.rotten.is_some_and(|rotten| end <= rotten);
    // Whatever its disk has changed it could not keep, nor what lies behind.
    let least = replica.rotten.map_or(least, |rotten| least.min(rotten));
    if end < least {
        return broken(
            "W-LOG",
            format!(
                "broker {broker} recovered {at} up to {end}; it had to keep everything up to {least} of {known}"
            ),
        );
    }
    // A removal or a cut that no sync covered may come back with the power, also both at once.
    let reopened = is_back || (undone && !replica.cut.is_empty());
    let before = reopened.then(|| replica.reopened((start, end), on_disk));
    if end > replica.log.end() {
        return broken(
            "W-LOG",
            format!(
                "broker {broker} recovered {at} up to {end}; it never held more than up to {}",
                replica.log.end()
            ),
        );
    }
    let mut lost = replica.log.truncate(end);
    let start_kept = start >= replica.log.start();
    if replica.log.end() != end || !start_kept {
        return broken(
            "W-LOG",
            format!(
                "broker {broker} recovered {at} as [{start}, {end}); what it had written does not begin and end there"
            ),
        );
    }
    replica.log.advance_start(start);
    if replica.damage >= Damage::PowerLoss {
        // After the death of a mere process a power loss may still bring it back.
        replica.cut.clear();
        replica.removed = Default::default();
        replica.removed_rot = [None; 2];
    }
    replica.cut_claims(end);
    replica.doubtful = false;
    replica.high_watermark = start;
    let damage = if was_rotten { replica.damage.max(Damage::Rotten) } else { replica.damage };
    let when = replica.struck;
    replica.damage = Damage::None;
    replica.refold_producers();
    if let Some(before) = before {
        let holds = |batch: &Batch| replica.log.at(batch.base).is_some_and(|kept| kept.epoch == batch.epoch);
        lost.extend(before.iter().filter(|batch| !holds(batch)));
    }
    p.chronicle.lost((when, broker, By::Fault(damage)), &lost);
    Ok(())
}

/// Retention moved a replica's log start to `start`: whole batches only, and nothing that is not committed.
pub fn shortened(p: &mut PartitionGhost, broker: BrokerId, start: Offset) -> Check {
    let replica = &mut p.replicas[broker.0 as usize];
    let (before, end) = (replica.log.start(), replica.log.end());
    let inside = replica.log.at(start).is_some_and(|batch| batch.base != start);
    if start < before || start > end || inside {
        return broken(
            "W-LOG",
            format!("broker {broker} moved the start of {} to {start} in a log of [{before}, {end})", p.at),
        );
    }
    if start > replica.high_watermark {
        return broken(
            "W-HWB",
            format!(
                "broker {broker} deleted {} up to {start}; its high watermark is {}",
                p.at, replica.high_watermark
            ),
        );
    }
    replica.advance_start(start);
    replica.refold_producers();
    p.chronicle.deleted = p.chronicle.deleted.max(start);
    p.relay(broker);
    Ok(())
}

/// The valid batches of a log on a node's disk, in order.
pub fn batches_on_disk(folder: &str, node: NodeId, world: &World<Member>) -> Vec<Batch> {
    let disk = world.disk(node);
    let files = disk.list(folder);
    let logs = files.iter().filter(|file| file.ends_with(".log"));
    let contents = logs.filter_map(|file| Some(unsealed(file, disk.contents(file)?.to_vec())));
    let found = contents.flat_map(|content| batches(Bytes::from(content)).map_while(Result::ok));
    let shadow = |batch: squall_core::record::Batch| {
        let (base, next, epoch) = (batch.base_offset(), batch.next_offset(), batch.leader_epoch()?);
        Some(Batch { base, next, epoch, crc: batch.crc(), stamp: None })
    };
    found.filter_map(shadow).collect()
}

/// What the names of a replica's files start with.
pub fn folder(at: TopicPartition) -> String {
    format!("{}/", directory(at))
}

/// The base offset of a segment of the partition, from its file's name.
pub fn base_of(at: TopicPartition, file: &str) -> Option<Offset> {
    let name = file.strip_prefix(&directory(at))?.strip_prefix('/')?;
    name.strip_suffix(".log")?.parse().ok().map(Offset)
}

/// The first batch of a replica of which its disk has changed bytes.
pub fn first_rotten(at: TopicPartition, broker: BrokerId, world: &World<Member>) -> Option<Offset> {
    let disk = world.disk(broker.node());
    let prefix = folder(at);
    let mut first = None;
    for file in disk.list(&prefix).iter().filter(|file| file.ends_with(".log")) {
        let Some(rotten) = disk.rotten(file).iter().map(|&(start, _)| start).min() else { continue };
        let Some(mut offset) = base_of(at, file) else { continue };
        let mut rest = disk.contents(file).unwrap_or_default();
        let mut position = 0;
        while let Ok(header) = Header::peek(rest)
            && position + header.size <= rotten
            && header.size <= rest.len()
        {
            offset = header.next_offset();
            position += header.size;
            rest = &rest[header.size..];
        }
        first = first.min(Some(offset)).or(Some(offset));
    }
    first
}

/// Every batch on the disk is valid and the one that was written; none is missing. What its disk has changed,
/// and what lies behind, is not looked at: the replica will find it when it reads.
pub fn on_disk(p: &PartitionGhost, broker: BrokerId, world: &World<Member>) -> Check {
    let at = p.at;
    let (shadow, rotten) = (&*p.lies(broker), p.replicas[broker.0 as usize].rotten);
    let disk = world.disk(broker.node());
    let mut written = shadow.iter();
    let mut end = shadow.start();
    for file in disk.list(&folder(at)) {
        if !file.ends_with(".log") {
            continue;
        }
        let content = Bytes::from(unsealed(&file, disk.contents(&file).unwrap_or_default().to_vec()));
        for batch in batches(content) {
            if rotten == Some(end) {
                return Ok(());
            }
            let batch = match batch {
                Ok(batch) => batch,
                Err(why) => {
                    return broken(
                        "W-LOG",
                        format!("broker {broker} keeps a bad batch of {at} at {end} in {file}: {why}"),
                    );
                }
            };
            if batch.next_offset() <= shadow.start() {
                continue;
            }
            let expected = written.next();
            let same = expected.is_some_and(|expected| {
                (expected.base, expected.next) == (batch.base_offset(), batch.next_offset())
                    && (Some(expected.epoch), expected.crc) == (batch.leader_epoch(), batch.crc())
            });
            if !same {
                return broken(
                    "W-LOG",
                    format!(
                        "broker {broker} keeps of {at} [{}, {}) of epoch {}, crc {:08x}, where it wrote {}",
                        batch.base_offset(),
                        batch.next_offset(),
                        or(batch.leader_epoch(), "none"),
                        batch.crc(),
                        or(expected, "nothing")
                    ),
                );
            }
            end = batch.next_offset();
        }
    }
    if end != shadow.end() {
        return broken(
            "W-LOG",
            format!("broker {broker} keeps {at} up to {end}; it wrote up to {}", shadow.end()),
        );
    }
    Ok(())
}

/// W-EC and W-PS: the tables in memory are the folds of the log.
pub fn folds(p: &PartitionGhost, broker: BrokerId, world: &World<Member>) -> Check {
    match log_of(world, broker, p) {
        Some(log) => tables(p, broker, log),
        None => Ok(()),
    }
}

/// The tables of one log against the folds of its shadow.
pub fn tables(p: &PartitionGhost, broker: BrokerId, log: &Log) -> Check {
    let shadow = &*p.lies(broker);
    let expected = epochs(shadow);
    if log.epochs().entries() != expected {
        return broken(
            "W-EC",
            format!(
                "broker {broker}'s epoch cache of {} is {:?}; its log says {expected:?}",
                p.at,
                log.epochs().entries()
            ),
        );
    }
    let (kept, expected) = (kept_producers(log), producers(shadow, &p.transacted));
    if kept != expected {
        let mut ids = expected.keys().chain(kept.keys()).copied();
        let differs = ids.find(|id| kept.get(id) != expected.get(id)).unwrap_or_default();
        return broken(
            "W-PS",
            format!(
                "broker {broker}'s table of producers of {} has {} of {}; of producer id {differs} its log says {}, the table {}",
                p.at,
                kept.len(),
                expected.len(),
                or(expected.get(&differs).map(in_words), "nothing"),
                or(kept.get(&differs).map(in_words), "nothing")
            ),
        );
    }
    Ok(())
}

fn log_of<'a>(world: &'a World<Member>, broker: BrokerId, p: &PartitionGhost) -> Option<&'a Log> {
    let broker: &Broker = crate::checks::broker(world, broker.node())?;
    Some(broker.partition(p.at)?.log())
}

fn epochs(shadow: &Shadow) -> Vec<(LeaderEpoch, Offset)> {
    let mut epochs: Vec<(LeaderEpoch, Offset)> = Vec::new();
    for batch in shadow.iter() {
        if epochs.last().is_none_or(|last| last.0 != batch.epoch) {
            epochs.push((batch.epoch, batch.base));
        }
    }
    epochs
}

/// A producer's reign and its last batches in it: sequence, record count, offset.
type Window = (ProducerEpoch, Vec<(Sequence, u32, Offset)>);

fn in_words((epoch, batches): &Window) -> String {
    let batches = batches
        .iter()
        .map(|(sequence, count, base)| format!("{count} from sequence {sequence} on at offset {base}"));
    format!("epoch {epoch} with {}", batches.collect::<Vec<_>>().join(" and "))
}

fn producers(shadow: &Shadow, transacted: &Transacted) -> BTreeMap<ProducerId, Window> {
    let mut producers: BTreeMap<ProducerId, Window> = BTreeMap::new();
    for batch in shadow.iter() {
        let author = || transacted.author(batch).map(|author| (author.producer, author.epoch));
        let Some((id, epoch)) = batch.stamp.map(|(id, epoch, _)| (id, epoch)).or_else(author) else {
            continue;
        };
        let (known, window) = producers.entry(id).or_insert((epoch, Vec::new()));
        if *known != epoch {
            *known = epoch;
            window.clear();
        }
        // A marker, and offsets within a transaction, have no place in the stream.
        let Some((_, _, base)) = batch.stamp else { continue };
        if window.len() == WINDOW {
            window.remove(0);
        }
        window.push((base, batch.count() as u32, batch.base));
    }
    producers
}

fn kept_producers(log: &Log) -> BTreeMap<ProducerId, Window> {
    let states = log.producers().iter().map(|state| {
        let batches = state.batches().iter().map(|batch| (batch.sequence, batch.count, batch.base)).collect();
        (state.id(), (state.epoch(), batches))
    });
    states.collect()
}
