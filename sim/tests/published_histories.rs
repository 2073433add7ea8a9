//! Example histories with results that nobody here wrote: run when `SQUALL_CASES` names the file.
//!
//! Each is judged whole and streamed one operation at a time; every expected record must be there exactly and
//! no other of its class. Histories whose `quirks` say that they cannot be are refused, and taken leniently.

use serde_json::{Value, json};
use squall_sim::check::history::{Checker, Class, Options, Report, lag};
use squall_sim::history::op::Op;
use squall_sim::history::read::Reader;

/// Quirks of a history that no real one has.
const IMPOSSIBLE: [&str; 2] = ["invoked-values-differ-from-completed", "mop-count-differs"];

fn operations(history: &Value) -> Vec<Op> {
    let text = history.to_string();
    let read: Result<Vec<_>, _> = Reader::new(text.as_bytes()).expect("a list").collect();
    read.expect("every operation can be read").into_iter().map(|(_, op)| op).collect()
}

/// Judged after every operation, as whoever watches would; the last report counts.
fn streamed(ops: &[Op], options: &Options) -> Report {
    let mut checker = Checker::new(options.clone());
    for op in ops {
        checker.push(op.clone()).expect("it was taken as a whole");
        let known = checker.known().clone();
        let report = checker.clone().finish();
        assert!(known.iter().all(|class| report.found.contains_key(class)), "{known:?} was taken back");
    }
    checker.finish()
}

fn records(report: &Report, class: &str) -> Vec<Value> {
    match class {
        "realtime-lag" => report.lags.iter().map(lag).collect(),
        "worst-realtime-lag" => vec![lag(&report.worst_lag)],
        "valid?" => vec![json!(report.verdict.name() == "valid")],
        class => {
            let class = Class::named(class).expect("every expected class is known");
            let found = report.found.get(&class);
            found.map(|found| found.first.iter().map(|anomaly| anomaly.json()).collect()).unwrap_or_default()
        }
    }
}

/// A cycle begins at its least operation; sets and multisets are sorted.
fn settled(records: impl IntoIterator<Item = Value>) -> Vec<String> {
    let turned = |mut record: Value| {
        if let (Some(cycle), Some(steps)) = (record["cycle"].as_array(), record["steps"].as_array()) {
            let (mut cycle, mut steps) = (cycle[1..].to_vec(), steps.clone());
            cycle.rotate_right(1);
            let least =
                cycle.iter().enumerate().min_by_key(|(_, index)| index.as_u64()).map_or(0, |(at, _)| at);
            cycle.rotate_left(least);
            steps.rotate_left(least);
            (record["cycle"], record["steps"]) = (json!(cycle), json!(steps));
        }
        record.to_string()
    };
    let mut all: Vec<String> = records.into_iter().map(turned).collect();
    all.sort();
    all
}

fn judge(case: &Value) -> usize {
    let name = case["name"].as_str().expect("a case has a name");
    let quirks: Vec<_> = case["quirks"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let lenient = quirks.iter().any(|quirk| IMPOSSIBLE.contains(quirk));
    let ww_deps = case["opts"]["ww_deps"] == true;
    let options = Options { ww_deps, lenient, lags: true, ..Options::default() };
    let ops = operations(&case["history"]);
    if lenient {
        let strict = Options { lenient: false, ..options.clone() };
        let refused = squall_sim::check::history::check(ops.clone(), strict);
        assert!(refused.is_err(), "{name} cannot be, and was taken");
    }
    let whole = squall_sim::check::history::check(ops.clone(), options.clone()).expect(name);
    let mut compared = 0;
    for (how, report) in [("whole", whole), ("streamed", streamed(&ops, &options))] {
        for (class, expected) in case["expect"].as_object().expect("expectations by class") {
            let expected = match expected {
                Value::Null => Vec::new(),
                Value::Array(records) => records.clone(),
                one @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                    vec![one.clone()]
                }
            };
            assert_eq!(settled(records(&report, class)), settled(expected), "{name}, {how}: {class}");
            compared += 1;
        }
        if case["expect_no_errors"] == true {
            assert!(report.found.is_empty(), "{name}, {how}: {:?}", report.found);
            compared += 1;
        }
    }
    compared
}

#[test]
fn published_histories_are_judged_as_published_whole_and_streamed() {
    let Some(path) = std::env::var_os("SQUALL_CASES") else {
        println!("SQUALL_CASES names no file: nothing is compared");
        return;
    };
    let text = std::fs::read_to_string(path).expect("SQUALL_CASES names a file");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let cases = document["cases"].as_array().expect("cases");
    let compared: usize = cases.iter().map(judge).sum();
    assert!(cases.len() >= 24 && compared >= 2 * cases.len(), "{} cases, {compared} results", cases.len());
    for case in document["extra"].as_array().into_iter().flatten() {
        // Those of queues leave out what does not matter.
        let options = Options { lenient: true, ..Options::default() };
        let mut checker = Checker::new(options);
        for op in operations(&case["history"]) {
            checker.push(op).expect("lenient");
        }
        let valid = checker.finish().queue.is_none_or(|queue| queue.queue);
        assert_eq!(json!(valid), case["expect"]["valid?"], "{}", case["name"]);
    }
    for fragment in document["fragments"].as_array().into_iter().flatten() {
        let options = Options { lenient: true, ..Options::default() };
        let ops = operations(&fragment["history"]);
        let report = squall_sim::check::history::check(ops, options).expect("lenient");
        // What proves the skip is not in the fragment.
        assert!(!report.found.contains_key(&Class::PollSkip), "{}", fragment["name"]);
    }
    println!("{} cases, {compared} results compared", cases.len());
}
