//! An application that works for a consumer group: polls, processes, commits what it has processed.
//!
//! It processes one record at a time and takes a while for each. It joins, leaves and dawdles when the plan
//! says so. After a crash it is a new process: it looks at what the plan says it should be doing by now.

use std::sync::Arc;

use squall_core::client::{Consumed, Member, MemberConfig, MemberEvent, Standing};
use squall_core::env::Input;
use squall_core::group::message::CommittedOffset;
use squall_core::group::probe::GroupProbe;
use squall_core::host::Host;
use squall_core::ids::{Generation, GroupId, MemberId, TopicPartition};
use squall_core::message::Message;
use squall_core::probe::{ClientProbe, Probe};
use squall_core::time::{Span, Time};
use squall_core::timer::Timer;

use crate::workload::sender::name_in;

const NEXT: Timer = Timer::Application(0);
const WORK: Timer = Timer::Application(1);
const DAWDLE: Timer = Timer::Application(2);
const RESTART: Timer = Timer::Application(3);

/// What a worker does when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Joins its group.
    Join,
    /// Gives up its partitions and leaves.
    Leave,
    /// Neither polls nor processes for so long.
    Dawdle(Span),
}

/// How a worker works.
#[derive(Debug, Clone)]
pub struct Workstyle {
    /// How long a record takes.
    pub takes: Span,
    /// So many records are processed between two commits, unless commits are automatic.
    pub commit_every: u32,
    /// After so long it is started again when its group threw it out for good; `None` where another process has
    /// its name: the two would throw each other out for ever.
    pub restart: Option<Span>,
}

/// A group member's application.
#[derive(Debug, Clone)]
pub struct Worker {
    config: MemberConfig,
    style: Workstyle,
    /// In order of time.
    script: Arc<[(Time, Act)]>,
    next: usize,
    member: Option<Box<Member>>,
    /// What it is working at, and as whom it was given that.
    busy: Option<(Consumed, (MemberId, Generation))>,
    dawdles: bool,
    /// It will leave, once it is done with what it is working at.
    leaves: bool,
    /// Its group threw it out for good.
    failed: bool,
    /// Processed and not committed.
    done: Vec<(TopicPartition, CommittedOffset)>,
    since_commit: u32,
}

impl Worker {
    /// Will do what `script` says, which is in order of time.
    pub fn new(config: MemberConfig, style: Workstyle, script: Arc<[(Time, Act)]>) -> Self {
        Self {
            config,
            style,
            script,
            next: 0,
            member: None,
            busy: None,
            dawdles: false,
            leaves: false,
            failed: false,
            done: Vec::new(),
            since_commit: 0,
        }
    }

    /// Whether its script is over.
    pub fn is_done(&self) -> bool {
        self.next == self.script.len()
    }

    /// Its group.
    pub const fn group(&self) -> &GroupId {
        &self.config.group
    }

    /// The member that it is, while it is one.
    pub fn member(&self) -> Option<&Member> {
        self.member.as_deref()
    }

    /// Whether its last act was to join, and nobody has thrown it out since.
    pub fn works(&self) -> bool {
        self.member.as_ref().is_some_and(|member| member.standing() != Standing::Gone)
    }

    pub(crate) fn start(&mut self, env: &mut Host<'_>) {
        let past = self.script.iter().take_while(|(at, _)| *at <= env.now()).count();
        self.next = past;
        // A process that starts does what was asked of it last; what it dawdled at is forgotten.
        let wanted = self.script[..past].iter().rev().find_map(|(_, act)| match act {
            Act::Join => Some(true),
            Act::Leave => Some(false),
            Act::Dawdle(_) => None,
        });
        if wanted == Some(true) {
            self.join(env);
        }
        self.plan_next(env);
        self.go_on(env);
    }

    pub(crate) fn step(&mut self, input: Input<Message, Timer>, env: &mut Host<'_>) {
        match input {
            Input::Deliver { from, message: Message::Reply { id, reply } } => {
                if let Some(member) = &mut self.member {
                    member.on_reply(from, id, reply, env);
                }
            }
            Input::Expired { timer: Timer::Client(timer) } => {
                if let Some(member) = &mut self.member {
                    member.on_timer(timer, env);
                }
            }
            Input::Expired { timer: NEXT } => self.act(env),
            Input::Expired { timer: WORK } => self.finish(env),
            Input::Expired { timer: DAWDLE } => self.dawdles = false,
            // Unless it left or came back meanwhile.
            Input::Expired { timer: RESTART } if self.failed => self.join(env),
            // Nobody asks a client, and it has no disk.
            Input::Expired { .. } | Input::Deliver { .. } | Input::Synced { .. } => {}
        }
        self.go_on(env);
    }

    fn plan_next(&self, env: &mut Host<'_>) {
        if let Some((at, _)) = self.script.get(self.next) {
            env.set_timer(NEXT, at.since(env.now()));
        }
    }

    /// Does what is due.
    fn act(&mut self, env: &mut Host<'_>) {
        while let Some(&(_, act)) = self.script.get(self.next).filter(|(at, _)| *at <= env.now()) {
            self.next += 1;
            match act {
                Act::Join => self.join(env),
                Act::Leave => {
                    self.leaves = true;
                    self.failed = false;
                }
                Act::Dawdle(span) => {
                    self.dawdles = true;
                    env.set_timer(DAWDLE, span);
                }
            }
        }
        self.plan_next(env);
    }

    fn join(&mut self, env: &mut Host<'_>) {
        let mut member = Member::new(self.config.clone());
        member.start(env);
        self.member = Some(Box::new(member));
        self.busy = None;
        self.leaves = false;
        self.failed = false;
        self.done.clear();
    }

    /// Listens, and takes record after record until one takes time.
    fn go_on(&mut self, env: &mut Host<'_>) {
        loop {
            self.listen(env);
            if self.busy.is_some() || self.dawdles {
                return;
            }
            let Some(member) = &mut self.member else { return };
            if std::mem::take(&mut self.leaves) {
                member.close(env);
                continue;
            }
            match member.poll(env) {
                Some(record) => self.take(record, env),
                None => {
                    // There is nothing to do: a good time to say how far it is.
                    self.commit(env);
                    if !self.listen(env) {
                        return;
                    }
                }
            }
        }
    }

    fn take(&mut self, record: Consumed, env: &mut Host<'_>) {
        let owner = self.member.as_ref().and_then(|member| member.owner());
        let Some(owner) = owner else { return };
        env.probe(Probe::Client(ClientProbe::Consumed {
            at: record.at,
            offset: record.offset,
            epoch: record.epoch,
            record: record.value.as_deref().and_then(name_in),
        }));
        self.busy = Some((record, owner));
        if self.style.takes == Span::ZERO {
            self.finish(env);
        } else {
            env.set_timer(WORK, self.style.takes);
        }
    }

    /// A record is processed.
    fn finish(&mut self, env: &mut Host<'_>) {
        let Some((record, (member, generation))) = self.busy.take() else { return };
        env.probe(Probe::Group(GroupProbe::Processed {
            group: self.config.group.clone(),
            member,
            generation,
            at: record.at,
            offset: record.offset,
            epoch: record.epoch,
            record: record.value.as_deref().and_then(name_in),
        }));
        if self.config.auto_commit.is_some() {
            return;
        }
        let committed = CommittedOffset {
            offset: record.offset.plus(1),
            leader_epoch: Some(record.epoch),
            metadata: "".into(),
        };
        match self.done.iter_mut().find(|(at, _)| *at == record.at) {
            Some((_, done)) => *done = committed,
            None => self.done.push((record.at, committed)),
        }
        self.since_commit += 1;
        if self.since_commit >= self.style.commit_every {
            self.commit(env);
        }
    }

    fn commit(&mut self, env: &mut Host<'_>) {
        self.since_commit = 0;
        if let Some(member) = self.member.as_mut().filter(|_| !self.done.is_empty()) {
            member.commit(std::mem::take(&mut self.done), env);
        }
    }

    /// Hears what became of its partitions and commits; answers whether there was anything.
    fn listen(&mut self, env: &mut Host<'_>) -> bool {
        let mut heard = false;
        while let Some(event) = self.member.as_mut().and_then(|member| member.poll_event()) {
            heard = true;
            match event {
                MemberEvent::Revoked(_) => {
                    self.commit(env);
                    if let Some(member) = &mut self.member {
                        member.proceed(env);
                    }
                }
                MemberEvent::Lost(lost) => self.done.retain(|(at, _)| !lost.contains(at)),
                MemberEvent::Committed(offsets) => self.acknowledged(&offsets, env),
                MemberEvent::CommitFailed { offsets, .. } => self.keep(offsets),
                MemberEvent::Failed(_) => self.failed(env),
                // It is told by its position.
                MemberEvent::Assigned(_) | MemberEvent::NoOffset(_) | MemberEvent::Position(_) => {}
            }
        }
        heard
    }

    /// Whoever watches over the process starts it anew.
    fn failed(&mut self, env: &mut Host<'_>) {
        if let Some(pause) = self.style.restart {
            self.failed = true;
            env.set_timer(RESTART, pause);
        }
    }

    fn acknowledged(&self, offsets: &[(TopicPartition, CommittedOffset)], env: &mut Host<'_>) {
        let Some((member, _)) = self.member.as_ref().and_then(|member| member.owner()) else { return };
        for (at, committed) in offsets {
            env.probe(Probe::Group(GroupProbe::Acknowledged {
                group: self.config.group.clone(),
                member,
                at: *at,
                offset: committed.offset,
            }));
        }
    }

    /// What was not committed is committed later, if it is still this worker's and nothing newer is there.
    fn keep(&mut self, offsets: Vec<(TopicPartition, CommittedOffset)>) {
        let Some(member) = &self.member else { return };
        for (at, committed) in offsets {
            if member.owned().contains(&at) && self.done.iter().all(|(known, _)| *known != at) {
                self.done.push((at, committed));
            }
        }
    }
}
