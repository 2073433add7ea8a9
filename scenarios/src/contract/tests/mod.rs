//! Planted cases: each row of the contract both ways, a loss that it permits and one that it does not.

mod disorder;
mod records;
mod stalls;
mod voters;

use std::ops::Range;

use squall_core::ids::{BrokerId, LeaderEpoch, Offset, TopicId, TopicPartition};
use squall_core::message::Acks;
use squall_core::time::Time;

use crate::checks::Permitted;
use crate::contract::record::{self, Ending};
use crate::ghost::chronicle::When;
use crate::ghost::clients::{Name, Told};
use crate::ghost::partition::{Damage, Reign, Role};
use crate::ghost::{Batch, Clients, Metadata, PartitionGhost};
use crate::invariants::{Broken, replication, storage};

const AT: TopicPartition = TopicPartition { topic: TopicId(0), partition: 0 };

/// Of three replicas, broker 0 leads epoch 1, broker 1 epoch 2, broker 2 epoch 3.
struct Story {
    p: PartitionGhost,
    event: u64,
    ending: Ending,
}

fn story() -> Story {
    let mut p = PartitionGhost::new(AT, 3);
    for leader in 0..3 {
        let (epoch, leader) = (LeaderEpoch(leader + 1), BrokerId(leader));
        p.reigns.push(Reign::new(epoch, leader, When::default()));
    }
    Story { p, event: 0, ending: Ending::default() }
}

fn batch(epoch: u32, range: Range<u64>) -> Batch {
    let (base, next) = (Offset(range.start), Offset(range.end));
    Batch { base, next, epoch: LeaderEpoch(epoch), crc: epoch, stamp: None }
}

impl Story {
    fn beyond(mut self) -> Self {
        self.p.beyond = true;
        self
    }

    fn next(&mut self) -> When {
        self.event += 1;
        self.p.now = When { event: self.event, at: Time(self.event) };
        self.p.now
    }

    /// The leader of `epoch` writes, and `followers` copy.
    fn wrote(mut self, epoch: u32, range: Range<u64>, followers: &[u32]) -> Self {
        self.next();
        let (batch, leader) = (batch(epoch, range), BrokerId(epoch - 1));
        replication::appended(&mut self.p, leader, batch, true).expect("it leads");
        for &follower in followers {
            replication::appended(&mut self.p, BrokerId(follower), batch, false).expect("it follows");
        }
        self
    }

    fn committed(mut self, epoch: u32, range: Range<u64>) -> Self {
        assert!(self.p.committed.push(batch(epoch, range)));
        self
    }

    fn stopped(mut self, broker: u32, damage: Damage) -> Self {
        let when = self.next();
        self.p.stopped(BrokerId(broker), damage, when);
        self
    }

    fn wiped(self, brokers: &[u32]) -> Self {
        brokers.iter().fold(self, |story, &broker| story.stopped(broker, Damage::Wiped))
    }

    /// The power goes, and what comes back ends at `end`.
    fn tail_lost(self, broker: u32, end: u64) -> Self {
        let mut story = self.stopped(broker, Damage::PowerLoss);
        let kept = (Offset::ZERO, Offset(end));
        storage::recovered(&mut story.p, BrokerId(broker), kept, &[]).expect("nothing of that was synced");
        story
    }

    /// A follower of `reign` cuts its log.
    fn cut(mut self, broker: u32, to: u64, reign: u32) -> Self {
        self.next();
        self.p.replicas[broker as usize].role = Role::Follower(LeaderEpoch(reign));
        self.p.cut(BrokerId(broker), Offset(to));
        self
    }

    /// After an unclean election, the leader of `epoch` commits up to `to`.
    fn raised(mut self, epoch: u32, to: u64) -> Self {
        let replica = &mut self.p.replicas[epoch as usize - 1];
        replica.role = Role::Leader(LeaderEpoch(epoch), Offset(to));
        let (leader, epoch, to) = (BrokerId(epoch - 1), LeaderEpoch(epoch), Offset(to));
        let metadata = Metadata::default();
        replication::watermark(&mut self.p, leader, epoch, to, true, true, &metadata)
            .expect("nothing is judged");
        self
    }

    fn unclean(mut self, epoch: u32) -> Self {
        self.next();
        self.p.breached(LeaderEpoch(epoch), BrokerId(epoch - 1));
        self
    }

    fn orphaned(mut self) -> Self {
        self.ending.orphaned = true;
        self
    }

    /// What the absence of a record comes to that was acknowledged at `offset`.
    fn lost(&self, acks: Acks, offset: impl Into<Option<u64>>) -> Result<Permitted, Broken> {
        let (mut c, name) = (Clients::default(), Name { sender: 9, number: 0 });
        c.sent(name, acks, false);
        let record = c.record(name).expect("just sent");
        (record.told, record.at) = (Told::Delivered, Some(AT));
        if let Some(offset) = offset.into() {
            record.found_at(Offset(offset));
        }
        let record = *record;
        let permit = record::judge(&self.p, &c, name, &record, self.ending)?;
        Ok(permit.expect("it is missing").what)
    }

    /// It must not be lost: what the violation says.
    fn not_permitted(&self, acks: Acks, offset: u64) -> Broken {
        let broken = self.lost(acks, offset).expect_err("this loss has no excuse");
        assert_eq!(broken.invariant, "durability");
        broken
    }
}
