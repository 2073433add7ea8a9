//! The running digest of a run: two equal runs have equal digests after every event.
//!
//! Two 64-bit lanes of folded multiplication (as in wyhash): fast, not made to withstand an adversary. Every
//! integer is widened to 64 bits and taken by value, so 32-bit, 64-bit, little- and big-endian machines
//! agree. The one exception is `std`'s: it hashes a *slice of integers wider than a byte* as raw memory, so
//! a message that holds one has another fingerprint on a big-endian machine.

use std::fmt;
use std::hash::{Hash, Hasher};

/// What a run is recognised by: 128 bits over everything that happened in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fingerprint(pub u128);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

// Odd words without structure: the first digits of pi's fraction.
const LEFT: u64 = 0x243f_6a88_85a3_08d3;
const RIGHT: u64 = 0x1319_8a2e_0370_7345;
const STEP_LEFT: u64 = 0xa409_3822_299f_31d1;
const STEP_RIGHT: u64 = 0x082e_fa98_ec4e_6c89;

/// Both halves of the 128-bit product, folded onto each other.
#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    (product as u64) ^ ((product >> 64) as u64)
}

/// The digest while it runs. Anything that derives `Hash` can be fed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    left: u64,
    right: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl Digest {
    /// The digest of nothing.
    pub const fn new() -> Self {
        Self { left: LEFT, right: RIGHT }
    }

    /// Takes in one word.
    #[inline]
    pub const fn word(&mut self, word: u64) {
        self.left = fold(self.left ^ word, STEP_LEFT);
        // Rotated, so that no word can be a blind spot of both lanes.
        self.right = fold(self.right ^ word.rotate_left(32), STEP_RIGHT);
    }

    /// Takes in two words for little more than the price of one.
    #[inline]
    pub const fn pair(&mut self, first: u64, second: u64) {
        self.left = fold(self.left ^ first, STEP_LEFT ^ second);
        self.right = fold(self.right ^ second.rotate_left(32), STEP_RIGHT ^ first.rotate_left(32));
    }

    /// Takes in anything.
    #[inline]
    pub fn take(&mut self, value: &impl Hash) {
        value.hash(self);
    }

    /// What a run would be recognised by if it ended here.
    #[inline]
    pub const fn fingerprint(&self) -> Fingerprint {
        Fingerprint((self.left as u128) << 64 | self.right as u128)
    }

    /// A short form, enough to see at which event two runs part.
    #[inline]
    pub const fn short(&self) -> u64 {
        self.left
    }
}

impl Hasher for Digest {
    #[inline]
    fn finish(&self) -> u64 {
        self.left ^ self.right
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let word = |eight: &[u8]| u64::from_le_bytes(eight.try_into().expect("a chunk has eight bytes"));
        let mut blocks = bytes.chunks_exact(16);
        for block in &mut blocks {
            self.pair(word(&block[..8]), word(&block[8..]));
        }
        let mut tail = [0; 16];
        let rest = blocks.remainder();
        tail[..rest.len()].copy_from_slice(rest);
        if !rest.is_empty() {
            self.pair(word(&tail[..8]), word(&tail[8..]));
        }
        // The length tells a tail from the zeros that fill it up.
        self.word(bytes.len() as u64);
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }

    #[inline]
    fn write_u128(&mut self, value: u128) {
        self.pair(value as u64, (value >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }

    #[inline]
    fn write_i8(&mut self, value: i8) {
        self.word(i64::from(value) as u64);
    }

    #[inline]
    fn write_i16(&mut self, value: i16) {
        self.word(i64::from(value) as u64);
    }

    #[inline]
    fn write_i32(&mut self, value: i32) {
        self.word(i64::from(value) as u64);
    }

    #[inline]
    fn write_i64(&mut self, value: i64) {
        self.word(value as u64);
    }

    #[inline]
    fn write_i128(&mut self, value: i128) {
        self.write_u128(value as u128);
    }

    #[inline]
    fn write_isize(&mut self, value: isize) {
        self.word(value as i64 as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(feed: impl Fn(&mut Digest)) -> Fingerprint {
        let mut digest = Digest::new();
        feed(&mut digest);
        digest.fingerprint()
    }

    #[test]
    fn an_integer_counts_by_its_value_not_by_its_width() {
        let wide = of(|d| d.take(&7u64));
        assert_eq!(of(|d| d.take(&7u8)), wide);
        assert_eq!(of(|d| d.take(&7usize)), wide);
        assert_eq!(of(|d| d.take(&-1isize)), of(|d| d.take(&-1i64)));
        assert_eq!(of(|d| d.take(&-1i8)), of(|d| d.take(&-1i64)));
    }

    #[test]
    fn order_and_number_of_words_count() {
        let all = [
            of(|_| ()),
            of(|d| d.word(0)),
            of(|d| [0, 0].map(|w| d.word(w)).as_ref().len().hash(d)),
            of(|d| [1, 2].iter().for_each(|&w| d.word(w))),
            of(|d| [2, 1].iter().for_each(|&w| d.word(w))),
            of(|d| d.pair(1, 2)),
            of(|d| d.pair(2, 1)),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|b| a != b), "{i} is not told apart");
        }
    }

    #[test]
    fn zeros_at_the_end_of_bytes_are_not_lost() {
        let lengths: Vec<_> = (0..40).map(|n| of(|d| d.write(&vec![0; n]))).collect();
        for (n, a) in lengths.iter().enumerate() {
            assert!(lengths.iter().skip(n + 1).all(|b| a != b), "{n} zeros look like more");
        }
    }

    #[test]
    fn a_fingerprint_reads_back_from_its_text() {
        let fingerprint = Fingerprint(0x0123_4567_89ab_cdef_0000_0000_0000_0001);
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
    }
}
