//! When this node starts to decide, and when it stops.

use super::Controller;
use super::pending::{Operation, Pending};
use crate::host::Host;
use crate::probe::{MetadataProbe, Probe};
use crate::refused::Refused;
use crate::timer::{ControllerTimer, Timer};

const TIMER: Timer = Timer::Controller(ControllerTimer::Sessions);

/// Looks for silent brokers, and comes back later.
pub(super) fn on_sweep(c: &mut Controller, env: &mut Host<'_>) {
    if c.is_active() {
        if c.sessions.any_over(&c.image, env.now()) && !c.queue.has_sweep() {
            c.queue.push(Pending { asker: None, operation: Operation::Sweep });
        }
        env.set_timer(TIMER, c.config.sweep);
    }
}

impl Controller {
    /// Follows the consensus: leading is not enough to decide.
    pub(super) fn review_reign(&mut self, env: &mut Host<'_>) {
        let reign = self.quorum.is_leader().then(|| self.quorum.epoch());
        if self.active.is_some() && self.active != reign {
            self.resign(env);
        }
        // Before its own first entry is committed, a leader does not know which earlier ones are; and
        // what it has not applied it cannot decide from.
        let knows_all = self.quorum.own_epoch_committed() && self.image.end >= self.quorum.commit();
        if let (None, Some(epoch), true) = (self.active, reign, knows_all) {
            self.active = Some(epoch);
            self.sessions.restart(&self.image, env.now());
            env.set_timer(TIMER, self.config.sweep);
            env.probe(Probe::Metadata(MetadataProbe::Active { epoch }));
        }
    }

    /// Sends everybody to the next controller. What is proposed may still be committed: they ask again,
    /// and every operation bears that.
    fn resign(&mut self, env: &mut Host<'_>) {
        self.active = None;
        env.cancel_timer(TIMER);
        let refused = self.not_controller();
        self.queue.refuse_all(refused, env);
        self.purgatory.refuse_all(refused, env);
    }

    /// The answer to whoever takes this node for the active controller.
    pub(super) fn not_controller(&self) -> Refused {
        Refused::NotController { leader: self.quorum.leader() }
    }
}
