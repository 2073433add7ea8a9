//! The follower: takes the leader's entries, and says so once they are durable.
//!
//! Holds: the rules of figure 3.1 (AppendEntries, receiver). An append that was overtaken, doubled or late
//! cuts nothing: only an entry of another epoch at the same place does, and never below the commit index.
//! Deliberately absent: parking a message under its sync. What is owed follows from what is durable.

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{NodeId, Offset};
use crate::log::AppendError;
use crate::message::Message;
use crate::probe::{Probe, QuorumProbe};
use crate::record::{Batch, batches};

use super::Quorum;
use super::message::{Append, AppendOutcome, AppendReply, QuorumMessage};
use super::role::Role;

/// What a follower knows and owes in this epoch.
#[derive(Debug, Clone, Default)]
pub(super) struct Following {
    /// Its log equals the leader's up to here, durable or not.
    matched: Offset,
    /// The leader has committed up to here, as far as the logs are known equal.
    leader_commit: Offset,
    /// The last end that the leader was told.
    told: Offset,
    /// An answer is due although nothing new is durable.
    prompt: bool,
    /// The answer due is that the logs differ.
    conflict: Option<AppendOutcome>,
}

impl Following {
    /// A new epoch: nothing is known of its leader's log.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The logs are equal up to `end`.
    pub(super) fn on_equal(&mut self, end: Offset, leader_commit: Offset) {
        self.matched = self.matched.max(end);
        self.leader_commit = self.leader_commit.max(leader_commit.min(self.matched));
        self.conflict = None;
    }

    /// The leader was told that the logs are equal up to `end`.
    pub(super) fn on_told(&mut self, end: Offset) {
        self.told = self.told.max(end);
    }

    /// The leader is told at the next chance how far this node is.
    pub(super) const fn answer_soon(&mut self) {
        self.prompt = true;
    }
}

impl Quorum {
    pub(super) fn on_append(
        &mut self,
        from: NodeId,
        append: Append,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        if append.epoch < self.epoch {
            self.call_stale(from, env);
            return Ok(());
        }
        if append.epoch > self.epoch {
            self.enter_epoch(append.epoch, env);
        }
        // Two leaders in one epoch: not while votes are durable, and not for this line to find.
        if self.is_leader() {
            return Ok(());
        }
        self.follow(from, env);
        // Below the commit index every log of a leader is the same; the epochs there may be gone.
        if append.base > self.commit && self.epoch_before(append.base) != Some(append.previous) {
            self.note_conflict(&append);
            return Ok(());
        }
        let written = self.log().log_end();
        let end = self.take_entries(&append, env)?;
        self.following.on_equal(end, append.commit);
        if self.log().log_end() == written {
            self.following.answer_soon();
        }
        self.follow_commit(env);
        Ok(())
    }

    /// A leader of an older epoch learns that it is over, provided that this node cannot forget it.
    fn call_stale(&self, to: NodeId, env: &mut Host<'_>) {
        if self.state_is_durable() {
            let reply = AppendReply { epoch: self.epoch, outcome: AppendOutcome::Stale };
            env.send(to, Message::Quorum(QuorumMessage::AppendReply(reply)));
        }
    }

    fn note_conflict(&mut self, append: &Append) {
        let hint = append.previous.and_then(|epoch| self.end_of_epoch(epoch));
        let end = self.log().log_end();
        self.following.conflict = Some(AppendOutcome::Conflict { base: append.base, end, hint });
    }

    /// Writes the entries that are not there yet. Answers up to where the logs are equal now.
    fn take_entries(&mut self, append: &Append, env: &mut Host<'_>) -> Result<Offset, DiskFault> {
        let mut end = append.base;
        for batch in batches(append.batches.clone()) {
            let Ok(batch) = batch else { break };
            if batch.base_offset() != end || !self.take_batch(&batch, env)? {
                break;
            }
            end = batch.next_offset();
        }
        Ok(end)
    }

    /// Answers whether the batch is in the log now.
    fn take_batch(&mut self, batch: &Batch, env: &mut Host<'_>) -> Result<bool, DiskFault> {
        let (base, next) = (batch.base_offset(), batch.next_offset());
        if base < self.commit {
            return Ok(next <= self.commit);
        }
        if base < self.log().log_end() {
            if self.log().epochs().epoch_at(base) == batch.leader_epoch() {
                return Ok(true);
            }
            let done = self.log_mut().truncate_to(base, env);
            // Half a cut is one as well.
            env.probe(Probe::Quorum(QuorumProbe::Truncated { to: base }));
            done?;
        }
        match self.log_mut().append_as_follower(batch, env) {
            Ok(()) => {}
            Err(AppendError::Disk(fault)) => return Err(fault),
            Err(AppendError::Gap { .. } | AppendError::Unplaced | AppendError::EpochWentBack { .. }) => {
                return Ok(false);
            }
        }
        let epoch = batch.leader_epoch().unwrap_or_default();
        env.probe(Probe::Quorum(QuorumProbe::Appended { base, next, epoch, crc: batch.crc() }));
        Ok(true)
    }

    /// Raises the commit index as far as the leader's reaches and this node's disk would show it again.
    pub(super) fn follow_commit(&mut self, env: &mut Host<'_>) {
        let to = self.following.leader_commit.min(self.durable_end());
        if to <= self.commit {
            return;
        }
        let epoch = self.epoch_before(to).flatten().unwrap_or_default();
        self.commit = to;
        env.probe(Probe::Quorum(QuorumProbe::Committed { to, epoch, leader: false }));
    }

    /// Sends the answer that is due to the leader, once the epoch is durable: how far the logs are equal on
    /// this node's disk, or that they differ.
    pub(super) fn answer_leader(&mut self, env: &mut Host<'_>) {
        let Role::Follower { leader } = self.role else { return };
        if !self.state_is_durable() {
            return;
        }
        let end = self.following.matched.min(self.durable_end());
        let outcome = if let Some(conflict) = self.following.conflict.take() {
            conflict
        } else if self.following.prompt || end > self.following.told {
            self.following.prompt = false;
            self.following.told = end;
            AppendOutcome::Matched { end }
        } else {
            return;
        };
        let reply = AppendReply { epoch: self.epoch, outcome };
        env.send(leader, Message::Quorum(QuorumMessage::AppendReply(reply)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_committed_beyond_what_is_known_equal() {
        let mut following = Following::default();
        following.on_equal(Offset(3), Offset(9));
        assert_eq!(following.leader_commit, Offset(3), "what lies behind may be another leader's");
        following.on_equal(Offset(2), Offset(2));
        assert_eq!((following.matched, following.leader_commit), (Offset(3), Offset(3)), "a late append");
    }
}
