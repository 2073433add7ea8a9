//! The member of a consumer group: Kafka's classic protocol, from the client's side.
//!
//! | file | holds |
//! |---|---|
//! | `coordinator` | who coordinates the group, and every request to it |
//! | `join` | join and sync: into the next generation; the leader assigns |
//! | `rebalance` | what is lost and won: eager and cooperative, and the application's part in it |
//! | `heartbeat` | signs of life, the session, and an application that does not poll |
//! | `commit` | offsets committed, by hand and automatically |
//! | `offsets` | where to read on: the committed offset, or the reset policy |
//! | `verdict` | what each refusal means |
//!
//! Reading itself is [`Consumer`]'s. What Kafka's consumer does on the application's thread happens in
//! [`Member::poll`] alone: a rebalance begins there, and an assignment takes effect there. Heartbeats go out
//! by themselves, as from Kafka's own thread. So a record that was polled is processed before its partition
//! is given up, unless the group gave up on the member first.
//! Deliberately absent: the new protocol (KIP-848), subscriptions by pattern, a clean stop that waits for
//! answers.

mod commit;
mod coordinator;
mod heartbeat;
mod join;
mod offsets;
mod rebalance;

mod verdict;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::client::alarm::Alarm;
use crate::group::message::{Assignor, CommittedOffset};
use crate::group::probe::GroupProbe;
use crate::host::Host;
use crate::ids::{
    BrokerId, CorrelationId, Generation, GroupId, InstanceId, MemberId, NodeId, Offset, TopicId,
    TopicPartition,
};
use crate::message::Reply;
use crate::probe::Probe;
use crate::refused::Refused;
use crate::time::{Span, Time};
use crate::timer::ClientTimer;

use super::consumer::{Consumed, Consumer, ConsumerConfig, Event, Start};
use crate::client::producer::GroupMetadata;
use crate::client::slot::Slot;
use commit::Commits;

/// A member's settings, under Kafka's names where Kafka has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberConfig {
    /// How it reads.
    pub consumer: ConsumerConfig,
    /// `group.id`.
    pub group: GroupId,
    /// `group.instance.id` (KIP-345); `None`: a dynamic member.
    pub instance: Option<InstanceId>,
    /// The topics that it subscribes to.
    pub topics: Vec<Arc<str>>,
    /// `partition.assignment.strategy`, the one it likes best first; at least one. It rebalances cooperatively
    /// if [`Assignor::CooperativeSticky`] is the only one, and eagerly otherwise.
    pub assignors: Vec<Assignor>,
    /// `session.timeout.ms`: without a sign of life for so long the group goes on without it.
    pub session_timeout: Span,
    /// `heartbeat.interval.ms`; less than half of the session, or one lost heartbeat ends it.
    pub heartbeat: Span,
    /// `max.poll.interval.ms`: an application that does not poll for so long gives up its partitions. A
    /// rebalance waits for a member as long.
    pub max_poll: Span,
    /// `auto.commit.interval.ms`; `None`: the application commits by hand.
    pub auto_commit: Option<Span>,
    /// `metadata.max.age.ms`: how soon a leader notices new partitions.
    pub metadata_max_age: Span,
}

/// What an application is told beside records: rebalance callbacks, and what became of its commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberEvent {
    /// These partitions are about to go to others (`onPartitionsRevoked`). What was processed may still be
    /// committed; nothing is handed out and the group waits until [`Member::proceed`] is called.
    Revoked(Vec<TopicPartition>),
    /// These partitions are others' already (`onPartitionsLost`): nothing can be committed for them.
    Lost(Vec<TopicPartition>),
    /// These partitions are new (`onPartitionsAssigned`).
    Assigned(Vec<TopicPartition>),
    /// A commit is durable.
    Committed(Vec<(TopicPartition, CommittedOffset)>),
    /// A commit was refused, or gave up; it may have taken effect all the same.
    CommitFailed {
        /// What was to be committed.
        offsets: Vec<(TopicPartition, CommittedOffset)>,
        /// Why; `None`: there was no answer in time, or the partitions are another's.
        refused: Option<Refused>,
    },
    /// Nothing was ever committed, and there is no reset policy: read on by [`Member::seek`].
    NoOffset(TopicPartition),
    /// The position is not where it was thought to be.
    Position(Event),
    /// The member is out for good, by this refusal. A new one must be made.
    Failed(Refused),
}

/// Where a member stands in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In no generation.
    Out,
    /// On the way into the next one.
    Rebalancing,
    /// In one, with its partitions.
    Stable,
    /// It left, or was thrown out for good.
    Gone,
}

/// What a member is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// In no generation; joins when the application polls.
    Unjoined,
    /// The application is told what it loses; then comes the next.
    Revoking(Next),
    /// Wants into the next generation.
    Joining,
    /// Is in it, and asks what it gets; the leader brings what everybody gets.
    Syncing(Vec<(MemberId, Vec<TopicPartition>)>),
    /// Knows what it gets; that takes effect when the application polls.
    Assigned(Vec<TopicPartition>),
    /// Has it.
    Stable,
    /// Left, or thrown out for good.
    Gone,
}

/// What comes after a revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    /// Eager: everything is given up before joining.
    Join,
    /// Cooperative: what is left, and what was won, once these are given up.
    Settle { lost: Vec<TopicPartition>, assigned: Vec<TopicPartition> },
    /// Out.
    Leave,
}

/// A group member. One life of it: after a restart it is another member, unless it is a static one.
#[derive(Debug, Clone)]
pub struct Member {
    config: MemberConfig,
    consumer: Consumer,
    phase: Phase,
    /// As whom the coordinator knows it.
    id: Option<MemberId>,
    /// The generation it joined last; `None`: that is over.
    generation: Option<Generation>,
    protocol: Option<Assignor>,
    /// A rebalance is due.
    rejoin: bool,
    /// What it owns, sorted.
    owned: Vec<TopicPartition>,
    /// Under which id and in which generation it holds that.
    owner: Option<(MemberId, Generation)>,
    /// The generation whose assignment it follows: what it claims to own is that old (KIP-792).
    assigned_in: Option<Generation>,
    /// The generation that comes next, or this one once more, leaves it what it has. Of those that were joined and
    /// never assigned a coordinator's successor knows nothing, and counts them again, perhaps without this member.
    follows: Option<Generation>,
    /// An eager member's last assignment, for assignors that are sticky.
    memory: Vec<TopicPartition>,
    /// Owned, but nothing is known yet of where to read on.
    unplaced: Vec<TopicPartition>,
    /// The topics it assigned, if it leads: with others it must assign anew.
    assigned_topics: Option<Vec<(TopicId, u32)>>,
    /// When the leader asks for another rebalance, as it left partitions to nobody.
    withheld: Option<Time>,
    coordinator: Option<BrokerId>,
    finding: Slot,
    joining: Slot,
    beating: Slot,
    fetching: Slot,
    commits: Commits,
    next_heartbeat: Time,
    /// Until when the coordinator may be silent.
    session_end: Time,
    polled: Time,
    /// The application has done its part of a revocation.
    proceeded: bool,
    events: VecDeque<MemberEvent>,
    alarm: Alarm,
}

impl Member {
    /// A member that has not started yet.
    ///
    /// # Panics
    /// If there is no bootstrap broker, or no assignor.
    pub fn new(config: MemberConfig) -> Self {
        assert!(!config.assignors.is_empty(), "a group cannot agree on no assignor");
        Self {
            consumer: Consumer::with_max_age(config.consumer.clone(), config.metadata_max_age),
            config,
            phase: Phase::Unjoined,
            id: None,
            generation: None,
            protocol: None,
            rejoin: false,
            owned: Vec::new(),
            owner: None,
            assigned_in: None,
            follows: None,
            memory: Vec::new(),
            unplaced: Vec::new(),
            assigned_topics: None,
            withheld: None,
            coordinator: None,
            finding: Slot::default(),
            joining: Slot::default(),
            beating: Slot::default(),
            fetching: Slot::default(),
            commits: Commits::default(),
            next_heartbeat: Time::ZERO,
            session_end: Time::ZERO,
            polled: Time::ZERO,
            proceeded: false,
            events: VecDeque::new(),
            alarm: Alarm::new(),
        }
    }

    /// The first call of a life.
    pub fn start(&mut self, env: &mut Host<'_>) {
        self.consumer.start(env);
        self.polled = env.now();
        self.go(env);
    }

    /// A reply arrived. One that belongs to nothing, or comes too late, has no effect.
    pub fn on_reply(&mut self, from: NodeId, id: CorrelationId, reply: Reply, env: &mut Host<'_>) {
        if let Reply::Group(reply) = reply {
            self.on_group_reply(id, reply, env);
        } else {
            let metadata = matches!(reply, Reply::Metadata(_));
            self.consumer.on_reply(from, id, reply, env);
            if metadata {
                self.on_metadata(env);
            }
        }
        self.go(env);
    }

    /// A timer rang.
    pub fn on_timer(&mut self, timer: ClientTimer, env: &mut Host<'_>) {
        if timer == ClientTimer::Group {
            self.alarm.rang();
        } else {
            self.consumer.on_timer(timer, env);
        }
        self.go(env);
    }

    /// The next record, if there is one. Says too that all earlier ones are processed, as Kafka's poll does:
    /// a rebalance that is due begins here, and an automatic commit covers what was handed out so far.
    pub fn poll(&mut self, env: &mut Host<'_>) -> Option<Consumed> {
        self.polled = env.now();
        self.commit_by_itself(env);
        self.on_polled(env);
        self.go(env);
        match self.phase {
            Phase::Joining | Phase::Syncing(_) | Phase::Stable => self.consumer.poll(env),
            Phase::Unjoined | Phase::Revoking(_) | Phase::Assigned(_) | Phase::Gone => None,
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<MemberEvent> {
        if let Some(event) = self.consumer.poll_event() {
            return Some(MemberEvent::Position(event));
        }
        self.events.pop_front()
    }

    /// The application has done what it does when it loses partitions.
    pub fn proceed(&mut self, env: &mut Host<'_>) {
        self.proceeded = true;
        self.go(env);
    }

    /// Gives everything up and leaves, once the application has proceeded. A static member stays known to the
    /// group until its session ends, so that a restart changes nothing (KIP-345).
    pub fn close(&mut self, env: &mut Host<'_>) {
        match self.phase {
            Phase::Gone => {}
            Phase::Unjoined | Phase::Joining | Phase::Syncing(_) | Phase::Assigned(_) | Phase::Stable => {
                self.commit_positions(env);
                self.revoke(self.owned.clone(), Next::Leave);
            }
            Phase::Revoking(_) => self.phase = Phase::Revoking(Next::Leave),
        }
        self.go(env);
    }

    /// Goes on reading an owned partition from another place.
    pub fn seek(&mut self, at: TopicPartition, to: Start, env: &mut Host<'_>) {
        if !self.owned.contains(&at) {
            return;
        }
        if let Some(place) = self.unplaced.iter().position(|&unplaced| unplaced == at) {
            self.unplaced.remove(place);
            self.consumer.add(at, to, env);
        } else {
            self.consumer.seek(at, to, env);
        }
    }

    /// Hands out nothing of `at` and fetches no more, until [`Member::resume`] or until it is another's.
    pub fn pause(&mut self, at: TopicPartition) {
        self.consumer.pause(at);
    }

    /// Ends a [`Member::pause`].
    pub fn resume(&mut self, at: TopicPartition, env: &mut Host<'_>) {
        self.consumer.resume(at, env);
    }

    /// The offset of the next record to be polled; `None`: not owned, or not known yet.
    pub fn position(&self, at: TopicPartition) -> Option<Offset> {
        self.consumer.position(at)
    }

    /// Up to where the log is committed, as the last fetch told.
    pub fn high_watermark(&self, at: TopicPartition) -> Option<Offset> {
        self.consumer.high_watermark(at)
    }

    /// What it owns, sorted.
    pub fn owned(&self) -> &[TopicPartition] {
        &self.owned
    }

    /// Its id and the generation it is in.
    pub fn identity(&self) -> Option<(MemberId, Generation)> {
        Some((self.id?, self.generation?))
    }

    /// As whom, and since which generation, it owns what it owns.
    pub const fn owner(&self) -> Option<(MemberId, Generation)> {
        self.owner
    }

    /// As whom it has read what it owns; `None`: it owns nothing yet, or not any more (KIP-447).
    pub fn metadata(&self) -> Option<GroupMetadata> {
        let member = self.owner?;
        Some(GroupMetadata {
            group: self.config.group.clone(),
            member,
            instance: self.config.instance.clone(),
        })
    }

    /// Where it stands.
    pub const fn standing(&self) -> Standing {
        match self.phase {
            Phase::Unjoined => Standing::Out,
            Phase::Revoking(_) | Phase::Joining | Phase::Syncing(_) | Phase::Assigned(_) => {
                Standing::Rebalancing
            }
            Phase::Stable => Standing::Stable,
            Phase::Gone => Standing::Gone,
        }
    }

    /// The group's name.
    pub const fn group(&self) -> &GroupId {
        &self.config.group
    }

    fn is_cooperative(&self) -> bool {
        self.config.assignors == [Assignor::CooperativeSticky]
    }

    /// Reports what it owns now, as whoever it got that as.
    fn report_owned(&self, env: &mut Host<'_>) {
        let Some((member, generation)) = self.owner else { return };
        env.probe(Probe::Group(GroupProbe::OwnedChanged {
            group: self.config.group.clone(),
            member,
            generation,
            partitions: self.owned.clone(),
        }));
    }

    /// Asks whatever is to be asked, and sets the timer. Everything that may change that ends here.
    fn go(&mut self, env: &mut Host<'_>) {
        self.look_at_the_clock(env);
        if self.phase == Phase::Gone {
            return;
        }
        self.finish_revoking(env);
        match self.coordinator {
            None => self.find_coordinator(env),
            Some(_) => {
                self.send_join_or_sync(env);
                self.send_heartbeat(env);
                self.send_commit(env);
                self.send_offset_fetch(env);
            }
        }
        self.set_alarm(env);
    }

    fn set_alarm(&mut self, env: &mut Host<'_>) {
        let now = env.now();
        let mut next = self.polled + self.config.max_poll;
        // What is due already was tried just now, and waits for something else than time.
        let mut by = |at: Time| next = if at > now && (at < next || next <= now) { at } else { next };
        if self.coordinator.is_none() {
            by(self.finding.due());
        }
        if self.beats() {
            by(self.next_heartbeat);
            by(self.session_end);
        }
        if matches!(self.phase, Phase::Joining | Phase::Syncing(_)) {
            by(self.joining.due());
        }
        if !self.unplaced.is_empty() {
            by(self.fetching.due());
        }
        if let Some(at) = self.withheld {
            by(at);
        }
        for at in self.commits.due(self.config.auto_commit) {
            by(at);
        }
        if next > now {
            self.alarm.by(ClientTimer::Group, next, env);
        }
    }
}
