//! The leader: sends entries, counts who has them, commits.
//!
//! Holds: the rules of figure 3.1 (AppendEntries, leaders), fast back-up by epochs, transfer (§3.10).
//! Deliberately absent: what a snapshot is (`install`).

use bytes::Bytes;

use crate::env::{Disk, DiskFault};
use crate::host::Host;
use crate::ids::{LeaderEpoch, NodeId, Offset};
use crate::log::ReadError;
use crate::message::Message;
use crate::probe::{Probe, QuorumProbe};
use crate::record::Header;
use crate::timer::{QuorumTimer, Timer};

use super::Quorum;
use super::message::{Append, AppendOutcome, AppendReply, QuorumMessage};
use super::role::Role;

/// Entries read for one append.
struct Stretch {
    base: Offset,
    end: Offset,
    batches: Bytes,
}

impl Quorum {
    /// Sends every follower what it may be sent now.
    pub(super) fn send_to_all(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let Role::Leader(leading) = &self.role else { return Ok(()) };
        for index in 0..leading.progress.len() {
            self.send_entries(index, env)?;
        }
        Ok(())
    }

    /// Sends one follower entries until it has all, or enough are under way.
    pub(super) fn send_entries(&mut self, index: usize, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let log_end = self.log().log_end();
        while let Role::Leader(leading) = &self.role {
            let progress = &leading.progress[index];
            let (to, next) = (progress.node, progress.next());
            if !progress.may_send() || next >= log_end {
                break;
            }
            // What a snapshot replaced cannot be sent any more.
            if next < self.log().log_start() || self.epoch_before(next).is_none() {
                return self.send_install(index, env);
            }
            let stretch = self.read_entries(next, env)?;
            // A batch that straddles `next` goes whole, from its own start.
            let Some(previous) = self.epoch_before(stretch.base) else {
                return self.send_install(index, env);
            };
            let Stretch { base, end, batches } = stretch;
            let append = Append { epoch: self.epoch, base, previous, batches, commit: self.commit };
            env.send(to, Message::Quorum(QuorumMessage::Append(append)));
            if let Role::Leader(leading) = &mut self.role {
                leading.progress[index].on_sent(end);
            }
        }
        Ok(())
    }

    fn read_entries(&self, from: Offset, disk: &mut dyn Disk) -> Result<Stretch, DiskFault> {
        if let Role::Leader(leading) = &self.role
            && let Some(batch) = leading.last.as_ref().filter(|batch| batch.base_offset() == from)
        {
            return Ok(Stretch { base: from, end: batch.next_offset(), batches: batch.bytes().clone() });
        }
        let log = self.log();
        let batches = log.read(from, log.log_end(), self.config.max_batch_bytes, disk).map_err(fault)?;
        let (mut base, mut end, mut at) = (from, from, 0);
        while let Ok(header) = Header::peek(&batches[at..]) {
            if at == 0 {
                base = header.base_offset;
            }
            end = header.next_offset();
            at += header.size;
        }
        Ok(Stretch { base, end, batches })
    }

    pub(super) fn on_heartbeat_timer(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let Role::Leader(leading) = &self.role else { return Ok(()) };
        let followers = leading.progress.len();
        env.set_timer(Timer::Quorum(QuorumTimer::Heartbeat), self.config.heartbeat);
        for index in 0..followers {
            self.beat(index, env)?;
        }
        Ok(())
    }

    /// A sign of life to one follower. It asks at `next`, so that whatever was lost before shows up.
    fn beat(&mut self, index: usize, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let Role::Leader(leading) = &mut self.role else { return Ok(()) };
        let progress = &mut leading.progress[index];
        let install_again = progress.on_heartbeat();
        let (to, base) = (progress.node, progress.next());
        let commit = self.commit.min(progress.matched());
        let may_send = progress.may_send();
        if may_send && base < self.log().log_end() {
            return self.send_entries(index, env);
        }
        let kept = base >= self.log().log_start();
        match self.epoch_before(base) {
            Some(previous) if kept && !install_again => {
                let append = Append { epoch: self.epoch, base, previous, batches: Bytes::new(), commit };
                env.send(to, Message::Quorum(QuorumMessage::Append(append)));
                if may_send && let Role::Leader(leading) = &mut self.role {
                    leading.progress[index].on_asked();
                }
                Ok(())
            }
            Some(_) | None => self.send_install(index, env),
        }
    }

    pub(super) fn on_append_reply(
        &mut self,
        from: NodeId,
        reply: AppendReply,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        if reply.epoch > self.epoch {
            self.enter_epoch(reply.epoch, env);
            return Ok(());
        }
        if reply.epoch < self.epoch || !self.is_leader() {
            return Ok(());
        }
        match reply.outcome {
            AppendOutcome::Matched { end } => self.on_matched(from, end, env),
            AppendOutcome::Conflict { base, end, hint } => self.on_conflict(from, base, end, hint, env),
            // Says that the epoch is over, and names the same one: nobody sends that.
            AppendOutcome::Stale => Ok(()),
        }
    }

    /// `from` holds everything before `end`, by log or by snapshot.
    pub(super) fn on_matched(
        &mut self,
        from: NodeId,
        end: Offset,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        let log_end = self.log().log_end();
        let Role::Leader(leading) = &mut self.role else { return Ok(()) };
        let Some(index) = leading.progress.iter().position(|progress| progress.node == from) else {
            return Ok(());
        };
        let progress = &mut leading.progress[index];
        progress.heard = true;
        if progress.on_matched(end.min(log_end)) {
            self.advance_commit(env);
        }
        self.send_entries(index, env)?;
        self.hand_over(env);
        Ok(())
    }

    fn on_conflict(
        &mut self,
        from: NodeId,
        base: Offset,
        end: Offset,
        hint: Option<(LeaderEpoch, Offset)>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        // The asked entry is not the answer, so the next try lies before it.
        let guess = self.last_common(hint).min(end).min(base.previous().unwrap_or_default());
        let Role::Leader(leading) = &mut self.role else { return Ok(()) };
        let Some(index) = leading.progress.iter().position(|progress| progress.node == from) else {
            return Ok(());
        };
        let progress = &mut leading.progress[index];
        progress.heard = true;
        if progress.on_conflict(base, guess) { self.send_entries(index, env) } else { Ok(()) }
    }

    /// Where a log that ends its epoch `hint.0` at `hint.1` may still equal this one: both hold what one
    /// leader wrote in that epoch, so they agree up to the shorter (§3.6; KIP-279).
    fn last_common(&self, hint: Option<(LeaderEpoch, Offset)>) -> Offset {
        let Some((epoch, end)) = hint else { return Offset::ZERO };
        self.end_of_epoch(epoch).map_or(Offset::ZERO, |(_, own)| end.min(own))
    }

    /// The largest epoch not above `epoch` that this log knows, and where it ends.
    pub(super) fn end_of_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        let log = self.log();
        let snapshot = self.snapshot.filter(|mark| mark.epoch <= epoch).map(|mark| (mark.epoch, mark.end));
        log.epochs().end_offset_for(epoch, log.log_end()).or(snapshot)
    }

    /// Raises the commit index to what a majority holds durably, this node among them, if that is an entry
    /// of its own reign: an older one may still be overwritten however many hold it (figure 3.7).
    pub(super) fn advance_commit(&mut self, env: &mut Host<'_>) {
        let (durable, commit) = (self.durable_end(), self.commit);
        let Role::Leader(leading) = &mut self.role else { return };
        let to = leading.majority_has(durable).min(durable);
        if to <= commit || to <= leading.first {
            return;
        }
        self.commit = to;
        env.probe(Probe::Quorum(QuorumProbe::Committed { to, epoch: self.epoch, leader: true }));
    }

    /// A person wishes for another leader: the next voter, by its place in the configuration.
    pub(super) fn on_wish(&mut self, message: &QuorumMessage, env: &mut Host<'_>) {
        let QuorumMessage::TimeoutNow { .. } = message else { return };
        let voters = &self.config.voters;
        let successor = voters[(self.place(self.me) + 1) % voters.len()];
        self.transfer(successor, env);
    }

    /// Hands leadership to `to` as soon as its log is complete; forgotten after an election time-out. Asked
    /// of a node that does not lead, or for one that does not vote, nothing happens.
    pub fn transfer(&mut self, to: NodeId, env: &mut Host<'_>) {
        let Role::Leader(leading) = &mut self.role else { return };
        if leading.of(to).is_some() {
            leading.successor = Some(to);
            self.hand_over(env);
        }
    }

    fn hand_over(&mut self, env: &mut Host<'_>) {
        let log_end = self.log().log_end();
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(to) = leading.successor else { return };
        if leading.of(to).is_some_and(|progress| progress.matched() == log_end) {
            leading.successor = None;
            env.send(to, Message::Quorum(QuorumMessage::TimeoutNow { epoch: self.epoch }));
        }
    }
}

/// Damage found while reading is a device that failed; a place outside the log is a bug here.
pub(super) fn fault(error: ReadError) -> DiskFault {
    match error {
        ReadError::Disk(fault) => fault,
        ReadError::Damaged { .. } => DiskFault::Io,
        ReadError::OutOfRange { .. } => panic!("read outside the log: {error:?}"),
    }
}
