//! Recordings: everything is in them, nothing changes by them, and they are bounded.

use crate::common::{Greeter, NODES, PLAIN, greeters, node, overheard, planned, with_faults};
use squall_sim::fault::{Fault, Links};
use squall_sim::plan::Plan;
use squall_sim::recording::{Arrow, Effect, Fate, Limits, Recording, State};
use squall_sim::run::{Scenario, record, run};

const ALL: Limits = Limits { arrows: usize::MAX, facts: usize::MAX, operations: 0 };

fn recorded<S: Scenario>(scenario: &S, plan: &Plan<S::Operation>) -> Recording {
    record(scenario, plan, ALL).1
}

fn count(recording: &Recording, fate: Fate) -> usize {
    recording.arrows.iter().filter(|arrow| arrow.fate == fate).count()
}

const MS: u64 = 1_000_000;

#[test]
fn a_run_is_the_same_with_a_recorder() {
    for seed in 0..8 {
        let sim = overheard(320);
        let plan = sim.plan_of(seed);
        let (mut with, recording) = record(&sim, &plan, Limits::default());
        let without = run(&sim, &plan);
        with.last_events.clone_from(&without.last_events);
        assert_eq!(with, without);
        assert_eq!((recording.window.events, recording.end.event), (without.events, without.events));
        assert_eq!(recording.end.at_ns, without.virtual_ns);
    }
}

#[test]
fn every_message_ends_somewhere_and_every_fact_is_there() {
    let mut facts = 0;
    for seed in 0..8 {
        let sim = greeters(PLAIN);
        let recording = recorded(&sim, &sim.plan_of(seed));
        // A greeter reports each greeting that it takes in.
        assert_eq!(count(&recording, Fate::Arrived), recording.facts.len());
        facts += recording.facts.len();
        for arrow in &recording.arrows {
            let on_its_way = arrow.fate == Fate::OnItsWay;
            let lost_at_once = matches!(arrow.fate, Fate::Lost | Fate::CutWhenSent);
            // One that was singled out is lost by an event of its own, in the same instant.
            let singled_out = arrow.fate == Fate::Lost && arrow.end_ns == Some(arrow.sent_ns);
            let has_no_end = on_its_way || (lost_at_once && !singled_out);
            assert_eq!(arrow.end_ns.is_none(), has_no_end, "{arrow:?}");
            assert!(arrow.end_ns.is_none_or(|end| arrow.sent_ns <= end), "{arrow:?}");
        }
        assert!(recording.arrows.is_sorted_by_key(|arrow: &Arrow| arrow.sent_event));
        assert_eq!(recording.lanes.len(), NODES as usize);
        assert_eq!(
            (recording.lanes[3].name.as_str(), recording.lanes[3].kind.as_str()),
            ("greeter 3", "greeter")
        );
    }
    assert!(facts > 1_000, "{facts} facts in all");
}

#[test]
fn faults_are_spans_over_those_whom_they_hit() {
    let sim = greeters(PLAIN);
    let faults = vec![
        planned(100, 300, Fault::Isolate { whom: node(2) }),
        planned(200, 300, Fault::PowerLoss { whom: node(0) }),
        planned(210, 100, Fault::Pause { whom: node(0) }),
        planned(600, 100, Fault::SplitHalves { left: vec![0, 1], right: vec![2, 3] }),
        planned(800, 100, Fault::Loss { on: Links::Between(node(1), node(4)), ppm: 1_000_000 }),
        planned(950, 100, Fault::Pause { whom: node(3) }),
        planned(960, 5, Fault::Crash { whom: node(3) }),
    ];
    let recording = recorded(&sim, &with_faults(sim.plan_of(1), faults));
    let spans: Vec<_> = recording
        .faults
        .iter()
        .map(|span| (span.item, span.begin_ns / MS, span.end_ns.map(|end| end / MS), span.nodes.as_slice()))
        .collect();
    assert_eq!(
        spans,
        [
            (0, 100, Some(400), &[2_u32][..]),
            (1, 200, Some(500), &[0]),
            (3, 600, Some(700), &[0, 1, 2, 3]),
            (4, 800, Some(900), &[1, 4]),
            (5, 950, Some(1_050), &[3]),
            (6, 960, Some(965), &[3]),
        ]
    );
    let effects: Vec<_> = recording.plan.faults.iter().map(|fault| fault.effect).collect();
    assert_eq!(effects[2], Effect::Skipped, "a node without a process cannot be paused");
    assert_eq!(effects.iter().filter(|effect| **effect == Effect::Began).count(), 6);
    let states: Vec<_> =
        recording.states.iter().map(|span| (span.node, span.state, span.why, span.begin_ns / MS)).collect();
    assert_eq!(
        states,
        [
            (0, State::Down, "power lost", 200),
            (3, State::Paused, "paused", 950),
            (3, State::Down, "crashed", 960)
        ]
    );
    for fate in [Fate::CutWhenSent, Fate::ReceiverDown, Fate::Forgotten] {
        assert!(count(&recording, fate) > 0, "no message was {fate:?}");
    }
    let lost = recording.arrows.iter().filter(|arrow| arrow.fate == Fate::Lost);
    assert!(lost.into_iter().all(|arrow| (arrow.from, arrow.to) == (Some(1), Some(4))));
}

#[test]
fn a_fault_that_goes_from_node_to_node_is_over_all_of_them_and_a_restart_over_no_time() {
    let sim = greeters(PLAIN);
    let faults = vec![
        planned(100, 300, Fault::RollingRestart { nodes: vec![1, 3, 4] }),
        planned(600, 300, Fault::Restart { whom: node(2) }),
    ];
    let recording = recorded(&sim, &with_faults(sim.plan_of(1), faults));
    let [rolling, restart] = recording.faults.as_slice() else { panic!("{:?}", recording.faults) };
    assert_eq!(rolling.nodes, [1, 3, 4]);
    assert_eq!((rolling.begin_ns / MS, rolling.end_ns.map(|end| end / MS)), (100, Some(400)));
    assert_eq!((restart.nodes.as_slice(), restart.end_ns), (&[2_u32][..], Some(restart.begin_ns)));
}

#[test]
fn a_long_run_keeps_its_end_and_says_what_went() {
    let sim = greeters(PLAIN);
    let plan = sim.plan_of(2);
    let whole = recorded(&sim, &plan);
    let limits = Limits { arrows: 40, facts: 70, operations: 0 };
    let (_, end) = record(&sim, &plan, limits);
    assert!(end.arrows.len() <= 40 && end.facts.len() <= 70);
    assert!(end.arrows.len() >= 39 || end.facts.len() >= 69, "a whole window was not used");
    assert_eq!(end.window.arrows_left_out as usize + end.arrows.len(), whole.arrows.len());
    assert_eq!(end.window.facts_left_out as usize + end.facts.len(), whole.facts.len());
    assert_eq!(end.arrows, whole.arrows[whole.arrows.len() - end.arrows.len()..]);
    let from = end.window.from_event;
    assert!(end.facts.iter().all(|fact| fact.event >= from && fact.at_ns >= end.window.from_ns));
    assert!(end.before.iter().all(|fact| fact.event < from));
    // Of each node the newest fact before the window, and no older one.
    let nodes: Vec<_> = end.before.iter().map(|fact| fact.node).collect();
    assert_eq!(nodes.len(), NODES as usize);
    let newest = |node| whole.facts.iter().rfind(|fact| fact.node == node && fact.event < from);
    assert!(end.before.iter().all(|fact| newest(fact.node) == Some(fact)));
}

#[test]
fn a_panic_is_recorded_with_what_led_to_it() {
    let sim = greeters(Greeter { fragile: Some(30), ..PLAIN });
    let (record, recording) = record(&sim, &with_faults(sim.plan_of(3), Vec::new()), ALL);
    assert_eq!(record.verdict.name(), "internal-error");
    assert!(recording.arrows.len() > 30 && recording.facts.len() > 29);
}
