//! One request of a kind at a time: which is under way, until when it is waited for, when the next may go out.

use crate::client::backoff;
use crate::host::Host;
use crate::ids::CorrelationId;
use crate::time::{Span, Time};

/// The place of one request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slot {
    asked: Option<(CorrelationId, Time)>,
    failures: u32,
    not_before: Time,
}

impl Slot {
    /// Nothing is under way, and the last failure is long enough ago.
    pub(super) fn is_free(&self, now: Time) -> bool {
        self.asked.is_none() && now >= self.not_before
    }

    /// A request went out and is waited for until then.
    pub(super) const fn sent(&mut self, id: CorrelationId, until: Time) {
        self.asked = Some((id, until));
    }

    /// Whether `id` is the request under way; if so it is over.
    pub(super) fn answered(&mut self, id: CorrelationId) -> bool {
        self.asked.take_if(|(asked, _)| *asked == id).is_some()
    }

    /// Whether an answer is too late; if so it is no longer waited for.
    pub(super) fn is_overdue(&mut self, now: Time) -> bool {
        self.asked.take_if(|(_, until)| now >= *until).is_some()
    }

    /// Nobody waits for the answer any more.
    pub(super) const fn forget(&mut self) {
        self.asked = None;
    }

    /// Something went well: the next failure is a first one.
    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Nothing goes out for a while.
    pub(super) fn rest(&mut self, base: Span, env: &mut Host<'_>) {
        self.failures += 1;
        self.not_before = env.now() + backoff::wait(base, self.failures, env);
    }

    /// When to look again: the answer is late, or the next request may go out.
    pub(super) fn due(&self) -> Time {
        self.asked.map_or(self.not_before, |(_, until)| until)
    }
}
