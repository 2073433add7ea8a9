//! The real clock: for how long something took, when to stop, and which seed nobody has seen yet. Nothing
//! that it says decides anything inside a run.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Now, for lengths of time.
#[allow(clippy::disallowed_methods, reason = "how long a campaign goes on is the person's time")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// A seed that was not run before, most likely: it is printed, so that it can be run again.
#[allow(clippy::disallowed_methods, reason = "a fresh seed has to come from somewhere")]
pub(super) fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Short enough to be read out loud, and far enough apart for a campaign a second.
    since.as_millis() as u64 / 10 % 10_000_000_000
}
