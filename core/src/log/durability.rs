//! What is durable: tickets for syncs under way.
//!
//! One call of [`Log::sync`] is one ticket: it asks for every file written since the last call, and for the
//! directory if names changed, and is done when all of them are. Tickets count in order, for a later one
//! does not cover what only an earlier one asked for.

use std::collections::VecDeque;

use super::Log;
use crate::env::{Disk, DiskFault, SyncId};
use crate::ids::Offset;

/// What the end of a sync means to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SyncOutcome {
    /// This log did not ask for it.
    NotMine,
    /// Others must end first, or what it covered is gone.
    Pending,
    /// Everything before this offset is durable.
    Durable(Offset),
    /// What compaction wrote is durable, and [`Log::clean`] can put it in its place.
    Cleaned,
    /// The disk failed; nothing new is durable.
    Failed(DiskFault),
}

#[derive(Debug, Clone)]
pub(super) struct Durability {
    /// Everything before is durable.
    pub end: Offset,
    /// Names were created or removed since a sync of the directory was last asked for.
    pub names_dirty: bool,
    tickets: VecDeque<Ticket>,
    /// Syncs that have not ended, each with its ticket's number.
    pending: Vec<(SyncId, u64)>,
    next_ticket: u64,
}

#[derive(Debug, Clone, Copy)]
struct Ticket {
    number: u64,
    /// What it makes durable; `None`: nothing any more.
    end: Option<Offset>,
}

impl Durability {
    /// Of a log that was just opened: what is read may be in the cache only, even the log start.
    pub(super) const fn new() -> Self {
        Self {
            end: Offset::ZERO,
            names_dirty: true,
            tickets: VecDeque::new(),
            pending: Vec::new(),
            next_ticket: 0,
        }
    }

    /// The log was cut to `end`: whatever is appended there next is not what the syncs under way cover.
    pub(super) fn truncate(&mut self, end: Offset) {
        self.end = self.end.min(end);
        for ticket in &mut self.tickets {
            ticket.end = ticket.end.map(|covered| covered.min(end));
        }
    }

    /// The log was dropped, to start again elsewhere.
    pub(super) fn reset(&mut self) {
        self.end = Offset::ZERO;
        self.names_dirty = true;
        self.void();
    }

    fn void(&mut self) {
        self.tickets.iter_mut().for_each(|ticket| ticket.end = None);
    }

    fn on_synced(&mut self, sync: SyncId, outcome: Result<(), DiskFault>) -> SyncOutcome {
        let Some(place) = self.pending.iter().position(|&(pending, _)| pending == sync) else {
            return SyncOutcome::NotMine;
        };
        self.pending.swap_remove(place);
        if outcome.is_err() {
            self.void();
        }
        let mut durable = None;
        while let Some(&Ticket { number, end }) = self.tickets.front() {
            if self.pending.iter().any(|&(_, ticket)| ticket == number) {
                break;
            }
            durable = durable.max(end);
            self.tickets.pop_front();
        }
        match (outcome, durable) {
            (Err(fault), _) => SyncOutcome::Failed(fault),
            (Ok(()), None) => SyncOutcome::Pending,
            (Ok(()), Some(end)) => {
                self.end = self.end.max(end);
                SyncOutcome::Durable(self.end)
            }
        }
    }
}

impl Log {
    /// Asks that everything up to the log end becomes durable, names of files included. Whether there was
    /// anything to ask for; if not, syncs under way cover it all.
    pub fn sync(&mut self, disk: &mut dyn Disk) -> bool {
        let number = self.durability.next_ticket;
        let pending = &mut self.durability.pending;
        let before = pending.len();
        // Dirty segments are always the last ones.
        for segment in self.segments.iter_mut().rev().take_while(|segment| segment.dirty) {
            pending.push((disk.sync(&segment.file), number));
            segment.dirty = false;
        }
        if std::mem::take(&mut self.durability.names_dirty) {
            pending.push((disk.sync_dir(), number));
        }
        if pending.len() == before {
            return false;
        }
        self.durability.tickets.push_back(Ticket { number, end: Some(self.log_end) });
        self.durability.next_ticket += 1;
        true
    }

    /// Whether a sync is under way.
    pub fn is_syncing(&self) -> bool {
        !self.durability.pending.is_empty()
    }

    /// A sync ended, of this log or not.
    pub fn on_synced(&mut self, sync: SyncId, outcome: Result<(), DiskFault>) -> SyncOutcome {
        if let Some(outcome) = self.on_cleaned_synced(sync, outcome) {
            return outcome.map_or_else(SyncOutcome::Failed, |()| SyncOutcome::Cleaned);
        }
        let answer = self.durability.on_synced(sync, outcome);
        if let SyncOutcome::Failed(_) = answer {
            self.ask_again();
        }
        answer
    }

    /// After a failed sync nobody knows what is durable beyond the last completed one.
    fn ask_again(&mut self) {
        self.durability.names_dirty = true;
        let first = self.segment_of(self.durability.end);
        self.segments[first..].iter_mut().for_each(|segment| segment.dirty = true);
    }
}
