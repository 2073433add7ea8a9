//! The command as a person or a program meets it: exit status, documents, and nothing half-written.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

fn squall(directory: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.current_dir(directory).args(words);
    command.output().expect("the command was built for this test")
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("stdout holds one JSON document and nothing else")
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_clean_campaign_ends_with_zero_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().expect("a directory");
    let output = squall(home.path(), &["campaign", "quorum", "--seeds", "0..4", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let document = document(&output);
    let keys = [
        "verdict",
        "scenarios",
        "seeds",
        "events",
        "virtual_seconds",
        "wall_seconds",
        "faults",
        "exercised",
        "permitted",
        "compared",
        "findings",
    ];
    for key in keys {
        assert!(document.get(key).is_some(), "the document has no {key}");
    }
    assert_eq!(document["verdict"], "pass");
    assert_eq!(document["seeds"]["run"], 4);
    assert_eq!(names(home.path()), Vec::<String>::new());
}

#[test]
fn a_finding_ends_with_one_and_its_capsule_replays_bit_for_bit() {
    let home = tempfile::tempdir().expect("a directory");
    let words = ["campaign", "replicated-log", "--seeds", "0..30", "--quirk", "trunc-to-hw", "--json"];
    let output = squall(home.path(), &words);
    assert_eq!(output.status.code(), Some(1));
    let found = document(&output)["findings"][0].clone();
    for key in ["scenario", "seed", "verdict", "invariant", "message", "capsule", "fingerprint"] {
        assert!(found.get(key).is_some(), "the finding has no {key}");
    }
    let capsule = found["capsule"].as_str().expect("a path");
    let replay = squall(home.path(), &["replay", capsule, "--json"]);
    assert_eq!(replay.status.code(), Some(1), "the failure is still there");
    assert_eq!(document(&replay)["findings"][0]["fingerprint"], found["fingerprint"]);
    let text = squall(home.path(), &["replay", capsule]);
    let text = String::from_utf8(text.stdout).expect("text");
    assert!(text.contains("bit for bit"), "{text}");
}

/// Whoever follows the README types the names that stand there.
#[test]
fn the_readmes_first_failing_seed_leaves_the_capsule_that_the_readme_goes_on_with() {
    let readme = include_str!("../../README.md");
    let lines = || readme.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let campaign =
        lines().find(|line| line.contains("--quirk trunc-to-hw")).expect("the README has a first seed");
    let replay = lines().find(|line| line.contains("replay out/")).expect("and replays it");
    let words = |line: &'static str| line.split(" -- ").last().unwrap_or_default().split(' ');
    let capsule = words(replay).find(|word| word.starts_with("out/")).expect("a capsule");
    let home = tempfile::tempdir().expect("a directory");
    let output = squall(home.path(), &words(campaign).chain(["--no-shrink"]).collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1));
    assert!(home.path().join(capsule).exists(), "{capsule} is not what `{campaign}` leaves");
}

#[test]
fn a_capsule_cut_anywhere_is_refused_with_one_line_that_names_it() {
    let home = tempfile::tempdir().expect("a directory");
    let whole = std::fs::read(home.path().join(failed(home.path()))).expect("a capsule");
    for part in [0, 1, whole.len() / 3, whole.len() - 3] {
        std::fs::write(home.path().join("cut.capsule.json"), &whole[..part]).expect("writable");
        let output = squall(home.path(), &["replay", "cut.capsule.json"]);
        assert_eq!(output.status.code(), Some(2), "cut to {part} bytes");
        let line = String::from_utf8(output.stderr).expect("text");
        assert!(line.contains("cut.capsule.json") && line.lines().count() == 1, "{line}");
    }
}

const PLAN: &str = r#"storm = "4s"
settings.topic.partitions = 1
faults = [
  { when = { fact = "record acknowledged", nth = 9 }, lasts = "1s", fault = "isolate", whom = "leader of 0-0" },
]
"#;

#[test]
fn a_plan_that_somebody_wrote_is_run_with_any_seed() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("plan.toml"), PLAN).expect("writable");
    for seed in ["1", "2"] {
        let words = ["run", "replicated-log", "--plan", "plan.toml", "--seed", seed, "--json"];
        let document = document(&squall(home.path(), &words));
        assert_eq!(document["verdict"], "pass");
        assert_eq!(document["faults"], serde_json::json!({"aimed": 1, "isolate-role": 1}));
        assert_eq!(document["seeds"]["from"].to_string(), seed);
    }
}

#[test]
fn a_seeds_plan_written_down_is_the_same_run() {
    let home = tempfile::tempdir().expect("a directory");
    let fingerprint = |words: &[&str]| {
        let output = squall(home.path(), words);
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().find(|line| line.starts_with("fingerprint")).expect("a fingerprint").to_owned()
    };
    let drawn = fingerprint(&["run", "quorum", "--seed", "5", "--write-plan", "five.toml"]);
    assert_eq!(fingerprint(&["run", "quorum", "--plan", "five.toml"]), drawn);
}

#[test]
fn bad_input_ends_with_two_and_one_line() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("file"), "").expect("writable");
    std::fs::write(home.path().join("bad.toml"), "[net]\nlatncy = 5\n").expect("writable");
    std::fs::write(home.path().join("plan.toml"), PLAN.replace("record acknowledged", "record adknowledged"))
        .expect("writable");
    let cases: [(&[&str], &str); 17] = [
        (&["run", "replicated-lgo"], "replicated-lgo"),
        (&["run", "quorum", "--set", "net.latncy=5"], "net.latncy"),
        (&["run", "quorum", "--set", "fault.meteor=1"], "fault.meteor"),
        (&["run", "quorum", "--settings", "bad.toml"], "bad.toml:2"),
        (&["run", "quorum", "--quirk", "no-such"], "no-such"),
        (&["run", "replicated-log", "--plan", "plan.toml"], "plan.toml:4: "),
        (&["run", "replicated-log", "--plan", "no-plan.toml"], "no-plan.toml"),
        (&["campaign", "--seeds", "9..3"], "9..3"),
        (&["campaign", "--for", "5x"], "5x"),
        (&["campaign", "--seeds", "0..1", "--out", "file/below"], "file/below"),
        (&["list", "nonsense"], "nonsense"),
        (&["run", "quorum", "--trace", "--until", "5x"], "5x"),
        (&["run", "quorum", "--trace", "--node", "broker 77"], "broker 77"),
        (&["run", "replicated-log", "--trace", "--partition", "0-99"], "0-99"),
        (&["run", "quorum", "--trace", "--partition", "0-0"], "0-0"),
        (&["run", "quorum", "--node", "0"], "--trace"),
        (&["run", "quorum", "--history", "history.txt"], "history.txt"),
    ];
    for (words, named) in cases {
        let output = squall(home.path(), words);
        let line = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{words:?}: {line}");
        assert!(line.contains(named) && line.lines().count() == 1, "{words:?}: {line}");
        assert!(output.stdout.is_empty(), "{words:?} printed a result");
    }
    assert_eq!(names(home.path()).len(), 3, "something was left behind: {:?}", names(home.path()));
}

#[test]
fn lists_have_a_name_and_a_word_about_everything() {
    let home = tempfile::tempdir().expect("a directory");
    for what in ["scenarios", "faults", "invariants", "quirks", "settings", "facts", "messages"] {
        let listed = document(&squall(home.path(), &["list", what, "--json"]));
        let items = listed.as_array().expect("an array");
        assert!(!items.is_empty(), "{what}");
        for item in items {
            assert!(item["name"].is_string() && item["about"].is_string(), "{what}: {item}");
        }
    }
}

#[test]
fn a_campaign_shrinks_each_distinct_failure_unless_it_is_told_not_to() {
    let home = tempfile::tempdir().expect("a directory");
    let words = ["campaign", "replicated-log", "--seeds", "0..30", "--quirk", "trunc-to-hw", "--json"];
    let output = squall(home.path(), &words);
    assert_eq!(output.status.code(), Some(1));
    let document = document(&output);
    let findings = document["findings"].as_array().expect("an array");
    let mut likenesses: Vec<_> = findings.iter().map(|finding| finding["likeness"].to_string()).collect();
    likenesses.dedup();
    assert_eq!(likenesses.len(), findings.len(), "two findings of one kind");
    let failures: usize =
        findings.iter().map(|finding| finding["seeds"].as_array().expect("seeds").len()).sum();
    assert_eq!(failures as u64, document["verdicts"]["violation"].as_u64().expect("a number"));
    let shrunk = &findings[0]["shrunk"];
    assert!(shrunk["faults"]["after"].as_u64() <= Some(3), "{shrunk}");
    let smaller = shrunk["capsule"].as_str().expect("a path");
    let replay = squall(home.path(), &["replay", smaller]);
    let text = String::from_utf8(replay.stdout).expect("text");
    assert!(text.contains("bit for bit"), "{text}");
}

#[test]
fn a_kip_101_truncation_shrinks_to_three_faults_at_most_and_explain_names_what_it_cut() {
    let home = tempfile::tempdir().expect("a directory");
    let capsule = failed(home.path());
    let shrink = squall(home.path(), &["shrink", capsule, "-o", "small.capsule.json", "--json"]);
    assert_eq!(shrink.status.code(), Some(0));
    let told = document(&shrink);
    for key in ["capsule", "faults", "operations", "runs", "wall_seconds"] {
        assert!(told.get(key).is_some(), "the document has no {key}");
    }
    assert!(told["faults"]["after"].as_u64() <= Some(3), "{told}");
    assert_eq!(told["finished"], true);
    let mut left = names(home.path());
    left.sort();
    assert_eq!(left, ["kept", "small.capsule.json"], "a note stayed behind");

    // Without the mistake the same plan does no harm: what was kept is the mistake's own doing.
    let text = std::fs::read_to_string(home.path().join("small.capsule.json")).expect("readable");
    let mut healed: Value = serde_json::from_str(&text).expect("JSON");
    healed["plan"]["quirks"] = Value::Array(Vec::new());
    std::fs::write(home.path().join("healed.capsule.json"), healed.to_string()).expect("writable");
    assert_eq!(squall(home.path(), &["replay", "healed.capsule.json"]).status.code(), Some(0));

    let explain = squall(home.path(), &["explain", "small.capsule.json", "--json"]);
    assert_eq!(explain.status.code(), Some(0));
    let told = document(&explain);
    let faults = told["faults"].as_array().expect("rows");
    assert!(faults.iter().all(|row| row["needed"] == true), "{told}");
    let story = told["story"].to_string();
    for part in ["acknowledges", "leads", "cuts its log"] {
        assert!(story.contains(part), "nobody {part} in {story}");
    }
}

#[test]
fn what_cannot_be_shrunk_or_explained_is_refused_with_one_line() {
    let home = tempfile::tempdir().expect("a directory");
    let capsule = failed(home.path());
    let text = std::fs::read_to_string(home.path().join(capsule)).expect("readable");
    let mut passes: Value = serde_json::from_str(&text).expect("JSON");
    passes["plan"]["quirks"] = Value::Array(Vec::new());
    std::fs::write(home.path().join("passes.capsule.json"), passes.to_string()).expect("writable");
    std::fs::write(home.path().join("cut.capsule.json"), &text[..text.len() / 2]).expect("writable");
    for command in ["shrink", "explain"] {
        for (file, named) in [
            ("passes.capsule.json", "passes.capsule.json"),
            ("cut.capsule.json", "cut.capsule.json"),
            ("none.capsule.json", "none.capsule.json"),
        ] {
            let output = squall(home.path(), &[command, file]);
            let line = String::from_utf8(output.stderr).expect("text");
            assert_eq!(output.status.code(), Some(2), "{command} {file}: {line}");
            assert!(line.contains(named) && line.lines().count() == 1, "{command} {file}: {line}");
            assert!(output.stdout.is_empty(), "{command} {file} printed a result");
        }
        let output = squall(home.path(), &[command, capsule, "--for", "5x"]);
        assert_eq!(output.status.code(), Some(2), "{command} took 5x for a length of time");
    }
    assert!(!home.path().join("passes.min.capsule.json").exists());
}

/// A capsule of a failure in `home`. Which seeds fail changes with the generator, so one is looked for, once.
fn failed(home: &Path) -> &'static str {
    static CAPSULE: OnceLock<Vec<u8>> = OnceLock::new();
    let capsule = CAPSULE.get_or_init(|| {
        let found = tempfile::tempdir().expect("a directory");
        let words = ["campaign", "replicated-log", "--seeds", "0..60", "--quirk", "trunc-to-hw", "--json"];
        let findings = document(&squall(found.path(), &words));
        let path = findings["findings"][0]["capsule"].as_str().expect("some seed fails");
        std::fs::read(found.path().join(path)).expect("a capsule")
    });
    std::fs::create_dir(home.join("kept")).expect("writable");
    std::fs::write(home.join("kept/a.capsule.json"), capsule).expect("writable");
    "kept/a.capsule.json"
}

fn text(output: Output) -> String {
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_trace_has_a_line_for_each_state_change_and_can_be_narrowed() {
    let home = tempfile::tempdir().expect("a directory");
    let traced = |seed: &str, more: &[&'static str]| {
        let mut words =
            vec!["run", "replicated-log", "--set", "topic.partitions=2", "--trace", "--seed", seed];
        words.extend(more);
        text(squall(home.path(), &words))
    };
    let lines = |text: &str, part: &str| text.lines().filter(|line| line.contains(part)).count();
    let parts =
        ["leader elected", "controller elected", "records appended", "high watermark moved", "begins: "];
    let full = |text: &String| parts.iter().all(|part| lines(text, part) > 0);
    let seeds = (0..10).map(|seed| seed.to_string()).map(|seed| (traced(&seed, &[]), seed));
    let (all, seed) = seeds.into_iter().find(|(all, _)| full(all)).expect("a run that has it all");
    let words = |more: &[&'static str]| traced(&seed, more);
    assert_eq!(lines(&all, "< fetch"), 0, "messages were not asked for");
    assert!(lines(&words(&["--messages"]), "< fetch") > 0);
    let one = words(&["--node", "broker 1"]);
    assert!(lines(&one, "broker 1  ") > 0 && lines(&one, "broker 0  ") == 0);
    let partition = words(&["--partition", "0"]);
    assert!(lines(&partition, " 0-0 ") > 0 && lines(&partition, " 0-1 ") == 0);
    let early = words(&["--until", "500ms"]);
    assert!(early.lines().count() < all.lines().count() && lines(&early, "controller elected") > 0);
}

#[test]
fn a_replay_stands_still_at_a_moment_and_shows_every_node() {
    let home = tempfile::tempdir().expect("a directory");
    let capsule = failed(home.path());
    let early = squall(home.path(), &["replay", capsule, "--at", "0s"]);
    assert_eq!(early.status.code(), Some(0));
    assert!(text(early).contains("registering"), "a broker is not registered at once");
    let late = document(&squall(home.path(), &["replay", capsule, "--at", "1000s", "--json"]));
    assert_eq!(late["ended"], "violation");
    let nodes = late["nodes"].as_array().expect("a list");
    let knows = |node: &Value| {
        let state = node["state"].as_array().expect("a list of pairs");
        state.iter().any(|own| own[0] == "high watermark")
    };
    assert!(nodes.iter().any(|node| node["name"] == "broker 0"), "{nodes:?}");
    assert!(nodes.iter().any(knows), "whoever cut its log has one: {nodes:?}");
    let bad = squall(home.path(), &["replay", capsule, "--at", "noon"]);
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn a_capsule_of_other_code_says_at_which_event_it_departs_and_whether_it_still_fails() {
    let home = tempfile::tempdir().expect("a directory");
    let capsule = failed(home.path());
    let path = home.path().join(capsule);
    let whole = std::fs::read_to_string(&path).expect("a capsule");
    assert!(whole.len() < 300_000, "{} bytes", whole.len());
    // As if the mistake had been corrected since: the plan is the same, the code is not.
    let mut changed: Value = serde_json::from_str(&whole).expect("JSON");
    changed["plan"]["quirks"] = Value::Array(Vec::new());
    std::fs::write(&path, changed.to_string()).expect("writable");
    let told = text(squall(home.path(), &["replay", capsule]));
    assert!(told.contains("first difference at event "), "{told}");
    assert!(told.contains("expected") && told.contains("the failure is gone"), "{told}");
    let departs = document(&squall(home.path(), &["replay", capsule, "--json"]))["departs"].clone();
    assert_eq!(departs["failure"], "gone", "{departs}");
    assert!(departs["event"].is_u64() && departs["came"].is_string(), "{departs}");
    // A capsule of format 1 has waymarks alone.
    changed["format"] = 1.into();
    changed["expected"].as_object_mut().expect("an object").remove("steps");
    std::fs::write(&path, changed.to_string()).expect("writable");
    let told = text(squall(home.path(), &["replay", capsule]));
    assert!(told.contains("first difference ") && !told.contains("first difference at"), "{told}");
    assert!(told.contains("the failure is gone"), "{told}");
}

#[test]
fn a_history_is_a_whole_file_in_either_form() {
    let home = tempfile::tempdir().expect("a directory");
    for file in ["saw.edn", "saw.json"] {
        let words = ["run", "replicated-log", "--seed", "3", "--history", file];
        assert_eq!(squall(home.path(), &words).status.code(), Some(0));
    }
    let edn = std::fs::read_to_string(home.path().join("saw.edn")).expect("written");
    let json = std::fs::read_to_string(home.path().join("saw.json")).expect("written");
    let json: Vec<Value> = serde_json::from_str(&json).expect("a list");
    assert_eq!(edn.lines().count(), json.len());
    assert!(edn.lines().all(|line| line.starts_with("{:index ")) && edn.contains(":f :assign"));
    // Of a replay too, and nothing is left beside it.
    let capsule = failed(home.path());
    squall(home.path(), &["replay", capsule, "--history", "again.edn"]);
    let mut left = names(home.path());
    left.sort();
    assert_eq!(left, ["again.edn", "kept", "saw.edn", "saw.json"]);
}

#[test]
fn beyond_the_budget_losses_are_classified_and_the_summary_tells_why() {
    let home = tempfile::tempdir().expect("a directory");
    let words = ["campaign", "--beyond-budget", "--seeds", "0..30", "--json"];
    let output = squall(home.path(), &words);
    assert_eq!(output.status.code(), Some(0));
    let permitted = document(&output)["permitted"].clone();
    assert!(permitted["record lost: faults destroyed every copy"].as_u64() > Some(0), "{permitted}");
    let told = (0..30).find_map(|seed: u32| {
        let seed = seed.to_string();
        let output = squall(home.path(), &["run", "replicated-log", "--seed", &seed, "--beyond-budget"]);
        let text = String::from_utf8(output.stdout).expect("text");
        let told = text.contains("faults destroyed every copy\n") && text.contains(": its disk was wiped");
        told.then_some(text)
    });
    let told = told.expect("a run that lost something");
    assert!(told.contains("because     written at") && told.contains(": its disk was wiped"), "{told}");
}

#[test]
fn a_history_is_judged_with_a_status_for_each_verdict_whatever_it_is_written_in() {
    let home = tempfile::tempdir().expect("a directory");
    let good = r#"{"process": 0, "type": "invoke", "f": "send", "value": [["send", "x", 1]]}
{"process": 0, "type": "ok", "f": "send", "value": [["send", "x", [0, 1]]]}
{"process": 1, "type": "invoke", "f": "poll", "value": [["poll"]]}
{"process": 1, "type": "ok", "f": "poll", "value": [["poll", {"x": [[0, 1]]}]]}
"#;
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).expect("it is written");
    write("good.json", good);
    write("unseen.json", &good.replace("{\"x\": [[0, 1]]}", "{}"));
    write("strange.json", &good.replace("[\"send\", \"x\", [0, 1]]", "[\"send\", \"y\", [0, 1]]"));
    let status = |words: &[&str]| squall(home.path(), words).status.code();
    assert_eq!(status(&["check", "good.json"]), Some(0));
    assert_eq!(status(&["check", "unseen.json"]), Some(1));
    assert_eq!(status(&["check", "unseen.json", "--allow", "unseen"]), Some(0));
    assert_eq!(status(&["check", "strange.json"]), Some(2));
    assert_eq!(status(&["check", "strange.json", "--lenient"]), Some(1));
    let told = squall(home.path(), &["check", "unseen.json", "--json"]);
    let document = document(&told);
    assert_eq!(document["verdict"], "invalid");
    assert_eq!(document["found"]["unseen"]["first"][0]["messages"]["x"][0], 1);
    assert_eq!((&document["compared"]["operations"], &document["compared"]["sends"]), (&4.into(), &1.into()));
}

#[test]
fn what_a_run_wrote_down_is_a_valid_history_of_all_its_records() {
    let home = tempfile::tempdir().expect("a directory");
    let words = [
        "run",
        "replicated-log",
        "--seed",
        "1",
        "--set",
        "log.retention=0",
        "--set",
        "log.retention_bytes=0",
    ];
    for paper in ["saw.edn", "saw.json"] {
        let output = squall(home.path(), &[&words[..], &["--history", paper]].concat());
        assert_eq!(output.status.code(), Some(0));
        let checked = squall(home.path(), &["check", paper, "--json", "--allow", "duplicate", "--subscribe"]);
        let document = document(&checked);
        assert_eq!(document["impossible"]["count"], 0, "{document}");
        assert!(document["compared"]["sends"].as_u64() > Some(10), "{document}");
        assert!(document["found"].get("phantom").is_none(), "{document}");
        assert!(document["found"].get("G1a").is_none(), "{document}");
    }
}

#[test]
fn a_curve_is_the_same_document_twice_and_leaves_a_chart() {
    let home = tempfile::tempdir().expect("a directory");
    let words = ["scale", "--sizes", "1,2", "--partitions", "2", "--set", "workload.records=200"];
    let run = |more: &[&str]| squall(home.path(), &[&words, more].concat());
    let table = run(&["--svg", "curve.svg"]);
    assert_eq!(table.status.code(), Some(0), "{}", String::from_utf8_lossy(&table.stderr));
    assert_eq!(table.stdout, run(&[]).stdout);
    let chart = std::fs::read_to_string(home.path().join("curve.svg")).expect("a chart");
    assert!(chart.starts_with("<svg ") && chart.ends_with("</svg>\n"));
    let document = document(&run(&["--json"]));
    assert_eq!(document["grown"][1]["consumers"], 2);
    assert_eq!(document["fixed"][0]["partitions"], 2);
    assert_eq!(names(home.path()), ["curve.svg"]);
}
