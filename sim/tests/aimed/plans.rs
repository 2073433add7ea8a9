//! Plans that people write: what a file says, and what is no plan.

use expect_test::{Expect, expect};
use squall_sim::fault::When;
use squall_sim::plan::Plan;
use squall_sim::plan::written::{self, Beside};
use squall_sim::run::run;
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;

use super::desk::desk;

fn read(text: &str) -> Result<Plan<()>, String> {
    let beside = Beside { seed: None, fresh: Seed(9), overrides: &Overrides::default(), quirks: &[] };
    written::read(&desk(), "my.toml", text, &beside).map_err(|error| error.to_string())
}

const PLAN: &str = r#"
seed = 3
storm = "2.5s"
settings.net.latency = 70

faults = [
  { at = "1s", lasts = "20ms", fault = "pause", whom = "clerk" },
  { when = { fact = "question taken", where = { number = 4 } }, fault = "isolate", whom = "whoever answers" },
  { when = { unanswered = "question", after = "1ms" }, fault = "drop-message", message = "answer", count = 2 },
]
"#;

#[test]
fn a_plan_says_what_it_says_and_leaves_the_rest_calm() {
    let plan = read(PLAN).unwrap();
    assert_eq!((plan.seed, plan.storm, plan.faults.len()), (3, 2_500_000_000, 3));
    assert_eq!((plan.settings.get("net.latency"), plan.settings.get("net.jitter")), (70, 300));
    assert_eq!(plan.faults[0].when, When::At(1_000_000_000));
    let record = run(&desk(), &plan);
    let faults: Vec<_> = record.faults.into_iter().collect();
    assert_eq!(
        (faults, record.skipped),
        (vec![("aimed", 2), ("drop-message", 1), ("isolate-role", 1), ("pause", 1)], 0)
    );
}

#[test]
fn a_flag_goes_over_the_file_and_a_fresh_seed_under_it() {
    let mut overrides = Overrides::default();
    overrides.set("net.latency=5", &squall_sim::knob::table(&[])).unwrap();
    let beside = Beside { seed: Some(Seed(4)), fresh: Seed(9), overrides: &overrides, quirks: &[] };
    let plan = written::read(&desk(), "my.toml", PLAN, &beside).unwrap();
    assert_eq!((plan.seed, plan.settings.get("net.latency")), (4, 5));
    assert_eq!(read("").unwrap().seed, 9);
}

#[test]
fn faults_may_stand_in_tables_of_their_own() {
    let text = "[[faults]]\nat = \"1s\"\nfault = \"restart\"\nwhom = \"node 1\"\n\n[[faults]]\n\
                fault = \"pause\"\nwhom = \"clerk\"\nlasts = \"5ms\"\n[faults.when]\nsent = \"answer\"\nnth = 2\n";
    let plan = read(text).unwrap();
    assert!(plan.faults[1].when.trigger().is_some_and(|trigger| trigger.nth == 2));
}

#[test]
fn a_seeds_plan_written_down_is_the_same_run() {
    for seed in 0..40 {
        let drawn = desk().plan_of(seed);
        let text = written::write(&desk(), &drawn);
        let again = read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(again, drawn, "{text}");
    }
}

fn refused(text: &str, expected: Expect) {
    expected.assert_eq(&read(text).expect_err("it is no plan"));
}

#[test]
fn what_is_no_plan_is_refused_with_its_line() {
    refused(
        "storm = \"2s\"\nseed = ",
        expect!["my.toml:2: not TOML: string values must be quoted, expected literal string"],
    );
    refused(
        "seed = 1\nstrom = \"2s\"\n",
        expect![
            "my.toml:2: unknown key `strom`: a plan has scenario, seed, storm, calm, quirks, settings, operations and faults"
        ],
    );
    refused("scenario = \"quorum\"\n", expect!["my.toml:1: this is a plan for `quorum`, not for `desk`"]);
    refused(
        "storm = \"2 minutes\"\n",
        expect!["my.toml:1: `2 minutes` is not a time such as 12.5s, 300ms, 7us or 20ns"],
    );
    refused("storm = \"2us\"\n", expect!["my.toml:1: `2us` is not a whole number of milliseconds"]);
    refused(
        "\nquirks = [\"forgets\"]\n",
        expect!["my.toml:2: unknown quirk `forgets`: `squall list quirks` names them all"],
    );
    refused(
        "[settings]\nnet.latncy = 4\n",
        expect!["my.toml:2: unknown setting `net.latncy` (did you mean `net.latency`?)"],
    );
    refused("faults = 3\n", expect!["my.toml:1: `faults` is a list"]);
    refused("operations = [\n  { at = \"1s\", client = 0 },\n]\n", expect!["my.toml:2: missing field `op`"]);
}

#[test]
fn an_impossible_fault_is_refused_with_its_line() {
    let fault = |text: &str, expected: Expect| {
        refused(
            &format!("faults = [\n  {{ at = \"1ms\", fault = \"restart\", whom = \"clerk\" }},\n{text}\n]\n"),
            expected,
        );
    };
    fault(
        r#"{ at = "1ms", fault = "crash", whom = "clark" }"#,
        expect!["my.toml:3: nobody is called `clark` (did you mean `clerk`?)"],
    );
    fault(
        r#"{ at = "1ms", fault = "crash", whom = "node 2" }"#,
        expect!["my.toml:3: there is no node 2: the last one is node 1"],
    );
    fault(
        "{ at = \"1ms\",\n  fault = \"crash\", whom = \"clerk\",\n  why = 3 }",
        expect!["my.toml:5: unknown field `why`, expected `whom`"],
    );
    fault(
        r#"{ at = "soon", fault = "crash", whom = "clerk" }"#,
        expect!["my.toml:3: `soon` is not a time such as 12.5s, 300ms, 7us or 20ns"],
    );
    fault(
        r#"{ at = "12s", fault = "crash", whom = "clerk" }"#,
        expect!["my.toml:3: `at` is 12s, but the storm is over after 10s"],
    );
    fault(
        r#"{ fault = "crash", whom = "clerk" }"#,
        expect!["my.toml:3: a fault has either a time, `at`, or a trigger, `when`"],
    );
    fault(
        r#"{ at = "1ms", fault = "drop-message", message = "anser" }"#,
        expect!["my.toml:3: no message is called `anser` (did you mean `answer`?)"],
    );
    fault(
        r#"{ at = "1ms", fault = "drop-message", message = "answer", count = 0 }"#,
        expect!["my.toml:3: `count` counts from 1"],
    );
    fault(
        r#"{ at = "1ms", fault = "split-halves", left = [0], right = [7] }"#,
        expect!["my.toml:3: there is no node 7: the last one is node 1"],
    );
}

#[test]
fn an_unknown_fault_is_refused_with_its_line_and_all_that_there_are() {
    let error = read("faults = [\n\n{ at = \"1ms\", fault = \"crsh\", whom = \"clerk\" } ]").unwrap_err();
    assert!(error.starts_with("my.toml:3: unknown variant `crsh`, expected one of `loss`, "), "{error}");
}

#[test]
fn an_impossible_trigger_is_refused_with_its_line() {
    let when = |text: &str, expected: Expect| {
        refused(
            &format!("faults = [\n{{ fault = \"crash\", whom = \"clerk\",\n when = {{ {text} }} }} ]\n"),
            expected,
        );
    };
    when(
        r#"fact = "question token""#,
        expect!["my.toml:3: no fact is called `question token` (did you mean `question taken`?)"],
    );
    when(
        r#"fact = "leader elected""#,
        expect!["my.toml:3: no fact is called `leader elected` (`squall list facts` names them all)"],
    );
    when(
        r#"sent = "question taken""#,
        expect!["my.toml:3: no message is called `question taken` (`squall list messages` names them all)"],
    );
    when(
        r#"fact = "question taken", where = { epoch = 4 }"#,
        expect!["my.toml:3: `question taken` has no field `epoch`: it has number"],
    );
    when(r#"fact = "question taken", nth = 0"#, expect!["my.toml:3: `nth` counts from 1"]);
    when(
        r#"fact = "question taken", nth = -1"#,
        expect!["my.toml:3: invalid value: integer `-1`, expected u64"],
    );
    when(
        r#"fact = "question taken", by = "node 9""#,
        expect!["my.toml:3: there is no node 9: the last one is node 1"],
    );
    when(
        r#"taken = "question", to = "boss""#,
        expect!["my.toml:3: nobody is called `boss` (there are asker, clerk, whoever answers)"],
    );
    when(
        r#"taken = "question", by = "clerk""#,
        expect!["my.toml:3: a message has no `by`: say `from` and `to`"],
    );
    when(
        r#"fact = "question taken", after = "1h""#,
        expect!["my.toml:3: `1h` is not a time such as 12.5s, 300ms, 7us or 20ns"],
    );
    when(
        r#"fact = "question taken", after = "11s""#,
        expect!["my.toml:3: `after` is 11s, but the storm is over after 10s"],
    );
    when(r#"nth = 2"#, expect!["my.toml:3: `when` says one of `fact`, `sent`, `taken` and `unanswered`"]);
}
