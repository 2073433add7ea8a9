//! Joins tables of settings at compile time: a scenario has its cluster's rows and its own.

use squall_sim::knob::Knob;

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
