//! A run as a trace that Chrome's `about:tracing` and Perfetto's UI open.
//!
//! Google's "Trace Event Format": a process for the nodes with a thread each, one for the faults, and one for
//! the replicas' counters. Messages are flows between slices of their sending and arrival. Times are in
//! microseconds, written as decimals: they are exact to the nanosecond.

use serde::Serialize;
use serde_json::{Map, Value, json};
use squall_sim::narrate::Fields;
use squall_sim::recording::{Arrow, Recording, State};

use crate::reading::{self, Replica};

const NODES: u32 = 1;
const FAULTS: u32 = 2;
const REPLICAS: u32 = 3;

/// How long a slice is that shows a moment.
const MOMENT_NS: u64 = 1_000;

/// One trace event, with the letters of the format.
#[derive(Debug, Serialize)]
struct Event {
    name: String,
    cat: &'static str,
    ph: &'static str,
    pid: u32,
    tid: u32,
    ts: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    args: Map<String, Value>,
}

/// Nanoseconds as microseconds; exact in a run of less than a hundred days.
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1_000.0
}

impl Event {
    fn new(name: impl Into<String>, cat: &'static str, ph: &'static str, at: (u32, u32), ns: u64) -> Self {
        Self {
            name: name.into(),
            cat,
            ph,
            pid: at.0,
            tid: at.1,
            ts: micros(ns),
            dur: None,
            id: None,
            bp: None,
            s: None,
            args: Map::new(),
        }
    }

    /// A slice from `begin` to `end`.
    fn slice(name: impl Into<String>, cat: &'static str, at: (u32, u32), begin: u64, end: u64) -> Self {
        Self { dur: Some(micros(end.saturating_sub(begin))), ..Self::new(name, cat, "X", at, begin) }
    }

    fn with(mut self, fields: &Fields) -> Self {
        self.args.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        self
    }

    fn arg(mut self, name: &str, value: Value) -> Self {
        self.args.insert(name.to_owned(), value);
        self
    }
}

/// The trace as JSON text.
pub fn trace(recording: &Recording) -> String {
    let mut events = Vec::new();
    names(&mut events, recording);
    lasting(&mut events, recording);
    for fact in &recording.facts {
        let at = (NODES, fact.node);
        let event = Event::new(fact.kind, "fact", "i", at, fact.at_ns).with(&fact.fields);
        events.push(Event { s: Some("t"), ..event }.arg("event", json!(fact.event)));
    }
    for (id, arrow) in recording.arrows.iter().enumerate() {
        message(&mut events, id, arrow);
    }
    for panel in reading::panels(recording) {
        let name = panel.partition.as_deref().unwrap_or("quorum");
        for replica in &panel.replicas {
            counters(&mut events, recording, name, replica);
        }
    }
    let document = Document { events, unit: "ns" };
    let mut text = serde_json::to_string(&document).expect("its keys are strings");
    text.push('\n');
    text
}

#[derive(Debug, Serialize)]
struct Document {
    #[serde(rename = "traceEvents")]
    events: Vec<Event>,
    #[serde(rename = "displayTimeUnit")]
    unit: &'static str,
}

fn names(events: &mut Vec<Event>, recording: &Recording) {
    let meta = |what: &str, at, name: &str| Event::new(what, "", "M", at, 0).arg("name", json!(name));
    for (pid, name) in [(NODES, "nodes"), (FAULTS, "faults"), (REPLICAS, "replicas")] {
        events.push(meta("process_name", (pid, 0), name));
    }
    for (number, lane) in (0..).zip(&recording.lanes) {
        events.push(meta("thread_name", (NODES, number), &lane.name));
    }
    for fault in &recording.faults {
        let name = format!("F{}", fault.item + 1);
        events.push(meta("thread_name", (FAULTS, fault.item as u32), &name));
    }
}

/// What has a beginning and an end.
fn lasting(events: &mut Vec<Event>, recording: &Recording) {
    let end = recording.window.to_ns;
    for fault in &recording.faults {
        let at = (FAULTS, fault.item as u32);
        let slice = Event::slice(&fault.text, "fault", at, fault.begin_ns, fault.end_ns.unwrap_or(end));
        events.push(slice.arg("nodes", json!(fault.nodes)));
    }
    for span in &recording.states {
        let name = match span.state {
            State::Down => "down",
            State::Paused => "paused",
        };
        let at = (NODES, span.node);
        let slice = Event::slice(name, "state", at, span.begin_ns, span.end_ns.unwrap_or(end));
        events.push(slice.arg("why", json!(span.why)));
    }
    for reign in reading::reigns(recording) {
        let of = reign.partition.as_deref().map(|partition| format!(" of {partition}")).unwrap_or_default();
        let name = format!("{}{of}", reign.subject);
        // Reigns overlap on one node: those of different subjects must not nest.
        let event = |ph, ns| Event::new(name.clone(), "reign", ph, (NODES, reign.node), ns);
        let id = Some(events.len() << 32);
        events.push(Event { id, ..event("b", reign.begin_ns).arg("epoch", json!(reign.epoch)) });
        events.push(Event { id, ..event("e", reign.end_ns) });
    }
}

fn message(events: &mut Vec<Event>, id: usize, arrow: &Arrow) {
    let Some(from) = arrow.from else { return };
    let at = (NODES, from);
    let sent = Event::slice(arrow.kind, "sent", at, arrow.sent_ns, arrow.sent_ns + MOMENT_NS);
    events.push(sent.with(&arrow.fields).arg("fate", json!(arrow.fate.words())));
    let (Some(to), Some(end), false) = (arrow.to, arrow.end_ns, arrow.fate.is_dropped()) else { return };
    let taken = Event::slice(arrow.kind, "taken in", (NODES, to), end, end + MOMENT_NS);
    events.push(taken.with(&arrow.fields));
    let flow = |ph, at, ns| Event { id: Some(id), ..Event::new("message", "message", ph, at, ns) };
    events.push(flow("s", at, arrow.sent_ns));
    events.push(Event { bp: Some("e"), ..flow("f", (NODES, to), end) });
}

fn counters(events: &mut Vec<Event>, recording: &Recording, partition: &str, replica: &Replica) {
    let node = recording.lanes.get(replica.node as usize).map_or("nobody", |lane| lane.name.as_str());
    for (what, steps) in [("log end", &replica.log_end), ("high watermark", &replica.high_watermark)] {
        for (at, value) in steps {
            let name = format!("{partition} {what} of {node}");
            let event = Event::new(name, "replica", "C", (REPLICAS, replica.node), *at);
            events.push(event.arg(what, json!(value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::samples;

    fn events() -> Vec<Value> {
        let document: Value = serde_json::from_str(&trace(&samples::recording())).unwrap();
        document["traceEvents"].as_array().unwrap().clone()
    }

    #[test]
    fn every_event_has_what_the_format_asks_for() {
        for event in events() {
            for key in ["name", "ph", "pid", "tid", "ts"] {
                assert!(event.get(key).is_some(), "no {key} in {event}");
            }
            let phase = event["ph"].as_str().unwrap();
            assert!(["M", "X", "i", "s", "f", "C", "b", "e"].contains(&phase), "{event}");
            assert_eq!(event.get("dur").is_some(), phase == "X", "{event}");
            assert_eq!(event.get("id").is_some(), ["s", "f", "b", "e"].contains(&phase), "{event}");
        }
    }

    #[test]
    fn every_flow_that_begins_ends_within_a_slice_on_another_thread() {
        let events = events();
        let mut flows: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
        for event in events.iter().filter(|event| event["cat"] == "message") {
            flows.entry(event["id"].as_u64().unwrap()).or_default().push(event);
        }
        assert!(!flows.is_empty());
        for flow in flows.values() {
            assert_eq!(
                flow.iter().map(|event| event["ph"].as_str().unwrap()).collect::<Vec<_>>(),
                ["s", "f"]
            );
            for end in flow {
                let slice = |event: &&Value| {
                    event["ph"] == "X" && event["tid"] == end["tid"] && event["ts"] == end["ts"]
                };
                assert!(events.iter().any(|event| slice(&event)), "{end} is in no slice");
            }
        }
    }

    #[test]
    fn times_are_exact_to_the_nanosecond() {
        assert_eq!(json!(micros(86_400_000_000_001)).to_string(), "86400000000.001");
        assert_eq!(json!(micros(7)).to_string(), "0.007");
    }
}
