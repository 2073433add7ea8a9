//! The window: all that a process can see of the world, and all that it can ask of it.
//!
//! A process is stepped with one input at a time. Whatever it asks for in a step is carried out before
//! anything else is stepped; answers that take time (a message, a timer, a sync) come back as inputs.
//! Deliberately absent: threads, futures, sockets, files, a global clock, a global random source.

use std::fmt::Debug;
use std::hash::Hash;

use crate::ids::NodeId;
use crate::time::{Span, Time};

/// Anything that lives on a node: a broker, a controller, a producer, a database.
///
/// A node that crashes loses the value; at its restart the world clones the value it was built with and
/// calls `start`. So a process keeps nothing over a crash but what it wrote to its disk.
///
/// `Hash` on messages and probes feeds the run's fingerprint, `Debug` its timeline; both are derived.
pub trait Process: Clone {
    /// What goes over the network.
    type Message: Clone + Debug + Hash;
    /// Names a timer of this process. Setting a name again replaces its deadline.
    type Timer: Copy + Ord + Debug + Hash;
    /// A fact about the domain, reported for checks, timelines and metrics.
    type Probe: Clone + Debug + Hash;

    /// The first call of a life: at boot and after each restart. Reads its disk here.
    fn start(&mut self, env: &mut EnvOf<'_, Self>);

    /// One input. Runs to its end before anything else happens anywhere.
    fn step(&mut self, input: InputOf<Self>, env: &mut EnvOf<'_, Self>);

    /// How many bytes `message` takes on a wire. Asked only where a link carries so many bytes a second.
    fn message_size(_message: &Self::Message) -> u64 {
        128
    }
}

/// The window as the process `P` sees it.
pub type EnvOf<'a, P> = dyn Env<<P as Process>::Message, <P as Process>::Timer, <P as Process>::Probe> + 'a;

/// An input of the process `P`.
pub type InputOf<P> = Input<<P as Process>::Message, <P as Process>::Timer>;

/// All that can happen to a process. Closed on purpose: every driver handles every arm.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input<M, T> {
    /// A message arrived.
    Deliver {
        /// Its sender, or [`NodeId::OPERATOR`].
        from: NodeId,
        /// What it says.
        message: M,
    },
    /// A timer ran out. It is no longer set.
    Expired {
        /// Its name.
        timer: T,
    },
    /// A sync ended.
    Synced {
        /// The number that [`Disk::sync`] gave.
        sync: SyncId,
        /// Whether everything written before the request is now durable.
        outcome: Result<(), DiskFault>,
    },
}

/// The whole window.
pub trait Env<M, T, B>: Clock<T> + Network<M> + Disk + Entropy + Probes<B> {}

impl<M, T, B, E: Clock<T> + Network<M> + Disk + Entropy + Probes<B> + ?Sized> Env<M, T, B> for E {}

/// This node's clock. Other nodes' clocks may read differently.
pub trait Clock<T> {
    /// The time on this node, for anything that is measured: it never goes back within a life, and nobody sets
    /// it. It may run too fast or too slow, stand still, or leap ahead.
    fn now(&self) -> Time;

    /// The calendar of this node, for what is written down: record timestamps, and ages that are told from
    /// them. People and services set it, forth and back.
    fn wall(&self) -> Time;

    /// `timer` runs out `after` from now. Replaces an earlier deadline of the same name.
    fn set_timer(&mut self, timer: T, after: Span);

    /// `timer` does not run out, if it was set.
    fn cancel_timer(&mut self, timer: T);

    /// Simulated work: the node takes its next input no earlier than `work` from now.
    fn spend(&mut self, work: Span);
}

/// The network. A send has no answer and no error: it may be lost, late, doubled or overtaken.
pub trait Network<M> {
    /// The node this process lives on.
    fn me(&self) -> NodeId;

    /// Sends `message` to `to`.
    fn send(&mut self, to: NodeId, message: M);
}

/// Chance, from this node's own stream.
pub trait Entropy {
    /// 64 random bits.
    fn draw(&mut self) -> u64;

    /// A number below `bound`; 0 if `bound` is 0. The bias is below 2⁻³² for bounds below 2³².
    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.draw()) * u128::from(bound)) >> 64) as u64
    }
}

/// The one stream of facts that a process reports.
pub trait Probes<B> {
    /// Reports a fact. It is true when the step ends.
    fn probe(&mut self, probe: B);
}

/// Numbers a [`Disk::sync`] request; unique within one life of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SyncId(pub u64);

/// What a disk can answer instead of doing as asked. A fault, never a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum DiskFault {
    /// No file has that name.
    #[error("no such file")]
    NotFound,
    /// No room is left.
    #[error("disk full")]
    Full,
    /// The device failed.
    #[error("input/output error")]
    Io,
}

/// This node's files, in one flat directory, by name (`/` may be part of a name).
///
/// Writes act at once on the operating system's cache: a later `read` sees them, a crash of the process
/// keeps them, a power loss loses or tears what no completed sync covered. The same holds for names:
/// a creation, rename or removal is durable once a [`Disk::sync_dir`] that was asked for after it ends.
/// Names are journaled: of the changes that no sync covers, a power loss keeps a prefix.
pub trait Disk {
    /// Writes `bytes` at the end of `file`, creating it if need be.
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskFault>;

    /// Writes `bytes` at `at`, creating `file` if need be; a gap up to `at` reads as zeros.
    fn write_at(&mut self, file: &str, at: u64, bytes: &[u8]) -> Result<(), DiskFault>;

    /// Cuts `file` to `len` bytes. Longer than the file: no effect.
    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskFault>;

    /// Fills `into` from `at` on; answers how many bytes there were (fewer at the end of the file).
    fn read(&mut self, file: &str, at: u64, into: &mut [u8]) -> Result<usize, DiskFault>;

    /// The length of `file` in bytes; `None` if there is no such file.
    fn len(&self, file: &str) -> Option<u64>;

    /// The names that start with `prefix`, in order.
    fn list(&self, prefix: &str) -> Vec<String>;

    /// `from` is called `to` from now on; a file of that name is replaced.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskFault>;

    /// `file` is gone.
    fn remove(&mut self, file: &str) -> Result<(), DiskFault>;

    /// Asks that everything written to `file` so far becomes durable; ends as [`Input::Synced`].
    fn sync(&mut self, file: &str) -> SyncId;

    /// Asks that every creation, rename and removal so far becomes durable; ends as [`Input::Synced`].
    fn sync_dir(&mut self) -> SyncId;
}
