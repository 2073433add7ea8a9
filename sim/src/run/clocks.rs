//! Faults on clocks: drifts add up, a clock goes on when the last fault that froze it ends.

use std::collections::BTreeMap;

use squall_core::ids::NodeId;
use squall_core::time::Span;

use super::inject::Undo;
use super::{Course, Scenario};
use crate::fault::Whom;
use crate::fault::ledger::Ledger;

/// What one fault does to a node's clocks. Nanoseconds and millionths.
#[derive(Debug, Clone, Copy)]
pub(super) enum Twist {
    Offset(i64),
    Step(i64),
    Leap(Span),
    Drift(i32),
    Freeze,
}

/// What faults hold wrong about clocks.
#[derive(Debug, Clone, Default)]
pub(super) struct Clocks {
    /// In millionths.
    drift: BTreeMap<NodeId, i32>,
    frozen: Ledger<NodeId>,
}

impl<S: Scenario + ?Sized> Course<'_, S> {
    /// Whether it has any effect.
    pub(super) fn twist(&mut self, item: usize, whom: &Whom, twist: Twist) -> bool {
        let Some(node) = self.find(whom) else { return false };
        match twist {
            Twist::Step(by) => return self.world.step_clock(node, by),
            Twist::Leap(by) => return self.world.leap_clock(node, by),
            Twist::Offset(by) => self.world.step_clock(node, by),
            Twist::Drift(ppm) => self.add_drift(node, ppm),
            Twist::Freeze => {
                self.injector.clocks.frozen.hold(node);
                self.world.freeze_clock(node, true)
            }
        };
        self.undo_later(item, Undo::Clock(node, twist));
        true
    }

    /// The clock is as it would be without the fault; whether anything changes.
    pub(super) fn untwist(&mut self, node: NodeId, twist: Twist) -> bool {
        match twist {
            Twist::Offset(by) => self.world.step_clock(node, by.saturating_neg()),
            Twist::Drift(ppm) => self.add_drift(node, ppm.saturating_neg()),
            Twist::Freeze => {
                self.injector.clocks.frozen.release(&node) && self.world.freeze_clock(node, false)
            }
            Twist::Step(_) | Twist::Leap(_) => false,
        }
    }

    fn add_drift(&mut self, node: NodeId, ppm: i32) -> bool {
        let drift = self.injector.clocks.drift.entry(node).or_default();
        *drift = drift.saturating_add(ppm);
        let drift = *drift;
        self.world.set_drift(node, drift)
    }
}
