//! A producer's transactions: what it sends in one, and the offsets it has read up to, count all or not at all
//! (KIP-98, KIP-447, KIP-890), as Kafka's `TransactionManager` has them.
//!
//! | file | holds |
//! |---|---|
//! | `line` | who coordinates, and the request to it that is under way |
//! | `ask` | what is asked when: an identity, offsets, an end |
//! | `reply` | what the answers mean |
//! | `batches` | what a transaction that failed means for its batches, and the other way round |
//! | `verdict` | what each refusal means |
//!
//! Partitions add themselves to a transaction when its first batch comes, and every transaction has a producer
//! epoch of its own, which the end of the one before brought (KIP-890, part 2). An end is asked for once every
//! batch has a fate. What fails in a transaction fails the transaction: it can only be aborted then.
//! Deliberately absent: AddPartitionsToTxn and AddOffsetsToTxn, which only clients before KIP-890 send.

mod ask;
mod batches;
mod line;
mod reply;
mod verdict;

use std::collections::VecDeque;

use crate::client::alarm::Alarm;
use crate::group::message::CommittedOffset;
use crate::host::Host;
use crate::ids::{Generation, MemberId, ProducerEpoch, ProducerId};
use crate::ids::{GroupId, InstanceId, TopicPartition, TransactionalId};
use crate::refused::Refused;
use crate::time::Span;

use super::Producer;
use line::Line;

/// The settings of a transactional producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionalConfig {
    /// `transactional.id`: whoever starts under it fences whoever did before.
    pub id: TransactionalId,
    /// `transaction.timeout.ms`: a transaction that is open for so long is aborted by its coordinator.
    pub timeout: Span,
}

/// As whom a member has read what it commits in a transaction (KIP-447).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMetadata {
    /// Its group.
    pub group: GroupId,
    /// Who, and in which generation: in another one its offsets are refused.
    pub member: (MemberId, Generation),
    /// Its standing name.
    pub instance: Option<InstanceId>,
}

/// Where a transactional producer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It asks for its identity; what was open under it before is aborted.
    Starting,
    /// No transaction is open.
    Ready,
    /// One is.
    Open,
    /// It is to be committed.
    Committing,
    /// It failed: it can only be aborted.
    Failed,
    /// It is to be aborted.
    Aborting,
    /// Somebody else has the identity, or nothing helps any more. A new producer must be made.
    Over,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionEvent {
    /// It is committed.
    Committed,
    /// It is aborted.
    Aborted,
    /// It can only be aborted, for this reason; `None`: something was not answered in time.
    Failed(Option<Refused>),
    /// The producer is of no more use.
    Over {
        /// Why.
        refused: Refused,
        /// The transaction may have been committed: that was asked for.
        undecided: bool,
    },
}

type Offsets = Vec<(TopicPartition, CommittedOffset)>;

/// The transactions of one producer.
#[derive(Debug, Clone)]
pub(super) struct Transactions {
    config: TransactionalConfig,
    stage: Stage,
    identity: Option<(ProducerId, ProducerEpoch)>,
    /// Some partition may be part of the transaction by now.
    started: bool,
    /// A commit was asked for: nobody but the coordinator knows how the transaction ends.
    undecided: bool,
    /// A batch is missing in some partition's sequence, so the same identity cannot go on there (KIP-360).
    gap: bool,
    coordinator: Line,
    group_coordinator: Line,
    /// Offsets to be committed in the transaction, the first of them perhaps under way.
    offsets: VecDeque<(GroupMetadata, Offsets)>,
    events: VecDeque<TransactionEvent>,
    alarm: Alarm,
}

impl Transactions {
    /// Nothing was asked yet.
    pub(super) fn new(config: TransactionalConfig) -> Self {
        Self {
            config,
            stage: Stage::Starting,
            identity: None,
            started: false,
            undecided: false,
            gap: false,
            coordinator: Line::default(),
            group_coordinator: Line::default(),
            offsets: VecDeque::new(),
            events: VecDeque::new(),
            alarm: Alarm::new(),
        }
    }

    /// Its name.
    pub(super) const fn name(&self) -> &TransactionalId {
        &self.config.id
    }

    /// What batches are stamped with now.
    pub(super) const fn identity(&self) -> Option<(ProducerId, ProducerEpoch)> {
        self.identity
    }

    /// Whether records may be handed in.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open)
    }

    /// Whether batches may be sent for the first time.
    pub(super) const fn may_send(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Committing)
    }

    /// Whether nothing may linger.
    pub(super) const fn hurries(&self) -> bool {
        matches!(self.stage, Stage::Committing)
    }

    /// A batch is about to be sent.
    pub(super) const fn sends(&mut self) {
        self.started = true;
    }

    /// The transaction can only be aborted.
    fn fail(&mut self, refused: Option<Refused>) {
        match self.stage {
            Stage::Open | Stage::Committing => {
                self.stage = Stage::Failed;
                self.offsets.clear();
                self.group_coordinator.forget();
                self.coordinator.forget();
                self.events.push_back(TransactionEvent::Failed(refused));
            }
            Stage::Starting | Stage::Ready | Stage::Failed | Stage::Aborting | Stage::Over => {}
        }
    }

    /// The producer is of no more use.
    fn give_up(&mut self, refused: Refused) {
        if self.stage == Stage::Over {
            return;
        }
        self.stage = Stage::Over;
        self.offsets.clear();
        self.events.push_back(TransactionEvent::Over { refused, undecided: self.undecided });
    }

    /// The transaction is over; the next one is of `identity`. Answers whether that is another than before.
    fn complete(&mut self, identity: Option<(ProducerId, ProducerEpoch)>) -> bool {
        let committed = self.stage == Stage::Committing;
        self.events.push_back(if committed {
            TransactionEvent::Committed
        } else {
            TransactionEvent::Aborted
        });
        let anew = identity != self.identity;
        self.identity = identity;
        (self.started, self.undecided) = (false, false);
        self.gap &= !anew;
        self.stage = if self.gap { Stage::Starting } else { Stage::Ready };
        anew
    }
}

/// All of a producer that has transactions.
impl Producer {
    /// Where its transactions stand; `None`: it has none.
    pub fn stage(&self) -> Option<Stage> {
        self.shared.transactions.as_ref().map(|transactions| transactions.stage)
    }

    /// Under what it produces; `None`: it has no transactions, or is starting.
    pub fn identity(&self) -> Option<(ProducerId, ProducerEpoch)> {
        self.shared.transactions.as_ref().and_then(|transactions| transactions.identity)
    }

    /// Begins a transaction. Nothing goes out before there is something to send.
    ///
    /// # Panics
    /// Unless the producer is [`Stage::Ready`].
    pub fn begin(&mut self) {
        let transactions = self.transactions();
        assert_eq!(transactions.stage, Stage::Ready, "a transaction begins when none is open");
        transactions.stage = Stage::Open;
    }

    /// The next offset to be read in each of these partitions counts if the transaction does. In a transaction
    /// that failed it is dropped with the rest.
    pub fn send_offsets(
        &mut self,
        offsets: Vec<(TopicPartition, CommittedOffset)>,
        group: GroupMetadata,
        env: &mut Host<'_>,
    ) {
        let transactions = self.transactions();
        if transactions.is_open() && !offsets.is_empty() {
            transactions.offsets.push_back((group, offsets));
        }
        self.go_on(env);
    }

    /// Commits, once all that was sent has arrived. What became of it is an event. In a transaction that has
    /// failed meanwhile it has no effect.
    pub fn commit(&mut self, env: &mut Host<'_>) {
        let transactions = self.transactions();
        if transactions.is_open() {
            transactions.stage = Stage::Committing;
            self.pump_all(env);
        }
        self.go_on(env);
    }

    /// Aborts the transaction that is open or has failed. What was not sent yet never is.
    pub fn abort(&mut self, env: &mut Host<'_>) {
        let transactions = self.transactions();
        if matches!(transactions.stage, Stage::Open | Stage::Failed) {
            transactions.stage = Stage::Aborting;
            transactions.offsets.clear();
            transactions.group_coordinator.forget();
        }
        self.go_on(env);
    }

    /// The next that became of a transaction.
    pub fn poll_transaction(&mut self) -> Option<TransactionEvent> {
        self.shared.transactions.as_mut()?.events.pop_front()
    }

    fn transactions(&mut self) -> &mut Transactions {
        self.shared.transactions.as_mut().expect("only a producer with a transactional id has transactions")
    }
}
