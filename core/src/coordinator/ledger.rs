//! A coordinator's writes: what a step wants written, what is being replicated, and what follows once it is
//! committed.
//!
//! Records are folded in when they are committed, in the order of the log. A write that is too slow is given up
//! by whoever waits for it, not by the log: it may still become committed, and is folded in then.

use std::collections::VecDeque;

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{Offset, ProducerEpoch, ProducerId};
use crate::partition::{Context, Partition};
use crate::record::BatchBuilder;
use crate::refused::Refused;
use crate::time::{Span, Time};

/// A record of a coordinator's partition.
pub trait Entry {
    /// Its key and value.
    fn encode(&self) -> (Vec<u8>, Option<Vec<u8>>);
}

/// What follows a write. The default: nothing.
pub trait Follow: Default {
    /// Whether nothing follows.
    fn is_rest(&self) -> bool;
}

/// Records to be written together, and what follows.
#[derive(Debug, Clone)]
pub(crate) struct Draft<R, T> {
    pub(crate) records: Vec<R>,
    /// The transaction that they are part of.
    pub(crate) within: Option<(ProducerId, ProducerEpoch)>,
    pub(crate) then: T,
}

/// Until when a draft should be committed, or what does not follow and why.
type Written<R, T> = Result<Time, (Draft<R, T>, Refused)>;

/// A draft in the log.
#[derive(Debug, Clone)]
struct Write<R, T> {
    /// One past its last record.
    next: Offset,
    draft: Draft<R, T>,
    deadline: Time,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Ledger<R, T> {
    /// What the handler of this step wants written.
    drafts: Vec<Draft<R, T>>,
    /// What is being replicated, in the order of the log.
    writes: VecDeque<Write<R, T>>,
}

impl<R, T> Default for Ledger<R, T> {
    fn default() -> Self {
        Self { drafts: Vec::new(), writes: VecDeque::new() }
    }
}

impl<R: Entry, T: Follow> Ledger<R, T> {
    /// Records are to be written when the step is over.
    pub(crate) fn draft(&mut self, records: Vec<R>, then: T) {
        self.drafts.push(Draft { records, within: None, then });
    }

    /// The same as part of a transaction.
    pub(crate) fn draft_within(&mut self, within: (ProducerId, ProducerEpoch), records: Vec<R>, then: T) {
        self.drafts.push(Draft { records, within: Some(within), then });
    }

    /// What is to be written next.
    pub(crate) fn take_draft(&mut self) -> Option<Draft<R, T>> {
        if self.drafts.is_empty() { None } else { Some(self.drafts.remove(0)) }
    }

    /// Appends a draft.
    pub(crate) fn write(
        &mut self,
        draft: Draft<R, T>,
        timeout: Span,
        partition: &mut Partition,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<Written<R, T>, DiskFault> {
        let mut builder = BatchBuilder::new();
        let time = env.wall().as_millis();
        for record in &draft.records {
            let (key, value) = record.encode();
            builder.add(Some(&key), value.as_deref(), &[], time);
        }
        if let Some((producer, epoch)) = draft.within {
            builder.set_identity(producer, epoch).set_transactional();
        }
        Ok(match partition.append_own(&builder.build(), ctx, env)? {
            Ok(next) => {
                let deadline = env.now() + timeout;
                self.note(next, draft, deadline);
                Ok(deadline)
            }
            Err(refused) => Err((draft, refused)),
        })
    }

    /// A draft lies in the log, and ends there.
    pub(crate) fn note(&mut self, next: Offset, draft: Draft<R, T>, deadline: Time) {
        self.writes.push_back(Write { next, draft, deadline });
    }

    /// The next draft that is committed, if everything before `end` is, and where it ends.
    pub(crate) fn take_committed(&mut self, end: Offset) -> Option<(Offset, Draft<R, T>)> {
        if self.writes.front()?.next > end {
            return None;
        }
        let write = self.writes.pop_front()?;
        Some((write.next, write.draft))
    }

    /// What was to follow writes that take too long.
    pub(crate) fn give_up(&mut self, now: Time) -> Vec<T> {
        let late = self.writes.iter_mut().filter(|write| write.deadline <= now);
        late.map(|write| std::mem::take(&mut write.draft.then)).collect()
    }

    /// When somebody gives up next.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let waiting = self.writes.iter().filter(|write| !write.draft.then.is_rest());
        waiting.map(|write| write.deadline).min()
    }

    /// Everything that is on its way.
    pub(crate) fn records(&self) -> impl Iterator<Item = &R> {
        self.writes.iter().flat_map(|write| &write.draft.records)
    }

    /// What will not follow any more.
    pub(crate) fn into_follow_ups(self) -> impl Iterator<Item = T> {
        self.writes.into_iter().map(|write| write.draft.then)
    }
}
