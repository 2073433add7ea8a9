//! Weather over the links: several faults at once add up, and what remains is what was there before.

use std::collections::BTreeMap;

use squall_core::ids::NodeId;
use squall_core::time::Span;

use crate::fault::Fault;
use crate::network::LinkModel;

/// A direction between two nodes.
pub(super) type Pair = (NodeId, NodeId);

const MILLION: u64 = 1_000_000;

/// What one fault adds to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfortune {
    Loss(u32),
    Delay(Span),
    Duplication(u32),
    Reordering(u32, Span),
    Bandwidth(u64),
    SlowTail(u32, Span),
}

impl Misfortune {
    /// `None` if the fault is no weather.
    pub(super) fn of(fault: &Fault) -> Option<Self> {
        match fault {
            Fault::Loss { ppm, .. } => Some(Self::Loss(*ppm)),
            Fault::Delay { extra, .. } => Some(Self::Delay(*extra)),
            Fault::Duplication { ppm, .. } => Some(Self::Duplication(*ppm)),
            Fault::Reordering { ppm, extra, .. } => Some(Self::Reordering(*ppm, *extra)),
            Fault::Bandwidth { bytes, .. } => Some(Self::Bandwidth(*bytes)),
            Fault::SlowTail { ppm, extra, .. } => Some(Self::SlowTail(*ppm, *extra)),
            Fault::SplitHalves { .. }
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
            | Fault::TornWrite { .. }
            | Fault::LostNames { .. }
            | Fault::LostSync { .. }
            | Fault::RotCold { .. }
            | Fault::RotTail { .. }
            | Fault::MisdirectedWrite { .. }
            | Fault::WriteError { .. }
            | Fault::ReadError { .. }
            | Fault::SyncError { .. }
            | Fault::DiskFull { .. }
            | Fault::SlowDisk { .. }
            | Fault::StalledDisk { .. }
            | Fault::DropMessage { .. }
            | Fault::DelayMessage { .. }
            | Fault::DuplicateMessage { .. }
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
            | Fault::TransferStorm { .. } => None,
        }
    }

    fn add_to(self, model: &mut LinkModel) {
        match self {
            Self::Loss(ppm) => model.loss_ppm = either(model.loss_ppm, ppm),
            Self::Delay(extra) => model.latency_max = model.latency_max + extra,
            Self::Duplication(ppm) => {
                model.duplicate_ppm = either(model.duplicate_ppm, ppm);
                // A second copy that comes with the first tests nothing.
                model.reorder_extra = model.reorder_extra.max(model.latency_max);
            }
            Self::Reordering(ppm, extra) => {
                model.reorder_ppm = either(model.reorder_ppm, ppm);
                model.reorder_extra = model.reorder_extra.max(extra);
            }
            // A link as narrow as its narrowest place; nothing a second would be a cut.
            Self::Bandwidth(bytes) => {
                let narrowest = if model.bandwidth == 0 { bytes } else { model.bandwidth.min(bytes) };
                model.bandwidth = narrowest.max(1);
            }
            Self::SlowTail(ppm, extra) => {
                model.tail_ppm = either(model.tail_ppm, ppm);
                model.tail_extra = model.tail_extra.max(extra);
            }
        }
    }
}

/// The chance that at least one of two independent things happens.
pub(super) fn either(a: u32, b: u32) -> u32 {
    let (a, b) = (u64::from(a), u64::from(b));
    u32::try_from((a + b - a * b / MILLION).min(MILLION)).expect("a chance is a million millionths at most")
}

#[derive(Debug, Clone)]
struct Spell {
    item: usize,
    pairs: Vec<Pair>,
    misfortune: Misfortune,
}

/// The weather that is now.
#[derive(Debug, Clone, Default)]
pub(super) struct Weather {
    spells: Vec<Spell>,
    /// How each link was before the first spell touched it.
    fair: BTreeMap<Pair, LinkModel>,
}

impl Weather {
    /// A spell begins on `pairs` (sorted). `fair` says how a link is without weather.
    pub(super) fn begin(
        &mut self,
        item: usize,
        pairs: Vec<Pair>,
        misfortune: Misfortune,
        fair: impl Fn(Pair) -> LinkModel,
    ) -> Vec<(Pair, LinkModel)> {
        for pair in &pairs {
            self.fair.entry(*pair).or_insert_with(|| fair(*pair));
        }
        self.spells.push(Spell { item, pairs: pairs.clone(), misfortune });
        self.models(&pairs)
    }

    /// A spell ends; how its links behave from now on.
    pub(super) fn end(&mut self, item: usize) -> Vec<(Pair, LinkModel)> {
        match self.spells.iter().position(|spell| spell.item == item) {
            Some(place) => {
                let pairs = self.spells.remove(place).pairs;
                self.models(&pairs)
            }
            None => Vec::new(),
        }
    }

    fn models(&self, pairs: &[Pair]) -> Vec<(Pair, LinkModel)> {
        let model = |pair: &Pair| {
            let mut model = self.fair[pair];
            for spell in &self.spells {
                if spell.pairs.binary_search(pair).is_ok() {
                    spell.misfortune.add_to(&mut model);
                }
            }
            (*pair, model)
        };
        pairs.iter().map(model).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Pair = (NodeId(0), NodeId(1));
    const B: Pair = (NodeId(1), NodeId(0));

    #[test]
    fn overlapping_spells_add_up_and_leave_the_link_as_it_was() {
        let fair = |_| LinkModel::CALM;
        let mut weather = Weather::default();
        weather.begin(0, vec![A, B], Misfortune::Loss(500_000), fair);
        let both = weather.begin(1, vec![A], Misfortune::Loss(500_000), fair);
        assert_eq!(both, [(A, LinkModel { loss_ppm: 750_000, ..LinkModel::CALM })]);
        let first_over = weather.end(0);
        assert_eq!(
            first_over,
            [(A, LinkModel { loss_ppm: 500_000, ..LinkModel::CALM }), (B, LinkModel::CALM)]
        );
        assert_eq!(weather.end(1), [(A, LinkModel::CALM)]);
        assert_eq!(weather.end(1), []);
    }

    #[test]
    fn a_second_copy_comes_late_even_without_reordering() {
        let mut weather = Weather::default();
        let models = weather.begin(0, vec![A], Misfortune::Duplication(9), |_| LinkModel::CALM);
        assert!(models[0].1.reorder_extra > Span::ZERO);
    }
}
