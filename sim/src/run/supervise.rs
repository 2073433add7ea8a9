//! Whoever looks after the machines: a process that gave up because its disk failed it is started again.
//!
//! The machine is turned off and on, so that what the cache shows and the disk never got is gone as well.
//! Nothing is looked at before the first fault that can make a process give up.

use squall_core::ids::NodeId;
use squall_core::time::{Span, Time};

use super::{Course, Scenario};

/// How long it takes until somebody notices.
const NOTICED_AFTER: Span = Span::from_millis(500);

impl<S: Scenario + ?Sized> Course<'_, S> {
    /// Looks at the node of the event that just happened; whether all checks held.
    #[cold]
    pub(super) fn watch(&mut self) -> bool {
        let node = self.world.moment().node;
        if node == NodeId::OPERATOR {
            return true;
        }
        if self.tear(node) {
            return self.look();
        }
        if self.has_halted(node) && self.injector.halted.iter().all(|(_, known)| *known != node) {
            let due = self.world.now() + NOTICED_AFTER;
            self.injector.halted.insert((due, node));
            self.bound = self.bound.min(due);
        }
        true
    }

    /// When somebody is started again next.
    pub(super) fn next_rescue(&self) -> Option<Time> {
        self.injector.halted.first().map(|(due, _)| *due)
    }

    /// Starts again who is due; whether all checks held.
    pub(super) fn rescue_due(&mut self) -> bool {
        let now = self.world.now();
        while let Some(&(due, node)) = self.injector.halted.first()
            && due <= now
        {
            self.injector.halted.remove(&(due, node));
            if !self.rescue(node) {
                return false;
            }
        }
        true
    }

    /// Starts a node again if it gave up; whether all checks held.
    pub(super) fn rescue(&mut self, node: NodeId) -> bool {
        if !self.has_halted(node) {
            return true;
        }
        self.say(|| format!("--- started again: node {node}"));
        self.injector.forget_pause(node);
        self.world.power_loss(node);
        self.look() && (!self.world.boot(node) || self.look())
    }

    fn has_halted(&self, node: NodeId) -> bool {
        self.world.process(node).is_some_and(|process| self.scenario.halted(process))
    }
}
