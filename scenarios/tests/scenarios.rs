//! All scenarios over fixed and over fresh seeds. `SQUALL_SEED=n` runs one seed, `SQUALL_SEEDS=a..b` a range.

use std::time::{SystemTime, UNIX_EPOCH};

use squall::consumer_group::ConsumerGroup;
use squall::exactly_once::ExactlyOnce;
use squall::quorum::Quorum;
use squall::replicated_log::ReplicatedLog;
use squall::scaling::Scaling;
use squall::work_queue::WorkQueue;

/// Seeds that nobody has run yet, most likely; a failure names its seed and its capsule.
#[allow(clippy::disallowed_methods, reason = "a fresh seed has to come from somewhere")]
fn fresh() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    now.as_millis() as u64
}

#[test]
fn a_replicated_log_survives_the_storms_of_fixed_seeds() {
    let record = squall::check(ReplicatedLog).seeds(0..600).run();
    assert_eq!(record.never, [], "what never happened was not tested");
    assert!(record.tally.compared.values().all(|count| *count > 0));
}

#[test]
fn a_replicated_log_survives_the_storms_of_fresh_seeds() {
    let from = fresh();
    squall::check(ReplicatedLog).seeds(from..from + 300).run();
}

#[test]
fn a_quorum_survives_the_storms_of_fixed_seeds() {
    let record = squall::check(Quorum).seeds(0..600).run();
    assert_eq!(record.never, [], "what never happened was not tested");
}

#[test]
fn a_quorum_survives_the_storms_of_fresh_seeds() {
    let from = fresh();
    squall::check(Quorum).seeds(from..from + 300).run();
}

#[test]
fn groups_process_everything_through_the_storms_of_fixed_seeds() {
    let record = squall::check(ConsumerGroup).seeds(0..200).run();
    assert_eq!(record.never, [], "what never happened was not tested");
}

#[test]
fn groups_process_everything_through_the_storms_of_fresh_seeds() {
    let from = fresh();
    squall::check(ConsumerGroup).seeds(from..from + 100).run();
}

#[test]
fn transactions_count_exactly_once_through_the_storms_of_fixed_seeds() {
    let record = squall::check(ExactlyOnce).seeds(0..200).run();
    assert_eq!(record.never, [], "what never happened was not tested");
}

#[test]
fn share_groups_work_everything_through_the_storms_of_fixed_seeds() {
    let record = squall::check(WorkQueue).seeds(0..200).run();
    assert_eq!(record.never, [], "what never happened was not tested");
}

#[test]
fn transactions_count_exactly_once_through_the_storms_of_fresh_seeds() {
    let from = fresh();
    squall::check(ExactlyOnce).seeds(from..from + 100).run();
}

#[test]
fn share_groups_work_everything_through_the_storms_of_fresh_seeds() {
    let from = fresh();
    squall::check(WorkQueue).seeds(from..from + 100).run();
}

#[test]
fn groups_process_everything_on_busy_nodes_through_the_storms_of_fixed_seeds() {
    let record = squall::check(Scaling).seeds(0..120).run();
    assert_eq!(record.never, [], "what never happened was not tested");
}

#[test]
fn groups_process_everything_on_busy_nodes_through_the_storms_of_fresh_seeds() {
    let from = fresh();
    squall::check(Scaling).seeds(from..from + 60).run();
}
