//! Seeds and durations as people write them: `5`, `0..100`, `30s`, `2m`.

use std::ops::Range;
use std::time::Duration;

use crate::command::Failure;

/// A range of seeds: `A..B`, or one seed.
pub(super) fn range(text: &str) -> Result<Range<u64>, Failure> {
    let number = |part: &str| part.replace('_', "").parse::<u64>().ok();
    let bad = |why: &str| Failure::bad(format_args!("bad range of seeds `{text}`: {why}"));
    let Some((from, to)) = text.split_once("..") else {
        let seed = number(text).ok_or_else(|| bad("it takes A..B, or one number"))?;
        let end = seed.checked_add(1).ok_or_else(|| bad("there is no seed after the last"))?;
        return Ok(seed..end);
    };
    let (Some(from), Some(to)) = (number(from), number(to)) else { return Err(bad("it takes A..B")) };
    if from >= to {
        return Err(bad("it is empty, or runs backwards"));
    }
    Ok(from..to)
}

/// A length of real time: `30s`, `2m`, `1h`, `500ms`.
pub(super) fn duration(text: &str) -> Result<Duration, Failure> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let number: Option<u64> = number.parse().ok().filter(|_| millis > 0);
    let total = number.and_then(|number| number.checked_mul(millis));
    total.map(Duration::from_millis).ok_or_else(|| {
        Failure::bad(format_args!("bad length of time `{text}`: it takes 500ms, 30s, 2m or 1h"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_runs_backwards_is_refused() {
        assert!(range("9..3").is_err());
        assert!(range("3..3").is_err());
        assert!(range("a..3").is_err());
        assert_eq!(range("3..9").ok(), Some(3..9));
        assert_eq!(range("7").ok(), Some(7..8));
    }

    #[test]
    fn a_length_without_a_unit_is_refused() {
        assert!(duration("30").is_err());
        assert!(duration("s").is_err());
        assert!(duration("5x").is_err());
        assert_eq!(duration("90s").ok(), Some(Duration::from_secs(90)));
    }
}
