//! The controllers' consensus: Raft with KRaft's words, over [`crate::log`].
//!
//! Holds: a voter's epoch, vote and role, its log and snapshot, the commit index, and what it still owes an
//! answer. Everything that others may build on is durable before they hear of it: answers wait for their
//! sync here, and the commit index never passes what is durable on this node.
//! Every entry point ends in `settle`, which starts the syncs that are due and sends the answers that are.
//! Deliberately absent: changes of the set of voters, observers, reads through a follower.
//!
//! Source: Ongaro, "Consensus: Bridging Theory and Practice" (figure 3.1, §3.10, §5.1, §6.2, §9.6), KIP-595,
//! KIP-630, KIP-996.

mod append;
mod deliver;
mod election;
mod follow;
mod install;
mod leading;
pub mod message;
mod progress;
mod propose;
mod role;
mod snapshot;
mod state_file;

use crate::env::{DiskFault, SyncId};
use crate::host::Host;
use crate::ids::{LeaderEpoch, NodeId, Offset};
use crate::log::{Log, LogConfig, SyncOutcome};
use crate::probe::{Probe, QuorumProbe};
use crate::quirk::Quirks;
use crate::record::BatchBuilder;
use crate::time::Span;
use crate::timer::QuorumTimer;

use deliver::Deliveries;
use election::ElectionClock;
use follow::Following;
use message::{QuorumMessage, VoteReply};
use snapshot::{Mark, Saving};
use state_file::{State, StateFile, Synced};

pub use deliver::Delivery;
pub use leading::Leading;
pub use role::{Ballot, Role};

/// The directory of log and snapshots.
pub const DIR: &str = "quorum";

/// The settings of one voter.
#[derive(Debug, Clone)]
pub struct QuorumConfig {
    /// Every voter, this node among them; the same on all.
    pub voters: Vec<NodeId>,
    /// The shortest silence after which a voter stands for election, and for which it holds to its leader.
    pub election_min: Span,
    /// The longest, exclusive: each wait is drawn anew.
    pub election_max: Span,
    /// How often a leader says that it is there.
    pub heartbeat: Span,
    /// An append stops after the first batch that reaches this size.
    pub max_batch_bytes: usize,
    /// The log's settings.
    pub log: LogConfig,
    /// Mistakes that are switched on.
    pub quirks: Quirks,
}

/// One voter.
#[derive(Debug, Clone)]
pub struct Quorum {
    config: QuorumConfig,
    me: NodeId,
    epoch: LeaderEpoch,
    voted: Option<NodeId>,
    state_file: StateFile,
    role: Role,
    clock: ElectionClock,
    /// `None` before `start`.
    log: Option<Log>,
    /// A sync of the log is under way; the next one takes everything written meanwhile.
    log_syncing: bool,
    commit: Offset,
    following: Following,
    /// Answers to candidates, at most one each, that wait for epoch and vote.
    parked: Vec<(NodeId, VoteReply)>,
    snapshot: Option<Mark>,
    saving: Option<Saving>,
    deliveries: Deliveries,
    builder: BatchBuilder,
}

impl Quorum {
    /// A voter that has not looked at its disk.
    ///
    /// # Panics
    /// If the settings contradict themselves.
    pub fn new(config: QuorumConfig) -> Self {
        assert!(config.voters.len() <= Ballot::VOTERS_MAX, "a ballot has a bit a voter");
        assert!(config.election_min < config.election_max, "an election time-out is drawn from a range");
        assert!(config.heartbeat < config.election_min, "followers would not hear of their leader in time");
        Self {
            config,
            me: NodeId::OPERATOR,
            epoch: LeaderEpoch::default(),
            voted: None,
            state_file: StateFile::unread(),
            role: Role::Unattached,
            clock: ElectionClock::default(),
            log: None,
            log_syncing: false,
            commit: Offset::ZERO,
            following: Following::default(),
            parked: Vec::new(),
            snapshot: None,
            saving: None,
            deliveries: Deliveries::default(),
            builder: BatchBuilder::new(),
        }
    }

    /// Begins a life: reads the disk, repairs the log, waits for a leader. A lone voter elects itself.
    ///
    /// # Errors
    /// What the disk says; [`DiskFault::Io`] too if neither log nor snapshot begin where they must, or if the
    /// log is damaged: then this voter may have lost what others count on, and must not vote any more.
    ///
    /// # Panics
    /// If this node is not among the voters.
    pub fn start(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        self.me = env.me();
        assert!(self.config.voters.contains(&self.me), "only voters run the consensus");
        let (state_file, state) = StateFile::open(env)?;
        self.state_file = state_file;
        self.recover_log(env)?;
        let (start, end) = (self.start_offset(), self.log().log_end());
        env.probe(Probe::Quorum(QuorumProbe::Recovered {
            epoch: state.epoch,
            voted: state.voted,
            start,
            end,
        }));
        // Entries may have reached the disk before the epoch they came with did; nobody was told of them.
        let logged = self.epoch_before(end).flatten().unwrap_or_default();
        let voted = if logged > state.epoch { None } else { state.voted };
        (self.epoch, self.voted) = (state.epoch.max(logged), voted);
        if self.epoch > state.epoch {
            env.probe(Probe::Quorum(QuorumProbe::Epoch { epoch: self.epoch }));
        }
        if self.config.voters.len() == 1 {
            self.campaign(false, env);
        } else {
            self.arm_election(env);
        }
        self.settle(env)
    }

    /// A message from another node. Whoever does not vote is not heard, but for a person who wishes for
    /// another leader: that is a `TimeoutNow` too.
    ///
    /// # Errors
    /// What the disk says. The node must stop then.
    pub fn on_message(
        &mut self,
        from: NodeId,
        message: QuorumMessage,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        if from == NodeId::OPERATOR {
            self.on_wish(&message, env);
            return self.settle(env);
        }
        if from == self.me || !self.config.voters.contains(&from) {
            return Ok(());
        }
        match message {
            QuorumMessage::Vote(vote) => self.on_vote(from, vote, env),
            QuorumMessage::VoteReply(reply) => self.on_vote_reply(from, reply, env)?,
            QuorumMessage::Append(append) => self.on_append(from, append, env)?,
            QuorumMessage::AppendReply(reply) => self.on_append_reply(from, reply, env)?,
            QuorumMessage::Install(install) => self.on_install(from, install, env)?,
            QuorumMessage::InstallReply(reply) => self.on_install_reply(from, reply, env)?,
            QuorumMessage::TimeoutNow { epoch } => self.on_timeout_now(from, epoch, env),
        }
        self.settle(env)
    }

    /// One of this room's timers ran out.
    ///
    /// # Errors
    /// What the disk says. The node must stop then.
    pub fn on_timer(&mut self, timer: QuorumTimer, env: &mut Host<'_>) -> Result<(), DiskFault> {
        match timer {
            QuorumTimer::Election => self.on_election_timer(env),
            QuorumTimer::Heartbeat => self.on_heartbeat_timer(env)?,
            QuorumTimer::CheckQuorum => self.on_check_quorum_timer(env),
        }
        self.settle(env)
    }

    /// A sync ended. Answers whether it was this room's.
    ///
    /// # Errors
    /// The fault that it ended with, or what the disk says next. The node must stop then.
    pub fn on_synced(
        &mut self,
        sync: SyncId,
        outcome: Result<(), DiskFault>,
        env: &mut Host<'_>,
    ) -> Result<bool, DiskFault> {
        let mine = self.on_state_synced(sync, outcome, env)?
            || self.on_log_synced(sync, outcome, env)?
            || self.on_snapshot_synced(sync, outcome, env)?;
        if mine {
            self.settle(env)?;
        }
        Ok(mine)
    }

    /// The leader of this node's epoch, if it knows one.
    pub const fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower { leader } => Some(*leader),
            Role::Leader(_) => Some(self.me),
            Role::Unattached | Role::Prospective { .. } | Role::Candidate { .. } => None,
        }
    }

    /// Whether this node leads.
    pub const fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// The largest epoch this node has heard of.
    pub const fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// The vote in that epoch; durable once [`Quorum::durable_state`] says so.
    pub const fn voted(&self) -> Option<NodeId> {
        self.voted
    }

    /// Epoch and vote that a power loss now would leave.
    pub const fn durable_state(&self) -> (LeaderEpoch, Option<NodeId>) {
        let State { epoch, voted } = self.state_file.durable();
        (epoch, voted)
    }

    /// What this node is at the moment.
    pub const fn role(&self) -> &Role {
        &self.role
    }

    /// One past the last entry known committed.
    pub const fn commit(&self) -> Offset {
        self.commit
    }

    /// One past the last entry of which a power loss now would leave a trace, in the log or in a snapshot.
    pub fn durable_end(&self) -> Offset {
        self.log().durable_end().max(self.snapshot_end())
    }

    /// The first entry kept: where the snapshot ends. Older ones may still be in the log's first segment.
    pub fn start_offset(&self) -> Offset {
        self.snapshot_end()
    }

    /// The newest durable snapshot: one past the last entry it covers, and that entry's epoch.
    pub fn snapshot_mark(&self) -> Option<(Offset, LeaderEpoch)> {
        self.snapshot.map(|mark| (mark.end, mark.epoch))
    }

    /// The log.
    ///
    /// # Panics
    /// Before `start`.
    pub fn log(&self) -> &Log {
        self.log.as_ref().expect("a started node has its log")
    }

    /// Every voter.
    pub fn voters(&self) -> &[NodeId] {
        &self.config.voters
    }

    /// True between any two inputs; the simulator calls it on every node as well.
    pub fn assert_invariants(&self) {
        let Some(log) = &self.log else { return };
        debug_assert!(self.commit <= self.durable_end(), "commit_within_durable: {self:?}");
        debug_assert!(self.snapshot_end() <= self.commit, "snapshot_within_commit: {self:?}");
        debug_assert!(log.log_start() <= self.snapshot_end(), "log_start_within_snapshot: {self:?}");
        debug_assert!(self.deliveries.handed() <= self.commit, "applied_within_commit: {self:?}");
        debug_assert!(log.last_epoch().is_none_or(|last| last <= self.epoch), "log_within_epoch: {self:?}");
        match &self.role {
            Role::Leader(leading) => {
                debug_assert!(self.state_is_durable(), "leader_voted_durably: {self:?}");
                debug_assert!(self.voted == Some(self.me), "leader_voted_for_itself: {self:?}");
                debug_assert!(log.last_epoch() == Some(self.epoch), "leader_has_own_entry: {self:?}");
                debug_assert!(leading.first < log.log_end(), "reign_within_log: {self:?}");
            }
            Role::Candidate { .. } => {
                debug_assert!(self.voted == Some(self.me), "candidate_voted_for_itself: {self:?}");
            }
            Role::Follower { leader } => debug_assert!(*leader != self.me, "follows_another: {self:?}"),
            Role::Unattached | Role::Prospective { .. } => {}
        }
    }

    fn log_mut(&mut self) -> &mut Log {
        self.log.as_mut().expect("a started node has its log")
    }

    fn snapshot_end(&self) -> Offset {
        self.snapshot.map_or(Offset::ZERO, |mark| mark.end)
    }

    const fn state(&self) -> State {
        State { epoch: self.epoch, voted: self.voted }
    }

    fn state_is_durable(&self) -> bool {
        self.state_file.has_durable(self.state())
    }

    fn majority(&self) -> usize {
        self.config.voters.len() / 2 + 1
    }

    fn place(&self, voter: NodeId) -> usize {
        self.config.voters.iter().position(|node| *node == voter).expect("only voters are heard")
    }

    /// The epoch of the entry before `offset`: `Some(None)` at the start of all, `None` if this node no
    /// longer knows or does not know yet.
    fn epoch_before(&self, offset: Offset) -> Option<Option<LeaderEpoch>> {
        let Some(last) = offset.previous() else { return Some(None) };
        match self.snapshot {
            Some(mark) if mark.end == offset => Some(Some(mark.epoch)),
            Some(_) | None => {
                self.log().epochs().epoch_at(last).filter(|_| offset <= self.log().log_end()).map(Some)
            }
        }
    }

    /// Starts what must become durable, then answers what is. The end of every step.
    fn settle(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let state = self.state();
        self.state_file.save(state, env)?;
        self.answer_candidates(env);
        self.announce_candidacy(env)?;
        self.answer_leader(env);
        let log = self.log.as_mut().expect("a started node has its log");
        // One sync at a time: what is written meanwhile shares the next one.
        if !self.log_syncing && log.durable_end() < log.log_end() {
            self.log_syncing = log.sync(env);
        }
        self.assert_invariants();
        Ok(())
    }

    fn on_state_synced(
        &mut self,
        sync: SyncId,
        outcome: Result<(), DiskFault>,
        env: &mut Host<'_>,
    ) -> Result<bool, DiskFault> {
        match self.state_file.on_synced(sync, outcome)? {
            Synced::NotMine => Ok(false),
            Synced::Pending => Ok(true),
            Synced::Durable(State { epoch, voted }) => {
                env.probe(Probe::Quorum(QuorumProbe::Persisted { epoch, voted }));
                Ok(true)
            }
        }
    }

    fn on_log_synced(
        &mut self,
        sync: SyncId,
        outcome: Result<(), DiskFault>,
        env: &mut Host<'_>,
    ) -> Result<bool, DiskFault> {
        match self.log_mut().on_synced(sync, outcome) {
            SyncOutcome::NotMine => Ok(false),
            // The metadata log has snapshots instead of compaction.
            SyncOutcome::Pending | SyncOutcome::Cleaned => Ok(true),
            SyncOutcome::Failed(fault) => Err(fault),
            SyncOutcome::Durable(end) => {
                self.log_syncing = false;
                env.probe(Probe::Quorum(QuorumProbe::Durable { end }));
                if self.is_leader() {
                    self.advance_commit(env);
                } else {
                    self.follow_commit(env);
                }
                Ok(true)
            }
        }
    }
}
