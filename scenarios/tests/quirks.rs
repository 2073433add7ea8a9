//! Each known mistake is found, and without it the same seeds are clean: a check that cannot fail is none.

use squall::consumer_group::ConsumerGroup;
use squall::exactly_once::ExactlyOnce;
use squall::quorum::Quorum;
use squall::replicated_log::ReplicatedLog;
use squall::work_queue::WorkQueue;
use squall_sim::run::Scenario;

/// Looks for the quirk among seeds from 0 and answers the first that shows it.
fn first<S: Scenario + Copy>(scenario: S, quirk: &str, set: &[(&str, u64)], within: u64) -> (u64, String) {
    // Most are found soon: a few seeds first, then more at once.
    let (mut from, mut step) = (0, 4);
    while from < within {
        let to = (from + step).min(within);
        step = (step * 2).min(128);
        let record = with(scenario, set).seeds(from..to).quirk(quirk).look();
        if let Some(finding) = record.findings.first() {
            let what = finding.record.verdict.invariant().unwrap_or(finding.record.verdict.name());
            return (finding.record.seed.0, what.to_owned());
        }
        from = to;
    }
    panic!("{quirk} is not found within {within} seeds")
}

fn with<S: Scenario + Copy>(scenario: S, set: &[(&str, u64)]) -> squall::Check<S> {
    set.iter().fold(squall::check(scenario), |check, &(key, value)| check.set(key, value))
}

fn found<S: Scenario + Copy>(scenario: S, quirk: &str) {
    found_with(scenario, quirk, &[]);
}

/// The same where a setting has to be another one for it.
fn found_with<S: Scenario + Copy>(scenario: S, quirk: &str, set: &[(&str, u64)]) {
    // A wish for one seed is not for a search.
    if std::env::var_os("SQUALL_SEED").is_some() || std::env::var_os("SQUALL_SEEDS").is_some() {
        return;
    }
    let (seed, invariant) = first(scenario, quirk, set, 2_000);
    println!("{quirk}: seed {seed}, {invariant}");
    with(scenario, set).seeds(seed..seed + 1).run();
}

#[test]
fn a_follower_that_truncates_to_its_high_watermark_is_found() {
    found(ReplicatedLog, "trunc-to-hw");
}

#[test]
fn a_divergence_answered_without_its_epoch_is_found() {
    found(ReplicatedLog, "divergence-without-epoch");
}

#[test]
fn a_fetch_that_no_epoch_fences_is_found() {
    found(ReplicatedLog, "unfenced-fetch");
}

#[test]
fn a_high_watermark_that_ignores_a_pending_isr_is_found() {
    found(ReplicatedLog, "hw-ignores-pending-isr");
}

#[test]
fn a_replica_that_rejoins_on_the_word_of_an_earlier_life_is_found() {
    found(ReplicatedLog, "stale-broker-epoch");
}

#[test]
fn a_vote_answered_before_it_is_durable_is_found() {
    found(Quorum, "volatile-vote");
}

#[test]
fn a_producer_table_that_only_leaders_build_is_found() {
    found(ReplicatedLog, "producer-table-leader-only");
}

#[test]
fn a_recovery_that_looks_at_no_checksum_is_found() {
    found(ReplicatedLog, "recovery-without-crc");
}

#[test]
fn a_compaction_that_goes_past_the_high_watermark_is_found() {
    found_with(ReplicatedLog, "clean-past-high-watermark", &[("topic.compact", 1)]);
}

/// Nothing is found in a correct cluster whose topic is compacted, and it is compacted indeed.
#[test]
fn a_compacted_topic_keeps_its_promises() {
    for policy in [1, 2] {
        with(ReplicatedLog, &[("topic.compact", policy)]).seeds(0..40).run();
    }
}

#[test]
fn a_retry_that_lands_behind_its_successors_is_found() {
    found(ReplicatedLog, "retry-overtakes");
}

#[test]
fn a_commit_that_no_generation_fences_is_found() {
    found(ConsumerGroup, "commit-without-generation");
}

#[test]
fn an_unload_that_comes_late_is_found() {
    found(ConsumerGroup, "late-unload");
}

#[test]
fn offsets_of_a_living_group_that_expire_are_found() {
    found(ConsumerGroup, "live-offsets-expire");
}

#[test]
fn a_static_member_that_nobody_fences_is_found() {
    found(ConsumerGroup, "static-member-not-fenced");
}

#[test]
fn an_end_that_comes_late_and_ends_the_next_transaction_is_found() {
    found(ExactlyOnce, "delayed-end-txn");
}

#[test]
fn a_write_into_a_transaction_that_nobody_verified_is_found() {
    found(ExactlyOnce, "write-after-abort");
}

#[test]
fn a_last_stable_offset_that_is_off_by_one_is_found() {
    found(ExactlyOnce, "lso-off-by-one");
}

#[test]
fn poison_that_is_tried_for_ever_is_found() {
    found(WorkQueue, "retry-poison-forever");
}

#[test]
fn an_acknowledgement_after_its_lock_is_found() {
    found(WorkQueue, "late-acknowledgement");
}

#[test]
fn poison_that_is_set_aside_where_nobody_looks_is_found() {
    found(WorkQueue, "poison-parks-silently");
}

/// What only an all-seeing observer knows convicts nobody where the run is judged by what clients saw.
#[test]
fn clients_alone_find_a_mistake_too_but_later() {
    if std::env::var_os("SQUALL_SEED").is_some() || std::env::var_os("SQUALL_SEEDS").is_some() {
        return;
    }
    let quirk = "commit-without-generation";
    let (seed, invariant) = first(ConsumerGroup, quirk, &[], 2_000);
    assert!(invariant.starts_with("W-"), "{invariant}");
    let (later, seen) = first(ConsumerGroup, quirk, &[("check.invariants", 0)], 2_000);
    assert!(!seen.starts_with("W-") && later >= seed, "{seen} at seed {later}");
}
