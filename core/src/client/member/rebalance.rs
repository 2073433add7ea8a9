//! What is lost and won in a rebalance, and the application's part in it.
//!
//! Eager members give everything up before they join, so that nobody owns anything while a group rebalances.
//! Cooperative ones read on, give up afterwards what is no longer theirs, and join once more; what they gave
//! up goes to others only then (KIP-429).

use super::{Member, MemberEvent, Next, Phase};
use crate::host::Host;
use crate::ids::TopicPartition;

impl Member {
    /// The application polled: all that it was handed is processed.
    pub(super) fn on_polled(&mut self, env: &mut Host<'_>) {
        match std::mem::replace(&mut self.phase, Phase::Gone) {
            Phase::Unjoined => self.begin(env),
            Phase::Stable if self.rejoin => self.begin(env),
            Phase::Assigned(partitions) => self.on_assigned(partitions, env),
            phase @ (Phase::Revoking(_)
            | Phase::Joining
            | Phase::Syncing(_)
            | Phase::Stable
            | Phase::Gone) => self.phase = phase,
        }
    }

    /// Into the next generation.
    fn begin(&mut self, env: &mut Host<'_>) {
        self.rejoin = false;
        self.phase = Phase::Joining;
        if self.generation.is_none() {
            self.lose_everything(env);
        } else {
            self.commit_positions(env);
            if !self.is_cooperative() && !self.owned.is_empty() {
                self.revoke(self.owned.clone(), Next::Join);
            }
        }
    }

    /// Tells the application what it loses, and waits for it.
    pub(super) fn revoke(&mut self, partitions: Vec<TopicPartition>, next: Next) {
        self.proceeded = partitions.is_empty();
        if !partitions.is_empty() {
            self.events.push_back(MemberEvent::Revoked(partitions));
        }
        self.phase = Phase::Revoking(next);
    }

    /// Goes on once the application has proceeded and nothing that it committed is open.
    pub(super) fn finish_revoking(&mut self, env: &mut Host<'_>) {
        let waits = !self.proceeded || self.generation.is_some() && self.commits.is_open();
        if waits || !matches!(self.phase, Phase::Revoking(_)) {
            return;
        }
        let Phase::Revoking(next) = std::mem::replace(&mut self.phase, Phase::Joining) else { return };
        match next {
            Next::Join => self.give_up_all(env),
            Next::Settle { assigned, lost } => {
                if self.generation.is_some() {
                    self.settle(assigned, env);
                } else {
                    // The group went on without it meanwhile; the rest is lost when the application polls.
                    self.owned.retain(|partition| !lost.contains(partition));
                    self.forget_others();
                    self.report_owned(env);
                    self.phase = Phase::Unjoined;
                }
            }
            Next::Leave => {
                self.give_up_all(env);
                self.leave(env);
                self.generation = None;
                self.phase = Phase::Gone;
            }
        }
    }

    fn give_up_all(&mut self, env: &mut Host<'_>) {
        if !self.owned.is_empty() {
            self.memory = std::mem::take(&mut self.owned);
            self.forget_others();
            self.report_owned(env);
        }
    }

    /// Others own what this member owned: nobody asked it.
    pub(super) fn lose_everything(&mut self, env: &mut Host<'_>) {
        if !self.owned.is_empty() {
            let lost = std::mem::take(&mut self.owned);
            self.memory.clear();
            self.forget_others();
            self.report_owned(env);
            self.events.push_back(MemberEvent::Lost(lost));
        }
        self.owner = None;
        self.assigned_in = None;
        self.follows = None;
    }

    /// The assignment of the generation.
    fn on_assigned(&mut self, assigned: Vec<TopicPartition>, env: &mut Host<'_>) {
        let lost: Vec<TopicPartition> =
            self.owned.iter().copied().filter(|partition| !assigned.contains(partition)).collect();
        if lost.is_empty() {
            self.settle(assigned, env);
        } else {
            // Whoever gets these gets them in the generation after this one.
            self.rejoin = true;
            self.revoke(lost.clone(), Next::Settle { lost, assigned });
        }
    }

    /// The member owns what it was assigned.
    fn settle(&mut self, assigned: Vec<TopicPartition>, env: &mut Host<'_>) {
        let won: Vec<TopicPartition> =
            assigned.iter().copied().filter(|partition| !self.owned.contains(partition)).collect();
        self.phase = Phase::Stable;
        let news = (&self.owned, self.owner) != (&assigned, self.identity());
        self.owned = assigned;
        self.memory.clear();
        self.owner = self.identity();
        self.assigned_in = self.generation;
        self.forget_others();
        self.unplaced.extend(&won);
        self.fetching.forget();
        if news {
            self.report_owned(env);
        }
        self.events.push_back(MemberEvent::Assigned(won));
    }

    /// Stops reading, placing and committing what is not owned.
    fn forget_others(&mut self) {
        self.consumer.keep(&self.owned);
        self.unplaced.retain(|partition| self.owned.contains(partition));
        self.events.extend(self.commits.keep(&self.owned));
    }
}
