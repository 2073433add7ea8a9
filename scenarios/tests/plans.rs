//! Plans that people wrote, each with what must come of it.

use squall::replicated_log::ReplicatedLog;
use squall_sim::plan::written::{self, Beside};
use squall_sim::record::RunRecord;
use squall_sim::run::run;
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;

/// Runs the plan of this name; `seed` goes over the file's.
fn ran(name: &str, seed: Option<u64>, quirks: bool) -> RunRecord {
    let path = format!("{}/tests/plans/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the plan is there");
    let beside =
        Beside { seed: seed.map(Seed), fresh: Seed(1), overrides: &Overrides::default(), quirks: &[] };
    let mut plan = match written::read(&ReplicatedLog, &path, &text, &beside) {
        Ok(plan) => plan,
        Err(error) => panic!("{error}"),
    };
    if !quirks {
        plan.quirks.clear();
    }
    run(&ReplicatedLog, &plan)
}

fn exercised(record: &RunRecord, what: &str) -> u64 {
    record.tally.exercised.get(what).copied().unwrap_or(0)
}

#[test]
fn one_aimed_fault_is_kip_101() {
    for seed in 0..5 {
        let record = ran("kip-101", Some(seed), true);
        assert_eq!(record.verdict.name(), "violation", "seed {seed}");
        assert_eq!((record.faults.get("aimed"), record.skipped), (Some(&1), 0), "seed {seed}");
        let record = ran("kip-101", Some(seed), false);
        assert!(record.verdict.is_pass(), "seed {seed}: {:?}", record.verdict);
    }
}

#[test]
fn a_lost_answer_is_a_retry_that_is_absorbed() {
    for seed in 0..5 {
        let record = ran("lost-answer", Some(seed), true);
        assert!(record.verdict.is_pass(), "seed {seed}: {:?}", record.verdict);
        assert_eq!(record.faults.get("drop-message"), Some(&1), "seed {seed}");
        assert!(exercised(&record, "retries absorbed") > 0, "seed {seed}: {:?}", record.tally.exercised);
    }
}

#[test]
fn a_leader_that_goes_while_it_owes_an_answer_loses_nothing() {
    for seed in 0..5 {
        let record = ran("owed-answer", Some(seed), true);
        assert!(record.verdict.is_pass(), "seed {seed}: {:?}", record.verdict);
        assert!(record.faults.get("aimed") >= Some(&1), "seed {seed}: {:?}", record.faults);
    }
}
