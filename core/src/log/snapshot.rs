//! Snapshots of the producer table: one beside each segment but the first, the table as it was at its base.
//!
//! Written when the segment is created, read when the log is cut. Never synced: a snapshot that is missing
//! or does not add up costs a longer replay, nothing else. Unlike Kafka's it holds the whole window of
//! batches (redpanda#3077), or duplicates would slip through after a restart.
//!
//! Layout, big-endian: version u16, CRC-32C u32 of what follows, producers u32; each: id u64, epoch u16,
//! batches u8; each: sequence u32, records u32, base offset u64.

use super::producers::{ProducedBatch, ProducerState, ProducerTable, WINDOW};
use crate::ids::{Offset, ProducerEpoch, ProducerId, Sequence};

const VERSION: u16 = 1;
/// Where the checked part starts.
const CHECKED: usize = 6;

pub(super) fn encode(table: &ProducerTable) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(10 + table.iter().len() * 91);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
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
    }
    let crc = crc32c::crc32c(&bytes[CHECKED..]);
    bytes[2..CHECKED].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// `None`: not a snapshot, or a damaged one.
pub(super) fn decode(bytes: &[u8]) -> Option<ProducerTable> {
    let mut rest = bytes;
    if u16::from_be_bytes(take(&mut rest)?) != VERSION {
        return None;
    }
    if u32::from_be_bytes(take(&mut rest)?) != crc32c::crc32c(rest) {
        return None;
    }
    let producers = u32::from_be_bytes(take(&mut rest)?);
    let mut states = Vec::new();
    for _ in 0..producers {
        states.push(take_state(&mut rest)?);
    }
    if !rest.is_empty() {
        return None;
    }
    ProducerTable::from_states(states)
}

fn take_state(rest: &mut &[u8]) -> Option<ProducerState> {
    let id = ProducerId(u64::from_be_bytes(take(rest)?));
    let epoch = ProducerEpoch(u16::from_be_bytes(take(rest)?));
    let [batches] = take(rest)?;
    if batches == 0 || usize::from(batches) > WINDOW {
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
    Some(state)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}
