//! Which leader epochs the consumed records had: the consumer's own leader-epoch cache.
//!
//! With it a divergence is found exactly, as a follower finds it (KIP-279), where an offset and one epoch
//! would do only for the newest reign.

use crate::ids::{LeaderEpoch, Offset};

use super::Start;

/// Epochs and the first offset read in each, both growing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct History(Vec<(LeaderEpoch, Offset)>);

impl History {
    /// What is known of the records before a start. Where the epoch of the last one begins is not; the start
    /// itself stands for it, so that a leader without that epoch is believed where the one before it ends.
    pub(super) fn before(start: Start) -> Self {
        match start {
            Start::Committed { offset, epoch: Some(epoch) } => Self(vec![(epoch, offset)]),
            Start::Committed { epoch: None, .. }
            | Start::Earliest
            | Start::Latest
            | Start::At(_)
            | Start::Hold => Self::default(),
        }
    }

    /// A record was handed out.
    pub(super) fn note(&mut self, epoch: LeaderEpoch, offset: Offset) {
        if self.newest().is_none_or(|newest| epoch > newest) {
            self.0.push((epoch, offset));
        }
    }

    /// The epoch of the record before the position; `None`: nothing was read yet.
    pub(super) fn newest(&self) -> Option<LeaderEpoch> {
        self.0.last().map(|&(epoch, _)| epoch)
    }

    /// Where the records up to `epoch` end, if reading stands at `position`.
    pub(super) fn end_of(&self, epoch: LeaderEpoch, position: Offset) -> Offset {
        let after = self.0.partition_point(|&(known, _)| known <= epoch);
        self.0.get(after).map_or(position, |&(_, start)| start)
    }

    /// Forgets records from `to` on.
    pub(super) fn truncate(&mut self, to: Offset) {
        let kept = self.0.partition_point(|&(_, start)| start < to);
        self.0.truncate(kept);
    }
}
