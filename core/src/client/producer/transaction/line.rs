//! The line to one coordinator: who it is, and the one request to it that is under way.

use crate::client::slot::Slot;
use crate::host::Host;
use crate::ids::{BrokerId, CorrelationId};
use crate::time::{Span, Time};

/// See the module.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    /// Who coordinates, as far as is known.
    pub(super) broker: Option<BrokerId>,
    pub(super) finding: Slot,
    pub(super) asking: Slot,
}

impl Line {
    /// Whoever coordinated does so no longer, or does not answer.
    pub(super) const fn lose(&mut self) {
        self.broker = None;
        self.asking.forget();
    }

    /// Nobody waits for what was asked any more.
    pub(super) const fn forget(&mut self) {
        self.asking.forget();
    }

    /// Gives up waiting for what is too late.
    pub(super) fn look_at_the_clock(&mut self, now: Time) {
        self.finding.is_overdue(now);
        if self.asking.is_overdue(now) {
            self.lose();
        }
    }

    /// Who coordinates; the answer to `id`. Two brokers that disagree may be asked in turn without end, so the
    /// next question waits even after an answer.
    pub(super) fn found(&mut self, broker: Option<BrokerId>, backoff: Span, env: &mut Host<'_>) {
        self.broker = broker;
        self.finding.rest(backoff, env);
    }

    /// Whether `id` is what was asked of the coordinator; if so it is over.
    pub(super) fn answered(&mut self, id: CorrelationId) -> bool {
        self.asking.answered(id)
    }

    /// When to look again, if something is to be asked.
    pub(super) fn due(&self) -> Time {
        if self.broker.is_none() { self.finding.due() } else { self.asking.due() }
    }
}
