//! Which partition a record goes to.
//!
//! A key decides by its hash; records without one take turns, a batch a turn. Partitions without a leader
//! are not passed over: shares would differ by more than a batch, and order by key would break.

use super::murmur2::murmur2;
use crate::time::{Span, Time};

/// The partition of `key` among `partitions` (not 0): Kafka's `toPositive(murmur2(key)) % partitions`.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) as u32 & 0x7fff_ffff) % partitions
}

/// Whose turn it is among the partitions of one topic.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Turns {
    current: Option<Turn>,
}

#[derive(Debug, Clone, Copy)]
struct Turn {
    partition: u32,
    /// The batch it fills; the turn ends with it.
    batch: u64,
    began: Time,
}

impl Turns {
    /// The partition for a record without a key. `open` tells the number of the batch that a partition is
    /// filling, if that has room for the record.
    ///
    /// A turn also ends with the linger time: a batch that waits for a lost leader would swallow them all.
    pub(super) fn take(
        &mut self,
        partitions: u32,
        now: Time,
        linger: Span,
        open: impl Fn(u32) -> Option<u64>,
    ) -> u32 {
        match self.current {
            Some(turn) if now < turn.began + linger && open(turn.partition) == Some(turn.batch) => {
                turn.partition
            }
            Some(turn) => (turn.partition + 1) % partitions,
            None => 0,
        }
    }

    /// The record went to `partition`, into `batch`.
    pub(super) fn taken(&mut self, partition: u32, batch: u64, now: Time) {
        let began = match self.current {
            Some(turn) if turn.partition == partition && turn.batch == batch => turn.began,
            Some(_) | None => now,
        };
        self.current = Some(Turn { partition, batch, began });
    }
}
