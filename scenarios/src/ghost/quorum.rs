//! The controllers' consensus as the observer knows it: every vote ever granted, every voter's log, what
//! was committed.

use std::collections::BTreeMap;
use std::fmt;

use squall_core::ids::{LeaderEpoch, NodeId, Offset};

use crate::ghost::chronicle::When;
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
    /// Where its log ended when its disk was last wiped: those copies were there all the same.
    pub destroyed: Offset,
    /// When its disk was last wiped, and the newest epoch that it forgot with it.
    pub forgot: Option<(When, LeaderEpoch)>,
}

impl VoterGhost {
    /// Its disk is wiped: whatever was on it, it does not know of any more.
    pub fn forget(&mut self, when: When) {
        let newest =
            self.epoch.0.max(self.persisted.0).max(self.forgot.map_or(LeaderEpoch(0), |(_, epoch)| epoch));
        self.forgot = Some((when, newest));
        self.destroyed = self.destroyed.max(self.log.end());
        self.log = Shadow::default();
        self.cut.clear();
        self.epoch = (LeaderEpoch(0), 0);
        self.persisted = (LeaderEpoch(0), None);
        self.durable = Offset::ZERO;
        self.commit = Offset::ZERO;
        self.agrees = Offset::ZERO;
    }
}

/// An entry's end and CRC, and the epoch of the entry before it, if any writer had that.
pub type Written = ((Offset, u32), Option<LeaderEpoch>);

/// The controllers' log was destroyed, with permission: voters who had been wiped elected a leader that lacks
/// committed entries, or one in an epoch that had been led before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// When.
    pub when: When,
    /// Whom they elected, and the epoch.
    pub leader: (NodeId, LeaderEpoch),
    /// Up to where that leader holds what is committed, and up to where it was committed.
    pub holds: (Offset, Offset),
    /// Those of its electors who had been wiped, and when.
    pub voters: Vec<(NodeId, When)>,
}

impl fmt::Display for Forgotten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((leader, epoch), (holds, end)) = (self.leader, self.holds);
        write!(
            f,
            "the metadata was destroyed: at {} voter {leader} came to lead in epoch {epoch} with the committed entries up to {holds} of {end}, elected by",
            self.when
        )?;
        for (place, (voter, when)) in self.voters.iter().enumerate() {
            let and = if place == 0 { "" } else { " and" };
            write!(f, "{and} voter {voter}, whose disk was wiped at {when}")?;
        }
        Ok(())
    }
}

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
    /// Votes that a wiped voter had given in an epoch in which it then voted for another.
    pub forgotten_votes: Vec<(LeaderEpoch, NodeId, NodeId)>,
    /// Set once the log was destroyed with permission; from then on nothing is judged by it.
    pub lost: Option<Forgotten>,
    /// Whether faults may destroy more than consensus survives.
    pub beyond: bool,
    /// The event that is being folded.
    pub now: When,
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
            destroyed: Offset::ZERO,
            forgot: None,
        });
        Self {
            voters: voters.collect(),
            committed: Shadow::default(),
            leaders: BTreeMap::new(),
            decided: BTreeMap::new(),
            forgotten_votes: Vec::new(),
            lost: None,
            beyond: false,
            now: When::default(),
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

    /// Whether a voter voted for `candidate` in an epoch, even if it forgot that since.
    pub fn voted(&self, place: usize, epoch: LeaderEpoch, candidate: NodeId) -> bool {
        let voter = &self.voters[place];
        voter.granted.get(&epoch) == Some(&candidate)
            || self.forgotten_votes.contains(&(epoch, voter.node, candidate))
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
