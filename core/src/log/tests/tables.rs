//! The epoch cache, the producer table and its snapshot, each alone.

use super::*;
use crate::log::snapshot;
use crate::refused::Refused;

fn epochs() -> EpochCache {
    let mut epochs = EpochCache::new();
    for (epoch, base) in [(1, 10), (1, 12), (4, 20), (6, 30), (6, 31)] {
        epochs.apply(LeaderEpoch(epoch), Offset(base));
    }
    epochs
}

#[test]
fn an_epochs_end_is_the_start_of_the_next_one_in_the_log() {
    let ends = |epoch| epochs().end_offset_for(LeaderEpoch(epoch), Offset(40)).map(|(e, o)| (e.0, o.0));
    assert_eq!(ends(0), None);
    assert_eq!(ends(1), Some((1, 20)));
    assert_eq!(ends(3), Some((1, 20)), "the largest epoch not above the asked one");
    assert_eq!(ends(4), Some((4, 30)));
    assert_eq!(ends(9), Some((6, 40)), "the last epoch ends with the log");
}

#[test]
fn an_epoch_is_found_by_offset_and_by_the_one_before() {
    let at = |offset| epochs().epoch_at(Offset(offset)).map(|epoch| epoch.0);
    assert_eq!((at(9), at(10), at(19), at(20), at(35)), (None, Some(1), Some(1), Some(4), Some(6)));
    let after = |epoch| epochs().start_of_first_after(LeaderEpoch(epoch));
    assert_eq!(
        (after(0), after(2), after(4), after(6)),
        (Some(Offset(10)), Some(Offset(20)), Some(Offset(30)), None)
    );
}

#[test]
fn cutting_the_epoch_cache_keeps_what_the_log_keeps() {
    let entries = |cache: &EpochCache| cache.entries().iter().map(|&(e, o)| (e.0, o.0)).collect::<Vec<_>>();
    let mut cache = epochs();
    cache.truncate(Offset(30));
    assert_eq!(entries(&cache), [(1, 10), (4, 20)]);
    let mut cache = epochs();
    cache.advance_start(Offset(25));
    assert_eq!(entries(&cache), [(4, 25), (6, 30)]);
    let mut cache = epochs();
    cache.advance_start(Offset(30));
    assert_eq!(entries(&cache), [(6, 30)]);
}

/// Producer 7, epoch 2: seven batches of two records, sequences 0..14 at offsets 100..114.
fn producers() -> ProducerTable {
    let mut table = ProducerTable::new();
    for nth in 0..7 {
        let next = batch(2, 0, Some(stamp(7, 2, nth * 2)));
        let next = next.placed(Offset(100 + u64::from(nth) * 2), LeaderEpoch(0));
        table.apply(next.header(), next.bytes());
    }
    table
}

#[test]
fn a_producer_goes_on_where_it_stopped_and_nowhere_else() {
    let check = |epoch, base, count| producers().check(stamp(7, epoch, base), count);
    assert_eq!(check(2, 14, 3), Ok(Check::New));
    assert_eq!(check(2, 15, 1), Err(Refused::OutOfOrderSequenceNumber), "a gap");
    assert_eq!(check(2, 12, 2), Ok(Check::Duplicate { base: Offset(112), last: Offset(113) }));
    assert_eq!(
        check(2, 4, 2),
        Ok(Check::Duplicate { base: Offset(104), last: Offset(105) }),
        "the fifth last"
    );
    assert_eq!(check(2, 2, 2), Err(Refused::DuplicateSequenceNumber), "the sixth last");
    assert_eq!(check(2, 12, 1), Err(Refused::OutOfOrderSequenceNumber), "half a batch");
    assert_eq!(check(2, 12, 3), Err(Refused::OutOfOrderSequenceNumber), "more than a batch");
    assert_eq!(check(1, 14, 1), Err(Refused::InvalidProducerEpoch));
    assert_eq!(check(3, 0, 1), Ok(Check::New), "a new reign starts over");
    assert_eq!(check(3, 14, 1), Err(Refused::OutOfOrderSequenceNumber));
}

#[test]
fn an_unknown_producer_starts_at_zero() {
    assert_eq!(producers().check(stamp(8, 0, 0), 1), Ok(Check::New));
    assert_eq!(producers().check(stamp(8, 0, 1), 1), Err(Refused::UnknownProducerId));
}

#[test]
fn sequences_are_compared_over_the_wrap() {
    let last = i32::MAX as u32;
    let mut table = ProducerTable::new();
    let next = batch(2, 0, Some(stamp(1, 0, last - 3)));
    table.apply(next.header(), next.bytes());
    let next = batch(4, 0, Some(stamp(1, 0, last - 1))).placed(Offset(2), LeaderEpoch(0));
    table.apply(next.header(), next.bytes());
    assert_eq!(table.check(stamp(1, 0, 2), 1), Ok(Check::New));
    assert_eq!(table.check(stamp(1, 0, 3), 1), Err(Refused::OutOfOrderSequenceNumber));
    assert_eq!(
        table.check(stamp(1, 0, last - 1), 4),
        Ok(Check::Duplicate { base: Offset(2), last: Offset(5) })
    );
    assert_eq!(table.check(stamp(1, 0, last - 9), 2), Err(Refused::DuplicateSequenceNumber));
}

#[test]
fn a_new_reign_forgets_the_batches_of_the_old_one() {
    let mut table = producers();
    let next = batch(1, 0, Some(stamp(7, 3, 0))).placed(Offset(114), LeaderEpoch(0));
    table.apply(next.header(), next.bytes());
    assert_eq!(table.get(ProducerId(7)).unwrap().batches().len(), 1);
    assert_eq!(table.check(stamp(7, 3, 1), 1), Ok(Check::New));
}

#[test]
fn forgetting_by_offset_equals_a_fold_of_what_is_left() {
    let mut table = producers();
    table.forget_below(Offset(108));
    let mut refold = ProducerTable::new();
    for state in producers().iter() {
        for b in state.batches().iter().filter(|b| b.base >= Offset(108)) {
            let next = batch(b.count, 0, Some(stamp(7, 2, b.sequence.0))).placed(b.base, LeaderEpoch(0));
            refold.apply(next.header(), next.bytes());
        }
    }
    assert_eq!(table, refold);
    table.forget_below(Offset(114));
    assert_eq!(table, ProducerTable::new());
}

#[test]
fn a_snapshot_holds_the_whole_window_and_no_bit_may_be_wrong() {
    let mut table = producers();
    let next = batch(1, 0, Some(stamp(3, 0, 0)));
    table.apply(next.header(), next.bytes());
    let next = batch(1, 0, Some(stamp(900, 1, 5)));
    table.apply(next.header(), next.bytes());
    let bytes = snapshot::encode(&table);
    assert_eq!(snapshot::decode(&bytes).as_ref(), Some(&table));
    assert_eq!(snapshot::decode(&snapshot::encode(&ProducerTable::new())), Some(ProducerTable::new()));
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x10;
        assert_eq!(snapshot::decode(&damaged), None, "byte {place}");
        assert_eq!(snapshot::decode(&bytes[..place]), None, "cut at {place}");
    }
}
