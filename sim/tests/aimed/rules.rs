//! Messages that a fault singles out: lost, late, doubled.

use squall_core::ids::NodeId;
use squall_core::time::Span;
use squall_sim::fault::{Fault, PlannedFault, Trigger, Whom};
use squall_sim::run::verify;

use super::desk::{ASKER, CLERK, MS, Told, desk, fact_of, pause, plan, told};

fn which(message: &str, to: NodeId, nth: u64, count: u64) -> (String, Option<Whom>, Option<Whom>, u64, u64) {
    (message.to_owned(), None, Some(Whom::Node(to)), nth, count)
}

fn dropping(message: &str, to: NodeId, nth: u64, count: u64) -> Fault {
    let (message, from, to, nth, count) = which(message, to, nth, count);
    Fault::DropMessage { message, from, to, nth, count }
}

fn all_storm(fault: Fault) -> PlannedFault {
    PlannedFault::at(0, 200 * MS, fault)
}

fn with(faults: Vec<PlannedFault>) -> Told {
    told(&plan(faults), 6)
}

#[test]
fn the_nth_message_is_lost_and_its_neighbours_are_not() {
    assert_eq!(with(vec![all_storm(dropping("answer", ASKER, 3, 1))]).heard, [1, 2, 4, 5, 6]);
    let two = with(vec![all_storm(dropping("question", CLERK, 2, 2))]);
    assert_eq!((two.heard, two.faults), (vec![1, 4, 5, 6], vec![("drop-message", 1)]));
}

#[test]
fn a_message_that_is_held_up_is_overtaken() {
    let (message, from, to, nth, count) = which("answer", ASKER, 2, 1);
    let late = Fault::DelayMessage { message, from, to, nth, count, extra: Span(25 * MS) };
    assert_eq!(with(vec![all_storm(late)]).heard, [1, 3, 4, 2, 5, 6]);
}

#[test]
fn a_message_that_is_doubled_comes_again_later() {
    let (message, from, to, nth, count) = which("answer", ASKER, 2, 1);
    let twice = Fault::DuplicateMessage { message, from, to, nth, count, extra: Span(25 * MS) };
    assert_eq!(with(vec![all_storm(twice)]).heard, [1, 2, 3, 4, 2, 5, 6]);
}

#[test]
fn a_rule_counts_from_when_it_begins_and_ends_with_its_span() {
    let trigger = Trigger { nth: 3, ..fact_of("question taken") };
    let aimed = PlannedFault::on(trigger.clone(), 200 * MS, dropping("answer", ASKER, 2, 1));
    let told = with(vec![aimed]);
    assert_eq!((told.heard, told.faults), (vec![1, 2, 3, 5, 6], vec![("aimed", 1), ("drop-message", 1)]));
    // It is over before the second answer.
    let short = with(vec![PlannedFault::on(trigger, 5 * MS, dropping("answer", ASKER, 2, 1))]);
    assert_eq!((short.heard, short.faults, short.skipped), (vec![1, 2, 3, 4, 5, 6], vec![], 1));
}

#[test]
fn a_lost_message_is_lost_also_if_another_fault_holds_it_up() {
    let (message, from, to, nth, count) = which("answer", ASKER, 2, 1);
    let late = Fault::DelayMessage { message, from, to, nth, count, extra: Span(25 * MS) };
    let told = with(vec![all_storm(dropping("answer", ASKER, 2, 1)), all_storm(late)]);
    assert_eq!((told.heard, told.skipped), (vec![1, 3, 4, 5, 6], 1));
}

#[test]
fn a_message_is_lost_also_if_it_waits_already_for_a_paused_receiver() {
    let sim = desk().set("net.latency", 0).set("net.jitter", 0);
    let mut plan = sim.plan_of(1);
    plan.faults =
        vec![all_storm(dropping("question", CLERK, 2, 1)), PlannedFault::at(15 * MS, 10 * MS, pause(CLERK))];
    let record = verify(&sim, &plan);
    assert!(record.verdict.is_pass(), "{:?}", record.verdict);
    assert_eq!(told(&plan, 6).heard, [1, 3, 4, 5, 6]);
}
