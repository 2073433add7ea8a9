//! What the page says in words and tables: it reads without a script, and on paper.

use maud::{Markup, html};
use squall_sim::explain::Row;
use squall_sim::fault::text;
use squall_sim::narrate::Fields;
use squall_sim::recording::{Effect, FaultLine, PlanSummary, Recording, State};

use crate::explain;
use crate::report::Report;
use crate::text::number;

/// How many of the last facts are listed.
const FACTS: usize = 60;

/// Nanoseconds of virtual time as seconds with six digits, so that columns line up.
fn at(nanos: u64) -> String {
    format!("{}.{:06}s", nanos / 1_000_000_000, nanos / 1_000 % 1_000_000)
}

fn node(recording: &Recording, number: u32) -> &str {
    recording.lanes.get(number as usize).map_or("nobody", |lane| lane.name.as_str())
}

/// `1 fault`, `2 faults`.
fn counted(count: usize, what: &str) -> String {
    format!("{} {what}{}", number(count as u64), if count == 1 { "" } else { "s" })
}

fn said(fields: &Fields) -> Markup {
    html! {
        @for (place, (name, value)) in fields.iter().enumerate() {
            @if place > 0 { ", " }
            span.soft { (name) } " " (value)
        }
    }
}

/// What failed, and how to repeat it.
pub(super) fn top(report: &Report<'_>) -> Markup {
    let record = report.record;
    let passed = record.verdict.is_pass();
    html! {
        header.top {
            div.eyebrow {
                span { "squall " (env!("CARGO_PKG_VERSION")) }
                span { (record.scenario) ", seed " (record.seed) }
                span.badge.pass[passed] { (record.verdict.name()) }
            }
            button.icon #theme type="button" title="Light or dark" aria-label="Light or dark" { "◐" }
            h1 { (report.headline()) }
            p.lead { (record.verdict.message()) }
            @if let Some(departs) = report.departs {
                p.note { "This run is not the one that its capsule tells of: " (departs) }
            }
            div.command {
                pre { code #command { (report.command()) } }
                button type="button" data-copy="command" { "Copy" }
            }
            p.soft.small {
                "At " (at(report.failed_ns())) " of virtual time, after " (number(record.events)) " events; fingerprint "
                span.mono { (record.fingerprint) }
            }
        }
    }
}

/// What is known about the failure.
pub(super) fn evidence(report: &Report<'_>) -> Markup {
    let evidence = report.evidence();
    html! {
        section aria-labelledby="evidence-title" {
            div.head { h2 #evidence-title { "The evidence" } }
            dl.evidence {
                @if let Some(promise) = report.promise { dt { "the promise" } dd.words { (promise) } }
                dt { "when" } dd { (at(report.failed_ns())) ", event " (number(report.recording.end.event)) }
                @for (what, value) in evidence { dt { (what) } dd { (value) } }
            }
        }
    }
}

/// Which part of the run the page has.
pub(super) fn window(recording: &Recording) -> String {
    let window = recording.window;
    let (arrows, facts) =
        (counted(recording.arrows.len(), "message"), counted(recording.facts.len(), "fact"));
    let counted = format!("{arrows}, {facts}");
    if window.arrows_left_out == 0 && window.facts_left_out == 0 {
        return format!("The whole run: {counted}");
    }
    format!(
        "From {} to the end: {counted}; {} earlier messages and {} earlier facts are left out",
        at(window.from_ns),
        number(window.arrows_left_out),
        number(window.facts_left_out)
    )
}

/// A frame for each partition's panel; the script draws into it.
pub(super) fn panels(report: &Report<'_>) -> Markup {
    let panels = crate::reading::panels(report.recording);
    html! {
        @if !panels.is_empty() {
            section aria-labelledby="panels-title" {
                div.head {
                    h2 #panels-title { "The replicas" }
                    span.soft.small {
                        "log end (solid), high watermark (dashed), epoch (colour; strong while it leads), in the ISR (bar)"
                    }
                }
                @for (place, panel) in panels.iter().enumerate() {
                    div.panel {
                        h3 {
                            @match &panel.partition {
                                Some(partition) => { "Partition " (partition) }
                                None => "The quorum's log",
                            }
                            span { (counted(panel.replicas.len(), "replica")) }
                        }
                        div.stage id={ "panel-" (place) } {}
                    }
                }
            }
        }
    }
}

/// What happened, in sentences.
pub(super) fn story(report: &Report<'_>) -> Markup {
    let Some(explained) = report.explained.filter(|explained| !explained.story.is_empty()) else {
        return Markup::default();
    };
    html! {
        section aria-labelledby="story-title" {
            div.head { h2 #story-title { "The story" } }
            ol.story { @for sentence in &explained.story { li { (sentence) } } }
        }
    }
}

/// Which part of the plan is needed, and for what.
pub(super) fn explained(report: &Report<'_>) -> Markup {
    let all = report.explained.filter(|all| !all.faults.is_empty() || !all.operations.is_empty());
    let Some(explained) = all else { return Markup::default() };
    html! {
        section aria-labelledby="explained-title" {
            div.head {
                h2 #explained-title { "What is needed" }
                span.soft.small {
                    "each part of the plan was taken away, moved and softened: " (number(explained.runs)) " runs"
                    @if !explained.finished { ", stopped before all was tried" }
                }
            }
            div.scroll {
                table {
                    thead {
                        tr {
                            th scope="col" {}
                            th.t scope="col" { "at" }
                            th scope="col" { "what" }
                            th scope="col" { "needed" }
                            th scope="col" { "for" }
                        }
                    }
                    tbody {
                        @for row in &explained.faults { (needed("F", row)) }
                        @for row in &explained.operations { (needed("O", row)) }
                    }
                }
            }
        }
    }
}

fn needed(of: &str, row: &Row) -> Markup {
    let said = explain::said(row);
    let (verdict, rest) = said.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    html! {
        tr.not-needed[row.needed == Some(false)] {
            td { (of) (row.number) }
            td.t { (row.at) }
            td.text { (row.what) }
            td.needed { (verdict) }
            td.text { @for line in rest { div { (line) } } }
        }
    }
}

fn faults(plan: &PlanSummary, which: impl Fn(&FaultLine) -> bool) -> Markup {
    html! {
        @if plan.faults.iter().any(&which) {
            div.scroll {
                table {
                    thead { tr { th scope="col" {} th.t scope="col" { "at" } th.t scope="col" { "lasts" } th scope="col" { "fault" } th scope="col" {} } }
                    tbody {
                        @for (place, fault) in plan.faults.iter().enumerate().filter(|(_, fault)| which(fault)) {
                            tr.not-needed[fault.effect != Effect::Began] {
                                td { "F" (place + 1) } td.t { (fault.at_ns.map(text::written).unwrap_or_default()) } td.t { (text::written(fault.lasts_ns)) }
                                td.text { (fault.text) }
                                td.soft { @if fault.effect == Effect::Skipped { "found no target" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Everything that the run needs.
pub(super) fn plan(report: &Report<'_>) -> Markup {
    let plan = &report.recording.plan;
    let never = plan.faults.iter().filter(|fault| fault.effect == Effect::NeverCame).count();
    html! {
        section aria-labelledby="plan-title" {
            div.head {
                h2 #plan-title { "The plan" }
                span.soft.small {
                    (counted(plan.faults.len(), "fault")) ", "
                    (counted(plan.operations.len() + plan.operations_left_out, "operation")) "; storm "
                    (text::written(plan.storm_ns)) ", calm " (text::written(plan.calm_ns))
                }
            }
            @if let Some((faults, operations)) = report.before {
                p { "The smallest plan that fails in this way; it was shrunk from " (counted(faults, "fault")) " and " (counted(operations, "operation")) "." }
            }
            @if !plan.quirks.is_empty() {
                p { "Switched on: " @for quirk in &plan.quirks { code { (quirk) } " " } }
            }
            (faults(plan, |fault| fault.effect != Effect::NeverCame))
            @if never > 0 {
                details {
                    summary { (counted(never, "fault")) " that never came: the run ended before" }
                    (faults(plan, |fault| fault.effect == Effect::NeverCame))
                }
            }
            @if !plan.operations.is_empty() {
                details open[plan.operations.len() <= 12] {
                    summary { "What clients do" }
                    div.scroll {
                        table {
                            thead { tr { th.t scope="col" { "at" } th scope="col" { "client" } th scope="col" { "operation" } } }
                            tbody {
                                @for operation in &plan.operations {
                                    tr { td.t { (text::written(operation.at_ns)) } td { (operation.client) } td.text { code { (operation.text) } } }
                                }
                            }
                        }
                    }
                    @if plan.operations_left_out > 0 { p.soft { "and " (plan.operations_left_out) " more" } }
                }
            }
            @if !plan.settings.is_empty() {
                details {
                    summary { (counted(plan.settings.len(), "setting")) " away from the calm value" }
                    div.scroll {
                        table {
                            thead { tr { th scope="col" { "setting" } th.t scope="col" { "value" } th.t scope="col" { "calm" } th scope="col" { "unit" } } }
                            tbody {
                                @for setting in &plan.settings {
                                    tr { td { code { (setting.key) } } td.t { (setting.value) } td.t { (setting.calm) } td.soft { (setting.unit) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Every node when the run ended.
pub(super) fn ending(report: &Report<'_>) -> Markup {
    let recording = report.recording;
    html! {
        section aria-labelledby="ending-title" {
            div.head { h2 #ending-title { "Every node at the end" } span.soft.small { "as it saw itself" } }
            div.scroll {
                table {
                    tbody {
                        @for end in &recording.ending {
                            tr {
                                th scope="row" { (node(recording, end.node)) }
                                td.text {
                                    @match end.state {
                                        Some(State::Down) => span.needed { "down " },
                                        Some(State::Paused) => span.needed { "paused " },
                                        None => {}
                                    }
                                    (said(&end.fields))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The last facts as a table, for those who read rather than look.
pub(super) fn last_facts(report: &Report<'_>) -> Markup {
    let recording = report.recording;
    let skip = recording.facts.len().saturating_sub(FACTS);
    html! {
        section aria-labelledby="facts-title" {
            div.head { h2 #facts-title { "The last facts" } }
            details {
                summary { (counted(recording.facts.len() - skip, "fact")) ", as a table" }
                div.scroll {
                    table {
                        thead { tr { th.t scope="col" { "at" } th.t scope="col" { "event" } th scope="col" { "node" } th scope="col" { "fact" } th scope="col" {} } }
                        tbody {
                            @for fact in recording.facts.iter().skip(skip) {
                                tr {
                                    td.t { (at(fact.at_ns)) } td.t { (fact.event) } td { (node(recording, fact.node)) }
                                    td { (fact.kind) } td.text { (said(&fact.fields)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Where it comes from.
pub(super) fn foot(report: &Report<'_>) -> Markup {
    html! {
        footer {
            div {
                "Written by squall " (env!("CARGO_PKG_VERSION")) " from " span.mono { (report.capsule) }
                ". This file needs no network; it can be kept and sent as it is."
            }
        }
    }
}
