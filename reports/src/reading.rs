//! What a recording shows beside its messages: who led when, and how far each replica was.
//!
//! Facts are understood by the words that [`squall_sim::narrate::field`] names, and by the ends of their
//! kinds: `… elected` begins a reign, `… followed`, `… resigned` and the end of the process end it;
//! `… durable` tells of a log end that a disk has, `… proposed` of something that is only wished for.
//! Deliberately absent: any knowledge of what lives on a node.

use std::collections::BTreeMap;

use squall_sim::narrate::field;
use squall_sim::recording::{Fact, Recording, State};

/// A time in which a node believed that it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reign {
    /// The node.
    pub node: u32,
    /// What it led as: `leader`, `controller`.
    pub subject: String,
    /// Which partition; `None`: the whole.
    pub partition: Option<String>,
    /// In which epoch.
    pub epoch: u64,
    /// Since when.
    pub begin_ns: u64,
    /// Until when.
    pub end_ns: u64,
}

/// A value that moves in steps: since when, what.
pub type Steps<T> = Vec<(u64, T)>;

/// A partition, or the log of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panel {
    /// Its name; `None`: the log of whoever decides for the whole.
    pub partition: Option<String>,
    /// Its replicas, by node.
    pub replicas: Vec<Replica>,
}

/// A replica over time. Every value is its node's own belief; whether it is in sync is what was agreed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replica {
    /// The node.
    pub node: u32,
    /// One past the last record.
    pub log_end: Steps<u64>,
    /// Up to where records are committed.
    pub high_watermark: Steps<u64>,
    /// The epoch that it works in, and whether it leads.
    pub epoch: Steps<(u64, bool)>,
    /// Whether it is in the ISR.
    pub in_sync: Steps<bool>,
}

/// All facts, those from before the window at its beginning.
fn facts(recording: &Recording) -> impl Iterator<Item = (u64, &Fact)> {
    let from = recording.window.from_ns;
    recording.before.iter().chain(&recording.facts).map(move |fact| (fact.at_ns.max(from), fact))
}

fn number(fact: &Fact, name: &str) -> Option<u64> {
    fact.field(name)?.parse().ok()
}

/// Whether nodes of this number serve, rather than ask.
fn serves(recording: &Recording, node: u32) -> bool {
    recording.lanes.get(node as usize).is_some_and(|lane| !lane.client)
}

/// `leader` and `elected` of `leader elected`.
fn words(kind: &str) -> (&str, &str) {
    kind.rsplit_once(' ').unwrap_or(("", kind))
}

/// Who led when, in the order in which it began.
pub fn reigns(recording: &Recording) -> Vec<Reign> {
    let mut over: Vec<Reign> = Vec::new();
    let mut open: BTreeMap<(u32, String, Option<String>), Reign> = BTreeMap::new();
    let ends = deaths(recording);
    let mut deaths = ends.iter().peekable();
    for (at, fact) in facts(recording) {
        while let Some((died_at, node)) = deaths.next_if(|(died_at, _)| *died_at <= fact.at_ns) {
            end(&mut open, &mut over, *died_at, |key| key.0 == *node);
        }
        let (subject, what) = words(fact.kind);
        let partition = fact.field(field::PARTITION).map(str::to_owned);
        let key = (fact.node, subject.to_owned(), partition);
        match what {
            "elected" => {
                end(&mut open, &mut over, at, |other| *other == key);
                let (node, subject, partition) = key.clone();
                let epoch = number(fact, field::EPOCH).unwrap_or_default();
                open.insert(key, Reign { node, subject, partition, epoch, begin_ns: at, end_ns: at });
            }
            "followed" | "resigned" => end(&mut open, &mut over, at, |other| *other == key),
            _ => {}
        }
    }
    for (died_at, node) in deaths {
        end(&mut open, &mut over, *died_at, |key| key.0 == *node);
    }
    end(&mut open, &mut over, recording.window.to_ns, |_| true);
    over.sort_by(|a, b| (a.begin_ns, a.node, &a.partition).cmp(&(b.begin_ns, b.node, &b.partition)));
    over
}

type Open = BTreeMap<(u32, String, Option<String>), Reign>;

/// The reigns that `which` names are over. One that lasted no time was none.
fn end(
    open: &mut Open,
    over: &mut Vec<Reign>,
    at: u64,
    which: impl Fn(&(u32, String, Option<String>)) -> bool,
) {
    let ended: Vec<_> = open.keys().filter(|key| which(key)).cloned().collect();
    for key in ended {
        if let Some(mut reign) = open.remove(&key)
            && reign.begin_ns < at
        {
            reign.end_ns = at;
            over.push(reign);
        }
    }
}

/// When processes ended, in order.
fn deaths(recording: &Recording) -> Vec<(u64, u32)> {
    let down = recording.states.iter().filter(|span| span.state == State::Down);
    let mut deaths: Vec<_> = down.map(|span| (span.begin_ns, span.node)).collect();
    deaths.sort_unstable();
    deaths
}

/// Every partition with its replicas; the log of the whole comes last.
pub fn panels(recording: &Recording) -> Vec<Panel> {
    let mut all: BTreeMap<Option<String>, Folded> = BTreeMap::new();
    for (at, fact) in facts(recording) {
        if !tells_of_a_log(fact) || !serves(recording, fact.node) {
            continue;
        }
        let partition = fact.field(field::PARTITION).map(str::to_owned);
        all.entry(partition).or_default().fold(at, fact);
    }
    for (died_at, node) in deaths(recording) {
        for folded in all.values_mut() {
            folded.died(died_at, node);
        }
    }
    let mut panels: Vec<_> = all
        .into_iter()
        .map(|(partition, folded)| Panel { partition, replicas: folded.into_replicas() })
        .filter(|panel| !panel.replicas.is_empty())
        .collect();
    panels.sort_by_key(|panel| panel.partition.is_none());
    panels
}

/// Whether a fact has anything that a panel draws.
fn tells_of_a_log(fact: &Fact) -> bool {
    let (_, what) = words(fact.kind);
    let drawn = [field::LOG_END, field::HIGH_WATERMARK, field::ISR];
    what != "durable"
        && what != "proposed"
        && (matches!(what, "elected" | "followed") || drawn.iter().any(|name| fact.field(name).is_some()))
}

/// What is known of one partition so far.
#[derive(Default)]
struct Folded {
    replicas: BTreeMap<u32, Replica>,
    /// The newest agreement on the ISR, by its partition epoch if it has one.
    agreed: Option<u64>,
    isr: Steps<Vec<u32>>,
}

impl Folded {
    fn fold(&mut self, at: u64, fact: &Fact) {
        let (_, what) = words(fact.kind);
        let log_end = number(fact, field::LOG_END);
        let watermark = number(fact, field::HIGH_WATERMARK);
        let takes_a_role = matches!(what, "elected" | "followed");
        if log_end.is_some() || watermark.is_some() || takes_a_role {
            let replica = self.replicas.entry(fact.node).or_default();
            replica.node = fact.node;
            step(&mut replica.log_end, at, log_end);
            step(&mut replica.high_watermark, at, watermark);
            let epoch = number(fact, field::EPOCH).filter(|_| takes_a_role);
            step(&mut replica.epoch, at, epoch.map(|epoch| (epoch, what == "elected")));
        }
        if let Some(isr) = fact.field(field::ISR) {
            self.agree(at, number(fact, "partition epoch"), isr);
        }
    }

    /// Every node hears of an agreement some time; the first to say so counts.
    fn agree(&mut self, at: u64, agreement: Option<u64>, isr: &str) {
        if agreement.is_some() && agreement <= self.agreed {
            return;
        }
        self.agreed = agreement.or(self.agreed);
        let members = isr.trim_matches(['[', ']']).split(',').filter_map(|member| member.trim().parse().ok());
        self.isr.push((at, members.collect()));
    }

    /// A process that is gone leads nothing.
    fn died(&mut self, at: u64, node: u32) {
        let Some(replica) = self.replicas.get_mut(&node) else { return };
        let place = replica.epoch.partition_point(|(since, _)| *since <= at);
        if let Some((_, (epoch, true))) = place.checked_sub(1).and_then(|last| replica.epoch.get(last)) {
            replica.epoch.insert(place, (at, (*epoch, false)));
        }
    }

    fn into_replicas(mut self) -> Vec<Replica> {
        for (at, members) in &self.isr {
            for (node, replica) in &mut self.replicas {
                step(&mut replica.in_sync, *at, Some(members.contains(node)));
            }
        }
        self.replicas.into_values().collect()
    }
}

/// A value from `at` on; nothing if it is the same as before.
fn step<T: PartialEq>(steps: &mut Steps<T>, at: u64, value: Option<T>) {
    let Some(value) = value else { return };
    match steps.last_mut() {
        Some((_, last)) if *last == value => {}
        // Of several values at one moment the last one stays.
        Some((since, last)) if *since == at => *last = value,
        Some(_) | None => steps.push((at, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_reign_ends_with_the_process_or_with_the_run() {
        let seen: Vec<_> = reigns(&samples::recording())
            .into_iter()
            .map(|reign| (reign.node, reign.epoch, reign.begin_ns / MS, reign.end_ns / MS))
            .collect();
        assert_eq!(seen, [(0, 3, 10, 40), (1, 4, 50, 60)]);
    }

    #[test]
    fn a_panel_shows_log_ends_watermarks_epochs_and_the_isr() {
        let panels = panels(&samples::recording());
        assert_eq!(panels.len(), 1);
        let [zero, one] = panels[0].replicas.as_slice() else { panic!("{panels:?}") };
        assert_eq!(panels[0].partition.as_deref(), Some("0-1"));
        assert_eq!(zero.log_end, [(10 * MS, 40), (20 * MS, 42)]);
        assert_eq!(zero.high_watermark, [(26 * MS, 42)]);
        // What is durable is another end; what is truncated is this one.
        assert_eq!(one.log_end, [(24 * MS, 42), (55 * MS, 41)]);
        assert_eq!(one.epoch, [(11 * MS, (3, false)), (50 * MS, (4, true))]);
        assert_eq!(zero.epoch, [(10 * MS, (3, true)), (40 * MS, (3, false))]);
        // An agreement that is older than the last one changes nothing, however late somebody hears of it.
        assert_eq!(zero.in_sync, [(12 * MS, true), (51 * MS, false)]);
        assert_eq!(one.in_sync, [(12 * MS, true)]);
    }

    #[test]
    fn a_window_begins_with_what_was_known_before() {
        let mut recording = samples::recording();
        recording.window.from_ns = 30 * MS;
        let from = recording.facts.iter().position(|fact| fact.at_ns > 30 * MS).unwrap();
        recording.before = recording.facts.drain(..from).collect();
        let panels = panels(&recording);
        assert_eq!(panels[0].replicas[0].log_end, [(30 * MS, 42)]);
        assert_eq!(reigns(&recording)[0].begin_ns, 30 * MS);
    }
}
