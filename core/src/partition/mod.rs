//! One replica of one partition: leader, follower, or neither.
//!
//! Holds: the replica's log, its role, its high watermark.
//! Is told: what the controllers decided, as an image that only grows ([`Partition::on_metadata`]).
//! Changed only by: the handlers, a file each: `produce`, `fetch`, `follow`, `isr`, `watermark`, `lookup`,
//! `clean`, `transactions`.
//! Never: decides who leads or who is in sync (it asks), reads a clock but through the window, knows files.
//!
//! Sources: KIP-101, KIP-279, KIP-320 (truncation by epoch and end offset, fencing by leader epoch), KIP-497
//! (ISR changes by compare-and-set), KIP-841 and KIP-903 (fenced and outlived brokers stay out of the ISR),
//! KIP-966 (the high watermark rests while the ISR is below `min.insync.replicas`), KIP-207 (a new leader's
//! high watermark is unknown until it reaches the start of its reign).
//!
//! Deliberately absent: a checkpoint of the high watermark. A replica starts at its log start; truncation
//! goes by epochs, so a low watermark costs a moment of unreadable records and nothing else.

mod clean;
mod config;
mod context;
mod fetch;
mod follow;
mod isr;
mod leader;
mod lookup;
mod produce;
mod purgatory;
mod transactions;
mod watermark;

use bytes::Bytes;

use crate::env::{DiskFault, SyncId};
use crate::host::Host;
use crate::ids::{BrokerId, CorrelationId, LeaderEpoch, Offset, PartitionEpoch, TopicId, TopicPartition};
use crate::log::{CleanupPolicy, Log, LogConfig, ReadError, SyncOutcome};
use crate::message::{EpochEnd, Fetch, Fetched, ListOffsets, Produce};
use crate::metadata::PartitionState;
use crate::probe::{Probe, ReplicaProbe};
use crate::quirk::Quirk;
use crate::record::Batch;
use crate::refused::Refused;
use crate::timer::{PartitionTimer, Timer};
use crate::transaction::message::WriteMarker;

pub use config::{Flush, ReplicaConfig};
pub use context::{Asker, Context};
use follow::Follower;
use leader::Leader;
pub use leader::{Isr, Progress};

/// One replica.
#[derive(Debug, Clone)]
pub struct Partition {
    at: TopicPartition,
    log: Log,
    /// Up to where this replica knows the log to be committed. A follower's copies its leader's, and may
    /// go back with a new leader; what is *exposed* never does.
    high_watermark: Offset,
    epoch: LeaderEpoch,
    partition_epoch: PartitionEpoch,
    role: Role,
    /// Reading failed in this step, somewhere far from the handler that can say so.
    failure: Option<DiskFault>,
}

#[derive(Debug, Clone)]
enum Role {
    /// Nobody leads, or this node has not heard who.
    Idle,
    Leader(Box<Leader>),
    Follower(Follower),
}

impl Partition {
    /// Whether the replica's log shows no damage but what a power loss explains. Damage may have cost it records
    /// that it once claimed to hold.
    pub fn is_sound(at: TopicPartition, env: &mut Host<'_>) -> Result<bool, DiskFault> {
        Log::is_sound(&directory(at), env)
    }

    /// Opens the replica's log, which its topic wants to be kept by `cleanup`, repairing it after a crash.
    pub fn open(
        at: TopicPartition,
        cleanup: CleanupPolicy,
        config: &ReplicaConfig,
        env: &mut Host<'_>,
    ) -> Result<Self, DiskFault> {
        let log = LogConfig { cleanup, ..config.log.clone() };
        let (log, recovery) = Log::open(&directory(at), log, config.quirks, env)?;
        let partition = Self {
            at,
            high_watermark: log.log_start(),
            log,
            epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            role: Role::Idle,
            failure: None,
        };
        partition.probe(ReplicaProbe::Recovered { start: recovery.log_start, end: recovery.log_end }, env);
        Ok(partition)
    }

    /// Which partition.
    pub const fn at(&self) -> TopicPartition {
        self.at
    }

    /// The replica's log.
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// Up to where this replica knows the log to be committed.
    pub const fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// The newest reign this replica has heard of.
    pub const fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// The newest registration this replica has heard of.
    pub const fn partition_epoch(&self) -> PartitionEpoch {
        self.partition_epoch
    }

    /// Whether this replica believes that it leads.
    pub const fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// The reign in which this replica leads, and where in the log it starts; `None`: it does not lead.
    pub fn reign(&self) -> Option<(LeaderEpoch, Offset)> {
        match &self.role {
            Role::Leader(leader) => Some((self.epoch, leader.start)),
            Role::Idle | Role::Follower(_) => None,
        }
    }

    /// Whom this replica follows; `None`: nobody, or it leads.
    pub const fn following(&self) -> Option<BrokerId> {
        match &self.role {
            Role::Follower(follower) => Some(follower.leader()),
            Role::Idle | Role::Leader(_) => None,
        }
    }

    /// The leader's view of the in-sync replicas, if this replica leads.
    pub fn isr(&self) -> Option<&Isr> {
        match &self.role {
            Role::Leader(leader) => Some(&leader.isr),
            Role::Idle | Role::Follower(_) => None,
        }
    }

    /// Whether this leader knows, and so shows, up to where the log is committed.
    pub fn is_exposed(&self) -> bool {
        match &self.role {
            Role::Leader(leader) => leader.exposed,
            Role::Idle | Role::Follower(_) => false,
        }
    }

    /// The controllers registered the partition like this. Older news is ignored.
    pub fn on_metadata(
        &mut self,
        state: &PartitionState,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        if state.leader_epoch < self.epoch {
            return Ok(());
        }
        let led_before = self.is_leader() && self.epoch == state.leader_epoch;
        if state.leader == Some(ctx.me) {
            if led_before { self.adopt_isr(state, ctx, env) } else { self.lead(state, ctx, env) }
        } else if state.leader_epoch > self.epoch || matches!(self.role, Role::Idle) {
            self.follow(state, ctx, env)?;
        }
        self.partition_epoch = self.partition_epoch.max(state.partition_epoch);
        self.assert_invariants();
        self.outcome()
    }

    /// A producer's batch.
    pub fn on_produce(
        &mut self,
        asker: Asker,
        request: Produce,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        produce::on_request(self, asker, request, ctx, env)?;
        self.outcome()
    }

    /// A batch of the broker's own, for a topic of its own: written with acks=all. Answers where it ends; it is
    /// committed once the high watermark is there.
    pub fn append_own(
        &mut self,
        batch: &Batch,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<Result<Offset, Refused>, DiskFault> {
        let outcome = produce::append_own(self, batch, ctx, env)?;
        self.outcome()?;
        Ok(outcome)
    }

    /// The broker reads its own log, up to `limit`, whether it is committed or not.
    pub fn read_own(
        &self,
        from: Offset,
        limit: Offset,
        max_bytes: usize,
        env: &mut Host<'_>,
    ) -> Result<Bytes, DiskFault> {
        match self.log.read(from, limit, max_bytes, env) {
            Ok(batches) => Ok(batches),
            Err(ReadError::Damaged { at }) => {
                self.probe(ReplicaProbe::Damaged { at }, env);
                Err(DiskFault::Io)
            }
            Err(ReadError::Disk(fault)) => Err(fault),
            Err(ReadError::OutOfRange { .. }) => unreachable!("the broker asks for what its log has"),
        }
    }

    /// A coordinator ends a transaction here. Answers where the marker ends, if it was written just now.
    pub fn on_write_marker(
        &mut self,
        asker: Asker,
        request: WriteMarker,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<Option<Offset>, DiskFault> {
        let written = transactions::on_write_marker(self, asker, request, ctx, env)?;
        self.outcome()?;
        Ok(written)
    }

    /// A follower or a consumer reads.
    pub fn on_fetch(
        &mut self,
        asker: Asker,
        request: Fetch,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        fetch::on_request(self, asker, request, ctx, env)?;
        self.outcome()
    }

    /// The leader answered this follower's fetch.
    pub fn on_fetched(
        &mut self,
        id: CorrelationId,
        result: Result<Fetched, Refused>,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        follow::on_reply(self, id, result, ctx, env)
    }

    /// Where an epoch ends.
    pub fn on_epoch_end(&mut self, asker: Asker, request: EpochEnd, env: &mut Host<'_>) {
        lookup::on_epoch_end(self, asker, request, env);
    }

    /// Where a place is.
    pub fn on_list_offsets(
        &mut self,
        asker: Asker,
        request: ListOffsets,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        lookup::on_list_offsets(self, asker, request, env)
    }

    /// The controller answered this leader's wish for another ISR.
    pub fn on_altered(
        &mut self,
        id: CorrelationId,
        result: Result<PartitionState, Refused>,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        isr::on_reply(self, id, result, ctx, env);
        self.outcome()
    }

    /// One of this replica's timers ran out.
    pub fn on_timer(
        &mut self,
        timer: PartitionTimer,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        match timer {
            PartitionTimer::Lag => isr::on_lag_timer(self, ctx, env),
            PartitionTimer::Isr => isr::on_timeout(self, ctx, env),
            PartitionTimer::Purgatory => purgatory::on_timer(self, env),
            PartitionTimer::Fetch => follow::on_timer(self, ctx, env),
        }
        self.outcome()
    }

    /// A sync ended. Answers whether it was this replica's.
    pub fn on_synced(
        &mut self,
        sync: SyncId,
        outcome: Result<(), DiskFault>,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<bool, DiskFault> {
        match self.log.on_synced(sync, outcome) {
            SyncOutcome::NotMine => Ok(false),
            SyncOutcome::Pending => {
                // What it covered may have been cut: then nothing else would ask for the rest.
                if !self.log.is_syncing() {
                    self.on_durable(ctx, env)?;
                }
                Ok(true)
            }
            SyncOutcome::Cleaned => {
                clean::go_on(self, env)?;
                Ok(true)
            }
            SyncOutcome::Failed(fault) => Err(fault),
            SyncOutcome::Durable(end) => {
                self.probe(ReplicaProbe::Durable { end }, env);
                self.on_durable(ctx, env)?;
                Ok(true)
            }
        }
    }

    /// Deletes what is too old or too much, compacts, and makes durable what lies about.
    ///
    /// The second stands for the operating system, which writes its cache back in the end even if nobody
    /// asks it to.
    pub fn on_housekeeping(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let start = self.log.log_start();
        // The records of an open transaction stay, however old they are.
        self.log.retain(env.wall().as_millis(), self.last_stable(), env)?;
        self.note_start(start, env);
        clean::go_on(self, env)?;
        self.sync(env);
        Ok(())
    }

    /// True between any two inputs.
    pub fn assert_invariants(&self) {
        debug_assert!(self.log.log_start() <= self.high_watermark, "log_start_within_hw: {self:?}");
        debug_assert!(self.high_watermark <= self.log.log_end(), "hw_within_log_end: {self:?}");
        if let Role::Leader(leader) = &self.role {
            debug_assert!(leader.start <= self.log.log_end(), "reign_starts_within_log: {self:?}");
            debug_assert!(
                !leader.exposed || self.high_watermark >= leader.start,
                "exposed_only_from_reign_start: {self:?}"
            );
        }
    }

    fn lead(&mut self, state: &PartitionState, ctx: &mut Context<'_>, env: &mut Host<'_>) {
        self.step_down(state, env);
        env.cancel_timer(self.timer(PartitionTimer::Fetch));
        self.epoch = state.leader_epoch;
        let start = self.log.log_end();
        self.role = Role::Leader(Box::new(Leader::new(state, start, ctx.me, env.now())));
        self.probe(ReplicaProbe::Leader { epoch: self.epoch, start }, env);
        self.probe(
            ReplicaProbe::IsrAdopted {
                epoch: self.epoch,
                partition_epoch: state.partition_epoch,
                isr: state.isr.clone(),
            },
            env,
        );
        env.set_timer(self.timer(PartitionTimer::Lag), isr::lag_check(ctx));
        if ctx.config.flush == Flush::EveryBatch {
            // What it holds counts only once it is durable, and it may have crashed before it was.
            self.sync(env);
        }
        watermark::advance(self, ctx, env);
    }

    fn follow(
        &mut self,
        state: &PartitionState,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        self.step_down(state, env);
        self.epoch = state.leader_epoch;
        self.probe(ReplicaProbe::Follower { epoch: self.epoch, leader: state.leader }, env);
        if ctx.config.quirks.has(Quirk::TruncateToHighWatermark) && state.leader.is_some() {
            self.truncate(self.high_watermark, env)?;
        }
        match state.leader {
            None => {
                self.role = Role::Idle;
                env.cancel_timer(self.timer(PartitionTimer::Fetch));
            }
            Some(leader) => {
                self.role = Role::Follower(Follower::of(leader));
                follow::fetch(self, ctx, env);
            }
        }
        Ok(())
    }

    /// Whoever waits for this leader is told that it is none any more.
    fn step_down(&mut self, state: &PartitionState, env: &mut Host<'_>) {
        if let Role::Leader(leader) = std::mem::replace(&mut self.role, Role::Idle) {
            env.cancel_timer(self.timer(PartitionTimer::Lag));
            env.cancel_timer(self.timer(PartitionTimer::Isr));
            env.cancel_timer(self.timer(PartitionTimer::Purgatory));
            let refused = Refused::NotLeaderOrFollower { leader: state.leader, epoch: state.leader_epoch };
            leader.dismiss(self.at, refused, env);
        }
    }

    /// Whether all reading went well in this step.
    fn outcome(&mut self) -> Result<(), DiskFault> {
        self.failure.take().map_or(Ok(()), Err)
    }

    fn adopt_isr(&mut self, state: &PartitionState, ctx: &mut Context<'_>, env: &mut Host<'_>) {
        isr::adopt(self, state, ctx, env);
    }

    /// More is durable than before.
    fn on_durable(&mut self, ctx: &mut Context<'_>, env: &mut Host<'_>) -> Result<(), DiskFault> {
        match &self.role {
            Role::Idle => {}
            Role::Leader(_) => {
                produce::on_durable(self, env);
                watermark::advance(self, ctx, env);
                if ctx.config.flush == Flush::EveryBatch && self.log.durable_end() < self.log.log_end() {
                    self.sync(env);
                }
            }
            Role::Follower(_) => follow::on_durable(self, ctx, env),
        }
        self.outcome()
    }

    /// Asks that all there is becomes durable. One sync at a time: what comes meanwhile shares the next.
    fn sync(&mut self, env: &mut Host<'_>) {
        if !self.log.is_syncing() {
            self.log.sync(env);
        }
    }

    fn truncate(&mut self, to: Offset, env: &mut Host<'_>) -> Result<(), DiskFault> {
        if to >= self.log.log_end() {
            return Ok(());
        }
        let done = self.log.truncate_to(to, env);
        // Half a cut is one as well: what is left of it is known when the log is opened again.
        let end = if done.is_ok() { self.log.log_end() } else { to };
        self.high_watermark = self.high_watermark.min(end);
        self.probe(ReplicaProbe::Truncated { to: end }, env);
        done
    }

    /// Reports that the log start moved, if it did.
    fn note_start(&self, before: Offset, env: &mut Host<'_>) {
        let start = self.log.log_start();
        if start != before {
            self.probe(ReplicaProbe::Start { start }, env);
        }
    }

    /// What this replica may claim to hold.
    fn claimable_end(&self, flush: Flush) -> Offset {
        match flush {
            Flush::Never => self.log.log_end(),
            Flush::EveryBatch => self.log.durable_end(),
        }
    }

    const fn timer(&self, timer: PartitionTimer) -> Timer {
        Timer::Partition(self.at, timer)
    }

    fn probe(&self, probe: ReplicaProbe, env: &mut Host<'_>) {
        env.probe(Probe::Replica(self.at, probe));
    }

    /// Why somebody who takes this replica for the leader is refused.
    fn not_leader(&self) -> Refused {
        Refused::NotLeaderOrFollower { leader: self.following(), epoch: self.epoch }
    }

    /// Refuses a reader that has seen a record of a later reign than this one: it resumes from a commit, and knows
    /// no better leader yet. To compare it with this log would send it back. Kafka's clients see to that themselves.
    fn fence_reader(&self, seen: LeaderEpoch) -> Result<(), Refused> {
        if seen > self.epoch { Err(Refused::UnknownLeaderEpoch { current: self.epoch }) } else { Ok(()) }
    }

    /// Refuses an asker of another reign (KIP-320).
    fn fence(&self, asked: LeaderEpoch) -> Result<(), Refused> {
        match asked.cmp(&self.epoch) {
            std::cmp::Ordering::Less => Err(Refused::FencedLeaderEpoch { current: self.epoch }),
            std::cmp::Ordering::Greater => Err(Refused::UnknownLeaderEpoch { current: self.epoch }),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}

/// Where all replicas' files are.
pub const DIRECTORY: &str = "log/";

/// Where a replica's files are.
pub fn directory(at: TopicPartition) -> String {
    format!("{DIRECTORY}{at}")
}

/// Which replica a file belongs to.
pub fn owner(file: &str) -> Option<TopicPartition> {
    let (name, _) = file.strip_prefix(DIRECTORY)?.split_once('/')?;
    let (topic, partition) = name.split_once('-')?;
    Some(TopicPartition { topic: TopicId(topic.parse().ok()?), partition: partition.parse().ok()? })
}
