//! The same plan is the same run: twice in a row, on one thread or two, forked or not.

use squall::replicated_log::ReplicatedLog;
use squall_core::ids::NodeId;
use squall_sim::fault::{Fault, PlannedFault, Whom};
use squall_sim::plan::Plan;
use squall_sim::record::{CampaignRecord, Verdict};
use squall_sim::run::{Course, SpareRun, draw_settings, run, run_caught, verify};
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;

fn plan(seed: u64) -> Plan<squall::replicated_log::Op> {
    let settings = draw_settings(&ReplicatedLog, Seed(seed), &Overrides::default()).expect("nothing was set");
    Plan::from_seed(&ReplicatedLog, Seed(seed), settings, &[])
}

#[test]
fn a_plan_is_a_pure_function_of_its_seed_and_survives_its_file() {
    let drawn = plan(11);
    assert_eq!(drawn, plan(11));
    let text = serde_json::to_string(&drawn).unwrap();
    let read: Plan<squall::replicated_log::Op> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, drawn);
}

#[test]
fn two_runs_of_a_plan_agree_in_digest_verdict_and_final_state() {
    for seed in 0..20 {
        let plan = plan(seed);
        let (once, twice) = (run(&ReplicatedLog, &plan), run(&ReplicatedLog, &plan));
        assert_eq!(once, twice, "seed {seed}");
        assert_eq!(verify(&ReplicatedLog, &plan).verdict, Verdict::Pass, "seed {seed}");
    }
}

#[test]
fn the_memory_of_an_earlier_run_changes_nothing() {
    let (first, second) = (plan(3), plan(4));
    let fresh = run(&ReplicatedLog, &second);
    let (_, spare) = run_caught(&ReplicatedLog, &first, SpareRun::default());
    let (again, _) = run_caught(&ReplicatedLog, &second, spare);
    assert_eq!(fresh, again);
}

fn campaign(jobs: usize) -> CampaignRecord {
    squall::check(ReplicatedLog).seeds(0..60).quirk("trunc-to-hw").jobs(jobs).look()
}

#[test]
fn one_thread_or_two_find_the_same() {
    let (one, two) = (campaign(1), campaign(2));
    assert!(!one.findings.is_empty(), "a campaign that finds nothing compares nothing");
    assert_eq!(one, two);
}

#[test]
fn a_cluster_forked_at_an_event_has_the_same_future_until_a_fault_differs() {
    let plan = plan(7);
    let mut course = Course::new(&ReplicatedLog, &plan, SpareRun::default());
    for _ in 0..2_000 {
        assert!(course.advance(), "the run ended before the fork");
    }
    let mut fork = course.clone();
    while course.advance() {}
    while fork.advance() {}
    assert_eq!(course.world().fingerprint(), fork.world().fingerprint());
    assert_eq!(course.verdict(), fork.verdict());

    // One fault differs: broker 0 stands still for a moment in which the plan has it go on.
    let mut bolder = plan.clone();
    let pause = Fault::Pause { whom: Whom::Node(NodeId(0)) };
    bolder.faults.push(PlannedFault::at(plan.storm / 2, 50_000_000, pause));
    assert_ne!(run(&ReplicatedLog, &bolder).fingerprint, run(&ReplicatedLog, &plan).fingerprint);
}
