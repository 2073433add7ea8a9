//! Tells a write that a power loss cut short from bytes that changed later.
//!
//! The first was never durable, so nobody built on it. The second may have been: a replica that finds it has
//! lost something that it once claimed. What tells them apart is that a device writes sectors as a whole, that
//! log files only grow, and that sectors which were never written read as zeros.

use super::scan::{Look, Scan};
use super::seal::{CRC, Seal};
use super::segment::{self, LOG};
use super::{Log, recovery};
use crate::env::{Disk, DiskFault};
use crate::ids::Offset;
use crate::record::HEADER_BYTES;

/// What a device writes as a whole, in bytes.
const SECTOR: u64 = 512;

/// Where the length is in a batch, and what the checksum covers.
const LENGTH: std::ops::Range<usize> = 8..12;
const CHECKED: usize = 21;

/// Where a batch of no producer has nothing but ones, and how many zeros a filler ends with: its count.
const NO_PRODUCER: std::ops::Range<usize> = 43..57;
const FILLER_TAIL: usize = 4;

impl Log {
    /// Whether the log in `dir` holds nothing but batches, up to its end or a write that a power loss cut short.
    /// Changes nothing, so that it can be asked before [`Log::open`] cuts away what speaks against it.
    pub fn is_sound(dir: &str, disk: &mut dyn Disk) -> Result<bool, DiskFault> {
        let bases = recovery::segments_in(dir, disk);
        let mut next = bases.first().copied().unwrap_or(Offset::ZERO);
        let mut last_epoch = None;
        for (place, &base) in bases.iter().enumerate() {
            if base != next {
                // The file before it is shorter than it was: a power loss.
                return Ok(true);
            }
            let file = segment::name(dir, base, LOG);
            let len = disk.len(&file).ok_or(DiskFault::NotFound)?;
            let mut scan = Scan::new(&file, 0, len, Look::Checksums);
            let mut position = 0;
            while let Some(found) = scan.next(disk)? {
                let header = found.map(|found| found.header).ok();
                let fits = header.filter(|header| {
                    header.base_offset == next
                        && header.leader_epoch.is_some()
                        && last_epoch <= header.leader_epoch
                });
                let Some(header) = fits else {
                    if bases.get(place + 1) == Some(&next) {
                        break;
                    }
                    return is_unfinished(&file, (next, position), len, disk);
                };
                next = header.next_offset();
                last_epoch = header.leader_epoch;
                position += header.size as u64;
            }
        }
        Ok(true)
    }
}

/// Whether the bytes of `file` from `position` up to its end `len`, which should be a batch at `base` and are
/// not sound, may be one whose write did not get through.
fn is_unfinished(
    file: &str,
    (base, position): (Offset, u64),
    len: u64,
    disk: &mut dyn Disk,
) -> Result<bool, DiskFault> {
    let mut bytes = vec![0; usize::try_from(len - position).unwrap_or(usize::MAX)];
    let read = disk.read(file, position, &mut bytes)?;
    bytes.truncate(read);
    // A file that lost its end ends with a sector.
    let may_be_short = len.is_multiple_of(SECTOR);
    if bytes.len() < HEADER_BYTES {
        return Ok(may_be_short);
    }
    let field = |range: std::ops::Range<usize>| {
        bytes[range].iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte))
    };
    let size = field(LENGTH) as usize + LENGTH.end;
    let crc = field(CRC);
    let unfinished = if size > bytes.len() {
        may_be_short
    } else {
        has_hole(&bytes[..size.max(HEADER_BYTES)], base, position)
    };
    // With a length that has changed, it may seem to reach into the holes of a write behind it; and a value may
    // be nothing but zeros.
    let seal = Seal::of(file);
    Ok(unfinished
        && !is_sound_but_for_a_bit(&bytes[..size.min(bytes.len())], crc, seal)
        && !is_whole_but_for_its_length(&mut bytes, crc, seal))
}

/// Whether `batch` would be sound if one bit were another, or if what no checksum covers were.
///
/// A checksum is linear: a flipped bit changes it by what that bit alone would give, which depends on how far
/// from the end it is.
fn is_sound_but_for_a_bit(batch: &[u8], crc: u32, seal: Seal) -> bool {
    /// CRC-32C, its bits reflected (RFC 3720, appendix B.4).
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let Some(checked) = batch.get(CHECKED..) else { return false };
    let change = crc32c::crc32c(checked) ^ seal.mask(batch) ^ crc;
    // Beside the checksum, or in it.
    if change == 0 || change.is_power_of_two() {
        return true;
    }
    let mut of_one_bit = 1_u32;
    (0..checked.len().max(CHECKED) * 8).any(|_| {
        of_one_bit = of_one_bit >> 1 ^ (POLYNOMIAL & (of_one_bit & 1).wrapping_neg());
        of_one_bit == change
    })
}

/// Whether some length, though not the one that is written there, makes a sound batch.
fn is_whole_but_for_its_length(bytes: &mut [u8], crc: u32, seal: Seal) -> bool {
    let (front, checked) = bytes.split_at_mut(CHECKED);
    let mut running = 0;
    let mut size = CHECKED;
    checked.iter().any(|byte| {
        running = crc32c::crc32c_append(running, &[*byte]);
        size += 1;
        front[LENGTH].copy_from_slice(&((size - LENGTH.end) as u32).to_be_bytes());
        running == crc ^ seal.mask(front)
    })
}

/// Whether `batch` has no room for a record, and no producer.
fn is_filler(batch: &[u8]) -> bool {
    batch.len() == HEADER_BYTES && batch[NO_PRODUCER].iter().all(|byte| *byte == 0xff)
}

/// Whether `batch`, which lies at `position`, has nothing but zeros where a sector was not written.
fn has_hole(batch: &[u8], base: Offset, position: u64) -> bool {
    // An offset begins with some zeros, and every batch ends with one; a filler with its count of no records.
    let zeros_of_base = base.0.leading_zeros() as usize / 8;
    let zeros_of_end = if is_filler(batch) { FILLER_TAIL } else { 1 };
    let mut start = 0;
    let mut end = ((SECTOR - position % SECTOR) as usize).min(batch.len());
    loop {
        let part = &batch[start..end];
        let few = if start == 0 { zeros_of_base } else { zeros_of_end };
        if part.len() > few && part.iter().all(|byte| *byte == 0) {
            return true;
        }
        if end == batch.len() {
            return false;
        }
        start = end;
        end = (end + SECTOR as usize).min(batch.len());
    }
}
