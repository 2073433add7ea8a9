//! An application that consumes, transforms and produces exactly once (KIP-447): what it writes and how far it has
//! read are one transaction.
//!
//! | file | holds |
//! |---|---|
//! | this | what the plan says: join, leave, dawdle, abort; crashes and new beginnings |
//! | `running` | one life of the application: a group member and a transactional producer |
//!
//! It polls between transactions and in them, never while one is being ended, as Kafka's blocking calls have it. Before it
//! gives partitions up it ends its transaction; after an abort it reads again from where the transaction began
//! (KAFKA-17582). When its producer is fenced, the application begins anew under the same name, unless another
//! process has that name.

mod running;

use std::sync::Arc;

use squall_core::client::{MemberConfig, ProducerConfig, Stage, Standing};
use squall_core::env::Input;
use squall_core::host::Host;
use squall_core::ids::{GroupId, Offset, TopicPartition};
use squall_core::message::Message;
use squall_core::time::{Span, Time};
use squall_core::timer::Timer;

use running::{End, Running};

const NEXT: Timer = Timer::Application(0);
const WORK: Timer = Timer::Application(1);
const DAWDLE: Timer = Timer::Application(2);
const RESTART: Timer = Timer::Application(3);
const LINGER: Timer = Timer::Application(4);

/// What a pipeline does when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Joins its group.
    Join,
    /// Ends its transaction, gives up its partitions and leaves.
    Leave,
    /// Does nothing for so long, perhaps with a transaction open.
    Dawdle(Span),
    /// The next transaction to be ended is aborted.
    Abort,
}

/// How a pipeline works.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long a record takes.
    pub takes: Span,
    /// So many records make a transaction.
    pub records: u32,
    /// A transaction with fewer waits so long for more.
    pub linger: Span,
    /// After so long it begins anew when it was fenced; `None` where another process has its name: the two would
    /// fence each other for ever.
    pub restart: Option<Span>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Pipeline {
    member: MemberConfig,
    producer: ProducerConfig,
    pace: Pace,
    /// In order of time.
    script: Arc<[(Time, Step)]>,
    next: usize,
    running: Option<Box<Running>>,
    dawdles: bool,
    /// It will begin anew.
    failed: bool,
}

impl Pipeline {
    /// Will do what `script` says, which is in order of time.
    pub fn new(
        member: MemberConfig,
        producer: ProducerConfig,
        pace: Pace,
        script: Arc<[(Time, Step)]>,
    ) -> Self {
        Self { member, producer, pace, script, next: 0, running: None, dawdles: false, failed: false }
    }

    /// Whether its script is over.
    pub fn is_done(&self) -> bool {
        self.next == self.script.len()
    }

    /// Its group.
    pub const fn group(&self) -> &GroupId {
        &self.member.group
    }

    /// What it has of its group's partitions, while it is a member.
    pub fn owned(&self) -> &[TopicPartition] {
        let running = self.running.as_ref().filter(|running| running.member.standing() != Standing::Gone);
        running.map_or(&[], |running| running.member.owned())
    }

    /// The next offset it reads of a partition that it has.
    pub fn position(&self, at: TopicPartition) -> Option<Offset> {
        self.running.as_ref()?.member.position(at)
    }

    /// Where its transactions stand, while it runs.
    pub(crate) fn stage(&self) -> Option<Stage> {
        self.running.as_ref()?.producer.stage()
    }

    pub(crate) fn start(&mut self, env: &mut Host<'_>) {
        let past = self.script.iter().take_while(|(at, _)| *at <= env.now()).count();
        self.next = past;
        // A process that starts does what was asked of it last.
        let wanted = self.script[..past].iter().rev().find_map(|(_, step)| match step {
            Step::Join => Some(true),
            Step::Leave => Some(false),
            Step::Dawdle(_) | Step::Abort => None,
        });
        if wanted == Some(true) {
            self.join(env);
        }
        self.plan_next(env);
        self.go_on(env);
    }

    pub(crate) fn step(&mut self, input: Input<Message, Timer>, env: &mut Host<'_>) {
        match (input, &mut self.running) {
            (Input::Deliver { from, message: Message::Reply { id, reply } }, Some(running)) => {
                running.on_reply(from, id, reply, env);
            }
            (Input::Expired { timer: Timer::Client(timer) }, Some(running)) => running.on_timer(timer, env),
            (Input::Expired { timer: WORK }, Some(running)) => running.finish(env),
            (Input::Expired { timer: LINGER }, Some(running)) => running.lingered(),
            (Input::Expired { timer: NEXT }, _) => self.act(env),
            (Input::Expired { timer: DAWDLE }, _) => self.dawdles = false,
            // Unless it left or came back meanwhile.
            (Input::Expired { timer: RESTART }, _) if self.failed => self.join(env),
            // Nobody asks a client, and it has no disk.
            (Input::Expired { .. } | Input::Deliver { .. } | Input::Synced { .. }, _) => {}
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
        while let Some(&(_, step)) = self.script.get(self.next).filter(|(at, _)| *at <= env.now()) {
            self.next += 1;
            match step {
                Step::Join => self.join(env),
                Step::Leave => {
                    self.failed = false;
                    if let Some(running) = &mut self.running {
                        running.leaves = true;
                    }
                }
                Step::Dawdle(span) => {
                    self.dawdles = true;
                    env.set_timer(DAWDLE, span);
                }
                Step::Abort => {
                    if let Some(running) = &mut self.running {
                        running.aborts = true;
                    }
                }
            }
        }
        self.plan_next(env);
    }

    fn join(&mut self, env: &mut Host<'_>) {
        self.failed = false;
        // What still runs is killed: its transaction is left to the coordinator.
        let mut running = Running::new(&self.member, &self.producer, self.pace, env);
        running.start(env);
        self.running = Some(Box::new(running));
    }

    fn go_on(&mut self, env: &mut Host<'_>) {
        let Some(running) = &mut self.running else { return };
        match running.go_on(self.dawdles, env) {
            None => {}
            Some(End::Left) => self.running = None,
            Some(End::Over) => {
                self.running = None;
                if let Some(pause) = self.pace.restart {
                    self.failed = true;
                    env.set_timer(RESTART, pause);
                }
            }
        }
    }
}
