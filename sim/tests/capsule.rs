//! Capsules that are none: each is refused in one line that names the file and the place.

use crate::common::{node, overheard, planned, with_faults};
use expect_test::{Expect, expect};
use squall_sim::capsule::{self, Capsule};
use squall_sim::fault::Fault;
use squall_sim::run::run;
use squall_sim::settings::Settings;

fn text() -> String {
    let sim = overheard(u64::MAX);
    let plan = with_faults(sim.plan_of(7), vec![planned(100, 20, Fault::Crash { whom: node(1) })]);
    let record = run(&sim, &plan);
    let mut capsule = Capsule::new(plan, &record);
    // How many waymarks there are is not what these tests are about, and it would move every line.
    capsule.expected.trail.clear();
    // Nor how many settings there are: those that are missing are calm.
    capsule.plan.settings = Settings::default();
    for (key, value) in [("disk.sync_jitter", 7), ("net.latency", 200), ("run.max_events", 50_000_000)] {
        capsule.plan.settings.set(key, value);
    }
    capsule.to_text()
}

fn refusal(text: &str) -> String {
    let error =
        Capsule::<()>::read(&overheard(u64::MAX), "a.capsule.json", text).expect_err("it is no capsule");
    let line = error.to_string();
    assert!(!line.contains('\n'), "more than a line: {line}");
    line
}

fn refused(text: &str, expected: Expect) {
    expected.assert_eq(&refusal(text));
}

/// A good capsule with one thing changed.
fn changed(from: &str, to: &str) -> String {
    let text = text();
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1)
}

#[test]
fn what_is_no_capsule_is_refused_by_place() {
    refused("hello", expect!["a.capsule.json:1: not JSON: expected value"]);
    refused(
        "[1, 2]",
        expect!["a.capsule.json:1: not a capsule: invalid type: integer `2`, expected a string"],
    );
    refused("", expect!["a.capsule.json:1: cut short"]);
    let whole = text();
    refused(&whole[..whole.len() / 2], expect!["a.capsule.json:17: cut short"]);
    refused(&changed(r#""seed": 7,"#, ""), expect!["a.capsule.json:34: not a capsule: missing field `seed`"]);
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    refused(
        &changed(r#""format": 2"#, r#""format": 9"#),
        expect!["a.capsule.json:2: format 9 is newer than this squall reads (2); squall 0.1.0 wrote it"],
    );
    refused(
        &changed(r#""scenario": "greeters""#, r#""scenario": "strangers""#),
        expect!["a.capsule.json:4: unknown scenario `strangers`"],
    );
    refused(
        &changed(r#""net.latency""#, r#""net.latensee""#),
        expect!["a.capsule.json:18: unknown setting `net.latensee`"],
    );
    let never = refusal(&changed(r#""run.max_events": 50000000"#, r#""run.max_events": 0"#));
    let why = ": setting `run.max_events` cannot be 0: it takes a whole number, 1 or more (count)";
    assert!(never.starts_with("a.capsule.json:") && never.ends_with(why), "{never}");
    let crush = changed(r#""fault": "crash""#, r#""fault": "crush""#);
    let why = refusal(&crush);
    assert!(why.contains(": not a capsule: unknown variant `crush`, expected one of `loss`"), "{why}");
    refused(
        &changed(r#""at": "100ms""#, r#""at": "100 parsecs""#),
        expect![
            "a.capsule.json:24: not a capsule: `100 parsecs` is not a time such as 12.5s, 300ms, 7us or 20ns"
        ],
    );
    refused(
        &changed(r#""whom": "node 1""#, r#""whom": "node one""#),
        expect!["a.capsule.json:28: not a capsule: `node one` names no node"],
    );
    refused(
        &changed(r#""quirks": []"#, r#""quirks": ["forgets"]"#),
        expect!["a.capsule.json:32: unknown quirk `forgets`"],
    );
    refused(
        &changed(r#""plan": {"#, r#""plan": { "wishes": 3,"#),
        expect![
            "a.capsule.json:13: not a capsule: unknown field `wishes`, expected one of `scenario`, `seed`, `settings`, `operations`, `faults`, `storm`, `calm`, `quirks`"
        ],
    );
}

#[test]
fn every_way_of_cutting_a_capsule_short_is_refused() {
    let whole = text();
    let end = whole.trim_end().len();
    for cut in 0..end {
        assert!(Capsule::<()>::read(&overheard(u64::MAX), "a", &whole[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn an_impossible_trigger_is_refused_by_place() {
    let when = |trigger: &str| changed(r#""at": "100ms","#, &format!(r#""when": {trigger},"#));
    let line = |trigger: &str| {
        let error = Capsule::<()>::read(&overheard(u64::MAX), "a", &when(trigger)).unwrap_err();
        assert!(error.line.is_some(), "{error}");
        error.problem.to_string()
    };
    expect!["no fact is called `elected` (`squall list facts` names them all)"]
        .assert_eq(&line(r#"{"fact": "elected"}"#));
    expect!["`message` has no field `colour`: it has content"]
        .assert_eq(&line(r#"{"sent": "message", "where": {"colour": "red"}}"#));
    expect!["not a capsule: `nth` counts from 1"].assert_eq(&line(r#"{"fact": "fact", "nth": 0}"#));
    assert!(Capsule::<()>::read(&overheard(u64::MAX), "a", &when(r#"{"fact": "fact"}"#)).is_ok());
}

#[test]
fn a_capsule_of_the_first_format_is_still_read() {
    let first = changed(r#""format": 2"#, r#""format": 1"#);
    let plan = Capsule::<()>::read(&overheard(u64::MAX), "a", &first).unwrap().plan;
    assert_eq!(plan.faults, [planned(100, 20, Fault::Crash { whom: node(1) })]);
}

#[test]
fn an_older_capsule_without_a_newer_setting_gets_its_calm_value() {
    let whole = text();
    let line = whole.lines().find(|line| line.contains("disk.sync_jitter")).unwrap();
    let older = whole.replace(&format!("{line}\n"), "");
    let capsule = Capsule::<()>::read(&overheard(u64::MAX), "a", &older).unwrap();
    assert_eq!(capsule.plan.settings.get("disk.sync_jitter"), 500);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = capsule::load("no/such.capsule.json".as_ref()).unwrap_err();
    assert!(error.to_string().starts_with("no/such.capsule.json: cannot be read: "), "{error}");
}

#[test]
fn a_failed_write_leaves_the_old_file_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.capsule.json");
    capsule::write(&path, "first").unwrap();
    capsule::write(&path, "second").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "second");
    // A directory cannot be replaced by a file.
    let taken = directory.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    assert!(capsule::write(&taken, "third").is_err());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
}
