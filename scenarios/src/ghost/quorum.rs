//! The controllers' consensus as the observer knows it: every vote ever granted, every voter's log, what
//! was committed.

use std::collections::BTreeMap;

use squall_core::ids::{LeaderEpoch, NodeId, Offset};

use crate::ghost::partition::Damage;
use crate::ghost::shadow::{Batch, Shadow};

/// One voter.
#[derive(Debug, Clone)]
pub struct VoterGhost {
    /// Its node.
    pub node: NodeId,
    /// The epoch it works in, durable or not, and the event in which it came to.
    pub epoch: (LeaderEpoch, u64),
    /// The epoch and the vote that are durable.
    pub persisted: (LeaderEpoch, Option<NodeId>),
    /// The epoch and the vote that its last life began with: a crash keeps them, a power loss may not, since
    /// they can have been in the cache only.
    pub found: (LeaderEpoch, Option<NodeId>),
    /// Every vote it ever granted, over all its lives.
    pub granted: BTreeMap<LeaderEpoch, NodeId>,
    /// Its log.
    pub log: Shadow,
    /// What was cut since the last sync: a power loss may bring it back.
    pub cut: Vec<Batch>,
    /// The log that a snapshot replaced in this life or the last without anybody being told: a power loss may
    /// undo that.
    pub replaced: Option<Shadow>,
    /// Everything before is durable.
    pub durable: Offset,
    /// One past the last entry it knows to be committed, in this life.
    pub commit: Offset,
    /// The epoch it leads in.
    pub leads: Option<LeaderEpoch>,
    /// What happened to its disk since it was last started.
    pub damage: Damage,
    /// How far its log is known to equal the committed log.
    pub agrees: Offset,
}

/// An entry's end and CRC, and the epoch of the entry before it, if any writer had that.
pub type Written = ((Offset, u32), Option<LeaderEpoch>);

/// All voters.
#[derive(Debug, Clone)]
pub struct QuorumGhost {
    /// In the order of their nodes.
    pub voters: Vec<VoterGhost>,
    /// What leaders declared committed.
    pub committed: Shadow,
    /// Who led in which epoch.
    pub leaders: BTreeMap<LeaderEpoch, NodeId>,
    /// Up to where the leader of each epoch has committed.
    pub decided: BTreeMap<LeaderEpoch, Offset>,
    /// What was written at which place in which epoch, by anybody: the epoch's own leader decides.
    pub written: BTreeMap<(LeaderEpoch, Offset), Written>,
}

impl QuorumGhost {
    /// Voters of which nothing is known.
    pub fn new(voters: &[NodeId]) -> Self {
        let voters = voters.iter().map(|&node| VoterGhost {
            node,
            epoch: (LeaderEpoch(0), 0),
            persisted: (LeaderEpoch(0), None),
            found: (LeaderEpoch(0), None),
            granted: BTreeMap::new(),
            log: Shadow::default(),
            cut: Vec::new(),
            replaced: None,
            durable: Offset::ZERO,
            commit: Offset::ZERO,
            leads: None,
            damage: Damage::None,
            agrees: Offset::ZERO,
        });
        Self {
            voters: voters.collect(),
            committed: Shadow::default(),
            leaders: BTreeMap::new(),
            decided: BTreeMap::new(),
            written: BTreeMap::new(),
        }
    }

    /// A voter's place in `voters`.
    pub fn place(&self, node: NodeId) -> Option<usize> {
        self.voters.iter().position(|voter| voter.node == node)
    }

    /// Brings a voter's agreement with the committed log up to date.
    pub fn refresh(&mut self, place: usize) -> Offset {
        let voter = &mut self.voters[place];
        if voter.agrees < self.committed.end() && voter.agrees < voter.log.end() {
            voter.agrees = voter.log.agrees_up_to(&self.committed, voter.agrees);
        }
        voter.agrees
    }

    /// How many voters make a majority.
    pub const fn majority(&self) -> usize {
        self.voters.len() / 2 + 1
    }

    /// Forgets what no voter keeps any more.
    pub fn prune(&mut self) {
        let Some(start) = self.voters.iter().map(|voter| voter.log.start()).min() else { return };
        self.committed.advance_start(start.min(self.committed.end()));
        self.written.retain(|&(_, base), _| base >= start);
    }
}
