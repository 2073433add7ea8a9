//! More partitions and consumers raise throughput, up to a point (`DOMAIN.md` C7).

use squall::scaling::Scaling;
use squall::scaling::sweep::{Size, Unmeasured, measure};
use squall_reports::scaling::Row;
use squall_sim::capsule::Capsule;
use squall_sim::knob;
use squall_sim::run::{Scenario, run};
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;

fn set(pairs: &[&str]) -> Overrides {
    let rows = knob::table(Scaling.knobs());
    let mut overrides = Overrides::default();
    for pair in pairs {
        overrides.set(pair, &rows).expect("a setting");
    }
    overrides
}

fn measured(partitions: u32, consumers: u32, overrides: &Overrides) -> Row {
    measure(Size { partitions, consumers }, Seed(1), overrides).expect("a size that can be measured")
}

fn grown(size: u32) -> Row {
    measured(size, size, &Overrides::default())
}

#[test]
fn ten_do_ten_times_as_much_as_one_and_a_hundred_far_less_than_ten_times_as_much_as_ten() {
    let [one, five, ten, hundred] = [1, 5, 10, 100].map(grown);
    assert!(five.throughput * 10 >= one.throughput * 45, "{five:?} after {one:?}");
    assert!(ten.throughput * 10 >= one.throughput * 90, "{ten:?} after {one:?}");
    assert!(hundred.throughput > ten.throughput, "{hundred:?} after {ten:?}");
    assert!(hundred.throughput < ten.throughput * 5, "{hundred:?} after {ten:?}");
    // The brokers are why.
    assert!(ten.busiest_per_mille < 400 && hundred.busiest_per_mille > 600, "{ten:?}, {hundred:?}");
    assert!(one.forms_ns < ten.forms_ns && ten.forms_ns < hundred.forms_ns, "{one:?}, {ten:?}, {hundred:?}");
    assert!(one.one_more_ns < hundred.one_more_ns, "{one:?}, {hundred:?}");
}

#[test]
fn a_thousand_do_less_than_ten_and_take_longer_to_rebalance() {
    let [ten, hundred, thousand] = [10, 100, 1_000].map(grown);
    assert!(thousand.throughput < ten.throughput, "{thousand:?} after {ten:?}");
    assert!(thousand.throughput < hundred.throughput, "{thousand:?} after {hundred:?}");
    assert!(thousand.forms_ns > hundred.forms_ns * 2, "{thousand:?} after {hundred:?}");
    assert!(thousand.one_more_ns > hundred.one_more_ns, "{thousand:?} after {hundred:?}");
}

#[test]
fn more_consumers_than_partitions_stand_by_and_bring_nothing() {
    let overrides = set(&["workload.records=3000"]);
    let [two, five, fifty] = [2, 5, 50].map(|consumers| measured(5, consumers, &overrides));
    assert!(five.throughput > two.throughput, "{five:?} after {two:?}");
    assert!(fifty.throughput <= five.throughput + five.throughput / 100, "{fifty:?} after {five:?}");
    assert!(fifty.one_more_ns > five.one_more_ns, "{fifty:?} after {five:?}");
}

#[test]
fn without_costs_nothing_is_busy_and_the_same_seed_is_the_same_row() {
    let few = set(&["workload.records=1000"]);
    let free = set(&["workload.records=1000", "cost.message=0", "cost.kilobyte=0", "cost.assign=0"]);
    let charged = measured(5, 5, &few);
    assert_eq!(charged, measured(5, 5, &few));
    assert!(charged.busiest_per_mille > 0);
    assert_eq!(measured(5, 5, &free).busiest_per_mille, 0);
}

#[test]
fn what_comes_to_a_busy_broker_waits() {
    let at = |cost| measured(10, 10, &set(&["workload.records=1000", cost]));
    let [cheap, dear] = ["cost.kilobyte=0", "cost.kilobyte=1000"].map(at);
    assert!(dear.throughput < cheap.throughput / 2, "{dear:?} and {cheap:?}");
    assert!(dear.busiest_per_mille > 500 && dear.forms_ns > cheap.forms_ns, "{dear:?} and {cheap:?}");
}

#[test]
fn what_the_timetable_has_no_time_for_is_refused() {
    let slow = set(&["workload.records=10", "group.initial_delay=9000"]);
    let size = Size { partitions: 1, consumers: 1 };
    assert!(
        matches!(measure(size, Seed(1), &slow), Err(Unmeasured::Impossible(why)) if why.contains("timetable"))
    );
}

#[test]
fn a_size_that_fails_leaves_a_capsule_that_fails_alike() {
    let hurried = set(&["workload.records=10", "run.max_events=500"]);
    let size = Size { partitions: 1, consumers: 1 };
    let Err(Unmeasured::Failed(failed)) = measure(size, Seed(1), &hurried) else {
        panic!("500 events are not enough")
    };
    let text = failed.capsule();
    let capsule = Capsule::read(&Scaling, "it", &text).expect("a capsule");
    let again = run(&Scaling, &capsule.plan);
    assert_eq!((again.verdict.name(), again.fingerprint), ("stall", failed.record.fingerprint));
}
