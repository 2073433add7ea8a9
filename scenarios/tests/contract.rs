//! The contract in whole runs: hand-made plans in which a record is lost with permission, and the same without.
//!
//! Which of three brokers leads is the controllers' choice, so each plan is played with each of them as the
//! victim.

use squall::replicated_log::{Op, PlannedAcks, ReplicatedLog};
use squall_core::ids::NodeId;
use squall_sim::fault::{Fault, PlannedFault, Whom};
use squall_sim::knob;
use squall_sim::plan::{Operation, Plan};
use squall_sim::record::{RunRecord, Verdict};
use squall_sim::run::{Scenario, run};
use squall_sim::seed::Seed;
use squall_sim::settings::{Overrides, Settings};

const SECOND: u64 = 1_000_000_000;

/// Brokers 0, 1 and 2; voters 3, 4 and 5; the admin 6, one producer 7, one reader 8.
const VOTERS: [u32; 3] = [3, 4, 5];

/// One partition with three replicas and a producer that sends all the time.
fn plan(acks: PlannedAcks, set: &[(&'static str, u64)], faults: Vec<PlannedFault>) -> Plan<Op> {
    let rows = knob::table(ReplicatedLog.knobs());
    let mut overrides = Overrides::default();
    let usual =
        [("client.producers", 1), ("client.readers", 1), ("topic.partitions", 1), ("run.storm", 20_000)];
    for &(key, value) in usual.iter().chain(set) {
        overrides.insert(key, value, &rows);
    }
    let settings = Settings::calm(&rows, &overrides);
    let mut plan = Plan::from_seed(&ReplicatedLog, Seed(1), settings, &[]);
    let kind = Operation { at: 0, client: 0, op: Op::Produce { acks, idempotent: false } };
    let send =
        |n: u64| Operation { at: SECOND + n * SECOND / 20, client: 0, op: Op::Send { key: None, bytes: 8 } };
    plan.operations = std::iter::once(kind).chain((0..340).map(send)).collect();
    plan.faults = faults;
    plan
}

fn fault(from: u64, to: u64, fault: Fault) -> PlannedFault {
    PlannedFault::at(from * SECOND / 10, (to - from) * SECOND / 10, fault)
}

fn wipe(node: u32, from: u64) -> PlannedFault {
    fault(from, from + 10, Fault::Wipe { whom: Whom::Node(NodeId(node)) })
}

fn power_loss(node: u32, from: u64) -> PlannedFault {
    fault(from, from + 10, Fault::PowerLoss { whom: Whom::Node(NodeId(node)) })
}

/// `node` does not reach the other brokers, nor `others`; clients reach everybody.
fn alone(node: u32, others: &[u32], from: u64, to: u64) -> PlannedFault {
    let right = (0..3).filter(|&other| other != node).chain(others.iter().copied()).collect();
    fault(from, to, Fault::SplitHalves { left: vec![node], right })
}

fn permitted(record: &RunRecord, what: &str) -> u64 {
    record.tally.permitted.iter().filter(|(name, _)| name.contains(what)).map(|(_, count)| count).sum()
}

fn passes(plan: &Plan<Op>) -> RunRecord {
    let record = run(&ReplicatedLog, plan);
    assert_eq!(record.verdict, Verdict::Pass, "{:?}", plan.faults);
    record
}

#[test]
fn acks_1_is_lost_with_permission_when_its_leader_is_cut_off_and_acks_all_is_not() {
    for (acks, loses) in [(PlannedAcks::Leader, true), (PlannedAcks::All, false)] {
        let mut lost = 0;
        for leader in 0..3 {
            let record = passes(&plan(acks, &[], vec![alone(leader, &VOTERS, 50, 90)]));
            let here = permitted(&record, "acks=1 record lost");
            lost += here;
            assert_eq!(permitted(&record, "lost"), here, "nothing else is lost");
            assert_eq!(record.permits.is_empty(), here == 0, "a loss is told with its evidence");
        }
        assert_eq!(lost > 0, loses, "{acks:?}: {lost}");
    }
}

#[test]
fn the_wipe_of_every_copy_is_permitted_beyond_the_budget_alone() {
    let faults = || vec![wipe(0, 80), wipe(1, 82), wipe(2, 84)];
    let record = passes(&plan(PlannedAcks::All, &[("fault.beyond_budget", 1)], faults()));
    let reason = record.excused.clone().expect("nobody may lead");
    assert!(reason.contains("its disk was wiped at event"), "{reason}");
    assert!(permitted(&record, "faults destroyed every copy") > 100);
    let because = format!("{:?}", record.permits[0].because);
    assert!(because.contains("its disk was wiped"), "{because}");
    let within = run(&ReplicatedLog, &plan(PlannedAcks::All, &[], faults()));
    assert_eq!(within.verdict.invariant(), Some("W-NCL"), "{:?}", within.verdict);
}

#[test]
fn a_correlated_power_loss_is_permitted_where_batches_are_not_flushed_and_harmless_where_they_are() {
    let faults = || vec![power_loss(0, 80), power_loss(1, 80), power_loss(2, 80)];
    let flushed = passes(&plan(PlannedAcks::All, &[("fault.beyond_budget", 1), ("log.flush", 1)], faults()));
    assert_eq!((flushed.excused.is_some(), permitted(&flushed, "lost")), (false, 0));
    let cached = passes(&plan(PlannedAcks::All, &[("fault.beyond_budget", 1)], faults()));
    assert!(cached.excused.is_some(), "no log is vouched for");
    assert!(permitted(&cached, "who holds it may not lead") + permitted(&cached, "every copy") > 100);
    let within = run(&ReplicatedLog, &plan(PlannedAcks::All, &[], faults()));
    assert_ne!(within.verdict, Verdict::Pass, "within the budget nothing excuses it");
}

#[test]
fn an_unclean_election_loses_what_it_may_and_a_clean_one_nothing() {
    for (unclean, loses) in [(1, true), (0, false)] {
        let mut lost = 0;
        for leader in 0..3 {
            // It shrinks the ISR to itself and goes on alone; then the controllers lose it as well.
            let faults = vec![alone(leader, &[], 50, 110), alone(leader, &VOTERS, 80, 110)];
            let set = [("topic.unclean", unclean), ("topic.min_isr", 1)];
            let record = passes(&plan(PlannedAcks::All, &set, faults));
            lost += permitted(&record, "unclean election");
        }
        assert_eq!(lost > 0, loses, "unclean {unclean}: {lost}");
    }
}

#[test]
fn the_controllers_log_may_be_destroyed_beyond_the_budget_alone() {
    let faults = || VOTERS.iter().map(|&voter| wipe(voter, 80)).collect::<Vec<_>>();
    let record = passes(&plan(PlannedAcks::All, &[("fault.beyond_budget", 1)], faults()));
    let reason = record.excused.clone().expect("nothing is left to rest on");
    assert!(reason.contains("the metadata was destroyed") && reason.contains("wiped at event"), "{reason}");
    assert!(permitted(&record, "controllers' log") > 100);
    let within = run(&ReplicatedLog, &plan(PlannedAcks::All, &[], faults()));
    assert!(matches!(within.verdict, Verdict::Violation(_)), "{:?}", within.verdict);
}

#[test]
fn one_wiped_voter_of_three_destroys_nothing() {
    for voter in VOTERS {
        let record = passes(&plan(PlannedAcks::All, &[("fault.beyond_budget", 1)], vec![wipe(voter, 80)]));
        assert_eq!((record.excused.is_some(), permitted(&record, "lost")), (false, 0));
    }
}

#[test]
fn a_second_copy_has_a_cause() {
    let slow = |ppm| {
        let on = squall_sim::fault::Links::All;
        fault(30, 190, Fault::Duplication { on, ppm })
    };
    let record = passes(&plan(PlannedAcks::All, &[], vec![slow(300_000)]));
    assert!(permitted(&record, "duplicate") > 0);
    let record = passes(&plan(PlannedAcks::All, &[], vec![]));
    assert_eq!(permitted(&record, "duplicate"), 0);
}

#[test]
fn beyond_the_budget_a_historical_mistake_is_still_found() {
    for quirk in ["trunc-to-hw", "volatile-vote"] {
        let check = squall::check(ReplicatedLog).set("fault.beyond_budget", 1).quirk(quirk);
        let record = check.seeds(0..60).look();
        assert!(record.verdicts.contains_key("violation"), "{quirk} hides behind the faults");
    }
}

#[test]
fn beyond_the_budget_every_loss_is_classified() {
    let check = squall::check(ReplicatedLog).set("fault.beyond_budget", 1);
    let record = check.seeds(0..60).run();
    for what in ["record lost: faults destroyed every copy", "record not readable: who holds it may not lead"]
    {
        assert!(record.tally.permitted.contains_key(what), "{what} did not occur");
    }
}
