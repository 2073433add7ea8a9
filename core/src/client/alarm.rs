//! One timer of a client, set no more often than needed.
//!
//! A timer that rings too early costs one look; one that is set anew at every request costs each time. So an
//! alarm is only ever moved forward, and whoever it wakes looks at what is due and sets it again.

use crate::host::Host;
use crate::time::{Span, Time};
use crate::timer::{ClientTimer, Timer};

/// When a timer will ring, if it is set.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Alarm(Option<Time>);

impl Alarm {
    /// Not set.
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// `timer` rings at `at` at the latest.
    pub(super) fn by(&mut self, timer: ClientTimer, at: Time, env: &mut Host<'_>) {
        if self.0.is_none_or(|set| at < set) {
            self.0 = Some(at);
            env.set_timer(Timer::Client(timer), at.since(env.now()));
        }
    }

    /// The timer rang.
    pub(super) const fn rang(&mut self) {
        self.0 = None;
    }
}

/// Whether the moment `at`, which was set `span` or less ahead of some earlier now, has come. It also has if
/// it lies farther ahead than that: the clock was set back, and nobody should wait for it to catch up.
pub(super) fn is_due(at: Time, span: Span, now: Time) -> bool {
    now >= at || at.since(now) > span
}
