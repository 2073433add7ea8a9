//! Queues, in the sense of jepsen.checker: `queue` (every dequeue comes from somewhere) and `total-queue` (what
//! goes in comes out, once the queue was drained).
//!
//! An enqueuing counts from its invocation until it fails: it may take effect at any time in between. What was
//! dequeued more often than enqueued breaks the first, and is only counted by the second, which many queues
//! keep (at least once).

use std::collections::BTreeMap;

use super::anomaly::{Anomaly, Fact};
use super::class::Class;
use super::findings::Findings;
use crate::history::Kind;
use crate::history::op::{Action, Argument, Name, Op};

/// What became of one value.
#[derive(Debug, Clone, Copy, Default)]
struct Item {
    /// Enqueuings invoked that did not fail.
    attempts: u64,
    acknowledged: u64,
    dequeued: u64,
    /// The operation that enqueued it, and the one that dequeued it last.
    enqueued_by: Option<u64>,
    dequeued_by: Option<u64>,
    /// It was dequeued when there was none of it.
    from_nowhere: bool,
}

/// A queue's history, as totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueReport {
    /// Every dequeue came from somewhere: `jepsen.checker/queue`.
    pub queue: bool,
    /// Nothing was lost and nothing unexpected: `jepsen.checker/total-queue`.
    pub total_queue: bool,
    /// Enqueuings begun that did not fail.
    pub attempts: u64,
    /// Enqueuings acknowledged.
    pub acknowledged: u64,
    /// Dequeued, of what was attempted; each attempt once.
    pub ok: u64,
    /// Dequeued, and never attempted.
    pub unexpected: u64,
    /// Dequeued more often than attempted.
    pub duplicated: u64,
    /// Acknowledged and never dequeued.
    pub lost: u64,
    /// Dequeued, and never acknowledged.
    pub recovered: u64,
}

/// Follows a queue, one operation at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    items: BTreeMap<Name, Item>,
    drained: bool,
    any: bool,
}

impl Queue {
    /// Whether the history is of a queue at all.
    pub(super) const fn any(&self) -> bool {
        self.any
    }

    /// The next operation.
    pub(super) fn look(&mut self, op: &Op, index: u64) {
        let Argument::Items(items) = &op.value else { return };
        self.any = true;
        match op.f {
            Action::Enqueue => items.iter().for_each(|item| self.enqueue(item, op.kind, index)),
            Action::Dequeue | Action::Drain if op.kind == Kind::Ok => {
                self.drained |= op.f == Action::Drain;
                items.iter().for_each(|item| self.dequeue(item, index));
            }
            Action::Dequeue
            | Action::Drain
            | Action::Send
            | Action::Poll
            | Action::Txn
            | Action::Assign
            | Action::Subscribe
            | Action::Commit
            | Action::Committed
            | Action::Other => {}
        }
    }

    fn enqueue(&mut self, item: &Name, kind: Kind, index: u64) {
        let item = self.items.entry(item.clone()).or_default();
        match kind {
            Kind::Invoke => item.attempts += 1,
            Kind::Ok => {
                item.acknowledged += 1;
                // Somebody may leave out invocations.
                item.attempts = item.attempts.max(item.acknowledged);
                item.enqueued_by = Some(index);
            }
            Kind::Fail => item.attempts = item.attempts.saturating_sub(1),
            Kind::Info => item.enqueued_by = item.enqueued_by.or(Some(index)),
        }
    }

    fn dequeue(&mut self, item: &Name, index: u64) {
        let item = self.items.entry(item.clone()).or_default();
        item.from_nowhere |= item.dequeued >= item.attempts;
        item.dequeued += 1;
        item.dequeued_by = Some(index);
    }

    /// The history is over.
    pub(super) fn finish(&self, findings: &mut Findings) -> QueueReport {
        let mut report = QueueReport { queue: true, ..QueueReport::default() };
        for (name, item) in &self.items {
            let ok = item.dequeued.min(item.attempts);
            let unexpected = if item.attempts == 0 { item.dequeued } else { 0 };
            let duplicated = item.dequeued - ok - unexpected;
            let lost = item.acknowledged.saturating_sub(item.dequeued);
            let recovered = ok.saturating_sub(item.acknowledged);
            report.queue &= !item.from_nowhere && unexpected == 0 && duplicated == 0;
            report.attempts += item.attempts;
            report.acknowledged += item.acknowledged;
            report.ok += ok;
            report.unexpected += unexpected;
            report.duplicated += duplicated;
            report.lost += lost;
            report.recovered += recovered;
            // Dequeued before anybody began to enqueue it is from nowhere too.
            let early = u64::from(item.from_nowhere && unexpected == 0 && duplicated == 0);
            let found = [
                (Class::QueueUnexpected, unexpected + early),
                (Class::QueueDuplicated, duplicated),
                (Class::QueueLost, if self.drained { lost } else { 0 }),
                (Class::QueueRecovered, recovered),
            ];
            for (class, count) in found.into_iter().filter(|(_, count)| *count > 0) {
                findings.push(told(class, name, item, count));
            }
        }
        report.total_queue = report.unexpected == 0 && report.lost == 0;
        report
    }
}

fn told(class: Class, name: &Name, item: &Item, count: u64) -> Anomaly {
    let mut facts = vec![("value", name.into()), ("count", super::order::number(count))];
    facts.extend(item.enqueued_by.map(|index| ("writer", Fact::Op(index))));
    facts.extend(item.dequeued_by.map(|index| ("reader", Fact::Op(index))));
    Anomaly::new(class, facts)
}
