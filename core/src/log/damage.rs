//! Tells a write that a power loss cut short from bytes that changed later.
//!
//! The first was never durable, so nobody built on it. The second may have been: a replica that finds it has
//! lost something that it once claimed. What tells them apart is that a device writes sectors as a whole, that
//! log files only grow, and that sectors which were never written read as zeros.

use super::scan::{Look, Scan};
use super::seal::{CRC, PLACE, Seal, TURN};
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
                // The next file replaces what follows, as recovery has it: walked over, it would hide that file.
                if bases.get(place + 1) == Some(&next) {
                    break;
                }
                let header = found.map(|found| found.header).ok();
                let fits = header.filter(|header| {
                    header.base_offset == next
                        && header.leader_epoch.is_some()
                        && last_epoch <= header.leader_epoch
                });
                let Some(header) = fits else {
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
    let batch = &bytes[..size.min(bytes.len())];
    // Where the bit lies in a hole, the sector that was not written held no other.
    let is_changed = wrong_bit(batch, crc, seal).is_some_and(|byte| !is_in_hole(batch, byte, position));
    Ok(unfinished && !is_changed && !is_whole_but_for_its_length(&mut bytes, crc, seal))
}

/// The byte of the one bit that would make `batch` sound if it were another; 0 if that is beside the bytes that
/// the checksum covers, or in it.
///
/// A checksum is linear: a flipped bit changes it by what that bit alone would give, which depends on how far
/// from the end it is.
fn wrong_bit(batch: &[u8], crc: u32, seal: Seal) -> Option<usize> {
    /// CRC-32C, its bits reflected (RFC 3720, appendix B.4).
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let checked = batch.get(CHECKED..)?;
    let change = crc32c::crc32c(checked) ^ seal.mask(batch) ^ crc;
    // Beside the checksum, or in it.
    if change == 0 || change.is_power_of_two() {
        return Some(0);
    }
    let of_one_bit = std::iter::successors(Some(1_u32), |before| {
        Some(before >> 1 ^ (POLYNOMIAL & (before & 1).wrapping_neg()))
    });
    let in_front = of_one_bit.clone().skip(1).take(PLACE * 8).any(|bit| bit.rotate_left(TURN) == change);
    let from_end = of_one_bit.skip(1).take(checked.len() * 8).position(|bit| bit == change);
    if in_front { Some(0) } else { from_end.map(|bits| batch.len() - 1 - bits / 8) }
}

/// Whether all that `batch`, which lies at `position`, has in the sector of this byte is zeros.
fn is_in_hole(batch: &[u8], byte: usize, position: u64) -> bool {
    let (sector, into) = (SECTOR as usize, (position % SECTOR) as usize);
    let start = (into + byte) / sector * sector;
    let part = start.saturating_sub(into)..(start + sector - into).min(batch.len());
    batch[part].iter().all(|byte| *byte == 0)
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
