//! The coordinator of one offsets partition, for as long as this broker leads it.
//!
//! Holds the groups, the fold of what is committed, and the writes that are under way. A handler changes a group
//! and leaves what is to be written in its ledger; after it the reign appends them, and does what was to follow
//! once they are committed. What is read from here (offsets, groups after a fail-over) is the fold: a record
//! above the high watermark may vanish with this leader, so nobody is shown it.

use std::collections::BTreeMap;

use crate::coordinator::ledger::{Draft, Follow, Ledger};
use crate::coordinator::reigns::Reigning;
use crate::coordinator::{Phase, Tenure, Timers};
use crate::env::DiskFault;
use crate::group::config::GroupConfig;
use crate::group::message::GroupReply;
use crate::group::probe::GroupProbe;
use crate::group::record::GroupRecord;
use crate::group::state::Group;
use crate::group::table::Table;
use crate::group::{commit, delete, join, sync, txn_commit};
use crate::host::Host;
use crate::ids::{Generation, GroupId, MemberId, Offset, ProducerId, TopicPartition};
use crate::message::Reply;
use crate::partition::{Asker, Context, Partition};
use crate::probe::Probe;
use crate::quirk::Quirks;
use crate::record::Ending;
use crate::refused::Refused;
use crate::time::Time;
use crate::timer::{GroupTimer, Timer};

/// A reign over the groups of one offsets partition.
#[derive(Debug, Clone)]
pub struct Reign {
    /// Where, since when, and how far it has come.
    pub tenure: Tenure,
    pub(super) config: GroupConfig,
    pub(super) quirks: Quirks,
    pub(super) groups: BTreeMap<GroupId, Group>,
    pub(super) table: Table,
    /// `table` is the fold of everything before.
    pub(super) applied: Offset,
    /// What it writes.
    pub(super) ledger: Ledger<GroupRecord, Then>,
}

/// What is done once a draft is committed, or known not to be in time.
#[derive(Debug, Clone, Default)]
pub(super) enum Then {
    /// Nothing.
    #[default]
    Rest,
    /// The committer is told.
    Committed { asker: Asker, group: GroupId, offsets: Vec<(TopicPartition, Offset)> },
    /// Members are told what they were assigned.
    Assigned { group: GroupId, generation: Generation, assignments: Vec<(MemberId, Vec<TopicPartition>)> },
    /// The new process of a static member is told that it goes on.
    Replaced { group: GroupId, generation: Generation, member: MemberId },
    /// Whoever sent offsets within a transaction is told that they are pending.
    Pending { asker: Asker },
    /// A transaction has ended, and with it what it would commit.
    Marked { producer: ProducerId, ending: Ending },
    /// The group is gone, and whoever wanted that is told.
    Removed { asker: Option<Asker>, group: GroupId },
}

impl Follow for Then {
    fn is_rest(&self) -> bool {
        matches!(self, Self::Rest | Self::Marked { .. })
    }
}

impl Reign {
    pub(super) fn new(tenure: Tenure, applied: Offset, config: &GroupConfig, quirks: Quirks) -> Self {
        Self {
            tenure,
            config: config.clone(),
            quirks,
            groups: BTreeMap::new(),
            table: Table::default(),
            applied,
            ledger: Ledger::default(),
        }
    }

    /// The fold of everything before [`Reign::applied`].
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// Up to where the log is folded in.
    pub const fn applied(&self) -> Offset {
        self.applied
    }

    /// Whether nothing that concerns the group is on its way to the log.
    pub fn is_settled(&self, group: &GroupId) -> bool {
        self.ledger.records().all(|record| record.group() != group)
    }

    /// The living groups, by name.
    pub fn groups(&self) -> impl Iterator<Item = (&GroupId, &Group)> {
        self.groups.iter()
    }

    pub(super) fn probe(probe: GroupProbe, env: &mut Host<'_>) {
        env.probe(Probe::Group(probe));
    }

    /// Makes sure that deadlines are looked through before anything of this group is overdue.
    pub(super) fn wake_for(&mut self, group: &GroupId, env: &mut Host<'_>) {
        if let Some(deadline) = self.groups.get(group).and_then(Group::next_deadline) {
            self.tenure.wake_by(deadline, env);
        }
    }

    /// Appends what the step left to be written, until nothing is left: a write that fails may call for another.
    pub(super) fn write_drafts(
        &mut self,
        partition: &mut Partition,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        while let Some(draft) = self.ledger.take_draft() {
            match self.ledger.write(draft, self.config.write_timeout, partition, ctx, env)? {
                Ok(deadline) => self.tenure.wake_by(deadline, env),
                Err((draft, refused)) => self.follow_up(draft.then, Err(refused), env),
            }
        }
        Ok(())
    }

    /// Everything before `end` is committed.
    pub(super) fn on_committed(&mut self, end: Offset, env: &mut Host<'_>) {
        // Markers come also while the log is read.
        if self.tenure.phase != Phase::Active {
            return;
        }
        while let Some((next, draft)) = self.ledger.take_committed(end) {
            self.applied = next;
            for record in draft.records {
                match draft.within {
                    Some((producer, _)) => self.table.apply_within(producer, record),
                    None => self.table.apply(record),
                }
            }
            self.follow_up(draft.then, Ok(()), env);
        }
    }

    /// Whoever has waited for too long is told so. What was written may still become committed.
    pub(super) fn on_write_deadlines(&mut self, now: Time, env: &mut Host<'_>) {
        for then in self.ledger.give_up(now) {
            self.follow_up(then, Err(Refused::RequestTimedOut), env);
        }
        if let Some(deadline) = self.ledger.next_deadline() {
            self.tenure.wake_by(deadline, env);
        }
    }

    fn follow_up(&mut self, then: Then, outcome: Result<(), Refused>, env: &mut Host<'_>) {
        // As Kafka does: a member looks for its coordinator again, whatever kept the write from being replicated.
        let outcome = outcome.map_err(|_| Refused::CoordinatorNotAvailable);
        match then {
            Then::Rest => {}
            Then::Committed { asker, group, offsets } => {
                commit::on_written(asker, &group, &offsets, outcome, env)
            }
            Then::Assigned { group, generation, assignments } => {
                sync::on_written(self, &group, generation, assignments, outcome, env);
            }
            Then::Replaced { group, generation, member } => {
                join::on_replaced(self, &group, generation, member, outcome, env);
            }
            Then::Pending { asker } => txn_commit::on_written(asker, outcome, env),
            Then::Marked { producer, ending } => txn_commit::on_marker(self, producer, ending, env),
            Then::Removed { asker, group } => delete::on_written(self, asker, &group, outcome, env),
        }
    }

    /// A marker was written, and ends at `next`.
    pub(super) fn note_marker(&mut self, next: Offset, producer: ProducerId, ending: Ending) {
        let draft = Draft { records: Vec::new(), within: None, then: Then::Marked { producer, ending } };
        self.ledger.note(next, draft, Time(u64::MAX));
    }

    /// Forgets everything, as an unload that belongs to an earlier reign did.
    pub(super) fn wipe(&mut self) {
        self.groups.clear();
        self.table = Table::default();
    }
}

impl Reigning for Reign {
    fn timers(at: TopicPartition) -> Timers {
        let on = |timer| Timer::Group(at, timer);
        Timers {
            load: on(GroupTimer::Load),
            deadline: on(GroupTimer::Deadline),
            unload: on(GroupTimer::Unload),
            others: vec![on(GroupTimer::Retention)],
        }
    }

    fn tenure(&self) -> &Tenure {
        &self.tenure
    }

    fn tenure_mut(&mut self) -> &mut Tenure {
        &mut self.tenure
    }

    fn announce(&self, end: Offset, env: &mut Host<'_>) {
        let (at, epoch) = (self.tenure.at, self.tenure.epoch);
        Self::probe(GroupProbe::Loading { at, epoch, end }, env);
    }

    fn dismiss(self, env: &mut Host<'_>) {
        let (at, epoch) = (self.tenure.at, self.tenure.epoch);
        Self::probe(GroupProbe::Unloaded { at, epoch }, env);
        for (_, group) in self.groups {
            group.dismiss(Refused::NotCoordinator, env);
        }
        for then in self.ledger.into_follow_ups() {
            match then {
                Then::Committed { asker, .. } => {
                    asker.answer(Reply::Group(GroupReply::OffsetCommit(Err(Refused::NotCoordinator))), env);
                }
                Then::Removed { asker: Some(asker), .. } => {
                    asker.answer(Reply::Group(GroupReply::Delete(Err(Refused::NotCoordinator))), env);
                }
                Then::Pending { asker } => {
                    let refused = GroupReply::TxnOffsetCommit(Err(Refused::NotCoordinator));
                    asker.answer(Reply::Group(refused), env);
                }
                // Nobody waits, or they wait in their groups.
                Then::Rest
                | Then::Marked { .. }
                | Then::Assigned { .. }
                | Then::Replaced { .. }
                | Then::Removed { asker: None, .. } => {}
            }
        }
    }
}
