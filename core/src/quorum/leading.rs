//! What only a leader has: the progress of its followers and a wish to hand over.
//!
//! Changed only by `append`, `install` and `election`. Deliberately absent: anything that outlives the reign.

use crate::ids::{NodeId, Offset};
use crate::record::Batch;

use super::progress::Progress;

/// A leader's own state; gone with its reign.
#[derive(Debug, Clone)]
pub struct Leading {
    /// Every other voter, in the order of the voters.
    pub(super) progress: Vec<Progress>,
    /// The offset of the first entry of this reign.
    pub(super) first: Offset,
    /// The batch written last: nearly always what every follower needs next, so it is not read back.
    pub(super) last: Option<Batch>,
    /// Leadership is to go there as soon as that log is complete.
    pub(super) successor: Option<NodeId>,
    /// Kept for its room.
    pub(super) scratch: Vec<Offset>,
}

impl Leading {
    /// A reign that begins at `first`, and knows nothing yet of its followers.
    pub(super) fn new(followers: impl Iterator<Item = NodeId>, first: Offset) -> Self {
        let progress = followers.map(|node| Progress::new(node, first)).collect();
        Self { progress, first, last: None, successor: None, scratch: Vec::new() }
    }

    /// What is known of `node`.
    pub(super) fn of(&mut self, node: NodeId) -> Option<&mut Progress> {
        self.progress.iter_mut().find(|progress| progress.node == node)
    }

    /// The largest offset that a majority holds, the leader itself up to `own`.
    pub(super) fn majority_has(&mut self, own: Offset) -> Offset {
        self.scratch.clear();
        self.scratch.push(own);
        self.scratch.extend(self.progress.iter().map(Progress::matched));
        self.scratch.sort_unstable();
        // Ascending: everybody from this place up holds at least this much, and they are a majority.
        self.scratch[(self.scratch.len() - 1) / 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn majority(ends: &[u64]) -> u64 {
        let mut leading = Leading::new((1..ends.len() as u32).map(NodeId), Offset(0));
        for (node, end) in ends.iter().enumerate().skip(1) {
            leading.of(NodeId(node as u32)).expect("a follower").on_matched(Offset(*end));
        }
        leading.majority_has(Offset(ends[0])).0
    }

    #[test]
    fn a_majority_is_more_than_half() {
        assert_eq!(majority(&[7]), 7);
        assert_eq!(majority(&[7, 3]), 3);
        assert_eq!(majority(&[7, 3, 5]), 5);
        assert_eq!(majority(&[7, 3, 5, 1]), 3);
        assert_eq!(majority(&[7, 3, 5, 1, 6]), 5);
    }
}
