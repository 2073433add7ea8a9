//! A broker: its replicas, and its life with the controllers.
//!
//! Holds: the replicas by partition, the image of what the controllers decided, the registration.
//! One input's way: `on_message` routes by kind; partition requests go to their [`Partition`] with a
//! [`Context`] that names the broker's registration and image; requests of its own life go to `lifecycle`,
//! `metadata`, `producer_ids`.
//! Replicas act only on news from after the broker's own registration: what the controllers knew before is
//! about an earlier life, whose logs and in-flight claims this one must not inherit.
//! Never: decides who leads, keeps metadata on its disk (an image is read anew in each life).

mod groups;
mod lifecycle;
mod metadata;
mod producer_ids;
mod serve;
mod shares;
mod transactions;
mod verify;

use std::collections::BTreeMap;

use crate::env::{DiskFault, SyncId};
use crate::group::Groups;
use crate::group::config::GroupConfig;
use crate::host::{Correlations, Host};
use crate::ids::{BrokerEpoch, BrokerId, CorrelationId, DiskId, Incarnation, NodeId, TopicPartition};
use crate::message::{Message, Reply, Request};
use crate::metadata::Image;
use crate::partition::{Context, Partition, ReplicaConfig};
use crate::probe::{BrokerProbe, Probe};
use crate::share::Shares;
use crate::share::config::ShareConfig;
use crate::time::Span;
use crate::timer::{BrokerTimer, Timer};
use crate::transaction::Transactions;
use crate::transaction::config::TransactionConfig;

/// Settings of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerConfig {
    /// Who it is.
    pub id: BrokerId,
    /// The controller quorum's voters.
    pub controllers: Vec<NodeId>,
    /// `broker.heartbeat.interval.ms`.
    pub heartbeat: Span,
    /// How long an answer of a controller may take before another is asked.
    pub request_timeout: Span,
    /// How long a controller may hold an empty metadata fetch.
    pub metadata_wait: Span,
    /// `log.retention.check.interval.ms`.
    pub housekeeping: Span,
    /// Of every replica.
    pub replica: ReplicaConfig,
    /// Of the coordinators of groups.
    pub groups: GroupConfig,
    /// Of the coordinators of transactions.
    pub transactions: TransactionConfig,
    /// Of the leaders of share-partitions.
    pub shares: ShareConfig,
}

type Partitions = BTreeMap<TopicPartition, Partition>;

/// A broker.
#[derive(Debug, Clone)]
pub struct Broker {
    config: BrokerConfig,
    ids: Correlations,
    incarnation: Incarnation,
    disk: DiskId,
    /// Whether every batch that an earlier life claimed is still on this disk.
    intact: bool,
    life: Life,
    /// The present registration; `None` before the first.
    epoch: Option<BrokerEpoch>,
    /// The registration that the controllers last said they have, which a new one replaces.
    replaces: Option<BrokerEpoch>,
    /// The place in `config.controllers` of the one that is asked.
    controller: usize,
    image: Image,
    /// The replicas know all that the image says of them.
    told: bool,
    pending: Pending,
    partitions: Partitions,
    producer_ids: producer_ids::Block,
    groups: Groups,
    transactions: Transactions,
    additions: verify::Additions,
    shares: Shares,
}

/// How far this life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Waits until the disk's name is durable: two lives must not name one disk differently.
    Formatting { waits: u8 },
    /// Asks to be registered.
    Registering,
    /// Is registered.
    Running,
    /// Its disk failed it.
    Halted,
}

/// Requests to a controller that wait for an answer.
#[derive(Debug, Clone, Copy, Default)]
struct Pending {
    register: Option<CorrelationId>,
    heartbeat: Option<CorrelationId>,
    metadata: Option<CorrelationId>,
    producer_ids: Option<CorrelationId>,
}

/// The replicas of a broker, and what works on them: each is borrowed by itself.
struct Parts<'a> {
    partitions: &'a mut Partitions,
    /// What replicas see of the broker.
    ctx: Context<'a>,
    groups: &'a mut Groups,
    transactions: &'a mut Transactions,
    shares: &'a mut Shares,
}

impl Broker {
    /// A broker that has not lived yet.
    pub fn new(config: BrokerConfig) -> Self {
        Self {
            groups: Groups::new(config.groups.clone(), config.replica.quirks),
            transactions: Transactions::new(config.transactions.clone(), config.replica.quirks),
            additions: verify::Additions::default(),
            shares: Shares::new(config.shares.clone(), config.replica.quirks),
            config,
            ids: Correlations::default(),
            incarnation: Incarnation(0),
            disk: DiskId(0),
            intact: false,
            life: Life::Registering,
            epoch: None,
            replaces: None,
            controller: 0,
            image: Image::default(),
            told: false,
            pending: Pending::default(),
            partitions: BTreeMap::new(),
            producer_ids: producer_ids::Block::default(),
        }
    }

    /// Who it is.
    pub const fn id(&self) -> BrokerId {
        self.config.id
    }

    /// Its present registration.
    pub const fn epoch(&self) -> Option<BrokerEpoch> {
        self.epoch
    }

    /// What the controllers decided, as far as it knows.
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// Its replica of a partition.
    pub fn partition(&self, at: TopicPartition) -> Option<&Partition> {
        self.partitions.get(&at)
    }

    /// Its replicas.
    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.values()
    }

    /// Its coordinators.
    pub const fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Its transaction coordinators.
    pub const fn transactions(&self) -> &Transactions {
        &self.transactions
    }

    /// Its share-partitions.
    pub const fn shares(&self) -> &Shares {
        &self.shares
    }

    /// Whether its disk failed it. It does nothing any more in this life.
    pub fn is_halted(&self) -> bool {
        self.life == Life::Halted
    }

    /// A life begins.
    pub fn start(&mut self, env: &mut Host<'_>) {
        let outcome = lifecycle::start(self, env);
        self.halt_on(outcome, env);
    }

    /// A message arrived.
    pub fn on_message(&mut self, from: NodeId, message: Message, env: &mut Host<'_>) {
        if self.life == Life::Halted {
            return;
        }
        let outcome = match message {
            // Votes are between controllers.
            Message::Quorum(_) => Ok(()),
            Message::Request { id, request } => self.on_request(from, id, request, env),
            Message::Reply { id, reply } => self.on_reply(from, id, reply, env),
        };
        let outcome = outcome.and_then(|()| self.attend(env));
        self.halt_on(outcome, env);
    }

    /// A timer ran out.
    pub fn on_timer(&mut self, timer: Timer, env: &mut Host<'_>) {
        if self.life == Life::Halted {
            return;
        }
        let outcome = match timer {
            Timer::Broker(timer) => self.on_own_timer(timer, env),
            Timer::Partition(at, timer) => {
                self.with_partition(at, env, |p, ctx, env| p.on_timer(timer, ctx, env)).unwrap_or(Ok(()))
            }
            Timer::Group(at, timer) => groups::on_timer(self, at, timer, env),
            Timer::Transaction(at, timer) => transactions::on_timer(self, at, timer, env),
            Timer::Share(at, timer) => shares::on_timer(self, at, timer, env),
            Timer::Client(timer) => {
                self.shares.on_client_timer(timer, env);
                Ok(())
            }
            // No broker sets these.
            Timer::Quorum(_) | Timer::Controller(_) | Timer::Application(_) => Ok(()),
        };
        let outcome = outcome.and_then(|()| self.attend(env));
        self.halt_on(outcome, env);
    }

    /// A sync ended.
    pub fn on_synced(&mut self, sync: SyncId, outcome: Result<(), DiskFault>, env: &mut Host<'_>) {
        let outcome = match self.life {
            Life::Halted => return,
            Life::Formatting { .. } => lifecycle::on_formatted(self, outcome, env),
            Life::Registering | Life::Running => self.on_partition_synced(sync, outcome, env),
        };
        let outcome = outcome.and_then(|()| self.attend(env));
        self.halt_on(outcome, env);
    }

    /// After each input: whatever it did to a coordinator's partition is the coordinator's affair too.
    fn attend(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let Some(Parts { partitions, mut ctx, groups, transactions, shares }) = self.parts() else {
            return Ok(());
        };
        if let Some(all) = groups.home.partitions() {
            for (_, partition) in partitions.range_mut(all) {
                groups.on_partition(partition, &mut ctx, env)?;
            }
        }
        if let Some(all) = transactions.home.partitions() {
            for (_, partition) in partitions.range_mut(all) {
                transactions.on_partition(partition, &mut ctx, env)?;
            }
        }
        if let Some(all) = shares.home.partitions() {
            for (_, partition) in partitions.range_mut(all) {
                shares.on_partition(partition, &mut ctx, env)?;
            }
        }
        Ok(())
    }

    /// Routing only.
    fn on_request(
        &mut self,
        from: NodeId,
        id: CorrelationId,
        request: Request,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        let asker = crate::partition::Asker { node: from, id };
        match request {
            Request::Produce(request) => serve::on_produce(self, asker, request, env),
            Request::Fetch(request) => serve::on_fetch(self, asker, request, env),
            Request::EpochEnd(request) => serve::on_epoch_end(self, asker, request, env),
            Request::ListOffsets(request) => serve::on_list_offsets(self, asker, request, env),
            Request::Metadata => metadata::on_client_request(self, asker, env),
            Request::InitProducerId => producer_ids::on_request(self, asker, env),
            Request::Group(request) => groups::on_request(self, asker, request, env),
            Request::Transaction(request) => transactions::on_request(self, asker, request, env),
            Request::Share(request) => shares::on_request(self, asker, request, env),
            Request::RegisterBroker(_)
            | Request::Heartbeat(_)
            | Request::FetchMetadata(_)
            | Request::AlterPartition(_)
            | Request::CreateTopic(_)
            | Request::AllocateProducerIds(_)
            | Request::ElectLeader(_) => serve::on_controller_request(asker, &request, env),
        }
    }

    /// Routing only.
    fn on_reply(
        &mut self,
        from: NodeId,
        id: CorrelationId,
        reply: Reply,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        match reply {
            Reply::RegisterBroker(result) => lifecycle::on_registered(self, id, result, env),
            Reply::Heartbeat(result) => lifecycle::on_heartbeat_reply(self, id, result, env),
            Reply::FetchMetadata(result) => metadata::on_update(self, id, result, env),
            Reply::AllocateProducerIds(result) => producer_ids::on_reply(self, id, result, env),
            Reply::AlterPartition { at, result } => self
                .with_partition(at, env, |p, ctx, env| p.on_altered(id, result, ctx, env))
                .unwrap_or(Ok(())),
            Reply::Fetch { at, result } => self
                .with_partition(at, env, |p, ctx, env| p.on_fetched(id, result, ctx, env))
                .unwrap_or(Ok(())),
            Reply::Transaction(reply) => transactions::on_reply(self, id, reply, env),
            Reply::ListOffsets { result, .. } => {
                self.shares.on_looked(id, result);
                Ok(())
            }
            // Of a letter.
            reply @ (Reply::Metadata(_) | Reply::InitProducerId(_) | Reply::Produce { .. }) => {
                self.shares.on_client_reply(from, id, reply, env);
                Ok(())
            }
            // Answers to what a broker never asks.
            Reply::CreateTopic(_)
            | Reply::ElectLeader(_)
            | Reply::EpochEnd { .. }
            | Reply::Group(_)
            | Reply::Share(_) => Ok(()),
        }
    }

    fn on_own_timer(&mut self, timer: BrokerTimer, env: &mut Host<'_>) -> Result<(), DiskFault> {
        match timer {
            BrokerTimer::Register => lifecycle::on_register_timer(self, env),
            BrokerTimer::Heartbeat => lifecycle::on_heartbeat_timer(self, env),
            BrokerTimer::Metadata => metadata::on_timer(self, env),
            BrokerTimer::ProducerIds => producer_ids::on_timer(self, env),
            BrokerTimer::Verification => verify::on_timer(self, env),
            BrokerTimer::Retention => return lifecycle::on_housekeeping_timer(self, env),
        }
        Ok(())
    }

    fn on_partition_synced(
        &mut self,
        sync: SyncId,
        outcome: Result<(), DiskFault>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        let Some(Parts { partitions, mut ctx, .. }) = self.parts() else { return Ok(()) };
        for partition in partitions.values_mut() {
            if partition.on_synced(sync, outcome, &mut ctx, env)? {
                break;
            }
        }
        Ok(())
    }

    /// Runs `act` on a replica; `None` if this broker does not hold the partition, or not yet.
    fn with_partition<T>(
        &mut self,
        at: TopicPartition,
        env: &mut Host<'_>,
        act: impl FnOnce(&mut Partition, &mut Context<'_>, &mut Host<'_>) -> T,
    ) -> Option<T> {
        let Parts { partitions, mut ctx, .. } = self.parts()?;
        Some(act(partitions.get_mut(&at)?, &mut ctx, env))
    }

    /// What works on replicas; `None` before the first registration.
    fn parts(&mut self) -> Option<Parts<'_>> {
        let ctx = Context {
            me: self.config.id,
            broker_epoch: self.epoch?,
            controller: self.controller(),
            image: &self.image,
            config: &self.config.replica,
            ids: &mut self.ids,
        };
        let Self { partitions, groups, transactions, shares, .. } = self;
        Some(Parts { partitions, ctx, groups, transactions, shares })
    }

    /// The controller that is asked.
    fn controller(&self) -> NodeId {
        self.config.controllers[self.controller]
    }

    /// Asks another controller from now on: the named one, or the next.
    fn turn_to(&mut self, leader: Option<NodeId>) {
        let voters = &self.config.controllers;
        let named = leader.and_then(|leader| voters.iter().position(|&voter| voter == leader));
        self.controller = named.unwrap_or((self.controller + 1) % voters.len());
    }

    /// As Kafka does when a log directory fails: the broker stops for good.
    fn halt_on(&mut self, outcome: Result<(), DiskFault>, env: &mut Host<'_>) {
        if outcome.is_err() {
            self.life = Life::Halted;
            env.probe(Probe::Broker(BrokerProbe::Halted));
        }
    }
}
