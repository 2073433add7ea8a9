//! A world for one client: collects what it sends, rings its timers when told, delivers nothing by itself.

use std::collections::BTreeMap;

use crate::env::{Clock, Disk, DiskFault, Entropy, Network, Probes, SyncId};
use crate::ids::{BrokerId, CorrelationId, LeaderEpoch, NodeId, Offset, TopicId, TopicPartition};
use crate::message::{ClusterMetadata, Message, PartitionMetadata, Request, TopicMetadata};
use crate::probe::{ClientProbe, Probe};
use crate::time::{Span, Time};
use crate::timer::{ClientTimer, Timer};

/// The one topic of the tests.
pub(super) const TOPIC: TopicId = TopicId(3);
/// Its name.
pub(super) const NAME: &str = "orders";

/// A partition of it.
pub(super) const fn at(partition: u32) -> TopicPartition {
    TopicPartition { topic: TOPIC, partition }
}

/// A request that was sent and not looked at yet.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) to: NodeId,
    pub(super) id: CorrelationId,
    pub(super) request: Request,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) now: Time,
    pub(super) sent: Vec<Sent>,
    pub(super) probes: Vec<ClientProbe>,
    timers: BTreeMap<Timer, Time>,
    chance: u64,
}

impl World {
    /// Rings the next timer up to `until`, moving the time there; `None`: it is `until`.
    pub(super) fn ring(&mut self, until: Time) -> Option<ClientTimer> {
        let first = self.timers.iter().min_by_key(|(name, due)| (**due, **name)).map(|(n, d)| (*n, *d));
        let Some((timer, due)) = first.filter(|(_, due)| *due <= until) else {
            self.now = until;
            return None;
        };
        self.now = self.now.max(due);
        self.timers.remove(&timer);
        let Timer::Client(timer) = timer else { panic!("a client set {timer:?}") };
        Some(timer)
    }

    /// Sets the clock back; timers that are set ring no later for it.
    pub(super) fn set_back(&mut self, by: Span) {
        self.now = Time(self.now.0 - by.0);
        for due in self.timers.values_mut() {
            *due = Time(due.0 - by.0);
        }
    }

    /// What was sent since the last call.
    pub(super) fn take(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }
}

/// Metadata in which `leaders[p]` is the leader and epoch of partition `p`.
pub(super) fn metadata(version: u64, leaders: &[(Option<u32>, u32)]) -> ClusterMetadata {
    let partitions = leaders
        .iter()
        .map(|&(leader, epoch)| PartitionMetadata { leader: leader.map(BrokerId), epoch: LeaderEpoch(epoch) })
        .collect();
    let topic = TopicMetadata { topic: TOPIC, name: NAME.into(), partitions };
    ClusterMetadata { version: Offset(version), topics: vec![topic] }
}

impl Clock<Timer> for World {
    fn now(&self) -> Time {
        self.now
    }
    fn wall(&self) -> Time {
        self.now
    }
    fn set_timer(&mut self, timer: Timer, after: Span) {
        self.timers.insert(timer, self.now + after);
    }
    fn cancel_timer(&mut self, timer: Timer) {
        self.timers.remove(&timer);
    }
    fn spend(&mut self, _work: Span) {}
}

impl Network<Message> for World {
    fn me(&self) -> NodeId {
        NodeId(100)
    }
    fn send(&mut self, to: NodeId, message: Message) {
        let Message::Request { id, request } = message else { panic!("a client sent {message:?}") };
        self.sent.push(Sent { to, id, request });
    }
}

impl Entropy for World {
    fn draw(&mut self) -> u64 {
        // splitmix64
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Probes<Probe> for World {
    fn probe(&mut self, probe: Probe) {
        // What workers are told the tests see by what they do.
        if matches!(probe, Probe::Share(_)) {
            return;
        }
        let Probe::Client(probe) = probe else { panic!("a client reported {probe:?}") };
        self.probes.push(probe);
    }
}

const NO_DISK: &str = "a client keeps nothing";

impl Disk for World {
    fn append(&mut self, _: &str, _: &[u8]) -> Result<(), DiskFault> {
        unreachable!("{NO_DISK}")
    }
    fn write_at(&mut self, _: &str, _: u64, _: &[u8]) -> Result<(), DiskFault> {
        unreachable!("{NO_DISK}")
    }
    fn truncate(&mut self, _: &str, _: u64) -> Result<(), DiskFault> {
        unreachable!("{NO_DISK}")
    }
    fn read(&mut self, _: &str, _: u64, _: &mut [u8]) -> Result<usize, DiskFault> {
        unreachable!("{NO_DISK}")
    }
    fn len(&self, _: &str) -> Option<u64> {
        unreachable!("{NO_DISK}")
    }
    fn list(&self, _: &str) -> Vec<String> {
        unreachable!("{NO_DISK}")
    }
    fn rename(&mut self, _: &str, _: &str) -> Result<(), DiskFault> {
        unreachable!("{NO_DISK}")
    }
    fn remove(&mut self, _: &str) -> Result<(), DiskFault> {
        unreachable!("{NO_DISK}")
    }
    fn sync(&mut self, _: &str) -> SyncId {
        unreachable!("{NO_DISK}")
    }
    fn sync_dir(&mut self) -> SyncId {
        unreachable!("{NO_DISK}")
    }
}
