//! What a node's work costs: a process that is busy for a while after what it took in.
//!
//! Holds: the prices, and [`Charged`], a process that pays them. It pays by `Clock::spend`, so the engine lets
//! later inputs wait in a queue of their node; answers leave when the work begins, and their cost delays what comes
//! after. Core knows nothing of it: what is charged is what goes in and out through the window.
//! Deliberately absent: what a record costs the application that processes it. That is `group.work`.

use std::ops::{Deref, DerefMut};

use squall_core::env::{Clock, Disk, DiskFault, Entropy, Input, Network, Probes, SyncId};
use squall_core::group::message::GroupReply;
use squall_core::host::Host;
use squall_core::ids::NodeId;
use squall_core::message::{Message, Reply};
use squall_core::probe::Probe;
use squall_core::time::{Span, Time};
use squall_core::timer::Timer;

/// The prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    /// Of each message that is taken in.
    pub message: Span,
    /// Of each 1,024 bytes that are taken in, sent, or written to a file.
    pub kilobyte: Span,
    /// Of each member among whom a group's leader divides partitions.
    pub assign: Span,
}

impl Costs {
    /// What `input` costs whatever is done about it, and how many bytes it brings.
    fn of(&self, input: &Input<Message, Timer>) -> (Span, u64) {
        let Input::Deliver { message, .. } = input else { return (Span::ZERO, 0) };
        (self.message + self.assign.times(divided(message)), message.bytes())
    }

    fn bytes(&self, bytes: u64) -> Span {
        Span(self.kilobyte.0 * bytes / 1_024)
    }
}

/// How many members this message asks its receiver to divide partitions among.
fn divided(message: &Message) -> u64 {
    match message {
        Message::Reply { reply: Reply::Group(GroupReply::Join(Ok(joined))), .. } => {
            joined.members.len() as u64
        }
        Message::Quorum(_) | Message::Request { .. } | Message::Reply { .. } => 0,
    }
}

/// A process that pays for what it does, if it has to.
#[derive(Debug, Clone)]
pub struct Charged<T> {
    process: T,
    costs: Option<Costs>,
    spent: Span,
}

/// One that pays nothing.
impl<T> From<T> for Charged<T> {
    fn from(process: T) -> Self {
        Self::new(process, None)
    }
}

impl<T> Deref for Charged<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.process
    }
}

impl<T> DerefMut for Charged<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.process
    }
}

impl<T> Charged<T> {
    /// `process` at these prices; `None`: its work costs nothing.
    pub const fn new(process: T, costs: Option<Costs>) -> Self {
        Self { process, costs, spent: Span::ZERO }
    }

    /// For how long it has been busy in this life, what still lies before it included.
    pub const fn spent(&self) -> Span {
        self.spent
    }

    /// Hands `input` to the process by `step`, and charges what that cost.
    pub(super) fn step(
        &mut self,
        input: Input<Message, Timer>,
        env: &mut Host<'_>,
        step: impl FnOnce(&mut T, Input<Message, Timer>, &mut Host<'_>),
    ) {
        let Some(costs) = self.costs else { return step(&mut self.process, input, env) };
        let (fixed, taken) = costs.of(&input);
        let mut meter = Meter { env, bytes: taken };
        step(&mut self.process, input, &mut meter);
        let work = fixed + costs.bytes(meter.bytes);
        env.spend(work);
        self.spent = self.spent + work;
    }
}

/// The window, with somebody beside it who counts the bytes that go out.
struct Meter<'a, 'b> {
    env: &'a mut Host<'b>,
    bytes: u64,
}

impl Clock<Timer> for Meter<'_, '_> {
    fn now(&self) -> Time {
        self.env.now()
    }

    fn wall(&self) -> Time {
        self.env.wall()
    }

    fn set_timer(&mut self, timer: Timer, after: Span) {
        self.env.set_timer(timer, after);
    }

    fn cancel_timer(&mut self, timer: Timer) {
        self.env.cancel_timer(timer);
    }

    fn spend(&mut self, work: Span) {
        self.env.spend(work);
    }
}

impl Network<Message> for Meter<'_, '_> {
    fn me(&self) -> NodeId {
        self.env.me()
    }

    fn send(&mut self, to: NodeId, message: Message) {
        self.bytes += message.bytes();
        self.env.send(to, message);
    }
}

impl Entropy for Meter<'_, '_> {
    fn draw(&mut self) -> u64 {
        self.env.draw()
    }
}

impl Probes<Probe> for Meter<'_, '_> {
    fn probe(&mut self, probe: Probe) {
        self.env.probe(probe);
    }
}

impl Disk for Meter<'_, '_> {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskFault> {
        self.bytes += bytes.len() as u64;
        self.env.append(file, bytes)
    }

    fn write_at(&mut self, file: &str, at: u64, bytes: &[u8]) -> Result<(), DiskFault> {
        self.bytes += bytes.len() as u64;
        self.env.write_at(file, at, bytes)
    }

    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskFault> {
        self.env.truncate(file, len)
    }

    fn read(&mut self, file: &str, at: u64, into: &mut [u8]) -> Result<usize, DiskFault> {
        self.env.read(file, at, into)
    }

    fn len(&self, file: &str) -> Option<u64> {
        self.env.len(file)
    }

    fn list(&self, prefix: &str) -> Vec<String> {
        self.env.list(prefix)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskFault> {
        self.env.rename(from, to)
    }

    fn remove(&mut self, file: &str) -> Result<(), DiskFault> {
        self.env.remove(file)
    }

    fn sync(&mut self, file: &str) -> SyncId {
        self.env.sync(file)
    }

    fn sync_dir(&mut self) -> SyncId {
        self.env.sync_dir()
    }
}
