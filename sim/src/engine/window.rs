//! The window of one node while its process is stepped: each request is carried out at once.

use std::hash::Hasher;

use squall_core::env::{Clock, Disk, DiskFault, Entropy, Network, Probes, SyncId};
use squall_core::ids::NodeId;
use squall_core::time::{Span, Time};

use std::fmt::Debug;
use std::hash::Hash;

use super::machine::{Machine, SyncCell};
use super::node::Parts;
use super::queue::Ticket;

/// What a request adds to the fingerprint before its arguments.
#[derive(Clone, Copy)]
#[repr(u64)]
enum Mark {
    Send = 0x5e_0001,
    SetTimer,
    CancelTimer,
    Spend,
    Draw,
    Probe,
    Append,
    WriteAt,
    Truncate,
    Rename,
    Remove,
    Sync,
    SyncDir,
}

/// All that a process can reach.
pub(super) struct Window<'a, M, T, B> {
    pub(super) me: NodeId,
    pub(super) parts: &'a mut Parts<T>,
    pub(super) machine: &'a mut Machine<M, T>,
    pub(super) probes: &'a mut Vec<(NodeId, B)>,
}

impl<M, T, B> Window<'_, M, T, B> {
    /// Notes a request about a file in the fingerprint.
    fn mark_file(&mut self, mark: Mark, file: &str, at: u64) {
        self.machine.digest.pair(mark as u64, at);
        self.machine.digest.write(file.as_bytes());
    }

    /// Counts what became of a write.
    fn written<V>(&mut self, bytes: usize, outcome: Result<V, DiskFault>) -> Result<V, DiskFault> {
        match outcome {
            Ok(_) => self.machine.stats.bytes_written += bytes as u64,
            Err(_) => self.machine.stats.write_errors += 1,
        }
        outcome
    }

    fn await_sync(&mut self, (sync, takes): (SyncId, Span)) -> SyncId {
        let machine = &mut *self.machine;
        let place = machine.syncs.insert(SyncCell { node: self.me, sync, number: 0 });
        let stalled = self.parts.disk.model().stalled;
        let due = machine.now + takes;
        let number = if stalled { 0 } else { machine.queue.push(due, Ticket::Sync(place)) };
        machine.syncs.get_mut(place).expect("it was just put there").number = number;
        self.parts.syncs.push(place);
        sync
    }
}

impl<M, T: Copy + Ord + Hash, B> Clock<T> for Window<'_, M, T, B> {
    fn now(&self) -> Time {
        self.parts.clock.at(self.machine.now)
    }

    fn wall(&self) -> Time {
        self.parts.clock.wall(self.machine.now)
    }

    fn set_timer(&mut self, timer: T, after: Span) {
        let machine = &mut *self.machine;
        machine.digest.pair(Mark::SetTimer as u64, after.0);
        machine.digest.take(&timer);
        let deadline = machine.now + self.parts.clock.world_span(after);
        self.parts.timers.set(self.me, timer, deadline, &mut machine.timers, &mut machine.queue);
    }

    fn cancel_timer(&mut self, timer: T) {
        self.machine.digest.word(Mark::CancelTimer as u64);
        self.machine.digest.take(&timer);
        self.parts.timers.cancel(timer, &mut self.machine.timers);
    }

    fn spend(&mut self, work: Span) {
        if work == Span::ZERO {
            return;
        }
        self.machine.digest.pair(Mark::Spend as u64, work.0);
        self.machine.holds_back = true;
        self.parts.busy_until = self.parts.busy_until.max(self.machine.now) + work;
    }
}

impl<M: Clone + Hash, T, B> Network<M> for Window<'_, M, T, B> {
    fn me(&self) -> NodeId {
        self.me
    }

    fn send(&mut self, to: NodeId, message: M) {
        // The message counts where it is made, not where it arrives: what differs shows at its cause.
        self.machine.digest.pair(Mark::Send as u64, u64::from(to.0));
        self.machine.digest.take(&message);
        self.machine.send(self.me, to, message);
    }
}

impl<M, T, B> Disk for Window<'_, M, T, B> {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskFault> {
        self.mark_file(Mark::Append, file, 0);
        self.machine.digest.write(bytes);
        let outcome = self.parts.disk.append(file, bytes);
        self.written(bytes.len(), outcome)
    }

    fn write_at(&mut self, file: &str, at: u64, bytes: &[u8]) -> Result<(), DiskFault> {
        self.mark_file(Mark::WriteAt, file, at);
        self.machine.digest.write(bytes);
        let outcome = self.parts.disk.write_at(file, at, bytes);
        self.written(bytes.len(), outcome)
    }

    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskFault> {
        self.mark_file(Mark::Truncate, file, len);
        let outcome = self.parts.disk.truncate(file, len);
        self.written(0, outcome)
    }

    fn read(&mut self, file: &str, at: u64, into: &mut [u8]) -> Result<usize, DiskFault> {
        let outcome = self.parts.disk.read_again(file, at, into);
        self.machine.stats.read_errors += u64::from(outcome == Err(DiskFault::Io));
        outcome
    }

    fn len(&self, file: &str) -> Option<u64> {
        self.parts.disk.len(file)
    }

    fn list(&self, prefix: &str) -> Vec<String> {
        self.parts.disk.list(prefix)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskFault> {
        self.mark_file(Mark::Rename, from, 0);
        self.machine.digest.write(to.as_bytes());
        let outcome = self.parts.disk.rename(from, to);
        self.written(0, outcome)
    }

    fn remove(&mut self, file: &str) -> Result<(), DiskFault> {
        self.mark_file(Mark::Remove, file, 0);
        let outcome = self.parts.disk.remove(file);
        self.written(0, outcome)
    }

    fn sync(&mut self, file: &str) -> SyncId {
        self.mark_file(Mark::Sync, file, 0);
        let sync = self.parts.disk.sync(file);
        self.await_sync(sync)
    }

    fn sync_dir(&mut self) -> SyncId {
        self.machine.digest.word(Mark::SyncDir as u64);
        let sync = self.parts.disk.sync_dir();
        self.await_sync(sync)
    }
}

impl<M, T, B> Entropy for Window<'_, M, T, B> {
    fn draw(&mut self) -> u64 {
        let drawn = self.parts.chance.draw();
        self.machine.digest.pair(Mark::Draw as u64, drawn);
        drawn
    }
}

impl<M, T, B: Debug + Hash> Probes<B> for Window<'_, M, T, B> {
    fn probe(&mut self, probe: B) {
        self.machine.digest.word(Mark::Probe as u64);
        self.machine.digest.take(&probe);
        tracing::debug!(target: "squall::probe", node = self.me.0, ?probe);
        self.probes.push((self.me, probe));
    }
}
