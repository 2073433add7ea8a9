//! The leader's own entries: what it is asked to write, and the one it writes by itself.
//!
//! Deliberately absent: what the payloads mean.

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::Offset;
use crate::probe::{Probe, QuorumProbe};
use crate::refused::Refused;

use super::Quorum;
use super::role::Role;

/// The key of Kafka's leader-change control record: version 0, type 2.
const LEADER_CHANGE: [u8; 4] = [0, 0, 0, 2];

impl Quorum {
    /// Appends `payloads` as one record batch: all of them become committed, or none. Answers the offset of
    /// the first; the others follow densely.
    ///
    /// # Errors
    /// Inside: [`Refused::NotController`], with the leader if one is known. Outside: what the disk says; the
    /// node must stop then.
    ///
    /// # Panics
    /// If there are no payloads.
    pub fn propose(
        &mut self,
        payloads: &[Vec<u8>],
        env: &mut Host<'_>,
    ) -> Result<Result<Offset, Refused>, DiskFault> {
        if !self.is_leader() {
            return Ok(Err(Refused::NotController { leader: self.leader() }));
        }
        let now = env.wall().as_millis();
        for payload in payloads {
            self.builder.add(None, Some(payload), &[], now);
        }
        let base = self.append_own(env)?;
        self.settle(env)?;
        Ok(Ok(base))
    }

    /// An entry of the new reign: with it everything before becomes committed (§6.4).
    pub(super) fn append_leader_change(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let now = env.wall().as_millis();
        self.builder.set_control().add(Some(&LEADER_CHANGE), None, &[], now);
        self.append_own(env)?;
        Ok(())
    }

    fn append_own(&mut self, env: &mut Host<'_>) -> Result<Offset, DiskFault> {
        let epoch = self.epoch;
        let batch = self.builder.build();
        let batch = self.log_mut().append_as_leader(&batch, epoch, env)?;
        let (base, next) = (batch.base_offset(), batch.next_offset());
        env.probe(Probe::Quorum(QuorumProbe::Appended { base, next, epoch, crc: batch.crc() }));
        if let Role::Leader(leading) = &mut self.role {
            leading.last = Some(batch);
        }
        self.send_to_all(env)?;
        Ok(base)
    }

    /// Whether this node leads and the first entry of its reign is committed: then so is everything that
    /// earlier leaders committed, and this node knows it.
    pub fn own_epoch_committed(&self) -> bool {
        match &self.role {
            Role::Leader(leading) => self.commit > leading.first,
            Role::Unattached | Role::Follower { .. } | Role::Prospective { .. } | Role::Candidate { .. } => {
                false
            }
        }
    }
}
