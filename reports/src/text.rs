//! Aligned columns, numbers and times for people.

use std::fmt::Write;

use squall_sim::record::Counts;

/// The widest line that anything here writes, but for a name or message that is longer by itself.
pub const WIDTH: usize = 100;

/// Where values begin.
const LABEL: usize = 12;

/// `1234567` as `1 234 567`.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Nanoseconds of virtual time as `12.345 s` or `2 h 05 min 07 s`.
pub fn duration(nanos: u128) -> String {
    let seconds = nanos / 1_000_000_000;
    let (minutes, hours) = (seconds / 60 % 60, seconds / 3_600);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}.{:03} s", nanos / 1_000_000 % 1_000),
        (0, minutes) => format!("{minutes} min {:02} s", seconds % 60),
        (hours, minutes) => format!("{} h {minutes:02} min {:02} s", hours_text(hours), seconds % 60),
    }
}

fn hours_text(hours: u128) -> String {
    u64::try_from(hours).map_or_else(|_| hours.to_string(), number)
}

/// `label` and `value`, aligned with all other lines.
pub fn line(into: &mut String, label: &str, value: &str) {
    let _ = writeln!(into, "{label:<LABEL$}{value}");
}

/// Counts under a label, in as many columns as fit. Nothing if there are none.
pub fn counts(into: &mut String, label: &str, counts: &Counts) {
    if counts.is_empty() {
        return;
    }
    let cells: Vec<(&str, String)> = counts.iter().map(|(name, count)| (*name, number(*count))).collect();
    let names = cells.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let numbers = cells.iter().map(|(_, count)| count.len()).max().unwrap_or(0);
    let cell = names + 1 + numbers;
    let columns = ((WIDTH - LABEL + 3) / (cell + 3)).max(1);
    let rows = cells.len().div_ceil(columns);
    for row in 0..rows {
        let mut text = String::new();
        // Down the columns, so that names stay in order to the eye.
        for (name, count) in cells.iter().skip(row).step_by(rows) {
            if !text.is_empty() {
                text.push_str("   ");
            }
            let _ = write!(text, "{name:<names$} {count:>numbers$}");
        }
        line(into, if row == 0 { label } else { "" }, &text);
    }
}

/// Words under a label, wrapped.
pub fn words(into: &mut String, label: &str, words: impl IntoIterator<Item = String>) {
    let mut text = String::new();
    let mut label = label;
    for word in words {
        if !text.is_empty() && LABEL + text.chars().count() + 2 + word.chars().count() > WIDTH {
            text.push(',');
            line(into, label, &text);
            (label, text) = ("", String::new());
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&word);
    }
    if !text.is_empty() {
        line(into, label, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1 000", "1 234 567"]);
    }

    #[test]
    fn times_are_said_in_fitting_units() {
        let second = 1_000_000_000;
        assert_eq!(duration(12_345_678_901), "12.345 s");
        assert_eq!(duration(65 * second), "1 min 05 s");
        assert_eq!(duration(3_600_000 * second + 7 * second), "1 000 h 00 min 07 s");
    }

    #[test]
    fn lists_stay_within_the_width() {
        let names: Vec<String> = (0..40).map(|n| format!("an_invariant_of_number_{n}")).collect();
        let mut text = String::new();
        words(&mut text, "names", names);
        let many: Counts = squall_sim::fault::TABLE.iter().map(|row| (row.kind, u64::MAX)).collect();
        counts(&mut text, "faults", &many);
        assert!(text.lines().count() > 10);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }
}
