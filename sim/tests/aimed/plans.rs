//! Plans that people write: what a file says, and what is no plan.

use expect_test::{Expect, expect};
use squall_sim::fault::When;
use squall_sim::plan::Plan;
use squall_sim::plan::written::{self, Beside};
use squall_sim::run::run;
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;

use crate::desk::desk;

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
    assert_eq!((faults, record.skipped), (vec![("aimed", 2), ("drop-message", 1), ("isolate", 1), ("pause", 1)], 0));
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
    refused("storm = \"2s\"\nseed = ", expect![[""]]);
    refused("seed = 1\nstrom = \"2s\"\n", expect![[""]]);
    refused("scenario = \"quorum\"\n", expect![[""]]);
    refused("storm = \"2 minutes\"\n", expect![[""]]);
    refused("storm = \"2us\"\n", expect![[""]]);
    refused("\nquirks = [\"forgets\"]\n", expect![[""]]);
    refused("[settings]\nnet.latncy = 4\n", expect![[""]]);
    refused("faults = 3\n", expect![[""]]);
    refused("operations = [\n  { at = \"1s\", client = 0 },\n]\n", expect![[""]]);
}

#[test]
fn an_impossible_fault_is_refused_with_its_line() {
    let fault = |text: &str, expected: Expect| {
        refused(&format!("faults = [\n  {{ at = \"1ms\", fault = \"restart\", whom = \"clerk\" }},\n{text}\n]\n"), expected);
    };
    fault(r#"{ at = "1ms", fault = "crsh", whom = "clerk" }"#, expect![[""]]);
    fault(r#"{ at = "1ms", fault = "crash", whom = "clark" }"#, expect![[""]]);
    fault(r#"{ at = "1ms", fault = "crash", whom = "node 2" }"#, expect![[""]]);
    fault("{ at = \"1ms\",\n  fault = \"crash\", whom = \"clerk\",\n  why = 3 }", expect![[""]]);
    fault(r#"{ at = "soon", fault = "crash", whom = "clerk" }"#, expect![[""]]);
    fault(r#"{ at = "12s", fault = "crash", whom = "clerk" }"#, expect![[""]]);
    fault(r#"{ fault = "crash", whom = "clerk" }"#, expect![[""]]);
    fault(r#"{ at = "1ms", fault = "drop-message", message = "anser" }"#, expect![[""]]);
    fault(r#"{ at = "1ms", fault = "drop-message", message = "answer", count = 0 }"#, expect![[""]]);
    fault(r#"{ at = "1ms", fault = "split-halves", left = [0], right = [7] }"#, expect![[""]]);
}

#[test]
fn an_impossible_trigger_is_refused_with_its_line() {
    let when = |text: &str, expected: Expect| {
        refused(&format!("faults = [\n{{ fault = \"crash\", whom = \"clerk\",\n when = {{ {text} }} }} ]\n"), expected);
    };
    when(r#"fact = "question token""#, expect![[""]]);
    when(r#"fact = "leader elected""#, expect![[""]]);
    when(r#"sent = "question taken""#, expect![[""]]);
    when(r#"fact = "question taken", where = { epoch = 4 }"#, expect![[""]]);
    when(r#"fact = "question taken", nth = 0"#, expect![[""]]);
    when(r#"fact = "question taken", nth = -1"#, expect![[""]]);
    when(r#"fact = "question taken", by = "node 9""#, expect![[""]]);
    when(r#"taken = "question", to = "boss""#, expect![[""]]);
    when(r#"taken = "question", by = "clerk""#, expect![[""]]);
    when(r#"fact = "question taken", after = "1h""#, expect![[""]]);
    when(r#"fact = "question taken", after = "11s""#, expect![[""]]);
    when(r#"nth = 2"#, expect![[""]]);
}
