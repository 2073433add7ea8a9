//! What a node believes the time to be.
//!
//! A node has two readings of one clock. The monotonic one ([`NodeClock::at`]) runs at the clock's own rate,
//! may stand still or leap ahead, and never goes back: leases, sessions and time-outs are measured by it. The
//! calendar ([`NodeClock::wall`]) is the same plus an offset that an operator may set forth or back:
//! timestamps and retention go by it. Timers follow the rate of the clock and nothing else: they are the
//! machine's own, and ring also while its clock shows the same time.

use squall_core::time::{Span, Time};

/// What the calendar of a right clock shows when the world begins: the first of January 2020. Not zero, so
/// that a calendar can be set back.
pub const CALENDAR_ZERO: Time = Time(1_577_836_800_000_000_000);

/// A node's clock: the reading at some moment, and the rate since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeClock {
    drift_ppm: i32,
    frozen: bool,
    /// The world's time of the last change, and the reading then.
    since: Time,
    reading: Time,
    /// How far the calendar was set forth, in nanoseconds; negative: back.
    set_by: i64,
}

/// A million: drift is in millionths.
const ONE: i128 = 1_000_000;

/// A drift beyond this is no clock: at −1 000 000 ppm time stands still.
const MOST_DRIFT_PPM: i32 = 500_000;

impl NodeClock {
    /// What the monotonic clock reads at `world`.
    #[inline]
    pub fn at(&self, world: Time) -> Time {
        if self.drift_ppm == 0 && !self.frozen && self.reading == self.since {
            return world;
        }
        self.exactly(world)
    }

    /// What the calendar reads at `world`.
    #[inline]
    pub fn wall(&self, world: Time) -> Time {
        Time((CALENDAR_ZERO + Span(self.at(world).0)).0.saturating_add_signed(self.set_by))
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

    /// Whether the clock stands still.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// How far the monotonic clock is ahead of the world at `world`, in nanoseconds; negative if it is behind.
    pub fn offset_at(&self, world: Time) -> i64 {
        difference(self.at(world), world)
    }

    /// How far the calendar is ahead of a right one at `world`, in nanoseconds; negative if it is behind.
    pub fn wall_offset_at(&self, world: Time) -> i64 {
        difference(self.wall(world), CALENDAR_ZERO + Span(world.0))
    }

    /// From `world` on the clock runs `ppm` millionths too fast. Held within half and one and a half times
    /// the true rate.
    pub fn set_drift(&mut self, world: Time, ppm: i32) {
        self.rebase(world);
        self.drift_ppm = ppm.clamp(-MOST_DRIFT_PPM, MOST_DRIFT_PPM);
    }

    /// From `world` on the clock stands still, or goes on from where it stood.
    pub fn set_frozen(&mut self, world: Time, frozen: bool) {
        self.rebase(world);
        self.frozen = frozen;
    }

    /// The calendar jumps by `nanos`, back if negative. The monotonic reading does not.
    pub fn step(&mut self, nanos: i64) {
        self.set_by = self.set_by.saturating_add(nanos);
    }

    /// At `world` both readings jump ahead.
    pub fn leap(&mut self, world: Time, by: Span) {
        self.rebase(world);
        self.reading = self.reading + by;
    }

    fn rebase(&mut self, world: Time) {
        self.reading = self.at(world);
        self.since = world;
    }

    fn exactly(&self, world: Time) -> Time {
        if self.frozen {
            return self.reading;
        }
        let passed = i128::from(world.since(self.since).0);
        let shown = passed + passed * i128::from(self.drift_ppm) / ONE;
        self.reading + Span(u64::try_from(shown).unwrap_or(u64::MAX))
    }
}

fn difference(a: Time, b: Time) -> i64 {
    let exact = i128::from(a.0) - i128::from(b.0);
    exact.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untouched_clock_reads_the_worlds_time() {
        assert_eq!(NodeClock::default().at(Time(123)), Time(123));
        assert_eq!(NodeClock::default().wall(Time(123)), CALENDAR_ZERO + Span(123));
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
    fn a_calendar_that_is_set_moves_no_time_out() {
        let mut clock = NodeClock::default();
        clock.step(-500);
        assert_eq!(clock.at(Time(200)), Time(200));
        assert_eq!((clock.wall_offset_at(Time(200)), clock.offset_at(Time(200))), (-500, 0));
        clock.step(700);
        assert_eq!(clock.wall_offset_at(Time(300)), 200);
    }

    #[test]
    fn a_calendar_set_back_before_its_zero_stands_at_zero() {
        let mut clock = NodeClock::default();
        clock.step(i64::MIN);
        assert_eq!(clock.wall(Time(700)), Time(0));
    }

    #[test]
    fn a_frozen_clock_goes_on_from_where_it_stood() {
        let mut clock = NodeClock::default();
        clock.set_frozen(Time(100), true);
        assert_eq!((clock.at(Time(100)), clock.at(Time(900))), (Time(100), Time(100)));
        assert_eq!(clock.wall(Time(900)), CALENDAR_ZERO + Span(100));
        clock.set_frozen(Time(900), false);
        assert_eq!(clock.at(Time(950)), Time(150));
    }

    #[test]
    fn a_leap_moves_both_readings() {
        let mut clock = NodeClock::default();
        clock.leap(Time(100), Span(1_000));
        assert_eq!((clock.at(Time(150)), clock.wall_offset_at(Time(150))), (Time(1_150), 1_000));
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
