//! Runs: storm and calm, overlapping faults, forks, and runs that do not agree with themselves.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::{Greeter, NODES, PLAIN, greeters, node, planned, with_faults};
use proptest::prelude::*;
use squall_core::ids::NodeId;
use squall_core::time::Time;
use squall_sim::engine::World;
use squall_sim::fault::{Fault, Links};
use squall_sim::network::LinkModel;
use squall_sim::plan::Plan;
use squall_sim::record::Verdict;
use squall_sim::run::{Course, Scenario, SpareRun, run, run_caught, run_traced, verify};

/// Runs until `millis`, then looks.
fn at<S: Scenario>(scenario: &S, plan: &Plan<S::Operation>, millis: u64, look: impl Fn(&World<S::Process>)) {
    let mut course = Course::new(scenario, plan, SpareRun::default());
    while course.world().now() < Time(millis * 1_000_000) {
        assert!(course.advance());
    }
    look(course.world());
}

fn cuts(world: &World<Greeter>) -> Vec<(u32, u32)> {
    let pairs = (0..NODES).flat_map(|from| (0..NODES).map(move |to| (from, to)));
    pairs.filter(|(from, to)| world.is_cut(NodeId(*from), NodeId(*to))).collect()
}

#[test]
fn a_link_that_two_splits_cut_is_mended_when_both_are_over() {
    let sim = greeters(PLAIN);
    let plan = with_faults(
        sim.plan_of(1),
        vec![
            planned(100, 400, Fault::SplitHalves { left: vec![0], right: vec![1, 2] }),
            planned(200, 800, Fault::OneWayCut { from: node(0), to: node(1) }),
            planned(300, 100, Fault::Isolate { whom: node(0) }),
        ],
    );
    at(&sim, &plan, 150, |world| assert_eq!(cuts(world), [(0, 1), (0, 2), (1, 0), (2, 0)]));
    at(&sim, &plan, 350, |world| assert_eq!(cuts(world).len(), 8));
    at(&sim, &plan, 450, |world| assert_eq!(cuts(world), [(0, 1), (0, 2), (1, 0), (2, 0)]));
    at(&sim, &plan, 600, |world| assert_eq!(cuts(world), [(0, 1)]));
    at(&sim, &plan, 1_100, |world| assert_eq!(cuts(world), []));
}

/// Whether `fault` cuts the link from the one to the other.
fn covers(fault: &Fault, from: u32, to: u32) -> bool {
    let apart = |left: &[u32], right: &[u32]| {
        left.contains(&from) && right.contains(&to) || left.contains(&to) && right.contains(&from)
    };
    if let Fault::SplitHalves { left, right } | Fault::SplitBridge { left, right, .. } = fault {
        return apart(left, right);
    }
    if let Fault::Isolate { whom } = fault {
        return *whom == node(from) || *whom == node(to);
    }
    let Fault::OneWayCut { from: sender, to: receiver } = fault else { panic!("no {fault} was planned") };
    *sender == node(from) && *receiver == node(to)
}

fn some_split() -> impl Strategy<Value = Fault> {
    let order = || Just((0..NODES).collect::<Vec<_>>()).prop_shuffle();
    prop_oneof![
        (order(), 1..4_usize).prop_map(|(all, half)| {
            Fault::SplitHalves { left: all[..half].to_vec(), right: all[half..].to_vec() }
        }),
        order().prop_map(|all| {
            Fault::SplitBridge { left: all[..2].to_vec(), bridge: all[2], right: all[3..].to_vec() }
        }),
        (0..NODES).prop_map(|number| Fault::Isolate { whom: node(number) }),
        order().prop_map(|all| Fault::OneWayCut { from: node(all[0]), to: node(all[1]) }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]
    #[test]
    fn a_link_is_cut_exactly_while_some_split_covers_it(
        splits in proptest::collection::vec((0..900_u64, 1..500_u64, some_split()), 1..12),
        looks in proptest::collection::btree_set(0..1_500_u64, 1..8),
    ) {
        let sim = greeters(PLAIN);
        let faults = splits.iter().map(|(at, lasts, fault)| planned(*at, *lasts, fault.clone())).collect();
        let plan = with_faults(sim.plan_of(1), faults);
        let mut course = Course::new(&sim, &plan, SpareRun::default());
        for look in looks {
            // Between two whole milliseconds nothing begins or ends.
            while course.world().next_at().is_some_and(|at| at < Time(look * 1_000_000 + 500_000)) {
                prop_assert!(course.advance());
            }
            let now = course.world().now();
            let at = |millis: u64| Time(millis * 1_000_000);
            let active = splits.iter().filter(|(from, lasts, _)| at(*from) <= now && now < at(from + lasts));
            let active: Vec<_> = active.map(|(_, _, fault)| fault).collect();
            let expected: Vec<_> = (0..NODES)
                .flat_map(|from| (0..NODES).map(move |to| (from, to)))
                .filter(|(from, to)| from != to && active.iter().any(|fault| covers(fault, *from, *to)))
                .collect();
            prop_assert_eq!(cuts(course.world()), expected, "at {}", now);
        }
    }
}

#[test]
fn a_role_is_whoever_has_it_when_the_fault_begins() {
    let sim = greeters(PLAIN).role("lowest", |world| world.nodes().find(|node| world.is_up(*node)));
    let lowest = || squall_sim::fault::Whom::Role("lowest".to_owned());
    let plan = with_faults(
        sim.plan_of(1),
        vec![
            planned(100, 500, Fault::Crash { whom: lowest() }),
            planned(200, 300, Fault::Isolate { whom: lowest() }),
        ],
    );
    at(&sim, &plan, 300, |world| {
        assert!(!world.is_up(NodeId(0)) && world.is_up(NodeId(1)));
        assert!(cuts(world).iter().all(|(from, to)| *from == 1 || *to == 1));
        assert_eq!(cuts(world).len(), 8);
    });

    assert_eq!(run(&sim, &plan).faults["isolate-role"], 1);
}

#[test]
fn a_ring_leaves_each_node_two_neighbours_and_a_bridge_joins_two_halves() {
    let sim = greeters(PLAIN);
    let ring = Fault::SplitRing { ring: vec![0, 1, 2, 3, 4] };
    let bridge = Fault::SplitBridge { left: vec![0, 1], bridge: 2, right: vec![3, 4] };
    let plan = with_faults(sim.plan_of(1), vec![planned(100, 100, ring), planned(300, 100, bridge)]);
    at(&sim, &plan, 150, |world| {
        let cut = cuts(world);
        assert_eq!(cut.len(), 10);
        assert!(cut.iter().all(|(from, to)| ![1, 4].contains(&from.abs_diff(*to))));
    });
    at(&sim, &plan, 350, |world| {
        let cut = cuts(world);
        assert_eq!(cut.len(), 8);
        assert!(cut.iter().all(|(from, to)| *from != 2 && *to != 2));
    });
}

#[test]
fn a_node_boots_when_the_last_fault_that_holds_it_down_is_over() {
    let sim = greeters(PLAIN);
    let plan = with_faults(
        sim.plan_of(1),
        vec![
            planned(100, 200, Fault::Crash { whom: node(1) }),
            // Down already: no crash, and no longer outage.
            planned(150, 900, Fault::Crash { whom: node(1) }),
            planned(200, 300, Fault::PowerLoss { whom: node(1) }),
        ],
    );
    at(&sim, &plan, 400, |world| assert!(!world.is_up(NodeId(1))));
    at(&sim, &plan, 550, |world| assert!(world.is_up(NodeId(1))));
    let record = run(&sim, &plan);
    assert_eq!(record.faults.into_iter().collect::<Vec<_>>(), [("crash", 1), ("power-loss", 1)]);
    assert_eq!(record.skipped, 1);
}

#[test]
fn a_pause_ends_with_its_process_and_not_the_next_lifes_pause() {
    let sim = greeters(PLAIN);
    let pause = || Fault::Pause { whom: node(1) };
    let plan = with_faults(
        sim.plan_of(1),
        vec![
            planned(100, 300, pause()),
            planned(200, 50, Fault::Restart { whom: node(1) }),
            planned(300, 300, pause()),
        ],
    );
    at(&sim, &plan, 150, |world| assert!(world.is_paused(NodeId(1))));
    at(&sim, &plan, 250, |world| assert!(world.is_up(NodeId(1)) && !world.is_paused(NodeId(1))));
    at(&sim, &plan, 500, |world| assert!(world.is_paused(NodeId(1))));
    at(&sim, &plan, 650, |world| assert!(!world.is_paused(NodeId(1))));
}

#[test]
fn weather_is_where_it_was_planned_and_leaves_links_as_they_were() {
    let sim = greeters(PLAIN);
    let storm = Fault::Loss { on: Links::Of(node(2)), ppm: 400_000 };
    let plan = with_faults(sim.plan_of(1), vec![planned(100, 100, storm)]);
    let link = |world: &World<Greeter>, from, to| -> LinkModel { world.link(NodeId(from), NodeId(to)) };
    at(&sim, &plan, 150, |world| {
        assert_eq!(link(world, 2, 4).loss_ppm, 400_000);
        assert_eq!(link(world, 0, 2).loss_ppm, 400_000);
        assert_eq!(link(world, 0, 1).loss_ppm, 0);
    });
    at(&sim, &plan, 250, |world| assert_eq!(link(world, 2, 4), link(world, 0, 1)));
}

#[test]
fn the_calm_ends_every_fault_however_long_it_was_planned() {
    let forever = 1_000_000;
    let sim = greeters(PLAIN).eventually("all_is_well", |world| {
        let well = world.nodes().all(|node| world.is_up(node) && !world.is_paused(node));
        if well && cuts(world).is_empty() { Ok(()) } else { Err("something is broken".to_owned()) }
    });
    let plan = with_faults(
        sim.plan_of(1),
        vec![
            planned(100, forever, Fault::Wipe { whom: node(0) }),
            planned(100, forever, Fault::Pause { whom: node(1) }),
            planned(100, forever, Fault::Isolate { whom: node(2) }),
            planned(100, forever, Fault::Delay { on: Links::All, extra: squall_core::time::Span(1) }),
        ],
    );
    let record = run(&sim, &plan);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.faults.len(), 4);
    // One look after the storm was enough.
    assert_eq!(record.virtual_ns, plan.storm + 50_000_000);
}

#[test]
fn a_fault_without_a_target_is_skipped_and_counted() {
    let sim = greeters(PLAIN);
    let nobody = squall_sim::fault::Whom::Role("leader".to_owned());
    let plan = with_faults(
        sim.plan_of(1),
        vec![
            planned(10, 10, Fault::Isolate { whom: nobody }),
            planned(10, 10, Fault::Crash { whom: node(99) }),
            planned(10, 10, Fault::Transfer { role: "leader".to_owned() }),
            planned(10, 10, Fault::SplitHalves { left: vec![77], right: vec![78] }),
        ],
    );
    let record = run(&sim, &plan);
    assert_eq!((record.skipped, record.faults.len()), (4, 0));
}

#[test]
fn what_never_converges_stalls_with_the_reason() {
    let sim = greeters(PLAIN).eventually("pigs_fly", |_| Err("they do not".to_owned())).set("run.calm", 500);
    let record = sim.run(1);
    assert_eq!(record.verdict, Verdict::Stall { reason: "pigs_fly: they do not".to_owned() });
    assert_eq!(record.virtual_ns, 2_500_000_000);
    assert!(!record.last_events.is_empty());
}

#[test]
fn a_run_with_too_many_events_stalls_with_the_limit() {
    let record = greeters(PLAIN).set("run.max_events", 500).run(1);
    // A fault that is due takes all its acts.
    assert!((500..550).contains(&record.events), "{}", record.events);
    assert!(record.verdict.message().contains("run.max_events = 500"), "{:?}", record.verdict);
}

#[test]
fn a_broken_promise_at_the_end_is_found() {
    let sim = greeters(PLAIN).at_end("silence", |world| {
        let heard: u64 = world.nodes().filter_map(|node| world.process(node)).map(|node| node.heard).sum();
        if heard == 0 { Ok(()) } else { Err("somebody spoke".to_owned()) }
    });
    assert_eq!(sim.run(1).verdict.invariant(), Some("silence"));
}

#[test]
fn a_fork_has_the_same_future_and_another_fault_another() {
    let sim = greeters(PLAIN);
    let plan = sim.plan_of(3);
    let mut course = Course::new(&sim, &plan, SpareRun::default());
    while course.world().events() < 700 {
        assert!(course.advance());
    }
    let mut fork = course.clone();
    while course.advance() {}
    while fork.advance() {}
    assert_eq!(fork.finish().0, course.finish().0);
    let mut other = plan.clone();
    other.faults.push(planned(1_000, 200, Fault::Wipe { whom: node(3) }));
    assert_ne!(run(&sim, &plan).fingerprint, run(&sim, &other).fingerprint);
}

#[test]
fn the_memory_of_an_earlier_run_changes_nothing() {
    let sim = greeters(PLAIN);
    let mut spare = SpareRun::default();
    for seed in 0..10 {
        let plan = sim.plan_of(seed);
        let (record, memory) = run_caught(&sim, &plan, spare);
        spare = memory;
        assert_eq!(record, run(&sim, &plan));
    }
}

#[test]
fn a_timeline_changes_nothing_and_tells_faults_inputs_and_probes() {
    let sim = greeters(PLAIN);
    let plan = with_faults(sim.plan_of(5), vec![planned(100, 200, Fault::PowerLoss { whom: node(1) })]);
    let mut lines = Vec::new();
    let record = run_traced(&sim, &plan, &mut |_: Time, line: &str| lines.push(line.to_owned())).unwrap();
    assert_eq!(record, run(&sim, &plan));
    let has = |part: &str| lines.iter().any(|line| line.contains(part));
    let place = |part: &str| lines.iter().position(|line| line.contains(part)).expect("it is told");
    let fault = place("0.100000s --- begins: power-loss node 1");
    assert_eq!(place("0.100000s greeter 1 lost power"), fault + 1, "a fault is read before what it does");
    assert!(has("0.300000s greeter 1 booted"));
    assert!(has("greeter 0 <- greeter 2 message content "));
    assert!(has("greeter 0 * fact content "));
}

#[test]
fn an_honest_run_agrees_with_itself() {
    let sim = greeters(PLAIN);
    for seed in 0..5 {
        let plan = sim.plan_of(seed);
        assert_eq!(verify(&sim, &plan), run(&sim, &plan));
    }
}

#[test]
fn a_process_that_cheats_is_caught_at_its_first_cheat() {
    static AMBIENT: AtomicU64 = AtomicU64::new(0);
    let cheat = || AMBIENT.fetch_add(1, Ordering::Relaxed);
    let sim = greeters(Greeter { cheat: Some(cheat), ..PLAIN });
    let record = verify(&sim, &sim.plan_of(1));
    let Verdict::Nondeterminism { event, what } = record.verdict else { panic!("{:?}", record.verdict) };
    // The first message said that cannot have been the same: five boots and few events before it.
    assert!((6..20).contains(&event), "{event}: {what}");
}
