//! Hands what is committed to the state machine: each entry once a life, in order.
//!
//! Deliberately absent: what the state machine makes of it.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{LeaderEpoch, Offset};
use crate::record::batches;

use super::Quorum;
use super::append::fault;

/// Something committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Replaces everything handed over before.
    Snapshot {
        /// One past the last entry it covers.
        end: Offset,
        /// The epoch of that entry.
        epoch: LeaderEpoch,
        /// What the state machine gave to [`Quorum::snapshot`], here or on another node.
        state: Bytes,
    },
    /// The next entry.
    Entry {
        /// Its place.
        offset: Offset,
        /// The epoch it was proposed in.
        epoch: LeaderEpoch,
        /// What was proposed; `None`: the first entry of a reign, which nobody proposed.
        payload: Option<Bytes>,
    },
}

/// What was handed over, and what was read ahead.
#[derive(Debug, Clone, Default)]
pub(super) struct Deliveries {
    handed: Offset,
    ready: VecDeque<Delivery>,
}

impl Deliveries {
    /// Everything before this was handed over.
    pub(super) const fn handed(&self) -> Offset {
        self.handed
    }
}

impl Quorum {
    /// The next thing that the state machine has not seen in this life; `None`: it has seen all.
    ///
    /// # Errors
    /// What the disk says; [`DiskFault::Io`] too if what it holds is damaged. The node must stop then.
    pub fn poll_committed(&mut self, env: &mut Host<'_>) -> Result<Option<Delivery>, DiskFault> {
        if let Some(mark) = self.snapshot.filter(|mark| mark.end > self.deliveries.handed) {
            self.deliveries.ready.clear();
            self.deliveries.handed = mark.end;
            let state = mark.read(env)?.ok_or(DiskFault::Io)?;
            return Ok(Some(Delivery::Snapshot { end: mark.end, epoch: mark.epoch, state }));
        }
        if self.deliveries.ready.is_empty() && self.deliveries.handed < self.commit {
            self.read_ahead(env)?;
        }
        let next = self.deliveries.ready.pop_front();
        if next.is_some() {
            self.deliveries.handed = self.deliveries.handed.plus(1);
        }
        Ok(next)
    }

    fn read_ahead(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let (from, commit) = (self.deliveries.handed, self.commit);
        let bytes = self.log().read(from, commit, self.config.max_batch_bytes, env).map_err(fault)?;
        for batch in batches(bytes) {
            let batch = batch.map_err(|_| DiskFault::Io)?;
            let epoch = batch.leader_epoch().unwrap_or_default();
            for record in batch.records().filter(|record| record.offset >= from) {
                let payload = match record.value {
                    Some(value) if !batch.is_control() => Some(batch.bytes().slice_ref(value)),
                    Some(_) | None => None,
                };
                self.deliveries.ready.push_back(Delivery::Entry { offset: record.offset, epoch, payload });
            }
        }
        Ok(())
    }
}
