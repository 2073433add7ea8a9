//! Quiet windows: spans in which clients begin nothing new.
//!
//! Under a load that never rests every log end moves all the time, and much goes right by the next record:
//! a follower that missed one asks for it, a leader that kept a watermark to itself tells it. What is only
//! right under load shows when the load stops, and again when all that waited comes at once.

use squall_sim::knob::{Knob, Unit};
use squall_sim::seed::{Seed, Stream};
use squall_sim::settings::Settings;

/// How much of a storm is quiet.
pub const KNOB: Knob = Knob {
    key: "workload.quiet",
    unit: Unit::PerMille,
    calm: 0,
    storm: (0, 600),
    limits: (0, 1_000),
    why: "how much of the storm passes without a client that begins something",
};

/// So many windows a storm has at most.
const MOST_WINDOWS: u64 = 4;

/// The windows of a storm of `storm` nanoseconds, by when they begin and end; they may overlap.
pub(crate) fn windows(seed: Seed, settings: &Settings, storm: u64) -> Vec<(u64, u64)> {
    let mut rng = seed.stream(Stream::User("quiet"));
    let count = rng.in_range(1, MOST_WINDOWS);
    let length = storm / 1_000 * settings.get(KNOB.key) / count;
    let mut windows = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let from = rng.in_range(0, storm - length);
        windows.push((from, from + length));
    }
    windows.sort_unstable();
    windows
}

/// `at`, or when the quiet is over that it would break: all that waited for it comes at once.
pub(crate) fn after(windows: &[(u64, u64)], at: u64) -> u64 {
    windows.iter().fold(at, |at, (from, until)| if *from <= at && at < *until { *until } else { at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_begins_in_a_window_nor_between_two_that_overlap() {
        let windows = [(10, 20), (15, 30), (40, 50)];
        assert_eq!([5, 12, 25, 30, 45].map(|at| after(&windows, at)), [5, 30, 30, 30, 50]);
    }

    #[test]
    fn windows_lie_in_the_storm_and_are_none_where_nothing_is_drawn() {
        let mut settings = Settings::default();
        settings.set(KNOB.key, 1_000);
        for seed in 0..50 {
            let windows = windows(Seed(seed), &settings, 9_000_000);
            assert!(windows.iter().all(|(from, until)| from < until && *until <= 9_000_000));
        }
        settings.set(KNOB.key, 0);
        assert!(windows(Seed(1), &settings, 9_000_000).iter().all(|(from, until)| from == until));
    }
}
