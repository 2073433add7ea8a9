//! How a batch lies in a file: with a checksum that covers its place as well.
//!
//! Kafka's checksum leaves out a batch's offset, length and leader epoch, so that a leader can fill them in. On
//! the wire that is so here too. In a file it would leave bytes that nobody vouches for: a flipped bit in an
//! epoch makes a replica part from its leader where their records are the same. So there the checksum is
//! combined with one of the fields before it, and of the log's name: a write that went astray puts sound
//! batches of one log into another.

use crate::record::{BadBatch, Header};

/// The fields that say where a batch is: offset, length, leader epoch.
pub(super) const PLACE: usize = 16;
/// By how many bits the checksum of that is turned.
pub(super) const TURN: u32 = 13;
/// Where the checksum is.
pub(super) const CRC: std::ops::Range<usize> = 17..21;

/// What is the same in all batches of a log: the checksum of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seal(u32);

impl Seal {
    /// Of the log that has `file`.
    pub(super) fn of(file: &str) -> Self {
        let dir = file.rsplit_once('/').map_or("", |(dir, _)| dir);
        Self(crc32c::crc32c(dir.as_bytes()))
    }

    /// What the checksum of a batch that starts with `front` is combined with. Turned, so that a wrong bit of the
    /// front does not look like one of the batch's last bytes: there it could be a sector that was not written.
    pub(super) fn mask(self, front: &[u8]) -> u32 {
        crc32c::crc32c_append(self.0, &front[..PLACE]).rotate_left(TURN)
    }

    /// Turns a batch of the wire into one of a file, or back.
    pub(super) fn turn(self, batch: &mut [u8]) {
        let mask = self.mask(batch).to_be_bytes();
        batch[CRC].iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }

    /// Reads the header at the front of `bytes` of a file and checks the checksum.
    pub(super) fn verified(self, bytes: &[u8]) -> Result<Header, BadBatch> {
        if bytes.len() < PLACE {
            return Err(BadBatch::CutShort);
        }
        Header::verified_under(bytes, self.mask(bytes))
    }
}

/// Turns the batches of the whole content of `file` into those of the wire, as far as their lengths make
/// sense. For checks.
pub fn unsealed(file: &str, mut content: Vec<u8>) -> Vec<u8> {
    let seal = Seal::of(file);
    let mut done = 0;
    while let Ok(header) = Header::peek(&content[done..])
        && header.size <= content.len() - done
    {
        seal.turn(&mut content[done..done + header.size]);
        done += header.size;
    }
    content
}
