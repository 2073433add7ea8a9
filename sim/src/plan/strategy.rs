//! Plans for `proptest`, so that a property of one's own shrinks to the few faults that matter.
//!
//! A plan shrinks by losing faults and operations, in ever smaller pieces; never by another seed, which
//! would be another run altogether.

use std::fmt::Debug;
use std::ops::Range;

use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rand_core::Rng;

use super::Plan;
use crate::knob;
use crate::run::Scenario;
use crate::seed::Seed;
use crate::settings::{Overrides, Settings};

/// Plans of a scenario, from seeds that the runner draws.
#[derive(Debug)]
pub struct Plans<'a, S> {
    scenario: &'a S,
    overrides: Overrides,
}

/// All plans of `scenario`, with these settings.
pub fn plans<S: Scenario>(scenario: &S, overrides: Overrides) -> Plans<'_, S> {
    Plans { scenario, overrides }
}

impl<S: Scenario + Debug> Strategy for Plans<'_, S> {
    type Tree = PlanTree<S::Operation>;
    type Value = Plan<S::Operation>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = Seed(runner.rng().next_u64());
        let settings = Settings::storm(seed, &knob::table(self.scenario.knobs()), &self.overrides);
        Ok(PlanTree::new(Plan::from_seed(self.scenario, seed, settings, &[])))
    }
}

/// A plan that is being shrunk. Faults are numbered first, then operations.
#[derive(Debug, Clone)]
pub struct PlanTree<O> {
    whole: Plan<O>,
    kept: Vec<bool>,
    /// How many items go at once.
    piece: usize,
    next: usize,
    removed: Vec<usize>,
}

impl<O> PlanTree<O> {
    /// Nothing taken away yet.
    pub fn new(whole: Plan<O>) -> Self {
        let items = whole.faults.len() + whole.operations.len();
        Self { whole, kept: vec![true; items], piece: items.max(1), next: 0, removed: Vec::new() }
    }

    /// The next piece of which something is left.
    fn next_piece(&mut self) -> Option<Range<usize>> {
        loop {
            if self.next >= self.kept.len() {
                if self.piece == 1 || self.kept.is_empty() {
                    return None;
                }
                self.piece = self.piece.div_ceil(2);
                self.next = 0;
            }
            let piece = self.next..(self.next + self.piece).min(self.kept.len());
            self.next = piece.end;
            if self.kept[piece.clone()].contains(&true) {
                return Some(piece);
            }
        }
    }
}

fn keep<T: Clone>(items: &[T], kept: &[bool]) -> Vec<T> {
    items.iter().zip(kept).filter(|(_, kept)| **kept).map(|(item, _)| item.clone()).collect()
}

impl<O: Clone + Debug> ValueTree for PlanTree<O> {
    type Value = Plan<O>;

    fn current(&self) -> Plan<O> {
        let (faults, operations) = self.kept.split_at(self.whole.faults.len());
        Plan {
            faults: keep(&self.whole.faults, faults),
            operations: keep(&self.whole.operations, operations),
            ..self.whole.clone()
        }
    }

    fn simplify(&mut self) -> bool {
        let Some(piece) = self.next_piece() else { return false };
        self.removed = piece.filter(|item| self.kept[*item]).collect();
        for item in &self.removed {
            self.kept[*item] = false;
        }
        true
    }

    fn complicate(&mut self) -> bool {
        for item in &self.removed {
            self.kept[*item] = true;
        }
        !std::mem::take(&mut self.removed).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, PlannedFault, Whom};
    use squall_core::ids::NodeId;

    #[test]
    fn a_plan_shrinks_to_the_two_faults_that_matter() {
        let fault = |n: u32| PlannedFault {
            at: u64::from(n),
            lasts: 1,
            fault: Fault::Crash { whom: Whom::Node(NodeId(n)) },
        };
        let whole: Plan<()> = Plan {
            scenario: "none".to_owned(),
            seed: 0,
            settings: Settings::default(),
            operations: Vec::new(),
            faults: (0..37).map(fault).collect(),
            storm: 100,
            calm: 100,
            quirks: Vec::new(),
        };
        let fails = |plan: &Plan<()>| [5, 29].iter().all(|n| plan.faults.contains(&fault(*n)));
        let mut tree = PlanTree::new(whole);
        let mut more = true;
        while more {
            more = if fails(&tree.current()) { tree.simplify() } else { tree.complicate() };
        }
        assert_eq!(tree.current().faults, [fault(5), fault(29)]);
    }
}
