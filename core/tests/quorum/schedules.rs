//! Random schedules: everything that a network and a power supply can do, then calm, and all must agree.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use squall_core::ids::NodeId;
use squall_core::quirk::{Quirk, Quirks};
use squall_core::testing::PowerLoss;
use squall_core::time::Span;
use squall_core::timer::{QuorumTimer, Timer};

use super::ghost::Ghost;
use super::voter::{Voter, voters};
use crate::support::bench::Bench;

/// What happens next; the numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Deliver(usize),
    DeliverOldest,
    Drop(usize),
    Double(usize),
    Sync(u32),
    Expire(u32, usize),
    Crash(u32),
    PowerLoss(u32, u64),
    Start(u32),
    Propose(u32),
    Snapshot(u32),
    Transfer(u32, u32),
    Wait(u32, u64),
    /// Everything that is under way arrives, for a while: otherwise storms get nowhere.
    Calm(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..60u32;
    prop_oneof![
        20 => any::<usize>().prop_map(Step::Deliver),
        30 => Just(Step::DeliverOldest),
        4 => any::<usize>().prop_map(Step::Drop),
        4 => any::<usize>().prop_map(Step::Double),
        20 => node.clone().prop_map(Step::Sync),
        8 => (node.clone(), any::<usize>()).prop_map(|(node, timer)| Step::Expire(node, timer)),
        1 => node.clone().prop_map(Step::Crash),
        2 => (node.clone(), any::<u64>()).prop_map(|(node, chance)| Step::PowerLoss(node, chance)),
        6 => node.clone().prop_map(Step::Start),
        10 => node.clone().prop_map(Step::Propose),
        2 => node.clone().prop_map(Step::Snapshot),
        1 => (node.clone(), node.clone()).prop_map(|(from, to)| Step::Transfer(from, to)),
        2 => (node, 0..3_000u64).prop_map(|(node, millis)| Step::Wait(node, millis)),
        4 => (1..60usize).prop_map(Step::Calm),
    ]
}

/// A run: the nodes, what was promised, and a number for the next payload.
struct Run {
    bench: Bench<Voter>,
    ghost: Ghost,
    next: u64,
}

impl Run {
    fn new(count: u32, quirks: Quirks) -> Self {
        let mut run =
            Self { bench: Bench::new(voters(count, 200, quirks)), ghost: Ghost::default(), next: 0 };
        run.bench.nodes().for_each(|node| run.bench.start(node));
        run
    }

    fn node(&self, number: u32) -> NodeId {
        NodeId(number % self.bench.nodes().count() as u32 + 1)
    }

    fn step(&mut self, step: &Step) {
        let under_way = self.bench.pool.len();
        match *step {
            Step::Deliver(index) if under_way > 0 => self.bench.deliver(index % under_way),
            Step::DeliverOldest if under_way > 0 => self.bench.deliver(0),
            Step::Drop(index) if under_way > 0 => drop(self.bench.pool.remove(index % under_way)),
            Step::Double(index) if under_way > 0 => {
                let packet = self.bench.pool[index % under_way].clone();
                self.bench.pool.push(packet);
            }
            Step::Deliver(_) | Step::DeliverOldest | Step::Drop(_) | Step::Double(_) => {}
            Step::Sync(node) => self.sync(self.node(node)),
            Step::Expire(node, timer) => {
                let node = self.node(node);
                let timers = self.bench.timers(node);
                if !timers.is_empty() {
                    self.bench.expire(node, timers[timer % timers.len()]);
                }
            }
            Step::Crash(node) => self.bench.crash(self.node(node)),
            Step::PowerLoss(node, chance) => self.power_loss(self.node(node), chance),
            Step::Start(node) => self.bench.start(self.node(node)),
            Step::Propose(node) => self.propose(self.node(node)),
            Step::Snapshot(node) => drop(self.bench.with(self.node(node), Voter::snapshot)),
            Step::Transfer(from, to) => {
                let (from, to) = (self.node(from), self.node(to));
                self.bench.with(from, |voter, env| voter.quorum.transfer(to, env));
            }
            Step::Wait(node, millis) => self.bench.wait(self.node(node), Span::from_millis(millis)),
            Step::Calm(steps) => (0..steps).for_each(|_| self.calm()),
        }
        self.ghost.look(&mut self.bench);
    }

    /// Nobody hears of a sync on a node that is down.
    fn sync(&mut self, node: NodeId) {
        if self.bench.process(node).is_some() {
            self.bench.sync_next(node);
        }
    }

    fn calm(&mut self) {
        if self.bench.pool.is_empty() {
            let nodes: Vec<_> = self.bench.nodes().collect();
            nodes.into_iter().for_each(|node| self.sync(node));
        } else {
            self.bench.deliver(0);
        }
    }

    fn power_loss(&mut self, node: NodeId, mut chance: u64) {
        let how = if chance.is_multiple_of(2) { PowerLoss::Tears } else { PowerLoss::LosesAllUnsynced };
        self.bench.power_loss(node, how, &mut |bound| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (chance >> 33) % bound
        });
    }

    /// Writes a batch of one to three entries, if `node` leads.
    fn propose(&mut self, node: NodeId) {
        let count = self.next % 3 + 1;
        let payloads: Vec<_> = (self.next..self.next + count).map(|n| n.to_string().into_bytes()).collect();
        self.next += count;
        self.bench.with(node, |voter, env| {
            let result = voter.quorum.propose(&payloads, env).expect("a sound disk");
            assert_eq!(result.is_ok(), voter.quorum.is_leader());
            voter.apply(env);
        });
    }

    /// Everybody is up and the network does what it should: before long one leads and all have everything.
    fn heal(&mut self) {
        let nodes: Vec<_> = self.bench.nodes().collect();
        nodes.iter().for_each(|node| self.bench.start(*node));
        for _ in 0..400 {
            self.bench.stabilize(&nodes);
            self.ghost.look(&mut self.bench);
            if self.has_converged() {
                return self.ghost.expect_converged(&self.bench);
            }
            self.bench.pass_time();
        }
        panic!("W-CONV: {:#?}", nodes.iter().map(|node| self.bench.process(*node)).collect::<Vec<_>>());
    }

    fn has_converged(&self) -> bool {
        let all = || self.bench.nodes().map(|node| self.bench.process(node).expect("everybody is up"));
        let Some(leader) = all().find(|voter| voter.quorum.own_epoch_committed()) else { return false };
        let end = leader.quorum.log().log_end();
        all().all(|voter| voter.quorum.leader() == leader.quorum.leader() && voter.applied == end)
    }
}

/// A storm, then calm; answers what happened in it.
fn play(count: u32, steps: &[Step]) -> BTreeMap<&'static str, u32> {
    let mut run = Run::new(count, Quirks::NONE);
    run.ghost.look(&mut run.bench);
    steps.iter().for_each(|step| run.step(step));
    run.heal();
    run.ghost.exercised
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn three_voters_agree_after_any_schedule(steps in vec(step(), 1..600)) {
        play(3, &steps);
    }

    #[test]
    fn five_voters_agree_after_any_schedule(steps in vec(step(), 1..600)) {
        play(5, &steps);
    }
}

/// The ghost sees what it is there to see.
#[test]
#[should_panic(expected = "W-VOTE")]
fn a_vote_that_is_answered_too_early_is_found() {
    let mut run = Run::new(3, Quirks::NONE.with(Quirk::VolatileVote));
    let candidate = NodeId(1);
    let voter = NodeId(3);
    run.bench.expire(candidate, Timer::Quorum(QuorumTimer::Election));
    run.bench.stabilize(&[candidate, voter]);
    run.ghost.look(&mut run.bench);
}

/// A schedule that never elects anybody would prove nothing.
#[test]
fn calm_alone_elects_and_commits() {
    let mut run = Run::new(3, Quirks::NONE);
    run.heal();
    assert_eq!(run.ghost.committed(), 1);
}

/// Schedules in which something never happened say nothing about it.
#[test]
fn schedules_exercise_everything() {
    let mut runner = TestRunner::deterministic();
    let mut exercised = BTreeMap::new();
    for _ in 0..40 {
        let steps = vec(step(), 600).new_tree(&mut runner).expect("a schedule").current();
        for (what, times) in play(3, &steps) {
            *exercised.entry(what).or_insert(0) += times;
        }
    }
    assert_eq!(exercised.len(), 19, "{exercised:#?}");
    let rare = exercised.iter().find(|(_, times)| **times < 5);

    assert_eq!(rare, None, "{exercised:#?}");
}
