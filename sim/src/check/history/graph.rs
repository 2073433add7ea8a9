//! Who depends on whom: operations, and an edge from each to those that must come after it.
//!
//! `ww`: the other one sent the value right behind its own. `wr`: the other one read what it sent. `realtime`: it
//! was acknowledged before the other one began, told by way of moments, which are nodes too. Deliberately absent: `rw` and process edges, as in jepsen.tests.kafka.

use std::collections::BTreeMap;

use super::anomaly::Step;
use super::order::Order;
use super::tables::{NONE, Tables};
use crate::history::Kind;

/// Why one comes after the other, the strongest reason first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// It sent what the other one's value lies right behind.
    Ww,
    /// It sent what the other one read.
    Wr,
    /// It ended before the other one began.
    Realtime,
}

/// Which edges are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edges {
    pub(super) wr: bool,
    pub(super) realtime: bool,
}

impl Edges {
    /// Whether an edge is among these.
    pub(super) const fn has(self, why: Why) -> bool {
        match why {
            Why::Ww => true,
            Why::Wr => self.wr,
            Why::Realtime => self.realtime,
        }
    }
}

/// Edges by where they begin, in two flat lists.
#[derive(Debug)]
pub(super) struct Graph {
    /// Nodes below are operations, the others moments.
    real: usize,
    starts: Vec<u32>,
    ends: Vec<(u32, Why)>,
}

impl Graph {
    /// Edges are made twice, once to count them and once to put them in their places: a list of all to be sorted
    /// would take more than everything that is known of the history.
    pub(super) fn of(tables: &Tables, order: &Order, ww_deps: bool) -> Self {
        // A moment for each operation at the most.
        let mut starts = vec![0; tables.done.len() * 2 + 1];
        edges(tables, order, ww_deps, |from, _, _| starts[from as usize + 1] += 1);
        for place in 1..starts.len() {
            starts[place] += starts[place - 1];
        }
        let mut filled = starts.clone();
        let mut ends = vec![(0, Why::Ww); starts[starts.len() - 1] as usize];
        edges(tables, order, ww_deps, |from, to, why| {
            let place = &mut filled[from as usize];
            ends[*place as usize] = (to, why);
            *place += 1;
        });
        Self { real: tables.done.len(), starts, ends }
    }

    pub(super) const fn nodes(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether the node is an operation.
    pub(super) const fn is_real(&self, node: u32) -> bool {
        (node as usize) < self.real
    }

    /// Whether no operation has to do with another one.
    pub(super) fn is_empty(&self) -> bool {
        let mut ends = (0_u32..).zip(self.starts.windows(2));
        !ends.any(|(from, _)| {
            self.after(from).iter().any(|(to, why)| *why != Why::Realtime || self.is_real(*to))
        })
    }

    /// Whom it goes to, among these edges. One may be named for several reasons, the strongest first.
    pub(super) fn next(&self, from: u32, edges: Edges) -> impl Iterator<Item = (u32, Why)> {
        self.after(from).iter().copied().filter(move |(_, why)| edges.has(*why))
    }

    /// All that follow it; for walks that stop and go on.
    pub(super) fn after(&self, from: u32) -> &[(u32, Why)] {
        &self.ends[self.starts[from as usize] as usize..self.starts[from as usize + 1] as usize]
    }
}

/// Tells every edge once; those from a node in the order of whom they go to, the strongest reason first.
fn edges(tables: &Tables, order: &Order, ww_deps: bool, mut tell: impl FnMut(u32, u32, Why)) {
    let moments = Moments::of(tables);
    // By operation, the last one that was told to depend on it.
    let mut told = [vec![NONE; tables.done.len()], vec![NONE; tables.done.len()]];
    for (done, to) in tables.done.iter().zip(0_u32..).filter(|(done, _)| done.f.of_records()) {
        debug_assert!(done.kind != Kind::Invoke, "completions alone are kept");
        let [written, read] = &mut told;
        let mut once = |told: &mut Vec<u32>, from: u32, why: Why| {
            if from != NONE && from != to && std::mem::replace(&mut told[from as usize], to) != to {
                tell(from, to, why);
            }
        };
        let parts = tables.parts(to as usize);
        for part in parts.iter().filter(|part| ww_deps && part.sent()) {
            let Some(record) = tables.records.get(part.what as usize) else { continue };
            let before = order.before(record.key, part.what).filter(|_| record.writer == to);
            let Some(before) = before else { continue };
            once(written, tables.records[before as usize].writer, Why::Ww);
        }
        for part in parts.iter().filter(|part| !part.sent()) {
            let Some(record) = tables.records.get(part.what as usize) else { continue };
            once(read, record.writer, Why::Wr);
        }
        if let Some(last) = moments.before(done.begun) {
            tell(last, to, Why::Realtime);
        }
    }
    moments.edges(|from, to| tell(from, to, Why::Realtime));
}

/// A node for each moment at which somebody was acknowledged: from whoever ended to his moment, from there to the
/// next moment, and from the last moment before somebody began to him. As many edges as operations, however many
/// of them are under way at once.
struct Moments {
    /// How many operations there are: moments are the nodes behind them.
    real: usize,
    /// When somebody was acknowledged, and who it was.
    ended: Vec<(u64, u32)>,
}

impl Moments {
    fn of(tables: &Tables) -> Self {
        let done = tables.done.iter().zip(0_u32..).filter(|(done, _)| done.f.of_records());
        let ended = done.filter(|(done, _)| done.kind == Kind::Ok).map(|(done, who)| (done.ended, who));
        Self { real: tables.done.len(), ended: ended.collect() }
    }

    fn node(&self, place: usize) -> u32 {
        u32::try_from(self.real + place).expect("fewer operations than bytes of a history")
    }

    /// The last moment before somebody began.
    fn before(&self, begun: u64) -> Option<u32> {
        let last = self.ended.partition_point(|(ended, _)| *ended < begun).checked_sub(1)?;
        Some(self.node(last))
    }

    /// To the moments, from operations and from moments.
    fn edges(&self, mut tell: impl FnMut(u32, u32)) {
        for (place, (_, who)) in self.ended.iter().enumerate() {
            tell(*who, self.node(place));
            if let Some(before) = place.checked_sub(1) {
                tell(self.node(before), self.node(place));
            }
        }
    }
}

/// In words: why the second comes after the first.
pub(super) fn step(tables: &Tables, order: &Order, from: u32, to: u32, why: Why) -> Step {
    let mop_of = |number: u32, sent: bool, what: u32| {
        let parts = tables.parts(number as usize).iter();
        parts.filter(|part| part.sent() == sent && part.what == what).map(super::tables::Part::mop).next()
    };
    let parts = || tables.parts(to as usize).iter().filter(|part| part.what != NONE);
    let written = |record: u32| tables.records[record as usize].writer == from;
    match why {
        Why::Realtime => Step::Realtime,
        Why::Wr => {
            let part =
                parts().find(|part| !part.sent() && written(part.what)).expect("it is why the edge is there");
            let mops = (mop_of(from, true, part.what).unwrap_or_default(), part.mop());
            Step::Wr { key: tables.key_of(part.what).clone(), value: tables.name(part.what), mops }
        }
        Why::Ww => {
            let behind = |record: u32| order.before(tables.records[record as usize].key, record);
            let (part, before) = parts()
                .filter(|part| part.sent() && tables.records[part.what as usize].writer == to)
                .find_map(|part| {
                    behind(part.what).filter(|before| written(*before)).map(|before| (part, before))
                })
                .expect("it is why the edge is there");
            Step::Ww {
                key: tables.key_of(part.what).clone(),
                value: tables.name(before),
                next: tables.name(part.what),
                mops: (mop_of(from, true, before).unwrap_or_default(), part.mop()),
            }
        }
    }
}

/// Nodes that all come before one another.
#[derive(Debug)]
pub(super) struct Component {
    /// In order: operations first.
    pub(super) nodes: Vec<u32>,
}

impl Component {
    /// Its operations.
    pub(super) fn operations<'a>(&'a self, graph: &'a Graph) -> &'a [u32] {
        &self.nodes[..self.nodes.partition_point(|node| graph.is_real(*node))]
    }
}

/// The strongly connected components that have more than one node, among these nodes (all, if none are named)
/// and edges. Tarjan's algorithm (1972), with a stack of its own: a chain of a million operations would
/// overflow the real one.
pub(super) fn components(graph: &Graph, edges: Edges, within: Option<&[u32]>) -> Vec<Component> {
    let mut walk = Walk {
        graph,
        edges,
        within,
        seen: BTreeMap::new(),
        dense: Vec::new(),
        stack: Vec::new(),
        found: Vec::new(),
        next: 0,
    };
    match within {
        Some(nodes) => nodes.iter().for_each(|node| walk.from(*node)),
        None => {
            walk.dense = vec![Seen::default(); graph.nodes()];
            (0..).take(graph.nodes()).for_each(|node| walk.from(node));
        }
    }
    walk.found
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// From 1, in the order of finding; 0 not yet.
    number: u32,
    low: u32,
    on_stack: bool,
}

struct Walk<'a> {
    graph: &'a Graph,
    edges: Edges,
    within: Option<&'a [u32]>,
    /// Of few nodes.
    seen: BTreeMap<u32, Seen>,
    /// Of all of them.
    dense: Vec<Seen>,
    stack: Vec<u32>,
    found: Vec<Component>,
    next: u32,
}

impl Walk<'_> {
    fn seen(&mut self, node: u32) -> &mut Seen {
        match self.within {
            Some(_) => self.seen.entry(node).or_default(),
            None => &mut self.dense[node as usize],
        }
    }

    fn enter(&mut self, node: u32) {
        self.next += 1;
        *self.seen(node) = Seen { number: self.next, low: self.next, on_stack: true };
        self.stack.push(node);
    }

    fn from(&mut self, root: u32) {
        if self.seen(root).number != 0 {
            return;
        }
        self.enter(root);
        // Nodes being looked at, and how many of their edges were.
        let mut path: Vec<(u32, usize)> = vec![(root, 0)];
        while let Some((node, turn)) = path.last_mut() {
            let node = *node;
            let Some((to, why)) = self.graph.after(node).get(*turn).copied() else {
                path.pop();
                self.leave(node, path.last().map(|(parent, _)| *parent));
                continue;
            };
            *turn += 1;
            if !self.edges.has(why) || self.within.is_some_and(|nodes| nodes.binary_search(&to).is_err()) {
                continue;
            }
            let other = *self.seen(to);
            if other.number == 0 {
                self.enter(to);
                path.push((to, 0));
            } else if other.on_stack {
                let own = self.seen(node);
                own.low = own.low.min(other.number);
            }
        }
    }

    fn leave(&mut self, node: u32, parent: Option<u32>) {
        let own = *self.seen(node);
        if let Some(parent) = parent {
            let above = self.seen(parent);
            above.low = above.low.min(own.low);
        }
        if own.low != own.number {
            return;
        }
        let mut nodes = Vec::new();
        while let Some(member) = self.stack.pop() {
            self.seen(member).on_stack = false;
            nodes.push(member);
            if member == node {
                break;
            }
        }
        if nodes.len() > 1 {
            nodes.sort_unstable();
            self.found.push(Component { nodes });
        }
    }
}
