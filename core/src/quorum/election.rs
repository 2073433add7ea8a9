//! Elections: who votes for whom, when a voter stands, when a leader gives up.
//!
//! Holds: the rules of figure 3.1 (RequestVote), pre-vote (§9.6), check-quorum (§6.2), transfer (§3.10).
//! Only here do epoch, vote and role change.
//! Deliberately absent: the clock of anybody else. A voter compares only its own readings, and a reading
//! that lies ahead counts as long ago: clocks step back.

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{LeaderEpoch, NodeId};
use crate::message::Message;
use crate::probe::{Probe, QuorumProbe};
use crate::quirk::Quirk;
use crate::time::{Span, Time};
use crate::timer::{QuorumTimer, Timer};

use super::Quorum;
use super::leading::Leading;
use super::message::{QuorumMessage, Vote, VoteReply};
use super::role::{Ballot, Role};

/// Since when a voter waits, and for how long it will.
///
/// The timer is not set again with each word from the leader: when it runs out, it is set for the rest.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ElectionClock {
    quiet_since: Time,
    patience: Span,
}

impl ElectionClock {
    /// The time since the last word; `None` if the clock stepped back over it.
    fn quiet_for(self, now: Time) -> Option<Span> {
        (now >= self.quiet_since).then(|| now.since(self.quiet_since))
    }
}

impl Quorum {
    /// Begins a new wait of a length of its own.
    pub(super) fn arm_election(&mut self, env: &mut Host<'_>) {
        let (min, max) = (self.config.election_min, self.config.election_max);
        let patience = min + Span(env.below((max - min).0));
        self.clock = ElectionClock { quiet_since: env.now(), patience };
        env.set_timer(Timer::Quorum(QuorumTimer::Election), patience);
    }

    /// The leader lives, or an election is under way that deserves its time.
    pub(super) fn stay_patient(&mut self, env: &Host<'_>) {
        self.clock.quiet_since = env.now();
    }

    pub(super) fn on_election_timer(&mut self, env: &mut Host<'_>) {
        match &self.role {
            Role::Leader(_) => {}
            Role::Unattached | Role::Follower { .. } | Role::Prospective { .. } | Role::Candidate { .. } => {
                match self.clock.quiet_for(env.now()) {
                    Some(quiet) if quiet >= self.clock.patience => self.prospect(env),
                    Some(quiet) => {
                        env.set_timer(Timer::Quorum(QuorumTimer::Election), self.clock.patience - quiet);
                    }
                    None => self.arm_election(env),
                }
            }
        }
    }

    /// Asks whether an election would be won, and disturbs nobody by it.
    fn prospect(&mut self, env: &mut Host<'_>) {
        if self.majority() == 1 {
            return self.campaign(false, env);
        }
        self.role = Role::Prospective { granted: Ballot::default().with(self.place(self.me)) };
        self.arm_election(env);
        self.ask_for_votes(self.epoch.next(), true, false, env);
    }

    /// Stands for election in a new epoch. The votes are asked for once its own is durable.
    pub(super) fn campaign(&mut self, transfer: bool, env: &mut Host<'_>) {
        self.enter_epoch(self.epoch.next(), env);
        self.voted = Some(self.me);
        let granted = Ballot::default().with(self.place(self.me));
        self.role = Role::Candidate { granted, transfer, announced: false };
        self.arm_election(env);
    }

    /// Asks for the votes of the others, if this node stands and may say so now.
    pub(super) fn announce_candidacy(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        if !self.state_is_durable() {
            return Ok(());
        }
        let Role::Candidate { transfer, announced, .. } = &mut self.role else { return Ok(()) };
        if std::mem::replace(announced, true) {
            return Ok(());
        }
        let transfer = *transfer;
        env.probe(Probe::Quorum(QuorumProbe::Granted { epoch: self.epoch, candidate: self.me }));
        env.probe(Probe::Quorum(QuorumProbe::Candidate { epoch: self.epoch }));
        self.ask_for_votes(self.epoch, false, transfer, env);
        self.count_votes(env)
    }

    fn ask_for_votes(&self, epoch: LeaderEpoch, pre: bool, transfer: bool, env: &mut Host<'_>) {
        let end = self.log().log_end();
        let last_epoch = self.epoch_before(end).flatten();
        let vote = Vote { epoch, last_epoch, end, pre, transfer };
        for voter in &self.config.voters {
            if *voter != self.me {
                env.send(*voter, Message::Quorum(QuorumMessage::Vote(vote)));
            }
        }
    }

    pub(super) fn on_vote(&mut self, from: NodeId, vote: Vote, env: &mut Host<'_>) {
        if vote.pre {
            return self.on_pre_vote(from, vote, env);
        }
        let granted = self.decide(from, vote, env);
        let reply = VoteReply { epoch: self.epoch, granted, pre: false };
        self.park(from, reply);
    }

    /// Whether this node votes for `from`; its epoch and vote change here.
    fn decide(&mut self, from: NodeId, vote: Vote, env: &mut Host<'_>) -> bool {
        // Whoever hears its leader does not let itself be disturbed, nor its epoch be raised (§6.2, §9.6).
        if vote.epoch < self.epoch || (!vote.transfer && self.holds_to_leader(env)) {
            return false;
        }
        if vote.epoch > self.epoch {
            self.enter_epoch(vote.epoch, env);
        }
        if let Some(voted) = self.voted {
            return voted == from;
        }
        if self.leader().is_some() || !self.is_up_to_date(vote) {
            return false;
        }
        self.voted = Some(from);
        self.stay_patient(env);
        true
    }

    fn on_pre_vote(&mut self, from: NodeId, vote: Vote, env: &mut Host<'_>) {
        let disturbs = !vote.transfer && self.holds_to_leader(env);
        let granted = vote.epoch > self.epoch && !disturbs && self.is_up_to_date(vote);
        env.probe(Probe::Quorum(QuorumProbe::PreVoted { epoch: self.epoch, candidate: from, granted }));
        let epoch = if granted { vote.epoch } else { self.epoch };
        self.park(from, VoteReply { epoch, granted, pre: true });
    }

    /// Whether this node leads, or heard its leader within the shortest election time-out.
    fn holds_to_leader(&self, env: &Host<'_>) -> bool {
        match &self.role {
            Role::Leader(_) => true,
            Role::Follower { .. } => {
                self.clock.quiet_for(env.now()).is_some_and(|quiet| quiet < self.config.election_min)
            }
            Role::Unattached | Role::Prospective { .. } | Role::Candidate { .. } => false,
        }
    }

    /// Whether the candidate's log is not behind this one (§3.6.1).
    fn is_up_to_date(&self, vote: Vote) -> bool {
        let end = self.log().log_end();
        (vote.last_epoch, vote.end) >= (self.epoch_before(end).flatten(), end)
    }

    /// Keeps an answer until it may go out. A newer one to the same candidate replaces it.
    fn park(&mut self, to: NodeId, reply: VoteReply) {
        match self.parked.iter_mut().find(|(waiting, parked)| *waiting == to && parked.pre == reply.pre) {
            Some((_, parked)) => *parked = reply,
            None => self.parked.push((to, reply)),
        }
    }

    /// Sends the parked answers, once epoch and vote are what a power loss would leave.
    pub(super) fn answer_candidates(&mut self, env: &mut Host<'_>) {
        if !self.state_is_durable() && !self.config.quirks.has(Quirk::VolatileVote) {
            return;
        }
        for (to, reply) in self.parked.drain(..) {
            if reply.granted && !reply.pre {
                env.probe(Probe::Quorum(QuorumProbe::Granted { epoch: reply.epoch, candidate: to }));
            }
            env.send(to, Message::Quorum(QuorumMessage::VoteReply(reply)));
        }
    }

    pub(super) fn on_vote_reply(
        &mut self,
        from: NodeId,
        reply: VoteReply,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        let place = self.place(from);
        // A granted pre-vote names the epoch that was asked for, which nobody has entered.
        let would_win = reply.pre && reply.granted;
        if reply.epoch > self.epoch && !would_win {
            self.enter_epoch(reply.epoch, env);
            return Ok(());
        }
        let (here, next) = (self.epoch, self.epoch.next());
        match &mut self.role {
            Role::Prospective { granted } if would_win && reply.epoch == next => {
                *granted = granted.with(place);
            }
            Role::Candidate { granted, announced: true, .. }
                if !reply.pre && reply.granted && reply.epoch == here =>
            {
                *granted = granted.with(place);
            }
            Role::Unattached
            | Role::Follower { .. }
            | Role::Prospective { .. }
            | Role::Candidate { .. }
            | Role::Leader(_) => return Ok(()),
        }
        self.count_votes(env)
    }

    /// A majority would vote: stand. A majority has voted: lead.
    fn count_votes(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let majority = self.majority();
        match &self.role {
            Role::Prospective { granted } if granted.count() >= majority => {
                self.campaign(false, env);
                Ok(())
            }
            Role::Candidate { granted, .. } if granted.count() >= majority => self.lead(env),
            Role::Unattached
            | Role::Follower { .. }
            | Role::Prospective { .. }
            | Role::Candidate { .. }
            | Role::Leader(_) => Ok(()),
        }
    }

    fn lead(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let (me, end) = (self.me, self.log().log_end());
        let followers = self.config.voters.iter().copied().filter(|voter| *voter != me);
        self.role = Role::Leader(Box::new(Leading::new(followers, end)));
        env.probe(Probe::Quorum(QuorumProbe::Leader { epoch: self.epoch, end }));
        env.cancel_timer(Timer::Quorum(QuorumTimer::Election));
        if self.config.voters.len() > 1 {
            env.set_timer(Timer::Quorum(QuorumTimer::Heartbeat), self.config.heartbeat);
            env.set_timer(Timer::Quorum(QuorumTimer::CheckQuorum), self.config.election_min);
        }
        self.append_leader_change(env)
    }

    /// A newer epoch is known: its vote is free, and whatever this node was is over.
    pub(super) fn enter_epoch(&mut self, epoch: LeaderEpoch, env: &mut Host<'_>) {
        debug_assert!(epoch > self.epoch, "an epoch only grows");
        self.detach(false, env);
        self.epoch = epoch;
        env.probe(Probe::Quorum(QuorumProbe::Epoch { epoch }));
        self.voted = None;
        // These wait for an epoch and a vote that may never be written now.
        self.parked.clear();
        self.following.forget();
    }

    /// Becomes unattached in the same epoch. The vote stays: it was given.
    fn detach(&mut self, lonely: bool, env: &mut Host<'_>) {
        let led = matches!(std::mem::replace(&mut self.role, Role::Unattached), Role::Leader(_));
        if led {
            env.probe(Probe::Quorum(QuorumProbe::Resigned { epoch: self.epoch, lonely }));
            env.cancel_timer(Timer::Quorum(QuorumTimer::Heartbeat));
            env.cancel_timer(Timer::Quorum(QuorumTimer::CheckQuorum));
            self.arm_election(env);
        }
    }

    /// Follows `leader`, who spoke in this epoch.
    pub(super) fn follow(&mut self, leader: NodeId, env: &mut Host<'_>) {
        self.stay_patient(env);
        if self.leader() != Some(leader) {
            self.role = Role::Follower { leader };
            env.probe(Probe::Quorum(QuorumProbe::Follower { epoch: self.epoch, leader }));
        }
    }

    pub(super) fn on_check_quorum_timer(&mut self, env: &mut Host<'_>) {
        let majority = self.majority();
        let Role::Leader(leading) = &mut self.role else { return };
        let mut heard = 1;
        for progress in &mut leading.progress {
            heard += usize::from(std::mem::replace(&mut progress.heard, false));
        }
        if heard < majority {
            return self.detach(true, env);
        }
        // A successor that did not take over in this time is not going to.
        leading.successor = None;
        env.set_timer(Timer::Quorum(QuorumTimer::CheckQuorum), self.config.election_min);
    }

    /// Gives up leadership, if this node has it: its state machine cannot go on.
    pub fn resign(&mut self, env: &mut Host<'_>) {
        if self.is_leader() {
            self.detach(false, env);
        }
    }

    /// The leader wants this node to take over.
    pub(super) fn on_timeout_now(&mut self, from: NodeId, epoch: LeaderEpoch, env: &mut Host<'_>) {
        if epoch == self.epoch && self.leader() == Some(from) {
            self.campaign(true, env);
        }
    }
}
