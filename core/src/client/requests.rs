//! The numbers that pair replies with requests.

use crate::host::Host;
use crate::ids::CorrelationId;

/// Hands out correlation ids.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Numbers {
    next: u64,
}

impl Numbers {
    /// Numbers for one life. The first is drawn: replies to a former life of this node are still under way,
    /// and must not look like answers to this one.
    pub(super) fn of_this_life(env: &mut Host<'_>) -> Self {
        Self { next: env.draw() }
    }

    /// A number not used before in this life.
    pub(super) const fn next(&mut self) -> CorrelationId {
        let id = CorrelationId(self.next);
        self.next = self.next.wrapping_add(1);
        id
    }
}
