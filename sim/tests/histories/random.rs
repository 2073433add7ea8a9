//! Properties over random histories: streamed, whole and by the rules as written, all agree.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use squall_sim::check::history::Class;
use squall_sim::check::history::Options;
use squall_sim::history::op::Op;

use super::{judged, notation};

/// What a client does next: what, which key, how it ends, where things lie.
type Move = (u8, u8, u8, u8, u8);

/// A history in words. Values are sent once; offsets and reads are mostly right.
pub(crate) fn words(moves: &[Move]) -> String {
    let mut lines: Vec<String> = Vec::new();
    // By key: what was sent, and where the log ends.
    let mut sent: [Vec<String>; 2] = [Vec::new(), Vec::new()];
    let mut value = 0;
    let ends = ["ok", "ok", "ok", "info", "fail"];
    for (what, key, end, at, slip) in moves {
        let (process, key) = (what % 3, usize::from(key % 2));
        let name = ["x", "y"][key];
        let end = ends[usize::from(end % 5)];
        let mut send = |slip: u8| {
            value += 1;
            let offset = sent[key].len() as u64 + u64::from(slip.is_multiple_of(4));
            sent[key].push(value.to_string());
            match slip % 5 {
                0 => format!("+{name}:{value}"),
                1 => format!("+{name}:{value}@{}", at % 6),
                _ => format!("+{name}:{value}@{offset}"),
            }
        };
        let line = match what / 3 % 6 {
            0 | 1 => format!(
                "{process} {end} send {} {}",
                send(*slip),
                if at % 2 == 0 { send(slip / 5) } else { String::new() }
            ),
            2 => format!("{process} {end} assign {}", ["x", "y", "x y"][usize::from(at % 3)]),
            3 => format!("{process} {end} txn {} {}", send(*slip), poll(name, &sent[key], *at, slip / 5)),
            _ => {
                let rebalanced = if slip % 11 == 0 { format!("~{name}") } else { String::new() };
                let other = poll(name, &sent[key], at / 3, slip / 3);
                format!("{process} {end} poll {} {other} {rebalanced}", poll(name, &sent[key], *at, *slip))
            }
        };
        // Some operations are under way at once.
        if slip % 3 == 0 && !lines.iter().any(|line: &String| line.starts_with(&format!("{process} begin"))) {
            let begun = begin(&line);
            let place = lines.len() - usize::from(at % 3).min(lines.len());
            let own = lines
                .iter()
                .rposition(|line| line.starts_with(&process.to_string()))
                .map_or(0, |own| own + 1);
            lines.insert(place.max(own), begun);
        }
        lines.push(line);
        // One that is begun and not ended would be ended by the client's next.
        lines.retain(|line| !line.is_empty());
    }
    dedupe(lines).join("\n")
}

/// A begin must be followed by its own end: of each client's lines, one that is begun must be the next one's.
fn dedupe(lines: Vec<String>) -> Vec<String> {
    let process = |line: &str| line.split(' ').next().map(str::to_owned);
    let mut kept: Vec<String> = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        if line.contains(" begin ") {
            let next = lines[place + 1..].iter().find(|next| process(next) == process(line));
            if next.is_none_or(|next| begin(next) != *line) {
                continue;
            }
        }
        kept.push(line.clone());
    }
    kept
}

fn begin(line: &str) -> String {
    let mut words = line.split_whitespace();
    let (process, _) = (words.next().unwrap_or_default(), words.next());
    let asked = words.filter(|word| !word.starts_with('~')).map(|word| match word.as_bytes()[0] {
        b'?' => "?",
        b'+' => word.split('@').next().unwrap_or_default(),
        _ => word,
    });
    format!("{process} begin {}", asked.collect::<Vec<_>>().join(" "))
}

/// A poll of a few records; now and then one that is wrong, or that nobody sent.
fn poll(name: &str, sent: &[String], at: u8, slip: u8) -> String {
    if sent.is_empty() {
        return "?".to_owned();
    }
    let from = usize::from(at) % sent.len();
    let until = (from + 1 + usize::from(slip % 3)).min(sent.len());
    let mut records: Vec<String> = (from..until).map(|offset| format!("{}@{offset}", sent[offset])).collect();
    match slip % 13 {
        0 => records.reverse(),
        1 => records.push(format!("{}@{}", sent[from], from + 1)),
        2 => records.push(format!("ghost@{from}")),
        3 => records.push("nil@3".to_owned()),
        4 => _ = records.remove(0),
        _ => {}
    }
    if records.is_empty() { "?".to_owned() } else { format!("?{name}:{}", records.join(",")) }
}

pub(crate) fn histories() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(any::<Move>(), 1..24).prop_map(|moves| notation::operations(&words(&moves)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn streamed_and_whole_are_what_the_rules_say(ops in histories(), ww_deps in any::<bool>()) {
        judged(&ops, &Options { ww_deps, ..Options::default() });
    }
}

#[test]
fn random_histories_show_every_class_of_logs() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeSet<Class> = BTreeSet::new();
    for turn in 0..400 {
        let ops = histories().new_tree(&mut runner).expect("a history").current();
        let options = Options { ww_deps: turn % 2 == 0, ..Options::default() };
        seen.extend(squall_sim::check::history::check(ops, options).expect("possible").found.into_keys());
    }
    // Queues and groups are not in them.
    let missing: Vec<_> = Class::ALL
        .into_iter()
        .filter(|class| *class < Class::QueueUnexpected)
        .filter(|class| !seen.contains(class))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
