//! A reign begins with reading: what a coordinator knows is what the log says.
//!
//! It reads up to where the reign starts, bounded bytes a step. What lies there above the high watermark is read
//! too: this leader keeps it, so it will be committed, or vanish with the leader. Until it is committed nobody is
//! answered; Kafka answers as soon as it has read, and may show a commit that the next leader does not have.
//! Loads and ends carry the reign they belong to (KAFKA-10614): an end that comes late leaves a newer reign alone.

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::Offset;
use crate::partition::Partition;
use crate::record::{Batch, batches};

/// How far a reign has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reads the log from here up to where the reign starts; then waits until all of that is committed.
    Loading {
        /// The next offset to be read.
        next: Offset,
        /// Where the reign starts.
        end: Offset,
    },
    /// Coordinates.
    Active,
    /// Is over, and waits to be cleared away.
    Over,
}

impl Phase {
    /// Up to where the log is read at the beginning of a reign.
    pub(crate) const fn first_applied(self) -> Offset {
        match self {
            Self::Loading { next, .. } => next,
            Self::Active | Self::Over => Offset::ZERO,
        }
    }

    /// Where the reign starts, if everything there has been read and is committed, and nobody knows yet.
    pub(crate) fn finished(self, committed: Offset) -> Option<Offset> {
        match self {
            Self::Loading { next, end } if next >= end && committed >= end => Some(end),
            Self::Loading { .. } | Self::Active | Self::Over => None,
        }
    }
}

/// Reads a little more and folds it in; answers up to where and whether there is still more. `None`: there was
/// nothing to read.
pub(crate) fn step(
    phase: Phase,
    bytes: usize,
    partition: &Partition,
    env: &mut Host<'_>,
    mut fold: impl FnMut(&Batch),
) -> Result<Option<(Offset, bool)>, DiskFault> {
    let Phase::Loading { next, end } = phase else { return Ok(None) };
    if next >= end {
        return Ok(None);
    }
    // What was deleted meanwhile is in no fold.
    let next = next.max(partition.log().log_start());
    let read = partition.read_own(next, end, bytes, env)?;
    // The last of what there was may have been compacted away.
    let mut next = if read.is_empty() { end } else { next };
    for batch in batches(read) {
        let batch = batch.expect("what is read is sound");
        fold(&batch);
        next = batch.next_offset();
    }
    Ok(Some((next, next < end)))
}
