//! Snapshots of the producer table: one beside each segment but the first, the table as it was at its base.
//!
//! Written when the segment is created, read when the log is cut. Never synced: a snapshot that is missing
//! or does not add up costs a longer replay, nothing else. Unlike Kafka's it holds the whole window of
//! batches (redpanda#3077), or duplicates would slip through after a restart.
//!
//! Layout, big-endian: version u16, CRC-32C u32 of what follows, producers u32; each: id u64, epoch u16,
//! batches u8; each: sequence u32, records u32, base offset u64. Where there are transactions the version is 2,
//! and each producer goes on with: whether one is open u8, and its first offset u64; whether there was a marker
//! u8, its offset u64 and its coordinator's epoch u32.

use super::producers::{Marked, ProducedBatch, ProducerState, ProducerTable, WINDOW};
use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

const VERSION: u16 = 1;
/// With transactions.
const TRANSACTIONAL: u16 = 2;
/// Where the checked part starts.
const CHECKED: usize = 6;

pub(super) fn encode(table: &ProducerTable) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(10 + table.iter().len() * 91);
    let transactional = table.iter().any(|state| state.open().is_some() || state.marked().is_some());
    let version = if transactional { TRANSACTIONAL } else { VERSION };
    bytes.extend_from_slice(&version.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&(table.iter().len() as u32).to_be_bytes());
    for state in table.iter() {
        bytes.extend_from_slice(&state.id().0.to_be_bytes());
        bytes.extend_from_slice(&state.epoch().0.to_be_bytes());
        bytes.push(state.batches().len() as u8);
        for batch in state.batches() {
            bytes.extend_from_slice(&batch.sequence.0.to_be_bytes());
            bytes.extend_from_slice(&batch.count.to_be_bytes());
            bytes.extend_from_slice(&batch.base.0.to_be_bytes());
        }
        if transactional {
            put_transaction(state, &mut bytes);
        }
    }
    let crc = crc32c::crc32c(&bytes[CHECKED..]);
    bytes[2..CHECKED].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// `None`: not a snapshot, or a damaged one.
pub(super) fn decode(bytes: &[u8]) -> Option<ProducerTable> {
    let mut rest = bytes;
    let transactional = match u16::from_be_bytes(take(&mut rest)?) {
        VERSION => false,
        TRANSACTIONAL => true,
        _ => return None,
    };
    if u32::from_be_bytes(take(&mut rest)?) != crc32c::crc32c(rest) {
        return None;
    }
    let producers = u32::from_be_bytes(take(&mut rest)?);
    let mut states = Vec::new();
    for _ in 0..producers {
        states.push(take_state(transactional, &mut rest)?);
    }
    if !rest.is_empty() {
        return None;
    }
    ProducerTable::from_states(states)
}

fn put_transaction(state: &ProducerState, bytes: &mut Vec<u8>) {
    bytes.push(u8::from(state.open().is_some()));
    bytes.extend_from_slice(&state.open().map_or(0, |first| first.0).to_be_bytes());
    bytes.push(u8::from(state.marked().is_some()));
    let (offset, epoch) =
        state.marked().map_or((0, 0), |marked| (marked.offset.0, marked.coordinator_epoch.0));
    bytes.extend_from_slice(&offset.to_be_bytes());
    bytes.extend_from_slice(&epoch.to_be_bytes());
}

fn take_transaction(rest: &mut &[u8]) -> Option<(Option<Offset>, Option<Marked>)> {
    let [is_open] = take(rest)?;
    let first = Offset(u64::from_be_bytes(take(rest)?));
    let [is_marked] = take(rest)?;
    let offset = Offset(u64::from_be_bytes(take(rest)?));
    let coordinator_epoch = LeaderEpoch(u32::from_be_bytes(take(rest)?));
    let marked = Marked { offset, coordinator_epoch };
    Some(((is_open == 1).then_some(first), (is_marked == 1).then_some(marked)))
}

fn take_state(transactional: bool, rest: &mut &[u8]) -> Option<ProducerState> {
    let id = ProducerId(u64::from_be_bytes(take(rest)?));
    let epoch = ProducerEpoch(u16::from_be_bytes(take(rest)?));
    let [batches] = take(rest)?;
    // One with transactions may have a marker alone.
    if (batches == 0 && !transactional) || usize::from(batches) > WINDOW {
        return None;
    }
    let mut state = ProducerState::new(id, epoch);
    for _ in 0..batches {
        state.push(ProducedBatch {
            sequence: Sequence(u32::from_be_bytes(take(rest)?)),
            count: u32::from_be_bytes(take(rest)?),
            base: Offset(u64::from_be_bytes(take(rest)?)),
        });
    }
    if !transactional {
        return Some(state);
    }
    let (open, marked) = take_transaction(rest)?;
    Some(state.in_transaction(open, marked))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}
