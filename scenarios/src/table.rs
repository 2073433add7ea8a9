//! Makes and joins tables of settings at compile time: a scenario has its cluster's rows and its own.

use squall_sim::knob::{Knob, Unit};

/// A row, in one line of a table: key, unit, calm value, what a storm draws, what people may set, and why.
pub(crate) const fn row(
    key: &'static str,
    unit: Unit,
    calm: u64,
    storm: (u64, u64),
    limits: (u64, u64),
    why: &'static str,
) -> Knob {
    Knob { key, unit, calm, storm, limits, why }
}

/// `first`, then `second`. `N` must be the sum of their lengths, or this does not compile.
pub(crate) const fn joined<const N: usize>(first: &[Knob], second: &[Knob]) -> [Knob; N] {
    assert!(N == first.len() + second.len(), "N is not the sum of both lengths");
    let mut rows = [first[0]; N];
    let mut i = 0;
    while i < N {
        rows[i] = if i < first.len() { first[i] } else { second[i - first.len()] };
        i += 1;
    }
    rows
}

/// `rows`, but for those with the key of one of `others`, which stand in their place.
pub(crate) const fn with<const N: usize>(mut rows: [Knob; N], others: &[Knob]) -> [Knob; N] {
    let mut other = 0;
    while other < others.len() {
        let (mut row, mut found) = (0, false);
        while row < N {
            if same(rows[row].key, others[other].key) {
                rows[row] = others[other];
                found = true;
            }
            row += 1;
        }
        assert!(found, "there is no such row");
        other += 1;
    }
    rows
}

/// `rows`, with these calm values for these keys.
pub(crate) const fn calm<const N: usize>(mut rows: [Knob; N], values: &[(&str, u64)]) -> [Knob; N] {
    let mut value = 0;
    while value < values.len() {
        let (mut row, mut found) = (0, false);
        while row < N {
            if same(rows[row].key, values[value].0) {
                rows[row].calm = values[value].1;
                found = true;
            }
            row += 1;
        }
        assert!(found, "there is no such row");
        value += 1;
    }
    rows
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut place = 0;
    while place < a.len() && place < b.len() && a[place] == b[place] {
        place += 1;
    }
    place == a.len() && place == b.len()
}
