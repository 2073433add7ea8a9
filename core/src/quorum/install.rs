//! A leader's snapshot for a follower that is behind the leader's log (KIP-630; Raft §5.1).
//!
//! Deliberately absent: transfer in pieces. A snapshot is one message.

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{NodeId, Offset};
use crate::message::Message;

use super::Quorum;
use super::message::{Install, InstallReply, QuorumMessage};
use super::role::Role;
use super::snapshot::{Mark, Origin};

impl Quorum {
    /// Sends the newest snapshot to the follower in place `index`.
    pub(super) fn send_install(&mut self, index: usize, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let mark = self.snapshot.expect("a log that starts late has a snapshot at its start");
        let state = mark.read(env)?.ok_or(DiskFault::Io)?;
        let Role::Leader(leading) = &mut self.role else { return Ok(()) };
        let progress = &mut leading.progress[index];
        progress.on_install_sent(mark.end);
        let install = Install { epoch: self.epoch, end: mark.end, last_epoch: mark.epoch, state };
        env.send(progress.node, Message::Quorum(QuorumMessage::Install(install)));
        Ok(())
    }

    pub(super) fn on_install(
        &mut self,
        from: NodeId,
        install: Install,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        if install.epoch < self.epoch {
            if self.state_is_durable() {
                let reply = InstallReply { epoch: self.epoch, end: None };
                env.send(from, Message::Quorum(QuorumMessage::InstallReply(reply)));
            }
            return Ok(());
        }
        if install.epoch > self.epoch {
            self.enter_epoch(install.epoch, env);
        }
        if self.is_leader() {
            return Ok(());
        }
        self.follow(from, env);
        let end = install.end;
        let has_it = end <= self.commit || self.epoch_before(end) == Some(Some(install.last_epoch));
        if has_it {
            // It covers what is committed, and the log holds that already.
            self.following.on_equal(end, end);
            self.following.answer_soon();
            self.follow_commit(env);
            return Ok(());
        }
        // While one is being kept, another has to wait; the leader sends it again.
        if self.saving.is_some() {
            return Ok(());
        }
        let mark = Mark { end, epoch: install.last_epoch };
        self.save(mark, &install.state, Origin::Installed { leader: from }, env)
    }

    /// The leader's snapshot replaced the log. It may have lost its reign meanwhile; the snapshot stays true.
    pub(super) fn answer_install(&mut self, leader: NodeId, end: Offset, env: &mut Host<'_>) {
        if self.leader() != Some(leader) || self.is_leader() {
            return;
        }
        self.following.on_equal(end, end);
        if self.state_is_durable() {
            self.following.on_told(end);
            let reply = InstallReply { epoch: self.epoch, end: Some(end) };
            env.send(leader, Message::Quorum(QuorumMessage::InstallReply(reply)));
        }
    }

    pub(super) fn on_install_reply(
        &mut self,
        from: NodeId,
        reply: InstallReply,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        if reply.epoch > self.epoch {
            self.enter_epoch(reply.epoch, env);
            return Ok(());
        }
        if reply.epoch < self.epoch || !self.is_leader() {
            return Ok(());
        }
        match reply.end {
            Some(end) => self.on_matched(from, end, env),
            None => Ok(()),
        }
    }
}
