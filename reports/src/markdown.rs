//! A failure as Markdown, ready to be pasted into an issue tracker.
//!
//! Every word of a run is escaped: a message is shown, whatever it says, and mentions nobody.

use std::fmt::Write;

use squall_sim::fault::text;
use squall_sim::recording::Effect;

use crate::explain;
use crate::report::Report;
use crate::text::number;

/// How many of the last facts are told.
const FACTS: usize = 25;

/// How many faults and operations are told.
const LINES: usize = 40;

/// The text.
pub fn issue(report: &Report<'_>) -> String {
    let mut text = String::new();
    let record = report.record;
    put(
        &mut text,
        format_args!("## {}\n\n{}\n", plain(&report.headline()), plain(&record.verdict.message())),
    );
    put(&mut text, format_args!("```sh\n{}\n```\n", report.command()));
    evidence(&mut text, report);
    story(&mut text, report);
    plan(&mut text, report);
    facts(&mut text, report);
    let version = env!("CARGO_PKG_VERSION");
    put(
        &mut text,
        format_args!(
            "squall {version}, {} with seed {}, fingerprint `{}`",
            plain(record.scenario),
            record.seed,
            record.fingerprint
        ),
    );
    text
}

fn put(into: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a string never fails.
    let _ = writeln!(into, "{words}");
}

fn seconds(nanos: u64) -> String {
    format!("{}.{:06}s", nanos / 1_000_000_000, nanos / 1_000 % 1_000_000)
}

fn evidence(into: &mut String, report: &Report<'_>) {
    put(into, format_args!("### Evidence\n"));
    let event = number(report.recording.end.event);
    put(into, format_args!("- at {} of virtual time, event {event}", seconds(report.failed_ns())));
    if let Some(promise) = report.promise {
        put(into, format_args!("- the promise: {}", plain(promise)));
    }
    for (what, value) in report.evidence() {
        put(into, format_args!("- {}: `{}`", plain(what), code(value)));
    }
    if let Some(departs) = report.departs {
        put(into, format_args!("- not the run that the capsule tells of: {}", plain(departs)));
    }
    into.push('\n');
}

fn story(into: &mut String, report: &Report<'_>) {
    let Some(explained) = report.explained else { return };
    if !explained.story.is_empty() {
        put(into, format_args!("### What happened\n"));
        for (place, sentence) in explained.story.iter().enumerate() {
            put(into, format_args!("{}. {}", place + 1, plain(sentence)));
        }
        into.push('\n');
    }
    put(
        into,
        format_args!(
            "### Which part of the plan is needed\n\n| | at | what | | for |\n|---|---:|---|---|---|"
        ),
    );
    let faults = explained.faults.iter().map(|row| ("F", row));
    let operations = explained.operations.iter().map(|row| ("O", row));
    for (of, row) in faults.chain(operations).take(LINES) {
        let said = explain::said(row);
        let (needed, why) =
            said.split_first().map_or(("", String::new()), |(first, rest)| (first, rest.join("; ")));
        let (number, at, what) = (row.number, plain(&row.at), cell(&row.what));
        put(into, format_args!("| {of}{number} | {at} | {what} | {needed} | {} |", plain(&why)));
    }
    into.push('\n');
}

fn plan(into: &mut String, report: &Report<'_>) {
    let plan = &report.recording.plan;
    put(into, format_args!("### The plan\n"));
    if let Some((faults, operations)) = report.before {
        put(into, format_args!("The smallest, shrunk from {faults} faults and {operations} operations.\n"));
    }
    if !plan.quirks.is_empty() {
        put(into, format_args!("Switched on: `{}`\n", code(&plan.quirks.join(", "))));
    }
    let came = plan.faults.iter().enumerate().filter(|(_, fault)| fault.effect != Effect::NeverCame);
    let mut told = 0;
    for (place, fault) in came.take(LINES) {
        if told == 0 {
            put(into, format_args!("| | at | lasts | fault | |\n|---|---:|---:|---|---|"));
        }
        told += 1;
        let effect = if fault.effect == Effect::Skipped { "found no target" } else { "" };
        let at = fault.at_ns.map(text::written).unwrap_or_default();
        let lasts = text::written(fault.lasts_ns);
        put(into, format_args!("| F{} | {at} | {lasts} | {} | {effect} |", place + 1, cell(&fault.text)));
    }
    let more = plan.faults.len() - told;
    let and = if more > 0 { format!("{more} more faults, ") } else { String::new() };
    let operations = plan.operations.len() + plan.operations_left_out;
    put(into, format_args!("\nAnd {and}{operations} operations of clients.\n"));
}

fn facts(into: &mut String, report: &Report<'_>) {
    let recording = report.recording;
    let skip = recording.facts.len().saturating_sub(FACTS);
    if recording.facts.is_empty() {
        return;
    }
    put(into, format_args!("<details><summary>The last facts</summary>\n\n```text"));
    for fact in recording.facts.iter().skip(skip) {
        let node = recording.lanes.get(fact.node as usize).map_or("nobody", |lane| lane.name.as_str());
        let said: Vec<_> = fact.fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let line = format!("{} {node:<14} {:<22} {}", seconds(fact.at_ns), fact.kind, said.join(", "));
        put(into, format_args!("{}", code(line.trim_end())));
    }
    put(into, format_args!("```\n\n</details>\n"));
}

/// As it stands, for Markdown's own marks, HTML and mentions mean nothing in it; on one line.
fn plain(words: &str) -> String {
    let mut text = String::with_capacity(words.len() + 8);
    for c in words.chars() {
        match c {
            '\n' | '\r' => text.push(' '),
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            // An empty comment keeps a mention or a reference from being one.
            '@' | '#' => {
                text.push(c);
                text.push_str("<!-- -->");
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' => {
                text.push('\\');
                text.push(c);
            }
            _ => text.push(c),
        }
    }
    text
}

/// Within a fence or between backticks, which it cannot end.
fn code(words: &str) -> String {
    words.replace(['\n', '\r'], " ").replace('`', "'")
}

/// The same in a table, whose cell it cannot end.
fn cell(words: &str) -> String {
    format!("`{}`", code(words).replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::samples;

    #[test]
    fn an_issue_tells_the_failure_and_how_to_repeat_it() {
        let (record, recording, explained) = (samples::run(), samples::recording(), samples::explained());
        let report = samples::report(&record, &recording, Some(&explained));
        expect![[r#"
            ## acked\_is\_kept was broken

            0-1 lost an acknowledged record

            ```sh
            squall replay out/orders-17.capsule.json
            ```

            ### Evidence

            - at 0.060000s of virtual time, event 600
            - the promise: what is acknowledged is kept
            - offset: `41`
            - leader epoch: `3`
            - acknowledged: `at 9.2s by broker 2`

            ### What happened

            1. Broker 1 became leader of 0-1 in epoch 4.

            ### Which part of the plan is needed

            | at | what | | for |
            |---:|---|---|---|
            | 40ms | `power-loss node 0` | **needed** | before event 500 |
            | 45ms | `pause node 0` | not needed | the run fails alike without it |

            ### The plan

            | | at | lasts | fault | |
            |---|---:|---:|---|---|
            | F1 | 40ms | 300ms | `power-loss node 0` |  |
            | F2 | 45ms | 5ms | `pause node 0` | found no target |

            And 1 operations of clients.

            <details><summary>The last facts</summary>

            ```text
            0.010000s broker 0       leader elected         partition 0-1, epoch 3, log end 40
            0.011000s broker 1       leader followed        partition 0-1, epoch 3, leader 0
            0.012000s broker 0       isr adopted            partition 0-1, epoch 3, partition epoch 7, isr [0, 1]
            0.020000s broker 0       records appended       partition 0-1, log end 42, epoch 3
            0.024000s broker 1       records appended       partition 0-1, log end 42, epoch 3
            0.026000s broker 0       high watermark moved   partition 0-1, epoch 3, high watermark 42
            0.027000s broker 1       records durable        partition 0-1, log end 41
            0.028000s producer 2     record delivered       partition 0-1, record 2#1, offset 41
            0.050000s broker 1       leader elected         partition 0-1, epoch 4, log end 42
            0.051000s broker 1       isr adopted            partition 0-1, epoch 4, partition epoch 8, isr [1]
            0.052000s broker 1       isr adopted            partition 0-1, epoch 3, partition epoch 7, isr [0, 1]
            0.055000s broker 1       log truncated          partition 0-1, log end 41
            ```

            </details>

            squall 0.1.0, orders with seed 17, fingerprint `00000000000000000123456789abcdef`
        "#]].assert_eq(&issue(&report));
    }

    #[test]
    fn no_word_of_a_run_is_taken_for_markup() {
        expect!["a \\*b\\* \\[c\\](d) &lt;img&gt; @<!-- -->me #<!-- -->1 \\`e\\` f\\|g"]
            .assert_eq(&plain("a *b* [c](d) <img> @me #1 `e` f|g"));
        assert_eq!(code("a\n```\nb"), "a ''' b");
    }
}
