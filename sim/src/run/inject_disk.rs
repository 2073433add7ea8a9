//! Faults of disks: what each adds to a disk, and what happens once.
//!
//! Several faults on one disk add up, and what remains is how the disk was before the first of them.

use std::collections::BTreeMap;

use squall_core::ids::NodeId;
use squall_core::time::Span;

use super::inject::Undo;
use super::weather::either;
use super::{Course, Scenario};
use crate::disk::{DiskModel, Harm, PowerLoss};
use crate::fault::{Fault, Whom};

/// What one fault adds to a disk while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ailment {
    WriteErrors(u32),
    ReadErrors(u32),
    SyncErrors(u32),
    /// No more than so many bytes.
    Full(u64),
    Slow(Span),
    Stalled,
    Lies,
}

impl Ailment {
    fn add_to(self, model: &mut DiskModel) {
        match self {
            Self::WriteErrors(ppm) => model.write_error_ppm = either(model.write_error_ppm, ppm),
            Self::ReadErrors(ppm) => model.read_error_ppm = either(model.read_error_ppm, ppm),
            Self::SyncErrors(ppm) => model.sync_error_ppm = either(model.sync_error_ppm, ppm),
            Self::Full(bytes) => model.capacity = model.capacity.min(bytes),
            Self::Slow(extra) => model.sync_max = model.sync_max + extra,
            Self::Stalled => model.stalled = true,
            Self::Lies => model.lies = true,
        }
    }
}

/// A power loss that waits for a write.
#[derive(Debug, Clone, Copy)]
struct Tear {
    item: usize,
    node: NodeId,
    /// How many writes there were when it began.
    writes: u64,
}

/// What is wrong with disks.
#[derive(Debug, Clone, Default)]
pub(super) struct DiskTroubles {
    ailments: Vec<(usize, NodeId, Ailment)>,
    /// How each disk was before the first ailment.
    sound: BTreeMap<NodeId, DiskModel>,
    tears: Vec<Tear>,
}

impl DiskTroubles {
    fn model(&self, node: NodeId) -> Option<DiskModel> {
        let mut model = *self.sound.get(&node)?;
        for (_, _, ailment) in self.ailments.iter().filter(|(_, whose, _)| *whose == node) {
            ailment.add_to(&mut model);
        }
        Some(model)
    }
}

impl<S: Scenario + ?Sized> Course<'_, S> {
    /// A fault of a disk begins; whether it has any effect.
    pub(super) fn begin_on_disk(&mut self, item: usize, fault: &Fault) -> bool {
        let undo = self.strike(item, fault);
        let any = undo.is_some();
        if let Some(undo) = undo {
            self.undo_later(item, undo);
        }
        any
    }

    /// `None` if it has no effect, or is none of a disk.
    fn strike(&mut self, item: usize, fault: &Fault) -> Option<Undo> {
        match fault {
            Fault::TornWrite { whom } => self.await_write(item, whom),
            Fault::LostNames { whom } => {
                let node = self.find(whom)?;
                self.world.power_loss_as(node, PowerLoss::LostNames).then(|| {
                    self.hold_down(item, node);
                    Undo::Nothing
                })
            }
            Fault::RotCold { whom } => self.harm(whom, Harm::RotCold),
            Fault::RotTail { whom } => self.harm(whom, Harm::RotTail),
            Fault::MisdirectedWrite { whom } => {
                let node = self.find(whom)?;
                self.injector.watches = true;
                self.world.misdirect(node, true).then_some(Undo::Aim(node))
            }
            Fault::LostSync { whom } => self.ail(item, whom, Ailment::Lies),
            Fault::WriteError { whom, ppm } => self.ail(item, whom, Ailment::WriteErrors(*ppm)),
            Fault::ReadError { whom, ppm } => self.ail(item, whom, Ailment::ReadErrors(*ppm)),
            Fault::SyncError { whom, ppm } => self.ail(item, whom, Ailment::SyncErrors(*ppm)),
            Fault::DiskFull { whom, left } => {
                let used = self.world.disk(self.find(whom)?).used();
                self.ail(item, whom, Ailment::Full(used.saturating_add(*left)))
            }
            Fault::SlowDisk { whom, extra } => self.ail(item, whom, Ailment::Slow(*extra)),
            Fault::StalledDisk { whom } => self.ail(item, whom, Ailment::Stalled),
            Fault::Loss { .. }
            | Fault::Delay { .. }
            | Fault::Duplication { .. }
            | Fault::Reordering { .. }
            | Fault::SplitHalves { .. }
            | Fault::SplitRing { .. }
            | Fault::SplitBridge { .. }
            | Fault::Isolate { .. }
            | Fault::OneWayCut { .. }
            | Fault::Crash { .. }
            | Fault::PowerLoss { .. }
            | Fault::Wipe { .. }
            | Fault::Pause { .. }
            | Fault::Restart { .. }
            | Fault::Transfer { .. }
            | Fault::Bandwidth { .. }
            | Fault::SlowTail { .. }
            | Fault::Flapping { .. }
            | Fault::MovingSplit { .. }
            | Fault::Mute { .. }
            | Fault::Swizzle { .. }
            | Fault::ClockOffset { .. }
            | Fault::ClockStep { .. }
            | Fault::ClockLeap { .. }
            | Fault::ClockDrift { .. }
            | Fault::ClockFreeze { .. }
            | Fault::LongPause { .. }
            | Fault::RestartStorm { .. }
            | Fault::RollingRestart { .. }
            | Fault::RackPowerLoss { .. }
            | Fault::CrashRecovering { .. }
            | Fault::PowerLossRecovering { .. }
            | Fault::TransferStorm { .. }
            | Fault::DropMessage { .. }
            | Fault::DelayMessage { .. }
            | Fault::DuplicateMessage { .. } => None,
        }
    }

    fn ail(&mut self, item: usize, whom: &Whom, ailment: Ailment) -> Option<Undo> {
        let node = self.find(whom)?;
        let now = self.world.disk(node).model();
        let disks = &mut self.injector.disks;
        disks.sound.entry(node).or_insert(now);
        disks.ailments.push((item, node, ailment));
        self.injector.watches = true;
        self.set_disk(node);
        Some(Undo::Recover(node))
    }

    /// The fault `item` ails the disk no more.
    pub(super) fn recover(&mut self, item: usize, node: NodeId) {
        self.injector.disks.ailments.retain(|(other, _, _)| *other != item);
        self.set_disk(node);
    }

    fn set_disk(&mut self, node: NodeId) {
        if let Some(model) = self.injector.disks.model(node) {
            self.world.set_disk(node, model);
        }
    }

    fn harm(&mut self, whom: &Whom, harm: Harm) -> Option<Undo> {
        let node = self.find(whom)?;
        self.injector.watches = true;
        self.world.harm(node, harm).then_some(Undo::Nothing)
    }

    fn await_write(&mut self, item: usize, whom: &Whom) -> Option<Undo> {
        let node = self.find(whom)?;
        let writes = self.world.disk(node).writes();
        self.injector.disks.tears.push(Tear { item, node, writes });
        self.injector.watches = true;
        Some(Undo::Tear)
    }

    /// A node wrote while a power loss waited for that: now it comes. Whether one did.
    pub(super) fn tear(&mut self, node: NodeId) -> bool {
        let writes = self.world.disk(node).writes();
        let tears = &mut self.injector.disks.tears;
        let Some(place) = tears.iter().position(|tear| tear.node == node && tear.writes < writes) else {
            return false;
        };
        let item = tears.remove(place).item;
        self.hold_down(item, node);
        self.count_effect(item);
        self.say(|| format!("--- torn: node {node}"));
        self.world.power_loss_as(node, PowerLoss::TornWrite)
    }

    /// The wait for a write is over.
    pub(super) fn forget_tear(&mut self, item: usize) {
        let tears = &mut self.injector.disks.tears;
        let before = tears.len();
        tears.retain(|tear| tear.item != item);
        if tears.len() < before {
            self.injector.skip(1);
        }
    }

    /// Writes go where they belong from now on. Whether none had come.
    pub(super) fn aim_right(&mut self, item: usize, node: NodeId) -> bool {
        let in_vain = self.world.misdirect(node, false);
        if in_vain {
            self.injector.skip(1);
        } else {
            self.count_effect(item);
        }
        in_vain
    }
}
