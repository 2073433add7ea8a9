//! Times as people write them in plans: `12.5s`, `300ms`, `7us`, `20ns`. Exact to the nanosecond.

use serde::{Deserialize, Deserializer, Serializer, de};

const UNITS: [(&str, u64); 4] = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

/// `nanos` in the largest unit of which it is at least one.
pub fn written(nanos: u64) -> String {
    let (unit, size) = UNITS.into_iter().find(|(_, size)| nanos >= *size).unwrap_or(("s", UNITS[0].1));
    let (whole, rest) = (nanos / size, nanos % size);
    if rest == 0 {
        return format!("{whole}{unit}");
    }
    let digits = size.ilog10() as usize;
    format!("{whole}.{}{unit}", format!("{rest:0digits$}").trim_end_matches('0'))
}

/// The nanoseconds that `text` says; the error is one line.
pub fn read(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a time such as 12.5s, 300ms, 7us or 20ns");
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let size = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1;
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    let digits = size.ilog10() as usize;
    // Digits beyond the nanosecond would have to be rounded: refuse them.
    if rest.len() > digits || !format!("{whole}{rest}").bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let rest =
        if digits == 0 { 0 } else { format!("{rest:0<digits$}").parse::<u64>().map_err(|_| wrong())? };
    let whole = whole.parse::<u64>().map_err(|_| wrong())?;
    whole.checked_mul(size).and_then(|whole| whole.checked_add(rest)).ok_or_else(wrong)
}

/// For `#[serde(with = "text")]`.
pub fn serialize<S: Serializer>(nanos: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&written(*nanos))
}

/// For `#[serde(with = "text")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text).map_err(de::Error::custom)
}

/// The same for spans.
pub mod span {
    use serde::{Deserializer, Serializer};
    use squall_core::time::Span;

    /// For `#[serde(with = "text::span")]`.
    pub fn serialize<S: Serializer>(span: &Span, serializer: S) -> Result<S::Ok, S::Error> {
        super::serialize(&span.0, serializer)
    }

    /// For `#[serde(with = "text::span")]`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        super::deserialize(deserializer).map(Span)
    }
}

/// The same for a time that may be left out.
pub mod option {
    use serde::{Deserialize, Deserializer, Serializer, de};

    /// For `#[serde(with = "text::option")]`, together with `skip_serializing_if`.
    pub fn serialize<S: Serializer>(nanos: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        match nanos {
            Some(nanos) => super::serialize(nanos, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// For `#[serde(default, with = "text::option")]`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::read(&text).map_err(de::Error::custom)).transpose()
    }
}

/// The same for differences: `-3s`.
pub mod signed {
    use serde::{Deserialize, Deserializer, Serializer, de};

    /// `nanos` with its sign, if it is negative.
    pub fn written(nanos: i64) -> String {
        let sign = if nanos < 0 { "-" } else { "" };
        format!("{sign}{}", super::written(nanos.unsigned_abs()))
    }

    /// The nanoseconds that `text` says; the error is one line.
    pub fn read(text: &str) -> Result<i64, String> {
        let (sign, size) = match text.strip_prefix('-') {
            Some(rest) => (-1, super::read(rest)?),
            None => (1, super::read(text)?),
        };
        let size = i64::try_from(size).map_err(|_| format!("`{text}` is more than three hundred years"))?;
        Ok(sign * size)
    }

    /// For `#[serde(with = "text::signed")]`.
    pub fn serialize<S: Serializer>(nanos: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&written(*nanos))
    }

    /// For `#[serde(with = "text::signed")]`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_written_as_people_would() {
        for (nanos, text) in
            [(0, "0s"), (20, "20ns"), (7_000, "7us"), (300_000_000, "300ms"), (12_500_000_000, "12.5s")]
        {
            assert_eq!(written(nanos), text);
        }
    }

    #[test]
    fn what_is_no_exact_time_is_refused() {
        for text in ["", "5", "s", "1.5ns", "-1s", "1.0000000001s", "1m", "1e3s", "99999999999999s", ".5s"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_time_reads_back_exactly(nanos: u64) {
            prop_assert_eq!(read(&written(nanos)), Ok(nanos));
        }

        #[test]
        fn a_difference_reads_back_exactly(nanos in (-i64::MAX)..i64::MAX) {
            prop_assert_eq!(signed::read(&signed::written(nanos)), Ok(nanos));
        }
    }
}
