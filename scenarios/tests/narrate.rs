//! The cluster's words hold for everything that runs bring up: kinds and fields are those of the tables.

use std::collections::BTreeSet;

use squall::consumer_group::ConsumerGroup;
use squall::exactly_once::ExactlyOnce;
use squall::quorum::Quorum;
use squall::replicated_log::ReplicatedLog;
use squall::work_queue::WorkQueue;
use squall_sim::engine::UpcomingInput;
use squall_sim::narrate::{Fields, Kind, field, find};
use squall_sim::plan::Plan;
use squall_sim::run::{Course, Scenario, SpareRun, draw_settings};
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;

/// The kinds that came up, of messages and of facts.
type Seen = (BTreeSet<&'static str>, BTreeSet<&'static str>);

/// What a few seeds may do without: a disk that fails, retention that overtakes a reader, a controller that is
/// too far behind. The answer to an operator arrives nowhere: it is no node.
const RARE: [&str; 17] = [
    "controller halted",
    "broker halted",
    "damage found",
    "reader repositioned",
    "install snapshot",
    "install snapshot reply",
    "snapshot installed",
    "elect leader reply",
    // Nobody deletes a group, and few are empty for long.
    "delete group",
    "delete group reply",
    "offset expired",
    "group removed",
    "leave group reply",
    // Producers do not add partitions themselves, nor offsets, and names are kept for a week.
    "add offsets to txn",
    "add offsets to txn reply",
    "transactional id expired",
    "application fenced",
];

fn plan<S: Scenario>(scenario: &S, seed: u64) -> Plan<S::Operation> {
    let settings = draw_settings(scenario, Seed(seed), &Overrides::default()).expect("nothing was set");
    Plan::from_seed(scenario, Seed(seed), settings, &[])
}

fn expect_of_its_kind(kinds: &'static [Kind], name: &'static str, fields: &Fields) {
    let kind = find(kinds, name).unwrap_or_else(|| panic!("no kind is called {name}"));
    for (field, _) in fields {
        assert!(kind.fields.contains(field), "{name} says nothing of {field} in its table");
    }
}

/// Looks at every message and every fact of a run, and at all nodes now and then.
fn look_at<S: Scenario>(scenario: &S, seed: u64, seen: &mut Seen) {
    let plan = plan(scenario, seed);
    let mut course = Course::new(scenario, &plan, SpareRun::default());
    loop {
        if let Some(next) = course.world().upcoming()
            && let UpcomingInput::Message { message, .. } = next.input
        {
            let name = scenario.message_kind(message);
            expect_of_its_kind(scenario.message_kinds(), name, &scenario.message_fields(message));
            seen.0.insert(name);
        }
        if !course.advance() {
            break;
        }
        for (_, probe) in course.world().probes() {
            let name = scenario.probe_kind(probe);
            expect_of_its_kind(scenario.probe_kinds(), name, &scenario.probe_fields(probe));
            seen.1.insert(name);
        }
        if course.world().events() % 512 == 0 {
            for node in course.world().nodes() {
                let state = course.world().process(node).map(|process| scenario.state(process));
                assert!(state.is_none_or(|state| !state.is_empty()), "node {node} has nothing to say");
            }
        }
    }
}

fn never_seen(kinds: &'static [Kind], seen: &BTreeSet<&'static str>) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.name).filter(|name| !seen.contains(name)).collect()
}

#[test]
fn whatever_runs_bring_up_has_a_kind_and_every_kind_comes_up() {
    let mut seen = Seen::default();
    for seed in 0..24 {
        look_at(&ReplicatedLog, seed, &mut seen);
        look_at(&Quorum, seed, &mut seen);
        look_at(&ConsumerGroup, seed, &mut seen);
        look_at(&ExactlyOnce, seed, &mut seen);
        look_at(&WorkQueue, seed, &mut seen);
    }
    // These have the words of the others, and their own.
    let mut missing = never_seen(ExactlyOnce.message_kinds(), &seen.0);
    missing.extend(never_seen(ExactlyOnce.probe_kinds(), &seen.1));
    missing.extend(never_seen(WorkQueue.message_kinds(), &seen.0));
    missing.extend(never_seen(WorkQueue.probe_kinds(), &seen.1));
    assert!(missing.iter().all(|name| RARE.contains(name)), "never seen: {missing:?}");
}

#[test]
fn a_brokers_state_says_how_far_each_replica_is() {
    let plan = plan(&ReplicatedLog, 0);
    let mut course = Course::new(&ReplicatedLog, &plan, SpareRun::default());
    while course.advance() {}
    let world = course.world();
    let states: Vec<_> = world
        .nodes()
        .filter_map(|node| world.process(node))
        .map(|process: &<ReplicatedLog as Scenario>::Process| ReplicatedLog.state(process))
        .collect();
    let of = |name: &str| states.iter().flatten().filter(|(field, _)| *field == name).count();
    let leaders = states.iter().flatten().filter(|own| **own == ("role", "leader".to_owned())).count();
    // Each partition has its leader, and so has the quorum.
    assert_eq!(leaders as u64, plan.settings.get("topic.partitions") + 1);
    assert_eq!(of(field::LOG_END), of(field::HIGH_WATERMARK));
    assert!(of(field::ISR) > 0 && of("life") as u64 == plan.settings.get("cluster.brokers"));
}
