//! An application that works for a share group: takes a record, works, says what became of it.
//!
//! What a record is like stands in the plan, as if its content said so: some can never be worked, or only after a
//! person has put them back; some take longer than a lock. After a crash it is a new process.

use std::collections::BTreeMap;
use std::sync::Arc;

use squall_core::client::{Job, ShareConsumer, WorkerConfig};
use squall_core::env::Input;
use squall_core::host::Host;
use squall_core::ids::GroupId;
use squall_core::message::Message;
use squall_core::probe::Probe;
use squall_core::share::message::Verdict;
use squall_core::share::probe::ShareProbe;
use squall_core::time::Span;
use squall_core::timer::Timer;

use crate::workload::sender::name_of;

const WORK: Timer = Timer::Application(0);
const RENEW: Timer = Timer::Application(1);

/// What is hard about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Whoever works it fails, until it was put back so often.
    Poison {
        /// How often; with 0 for ever.
        cure: u32,
        /// Whoever works it sees that nobody can.
        rejected: bool,
    },
    /// It takes longer than a lock lasts.
    Slow,
}

/// The records that something is hard about, by name.
pub type Troubles = Arc<BTreeMap<u64, Trouble>>;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct ShareStyle {
    /// How long a record takes.
    pub takes: Span,
    /// How long one takes that takes too long.
    pub slow: Span,
    /// It asks for more time so often, while it works.
    pub renew_every: Option<Span>,
    /// What is hard about whom.
    pub troubles: Troubles,
}

/// A share group's application.
#[derive(Debug, Clone)]
pub struct ShareWorker {
    worker: ShareConsumer,
    group: GroupId,
    style: ShareStyle,
    busy: Option<Job>,
}

impl ShareWorker {
    /// Will work as long as it lives.
    pub fn new(config: WorkerConfig, style: ShareStyle) -> Self {
        let group = config.group.clone();
        Self { worker: ShareConsumer::new(config), group, style, busy: None }
    }

    /// Its group.
    pub const fn group(&self) -> &GroupId {
        &self.group
    }

    /// Whether it works at nothing, and all it said was answered.
    pub fn is_idle(&self) -> bool {
        self.busy.is_none() && self.worker.is_idle()
    }

    pub(crate) fn start(&mut self, env: &mut Host<'_>) {
        self.worker.start(env);
        self.go_on(env);
    }

    pub(crate) fn step(&mut self, input: Input<Message, Timer>, env: &mut Host<'_>) {
        match input {
            Input::Deliver { from, message: Message::Reply { id, reply } } => {
                self.worker.on_reply(from, id, reply, env);
            }
            Input::Expired { timer: Timer::Client(timer) } => self.worker.on_timer(timer, env),
            Input::Expired { timer: WORK } => self.finish(env),
            Input::Expired { timer: RENEW } => self.renew(env),
            // Nobody asks a client, and it has no disk.
            Input::Expired { .. } | Input::Deliver { .. } | Input::Synced { .. } => {}
        }
        self.go_on(env);
    }

    fn go_on(&mut self, env: &mut Host<'_>) {
        while self.busy.is_none()
            && let Some(job) = self.worker.poll(env)
        {
            self.take(job, env);
        }
        while let Some(answered) = self.worker.poll_answer() {
            env.probe(Probe::Share(ShareProbe::Acknowledged {
                delivery: answered.delivery,
                member: self.worker.member(),
                verdict: answered.verdict,
                result: answered.told,
            }));
        }
    }

    fn take(&mut self, job: Job, env: &mut Host<'_>) {
        let slow = self.trouble(&job) == Some(Trouble::Slow) && job.count == 1;
        let takes = if slow { self.style.slow } else { self.style.takes };
        self.busy = Some(job);
        if takes == Span::ZERO {
            return self.finish(env);
        }
        env.set_timer(WORK, takes);
        if let Some(every) = self.style.renew_every {
            env.set_timer(RENEW, every);
        }
    }

    fn trouble(&self, job: &Job) -> Option<Trouble> {
        self.style.troubles.get(&name_of(&job.record)?).copied()
    }

    fn renew(&mut self, env: &mut Host<'_>) {
        let (Some(job), Some(every)) = (self.busy.clone(), self.style.renew_every) else { return };
        self.say(&job, Verdict::Renew, env);
        env.set_timer(RENEW, every);
    }

    fn finish(&mut self, env: &mut Host<'_>) {
        env.cancel_timer(RENEW);
        let Some(job) = self.busy.take() else { return };
        let verdict = match self.trouble(&job) {
            Some(Trouble::Poison { cure, rejected }) if cure == 0 || job.returned < cure => {
                if rejected {
                    Verdict::Reject
                } else {
                    Verdict::Release
                }
            }
            Some(Trouble::Poison { .. } | Trouble::Slow) | None => Verdict::Accept,
        };
        self.say(&job, verdict, env);
    }

    fn say(&mut self, job: &Job, verdict: Verdict, env: &mut Host<'_>) {
        env.probe(Probe::Share(ShareProbe::Acknowledging {
            delivery: job.delivery.clone(),
            member: self.worker.member(),
            verdict,
            record: name_of(&job.record),
        }));
        self.worker.acknowledge(job.delivery.clone(), verdict, env);
    }
}
