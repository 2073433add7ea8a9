//! Compaction: what must not go, and what may.

use bytes::Bytes;
use squall_core::ids::{BrokerId, LeaderEpoch, NodeId, Offset, ProducerEpoch, ProducerId};
use squall_core::log::{Cleaned, CleanedBatch};
use squall_core::message::Acks;

use super::fires::History;
use super::histories::{AT, batch, partition};
use crate::checks::Permitted;
use crate::contract::record::{self, Ending};
use crate::ghost::clients::{Name, Told};
use crate::ghost::transactions::Author;
use crate::ghost::{Clients, PartitionGhost};
use crate::invariants::{Check, clients, compaction, replication};

/// Those that break something here.
pub(super) const HISTORIES: &[History] = &[
    ("W-CLEAN", || clean(&mut compacted(2), 3, &[(0, 1, 7), (1, 2, 1), (2, 3, 2)], 0)),
    ("W-CLEAN", || clean(&mut compacted(2), 2, &[(0, 1, 7), (1, 2, 1)], 0)),
    ("W-CLEAN", || clean(&mut compacted(5), 5, &[(0, 2, 7), (2, 3, 2), (3, 4, 3), (4, 5, 7)], 0)),
    ("W-CLEAN", a_tombstone_goes_before_its_time),
    ("W-CLEAN", || clean(&mut compacted(5), 3, &[(1, 2, 1), (2, 3, 2)], 0)),
    ("W-CLEAN", a_record_comes_back),
    ("W-CLEAN", || takes_in(&mut compacted(2), 2, 3)),
    ("W-UNIQ", || takes_in(&mut compacted(5), 2, 9)),
    ("no-skip", || passes_over(&mut compacted(5), 1, 3)),
    ("latest-value", || reads_last(&compacted(5), 0)),
];

const FOLLOWER: BrokerId = BrokerId(2);
const READER: NodeId = NodeId(20);
const KEYS: [u32; 5] = [1, 2, 1, 2, 3];

fn key(offset: u64) -> Bytes {
    Bytes::copy_from_slice(&KEYS[offset as usize].to_be_bytes())
}

/// Of keys 1, 2, 1, 2, 3 broker 0 wrote one record each, the second of key 2 is a tombstone; a follower has the
/// first two. So many are committed.
fn compacted(records: u64) -> PartitionGhost {
    let mut p = partition();
    for offset in 0..5 {
        for broker in [BrokerId(0), FOLLOWER] {
            if broker == FOLLOWER && offset >= 2 {
                continue;
            }
            let written = batch(offset, offset + 1, 1, 100 + offset as u32);
            p.holding(broker, Offset(offset), None, &[(Offset(offset), Some(key(offset)), offset == 3)]);
            assert_eq!(p.laid_down(broker, written), None, "nobody has compacted it");
            replication::appended(&mut p, broker, written, broker != FOLLOWER).expect("it leads");
        }
        if offset < records {
            assert!(p.committed.push(batch(offset, offset + 1, 1, 100 + offset as u32)));
        }
    }
    p
}

/// A batch that keeps the record at `kept`, or none if that is 7.
fn left((base, next, kept): (u64, u64, u64), delete_horizon: Option<u64>) -> CleanedBatch {
    let kept = if kept == 7 { Vec::new() } else { vec![Offset(kept)] };
    let crc = if kept.is_empty() { 7 } else { 100 + base as u32 };
    let (base, next, epoch) = (Offset(base), Offset(next), LeaderEpoch(1));
    CleanedBatch { base, next, epoch, crc, stamp: None, delete_horizon, kept }
}

/// Broker 0 cleans its log up to `limit`, and that is left of it.
fn clean(p: &mut PartitionGhost, limit: u64, batches: &[(u64, u64, u64)], now_millis: u64) -> Check {
    clean_with(p, limit, batches, (None, now_millis))
}

fn clean_with(
    p: &mut PartitionGhost,
    limit: u64,
    batches: &[(u64, u64, u64)],
    (delete_horizon, now_millis): (Option<u64>, u64),
) -> Check {
    let batches = batches.iter().map(|&batch| left(batch, delete_horizon)).collect();
    let (from, to) = (Offset(0), Offset(limit));
    compaction::cleaned(p, BrokerId(0), &Cleaned { from, to, limit: to, now_millis, batches })
}

/// What is left of a log of which everything out of date is gone.
const CLEAN: &[(u64, u64, u64)] = &[(0, 2, 7), (2, 3, 2), (3, 4, 3), (4, 5, 4)];

fn a_tombstone_goes_before_its_time() -> Check {
    let mut p = compacted(5);
    clean_with(&mut p, 5, CLEAN, (Some(100), 0))?;
    clean(&mut p, 5, &[(0, 2, 7), (2, 3, 2), (3, 4, 7), (4, 5, 4)], 99)
}

fn a_record_comes_back() -> Check {
    let mut p = compacted(5);
    clean(&mut p, 5, CLEAN, 0)?;
    clean(&mut p, 5, &[(0, 1, 0), (1, 2, 7), (2, 3, 2), (3, 4, 3), (4, 5, 4)], 0)
}

/// A follower that ends at 2 writes a filler.
fn takes_in(p: &mut PartitionGhost, base: u64, next: u64) -> Check {
    let filler = batch(base, next, 1, 7);
    p.holding(FOLLOWER, Offset(base), None, &[]);
    let (piece, originals) = p.laid_down(FOLLOWER, filler).expect("it holds nothing");
    compaction::taken_in(p, FOLLOWER, &piece, &originals)
}

fn passes_over(p: &mut PartitionGhost, from: u64, to: u64) -> Check {
    let mut c = Clients::default();
    c.readers.insert((READER, AT), crate::ghost::clients::Reader { next: Some(Offset(from)) });
    compaction::passed_over(p, &mut c, READER, Offset(to))
}

/// The records were acknowledged; of key 1 the last one read lies at `offset`.
fn reads_last(p: &PartitionGhost, offset: u64) -> Check {
    let mut p = p.clone();
    p.count_keys();
    let mut c =
        Clients { keys: std::sync::Arc::new([(9, KEYS.map(Some).to_vec())].into()), ..Clients::default() };
    for number in [0, 2] {
        let name = Name { sender: 9, number };
        while c.record(name).is_none() {
            let next = c.sent.get(&9).map_or(0, Vec::len) as u32;
            c.sent(Name { sender: 9, number: next }, Acks::All, true);
        }
        clients::told(&mut c, name, Told::Delivered, Some(AT), Some(Offset(u64::from(number))))?;
    }
    c.latest.insert((AT, 1), Offset(offset));
    compaction::latest(&p, &c).map(|_| ())
}

#[test]
fn what_is_out_of_date_may_go_and_be_passed_over_and_is_no_loss() {
    let mut p = compacted(5);
    clean(&mut p, 5, CLEAN, 0).unwrap();
    passes_over(&mut p, 0, 2).unwrap();
    reads_last(&p, 2).unwrap();
    let mut c = Clients::default();
    let name = Name { sender: 9, number: 0 };
    c.sent(name, Acks::All, true);
    clients::told(&mut c, name, Told::Delivered, Some(AT), Some(Offset(0))).unwrap();
    let record = *c.record(name).unwrap();
    let permit = record::judge(&p, &c, name, &record, Ending::default()).unwrap().unwrap();
    assert_eq!(permit.what, Permitted::Displaced);
}

#[test]
fn a_tombstone_may_go_when_its_time_is_over() {
    let mut p = compacted(5);
    clean_with(&mut p, 5, CLEAN, (Some(100), 0)).unwrap();
    clean(&mut p, 5, &[(0, 2, 7), (2, 3, 2), (3, 4, 7), (4, 5, 4)], 100).unwrap();
    passes_over(&mut p, 3, 4).unwrap();
}

#[test]
fn a_follower_that_copies_a_compacted_log_holds_what_once_lay_there() {
    let mut p = compacted(5);
    clean_with(&mut p, 5, CLEAN, (Some(100), 0)).unwrap();
    clean(&mut p, 5, &[(0, 2, 7), (2, 3, 2), (3, 4, 7), (4, 5, 4)], 100).unwrap();
    let third = batch(2, 3, 1, 102);
    p.holding(FOLLOWER, Offset(2), None, &[(Offset(2), Some(key(2)), false)]);
    assert_eq!(p.laid_down(FOLLOWER, third), None);
    replication::appended(&mut p, FOLLOWER, third, false).unwrap();
    takes_in(&mut p, 3, 4).unwrap();
    assert_eq!(p.refresh(FOLLOWER), Offset(4), "it agrees with the committed log");
    assert_eq!(p.lies(FOLLOWER).last().map(|batch| batch.crc), Some(7), "a filler lies on its disk");
    compaction::kept(&mut p, FOLLOWER).unwrap();
}

#[test]
fn a_batch_that_compaction_thinned_out_is_still_part_of_its_transaction() {
    let mut p = partition();
    for wrote in [batch(0, 2, 1, 7), batch(2, 3, 1, 8)] {
        replication::appended(&mut p, BrokerId(0), wrote, true).expect("it is the leader's");
    }
    let author = Author { producer: ProducerId(4), epoch: ProducerEpoch(1), marks: false };
    p.transacted.note(&batch(0, 2, 1, 7), author);
    let (thinned, filler) = (batch(0, 2, 1, 9), batch(0, 3, 1, 10));
    p.keeps_author(&thinned);
    assert_eq!(p.transacted.author(&thinned), Some(author));
    p.keeps_author(&filler);
    assert_eq!(p.transacted.author(&filler), None, "what takes the place of several is nobody's");
}
