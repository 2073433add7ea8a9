//! Campaigns: the same for any number of jobs; capsules that repeat what was found.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::{Greeter, PLAIN, greeters, overheard};
use squall_sim::campaign::{AnyScenario, Campaign, CampaignError};
use squall_sim::capsule::{self, Capsule};
use squall_sim::record::{CampaignRecord, Verdict};
use squall_sim::run::{Replay, run};
use squall_sim::settings::Overrides;

/// So many greetings that some seeds exceed it.
const SOME: u64 = 350;

fn campaign(scenarios: &[&dyn AnyScenario], jobs: usize) -> CampaignRecord {
    let mut storm = Overrides::default();
    storm.insert("run.storm", 2_000, &squall_sim::knob::table(&[]));
    Campaign::of(scenarios)
        .seeds(0..40)
        .jobs(jobs)
        .verify_every(7)
        .overrides(storm)
        .run()
        .expect("storms may be short")
}

#[test]
fn the_number_of_jobs_changes_nothing() {
    let (some, none) = (overheard(SOME), greeters(PLAIN));
    let one = campaign(&[&some, &none], 1);
    for jobs in [2, 5] {
        assert_eq!(campaign(&[&some, &none], jobs), one);
    }
    assert!(!one.findings.is_empty() && (one.findings.len() as u64) < one.seeds.run / 2);
    assert_eq!((one.seeds.from, one.seeds.to, one.seeds.run, one.stopped), (0, 40, 80, false));
    assert_eq!(one.verified, 12);
    assert_eq!(one.verdicts.values().sum::<u64>(), 80);
    assert_eq!(one.verdict(), "violation");
}

#[test]
fn what_never_happened_in_any_run_is_listed() {
    let sim = overheard(u64::MAX);
    let record = campaign(&[&sim], 2);
    assert_eq!(record.never, [("greeters", "pigs_fly")]);
    assert!(record.tally.exercised["a_node_is_down"] > 0);
    assert_eq!(record.verdict(), "pass");
}

#[test]
fn a_campaign_whose_checks_compared_nothing_is_not_green() {
    let sim = greeters(PLAIN);
    assert_eq!(campaign(&[&sim], 2).verdict(), "vacuous");
}

#[test]
fn a_campaign_ends_when_it_is_told_and_says_how_far_it_came() {
    let sim = greeters(PLAIN);
    let runs = AtomicU64::new(0);
    let record = Campaign::of(&[&sim])
        .seeds_from(100..)
        .jobs(2)
        .stop(&|| runs.load(Ordering::Relaxed) >= 10)
        .watch(&|progress| {
            assert_eq!(progress.of, None);
            runs.fetch_max(progress.runs, Ordering::Relaxed);
        })
        .run()
        .unwrap();
    assert_eq!(record.seeds.from, 100);
    assert_eq!(record.seeds.to - 100, record.seeds.run);
    assert!((10..=12).contains(&record.seeds.run));
}

#[test]
fn a_panic_is_one_finding_with_its_seed_and_the_campaign_goes_on() {
    let sim = greeters(Greeter { fragile: Some(SOME), ..PLAIN });
    let record = campaign(&[&sim], 2);
    assert_eq!(record.seeds.run, 40);
    assert_eq!(record.verdict(), "internal-error");
    assert!(record.verdicts["pass"] > 0);
    let finding = &record.findings[0];
    assert_eq!(finding.record.verdict, Verdict::InternalError { message: "heard 350 greetings".to_owned() });
    assert!(finding.record.events > SOME);
}

#[test]
fn a_cheat_is_caught_among_honest_looking_runs() {
    static AMBIENT: AtomicU64 = AtomicU64::new(0);
    let cheat = || AMBIENT.fetch_add(1, Ordering::Relaxed);
    let sim = greeters(Greeter { cheat: Some(cheat), ..PLAIN });
    let record = campaign(&[&sim], 1);
    assert_eq!(record.verdicts["nondeterminism"], 6);
    assert_eq!(record.verdict(), "nondeterminism");
}

#[test]
fn a_capsule_in_a_file_repeats_the_run_bit_for_bit() {
    let directory = tempfile::tempdir().unwrap();
    let sim = overheard(SOME);
    let scenarios: [&dyn AnyScenario; 1] = [&sim];
    let record = Campaign::of(&scenarios).seeds(0..20).out(directory.path()).run().unwrap();
    assert_eq!(record.problems, [] as [&str; 0]);
    let names = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(names, record.findings.len());
    for finding in &record.findings {
        let path = finding.capsule.as_deref().unwrap();
        let text = capsule::load(path.as_ref()).unwrap();
        let replay = scenarios[0].replay(path, &text, None).unwrap();
        assert_eq!(replay.departs, None);
        assert_eq!(replay.record, finding.record);
        let read = Capsule::read(&sim, path, &text).unwrap();
        assert_eq!(read.to_text(), text);
    }
}

#[test]
fn a_capsule_that_cannot_be_written_is_a_problem_and_no_end() {
    let sim = overheard(0);
    let scenarios: [&dyn AnyScenario; 1] = [&sim];
    let nowhere = tempfile::tempdir().unwrap().path().join("gone");
    let record = Campaign::of(&scenarios).seeds(0..3).out(&nowhere).run().unwrap();
    assert_eq!((record.findings.len(), record.problems.len()), (1, 1));
}

#[test]
fn failures_that_are_alike_are_one_finding_and_the_smallest_seed_stands_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let (alike, other) = (overheard(0), greeters(Greeter { fragile: Some(SOME), ..PLAIN }));
    let scenarios: [&dyn AnyScenario; 2] = [&alike, &other];
    let record = Campaign::of(&scenarios).seeds(3..40).jobs(3).out(directory.path()).run().unwrap();
    let seeds: Vec<u64> = (3..40).collect();
    assert_eq!(record.findings[0].seeds, seeds);
    assert_eq!(record.findings[0].record.seed.0, 3);
    let failures: usize = record.findings.iter().map(|finding| finding.seeds.len()).sum();
    assert_eq!(failures as u64, record.verdicts["violation"] + record.verdicts["internal-error"]);
    assert_eq!(record.findings.len(), 2, "{:?}", record.findings);
    // Whoever else found it with a larger seed has left no capsule.
    let mut capsules: Vec<_> =
        record.findings.iter().map(|finding| finding.capsule.clone().unwrap()).collect();
    capsules.dedup();
    let files = std::fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<String> = files.map(|file| file.display().to_string()).collect();
    files.sort();
    assert_eq!(files, capsules);
}

#[test]
fn a_replay_that_goes_another_way_says_from_where() {
    let sim = overheard(SOME);
    let mut plan = sim.plan_of(0);
    let record = run(&sim, &plan);
    plan.faults.retain(|fault| fault.when.time() < Some(1_000_000_000));
    plan.seed += 1;
    let replayed = |capsule: &Capsule<()>| Replay::of(&sim, capsule, None).unwrap().departs.unwrap();
    // A capsule of an earlier format knows its waymarks alone.
    let mut changed = Capsule::new(plan, &record);
    let departs = replayed(&changed);
    assert_eq!((departs.after, departs.before, &departs.difference), (0, Some(64), &None));
    assert!(departs.to_string().starts_with("first difference between events 1 and 64; "), "{departs}");
    changed.plan = sim.plan_of(0);
    changed.expected.events += 1;
    let departs = replayed(&changed).to_string();
    assert!(departs.starts_with("first difference after event "), "{departs}");
    assert!(departs.contains("it should end as "), "{departs}");
}

#[test]
fn a_replay_that_goes_another_way_names_the_event_and_both_sides() {
    let sim = overheard(SOME);
    let (seed, record) = (0..)
        .map(|seed| (seed, run(&sim, &sim.plan_of(seed))))
        .find(|(_, record)| !record.verdict.is_pass())
        .unwrap();
    let capsule = Capsule::with_steps(&sim, sim.plan_of(seed), &record);
    assert_eq!(Replay::of(&sim, &capsule, None).unwrap().departs, None);
    // The code changed: it hears more before it fails, or never fails.
    let later = overheard(SOME + 3);
    let departs = Replay::of(&later, &capsule, None).unwrap().departs.unwrap();
    let difference = departs.difference.clone().unwrap();
    assert_eq!((difference.after, difference.event), (record.events, record.events + 1), "{departs}");
    assert_eq!(difference.expected, None);
    assert!(departs.to_string().contains("expected: the end of the run; came: greeter "), "{departs}");
    // A capsule that says otherwise of the second event, and of the end.
    let text = capsule.to_text().replacen("greeter 1 booted", "greeter 1 crashed", 1);
    let mut tampered = Capsule::read(&sim, "tampered", &text).unwrap();
    tampered.expected.fingerprint = "0".repeat(32);
    let departs = Replay::of(&sim, &tampered, None).unwrap().departs.unwrap();
    assert_eq!(
        departs.to_string(),
        "first difference at event 2 (0.000000s): expected: greeter 1 crashed; came: greeter 1 booted; \
         the failure is still there"
    );
}

#[test]
fn impossible_settings_are_refused_before_the_first_run() {
    let sim = picky::Picky;
    let mut overrides = Overrides::default();
    overrides.insert("net.latency", 7, &squall_sim::knob::table(&[]));
    let scenarios: [&dyn AnyScenario; 1] = [&sim];
    let refused = Campaign::of(&scenarios).overrides(overrides).run().unwrap_err();
    let why = "seven is taken".to_owned();
    assert_eq!(refused, CampaignError::Settings { scenario: "picky", why });
}

/// A scenario that cannot have a certain setting.
mod picky {
    use squall_core::ids::NodeId;
    use squall_sim::check::Properties;
    use squall_sim::engine::{Spare, World};
    use squall_sim::fault::FaultSpace;
    use squall_sim::knob::Knob;
    use squall_sim::plan::{Operation, Plan};
    use squall_sim::run::{Scenario, world_config};
    use squall_sim::seed::Seed;
    use squall_sim::settings::Settings;

    use crate::common::Greeter;

    pub(crate) struct Picky;

    impl Scenario for Picky {
        type Process = Greeter;
        type Operation = ();
        type Checks = Properties<Greeter>;

        fn name(&self) -> &'static str {
            "picky"
        }
        fn about(&self) -> &'static str {
            "an empty world"
        }
        fn knobs(&self) -> &'static [Knob] {
            &[]
        }
        fn quirks(&self) -> &'static [(&'static str, &'static str)] {
            &[]
        }
        fn check_settings(&self, settings: &Settings) -> Result<(), String> {
            if settings.get("net.latency") == 7 { Err("seven is taken".to_owned()) } else { Ok(()) }
        }
        fn plan(&self, _: Seed, _: &Settings) -> (Vec<Operation<()>>, FaultSpace) {
            (Vec::new(), FaultSpace::default())
        }
        fn build(&self, plan: &Plan<()>, spare: Spare<Greeter>) -> World<Greeter> {
            World::with_spare(Seed(plan.seed), world_config(&plan.settings), spare)
        }
        fn checks(&self, _: &Plan<()>, _: Option<Self::Checks>) -> Self::Checks {
            Properties::default()
        }
        fn resolve(&self, _: &str, _: &World<Greeter>, _: &Self::Checks) -> Option<NodeId> {
            None
        }
        fn transfer(&self, _: &str, _: &mut World<Greeter>, _: &Self::Checks) -> bool {
            false
        }
    }
}
