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
    /// What the operation at hand read or sent: key, turn, record.
    hand: Vec<(u32, usize, u32)>,
}

/// The classes that one kind of pair is found as: values left out, and going back.
#[derive(Clone, Copy)]
struct Classes {
    skip: Option<Class>,
    back: Class,
}

impl<'a> Pairs<'a> {
    pub(super) const fn new(tables: &'a Tables, order: &'a Order) -> Self {
        Self { tables, order, polls: BTreeMap::new(), sends: BTreeMap::new(), hand: Vec::new() }
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

    /// Sorts what was read or sent by key; within a key it stays in order.
    fn gather(&mut self, number: usize, sent: bool) {
        self.hand.clear();
        let of = self.tables.parts(number).iter().enumerate();
        for (turn, part) in of.filter(|(_, part)| part.sent() == sent) {
            if let Some(record) = self.tables.records.get(part.what as usize) {
                self.hand.push((record.key, turn, part.what));
            }
        }
        self.hand.sort_unstable();
    }

    fn polled(&mut self, number: usize, done: &Done, findings: &mut Findings) {
        self.gather(number, false);
        let inside = Classes { skip: Some(Class::IntPollSkip), back: Class::IntNonmonotonicPoll };
        let between = Classes { skip: Some(Class::PollSkip), back: Class::NonmonotonicPoll };
        for run in self.hand.chunk_by(|a, b| a.0 == b.0) {
            let key = run[0].0;
            if !self.tables.rebalanced(done, key) {
                for pair in run.windows(2) {
                    self.judge(inside, (pair[0].2, pair[1].2), None, number, findings);
                }
            }
            let own = self.polls.get(&done.process).and_then(|own| own.get(&key));
            if let Some((last, by)) = own {
                self.judge(between, (*last, run[0].2), Some(*by), number, findings);
            }
        }
        if done.kind == Kind::Ok {
            let own = self.polls.entry(done.process).or_default();
            for (key, _, record) in &self.hand {
                own.insert(*key, (*record, number));
            }
        }
    }

    fn sent(&mut self, number: usize, done: &Done, findings: &mut Findings) {
        self.gather(number, true);
        let inside = Classes { skip: Some(Class::IntSendSkip), back: Class::IntNonmonotonicSend };
        // Other producers may send between two operations.
        let between = Classes { skip: None, back: Class::NonmonotonicSend };
        let moves = done.kind != Kind::Fail;
        for run in self.hand.chunk_by(|a, b| a.0 == b.0) {
            for pair in run.windows(2) {
                self.judge(inside, (pair[0].2, pair[1].2), None, number, findings);
            }
            let own = self.sends.get(&done.process).and_then(|own| own.get(&run[0].0));
            if let Some((last, by)) = own.filter(|_| moves) {
                self.judge(between, (*last, run[0].2), Some(*by), number, findings);
            }
        }
        if moves {
            let own = self.sends.entry(done.process).or_default();
            for (key, _, record) in &self.hand {
                own.insert(*key, (*record, number));
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
