//! What a transaction ends with in a log: a control batch with one record.
//!
//! Key and value as Kafka's `ControlRecordType` and `EndTransactionMarker`, big-endian: version i16 and type i16
//! (0: abort, 1: commit); version i16 and the coordinator's epoch i32. The producer's id and epoch are the
//! batch's; it has no place in that producer's stream.

use super::records;
use super::{Batch, BatchBuilder, Header};
use crate::ids::{LeaderEpoch, ProducerEpoch, ProducerId};

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// Its records count.
    Commit,
    /// They do not.
    Abort,
}

/// The end of a producer's transaction in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Marker {
    /// Whose.
    pub producer: ProducerId,
    /// The reign that the producer goes on in (KIP-890).
    pub epoch: ProducerEpoch,
    /// The coordinator's reign.
    pub coordinator_epoch: LeaderEpoch,
    /// How it ends.
    pub ending: Ending,
}

const VERSION: i16 = 0;
const ABORT: i16 = 0;
const COMMIT: i16 = 1;

impl Marker {
    /// The marker as a batch; `timestamp` in milliseconds.
    pub fn batch(self, timestamp: u64) -> Batch {
        let kind = match self.ending {
            Ending::Abort => ABORT,
            Ending::Commit => COMMIT,
        };
        let key = [VERSION.to_be_bytes(), kind.to_be_bytes()].concat();
        let mut value = VERSION.to_be_bytes().to_vec();
        value.extend_from_slice(&self.coordinator_epoch.0.to_be_bytes());
        BatchBuilder::new()
            .add(Some(&key), Some(&value), &[], timestamp)
            .set_identity(self.producer, self.epoch)
            .set_transactional()
            .set_control()
            .build()
    }

    /// The marker that a batch is; `None` if it is none. Nobody need have walked its records.
    pub(crate) fn of(header: &Header, batch: &[u8]) -> Option<Self> {
        if !header.is_control {
            return None;
        }
        let (producer, epoch) = header.identity?;
        let record = records::first(header, batch)?;
        let [_, _, high, low] = *record.key? else { return None };
        let ending = match i16::from_be_bytes([high, low]) {
            ABORT => Ending::Abort,
            COMMIT => Ending::Commit,
            _ => return None,
        };
        let [_, _, epoch_bytes @ ..] = record.value? else { return None };
        let coordinator_epoch = LeaderEpoch(u32::from_be_bytes(*epoch_bytes.first_chunk()?));
        Some(Self { producer, epoch, coordinator_epoch, ending })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_laid_out_as_kafkas() {
        let marker = Marker {
            producer: ProducerId(7),
            epoch: ProducerEpoch(3),
            coordinator_epoch: LeaderEpoch(9),
            ending: Ending::Commit,
        };
        let batch = marker.batch(1000);
        assert!(batch.is_control() && batch.is_transactional());
        assert_eq!((batch.producer(), batch.identity()), (None, Some((ProducerId(7), ProducerEpoch(3)))));
        let record = batch.records().next().unwrap();
        assert_eq!(record.key, Some(&[0, 0, 0, 1][..]));
        assert_eq!(record.value, Some(&[0, 0, 0, 0, 0, 9][..]));
        assert_eq!(batch.marker(), Some(marker));
    }

    #[test]
    fn a_batch_for_consumers_is_no_marker() {
        let batch = BatchBuilder::new().add(Some(&[0, 0, 0, 1]), Some(&[0; 6]), &[], 0).build();
        assert_eq!(batch.marker(), None);
    }
}
