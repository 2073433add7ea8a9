//! Draws aimed faults: one of the kinds that the run has, on a trigger of the sorts that the space lists.
//!
//! Most bugs live in moments that a drawn time seldom hits: between an election and the first message of the
//! new leader, between a write and its answer. In half of the draws the trigger is about the very node that
//! the fault hits.

use std::collections::BTreeMap;

use squall_core::ids::NodeId;

use super::generate::Draw;
use super::table::AIMED;
use super::{Fault, Happening, Letters, PlannedFault, TABLE, Trigger, Whom};
use crate::settings::spread;

/// The largest `nth` drawn. Many moments that matter come a few times in a storm.
const MOST: u64 = 32;

/// The largest `after` drawn, in microseconds: beyond it the moment is over.
const LATEST: u64 = 50_000;

/// How many messages in a row a rule hits at most.
const ROW: u64 = 8;

impl Draw<'_> {
    /// `None` if the space lists no trigger, or the run has no kind of fault that finds a target.
    pub(super) fn aim(&mut self) -> Option<PlannedFault> {
        let settings = self.settings;
        let exists = |kind: &&str| *kind != AIMED && settings.is_on(&format!("fault.{kind}"));
        let kinds: Vec<&str> = TABLE.iter().map(|row| row.kind).filter(exists).collect();
        let kind = self.rng.pick(&kinds).copied()?;
        let fault = self.fault(kind)?;
        let lasts = self.length(kind).min(self.storm);
        let what = self.happening(subject(&fault))?;
        let nth = spread(&mut self.rng, (1, MOST));
        let after = if self.rng.below(2) == 0 { 0 } else { spread(&mut self.rng, (1, LATEST)) * 1_000 };
        Some(PlannedFault::on(Trigger { what, fields: BTreeMap::new(), nth, after }, lasts, fault))
    }

    /// Something that the space lists, in half of the draws about `subject`.
    fn happening(&mut self, subject: Option<NodeId>) -> Option<Happening> {
        let space = self.space;
        let sorts = [&space.facts, &space.messages, &space.messages, &space.requests];
        let some: Vec<usize> = (0..sorts.len()).filter(|sort| !sorts[*sort].is_empty()).collect();
        let sort = *self.rng.pick(&some)?;
        let kind = self.rng.pick(sorts[sort])?.clone();
        let about = subject.filter(|_| self.rng.below(2) == 0).map(Whom::Node);
        let (from, to) = match (about, self.rng.below(2)) {
            (about, 0) => (about, None),
            (about, _) => (None, about),
        };
        Some(match sort {
            0 => Happening::Fact { kind, by: from.or(to) },
            1 => Happening::Sent(Letters { kind, from, to }),
            2 => Happening::Taken(Letters { kind, from, to }),
            // Whoever owes the answer is the one to hit.
            _ => Happening::Unanswered(Letters { kind, from: None, to: from.or(to) }),
        })
    }

    /// A fault that singles out messages; `None` if the space lists none.
    pub(super) fn rule(&mut self, kind: &str) -> Option<Fault> {
        let space = self.space;
        let message = self.rng.pick(&space.messages)?.clone();
        // Two nodes that are drawn seldom have such a message for each other.
        let (from, to) = match self.rng.below(4) {
            0 | 1 => (None, None),
            2 => (self.whom(|group| &group.nodes), None),
            _ => (None, self.whom(|group| &group.nodes)),
        };
        let nth = spread(&mut self.rng, (1, MOST));
        let count = spread(&mut self.rng, (1, ROW));
        Some(match kind {
            "drop-message" => Fault::DropMessage { message, from, to, nth, count },
            "delay-message" => Fault::DelayMessage { message, from, to, nth, count, extra: self.delay() },
            _ => Fault::DuplicateMessage { message, from, to, nth, count, extra: self.delay() },
        })
    }
}

/// The node that a fault hits first, where it hits one or two rather than many.
fn subject(fault: &Fault) -> Option<NodeId> {
    let targets = fault.targets();
    let [first, ..] = &targets[..] else { return None };
    match first {
        Whom::Node(node) if targets.len() <= 2 => Some(*node),
        Whom::Node(_) | Whom::Role(_) => None,
    }
}
