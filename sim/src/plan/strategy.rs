//! Plans for `proptest`, so that a property of one's own shrinks to the few faults that matter.
//!
//! A plan shrinks by losing faults and operations, in ever smaller pieces; never by another seed, which
//! would be another run altogether.

use std::fmt::{self, Debug};
use std::ops::Range;

use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rand_core::Rng;

use super::Plan;
use crate::run::{Scenario, draw_settings};
use crate::seed::Seed;
use crate::settings::Overrides;

/// Plans of a scenario, from seeds that the runner draws.
pub struct Plans<'a, S> {
    scenario: &'a S,
    overrides: Overrides,
}

/// All plans of `scenario`, with these settings.
pub fn plans<S: Scenario>(scenario: &S, overrides: Overrides) -> Plans<'_, S> {
    Plans { scenario, overrides }
}

impl<S: Scenario> fmt::Debug for Plans<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plans of {} with {:?}", self.scenario.name(), self.overrides)
    }
}

impl<S: Scenario> Strategy for Plans<'_, S> {
    type Tree = PlanTree<S::Operation>;
    type Value = Plan<S::Operation>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = Seed(runner.rng().next_u64());
        let settings = draw_settings(self.scenario, seed, &self.overrides)?;
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
    use proptest::test_runner::{Config, TestError};
    use squall_core::env::{EnvOf, InputOf, Process};
    use squall_core::ids::NodeId;

    use crate::fault::{Fault, Group, PlannedFault, Whom};
    use crate::run::{Sim, run};
    use crate::settings::Settings;

    /// Does nothing at all.
    #[derive(Clone)]
    struct Idle;

    impl Process for Idle {
        type Message = ();
        type Timer = ();
        type Probe = ();

        fn start(&mut self, _: &mut EnvOf<'_, Self>) {}

        fn step(&mut self, _: InputOf<Self>, _: &mut EnvOf<'_, Self>) {}
    }

    #[test]
    fn a_property_of_ones_own_shrinks_to_the_fault_that_breaks_it() {
        let nodes = [NodeId(0), NodeId(1), NodeId(2)];
        let sim = Sim::new("idle", |world, _| {
            for _ in nodes {
                world.add("idle", Idle);
            }
        })
        .group(Group::new("idle", nodes).wipes(nodes))
        .set("fault.wipe", 3)
        .always("no_disk_is_lost", |world| match world.stats().wipes {
            0 => Ok(()),
            _ => Err("a disk is lost".to_owned()),
        });
        let config = Config { failure_persistence: None, max_shrink_iters: 2_000, ..Config::with_cases(5) };
        let outcome = TestRunner::new(config).run(&plans(&sim, sim.overrides().clone()), |plan| {
            assert!(run(&sim, &plan).verdict.is_pass());
            Ok(())
        });
        let Err(TestError::Fail(_, plan)) = outcome else { panic!("{outcome:?}") };
        let kinds: Vec<_> = plan.faults.iter().map(|fault| fault.fault.kind()).collect();
        assert_eq!(kinds, ["wipe"]);
    }

    #[test]
    fn a_plan_shrinks_to_the_two_faults_that_matter() {
        let fault = |n: u32| PlannedFault::at(u64::from(n), 1, Fault::Crash { whom: Whom::Node(NodeId(n)) });
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
