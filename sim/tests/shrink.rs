//! Shrinking: down to what is known to be needed, and to the same on any machine, in one go or in many.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::{NODES, PLAIN, greeters, planned};
use squall_core::ids::NodeId;
use squall_sim::campaign::AnyScenario;
use squall_sim::capsule::Capsule;
use squall_sim::fault::{Fault, Links, Whom};
use squall_sim::likeness::Likeness;
use squall_sim::plan::Plan;
use squall_sim::record::RunRecord;
use squall_sim::run::{Scenario, run};
use squall_sim::shrink::{Bounds, ShrinkError, Shrunk, State, shrink};

fn node(number: u32) -> Whom {
    Whom::Node(NodeId(number))
}

/// The greeters, with a promise that takes two certain faults at once to break.
fn fragile() -> impl Scenario<Operation = ()> {
    greeters(PLAIN).set("run.storm", 4_000).set("fault.pause", 9).set("fault.loss", 5).always(
        "never_both_down",
        |world| {
            let down = [1, 3].map(|number| !world.is_up(NodeId(number)));
            if down == [true, true] { Err("1 and 3 are both down".to_owned()) } else { Ok(()) }
        },
    )
}

/// A storm of many faults, in which nodes 1 and 3 are down together for 400 ms.
fn stormy<S: Scenario<Operation = ()>>(scenario: &S) -> Plan<()> {
    let mut plan = plan(scenario);
    plan.faults = (0..NODES * 8)
        .map(|number| planned(number.into(), 500, Fault::Pause { whom: node(number % NODES) }))
        .collect();
    for at in [100, 700, 1_300] {
        plan.faults.push(planned(at, 900, Fault::Loss { on: Links::All, ppm: 300_000 }));
        plan.faults.push(planned(at + 50, 90, Fault::Crash { whom: node(0) }));
        plan.faults.push(planned(at + 51, 90, Fault::Crash { whom: node(1) }));
    }
    plan.faults.push(planned(1_613, 1_200, Fault::Wipe { whom: node(3) }));
    plan.faults.push(planned(1_717, 400, Fault::PowerLoss { whom: node(1) }));
    plan.faults.sort_by_key(|fault| fault.when.time());
    plan
}

fn plan<S: Scenario<Operation = ()>>(scenario: &S) -> Plan<()> {
    let settings = squall_sim::run::draw_settings(scenario, squall_sim::seed::Seed(7), &Default::default());
    Plan::from_seed(scenario, squall_sim::seed::Seed(7), settings.expect("they can be together"), &[])
}

fn shrunk<S: Scenario<Operation = ()>>(scenario: &S, plan: Plan<()>, jobs: usize) -> Shrunk<()> {
    let record = run(scenario, &plan);
    let state = State::new(scenario, plan, &record).expect("the plan fails");
    let bounds = Bounds { jobs, runs: u64::MAX, stop: &|| false, watch: &|_| () };
    shrink(scenario, state, &bounds, &mut |_| ()).expect("there are threads")
}

#[test]
fn only_the_two_faults_that_matter_are_left_and_they_are_as_kind_and_short_as_can_be() {
    let scenario = fragile();
    let plan = stormy(&scenario);
    let before = run(&scenario, &plan);
    let shrunk = shrunk(&scenario, plan, 2);
    assert!(shrunk.finished);
    assert_eq!(Likeness::of(&shrunk.record), Likeness::of(&before));
    let faults: Vec<String> = shrunk
        .state
        .best
        .plan
        .faults
        .iter()
        .map(|fault| format!("{}, {} ms: {}", fault.when, fault.lasts / 1_000_000, fault.fault))
        .collect();
    // Both at the same moment need not last at all. The wipe became kinder; a power loss must stay one, for it
    // is on that kind of event that the promise was broken. Times are round.
    assert_eq!(faults, ["at 1.7s, 0 ms: crash node 3", "at 1.7s, 0 ms: power-loss node 1"]);
}

#[test]
fn settings_become_calm_and_the_storm_ends_with_the_failure() {
    let scenario = fragile();
    let shrunk = shrunk(&scenario, stormy(&scenario), 1);
    let plan = &shrunk.state.best.plan;
    let calm = squall_sim::knob::table(scenario.knobs());
    for knob in calm.iter().filter(|knob| !knob.key.starts_with("run.")) {
        assert_eq!(plan.settings.get(knob.key), knob.calm, "{}", knob.key);
    }
    assert!(shrunk.state.best.ended < plan.storm && plan.storm <= 2_000_000_000, "{plan:?}");
}

#[test]
fn any_number_of_jobs_shrinks_to_the_same_in_the_same_number_of_runs() {
    let scenario = fragile();
    let one = shrunk(&scenario, stormy(&scenario), 1);
    for jobs in [2, 3] {
        assert_eq!(shrunk(&scenario, stormy(&scenario), jobs), one, "{jobs} jobs");
    }
}

#[test]
fn one_that_is_stopped_again_and_again_ends_where_one_that_is_not_does() {
    let scenario = fragile();
    let plan = stormy(&scenario);
    let record = run(&scenario, &plan);
    let whole = shrunk(&scenario, plan.clone(), 2);
    let mut state = State::new(&scenario, plan, &record).unwrap();
    let mut attempts = 0;
    loop {
        // A few runs, then no more: as often as it takes.
        let runs = AtomicU64::new(0);
        let stop = || runs.fetch_add(1, Ordering::Relaxed) >= 7;
        let bounds = Bounds { jobs: 2, runs: u64::MAX, stop: &stop, watch: &|_| () };
        let part = shrink(&scenario, state, &bounds, &mut |_| ()).unwrap();
        // What is kept is text.
        let text = serde_json::to_string(&part.state).unwrap();
        state = serde_json::from_str(&text).unwrap();
        attempts += 1;
        if part.finished {
            assert_eq!((part.state, part.record), (whole.state, whole.record));
            break;
        }
        assert!(attempts < 1_000);
    }
    assert!(attempts > 5, "it was never stopped");
}

#[test]
fn a_bound_on_runs_is_kept_and_what_was_reached_fails_alike() {
    let scenario = fragile();
    let plan = stormy(&scenario);
    let record = run(&scenario, &plan);
    let state = State::new(&scenario, plan.clone(), &record).unwrap();
    let bounds = Bounds { jobs: 2, runs: 12, stop: &|| false, watch: &|_| () };
    let part = shrink(&scenario, state, &bounds, &mut |_| ()).unwrap();
    assert!(!part.finished && part.state.runs <= 12, "{}", part.state.runs);
    assert!(part.state.best.plan.faults.len() < plan.faults.len());
    assert_eq!(Likeness::of(&part.record), Likeness::of(&record));
}

#[test]
fn another_failure_is_not_taken_for_the_same() {
    // Node 2 down is a failure too, and a simpler one; but not the one that is asked about.
    let scenario = greeters(PLAIN).always("all_is_well", |world| {
        let down = |number| !world.is_up(NodeId(number));
        match (down(1) && down(3), down(2)) {
            (true, _) => Err("1 and 3 are both down".to_owned()),
            (false, true) => Err("2 is down, which is another matter".to_owned()),
            (false, false) => Ok(()),
        }
    });
    let mut plan = stormy(&scenario);
    plan.faults.push(planned(2_900, 10, Fault::Crash { whom: node(2) }));
    let before = run(&scenario, &plan);
    let shrunk = shrunk(&scenario, plan, 2);
    assert_eq!(Likeness::of(&shrunk.record), Likeness::of(&before));
    assert_eq!(shrunk.state.best.plan.faults.len(), 2);
}

#[test]
fn what_passes_has_nothing_to_keep() {
    let scenario = greeters(PLAIN);
    let plan = stormy(&scenario);
    let record: RunRecord = run(&scenario, &plan);
    assert_eq!(State::new(&scenario, plan.clone(), &record), Err(ShrinkError::Passes));

    // Neither has a capsule that says it failed.
    let fails = fragile();
    let text = Capsule::new(plan, &run(&fails, &stormy(&fails))).to_text();
    let bounds = Bounds { jobs: 1, runs: 5, stop: &|| false, watch: &|_| () };
    let refused = AnyScenario::shrink(&scenario, "x.capsule.json", &text, None, &bounds, &mut |_| ());
    let line = refused.unwrap_err();
    assert!(line.starts_with("x.capsule.json: ") && line.lines().count() == 1, "{line}");
}

#[test]
fn a_capsule_goes_on_from_its_note_and_not_from_another_ones() {
    let scenario = fragile();
    let plan = stormy(&scenario);
    let text = Capsule::new(plan.clone(), &run(&scenario, &plan)).to_text();
    let attempt = |text: &str, note: Option<&str>, runs: u64| {
        let bounds = Bounds { jobs: 2, runs, stop: &|| false, watch: &|_| () };
        let mut kept = None;
        let keep = &mut |text: &dyn Fn() -> String| kept = Some(text());
        let shrunk = AnyScenario::shrink(&scenario, "x", text, note, &bounds, keep).unwrap();
        (shrunk, kept)
    };
    let (whole, _) = attempt(&text, None, u64::MAX);
    let (part, note) = attempt(&text, None, 20);
    assert!(!part.finished);
    let (rest, _) = attempt(&text, note.as_deref(), u64::MAX);
    assert_eq!(rest, whole);
    assert_eq!(whole.faults, (plan.faults.len(), 2));

    let mut other = plan;
    other.seed += 1;
    let other = Capsule::new(other.clone(), &run(&scenario, &other)).to_text();
    let (fresh, _) = attempt(&other, None, u64::MAX);
    assert_eq!(attempt(&other, note.as_deref(), u64::MAX).0, fresh);
}
