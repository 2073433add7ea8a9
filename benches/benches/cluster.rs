//! Whole clusters with all invariants on: events a second, seeds a second, one job against two.
//!
//! Figures of different runs on a busy machine differ by a third; ratios within one run hold. What an event
//! costs in instructions, which no neighbour disturbs, is told by the example `cluster`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use squall::quorum::Quorum;
use squall::replicated_log::ReplicatedLog;
use squall_sim::campaign::{AnyScenario, Campaign};
use squall_sim::knob;
use squall_sim::plan::Plan;
use squall_sim::record::{CampaignRecord, RunRecord};
use squall_sim::run::{Course, Scenario, SpareRun};
use squall_sim::seed::Seed;
use squall_sim::settings::{Overrides, Settings};

/// Seeds of a campaign; the same for every figure.
const SEEDS: u64 = 40;

/// A minute of virtual time without faults, with a record each 20 ms and producer.
fn calm_plan() -> Plan<squall::replicated_log::Op> {
    let rows = knob::table(ReplicatedLog.knobs());
    let mut overrides = Overrides::default();
    overrides.insert("run.storm", 60_000, &rows);
    overrides.insert("workload.records", 3_000, &rows);
    Plan::from_seed(&ReplicatedLog, Seed(1), Settings::calm(&rows, &overrides), &[])
}

fn play(
    plan: &Plan<squall::replicated_log::Op>,
    spare: SpareRun<ReplicatedLog>,
) -> (RunRecord, SpareRun<ReplicatedLog>) {
    let mut course = Course::new(&ReplicatedLog, plan, spare);
    while course.advance() {}
    course.finish()
}

fn calm(criterion: &mut Criterion) {
    let plan = calm_plan();
    let (record, mut spare) = play(&plan, SpareRun::default());
    assert!(record.verdict.is_pass(), "{}", record.verdict.message());
    let mut group = criterion.benchmark_group("calm cluster");
    group.sample_size(20).throughput(Throughput::Elements(record.events));
    group.bench_function("events", |bench| {
        bench.iter(|| {
            let (record, memory) = play(&plan, std::mem::take(&mut spare));
            spare = memory;
            record.fingerprint
        });
    });
    group.finish();
}

fn campaign(scenario: &dyn AnyScenario, jobs: usize) -> CampaignRecord {
    Campaign::of(&[scenario])
        .seeds(0..SEEDS)
        .jobs(jobs)
        .verify_every(0)
        .run()
        .expect("default settings are possible")
}

/// Storms as a campaign draws them. Failures, if there are any, are counted like other runs but cost more.
fn storms(criterion: &mut Criterion) {
    for scenario in [&ReplicatedLog as &dyn AnyScenario, &Quorum] {
        let events = campaign(scenario, 1).events;
        let mut group = criterion.benchmark_group(scenario.info().name);
        group.sample_size(10);
        group.throughput(Throughput::Elements(SEEDS));
        for jobs in [1, 2] {
            group.bench_function(BenchmarkId::new("seeds/jobs", jobs), |bench| {
                bench.iter(|| campaign(scenario, jobs).events);
            });
        }
        group.throughput(Throughput::Elements(events));
        group.bench_function("events", |bench| bench.iter(|| campaign(scenario, 1).events));
        group.finish();
    }
}

criterion_group!(benches, calm, storms);
criterion_main!(benches);
