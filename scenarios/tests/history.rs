//! Histories of whole runs: well-formed, the same on paper in both forms, and no part of the run. That of a queue is
//! one that `squall check` takes.

use std::collections::{BTreeMap, BTreeSet};

use squall::quorum::Quorum;
use squall::replicated_log::ReplicatedLog;
use squall::work_queue::WorkQueue;
use squall_sim::check::history::{Class, Options, Report, Verdict, check};
use squall_sim::history::op::Op;
use squall_sim::history::{Entry, Kind, Value, write_edn, write_json};
use squall_sim::plan::Plan;
use squall_sim::run::{Scenario, client_history, draw_settings};
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;

fn history<S: Scenario>(scenario: &S, seed: u64) -> Vec<Entry> {
    let mut overrides = Overrides::default();
    let rows = squall_sim::knob::table(scenario.knobs());
    overrides.insert("log.retention", 0, &rows);
    overrides.insert("log.retention_bytes", 0, &rows);
    let settings = draw_settings(scenario, Seed(seed), &overrides).expect("both keep everything");
    let plan = Plan::from_seed(scenario, Seed(seed), settings, &[]);
    let history = client_history(scenario, &plan, usize::MAX);
    assert_eq!(history.let_go(), 0);
    history.entries().cloned().collect()
}

/// Each client does one thing at a time, everything ends, and nobody is heard of after an info.
fn expect_well_formed(entries: &[Entry]) {
    let mut open = BTreeMap::new();
    let mut gone = BTreeSet::new();
    for (entry, index) in entries.iter().zip(0..) {
        assert_eq!(entry.index, index);
        assert!(!gone.contains(&entry.process), "client {} is heard of again", entry.process);
        match entry.kind {
            Kind::Invoke => assert_eq!(open.insert(entry.process, entry.f), None, "two things at a time"),
            Kind::Ok | Kind::Fail | Kind::Info => assert_eq!(open.remove(&entry.process), Some(entry.f)),
        }
        if entry.kind == Kind::Info {
            gone.insert(entry.process);
        }
    }
    assert!(open.is_empty(), "never ended: {open:?}");
    assert!(entries.is_sorted_by_key(|entry| entry.at));
}

/// The keys and values of the polls that succeeded.
fn polled(entries: &[Entry]) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for entry in entries.iter().filter(|entry| (entry.f, entry.kind) == ("poll", Kind::Ok)) {
        let Value::List(operations) = &entry.value else { panic!("{entry:?}") };
        let Value::List(parts) = &operations[0] else { panic!("{entry:?}") };
        let Value::Map(keys) = &parts[1] else { panic!("{entry:?}") };
        for (key, records) in keys {
            let Value::List(records) = records else { panic!("{entry:?}") };
            assert!(!records.is_empty(), "Jepsen's checker trips over empty polls");
            all.extend(records.iter().map(|record| (key.clone(), format!("{record:?}"))));
        }
    }
    all
}

/// The key, and the offset with the value, of a send that succeeded.
fn acked(entry: &Entry) -> (String, String) {
    let Value::List(operations) = &entry.value else { panic!("{entry:?}") };
    let Value::List(parts) = &operations[0] else { panic!("{entry:?}") };
    let Value::Text(key) = &parts[1] else { panic!("{entry:?}") };
    (key.clone(), format!("{:?}", parts[2]))
}

#[test]
fn a_history_is_well_formed_and_what_was_acknowledged_is_read() {
    let (mut acknowledged, mut records) = (0, 0);
    for seed in 0..6 {
        let entries = history(&ReplicatedLog, seed);
        expect_well_formed(&entries);
        let sends = entries.iter().filter(|entry| (entry.f, entry.kind) == ("send", Kind::Ok));
        let read = polled(&entries);
        records += read.len();
        for send in sends {
            let (key, record) = acked(send);
            // The last reading finds what retention has not deleted; these runs delete nothing.
            assert!(read.contains(&(key, record)), "seed {seed}: nobody read {send:?}");
            acknowledged += 1;
        }
        assert!(entries.iter().any(|entry| entry.f == "assign"));
    }
    assert!(acknowledged > 0 && acknowledged <= records, "{acknowledged} of {records}");
}

#[test]
fn producer_ids_are_a_history_of_their_own() {
    let entries = history(&Quorum, 1);
    expect_well_formed(&entries);
    let given: Vec<_> = entries.iter().filter(|entry| entry.kind == Kind::Ok).collect();
    assert!(!given.is_empty() && given.iter().all(|entry| entry.f == "generate"));
}

#[test]
fn both_forms_hold_every_entry_once() {
    let entries = history(&ReplicatedLog, 0);
    let (mut edn, mut json) = (Vec::new(), Vec::new());
    write_edn(&entries, &mut edn).expect("memory takes everything");
    write_json(&entries, &mut json).expect("memory takes everything");
    let edn = String::from_utf8(edn).expect("text");
    assert_eq!(edn.lines().count(), entries.len());
    assert!(edn.lines().all(|line| line.starts_with("{:index ") && line.ends_with('}')));
    let json: Vec<serde_json::Value> = serde_json::from_slice(&json).expect("a document");
    assert_eq!(json.len(), entries.len());
    for (entry, object) in entries.iter().zip(&json) {
        assert_eq!((object["index"].as_u64(), object["f"].as_str()), (Some(entry.index), Some(entry.f)));
    }
}

fn judged(entries: &[Entry]) -> Report {
    let ops = entries.iter().map(|entry| Op::of(entry).expect("an operation"));
    check(ops, Options::default()).expect("a history that can be")
}

#[test]
fn a_queues_history_says_what_workers_took_and_without_them_it_is_lost() {
    let (mut taken, mut given_back) = (0, 0);
    for seed in 0..6 {
        let settings = draw_settings(&WorkQueue, Seed(seed), &Overrides::default()).expect("they are drawn");
        let plan = Plan::from_seed(&WorkQueue, Seed(seed), settings, &[]);
        let history = client_history(&WorkQueue, &plan, usize::MAX);
        let mut entries: Vec<Entry> = history.entries().cloned().collect();
        expect_well_formed(&entries);
        let report = judged(&entries);
        assert_eq!(report.verdict, Verdict::Valid, "seed {seed}: {:?}", report.found);
        let queue = report.queue.expect("what was put in and what came out");
        assert!(queue.queue && queue.total_queue, "seed {seed}: {queue:?}");
        let deliveries = entries.iter_mut().filter(|entry| entry.f == "dequeue");
        for entry in deliveries {
            given_back += u32::from(entry.kind == Kind::Fail);
            if entry.kind == Kind::Ok {
                taken += 1;
                entry.kind = Kind::Fail;
            }
        }
        let report = judged(&entries);
        let lost = report.queue.map(|queue| queue.lost);
        assert!(lost > Some(0) && report.found.contains_key(&Class::QueueLost), "seed {seed}: {lost:?}");
    }
    assert!(taken > 0 && given_back > 0, "{taken} were taken, {given_back} given back");
}
