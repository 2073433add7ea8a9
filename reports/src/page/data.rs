//! What the page's script draws, as one compact JSON document.
//!
//! Times are nanoseconds since the window's beginning; a name that comes often is a number into a table.
//! Written so that it can stand inside a `script` element whatever a message says ([`embedded`]).

use serde::Serialize;
use squall_sim::narrate::Fields;
use squall_sim::recording::{Fate, Recording, State};

use crate::reading::{self, Panel, Steps};

/// The longest value of a field that the page shows; what is longer is cut, and says so.
const LONGEST: usize = 160;

/// Name by number, value, name by number, value, …
type Said = Vec<(usize, String)>;

#[derive(Debug, Serialize)]
struct Data<'a> {
    /// The window's beginning, in nanoseconds of the run; every other time counts from it.
    origin: u64,
    length: u64,
    calm: Option<u64>,
    /// Time, event, node.
    end: (u64, u64, Option<u32>),
    verdict: &'a str,
    promise: &'a str,
    message: &'a str,
    /// Name, kind, whether it is a client.
    lanes: Vec<(&'a str, &'a str, bool)>,
    names: Vec<&'a str>,
    fates: Vec<(&'static str, bool)>,
    /// From, to, kind, sent, event; end, event; fate, fields.
    arrows: Vec<Arrow>,
    /// Time, event, node, kind, fields.
    facts: Vec<(u64, u64, u32, usize, Said)>,
    /// Place in the plan, kind, text, begin, end, nodes.
    faults: Vec<FaultData<'a>>,
    /// Node, whether it is down, why, begin, end.
    states: Vec<(u32, bool, &'a str, u64, Option<u64>)>,
    /// Node, subject, partition, epoch, begin, end.
    reigns: Vec<(u32, String, Option<String>, u64, u64, u64)>,
    panels: Vec<PanelData>,
}

type Arrow = (Option<u32>, Option<u32>, usize, u64, u64, Option<u64>, Option<u64>, usize, Said);

type FaultData<'a> = (usize, &'a str, &'a str, u64, Option<u64>, &'a [u32]);

#[derive(Debug, Serialize)]
struct PanelData {
    partition: Option<String>,
    replicas: Vec<ReplicaData>,
}

#[derive(Debug, Serialize)]
struct ReplicaData {
    node: u32,
    log_end: Steps<u64>,
    high_watermark: Steps<u64>,
    epoch: Vec<(u64, u64, bool)>,
    in_sync: Steps<bool>,
}

/// Names in the order in which they first came.
#[derive(Default)]
struct Names<'a>(Vec<&'a str>);

impl<'a> Names<'a> {
    fn number(&mut self, name: &'a str) -> usize {
        self.0.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.0.push(name);
            self.0.len() - 1
        })
    }

    fn said(&mut self, fields: &'a Fields) -> Said {
        fields.iter().map(|(name, value)| (self.number(name), cut(value))).collect()
    }
}

/// `value`, or as much of it as a page can show.
fn cut(value: &str) -> String {
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… ({} more bytes)", &value[..end], value.len() - end),
        None => value.to_owned(),
    }
}

/// The document for the script; `verdict`, `promise` and `message` say how the run ended.
pub(super) fn json(recording: &Recording, verdict: &str, promise: &str, message: &str) -> String {
    let origin = recording.window.from_ns;
    let since = |at: u64| at.saturating_sub(origin);
    let mut names = Names::default();
    let arrows = recording
        .arrows
        .iter()
        .map(|arrow| {
            (
                arrow.from,
                arrow.to,
                names.number(arrow.kind),
                since(arrow.sent_ns),
                arrow.sent_event,
                arrow.end_ns.map(since),
                arrow.end_event,
                Fate::ALL.iter().position(|fate| *fate == arrow.fate).unwrap_or_default(),
                names.said(&arrow.fields),
            )
        })
        .collect();
    let facts = recording
        .facts
        .iter()
        .map(|fact| {
            let kind = names.number(fact.kind);
            (since(fact.at_ns), fact.event, fact.node, kind, names.said(&fact.fields))
        })
        .collect();
    let data = Data {
        origin,
        length: recording.window.to_ns - origin,
        calm: recording.window.calm_ns.map(since),
        end: (since(recording.end.at_ns), recording.end.event, recording.end.node),
        verdict,
        promise,
        message,
        lanes: recording
            .lanes
            .iter()
            .map(|lane| (lane.name.as_str(), lane.kind.as_str(), lane.client))
            .collect(),
        arrows,
        facts,
        names: names.0,
        fates: Fate::ALL.iter().map(|fate| (fate.words(), fate.is_dropped())).collect(),
        faults: recording
            .faults
            .iter()
            .map(|fault| {
                let (begin, end) = (since(fault.begin_ns), fault.end_ns.map(since));
                (fault.item, fault.kind, fault.text.as_str(), begin, end, fault.nodes.as_slice())
            })
            .collect(),
        states: recording
            .states
            .iter()
            .map(|span| {
                let down = span.state == State::Down;
                (span.node, down, span.why, since(span.begin_ns), span.end_ns.map(since))
            })
            .collect(),
        reigns: reading::reigns(recording)
            .into_iter()
            .map(|reign| {
                let (begin, end) = (since(reign.begin_ns), since(reign.end_ns));
                (reign.node, reign.subject, reign.partition, reign.epoch, begin, end)
            })
            .collect(),
        panels: reading::panels(recording).into_iter().map(|panel| panel_data(panel, since)).collect(),
    };
    embedded(&serde_json::to_string(&data).expect("its keys are strings"))
}

fn panel_data(panel: Panel, since: impl Fn(u64) -> u64 + Copy) -> PanelData {
    fn from<T>(steps: Steps<T>, since: impl Fn(u64) -> u64) -> Steps<T> {
        steps.into_iter().map(|(at, value)| (since(at), value)).collect()
    }
    let replicas = panel.replicas.into_iter().map(|replica| ReplicaData {
        node: replica.node,
        log_end: from(replica.log_end, since),
        high_watermark: from(replica.high_watermark, since),
        epoch: replica.epoch.into_iter().map(|(at, (epoch, leads))| (since(at), epoch, leads)).collect(),
        in_sync: from(replica.in_sync, since),
    });
    PanelData { partition: panel.partition, replicas: replicas.collect() }
}

/// JSON that no text in it can end the `script` element, or begin a comment in it.
fn embedded(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_the_script_it_stands_in() {
        let hostile = serde_json::to_string("</script><!--<script>&amp;").unwrap();
        let safe = embedded(&hostile);
        assert!(!safe.contains(['<', '>', '&']), "{safe}");
        let read: String = serde_json::from_str(&safe).unwrap();
        assert_eq!(read, "</script><!--<script>&amp;");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = "ä".repeat(LONGEST + 3);
        assert_eq!(cut(&long), format!("{}… (6 more bytes)", "ä".repeat(LONGEST)));
        assert_eq!(cut("short"), "short");
    }
}
