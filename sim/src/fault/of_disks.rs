//! The generator's part for faults of disks.

use squall_core::ids::NodeId;
use squall_core::time::Span;

use super::generate::Draw;
use super::{Fault, Group};
use crate::settings::spread;

/// The chance of an error while a disk fails, in millionths.
const ERRORS: (u64, u64) = (1_000, 1_000_000);

/// How much longer a slow disk's syncs take, in microseconds.
const SLOW: (u64, u64) = (1_000, 1_000_000);

impl Group {
    /// And of these the disk may fail and say so.
    #[must_use]
    pub fn disk_errors(mut self, nodes: impl IntoIterator<Item = NodeId>) -> Self {
        self.may_err = nodes.into_iter().collect();
        self
    }

    /// And on the disks of these bytes may change.
    #[must_use]
    pub fn rot(mut self, nodes: impl IntoIterator<Item = NodeId>) -> Self {
        self.may_rot = nodes.into_iter().collect();
        self
    }

    /// And the disks of these may lose what was synced, without a trace.
    #[must_use]
    pub fn lying_disks(mut self, nodes: impl IntoIterator<Item = NodeId>) -> Self {
        self.may_lie = nodes.into_iter().collect();
        self
    }
}

impl Fault {
    /// Whether it waits for the next write to a disk, and has no effect before.
    pub(crate) const fn awaits_write(&self) -> bool {
        matches!(self, Self::TornWrite { .. } | Self::MisdirectedWrite { .. })
    }
}

impl Draw<'_> {
    /// `None` if the space has no target for it.
    pub(super) fn fault_of_disks(&mut self, kind: &str) -> Option<Fault> {
        Some(match kind {
            "torn-write" => Fault::TornWrite { whom: self.whom(|group| &group.may_lose_power)? },
            "lost-names" => Fault::LostNames { whom: self.whom(|group| &group.may_lose_power)? },
            "lost-sync" => Fault::LostSync { whom: self.whom(|group| &group.may_lie)? },
            "rot-cold" => Fault::RotCold { whom: self.whom(|group| &group.may_rot)? },
            "rot-tail" => Fault::RotTail { whom: self.whom(|group| &group.may_rot)? },
            "misdirected-write" => Fault::MisdirectedWrite { whom: self.whom(|group| &group.may_lie)? },
            "write-error" => {
                Fault::WriteError { whom: self.whom(|group| &group.may_err)?, ppm: self.error_chance() }
            }
            "read-error" => {
                Fault::ReadError { whom: self.whom(|group| &group.may_err)?, ppm: self.error_chance() }
            }
            "sync-error" => {
                Fault::SyncError { whom: self.whom(|group| &group.may_err)?, ppm: self.error_chance() }
            }
            "disk-full" => {
                Fault::DiskFull { whom: self.whom(|group| &group.may_err)?, left: self.rng.below(8_192) }
            }
            "slow-disk" => {
                let whom = self.whom(|group| &group.may_slow)?;
                let extra = Span::from_micros(spread(&mut self.rng, SLOW));
                Fault::SlowDisk { whom, extra }
            }
            "stalled-disk" => Fault::StalledDisk { whom: self.whom(|group| &group.may_slow)? },
            other => return self.fault_over_time(other),
        })
    }

    /// Of a failing disk's errors, in millionths.
    fn error_chance(&mut self) -> u32 {
        u32::try_from(spread(&mut self.rng, ERRORS)).expect("a chance is a million millionths at most")
    }
}
