//! Steps as text: rows of sixty-four steps, each its kind's number and two characters of digest.
//!
//! A character carries six bits. A kind's number is written five bits a character, the low ones first; the
//! sixth says that more follow. Kinds that come often have small numbers.

use serde::{Deserialize, Serialize};

use super::{Step, Steps};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const ROW: usize = 64;

/// As it stands in a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    every: u64,
    kinds: Vec<String>,
    rows: Vec<String>,
}

/// Why rows are no steps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Bad {
    #[error("steps: every 0th event cannot be kept")]
    Every,
    #[error("steps: row {0} is no row of steps")]
    Row(usize),
    #[error("steps: row {0} names a kind that is not listed")]
    Kind(usize),
}

impl From<Steps> for Text {
    fn from(steps: Steps) -> Self {
        let rows = steps.steps.chunks(ROW).map(|steps| {
            let mut row = String::with_capacity(ROW * 4);
            steps.iter().for_each(|step| write(*step, &mut row));
            row
        });
        Self { every: steps.every, rows: rows.collect(), kinds: steps.kinds }
    }
}

impl TryFrom<Text> for Steps {
    type Error = Bad;

    fn try_from(text: Text) -> Result<Self, Bad> {
        if text.every == 0 {
            return Err(Bad::Every);
        }
        let mut steps = Vec::with_capacity(text.rows.len() * ROW);
        for (row, number) in text.rows.iter().zip(1..) {
            let mut rest = row.bytes();
            while rest.len() > 0 {
                let step = read(&mut rest).ok_or(Bad::Row(number))?;
                if step.kind as usize >= text.kinds.len() {
                    return Err(Bad::Kind(number));
                }
                steps.push(step);
            }
        }
        Ok(Self { every: text.every, kinds: text.kinds, steps })
    }
}

fn write(step: Step, row: &mut String) {
    let mut push = |bits: u32| row.push(char::from(ALPHABET[bits as usize & 63]));
    let mut kind = step.kind;
    while kind >= 32 {
        push((kind & 31) | 32);
        kind >>= 5;
    }
    push(kind);
    push(u32::from(step.digest) >> 6);
    push(u32::from(step.digest));
}

fn read(row: &mut impl Iterator<Item = u8>) -> Option<Step> {
    let mut next = || bits(row.next()?);
    let (mut kind, mut shift) = (0, 0);
    loop {
        let bits = next()?;
        kind |= (bits & 31).checked_shl(shift).filter(|_| shift < 25)?;
        shift += 5;
        if bits < 32 {
            break;
        }
    }
    let digest = next()? << 6 | next()?;
    Some(Step { kind, digest: digest as u16 })
}

/// What a character carries.
fn bits(c: u8) -> Option<u32> {
    Some(match c {
        b'A'..=b'Z' => u32::from(c - b'A'),
        b'a'..=b'z' => u32::from(c - b'a') + 26,
        b'0'..=b'9' => u32::from(c - b'0') + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rows: &[&str]) -> Result<Steps, Bad> {
        let kinds = vec!["a".to_owned(), "b".to_owned()];
        Text { every: 1, kinds, rows: rows.iter().map(|row| (*row).to_owned()).collect() }.try_into()
    }

    #[test]
    fn every_character_is_read_as_it_is_written() {
        for (place, c) in (0..).zip(ALPHABET) {
            assert_eq!(bits(*c), Some(place));
        }
    }

    #[test]
    fn rows_that_are_none_are_refused_by_their_number() {
        assert!(text(&["AAA", "BAA"]).is_ok());
        assert_eq!(text(&["AAA", "AA"]), Err(Bad::Row(2)));
        assert_eq!(text(&["A?A"]), Err(Bad::Row(1)));
        assert_eq!(text(&["CAA"]), Err(Bad::Kind(1)));
        assert_eq!(text(&["________AAA"]), Err(Bad::Row(1)));
        let none = Text { every: 0, kinds: vec![], rows: vec![] };
        assert_eq!(Steps::try_from(none), Err(Bad::Every));
    }
}
