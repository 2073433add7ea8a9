//! Explaining: which faults are said to be needed, until when, and in which order.

use crate::common::{Greeter, PLAIN, greeters, planned};
use squall_core::ids::NodeId;
use squall_sim::campaign::AnyScenario;
use squall_sim::capsule::Capsule;
use squall_sim::engine::World;
use squall_sim::explain::{Explanation, explain};
use squall_sim::fault::{Fault, Whom};
use squall_sim::plan::Plan;
use squall_sim::run::{Scenario, Sim, run};
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;
use squall_sim::shrink::{Bounds, State};

fn node(number: u32) -> Whom {
    Whom::Node(NodeId(number))
}

/// Broken once node 3 goes down after node 1 did, with 20 events at least between them, and before node 2.
fn ordered() -> Sim<Greeter, impl Fn(&mut World<Greeter>, &Settings) + Sync> {
    let mut first = None;
    greeters(PLAIN).always("three_never_follows_one", move |world| {
        let down = |number| !world.is_up(NodeId(number));
        let now = world.events();
        if down(1) {
            first.get_or_insert(now);
        }
        match first {
            Some(at) if down(3) && now - at > 20 && world.events() < 900 => {
                Err("3 went down after 1".to_owned())
            }
            Some(_) | None => Ok(()),
        }
    })
}

fn plan<S: Scenario<Operation = ()>>(scenario: &S) -> Plan<()> {
    let settings =
        squall_sim::run::draw_settings(scenario, Seed(7), &Default::default()).expect("they can be together");
    let mut plan = Plan::from_seed(scenario, Seed(7), settings, &[]);
    plan.storm = 4_000_000_000;
    plan.faults = vec![
        planned(100, 10, Fault::Crash { whom: node(0) }),
        planned(200, 100, Fault::Crash { whom: node(1) }),
        planned(400, 100, Fault::Wipe { whom: node(3) }),
    ];
    plan
}

fn explained<S: Scenario<Operation = ()>>(scenario: &S, jobs: usize) -> Explanation {
    let plan = plan(scenario);
    let record = run(scenario, &plan);
    assert!(!record.verdict.is_pass());
    let state = State::new(scenario, plan, &record).expect("the plan fails");
    let bounds = Bounds { jobs, runs: u64::MAX, stop: &|| false, watch: &|_| () };
    explain(scenario, &state, &bounds).expect("there are threads")
}

#[test]
fn the_fault_that_does_nothing_is_not_needed_and_the_others_are() {
    let explained = explained(&ordered(), 2);
    let needed: Vec<_> = explained.faults.iter().map(|row| row.needed).collect();
    assert_eq!(needed, [Some(false), Some(true), Some(true)]);
    assert!(explained.finished);
    assert_eq!(explained.faults[2].what, "wipe greeter 3, for 100ms");
}

#[test]
fn what_must_come_first_is_found_with_the_event_that_decides() {
    let explained = explained(&ordered(), 2);
    let (one, three) = (&explained.faults[1], &explained.faults[2]);
    assert_eq!(
        (one.ordered_with.as_slice(), three.ordered_with.as_slice()),
        ([3].as_slice(), [2].as_slice())
    );
    // The first may come early, but not late; the second has an event that it must come before.
    assert_eq!(one.after, None);
    let before = one.before.as_ref().unwrap();
    assert!(before.event.is_some() && before.what.contains("greeter"), "{before:?}");
    let last = three.before.as_ref().and_then(|turn| turn.event).unwrap();
    assert!((890..=900).contains(&last), "{last}");
}

#[test]
fn the_story_names_every_fault_and_ends_with_the_failure() {
    let story = explained(&ordered(), 2).story;
    for fault in ["At 100ms, fault: crash greeter 0", "At 200ms, fault: crash greeter 1", "wipe greeter 3"] {
        assert!(story.iter().any(|line| line.contains(fault)), "{fault}: {story:#?}");
    }
    let end = story.last().unwrap();
    assert!(end.contains("the run fails: three_never_follows_one: 3 went down after 1"), "{end}");
}

#[test]
fn any_number_of_jobs_explains_the_same() {
    assert_eq!(explained(&ordered(), 1), explained(&ordered(), 3));
}

#[test]
fn one_that_is_stopped_says_what_it_did_not_try() {
    let scenario = ordered();
    let plan = plan(&scenario);
    let text = Capsule::new(plan.clone(), &run(&scenario, &plan)).to_text();
    let bounds = Bounds { jobs: 1, runs: u64::MAX, stop: &|| true, watch: &|_| () };
    let explained = AnyScenario::explain(&scenario, "x", &text, &bounds).unwrap();
    assert!(!explained.finished);
    assert!(explained.faults.iter().all(|row| row.needed.is_none()), "{:?}", explained.faults);
}
