//! Transactions (KIP-98, KIP-360, KIP-447, KIP-890): all records of one, in however many partitions, or none.
//!
//! Holds: what producers, leaders and coordinators say to each other, and a broker's coordinators: a [`Reign`] for
//! each partition of `__transaction_state` that the broker leads. A producer is coordinated where its transactional
//! id is hashed to; what its coordinator knows is the fold of that partition, so whoever is elected next knows it
//! too, and goes on with what was being ended.
//! One input's way: `on_request` finds the reign, the handler beside this file leaves what is to be written, the
//! reign appends it through its partition after the step, and acts on it once it is committed.
//! Deliberately absent: two-phase commit with others (KIP-939), describing and listing transactions.
//!
//! | file | holds |
//! |---|---|
//! | `config`, `state` | settings; the states of a transactional id |
//! | `record`, `table` | the partition's records as bytes, and their fold |
//! | `reign`, `load` | a coordinator: its writes, how it begins |
//! | `init`, `add`, `end` | a request each |
//! | `markers` | telling partitions how it ended |
//! | `expire` | time-outs and retention |

mod add;
pub mod config;
mod end;
mod expire;
mod init;
mod load;
mod markers;
pub mod message;
pub mod probe;
pub mod record;
mod reign;
pub mod state;
mod table;

use crate::coordinator::Phase;
use crate::coordinator::place::Home;
use crate::coordinator::reigns::Reigns;
use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{BrokerId, CorrelationId, ProducerId, TopicPartition, TransactionalId};
use crate::message::Reply;
use crate::metadata::Image;
use crate::partition::{Asker, Context, Partition};
use crate::quirk::Quirks;
use crate::refused::Refused;
use crate::timer::{Timer, TransactionTimer};
use crate::transaction::config::{TRANSACTIONS_TOPIC, TransactionConfig};
use crate::transaction::message::{AddPartitions, TransactionRequest};

pub use reign::Reign;
pub use table::Table;

/// A producer id that may be used, lent by the broker for one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spare {
    id: Option<ProducerId>,
    /// Somebody needed one more than there was.
    pub(crate) wanted: bool,
}

impl Spare {
    /// With this one, if there is any.
    pub(crate) const fn of(id: Option<ProducerId>) -> Self {
        Self { id, wanted: false }
    }

    /// Whether it is still there.
    pub(crate) const fn is_left(&self) -> bool {
        self.id.is_some()
    }

    fn take(&mut self) -> Option<ProducerId> {
        self.wanted |= self.id.is_none();
        self.id.take()
    }
}

/// A broker's transaction coordinators.
#[derive(Debug, Clone)]
pub struct Transactions {
    config: TransactionConfig,
    quirks: Quirks,
    /// The transactions' topic.
    pub(crate) home: Home,
    reigns: Reigns<Reign>,
}

impl Transactions {
    /// No coordinator yet.
    pub const fn new(config: TransactionConfig, quirks: Quirks) -> Self {
        Self { home: Home::named(TRANSACTIONS_TOPIC), reigns: Reigns::new(config.load), config, quirks }
    }

    /// The coordinators, those that are over among them.
    pub fn reigns(&self) -> impl Iterator<Item = &Reign> {
        self.reigns.iter()
    }

    /// Which partition a producer belongs to; `None` while there is no topic.
    pub(crate) fn place(&self, transactional: &TransactionalId, image: &Image) -> Option<TopicPartition> {
        self.home.place(&transactional.0, image)
    }

    /// Who coordinates a producer's transactions, as far as this broker knows.
    pub(crate) fn coordinator(&self, transactional: &TransactionalId, image: &Image) -> Option<BrokerId> {
        self.home.coordinator(&transactional.0, image)
    }

    /// A request about a producer of `partition`. `offsets`: the partition of the group that it names.
    pub(crate) fn on_request(
        &mut self,
        asker: Asker,
        request: TransactionRequest,
        offsets: Option<TopicPartition>,
        partition: &Partition,
        spare: &mut Spare,
        env: &mut Host<'_>,
    ) {
        match self.reigns.serving(partition) {
            Err(refused) => asker.answer(Reply::Transaction(request.refuse(refused)), env),
            Ok(reign) => handle(reign, asker, request, offsets, spare, env),
        }
    }

    /// A leader answered about a marker.
    pub(crate) fn on_marker_reply(
        &mut self,
        id: CorrelationId,
        result: Result<(), Refused>,
        env: &mut Host<'_>,
    ) {
        for reign in self.reigns.iter_mut().filter(|reign| reign.tenure.phase == Phase::Active) {
            if markers::on_reply(reign, id, result, env) {
                return;
            }
        }
    }

    /// After each input: `partition` may lead or do so no longer, more of it may be committed, and there may be
    /// something to write.
    pub(crate) fn on_partition(
        &mut self,
        partition: &mut Partition,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        self.reigns.follow(
            partition,
            |tenure, read| Reign::new(tenure, read, &self.config, self.quirks),
            env,
        );
        let Some(reign) = self.reigns.current(partition.at()) else { return Ok(()) };
        if partition.is_exposed() {
            load::finish(reign, partition.high_watermark(), ctx, env);
            reign.on_committed(partition.high_watermark(), ctx, env);
        }
        reign.write_drafts(partition, ctx, env)
    }

    /// One of the timers of `partition`'s coordinator ran out.
    pub(crate) fn on_timer(
        &mut self,
        timer: TransactionTimer,
        partition: &Partition,
        ctx: &mut Context<'_>,
        spare: &mut Spare,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        if timer == TransactionTimer::Unload {
            self.reigns.clear_away(partition.at(), env);
            return Ok(());
        }
        let Some(reign) = self.reigns.current(partition.at()) else { return Ok(()) };
        match timer {
            TransactionTimer::Load => load::step(reign, partition, env)?,
            TransactionTimer::Deadline => expire::on_deadline(reign, spare, env),
            TransactionTimer::Markers => markers::on_timer(reign, ctx, env),
            TransactionTimer::Retention => {
                expire::on_retention(reign, env);
                let pause = reign.config.expiration_check;
                env.set_timer(Timer::Transaction(reign.tenure.at, TransactionTimer::Retention), pause);
            }
            TransactionTimer::Unload => {}
        }
        Ok(())
    }
}

/// Routing only.
fn handle(
    reign: &mut Reign,
    asker: Asker,
    request: TransactionRequest,
    offsets: Option<TopicPartition>,
    spare: &mut Spare,
    env: &mut Host<'_>,
) {
    match request {
        TransactionRequest::Init(request) => init::on_request(reign, asker, &request, spare, env),
        TransactionRequest::AddPartitions(request) => add::on_request(reign, asker, request, false, env),
        TransactionRequest::AddOffsets(request) => {
            let partitions = Vec::from_iter(offsets);
            let (transactional, producer, epoch) = (request.transactional, request.producer, request.epoch);
            let request = AddPartitions { transactional, producer, epoch, partitions };
            add::on_request(reign, asker, request, true, env);
        }
        TransactionRequest::End(request) => end::on_request(reign, asker, &request, spare, env),
        // The broker answers the first itself; the second is for the leader of a partition.
        TransactionRequest::FindCoordinator { .. } | TransactionRequest::WriteMarker(_) => {}
    }
}
