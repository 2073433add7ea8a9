//! What must hold over all voters and all their lives, kept outside of them.
//!
//! Fed with everything that comes out of a bench; panics with the name of the law that is broken. The names
//! are those of the project's list of invariants for the quorum.

use std::collections::BTreeMap;

use squall_core::ids::{LeaderEpoch, NodeId, Offset};
use squall_core::probe::{Probe, QuorumProbe};
use squall_core::quorum::Role;

use super::voter::{Applied, Voter};
use crate::support::bench::{Bench, Said};

/// What one node has said, over all its lives.
#[derive(Debug, Clone, Default)]
struct Word {
    persisted: LeaderEpoch,
    durable: Offset,
    /// In its present life.
    commit: Offset,
}

/// All that was promised so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ghost {
    leaders: BTreeMap<LeaderEpoch, NodeId>,
    votes: BTreeMap<(NodeId, LeaderEpoch), NodeId>,
    words: BTreeMap<NodeId, Word>,
    /// The epoch of each entry that some leader committed.
    committed: Vec<LeaderEpoch>,
    /// Each entry that some state machine got.
    history: BTreeMap<Offset, Applied>,
    /// How often each kind of thing happened that a schedule should bring about.
    pub(crate) exercised: BTreeMap<&'static str, u32>,
}

impl Ghost {
    /// Looks at everything that came out since the last look.
    pub(crate) fn look(&mut self, bench: &mut Bench<Voter>) {
        for said in bench.take_said() {
            if let Said::Probe(node, Probe::Quorum(probe)) = said {
                self.on_probe(node, &probe, bench);
            }
        }
        for node in bench.nodes() {
            let news = bench.with(node, |voter, _| std::mem::take(&mut voter.news)).unwrap_or_default();
            for applied in news {
                let known = self.history.entry(applied.offset).or_insert_with(|| applied.clone());
                assert_eq!(*known, applied, "W-CP: node {node} applies another entry");
            }
        }
    }

    /// How many entries were ever committed.
    pub(crate) fn committed(&self) -> usize {
        self.committed.len()
    }

    /// Every state machine holds all that was ever committed.
    pub(crate) fn expect_converged(&self, bench: &Bench<Voter>) {
        let payloads = self.history.values().filter_map(|applied| applied.payload.as_ref());
        let state: String =
            payloads.map(|payload| String::from_utf8_lossy(payload).into_owned() + "\n").collect();
        for node in bench.nodes() {
            let voter = bench.process(node).expect("everybody is up in the end");
            assert_eq!(voter.state, state, "W-SMS: node {node} parts from the history");
            assert!(voter.applied.0 >= self.committed.len() as u64, "W-CONV: node {node} lags behind");
        }
    }

    fn on_probe(&mut self, node: NodeId, probe: &QuorumProbe, bench: &Bench<Voter>) {
        *self.exercised.entry(name(probe)).or_default() += 1;
        match *probe {
            QuorumProbe::Recovered { epoch, start, end, .. } => self.on_recovered(node, epoch, start, end),
            QuorumProbe::Persisted { epoch, voted } => {
                let word = self.word(node);
                assert!(epoch >= word.persisted, "W-ME: node {node} goes back to {epoch}");
                word.persisted = epoch;
                if let (Some(given), Some(voted)) = (self.votes.get(&(node, epoch)), voted) {
                    assert_eq!(*given, voted, "W-VOTE: node {node} forgets its vote in {epoch}");
                }
            }
            QuorumProbe::Granted { epoch, candidate } => {
                let given = *self.votes.entry((node, epoch)).or_insert(candidate);
                assert_eq!(given, candidate, "W-VOTE: node {node} votes twice in {epoch}");
                assert_eq!(self.word(node).persisted, epoch, "W-VOTE: node {node} can forget its vote");
            }
            QuorumProbe::Leader { epoch, end } => self.on_leader(node, epoch, end, bench),
            QuorumProbe::Truncated { to } => {
                let word = self.word(node);
                assert!(to >= word.commit, "W-NTB: node {node} cuts to {to}, below its commit index");
                word.durable = word.durable.min(to);
            }
            QuorumProbe::Durable { end } => self.word(node).durable = end,
            QuorumProbe::SnapshotInstalled { end, epoch, log_end: _ } => {
                assert_eq!(self.committed[end.0 as usize - 1], epoch, "W-SNAP: of nothing committed");
                self.word(node).durable = end;
            }
            QuorumProbe::SnapshotTaken { end, epoch } => {
                assert_eq!(self.committed[end.0 as usize - 1], epoch, "W-SNAP: of nothing committed");
            }
            QuorumProbe::Committed { to, epoch, leader } => self.on_committed(node, to, epoch, leader, bench),
            QuorumProbe::Epoch { .. }
            | QuorumProbe::PreVoted { .. }
            | QuorumProbe::Candidate { .. }
            | QuorumProbe::Follower { .. }
            | QuorumProbe::Resigned { .. }
            | QuorumProbe::Appended { .. }
            | QuorumProbe::Start { .. } => {}
        }
    }

    fn word(&mut self, node: NodeId) -> &mut Word {
        self.words.entry(node).or_default()
    }

    fn on_recovered(&mut self, node: NodeId, epoch: LeaderEpoch, start: Offset, end: Offset) {
        let word = self.word(node);
        assert!(epoch >= word.persisted, "W-ME: node {node} recovers epoch {epoch}");
        assert!(end >= word.durable, "W-DUR: node {node} has {end}, and had {} durably", word.durable);
        word.commit = start;
    }

    fn on_leader(&mut self, node: NodeId, epoch: LeaderEpoch, end: Offset, bench: &Bench<Voter>) {
        let first = *self.leaders.entry(epoch).or_insert(node);
        assert_eq!(first, node, "W-ES: two leaders in epoch {epoch}");
        assert!(end.0 >= self.committed.len() as u64, "W-LCT: leader {node} of {epoch} lacks entries");
        self.expect_committed(node, bench);
    }

    /// `node` holds every committed entry, but for those that its snapshot covers.
    fn expect_committed(&self, node: NodeId, bench: &Bench<Voter>) {
        let Some(voter) = bench.process(node) else { return };
        let log = voter.quorum.log();
        for offset in log.log_start().0..self.committed.len() as u64 {
            let epoch = log.epochs().epoch_at(Offset(offset)).filter(|_| offset < log.log_end().0);
            let committed = self.committed[offset as usize];
            assert_eq!(epoch, Some(committed), "W-LCT: leader {node} at {offset}");
        }
    }

    fn on_committed(
        &mut self,
        node: NodeId,
        to: Offset,
        epoch: LeaderEpoch,
        leader: bool,
        bench: &Bench<Voter>,
    ) {
        let word = self.word(node);
        assert!(to > word.commit, "the commit index of {node} does not rise");
        word.commit = to;
        let log = bench.process(node).expect("it just spoke").quorum.log();
        if leader {
            assert_eq!(self.leaders.get(&epoch), Some(&node), "W-CTC: node {node} commits in {epoch}");
            for offset in self.committed.len() as u64..to.0 {
                let epoch = log.epochs().epoch_at(Offset(offset)).expect("a leader has what it commits");
                self.committed.push(epoch);
            }
            let holders = self.words.values().filter(|word| word.durable >= to).count();
            assert!(holders > bench.nodes().count() / 2, "W-MAJ: only {holders} have {to} durably");
            self.expect_later_leaders(epoch, bench);
        }
        assert_eq!(self.committed.get(to.0 as usize - 1), Some(&epoch), "W-CP: node {node} commits {to}");
    }

    /// What is committed in `epoch` even now, every leader of a later one must have.
    fn expect_later_leaders(&self, epoch: LeaderEpoch, bench: &Bench<Voter>) {
        for node in bench.nodes() {
            let Some(voter) = bench.process(node) else { continue };
            if matches!(voter.quorum.role(), Role::Leader(_)) && voter.quorum.epoch() >= epoch {
                self.expect_committed(node, bench);
            }
        }
    }
}

fn name(probe: &QuorumProbe) -> &'static str {
    match probe {
        QuorumProbe::Recovered { .. } => "recovered",
        QuorumProbe::Epoch { .. } => "epoch",
        QuorumProbe::Persisted { .. } => "persisted",
        QuorumProbe::Granted { .. } => "granted",
        QuorumProbe::PreVoted { granted: true, .. } => "pre-vote yes",
        QuorumProbe::PreVoted { granted: false, .. } => "pre-vote no",
        QuorumProbe::Candidate { .. } => "candidate",
        QuorumProbe::Leader { .. } => "leader",
        QuorumProbe::Follower { .. } => "follower",
        QuorumProbe::Resigned { lonely: true, .. } => "resigned alone",
        QuorumProbe::Resigned { lonely: false, .. } => "resigned",
        QuorumProbe::Appended { .. } => "appended",
        QuorumProbe::Truncated { .. } => "truncated",
        QuorumProbe::Durable { .. } => "durable",
        QuorumProbe::Committed { leader: true, .. } => "committed by a leader",
        QuorumProbe::Committed { leader: false, .. } => "committed by a follower",
        QuorumProbe::SnapshotTaken { .. } => "snapshot taken",
        QuorumProbe::SnapshotInstalled { .. } => "snapshot installed",
        QuorumProbe::Start { .. } => "start",
    }
}
