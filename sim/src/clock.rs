//! What a node believes the time to be.
//!
//! A clock runs at its own rate and may be set forth or back; the world's time does neither. Timers follow
//! the rate of their node's clock but not its settings, as a monotonic clock does.

use squall_core::time::{Span, Time};

/// A node's clock: the reading at some moment, and the rate since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeClock {
    drift_ppm: i32,
    /// The world's time of the last change, and the reading then. The reading is signed: a clock may be set
    /// back to before its zero, and shows zero until it is there again.
    since: Time,
    reading: i128,
}

/// A million: drift is in millionths.
const ONE: i128 = 1_000_000;

/// A drift beyond this is no clock: at −1 000 000 ppm time stands still.
const MOST_DRIFT_PPM: i32 = 500_000;

impl NodeClock {
    /// What the clock reads at `world`.
    #[inline]
    pub fn at(&self, world: Time) -> Time {
        if self.drift_ppm == 0 && self.reading == i128::from(self.since.0) {
            return world;
        }
        Time(u64::try_from(self.exactly(world).max(0)).unwrap_or(u64::MAX))
    }

    /// How long the world takes for a `span` on this clock.
    #[inline]
    pub fn world_span(&self, span: Span) -> Span {
        if self.drift_ppm == 0 {
            return span;
        }
        // Rounded up: a timer never runs out before its node's clock says so.
        let rate = ONE.unsigned_abs().saturating_add_signed(i128::from(self.drift_ppm));
        let scaled = (u128::from(span.0) * ONE.unsigned_abs()).div_ceil(rate);
        Span(u64::try_from(scaled).unwrap_or(u64::MAX))
    }

    /// How much too fast the clock runs, in millionths; negative if it is slow.
    pub fn drift_ppm(&self) -> i32 {
        self.drift_ppm
    }

    /// How far the clock is ahead of the world at `world`, in nanoseconds; negative if it is behind.
    pub fn offset_at(&self, world: Time) -> i64 {
        let offset = self.exactly(world) - i128::from(world.0);
        offset.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    /// From `world` on the clock runs `ppm` millionths too fast. Held within half and one and a half times
    /// the true rate.
    pub fn set_drift(&mut self, world: Time, ppm: i32) {
        self.rebase(world);
        self.drift_ppm = ppm.clamp(-MOST_DRIFT_PPM, MOST_DRIFT_PPM);
    }

    /// At `world` the clock jumps by `nanos`, back if negative.
    pub fn step(&mut self, world: Time, nanos: i64) {
        self.rebase(world);
        self.reading += i128::from(nanos);
    }

    fn rebase(&mut self, world: Time) {
        self.reading = self.exactly(world);
        self.since = world;
    }

    fn exactly(&self, world: Time) -> i128 {
        let passed = i128::from(world.0) - i128::from(self.since.0);
        self.reading + passed + passed * i128::from(self.drift_ppm) / ONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untouched_clock_reads_the_worlds_time() {
        assert_eq!(NodeClock::default().at(Time(123)), Time(123));
    }

    #[test]
    fn a_drifting_clock_gains_from_the_change_on_and_keeps_what_it_gained() {
        let mut clock = NodeClock::default();
        clock.set_drift(Time(1_000_000), 100);
        assert_eq!(clock.at(Time(1_000_000)), Time(1_000_000));
        assert_eq!(clock.at(Time(2_000_000)), Time(2_000_100));
        clock.set_drift(Time(2_000_000), 0);
        assert_eq!(clock.at(Time(3_000_000)), Time(3_000_100));
        assert_eq!(clock.offset_at(Time(3_000_000)), 100);
    }

    #[test]
    fn a_clock_set_back_before_its_zero_stands_at_zero() {
        let mut clock = NodeClock::default();
        clock.step(Time(100), -500);
        assert_eq!(clock.at(Time(200)), Time(0));
        assert_eq!(clock.at(Time(700)), Time(200));
    }

    #[test]
    fn a_timer_on_a_fast_clock_runs_out_early_but_never_before_the_clock_says_so() {
        let mut clock = NodeClock::default();
        clock.set_drift(Time(0), 500_000);
        let waited = clock.world_span(Span(1_000));
        assert_eq!(waited, Span(667));
        assert!(clock.at(Time(waited.0)) >= Time(1_000));
    }
}
