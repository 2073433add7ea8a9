//! Tells a write that a power loss cut short from bytes that changed later.
//!
//! The first was never durable, so nobody built on it. The second may have been: a replica that finds it has
//! lost something that it once claimed. What tells them apart is that a device writes sectors as a whole, that
//! log files only grow, and that sectors which were never written read as zeros.

use crate::env::{Disk, DiskFault};
use crate::record::HEADER_BYTES;

/// What a device writes as a whole, in bytes.
const SECTOR: u64 = 512;

/// Where the length is in a batch, the CRC, and what the CRC covers.
const LENGTH: std::ops::Range<usize> = 8..12;
const CRC: std::ops::Range<usize> = 17..21;
const CHECKED: usize = 21;

/// So many zeros in a row are in no batch's header. They are in values, which errs on the side of "cut short".
const UNLIKELY: usize = 16;

/// Whether the bytes of `file` from `position` up to its end `len`, which are no sound batch, may be one whose
/// write did not get through.
pub(super) fn is_unfinished(
    file: &str,
    position: u64,
    len: u64,
    disk: &mut dyn Disk,
) -> Result<bool, DiskFault> {
    let mut bytes = vec![0; usize::try_from(len - position).unwrap_or(usize::MAX)];
    let read = disk.read(file, position, &mut bytes)?;
    bytes.truncate(read);
    if bytes.len() < HEADER_BYTES {
        return Ok(true);
    }
    let field = |range: std::ops::Range<usize>| {
        bytes[range].iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte))
    };
    let size = field(LENGTH) as usize + LENGTH.end;
    if size > bytes.len() {
        return Ok(!is_whole_but_for_its_length(&bytes, field(CRC)));
    }
    Ok(has_hole(&bytes[..size.max(HEADER_BYTES)], position))
}

/// Whether some length, though not the one that is written there, makes a sound batch.
fn is_whole_but_for_its_length(bytes: &[u8], crc: u32) -> bool {
    let mut running = 0;
    bytes[CHECKED..].iter().any(|byte| {
        running = crc32c::crc32c_append(running, &[*byte]);
        running == crc
    })
}

/// Whether `batch`, which lies at `position`, has zeros where a sector, or its rest, was not written.
fn has_hole(batch: &[u8], position: u64) -> bool {
    let first = (SECTOR - position % SECTOR) as usize;
    let mut start = 0;
    let mut end = first.min(batch.len());
    loop {
        let part = &batch[start..end];
        let zeros = part.iter().rev().take_while(|byte| **byte == 0).count();
        // An offset begins with up to seven zeros, and every batch ends with one.
        let hole = if start == 0 && zeros == part.len() {
            zeros >= 8
        } else {
            zeros >= UNLIKELY || (end == batch.len() && zeros >= 2)
        };
        if hole || end == batch.len() {
            return hole;
        }
        start = end;
        end = (end + SECTOR as usize).min(batch.len());
    }
}
