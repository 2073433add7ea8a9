//! The moments at which faults are aimed are such as scenarios report, so that people can write them too.

use squall::consumer_group::ConsumerGroup;
use squall::exactly_once::ExactlyOnce;
use squall::quorum::Quorum;
use squall::replicated_log::ReplicatedLog;
use squall::scaling::Scaling;
use squall::work_queue::WorkQueue;
use squall_sim::campaign::AnyScenario;
use squall_sim::run::Scenario;
use squall_sim::seed::Seed;
use squall_sim::settings::{Overrides, Settings};
use squall_sim::{knob, narrate};

fn can_be_named<S: Scenario + AnyScenario>(scenario: S) {
    let settings = Settings::calm(&knob::table(scenario.knobs()), &Overrides::default());
    let (_, space) = scenario.plan(Seed(1), &settings);
    let info = scenario.info();
    assert!(!space.facts.is_empty(), "{}", info.name);
    for fact in &space.facts {
        assert!(narrate::find(info.facts, fact).is_some(), "{}: {fact}", info.name);
    }
    for message in space.messages.iter().chain(&space.requests) {
        assert!(narrate::find(info.messages, message).is_some(), "{}: {message}", info.name);
    }
}

#[test]
fn every_moment_is_one_that_can_be_named() {
    can_be_named(ReplicatedLog);
    can_be_named(Quorum);
    can_be_named(ConsumerGroup);
    can_be_named(ExactlyOnce);
    can_be_named(WorkQueue);
    can_be_named(Scaling);
}
