//! What a log knows of transactions beyond its producers: which were aborted, and which are decided by a marker
//! that may be cut yet.
//!
//! Folds over the batches, like all tables: rebuilt when the log is opened, cut back with it. Kafka keeps the
//! aborted ones in a file beside each segment (`.txnindex`); here every start walks the whole log anyway.

use std::collections::VecDeque;

use super::Log;
use super::clean::Aborted;
use super::producers::Ended;
use crate::ids::Offset;
use crate::message::AbortedTransaction;
use crate::quirk::Quirk;
use crate::record::{Ending, Header};

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Transactions {
    /// By the offset of their markers.
    aborted: Vec<Aborted>,
    /// First record and marker of what was decided and may be undone by a cut, by marker.
    decided: VecDeque<(Offset, Offset)>,
}

impl Transactions {
    pub(super) fn ended(&mut self, ended: Ended) {
        self.decided.push_back((ended.first, ended.last));
        match ended.ending {
            Ending::Commit => {}
            Ending::Abort => {
                let Ended { producer, first, last, .. } = ended;
                self.aborted.push(Aborted { producer, first, last });
            }
        }
    }

    pub(super) fn truncate(&mut self, end: Offset) {
        self.aborted.truncate(self.aborted.partition_point(|aborted| aborted.last < end));
        self.decided.truncate(self.decided.partition_point(|&(_, marker)| marker < end));
    }

    pub(super) fn forget_below(&mut self, start: Offset) {
        self.aborted.drain(..self.aborted.partition_point(|aborted| aborted.last < start));
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Log {
    /// Folds a batch that lies in the log into the producer table, and what that ends into the rest.
    pub(super) fn fold_producer(&mut self, header: &Header, batch: &[u8]) {
        if let Some(ended) = self.producers.apply(header, batch) {
            self.transactions.ended(ended);
        }
    }

    /// The transactions that were aborted, by the offset of their markers.
    pub fn aborted(&self) -> &[Aborted] {
        &self.transactions.aborted
    }

    /// Those with records in `from..to`, by their first record.
    pub fn aborted_in(&self, from: Offset, to: Offset) -> Vec<AbortedTransaction> {
        let aborted = &self.transactions.aborted;
        let reaching = &aborted[aborted.partition_point(|aborted| aborted.last < from)..];
        let within = reaching.iter().filter(|aborted| aborted.first < to);
        let mut found: Vec<_> = within
            .map(|aborted| AbortedTransaction { first: aborted.first, producer: aborted.producer })
            .collect();
        found.sort_unstable();
        found
    }

    /// Everything before is committed: markers there are for good.
    pub fn settle(&mut self, committed: Offset) {
        let decided = &mut self.transactions.decided;
        while decided.front().is_some_and(|&(_, marker)| marker < committed) {
            decided.pop_front();
        }
    }

    /// The last stable offset: of what is committed, the part before the first record of every transaction that
    /// is open, or whose marker is not committed itself.
    pub fn last_stable(&self, committed: Offset) -> Offset {
        let undecided = self.transactions.decided.iter().filter(|&&(_, marker)| marker >= committed);
        let first = undecided.map(|&(first, _)| first).min();
        let first = first.into_iter().chain(self.producers.first_open()).min();
        let first =
            if self.quirks.has(Quirk::LsoOffByOne) { first.map(|first| first.plus(1)) } else { first };
        first.map_or(committed, |first| first.min(committed)).max(self.log_start().min(committed))
    }
}
