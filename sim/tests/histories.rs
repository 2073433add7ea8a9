//! The history checks: a case each way for every class, and properties over random histories.
//!
//! `histories/cases.txt` holds the cases, each with everything that was found in it. A title names the class that
//! must be among that, or with `not` must not be.

#[path = "histories/notation.rs"]
mod notation;
#[path = "histories/oracle.rs"]
mod oracle;
#[path = "histories/papers.rs"]
mod papers;
#[path = "histories/random.rs"]
mod random;

use std::collections::BTreeSet;

use expect_test::expect_file;
use serde_json::Value;
use squall_sim::check::history::{Checker, Class, Options, Report, check};
use squall_sim::history::op::Op;

use oracle::Oracle;

/// Judged operation by operation; what is known on the way is never taken back.
fn streamed(ops: &[Op], options: &Options) -> Report {
    let mut checker = Checker::new(options.clone());
    for op in ops {
        checker.push(op.clone()).expect("it was taken as a whole");
        let (known, so_far) = (checker.known().clone(), checker.clone().finish());
        assert!(known.iter().all(|class| so_far.found.contains_key(class)), "{known:?}");
    }
    let (known, report) = (checker.known().clone(), checker.finish());
    assert!(known.iter().all(|class| report.found.contains_key(class)), "{known:?} was taken back");
    report
}

/// What the oracle has an opinion on, in an order of its own.
fn of_log(report: &Report) -> oracle::Records {
    let mut all = oracle::Records::new();
    for (class, found) in &report.found {
        let mut records: Vec<Value> = found.first.iter().map(|anomaly| anomaly.json()).collect();
        // Any reader of the highest value will do.
        for record in &mut records {
            record.as_object_mut().expect("an object").remove("max-read");
        }
        all.insert(class.name(), records);
    }
    all.retain(|class, _| !class.contains("G0") && !class.contains("G1c") && !class.ends_with("exists"));
    all.retain(|class, _| !class.starts_with("queue-") && *class != "empty-transaction-graph");
    let of_groups = ["owned-twice", "commit-went-back", "commit-lost", "commit-unread", "consumed-twice"];
    all.retain(|class, _| !of_groups.contains(class));
    settle(all)
}

fn settle(mut records: oracle::Records) -> oracle::Records {
    records.values_mut().for_each(|records| records.sort_by_key(Value::to_string));
    records
}

/// Judged both ways and by the rules as they are written down: all the same.
fn judged(ops: &[Op], options: &Options) -> Report {
    let whole = check(ops.iter().cloned(), options.clone()).expect("it can be");
    let streamed = streamed(ops, options);
    assert_eq!(whole.json(), streamed.json());
    agrees(ops, options, &whole);
    whole
}

fn agrees(ops: &[Op], options: &Options, report: &Report) {
    let oracle = Oracle::new(ops, options.ww_deps);
    assert_eq!(of_log(report), settle(oracle.records()));
    let found = |class: Class| report.found.contains_key(&class);
    let by = |edges: &[&str]| oracle.cyclic(edges);
    assert_eq!(found(Class::G0), by(&["ww"]));
    // What implies another one stands for it, in its component.
    if !found(Class::G0) {
        assert_eq!(found(Class::G1c), by(&["ww", "wr"]));
        assert_eq!(found(Class::G0Realtime), by(&["ww", "realtime"]));
    }
    let any = [Class::G0, Class::G1c, Class::G0Realtime, Class::G1cRealtime].map(found).contains(&true);
    assert_eq!(any, by(&["ww", "wr", "realtime"]));
    let edges = oracle.edges();
    for anomaly in report.found.values().flat_map(|found| &found.first) {
        let record = anomaly.json();
        let (Some(cycle), Some(steps)) = (record["cycle"].as_array(), record["steps"].as_array()) else {
            continue;
        };
        assert_eq!(cycle.len(), steps.len() + 1);
        assert_eq!(cycle.first(), cycle.last());
        for (pair, step) in cycle.windows(2).zip(steps) {
            let index = |at: &Value| at.as_u64().expect("an index");
            let why = step["type"].as_str().expect("a reason");
            let edge =
                edges.iter().find(|edge| (edge.0, edge.1, edge.2) == (index(&pair[0]), index(&pair[1]), why));
            assert!(edge.is_some(), "{record} has a step that is no edge");
        }
    }
}

fn told(report: &Report) -> String {
    let mut text = format!("{}\n", report.verdict.name());
    for (class, found) in &report.found {
        let allowed = if report.allowed.contains(class) { " (allowed)" } else { "" };
        for anomaly in &found.first {
            text.push_str(&format!("{class}{allowed} {}\n", anomaly.json()));
        }
    }
    text
}

#[test]
fn each_class_is_reported_where_it_is_and_nowhere_else() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/histories/cases.txt");
    let text = std::fs::read_to_string(path).expect("it lies beside this file");
    let (mut written, mut shown) = (String::new(), BTreeSet::new());
    for case in text.split("# ").skip(1) {
        let (title, rest) = case.split_once('\n').expect("a title");
        let (lines, _) = rest.split_once("----\n").expect("a line of dashes");
        let options = Options { ww_deps: title.contains("(ww-deps)"), ..Options::default() };
        let report = judged(&notation::operations(lines), &options);
        let (name, _) = title.split_once(':').expect("a class");
        let (name, expected) = name.strip_prefix("not ").map_or((name, true), |name| (name, false));
        let class = Class::named(name).expect(title);
        assert_eq!(report.found.contains_key(&class), expected, "{title}\n{}", told(&report));
        shown.insert((class, expected));
        written.push_str(&format!("# {title}\n{lines}----\n{}\n", told(&report)));
    }
    for class in Class::ALL {
        assert!(shown.contains(&(class, true)), "no case shows {class}");
        assert!(shown.contains(&(class, false)), "no case shows where {class} must not be found");
    }
    expect_file![path].assert_eq(&written);
}

#[test]
fn what_no_history_can_hold_is_refused_and_changes_nothing() {
    let cases = [
        ("0 begin send +x:a\n0 begin poll ?", "has not ended"),
        ("0 begin send +x:a\n0 ok poll ?", "began as send"),
        ("0 begin send +x:a\n0 ok send +y:a@0", "began with x"),
        ("0 begin send +x:a\n0 ok send +x:b@0", "began with a"),
        ("0 begin send +x:a\n0 ok send +x:a@0 +x:b@1", "2 parts"),
        ("0 begin poll +x:a", "nothing else"),
        ("0 ok send +x:a@0\n1 begin send +x:a", "must be unique"),
    ];
    for (lines, why) in cases {
        let mut ops = notation::operations(lines);
        let last = ops.pop().expect("some");
        let mut checker = Checker::new(Options::default());
        ops.iter().for_each(|op| checker.push(op.clone()).expect("possible"));
        let before = checker.clone().finish().json();
        let refused = checker.push(last.clone()).expect_err(lines).to_string();
        assert!(refused.contains(why), "{lines}: {refused}");
        assert_eq!(checker.clone().finish().json(), before);
        let mut lenient = Checker::new(Options { lenient: true, ..Options::default() });
        ops.into_iter().chain([last]).for_each(|op| lenient.push(op).expect("lenient"));
        assert_eq!(lenient.finish().impossible, 1, "{lines}");
    }
}

#[test]
fn time_and_numbers_never_go_back() {
    let ops = notation::operations("0 ok send +x:a@0\n1 ok poll ?x:a@0");
    for spoil in [|op: &mut Op| op.time = Some(0), |op: &mut Op| op.index = Some(0)] {
        let mut ops = ops.clone();
        spoil(ops.last_mut().expect("some"));
        assert!(check(ops, Options::default()).is_err());
    }
}

#[test]
fn a_value_sent_twice_leaves_a_good_history_unknown_not_valid() {
    let ops = notation::operations("0 ok send +x:a@0\n1 ok send +x:a@0\n2 ok poll ?x:a@0");
    let report = check(ops, Options { lenient: true, ..Options::default() }).expect("lenient");
    assert_eq!(report.verdict.name(), "unknown");
}

#[test]
fn configurations_allow_what_they_make_normal() {
    let skips = "0 ok send +x:a@0 +x:b@1 +x:c@2\n1 ok poll ?x:a@0\n1 ok poll ?x:c@2\n2 ok poll ?x:b@1";
    let ring = "0 begin txn +x:a ?\n1 begin txn +y:b ?\n0 ok txn +x:a@0 ?y:b@0\n1 ok txn +y:b@0 ?x:a@0";
    let lost = "0 ok send +x:a@0 +x:b@1\n1 ok poll ?x:b@1";
    let verdict = |lines, options| check(notation::operations(lines), options).expect(lines).verdict.name();
    let plain = Options::default;
    assert_eq!([skips, ring, lost].map(|lines| verdict(lines, plain())), ["invalid"; 3]);
    let subscribe = || Options { subscribe: true, ..plain() };
    assert_eq!([skips, ring, lost].map(|lines| verdict(lines, subscribe())), ["valid", "invalid", "invalid"]);
    let ww_deps = || Options { ww_deps: true, ..plain() };
    assert_eq!([skips, ring, lost].map(|lines| verdict(lines, ww_deps())), ["invalid", "valid", "invalid"]);
    let allow = || Options { allow: [Class::LostWrite, Class::Unseen].into(), ..plain() };
    assert_eq!(verdict(lost, allow()), "valid");
}

#[test]
fn staleness_and_repeated_consumption_are_measured_and_never_an_error() {
    let lines = "0 ok subscribe x\n1 ok send +x:a@0 +x:b@1\n0 ok poll ?x:a@0\n0 ok poll ?\n0 ok poll ?x:b@1\n\
                 0 ok subscribe x\n0 ok poll ?x:a@0,b@1\n2 info send +x:c !timeout";
    let report =
        check(notation::operations(lines), Options { subscribe: true, ..Options::default() }).expect(lines);
    assert_eq!(report.verdict.name(), "valid");
    // b was acknowledged at 10; the poll that began at 35 returned nothing, as did the one before it.
    assert_eq!((report.worst_lag.time, report.worst_lag.lag), (25, 15));
    let consumed: Vec<_> = report.consumed.iter().map(|consumed| (&*consumed.key, consumed.count)).collect();
    assert_eq!(consumed, [("x", 2), ("x", 2)]);
    assert_eq!(report.info_causes, ["timeout"]);
}

#[test]
fn all_anomalies_are_counted_and_the_first_are_kept() {
    let lines: String = (0..50).map(|n| format!("0 fail send +x:{n}\n1 ok poll ?x:{n}@{n}\n")).collect();
    let options = Options { keep: 3, ..Options::default() };
    let report = check(notation::operations(&lines), options).expect("it can be");
    let found = &report.found[&Class::G1a];
    assert_eq!((found.count, found.first.len()), (50, 3));
    // Only those that what is kept names are told.
    assert_eq!(report.operations.len(), 6);
}
