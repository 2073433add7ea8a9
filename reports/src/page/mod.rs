//! One failure as one page: a file that asks nothing of a network and opens from a disk.
//!
//! Holds: the page's frame. What it says in words is in `sections`, what its script draws in `data`; the
//! script and the style lie beside them and are put into the page as they are. All words of a run pass
//! through `maud`, which escapes them, or through `data`.
//! Deliberately absent: a build for scripts. What a person reads in the file is what the browser runs.

mod data;
mod sections;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::Report;

const STYLE: &str = include_str!("page.css");

/// The script's parts, in order: later ones use earlier ones.
const SCRIPT: [&str; 4] = [
    include_str!("model.js"),
    include_str!("diagram.js"),
    include_str!("panels.js"),
    include_str!("hand.js"),
];

/// Nothing but what is in the file itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'";

/// The page.
pub fn page(report: &Report<'_>) -> String {
    let verdict = &report.record.verdict;
    let promise = verdict.invariant().unwrap_or_default();
    let data = data::json(report.recording, verdict.name(), promise, &verdict.message());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "squall " (env!("CARGO_PKG_VERSION")) };
                title { (report.headline()) " – " (report.record.scenario) ", seed " (report.record.seed) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#diagram" { "To the diagram" }
                (sections::top(report))
                main {
                    (sections::evidence(report))
                    (sections::story(report))
                    (diagram(report))
                    (sections::panels(report))
                    (sections::explained(report))
                    (sections::plan(report))
                    (sections::ending(report))
                    (sections::last_facts(report))
                }
                (sections::foot(report))
                (keys())
                div #tip role="tooltip" hidden {}
                div #said .visually-hidden aria-live="polite" {}
                script #data type="application/json" { (PreEscaped(data)) }
                script { @for part in SCRIPT { (PreEscaped(part)) } }
            }
        }
    };
    page.into_string()
}

fn diagram(report: &Report<'_>) -> Markup {
    html! {
        section aria-labelledby="diagram-title" {
            div.head {
                h2 #diagram-title { "What happened" }
                span.soft.small { (sections::window(report.recording)) }
            }
            noscript { p.note { "The diagram needs scripts. Everything below it does not." } }
            div.bar role="toolbar" aria-label="View" {
                button.icon #do-out type="button" title="Zoom out (−)" aria-label="Zoom out" { "−" }
                button.icon #do-in type="button" title="Zoom in (+)" aria-label="Zoom in" { "+" }
                button #do-all type="button" title="The whole window (0)" { "All" }
                button #do-end type="button" title="The end of the run (End)" { "The end" }
                button.icon #do-before type="button" title="The step before (p)" aria-label="The step before" { "◂" }
                button.icon #do-next type="button" title="The next step (n)" aria-label="The next step" { "▸" }
                button.icon #do-help type="button" title="Keys (?)" aria-label="Keys" { "?" }
            }
            details {
                summary { "Filter by node, partition and kind" }
                div.filters {
                    fieldset #nodes { legend { "Nodes" } }
                    fieldset #partitions { legend { "Partitions" } }
                    fieldset #messages { legend { "Messages" } }
                    fieldset #facts { legend { "Facts" } }
                    p.soft.small { "A double click on one leaves it alone in its row." }
                }
            }
            div.stage #overview {}
            div.stage #diagram tabindex="0" role="application" aria-describedby="keys-short"
                aria-label="Space-time diagram: a lane for each node, an arrow for each message" {}
            p #keys-short .visually-hidden {
                "Arrow keys pan, plus and minus zoom, n and p step through what happened, question mark shows all keys."
            }
            (legend())
        }
    }
}

/// Small drawings of what lines and marks mean.
fn legend() -> Markup {
    let mark =
        |drawing: &str| PreEscaped(format!("<svg viewBox='0 0 26 11' aria-hidden='true'>{drawing}</svg>"));
    html! {
        div.legend {
            span { (mark("<line class='arrow' x1='0' y1='10' x2='20' y2='3'/><path class='heads' d='M26 1L19 1L21 6Z'/>")) "message" }
            span {
                (mark("<line class='dropped' x1='0' y1='10' x2='18' y2='5'/><path class='crosses' d='M16 1l7 7m0 -7l-7 7'/>"))
                "dropped"
            }
            span { (mark("<circle class='fact' cx='13' cy='5.5' r='3'/>")) "fact" }
            span { (mark("<path class='role' style='fill: var(--e0)' d='M13 0l5.5 5.5l-5.5 5.5l-5.5 -5.5Z'/>")) "elected" }
            span { (mark("<path class='loss' d='M9 1.5h8v8h-8Z'/>")) "something was lost or cut" }
            span {
                i style="background: var(--e0)" {} i style="background: var(--e1); margin-left: -5px" {}
                i style="background: var(--e2); margin-left: -5px" {} "leads, a colour an epoch"
            }
            span { i style="background: var(--fault-wash); outline: 1px solid var(--fault)" {} "fault" }
            span { (mark("<circle class='pin-ring' cx='13' cy='5.5' r='4'/>")) "the failure" }
        }
    }
}

fn keys() -> Markup {
    let keys: [(&[&str], &str); 9] = [
        (&["←", "→"], "pan; so do dragging and shift with the wheel"),
        (&["+", "−"], "zoom; so do ctrl with the wheel, a double click and two fingers"),
        (&["n", "p"], "the next step and the one before, told in words"),
        (&["0"], "the whole window"),
        (&["Home"], "its beginning"),
        (&["End", "f"], "the end of the run"),
        (&["Esc"], "let go of what is held"),
        (&["click"], "holds what is under it"),
        (&["?"], "this"),
    ];
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys, while the diagram has the focus" }
            table.keys {
                @for (keys, what) in keys {
                    tr { td { @for key in keys { kbd { (key) } " " } } td { (what) } }
                }
            }
            form method="dialog" { button autofocus { "Close" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use squall_sim::record::{RunRecord, Verdict, Violation};
    use squall_sim::recording::{Fate, Limits};

    use super::*;
    use crate::samples;

    #[test]
    fn a_page_has_every_part() {
        let (record, recording, explained) = (samples::run(), samples::recording(), samples::explained());
        let page = page(&samples::report(&record, &recording, Some(&explained)));
        for part in [
            "<!DOCTYPE html>",
            "acked_is_kept was broken",
            "squall replay out/orders-17.capsule.json",
            "what is acknowledged is kept",
            "id=\"diagram\"",
            "id=\"panel-0\"",
            "Partition 0-1",
            "power-loss node 0",
            "needed before event 500 (50ms): broker 1: leader elected",
            "shrunk from 31 faults and 204 operations",
            "At 50ms, broker 1 leads 0-1 in epoch 4.",
            "log.flush",
            "<noscript>",
        ] {
            assert!(page.contains(part), "the page has no {part}");
        }
        assert_eq!(page.matches("://").count(), 1, "the page names an address beside the SVG namespace's");
    }

    #[test]
    fn no_word_of_a_run_becomes_markup_or_script() {
        let hostile = "\"'><script>bad()</script><img src=x onerror=bad()>&lt;</script>";
        let word = || hostile.to_owned();
        let mut violation = Violation::new("acked_is_kept", word(), squall_core::time::Time(5));
        violation = violation.with(word(), word());
        let record = RunRecord { verdict: Verdict::Violation(violation), ..samples::run() };
        let mut recording = samples::recording();
        for lane in &mut recording.lanes {
            (lane.name, lane.kind) = (word(), word());
        }
        for fields in recording.arrows.iter_mut().map(|arrow| &mut arrow.fields) {
            fields[0].1 = word();
        }
        for fact in &mut recording.facts {
            fact.fields.iter_mut().for_each(|(_, value)| *value = word());
        }
        recording.ending[1].fields[0].1 = word();
        recording.faults[0].text = word();
        recording.plan.faults[0].text = word();
        recording.plan.operations[0].text = word();
        recording.plan.settings[0].key = word();
        recording.plan.quirks.push(word());
        let mut explained = samples::explained();
        explained.faults[0].what = word();
        explained.faults[0].softer = Some(word());
        explained.story.push(word());
        let report = Report {
            capsule: hostile,
            promise: Some(hostile),
            departs: Some(hostile),
            ..samples::report(&record, &recording, Some(&explained))
        };
        let page = page(&report);
        assert!(!page.contains("<script>bad") && !page.contains("<img"), "a word became markup");
        assert!(page.matches("bad()").count() > 15, "the words are not there at all");
        // The script and its data, and nothing else.
        assert_eq!(page.matches("<script").count(), 2);
        assert_eq!(page.matches("</script").count(), 2);
    }

    #[test]
    fn a_recording_at_its_limits_is_a_page_of_less_than_two_megabytes() {
        let record = samples::run();
        let mut recording = samples::recording();
        let Limits { arrows, facts, operations } = Limits::default();
        let mut arrow = recording.arrows[0].clone();
        arrow.fate = Fate::Arrived;
        // As long as the longest messages and facts of a cluster.
        arrow.fields = vec![("partition", "0-12".to_owned()); 1];
        for name in ["epoch", "high watermark", "log start", "offset", "records", "bytes"] {
            arrow.fields.push((name, "123456".to_owned()));
        }
        let mut fact = recording.facts[0].clone();
        fact.fields.clone_from(&arrow.fields);
        recording.arrows = (0..arrows as u64)
            .map(|n| {
                let mut arrow = arrow.clone();
                (arrow.sent_ns, arrow.sent_event) = (n * 1_234_567, n * 3);
                (arrow.end_ns, arrow.end_event) = (Some(n * 1_234_567 + 765_432), Some(n * 3 + 40));
                arrow
            })
            .collect();
        recording.facts = (0..facts as u64)
            .map(|n| {
                let mut fact = fact.clone();
                (fact.at_ns, fact.event) = (n * 1_234_567, n * 3);
                fact.fields.push(("log end", n.to_string()));
                fact
            })
            .collect();
        recording.window.to_ns = 10_000_000_000;
        recording.plan.operations = vec![recording.plan.operations[0].clone(); operations];
        let page = page(&samples::report(&record, &recording, None));
        assert!(page.len() < 2_000_000, "{} bytes", page.len());
    }
}
