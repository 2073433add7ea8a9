//! Faults that take their course: links that flap, splits that move, restarts in a row, clocks that are wrong.

use crate::common::{Greeter, NODES, PLAIN, greeters, node, planned, with_faults};
use squall_core::ids::NodeId;
use squall_core::time::{Span, Time};
use squall_sim::engine::World;
use squall_sim::fault::{Fault, Links, PlannedFault, TABLE};
use squall_sim::record::RunRecord;
use squall_sim::run::{Course, SpareRun, run, run_traced};

/// What is seen at each of these milliseconds of a run with these faults, on the even half millisecond: no
/// fault begins or ends then.
fn seen<T>(faults: Vec<PlannedFault>, millis: &[u64], look: impl Fn(&World<Greeter>) -> T) -> Vec<T> {
    let sim = greeters(PLAIN);
    let plan = with_faults(sim.plan_of(1), faults);
    let mut course = Course::new(&sim, &plan, SpareRun::default());
    let mut seen = Vec::new();
    for at in millis {
        while course.world().now() < Time(at * 1_000_000) {
            assert!(course.advance());
        }
        seen.push(look(course.world()));
    }
    seen
}

fn record(faults: Vec<PlannedFault>) -> RunRecord {
    let sim = greeters(PLAIN);
    run(&sim, &with_faults(sim.plan_of(1), faults))
}

fn ups(world: &World<Greeter>) -> Vec<u32> {
    world.nodes().filter(|node| world.is_up(*node)).map(|node| node.0).collect()
}

fn cuts(world: &World<Greeter>) -> Vec<(u32, u32)> {
    let pairs = (0..NODES).flat_map(|from| (0..NODES).map(move |to| (from, to)));
    pairs.filter(|(from, to)| world.is_cut(NodeId(*from), NodeId(*to))).collect()
}

fn millis(span: u64) -> Span {
    Span::from_millis(span)
}

#[test]
fn a_mute_node_hears_everybody_and_reaches_nobody() {
    let seen = seen(vec![planned(100, 100, Fault::Mute { whom: node(2) })], &[150, 250], cuts);
    assert_eq!(seen, [vec![(2, 0), (2, 1), (2, 3), (2, 4)], vec![]]);
}

#[test]
fn a_flapping_link_is_cut_in_the_first_half_of_each_period() {
    let on = Links::Between(node(0), node(1));
    let fault = Fault::Flapping { on, period: millis(100) };
    let seen =
        seen(vec![planned(100, 220, fault)], &[125, 175, 225, 275, 310, 350], |world| cuts(world).len());
    assert_eq!(seen, [1, 0, 1, 0, 1, 0]);
}

#[test]
fn a_flapping_link_that_another_fault_cuts_too_stays_cut() {
    let on = Links::Between(node(0), node(1));
    let faults = vec![
        planned(100, 400, Fault::Flapping { on, period: millis(100) }),
        planned(110, 200, Fault::OneWayCut { from: node(0), to: node(1) }),
    ];
    assert_eq!(seen(faults, &[125, 175, 275, 375, 425], |world| cuts(world).len()), [1, 1, 1, 0, 1]);
}

#[test]
fn a_split_that_moves_takes_one_node_after_the_other_to_the_other_side() {
    let fault = Fault::MovingSplit { ring: vec![0, 1, 2, 3], period: millis(100) };
    let small_side = |world: &World<Greeter>| {
        let cut = |a: u32, b: u32| world.is_cut(NodeId(a), NodeId(b)) && world.is_cut(NodeId(b), NodeId(a));
        let apart_from = |a: u32| (0..4).filter(|b| cut(a, *b)).collect::<Vec<_>>();
        (apart_from(0), cut(0, 4))
    };
    let seen = seen(vec![planned(100, 350, fault)], &[150, 250, 350, 470], small_side);
    // {0, 1}, {1, 2}, {2, 3} against the others; 4 takes no part.
    let expected = [(vec![2, 3], false), (vec![1, 2], false), (vec![2, 3], false), (vec![], false)];
    assert_eq!(seen, expected);
}

#[test]
fn a_swizzle_mends_in_its_own_order_and_everything_in_the_end() {
    let fault = Fault::Swizzle { cut: vec![(0, 1), (1, 2), (2, 3)], mend: vec![(1, 2), (0, 1)] };
    let looks = [130, 160, 190, 210, 260, 310];
    let seen = seen(vec![planned(100, 200, fault)], &looks, |world| {
        cuts(world).into_iter().filter(|(a, b)| a < b).collect::<Vec<_>>()
    });
    let expected = [
        vec![(0, 1)],
        vec![(0, 1), (1, 2)],
        vec![(0, 1), (1, 2), (2, 3)],
        vec![(0, 1), (2, 3)],
        vec![(2, 3)],
        vec![],
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_restart_storm_ends_as_many_lives_as_it_says() {
    let storm = Fault::RestartStorm { whom: node(1), times: 3 };
    let looks = [120, 170, 220, 270, 320, 370];
    let seen = seen(vec![planned(100, 300, storm.clone())], &looks, |world| world.is_up(NodeId(1)));
    assert_eq!(seen, [false, true, false, true, false, true]);
    let record = record(vec![planned(100, 300, storm)]);
    assert_eq!(record.faults, [("restart-storm", 1)].into(), "one item, however often it strikes");
}

#[test]
fn a_storm_of_restarts_does_not_boot_what_another_fault_holds_down() {
    let faults = vec![
        planned(100, 400, Fault::RestartStorm { whom: node(1), times: 2 }),
        planned(150, 200, Fault::Wipe { whom: node(1) }),
    ];
    // Down from 100; it lets go at 200, the wipe at 350; it strikes again at 300, when the node is down.
    assert_eq!(
        seen(faults, &[120, 250, 320, 360], |world| world.is_up(NodeId(1))),
        [false, false, false, true]
    );
}

#[test]
fn a_rolling_restart_has_one_node_down_at_a_time() {
    let fault = Fault::RollingRestart { nodes: vec![3, 0, 4] };
    let seen = seen(vec![planned(100, 300, fault)], &[150, 250, 350, 420], ups);
    assert_eq!(seen, [vec![0, 1, 2, 4], vec![1, 2, 3, 4], vec![0, 1, 2, 3], vec![0, 1, 2, 3, 4]]);
}

#[test]
fn a_rack_loses_power_at_one_moment() {
    let fault = planned(100, 100, Fault::RackPowerLoss { nodes: vec![1, 2, 4] });
    let seen = seen(vec![fault], &[99, 101, 210], |world| (ups(world).len(), world.stats().power_losses));
    assert_eq!(seen, [(5, 0), (2, 3), (5, 3)]);
}

#[test]
fn who_recovers_goes_down_again() {
    let fault = planned(100, 110, Fault::PowerLossRecovering { whom: node(1), after: millis(10) });
    let look = |world: &World<Greeter>| (world.is_up(NodeId(1)), world.stats().power_losses);
    assert_eq!(
        seen(vec![fault], &[120, 155, 170, 220], look),
        [(false, 1), (true, 1), (false, 2), (true, 2)]
    );
    let fault = planned(100, 110, Fault::CrashRecovering { whom: node(1), after: millis(10) });
    let look = |world: &World<Greeter>| (world.stats().crashes, world.stats().power_losses);
    assert_eq!(seen(vec![fault], &[220], look), [(2, 0)]);
}

#[test]
fn a_calendar_is_put_right_when_its_fault_is_over_and_a_step_by_the_calm() {
    let off = |world: &World<Greeter>| world.clock(NodeId(1)).wall_offset_at(world.now()) / 1_000_000;
    let faults = vec![
        planned(100, 100, Fault::ClockOffset { whom: node(1), by: -5_000_000 }),
        planned(150, 0, Fault::ClockStep { whom: node(1), by: 70_000_000 }),
        planned(300, 0, Fault::ClockStep { whom: node(1), by: -90_000_000 }),
    ];
    assert_eq!(seen(faults.clone(), &[120, 160, 250, 320, 2_010], off), [-5, 65, 70, -20, 0]);
    let monotonic = |world: &World<Greeter>| world.clock(NodeId(1)).offset_at(world.now());
    assert_eq!(seen(faults, &[160, 320], monotonic), [0, 0]);
}

#[test]
fn drifts_add_up_and_what_they_gained_stays() {
    let faults = vec![
        planned(100, 200, Fault::ClockDrift { whom: node(1), ppm: 100_000 }),
        planned(200, 200, Fault::ClockDrift { whom: node(1), ppm: 200_000 }),
    ];
    let drift = |world: &World<Greeter>| world.clock(NodeId(1)).drift_ppm();
    assert_eq!(seen(faults.clone(), &[150, 250, 350, 450], drift), [100_000, 300_000, 200_000, 0]);
    let gained = |world: &World<Greeter>| world.clock(NodeId(1)).offset_at(world.now()) / 1_000_000;
    assert_eq!(seen(faults, &[500, 2_010], gained), [60, 60]);
}

#[test]
fn a_clock_that_two_faults_froze_goes_on_when_both_are_over() {
    let faults = vec![
        planned(100, 200, Fault::ClockFreeze { whom: node(1) }),
        planned(200, 200, Fault::ClockFreeze { whom: node(1) }),
    ];
    let frozen = |world: &World<Greeter>| world.clock(NodeId(1)).is_frozen();
    assert_eq!(seen(faults, &[150, 350, 450], frozen), [true, true, false]);
}

#[test]
fn a_leap_moves_the_clock_that_leases_are_measured_by() {
    let fault = planned(100, 0, Fault::ClockLeap { whom: node(1), by: millis(5_000) });
    let ahead = |world: &World<Greeter>| world.clock(NodeId(1)).offset_at(world.now());
    assert_eq!(seen(vec![fault], &[101, 1_000], ahead), [5_000_000_000, 5_000_000_000]);
}

#[test]
fn a_long_pause_ends_in_time() {
    let fault = planned(100, 900, Fault::LongPause { whom: node(1) });
    assert_eq!(seen(vec![fault], &[500, 1_010], |world| world.is_paused(NodeId(1))), [true, false]);
}

#[test]
fn a_link_of_little_bandwidth_carries_less() {
    let heard = |faults| {
        seen(faults, &[1_900], |world| world.process(NodeId(1)).map_or(0, |greeter| greeter.heard))[0]
    };
    // A greeting takes 128 bytes: two a second from each of the four others, and what it tells itself.
    let narrow = heard(vec![planned(0, 1_900, Fault::Bandwidth { on: Links::Of(node(1)), bytes: 256 })]);
    let wide = heard(Vec::new());
    assert!(narrow * 3 < wide, "{narrow} heard instead of {wide}");
}

#[test]
fn every_kind_can_be_drawn_carried_out_and_told() {
    let mut injected = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let sim = greeters(PLAIN);
        let mut plan = sim.plan_of(seed);
        let all = TABLE.iter().fold(greeters(PLAIN), |sim, row| sim.set(row.knob.key, 2));
        plan.faults = all.plan_of(seed).faults;
        let mut lines = Vec::new();
        let record = run_traced(&sim, &plan, &mut |_: Time, line: &str| lines.push(line.to_owned())).unwrap();
        assert_eq!(record.verdict.name(), "pass");
        injected.extend(record.faults.keys().copied());
        for kind in record.faults.keys() {
            // An aimed fault is told under its own name.
            let told = |line: &String| line.contains(&format!("--- begins: {kind} "));
            assert!(*kind == "aimed" || lines.iter().any(told), "{kind}");
        }
    }
    // The greeters have no roles, and write nothing that a disk could spoil.
    let without = ["isolate-role", "transfer", "transfer-storm"];
    let spoils = ["disk-full", "lost-sync", "misdirected-write", "read-error", "rot-cold", "rot-tail"];
    let spoils_too = ["sync-error", "torn-write", "write-error"];
    let expected = TABLE
        .iter()
        .map(|row| row.kind)
        .filter(|kind| !without.contains(kind) && !spoils.contains(kind) && !spoils_too.contains(kind));
    assert_eq!(injected.into_iter().collect::<Vec<_>>(), {
        let mut expected: Vec<_> = expected.collect();
        expected.sort_unstable();
        expected
    });
}
