//! Operations that come before themselves.
//!
//! Each strongly connected component is searched by itself, and in it for each type at most one short cycle,
//! none that another one found already implies: a `G0` is all the others, a `G1c` and a `G0-realtime` are a
//! `G1c-realtime` (elle.consistency-model). That order makes the search simple: where no stronger type is, any
//! cycle of the wider edges has what its name asks for. Beside the example stands the weakest level that
//! cannot hold.

use std::collections::{BTreeMap, VecDeque};

use super::anomaly::{Anomaly, Fact};
use super::class::Class;
use super::findings::Findings;
use super::graph::{Component, Edges, Graph, Why, components, step};
use super::order::{Order, number};
use super::tables::Tables;

/// How many operations of a component a short cycle is sought from.
const STARTS: usize = 16;
/// The most operations of a component that are listed.
const LISTED: usize = 64;

struct Level {
    class: Class,
    exists: Class,
    not: &'static str,
    edges: Edges,
    /// Found already, these imply it.
    implied_by: &'static [Class],
}

const LEVELS: [Level; 4] = [
    Level {
        class: Class::G0,
        exists: Class::Pl1CycleExists,
        not: "read-uncommitted",
        edges: Edges { wr: false, realtime: false },
        implied_by: &[],
    },
    Level {
        class: Class::G1c,
        exists: Class::Pl2CycleExists,
        not: "read-committed",
        edges: Edges { wr: true, realtime: false },
        implied_by: &[Class::G0],
    },
    Level {
        class: Class::G0Realtime,
        exists: Class::StrongPl1CycleExists,
        not: "strong-read-uncommitted",
        edges: Edges { wr: false, realtime: true },
        implied_by: &[Class::G0],
    },
    Level {
        class: Class::G1cRealtime,
        exists: Class::StrongPl2CycleExists,
        not: "strong-read-committed",
        edges: Edges { wr: true, realtime: true },
        implied_by: &[Class::G0, Class::G1c, Class::G0Realtime],
    },
];

/// Finds them all.
pub(super) fn look(tables: &Tables, order: &Order, ww_deps: bool, findings: &mut Findings) {
    let graph = Graph::of(tables, order, ww_deps);
    if graph.is_empty() {
        findings.push(Anomaly::new(Class::EmptyTransactionGraph, Vec::new()));
        return;
    }
    for component in components(&graph, Edges { wr: true, realtime: true }, None) {
        let mut found: Vec<Class> = Vec::new();
        for level in &LEVELS {
            if level.implied_by.iter().any(|class| found.contains(class)) {
                continue;
            }
            let parts = components(&graph, level.edges, Some(&component.nodes));
            let Some(least) = parts.iter().min_by_key(|part| part.operations(&graph).len()) else { continue };
            found.push(level.class);
            let cycle = shortest(&graph, level.edges, least);
            findings.push(told(tables, order, level.class, &cycle));
            findings.push(exists(tables, level, least.operations(&graph)));
        }
    }
}

/// A short cycle of a component: each operation, and why the next one follows it.
fn shortest(graph: &Graph, edges: Edges, component: &Component) -> Vec<(u32, Why)> {
    let mut best: Vec<(u32, Why)> = Vec::new();
    for start in component.operations(graph).iter().take(STARTS) {
        let cycle = back_to(graph, edges, component, *start);
        if best.is_empty() || cycle.len() < best.len() {
            best = cycle;
        }
        // Nothing is shorter than two.
        if best.len() == 2 {
            break;
        }
    }
    best
}

/// Breadth first from an operation until it is reached again. Moments are no steps.
fn back_to(graph: &Graph, edges: Edges, component: &Component, start: u32) -> Vec<(u32, Why)> {
    let mut came: BTreeMap<u32, (u32, Why)> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for (to, why) in graph.next(node, edges) {
            if component.nodes.binary_search(&to).is_err() || came.contains_key(&to) {
                continue;
            }
            came.insert(to, (node, why));
            if graph.is_real(node) {
                queue.push_back(to);
            } else {
                queue.push_front(to);
            }
        }
        if came.contains_key(&start) {
            break;
        }
    }
    let mut steps = Vec::new();
    let mut at = start;
    loop {
        let (from, why) = came[&at];
        if graph.is_real(from) {
            steps.push((from, why));
        }
        at = from;
        if at == start {
            break;
        }
    }
    steps.reverse();
    steps
}

fn told(tables: &Tables, order: &Order, class: Class, cycle: &[(u32, Why)]) -> Anomaly {
    let index = |number: u32| tables.done[number as usize].index;
    let next = |place: usize| cycle[(place + 1) % cycle.len()].0;
    let ops = cycle.iter().chain(cycle.first()).map(|(number, _)| index(*number)).collect();
    let steps = (cycle.iter().enumerate())
        .map(|(place, (from, why))| step(tables, order, *from, next(place), *why))
        .collect();
    Anomaly::new(
        class,
        vec![
            ("type", Fact::Text(class.name().to_owned())),
            ("cycle", Fact::Ops(ops)),
            ("steps", Fact::Steps(steps)),
        ],
    )
}

fn exists(tables: &Tables, level: &Level, least: &[u32]) -> Anomaly {
    let listed = least.iter().take(LISTED).map(|number| tables.done[*number as usize].index);
    Anomaly::new(
        level.exists,
        vec![
            ("type", Fact::Text(level.exists.name().to_owned())),
            ("not", Fact::Text(level.not.to_owned())),
            ("scc-size", number(least.len() as u64)),
            ("scc", Fact::Ops(listed.collect())),
        ],
    )
}
