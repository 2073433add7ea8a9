//! What became of copies: who lost which records when, by what, and how each life and each claim ended.
//!
//! Written only where something is lost, cut or stopped, which is rare; nothing is done for a record that is
//! merely copied. Which copies there ever were follows from what replicas hold and what they lost. Forgotten
//! together with the logs' deleted parts, so that it stays as small as the faults of a run are many.
//! Deliberately absent: whether a loss is permitted. That is [`crate::contract`]'s.

use std::fmt;

use squall_core::ids::{BrokerId, LeaderEpoch, Offset};
use squall_core::time::Time;

use crate::ghost::partition::Damage;
use crate::ghost::shadow::Batch;

/// When something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct When {
    /// The event's number.
    pub event: u64,
    /// The world's time.
    pub at: Time,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {} ({})", self.event, self.at)
    }
}

/// Adjacent records of one epoch. An epoch and an offset name one record (W-UNIQ).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Their epoch.
    pub epoch: LeaderEpoch,
    /// The first.
    pub from: Offset,
    /// One past the last.
    pub to: Offset,
}

/// By what a replica lost records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// It followed in this reign and cut what its leader did not have.
    Cut(LeaderEpoch),
    /// It followed in this reign and began anew where its leader's log starts.
    Dropped(LeaderEpoch),
    /// A fault.
    Fault(Damage),
}

/// A replica lost records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// When; of a fault, when it struck.
    pub when: When,
    /// Whose they were.
    pub broker: BrokerId,
    /// By what.
    pub by: By,
    /// Which, in order.
    pub runs: Vec<Run>,
}

impl Loss {
    /// Whether the record of `epoch` at `offset` was among them.
    pub fn took(&self, epoch: LeaderEpoch, offset: Offset) -> bool {
        self.runs.iter().any(|run| run.epoch == epoch && run.from <= offset && offset < run.to)
    }
}

/// A life that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// When.
    pub when: When,
    /// What that did to the disk.
    pub damage: Damage,
}

/// A reign in which the leader may lack what was committed before, with permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breach {
    /// When it was decided.
    pub when: When,
    /// The reign.
    pub epoch: LeaderEpoch,
    /// Its leader.
    pub leader: BrokerId,
}

/// The last who might lead a partition stopped being eligible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphaned {
    /// When that was decided.
    pub when: When,
    /// Who they were, and the worst that had happened to each since the life that was counted on.
    pub last: Vec<(BrokerId, Option<Stop>)>,
}

/// One partition's losses.
#[derive(Debug, Clone, Default)]
pub struct Chronicle {
    /// All losses that are not forgotten, in the order in which they were noticed.
    pub losses: Vec<Loss>,
    /// Unclean elections, in order.
    pub breaches: Vec<Breach>,
    /// Set while nobody may lead.
    pub orphaned: Option<Orphaned>,
    /// Retention deleted everything before, somewhere.
    pub deleted: Offset,
}

impl Chronicle {
    /// A replica lost `batches`.
    pub fn lost<'a>(
        &mut self,
        (when, broker, by): (When, BrokerId, By),
        batches: impl IntoIterator<Item = &'a Batch>,
    ) {
        let runs = runs(batches);
        if !runs.is_empty() {
            self.losses.push(Loss { when, broker, by, runs });
        }
    }

    /// What befell copies of the record of `epoch` at `offset`.
    pub fn of(&self, epoch: LeaderEpoch, offset: Offset) -> impl Iterator<Item = &Loss> {
        self.losses.iter().filter(move |loss| loss.took(epoch, offset))
    }

    /// An earlier life of a broker, which ended by `stop`, was registered late: that is why it is not eligible.
    pub fn registered_late(&mut self, broker: BrokerId, stop: Stop) {
        let Some(orphaned) = &mut self.orphaned else { return };
        for (_, known) in orphaned.last.iter_mut().filter(|(last, _)| *last == broker) {
            known.get_or_insert(stop);
        }
    }

    /// Forgets what lies before `start`.
    pub fn prune(&mut self, start: Offset) {
        self.losses.retain(|loss| loss.runs.last().is_some_and(|run| run.to > start));
    }
}

/// Neighbours of one epoch together.
fn runs<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for batch in batches {
        match runs.last_mut() {
            Some(run) if run.epoch == batch.epoch && run.to == batch.base => run.to = batch.next,
            Some(_) | None => runs.push(Run { epoch: batch.epoch, from: batch.base, to: batch.next }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(base: u64, next: u64, epoch: u32) -> Batch {
        Batch { base: Offset(base), next: Offset(next), epoch: LeaderEpoch(epoch), crc: 7, stamp: None }
    }

    #[test]
    fn a_loss_is_found_by_epoch_and_offset_and_by_no_other() {
        let mut chronicle = Chronicle::default();
        let cut = (When::default(), BrokerId(1), By::Cut(LeaderEpoch(3)));
        chronicle.lost(cut, &[batch(4, 6, 1), batch(6, 9, 1), batch(9, 10, 2)]);
        assert_eq!(chronicle.losses[0].runs.len(), 2, "neighbours of one epoch are one run");
        let found = |epoch, offset| chronicle.of(LeaderEpoch(epoch), Offset(offset)).count();
        assert_eq!([found(1, 4), found(1, 8), found(2, 9)], [1, 1, 1]);
        assert_eq!([found(1, 3), found(1, 9), found(2, 8), found(2, 10)], [0, 0, 0, 0]);
    }

    #[test]
    fn nothing_lost_is_no_entry_and_what_is_deleted_is_forgotten() {
        let mut chronicle = Chronicle::default();
        let cut = (When::default(), BrokerId(1), By::Cut(LeaderEpoch(3)));
        chronicle.lost(cut, []);
        assert!(chronicle.losses.is_empty());
        chronicle.lost(cut, &[batch(4, 6, 1)]);
        chronicle.prune(Offset(5));
        assert_eq!(chronicle.losses.len(), 1, "part of it is not deleted");
        chronicle.prune(Offset(6));
        assert!(chronicle.losses.is_empty());
    }
}
