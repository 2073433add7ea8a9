//! The coordinator of one partition of the transactions' topic, for as long as this broker leads it.
//!
//! Holds the fold of what is committed, and what it is about to change: a transactional id has at most one change on
//! its way to the log, and whoever asks for another meanwhile is told to ask again. A decision is acted on (markers
//! are sent, producers told) only once it is committed: until then another leader may decide otherwise.

use std::collections::BTreeMap;

use crate::coordinator::ledger::{Follow, Ledger};
use crate::coordinator::reigns::Reigning;
use crate::coordinator::{Phase, Tenure, Timers};
use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{CorrelationId, Offset, ProducerEpoch, ProducerId, TopicPartition, TransactionalId};
use crate::message::Reply;
use crate::partition::{Asker, Context, Partition};
use crate::probe::Probe;
use crate::quirk::Quirks;
use crate::refused::Refused;
use crate::time::Time;
use crate::timer::{Timer, TransactionTimer};
use crate::transaction::config::TransactionConfig;
use crate::transaction::message::{AddPartitions, TransactionReply};
use crate::transaction::probe::TransactionProbe;
use crate::transaction::record::{Stored, TransactionRecord};
use crate::transaction::state::TransactionState;
use crate::transaction::table::Table;
use crate::transaction::{add, markers};

/// A reign over the transactional ids of one partition.
#[derive(Debug, Clone)]
pub struct Reign {
    /// Where, since when, and how far it has come.
    pub tenure: Tenure,
    pub(super) config: TransactionConfig,
    pub(super) quirks: Quirks,
    pub(super) table: Table,
    /// `table` is the fold of everything before.
    pub(super) applied: Offset,
    pub(super) live: BTreeMap<TransactionalId, Live>,
    pub(super) ledger: Ledger<TransactionRecord, Then>,
}

/// What is known of a transactional id beyond the log.
#[derive(Debug, Clone, Default)]
pub(super) struct Live {
    /// A change is on its way to the log.
    pub(super) changing: bool,
    /// Since when its transaction is open, as far as this coordinator has seen.
    pub(super) since: Time,
    /// The partitions that have not confirmed its end.
    pub(super) markers: Vec<Outstanding>,
    /// Partitions that want to be added, and whether they were asked for as a group's.
    pub(super) additions: Vec<(Asker, AddPartitions, bool)>,
}

/// A marker that is not confirmed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outstanding {
    pub(super) at: TopicPartition,
    /// The request that waits for an answer, and until when; `None`: it was refused, or nobody could be asked.
    pub(super) asked: Option<(CorrelationId, Time)>,
    /// It was sent before.
    pub(super) again: bool,
}

/// Who is told once a change is committed, or known not to be in time.
#[derive(Debug, Clone, Default)]
pub(super) enum Then {
    /// Nobody.
    #[default]
    Rest,
    /// A producer: what it produces under.
    Initialized { asker: Asker, transactional: TransactionalId, id: ProducerId, epoch: ProducerEpoch },
    /// A producer: its predecessor's transaction is being aborted, so that it has to ask again.
    Fencing { asker: Asker },
    /// A leader or a producer: partitions are part of the transaction.
    Added { asker: Asker },
    /// A producer: a group's offsets are.
    OffsetsAdded { asker: Asker },
    /// A producer: its transaction is decided.
    Decided { asker: Asker, id: ProducerId, epoch: ProducerEpoch },
}

impl Follow for Then {
    fn is_rest(&self) -> bool {
        matches!(self, Self::Rest)
    }
}

impl Then {
    /// Tells whoever waits.
    pub(super) fn tell(self, outcome: Result<(), Refused>, env: &mut Host<'_>) {
        let (asker, reply) = match self {
            Self::Rest => return,
            Self::Initialized { asker, transactional, id, epoch } => {
                if outcome.is_ok() {
                    Reign::probe(TransactionProbe::Initialized { transactional, producer: id, epoch }, env);
                }
                (asker, TransactionReply::Init(outcome.map(|()| (id, epoch))))
            }
            Self::Fencing { asker } => {
                (asker, TransactionReply::Init(outcome.and(Err(Refused::ConcurrentTransactions))))
            }
            Self::Added { asker } => (asker, TransactionReply::AddPartitions(outcome)),
            Self::OffsetsAdded { asker } => (asker, TransactionReply::AddOffsets(outcome)),
            Self::Decided { asker, id, epoch } => {
                (asker, TransactionReply::End(outcome.map(|()| (id, epoch))))
            }
        };
        asker.answer(Reply::Transaction(reply), env);
    }
}

impl Reign {
    pub(super) fn new(tenure: Tenure, applied: Offset, config: &TransactionConfig, quirks: Quirks) -> Self {
        Self {
            tenure,
            config: config.clone(),
            quirks,
            table: Table::default(),
            applied,
            live: BTreeMap::new(),
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

    pub(super) fn probe(probe: TransactionProbe, env: &mut Host<'_>) {
        env.probe(Probe::Transaction(probe));
    }

    /// Whether a change of this id is on its way.
    pub(super) fn is_changing(&self, transactional: &TransactionalId) -> bool {
        self.live.get(transactional).is_some_and(|live| live.changing)
    }

    /// The id is going to be this.
    pub(super) fn change(&mut self, transactional: &TransactionalId, value: Option<Stored>, then: Then) {
        self.live.entry(transactional.clone()).or_default().changing = true;
        let transactional = transactional.clone();
        self.ledger.draft(vec![TransactionRecord { transactional, value }], then);
    }

    /// Appends what steps left to be written.
    pub(super) fn write_drafts(
        &mut self,
        partition: &mut Partition,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        while let Some(draft) = self.ledger.take_draft() {
            match self.ledger.write(draft, self.config.write_timeout, partition, ctx, env)? {
                Ok(deadline) => self.tenure.wake_by(deadline, env),
                Err((draft, _)) => {
                    for record in draft.records {
                        self.forget_change(&record.transactional);
                        self.admit_waiting(&record.transactional, env);
                    }
                    // As Kafka does: whoever asked looks for its coordinator again, whatever the reason.
                    draft.then.tell(Err(Refused::CoordinatorNotAvailable), env);
                    // What was nobody's wish (a time-out, a completion) is wished again.
                    self.tenure.wake_by(env.now() + self.config.marker_backoff, env);
                }
            }
        }
        Ok(())
    }

    fn forget_change(&mut self, transactional: &TransactionalId) {
        if let Some(live) = self.live.get_mut(transactional) {
            live.changing = false;
            if self.table.get(transactional).is_none() {
                self.live.remove(transactional);
            }
        }
    }

    /// A change is over: those who waited for it take their turn, and the first change again makes the rest wait.
    fn admit_waiting(&mut self, transactional: &TransactionalId, env: &mut Host<'_>) {
        let Some(live) = self.live.get_mut(transactional) else { return };
        for (asker, request, offsets) in std::mem::take(&mut live.additions) {
            add::on_request(self, asker, request, offsets, env);
        }
    }

    /// Everything before `end` is committed.
    pub(super) fn on_committed(&mut self, end: Offset, ctx: &mut Context<'_>, env: &mut Host<'_>) {
        if self.tenure.phase != Phase::Active {
            return;
        }
        while let Some((next, draft)) = self.ledger.take_committed(end) {
            self.applied = next;
            for record in draft.records {
                let name = record.transactional.clone();
                self.take_in(record, ctx, env);
                self.admit_waiting(&name, env);
            }
            draft.then.tell(Ok(()), env);
        }
    }

    /// A change is committed: what it asks for is done.
    fn take_in(&mut self, record: TransactionRecord, ctx: &mut Context<'_>, env: &mut Host<'_>) {
        let name = record.transactional.clone();
        let from = self.table.get(&name).map_or(TransactionState::Empty, |stored| stored.state);
        let Some(stored) = record.value.clone() else {
            self.table.apply(record);
            self.live.remove(&name);
            return Self::probe(TransactionProbe::Expired { transactional: name }, env);
        };
        self.table.apply(record);
        let live = self.live.entry(name.clone()).or_default();
        live.changing = false;
        let to = stored.state;
        if to == TransactionState::Ongoing && from != TransactionState::Ongoing {
            live.since = env.now();
        }
        Self::probe(
            TransactionProbe::Changed {
                transactional: name.clone(),
                coordinator_epoch: self.tenure.epoch,
                producer: stored.producer,
                epoch: stored.epoch,
                from,
                to,
                partitions: stored.partitions.clone(),
            },
            env,
        );
        match to {
            TransactionState::Ongoing => self.tenure.wake_by(env.now() + stored.timeout, env),
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                markers::begin(self, &name, &stored, ctx, env);
            }
            TransactionState::Empty | TransactionState::CompleteCommit | TransactionState::CompleteAbort => {}
        }
    }
}

impl Reigning for Reign {
    fn timers(at: TopicPartition) -> Timers {
        let on = |timer| Timer::Transaction(at, timer);
        Timers {
            load: on(TransactionTimer::Load),
            deadline: on(TransactionTimer::Deadline),
            unload: on(TransactionTimer::Unload),
            others: vec![on(TransactionTimer::Markers), on(TransactionTimer::Retention)],
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
        Self::probe(TransactionProbe::Loading { at, epoch, end }, env);
    }

    fn dismiss(self, env: &mut Host<'_>) {
        let (at, epoch) = (self.tenure.at, self.tenure.epoch);
        Self::probe(TransactionProbe::Unloaded { at, epoch }, env);
        for then in self.ledger.into_follow_ups() {
            then.tell(Err(Refused::NotCoordinator), env);
        }
        for (asker, _, offsets) in self.live.into_values().flat_map(|live| live.additions) {
            let then = if offsets { Then::OffsetsAdded { asker } } else { Then::Added { asker } };
            then.tell(Err(Refused::NotCoordinator), env);
        }
    }
}
