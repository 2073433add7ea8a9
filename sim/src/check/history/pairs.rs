//! Neighbours that should lie next to each other: inside one operation, and from one of a client's operations
//! to its next.
//!
//! A failed or crashed poll is judged but does not move its client: after an abort the consumer must be back
//! where it was. A rebalance during an operation excuses the pairs inside it; between operations it is the
//! configuration that excuses them. A value without a place breaks the chain.

use std::collections::BTreeMap;

use super::anomaly::{Anomaly, Fact};
use super::class::Class;
use super::findings::Findings;
use super::order::Order;
use super::tables::{Done, Tables};
use crate::history::Kind;
use crate::history::op::Action;

/// The most values that a skip lists; its delta tells how many there are.
const LISTED: usize = 256;

/// The last of a key that a client read or sent, and in which operation.
type Positions = BTreeMap<u32, (u32, usize)>;

/// Goes through a history's operations in order.
#[derive(Debug)]
pub(super) struct Pairs<'a> {
    tables: &'a Tables,
    order: &'a Order,
    polls: BTreeMap<i64, Positions>,
    sends: BTreeMap<i64, Positions>,
    /// What the operation at hand read or sent, in order.
    hand: Vec<u32>,
    /// Pieces of that, each of one key; the pieces of a key stand together, in order.
    runs: Vec<Run>,
}

/// Records of one key that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    key: u32,
    from: usize,
    to: usize,
}

/// The classes that one kind of pair is found as: values left out, and going back.
#[derive(Clone, Copy)]
struct Classes {
    skip: Option<Class>,
    back: Class,
}

impl<'a> Pairs<'a> {
    pub(super) const fn new(tables: &'a Tables, order: &'a Order) -> Self {
        Self {
            tables,
            order,
            polls: BTreeMap::new(),
            sends: BTreeMap::new(),
            hand: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// The next operation.
    pub(super) fn look(&mut self, number: usize, findings: &mut Findings) {
        let done = &self.tables.done[number];
        match done.f {
            Action::Assign | Action::Subscribe => self.moved(number, done),
            Action::Send | Action::Poll | Action::Txn => {
                if done.f != Action::Send {
                    self.polled(number, done, findings);
                }
                if done.f != Action::Poll {
                    self.sent(number, done, findings);
                }
            }
            Action::Enqueue
            | Action::Dequeue
            | Action::Drain
            | Action::Commit
            | Action::Committed
            | Action::Other => {}
        }
    }

    /// Keys that are still listed keep their position.
    fn moved(&mut self, number: usize, done: &Done) {
        if done.kind == Kind::Fail {
            return;
        }
        let mut listed: Vec<u32> = self.tables.parts(number).iter().map(|part| part.what).collect();
        listed.sort_unstable();
        for positions in [&mut self.polls, &mut self.sends] {
            if let Some(own) = positions.get_mut(&done.process) {
                own.retain(|key, _| listed.binary_search(key).is_ok());
            }
        }
    }

    /// Gathers what was read or sent by key; within a key it stays in order. A poll names each key once, so there
    /// are far fewer runs to sort than records.
    fn gather(&mut self, number: usize, sent: bool) {
        self.hand.clear();
        self.runs.clear();
        for part in self.tables.parts(number).iter().filter(|part| part.sent() == sent) {
            let Some(record) = self.tables.records.get(part.what as usize) else { continue };
            let from = self.hand.len();
            self.hand.push(part.what);
            match self.runs.last_mut() {
                Some(run) if run.key == record.key => run.to += 1,
                Some(_) | None => self.runs.push(Run { key: record.key, from, to: from + 1 }),
            }
        }
        self.runs.sort_unstable();
    }

    fn polled(&mut self, number: usize, done: &Done, findings: &mut Findings) {
        self.gather(number, false);
        let inside = Classes { skip: Some(Class::IntPollSkip), back: Class::IntNonmonotonicPoll };
        let between = Classes { skip: Some(Class::PollSkip), back: Class::NonmonotonicPoll };
        let mut own = self.polls.remove(&done.process).unwrap_or_default();
        for runs in self.runs.chunk_by(|a, b| a.key == b.key) {
            let key = runs[0].key;
            if !self.tables.rebalanced(done, key) {
                self.inside(inside, runs, number, findings);
            }
            let (first, last) = self.ends(runs);
            let before = match done.kind {
                Kind::Ok => own.insert(key, (last, number)),
                Kind::Invoke | Kind::Fail | Kind::Info => own.get(&key).copied(),
            };
            if let Some((before, by)) = before {
                self.judge(between, (before, first), Some(by), number, findings);
            }
        }
        self.polls.insert(done.process, own);
    }

    fn sent(&mut self, number: usize, done: &Done, findings: &mut Findings) {
        self.gather(number, true);
        let inside = Classes { skip: Some(Class::IntSendSkip), back: Class::IntNonmonotonicSend };
        // Other producers may send between two operations.
        let between = Classes { skip: None, back: Class::NonmonotonicSend };
        let moves = done.kind != Kind::Fail;
        let mut own = self.sends.remove(&done.process).unwrap_or_default();
        for runs in self.runs.chunk_by(|a, b| a.key == b.key) {
            self.inside(inside, runs, number, findings);
            let (first, last) = self.ends(runs);
            let before = if moves { own.insert(runs[0].key, (last, number)) } else { None };
            if let Some((before, by)) = before {
                self.judge(between, (before, first), Some(by), number, findings);
            }
        }
        self.sends.insert(done.process, own);
    }

    /// The first and the last record of a key.
    fn ends(&self, runs: &[Run]) -> (u32, u32) {
        let last = runs.last().expect("a key has a run").to - 1;
        (self.hand[runs[0].from], self.hand[last])
    }

    /// Judges the neighbours of a key within one operation.
    fn inside(&self, classes: Classes, runs: &[Run], number: usize, findings: &mut Findings) {
        let mut before = None;
        for record in runs.iter().flat_map(|run| &self.hand[run.from..run.to]) {
            if let Some(before) = before.replace(*record) {
                self.judge(classes, (before, *record), None, number, findings);
            }
        }
    }

    /// `before`: the operation of the first, if it is another one.
    fn judge(
        &self,
        classes: Classes,
        (first, second): (u32, u32),
        before: Option<usize>,
        number: usize,
        findings: &mut Findings,
    ) {
        let Some(delta) = self.order.delta(first, second).filter(|delta| *delta != 1) else { return };
        let class = if delta < 1 { Some(classes.back) } else { classes.skip };
        let Some(class) = class else { return };
        let index = |number: usize| self.tables.done[number].index;
        let mut facts = vec![("key", self.tables.key_of(first).into()), ("delta", Fact::Number(delta))];
        // Between operations a skip is told by what was left out.
        if before.is_none() || delta < 1 {
            facts.push(("values", Fact::Names(vec![self.tables.name(first), self.tables.name(second)])));
        }
        if delta > 1 {
            facts.push(("skipped", Fact::Names(self.between(first, second))));
        }
        facts.push(match before {
            Some(before) => ("ops", Fact::Ops(vec![index(before), index(number)])),
            None => ("op", Fact::Op(index(number))),
        });
        findings.push(Anomaly::new(class, facts));
    }

    fn between(&self, first: u32, second: u32) -> Vec<crate::history::op::Name> {
        let key = self.tables.records[first as usize].key as usize;
        let (Some(from), Some(to)) = (self.order.place(first), self.order.place(second)) else {
            return Vec::new();
        };
        let left_out = &self.order.by_place[key][from as usize + 1..to as usize];
        left_out.iter().take(LISTED).map(|record| self.tables.name(*record)).collect()
    }
}
