//! Copies of one record: who holds it, who lost it and how. An epoch and an offset name the record (W-UNIQ).
//!
//! Put together when somebody asks, from what replicas hold now and what the chronicle says they lost. Facts
//! only; what they mean for a promise is [`crate::contract`]'s.

use squall_core::ids::{BrokerId, LeaderEpoch, Offset};

use crate::ghost::PartitionGhost;
use crate::ghost::chronicle::{Breach, By, Loss};
use crate::ghost::partition::Reign;

/// What was observed, line by line: about whom, and what.
pub type Evidence = Vec<(String, String)>;

impl PartitionGhost {
    /// Whether a replica holds the record.
    pub fn holds(&self, broker: BrokerId, epoch: LeaderEpoch, offset: Offset) -> bool {
        let log = &self.replicas[broker.0 as usize].log;
        log.start() <= offset && log.at(offset).is_some_and(|batch| batch.epoch == epoch)
    }

    /// Everybody who holds the record.
    pub fn holders(&self, epoch: LeaderEpoch, offset: Offset) -> impl Iterator<Item = BrokerId> {
        let brokers = (0..self.replicas.len() as u32).map(BrokerId);
        brokers.filter(move |&broker| self.holds(broker, epoch, offset))
    }

    /// Whether the record was ever committed.
    pub fn was_committed(&self, epoch: LeaderEpoch, offset: Offset) -> bool {
        let in_time = self.committed.at(offset).is_some_and(|batch| batch.epoch == epoch);
        in_time || (self.unclean && self.reigns.iter().any(|reign| self.committed_by(reign, epoch, offset)))
    }

    /// Whether the leader of a reign committed the record when there was no one truth any more.
    fn committed_by(&self, reign: &Reign, epoch: LeaderEpoch, offset: Offset) -> bool {
        let lost_since = |loss: &Loss| loss.broker == reign.leader && loss.when > reign.since;
        reign.epoch >= epoch
            && reign.raised > offset
            && (self.holds(reign.leader, epoch, offset) || self.chronicle.of(epoch, offset).any(lost_since))
    }

    /// Who was named leader of an epoch.
    pub fn leader_of(&self, epoch: LeaderEpoch) -> Option<BrokerId> {
        self.reigns.iter().find(|reign| reign.epoch == epoch).map(|reign| reign.leader)
    }

    /// Whether faults explain that nobody holds the record: each copy was taken by a fault, or was cut by a
    /// follower of a leader that had lost its own to one.
    pub fn destroyed(&self, epoch: LeaderEpoch, offset: Offset) -> bool {
        let losses: Vec<&Loss> = self.chronicle.of(epoch, offset).collect();
        let explained = (0..losses.len()).all(|place| self.by_fault(&losses, place));
        !losses.is_empty() && explained && self.holders(epoch, offset).next().is_none()
    }

    /// Whether a fault is at the root of the loss at `place`.
    fn by_fault(&self, losses: &[&Loss], place: usize) -> bool {
        match losses[place].by {
            By::Fault(_) => true,
            By::Cut(reign) | By::Dropped(reign) => {
                let Some(leader) = self.leader_of(reign) else { return false };
                (0..place).any(|before| losses[before].broker == leader && self.by_fault(losses, before))
            }
        }
    }

    /// Whether faults explain that nobody holds what is committed from `from` on and not deleted.
    pub fn tail_destroyed(&self, from: Offset) -> bool {
        let from = from.max(self.chronicle.deleted);
        self.committed.from(from).all(|batch| self.destroyed(batch.epoch, batch.base.max(from)))
    }

    /// The unclean election because of which a follower gave the record up.
    pub fn betrayed(&self, epoch: LeaderEpoch, offset: Offset) -> Option<Breach> {
        let given_up = |breach: &&Breach| {
            self.chronicle.of(epoch, offset).any(|loss| match loss.by {
                By::Cut(reign) | By::Dropped(reign) => reign >= breach.epoch,
                By::Fault(_) => false,
            })
        };
        self.chronicle.breaches.iter().filter(|breach| breach.epoch > epoch).find(given_up).copied()
    }

    /// Who had the record and what became of each copy.
    pub fn evidence(&self, epoch: LeaderEpoch, offset: Offset) -> Evidence {
        let leader = self.leader_of(epoch).map_or_else(|| "?".to_owned(), |leader| leader.to_string());
        let fate =
            if self.was_committed(epoch, offset) { "it was committed" } else { "it was never committed" };
        let mut lines = vec![(
            format!("written at {offset}"),
            format!("in epoch {epoch}, led by broker {leader}; {fate}"),
        )];
        for broker in (0..self.replicas.len() as u32).map(BrokerId) {
            let losses = self.chronicle.of(epoch, offset).filter(|loss| loss.broker == broker);
            let mut what: Vec<String> = losses.map(|loss| self.told(loss)).collect();
            if self.holds(broker, epoch, offset) {
                what.push("holds it".to_owned());
            }
            if what.is_empty() {
                what.push("never had it".to_owned());
            }
            lines.push((format!("broker {broker}"), what.join("; then ")));
        }
        let after = self.chronicle.breaches.iter().filter(|breach| breach.epoch > epoch);
        lines.extend(after.map(|breach| {
            let Breach { when, epoch, leader } = breach;
            ("unclean election".to_owned(), format!("of broker {leader} in epoch {epoch} at {when}"))
        }));
        lines
    }

    fn told(&self, loss: &Loss) -> String {
        let following = |reign: LeaderEpoch| match self.leader_of(reign) {
            Some(leader) => format!("following broker {leader} in epoch {reign}"),
            None => format!("following nobody in epoch {reign}"),
        };
        match loss.by {
            By::Cut(reign) => format!("cut it at {}, {}", loss.when, following(reign)),
            By::Dropped(reign) => format!("dropped its log at {}, {}", loss.when, following(reign)),
            By::Fault(damage) => format!("lost it at {}: {}", loss.when, damage.words()),
        }
    }
}
