//! Probes of the consensus.

use squall_core::ids::NodeId;
use squall_core::probe::QuorumProbe;
use squall_core::quorum::DIR;
use squall_sim::engine::World;

use crate::checks::{ClusterChecks, Compared, Exercised};
use crate::cluster::Member;
use crate::ghost::chronicle::When;
use crate::ghost::partition::Damage;
use crate::ghost::{Batch, QuorumGhost};
use crate::invariants::storage::batches_on_disk;
use crate::invariants::{Broken, quorum};

/// A controller's process ended.
pub(super) fn died(q: &mut QuorumGhost, place: usize, damage: Damage, when: When) {
    let voter = &mut q.voters[place];
    voter.leads = None;
    voter.damage = voter.damage.max(damage);
    if damage == Damage::Wiped {
        voter.forget(when);
    }
}

pub(super) fn on_probe(
    c: &mut ClusterChecks,
    world: &World<Member>,
    node: NodeId,
    probe: &QuorumProbe,
) -> Result<(), Broken> {
    let Some(place) = c.quorum.place(node) else { return Ok(()) };
    let event = world.events();
    let (q, counters) = (&mut c.quorum, &mut c.counters);
    q.now = When { event, at: world.now() };
    match *probe {
        QuorumProbe::Recovered { epoch, voted, start, end } => {
            counters.compared(Compared::Recoveries);
            if q.voters[place].damage == Damage::PowerLoss {
                counters.exercised(Exercised::PowerLossesSurvived);
                if end < q.voters[place].log.end() {
                    counters.exercised(Exercised::TailsLost);
                }
            }
            let voter = &q.voters[place];
            let look = voter.damage != Damage::None && !voter.cut.is_empty();
            let on_disk = if look { batches_on_disk(&format!("{DIR}/"), node, world) } else { Vec::new() };
            quorum::recovered(q, place, (epoch, voted), (start, end), &on_disk)
        }
        QuorumProbe::Epoch { epoch } => quorum::entered(q, place, epoch, event),
        QuorumProbe::Persisted { epoch, voted } => quorum::persisted(q, place, epoch, voted),
        QuorumProbe::Granted { epoch, candidate } => {
            counters.compared(Compared::Votes);
            quorum::granted(q, place, epoch, candidate)
        }
        QuorumProbe::PreVoted { epoch, granted, .. } => {
            if !granted {
                counters.exercised(Exercised::PreVotesRefused);
            }
            quorum::pre_voted(q, place, epoch, event)
        }
        QuorumProbe::Leader { epoch, .. } => {
            counters.exercised(Exercised::QuorumElections);
            quorum::leads(q, place, epoch)
        }
        QuorumProbe::Resigned { lonely, .. } => {
            if lonely {
                counters.exercised(Exercised::Resignations);
            }
            q.voters[place].leads = None;
            Ok(())
        }
        QuorumProbe::Appended { base, next, epoch, crc } => {
            counters.compared(Compared::QuorumEntries);
            quorum::appended(q, place, Batch { base, next, epoch, crc, stamp: None })
        }
        QuorumProbe::Truncated { to } => {
            counters.exercised(Exercised::QuorumTruncations);
            quorum::truncated(q, place, to)
        }
        QuorumProbe::Durable { end } => {
            let voter = &mut q.voters[place];
            voter.durable = end;
            // A sync that was asked for before a cut makes durable what was before it, and not the cut.
            voter.cut.retain(|batch| batch.base >= end);
            Ok(())
        }
        QuorumProbe::Committed { to, epoch, leader } => {
            counters.compared(Compared::QuorumCommits);
            quorum::committed(q, place, to, epoch, leader)
        }
        QuorumProbe::SnapshotTaken { end, epoch } => {
            counters.exercised(Exercised::SnapshotsTaken);
            quorum::snapshotted(q, place, end, epoch)
        }
        QuorumProbe::SnapshotInstalled { end, epoch, log_end } => {
            counters.exercised(Exercised::SnapshotsInstalled);
            quorum::installed(q, place, (end, epoch), log_end)
        }
        QuorumProbe::Start { start } => {
            q.voters[place].log.advance_start(start);
            Ok(())
        }
        QuorumProbe::Candidate { .. } | QuorumProbe::Follower { .. } => Ok(()),
    }
}
