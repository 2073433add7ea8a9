//! Consumer groups: who owns what, and what they committed.
//!
//! These look at operations that say their `group`:
//! - `assign` with a `generation`: the coordinator gave the client these partitions. One owner for each
//!   partition and generation.
//! - `commit`: offsets by key, each the next that the group will read. They never go back, and never pass a
//!   value that no member had read (at least once); what lies below the first offset that the group read of a
//!   key is not its own.
//! - `committed`: the offsets read back; never lower than what was committed before the question.
//! - `txn`: consume, transform, produce. Two committed ones never read the same value (exactly once); that none
//!   is left out shows as `unseen` or `lost-write`.

use std::collections::BTreeMap;

use super::anomaly::{Anomaly, Fact};
use super::class::Class;
use super::findings::Findings;
use super::order::number;
use super::tables::{NONE, NOWHERE, Tables};
use crate::history::Kind;
use crate::history::op::{Action, Argument, Op};

/// A group and a key.
type At = (u32, u32);

/// Offsets that were committed: when, the highest until then, by which operation.
#[derive(Debug, Clone, Copy)]
struct Mark {
    ended: u64,
    highest: u64,
    by: u32,
}

/// Follows groups, one completion at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    owners: BTreeMap<(u32, u64, u32), (i64, u32)>,
    marks: BTreeMap<At, Vec<Mark>>,
    /// What is wrong whatever comes.
    found: Vec<Anomaly>,
    /// Operations that were judged.
    pub(super) looked: u64,
}

impl Groups {
    /// The next completion, which has this number.
    pub(super) fn look(&mut self, op: &Op, done: u32, tables: &mut Tables) {
        let group = tables.done[done as usize].group;
        if group == NONE || op.kind != Kind::Ok {
            return;
        }
        match (op.f, &op.value) {
            (Action::Assign, Argument::Keys(keys)) => {
                let Some(generation) = op.generation else { return };
                self.looked += 1;
                for key in keys {
                    let key = tables.key(key);
                    self.owned((group, generation, key), done, tables);
                }
            }
            (Action::Commit, Argument::Offsets(offsets)) => {
                self.looked += 1;
                for (key, offset) in offsets {
                    let key = tables.key(key);
                    let Some(offset) = offset else { continue };
                    self.committed((group, key), *offset, done, tables);
                }
            }
            (Action::Committed, Argument::Offsets(offsets)) => {
                self.looked += 1;
                for (key, offset) in offsets {
                    let key = tables.key(key);
                    self.read_back((group, key), *offset, done, tables);
                }
            }
            _ => {}
        }
    }

    fn find(
        &mut self,
        class: Class,
        at: At,
        facts: impl IntoIterator<Item = (&'static str, u64)>,
        (first, second): (u32, u32),
        tables: &mut Tables,
    ) {
        tables.known.insert(class);
        let index = |done: u32| tables.done[done as usize].index;
        let mut told = named(tables, at);
        told.extend(facts.into_iter().map(|(name, value)| (name, number(value))));
        told.push(("ops", Fact::Ops(vec![index(first), index(second)])));
        self.found.push(Anomaly::new(class, told));
    }

    fn owned(&mut self, of: (u32, u64, u32), done: u32, tables: &mut Tables) {
        let process = tables.done[done as usize].process;
        let (owner, by) = *self.owners.entry(of).or_insert((process, done));
        if owner != process {
            let facts = [("generation", of.1)];
            self.find(Class::OwnedTwice, (of.0, of.2), facts, (by, done), tables);
        }
    }

    /// The highest offset that was committed before this operation began.
    fn before(&self, at: At, done: u32, tables: &Tables) -> Option<Mark> {
        let marks = self.marks.get(&at)?;
        let began = tables.done[done as usize].begun;
        marks[..marks.partition_point(|mark| mark.ended < began)].last().copied()
    }

    fn committed(&mut self, at: At, offset: u64, done: u32, tables: &mut Tables) {
        if let Some(mark) = self.before(at, done, tables).filter(|mark| offset < mark.highest) {
            let facts = [("offset", offset), ("committed", mark.highest)];
            self.find(Class::CommitWentBack, at, facts, (mark.by, done), tables);
        }
        let marks = self.marks.entry(at).or_default();
        if marks.last().is_none_or(|mark| mark.highest < offset) {
            marks.push(Mark { ended: tables.done[done as usize].ended, highest: offset, by: done });
        }
    }

    fn read_back(&mut self, at: At, offset: Option<u64>, done: u32, tables: &mut Tables) {
        let Some(mark) = self.before(at, done, tables) else { return };
        if offset.is_none_or(|offset| offset < mark.highest) {
            let facts =
                offset.map(|offset| ("offset", offset)).into_iter().chain([("committed", mark.highest)]);
            self.find(Class::CommitLost, at, facts, (mark.by, done), tables);
        }
    }

    /// The history is over: what is certain already, and what only the whole log shows.
    pub(super) fn finish(&self, tables: &Tables, findings: &mut Findings) {
        self.found.iter().for_each(|anomaly| findings.push(anomaly.clone()));
        let reads = reads(tables, &self.marks);
        for (at, marks) in &self.marks {
            unread(tables, *at, marks, &reads[at], findings);
        }
        consumed_twice(tables, findings);
    }
}

fn named(tables: &Tables, (group, key): At) -> Vec<(&'static str, Fact)> {
    vec![
        ("group", (&tables.groups[group as usize]).into()),
        ("key", (&tables.keys[key as usize].name).into()),
    ]
}

/// By offset, when a member first had it: for each group and key of which something was committed.
fn reads(tables: &Tables, of: &BTreeMap<At, Vec<Mark>>) -> BTreeMap<At, BTreeMap<u64, u64>> {
    let mut all: BTreeMap<At, BTreeMap<u64, u64>> = of.keys().map(|at| (*at, BTreeMap::new())).collect();
    let members =
        tables.done.iter().enumerate().filter(|(_, done)| done.group != NONE && done.kind == Kind::Ok);
    for (place, done) in members.filter(|(_, done)| done.f.of_records()) {
        for part in tables.parts(place).iter().filter(|part| !part.sent() && part.offset != NOWHERE) {
            if let Some(read) = all.get_mut(&(done.group, tables.records[part.what as usize].key)) {
                read.entry(part.offset).or_insert(done.ended);
            }
        }
    }
    all
}

/// Values that a commit passed before any member had read them.
fn unread(
    tables: &Tables,
    (group, key): At,
    marks: &[Mark],
    read: &BTreeMap<u64, u64>,
    findings: &mut Findings,
) {
    // What lies below was never the group's.
    let Some(mut from) = read.first_key_value().map(|(offset, _)| *offset) else { return };
    for mark in marks {
        if mark.highest <= from {
            continue;
        }
        for (offset, record) in tables.keys[key as usize].log.range(from..mark.highest) {
            let in_time = read.get(offset).is_some_and(|ended| *ended < mark.ended);
            let writer = tables.records[*record as usize].writer;
            if !in_time && writer != NONE && tables.done[writer as usize].committed() {
                let mut facts = named(tables, (group, key));
                facts.push(("value", (&tables.name(*record)).into()));
                facts.push(("offset", number(*offset)));
                facts.push(("op", Fact::Op(tables.done[mark.by as usize].index)));
                findings.push(Anomaly::new(Class::CommitUnread, facts));
            }
        }
        from = mark.highest;
    }
}

/// Values that two committed transactions of a group read.
fn consumed_twice(tables: &Tables, findings: &mut Findings) {
    let mut reads: Vec<(u32, u32, usize)> = Vec::new();
    let committed = tables.done.iter().enumerate().filter(|(_, done)| done.group != NONE && done.committed());
    for (place, done) in committed.filter(|(_, done)| done.f == Action::Txn) {
        let read = tables.parts(place).iter().filter(|part| !part.sent());
        let named = read.filter(|part| tables.records[part.what as usize].name.is_some());
        reads.extend(named.map(|part| (done.group, part.what, place)));
    }
    reads.sort_unstable();
    reads.dedup();
    for run in reads.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|run| run.len() > 1) {
        let mut facts = named(tables, (run[0].0, tables.records[run[0].1 as usize].key));
        facts.push(("value", (&tables.name(run[0].1)).into()));
        facts.push(("ops", Fact::Ops(run.iter().map(|(_, _, place)| tables.done[*place].index).collect())));
        findings.push(Anomaly::new(Class::ConsumedTwice, facts));
    }
}
