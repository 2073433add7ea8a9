//! The story: what happened to what failed, in the order in which it happened.
//!
//! Facts that are about another partition or another group than the failure are left out; faults and the failure itself
//! are told among them. Of a long story the end is told, and whatever names the record that the failure names.

use super::rows::named;
use crate::fault::text::written;
use crate::narrate::field;
use crate::record::{RunRecord, Verdict};
use crate::recording::{Fact, Limits, Recording};
use crate::run::Scenario;

/// Everything: it is not known beforehand which facts matter.
pub(super) const LIMITS: Limits = Limits { arrows: usize::MAX, facts: usize::MAX, operations: 0 };

/// How many sentences a story has at most; the last ones are told.
const SENTENCES: usize = 60;

/// How it fails, in one line.
pub(super) fn failure(verdict: &Verdict) -> String {
    match verdict.invariant() {
        Some(invariant) => format!("{invariant}: {}", verdict.message()),
        None => format!("{}: {}", verdict.name(), verdict.message()),
    }
}

/// The sentences.
pub(super) fn told<S: Scenario + ?Sized>(
    scenario: &S,
    run: &RunRecord,
    recording: &Recording,
) -> Vec<String> {
    let message = run.verdict.message();
    let subject = subject(&message, &recording.facts);
    let group = named_in(&message, field::GROUP, &recording.facts);
    let of_another =
        |fact: &Fact| group.is_some() && fact.field(field::GROUP).is_some_and(|of| Some(of) != group);
    let facts: Vec<Fact> = recording
        .facts
        .iter()
        .filter(|fact| match (fact.field(field::PARTITION), subject) {
            (Some(partition), Some(subject)) => partition == subject,
            (None, _) | (_, None) => true,
        })
        .filter(|fact| !of_another(fact))
        .cloned()
        .collect();
    // Faults come before what else happens at their time; the sort keeps that order.
    let mut lines: Vec<(u64, bool, String)> = Vec::new();
    for span in &recording.faults {
        let text = named(&span.text, &recording.lanes);
        let until = span.end_ns.filter(|end| *end > span.begin_ns);
        let until = until.map(|end| format!(", until {}", written(end))).unwrap_or_default();
        lines.push((span.begin_ns, true, format!("fault: {text}{until}")));
    }
    lines.extend(
        scenario
            .story(&facts, &recording.lanes)
            .into_iter()
            .map(|(fact, sentence)| (facts[fact].at_ns, false, sentence)),
    );
    lines.sort_by_key(|(at, ..)| *at);
    let mut sentences = shortened(&merged(lines), &records(&message));
    sentences.push(format!("At {}, the run fails: {}.", written(recording.end.at_ns), failure(&run.verdict)));
    sentences
}

/// The partition that the failure is about, if its message or the last fact names one.
fn subject<'a>(message: &str, facts: &'a [Fact]) -> Option<&'a str> {
    let last = || facts.iter().rev().find_map(|fact| fact.field(field::PARTITION));
    named_in(message, field::PARTITION, facts).or_else(last)
}

/// Whichever value of a field the message names first.
fn named_in<'a>(message: &str, name: &str, facts: &'a [Fact]) -> Option<&'a str> {
    let mut words = message.split(|c: char| !c.is_alphanumeric() && c != '-');
    words.find_map(|word| facts.iter().rev().filter_map(|fact| fact.field(name)).find(|value| *value == word))
}

/// The records, effects and transactions that a message names: a sender and a number each.
fn records(message: &str) -> Vec<&str> {
    let words = message.split(|c: char| !c.is_alphanumeric() && !"#~-".contains(c));
    words.filter(|word| word.contains('#')).collect()
}

/// The same sentence several times in a row is told once.
fn merged(lines: Vec<(u64, bool, String)>) -> Vec<(u64, bool, String)> {
    let mut merged: Vec<(u64, bool, String)> = Vec::new();
    let mut times = 1;
    for line in lines {
        match merged.last_mut() {
            Some((_, _, last)) if last.strip_suffix(&again(times)) == Some(line.2.as_str()) => {
                times += 1;
                *last = format!("{}{}", line.2, again(times));
            }
            Some(_) | None => {
                times = 1;
                merged.push(line);
            }
        }
    }
    merged
}

/// How a sentence ends that was told so often.
fn again(times: u32) -> String {
    if times == 1 { String::new() } else { format!(" ({times} times)") }
}

/// The last sentences, and every fault and whatever names one of `records`, however long ago it was.
fn shortened(lines: &[(u64, bool, String)], records: &[&str]) -> Vec<String> {
    let skip = lines.len().saturating_sub(SENTENCES);
    let named = |line: &str| records.iter().any(|record| mentions(line, record));
    let kept =
        lines.iter().enumerate().filter(|(place, (_, fault, line))| *place >= skip || *fault || named(line));
    let mut sentences: Vec<String> =
        kept.map(|(_, (at, _, line))| format!("At {}, {line}.", written(*at))).collect();
    let left_out = lines.len() - sentences.len();
    if left_out > 0 {
        sentences.insert(0, format!("Of what happened before, {left_out} things are left out."));
    }
    sentences
}

/// Whether a line names a record: 3#1 is not named by 3#12.
fn mentions(line: &str, record: &str) -> bool {
    line.match_indices(record).any(|(at, _)| {
        let goes_on = |c: char| c.is_alphanumeric() || c == '~';
        !line[..at].ends_with(goes_on) && !line[at + record.len()..].starts_with(|c: char| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(partition: &str) -> Fact {
        let fields = vec![(field::PARTITION, partition.to_owned())];
        Fact { at_ns: 0, event: 1, node: 0, kind: "moved", fields }
    }

    #[test]
    fn the_failure_is_about_the_partition_that_its_message_names() {
        let facts = [fact("0-1"), fact("0-2")];
        assert_eq!(subject("broker 1, in ISR of 0-1, cut its log", &facts), Some("0-1"));
        assert_eq!(subject("something is wrong", &facts), Some("0-2"));
        assert_eq!(subject("something is wrong with 7-7", &[]), None);
    }

    #[test]
    fn a_long_story_is_told_from_its_end_but_with_every_fault() {
        let lines = |n: u64| (n, n == 3, format!("sentence {n}"));
        let told = shortened(&(0..100).map(lines).collect::<Vec<_>>(), &[]);
        assert_eq!(told[0], "Of what happened before, 39 things are left out.");
        assert_eq!(told[1], "At 3ns, sentence 3.");
        assert_eq!(told.len(), SENTENCES + 2);
    }

    #[test]
    fn what_names_the_record_that_the_failure_names_is_told_however_long_ago_it_was() {
        let message = "effect 13~c6#7 of transaction 13~c6#6 is not read in the end";
        assert_eq!(records(message), ["13~c6#7", "13~c6#6"]);
        let line = |n: u64| match n {
            4 => "a reader reads 13~c6#7 in vain".to_owned(),
            5 => "a reader reads 13~c6#71 and 3#7".to_owned(),
            _ => format!("sentence {n}"),
        };
        let told = shortened(&(0..100).map(|n| (n, false, line(n))).collect::<Vec<_>>(), &records(message));
        assert_eq!(told[1], "At 4ns, a reader reads 13~c6#7 in vain.");
        assert_eq!(told.len(), SENTENCES + 2);
    }

    #[test]
    fn what_happens_again_and_again_is_told_once() {
        let lines = ["a", "b", "b", "b", "a"].map(|text| (0, false, text.to_owned()));
        let texts: Vec<String> = merged(lines.to_vec()).into_iter().map(|(_, _, text)| text).collect();
        assert_eq!(texts, ["a", "b (3 times)", "a"]);
    }
}
