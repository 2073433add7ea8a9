//! When triggers go off, and when they do not.

use std::collections::BTreeMap;

use squall_sim::fault::{Happening, PlannedFault, Trigger, Whom};
use squall_sim::run::{Course, SpareRun, run, verify};
use squall_sim::trace::Kind;

use super::desk::{ASKER, CLERK, MS, desk, fact_of, letters, pause, plan, told};

/// When the clerk was paused, in microseconds.
fn paused_at(trigger: Trigger) -> Option<u64> {
    let told = told(&plan(vec![PlannedFault::on(trigger, MS, pause(CLERK))]), 20);
    let (at, kind) = *told.acts.first()?;
    assert_eq!((kind, told.faults), (Kind::Paused, vec![("aimed", 1), ("pause", 1)]));
    Some(at)
}

/// When the clerk took its questions and answered them, in microseconds.
fn steps() -> (Vec<u64>, Vec<u64>) {
    let (sim, plan) = (desk(), plan(Vec::new()));
    let mut course = Course::new(&sim, &plan, SpareRun::default());
    let (mut taken, mut answered) = (Vec::new(), Vec::new());
    while course.advance() {
        let moment = *course.world().moment();
        if moment.node == CLERK && !course.world().probes().is_empty() {
            let list = if moment.kind == Kind::Expired { &mut answered } else { &mut taken };
            list.push(moment.at.0 / 1_000);
        }
    }
    taken.dedup();
    answered.dedup();
    (taken, answered)
}

#[test]
fn the_nth_fact_of_a_kind_brings_its_fault_at_that_very_moment() {
    let (taken, answered) = steps();
    assert_eq!(paused_at(fact_of("question taken")), Some(taken[0]));
    assert_eq!(paused_at(Trigger { nth: 7, ..fact_of("question taken") }), Some(taken[6]));
    assert_eq!(paused_at(Trigger { nth: 2, ..fact_of("question answered") }), Some(answered[1]));
    assert_eq!(paused_at(Trigger { after: 2 * MS, ..fact_of("question taken") }), Some(taken[0] + 2_000));
}

#[test]
fn only_facts_with_the_wanted_fields_and_from_the_named_node_count() {
    let (taken, _) = steps();
    let numbered = |number: &str| Trigger {
        fields: BTreeMap::from([("number".to_owned(), number.to_owned())]),
        ..fact_of("question taken")
    };
    assert_eq!(paused_at(numbered("5")), Some(taken[4]));
    assert_eq!(paused_at(Trigger { nth: 2, ..numbered("5") }), None);
    let by = |by: Whom| Trigger::first(Happening::Fact { kind: "question taken".to_owned(), by: Some(by) });
    assert_eq!(paused_at(by(Whom::Node(ASKER))), None);
    for name in ["clerk", "whoever answers"] {
        assert_eq!(paused_at(by(Whom::Role(name.to_owned()))), Some(taken[0]), "{name}");
    }
}

#[test]
fn a_message_counts_when_it_is_sent_or_when_it_is_taken_in() {
    let (taken, answered) = steps();
    let third = |what| Trigger { nth: 3, ..Trigger::first(what) };
    assert_eq!(paused_at(third(Happening::Sent(letters("question")))), Some(30_000));
    assert_eq!(paused_at(third(Happening::Taken(letters("question")))), Some(taken[2]));
    assert_eq!(paused_at(third(Happening::Sent(letters("answer")))), Some(answered[2]));
    let mut to_nobody = letters("question");
    to_nobody.to = Some(Whom::Node(ASKER));
    assert_eq!(paused_at(third(Happening::Sent(to_nobody))), None);
}

#[test]
fn a_fault_between_a_request_and_its_answer_comes_only_while_the_answer_is_owed() {
    let (taken, _) = steps();
    let open =
        |after| Trigger { after, nth: 2, ..Trigger::first(Happening::Unanswered(letters("question"))) };
    assert_eq!(paused_at(open(0)), Some(taken[1]));
    // The clerk answers after 3 ms.
    assert_eq!(paused_at(open(2 * MS)), Some(taken[1] + 2_000));
    assert_eq!(paused_at(open(4 * MS)), None);
    // Answers are not answered at all.
    let answers = Trigger::first(Happening::Unanswered(letters("answer")));
    assert!(paused_at(Trigger { after: MS, ..answers }).is_some());
}

#[test]
fn a_restarted_clerk_owes_no_answers() {
    let crash = |at| {
        let whom = Whom::Node(CLERK);
        PlannedFault::at(at, MS, squall_sim::fault::Fault::Crash { whom })
    };
    let (taken, _) = steps();
    let open = Trigger { after: 5 * MS, ..Trigger::first(Happening::Unanswered(letters("question"))) };
    // It crashes 1 ms after it took the first question, and is back when that would be due.
    let faults = vec![PlannedFault::on(open, MS, pause(CLERK)), crash(taken[0] * 1_000 + MS)];
    let told = told(&plan(faults), 20);
    assert_eq!((told.faults, told.skipped), (vec![("crash", 1)], 1));
}

#[test]
fn what_never_happens_leaves_its_fault_out_and_the_run_as_it_was() {
    let quiet = run(&desk(), &plan(Vec::new()));
    let mut never =
        vec![PlannedFault::on(Trigger { nth: 1_000, ..fact_of("question taken") }, MS, pause(CLERK))];
    for what in [
        Happening::Sent(letters("question")),
        Happening::Taken(letters("answer")),
        Happening::Unanswered(letters("question")),
    ] {
        let trigger = Trigger { nth: 1_000, ..Trigger::first(what) };
        never.push(PlannedFault::on(trigger, MS, pause(CLERK)));
    }
    let record = run(&desk(), &plan(never));
    assert_eq!((record.fingerprint, record.skipped), (quiet.fingerprint, 4));
}

#[test]
fn nothing_is_aimed_at_the_calm() {
    // The last question of the storm is taken after it ended, and in the calm many more are.
    let trigger = Trigger { nth: 20, ..fact_of("question taken") };
    assert_eq!(paused_at(trigger), None);
    let late = Trigger { after: 150 * MS, nth: 10, ..fact_of("question taken") };
    assert_eq!(told(&plan(vec![PlannedFault::on(late, MS, pause(CLERK))]), 9).acts, []);
}

#[test]
fn a_trigger_goes_off_once_and_may_bring_on_another() {
    let crash = squall_sim::fault::Fault::Restart { whom: Whom::Role("clerk".to_owned()) };
    let first = PlannedFault::on(Trigger { nth: 3, ..fact_of("question taken") }, 0, crash);
    let second = PlannedFault::on(Trigger { nth: 4, ..fact_of("question taken") }, MS, pause(ASKER));
    let kinds: Vec<_> = told(&plan(vec![first, second]), 20).acts.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, [Kind::Crashed, Kind::Started, Kind::Paused, Kind::Resumed]);
}

#[test]
fn a_run_with_aims_agrees_with_itself_and_with_its_fork() {
    let sim = desk();
    let open =
        Trigger { after: 2 * MS, nth: 4, ..Trigger::first(Happening::Unanswered(letters("question"))) };
    let plan = plan(vec![
        PlannedFault::on(open, 5 * MS, pause(CLERK)),
        PlannedFault::on(Trigger { nth: 9, ..fact_of("question answered") }, 5 * MS, pause(ASKER)),
    ]);
    let record = verify(&sim, &plan);
    assert!(record.verdict.is_pass(), "{:?}", record.verdict);
    assert_eq!(record.faults.get("aimed"), Some(&2));
    let mut course = Course::new(&sim, &plan, SpareRun::default());
    for _ in 0..14 {
        assert!(course.advance());
    }
    let mut fork = course.clone();
    while course.advance() {}
    while fork.advance() {}
    assert_eq!(course.world().fingerprint(), fork.world().fingerprint());
    assert_eq!(course.world().fingerprint(), record.fingerprint);
}
