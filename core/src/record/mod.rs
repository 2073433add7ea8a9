//! Record batches in Kafka's v2 layout: bytes in, bytes out.
//!
//! Holds: the 61-byte header, the records behind it, a validated [`Batch`] and the [`BatchBuilder`] that
//! makes one. A `Batch` that exists has the right length, magic and CRC-32C, and its records section walks
//! exactly; nothing else in core looks at these bytes. A batch never changes: placing and stamping copy.
//! A batch that compaction has thinned out takes the offsets that it always took (`Header::span`) and holds
//! fewer records; one without any may stand for a whole run of removed batches (a *filler*).
//! Deliberately absent: compression (refused, never misread), message formats 0 and 1, partitioning.
//!
//! Source: Kafka's `DefaultRecordBatch` and `DefaultRecord`; KIP-98 for the producer's fields.

mod batch;
mod build;
mod clean;
mod header;
mod marker;
mod records;
#[cfg(test)]
mod tests;
mod varint;

pub use batch::{Batch, Batches, batches};
pub use build::BatchBuilder;
pub(crate) use clean::{rebuild, write_filler};
pub use header::{HEADER_BYTES, Header, LENGTH_PREFIX_BYTES, ProducerStamp};
pub use marker::{Ending, Marker};
pub use records::{Record, RecordHeader, RecordHeaders, Records};

use crate::refused::Refused;

/// Why bytes are no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadBatch {
    /// The bytes end before the batch does.
    #[error("the batch is cut short")]
    CutShort,
    /// The length field is smaller than a header or negative.
    #[error("the batch length makes no sense")]
    BadLength,
    /// Not message format 2.
    #[error("unknown magic")]
    UnknownMagic,
    /// The CRC-32C does not match.
    #[error("the checksum does not match")]
    BadCrc,
    /// The records are compressed.
    #[error("the records are compressed")]
    Compressed,
    /// An attribute is set that changes the meaning of a batch in a way unknown here.
    #[error("unknown attributes")]
    UnknownAttributes,
    /// A header field is out of its range, or two contradict each other.
    #[error("a header field is out of range")]
    BadHeader,
    /// The producer's id, epoch and sequence do not fit together.
    #[error("the producer's fields do not fit together")]
    BadProducer,
    /// The records section does not hold what the header says.
    #[error("a record breaks the format")]
    BadRecord,
}

impl BadBatch {
    /// How a broker answers a producer that sent such a batch.
    pub const fn refusal(self) -> Refused {
        match self {
            Self::CutShort | Self::BadLength | Self::UnknownMagic | Self::BadCrc => Refused::CorruptMessage,
            Self::Compressed => Refused::UnsupportedCompressionType,
            Self::UnknownAttributes | Self::BadHeader | Self::BadProducer | Self::BadRecord => {
                Refused::InvalidRecord
            }
        }
    }
}

impl From<BadBatch> for Refused {
    fn from(bad: BadBatch) -> Self {
        bad.refusal()
    }
}
