//! Why a cluster does not come to rest: which promise of progress a fault took, and from whom.
//!
//! Nobody leads a partition for ever if the last who might have led it lost what they held, or may have: where
//! batches are not flushed, any stop counts as that (KIP-966). Beyond the budget that excuses the partition;
//! within it nothing is excused.

use squall_core::ids::BrokerId;
use squall_core::metadata::{Image, PartitionState};
use squall_sim::engine::World;

use crate::cluster::Member;
use crate::ghost::chronicle::Stop;
use crate::ghost::partition::Damage;
use crate::ghost::{PartitionGhost, QuorumGhost};

/// Whether nobody may lead the partition any more, and faults are why.
pub fn is_orphaned(p: &PartitionGhost, flush: bool) -> bool {
    let by_fault = |(_, stop): &(BrokerId, Option<Stop>)| stop.is_some_and(|stop| spoils(stop, flush));
    p.beyond && p.chronicle.orphaned.as_ref().is_some_and(|orphaned| orphaned.last.iter().all(by_fault))
}

/// Whether a stop takes from a replica what it might vouch for.
const fn spoils(stop: Stop, flush: bool) -> bool {
    match stop.damage {
        Damage::Wiped | Damage::Rotten => true,
        // With every batch flushed the broker vouches for its log.
        Damage::None | Damage::Halted | Damage::PowerLoss => !flush,
    }
}

/// Why nobody leads a partition.
pub fn no_leader(p: &PartitionGhost, state: &PartitionState, image: &Image) -> String {
    let at = p.at;
    if !state.isr.is_empty() || !state.elr.is_empty() {
        let fenced = |id: &&BrokerId| image.brokers.get(id).is_none_or(|broker| broker.fenced);
        let asleep: Vec<_> = state.isr.iter().chain(&state.elr).filter(fenced).collect();
        return format!(
            "{at} to have a leader: ISR {:?}, ELR {:?}, of these fenced {asleep:?}",
            state.isr, state.elr
        );
    }
    let Some(orphaned) = &p.chronicle.orphaned else {
        return format!("{at} to have a leader: nobody is eligible, and nobody ever was");
    };
    let last: Vec<String> = orphaned
        .last
        .iter()
        .map(|(broker, stop)| match stop {
            Some(Stop { when, damage }) => format!("broker {broker}: {} at {when}", damage.words()),
            None => format!("broker {broker}, which never stopped"),
        })
        .collect();
    let when = orphaned.when;
    format!("{at} to have a leader: nobody is eligible since {when}; the last was {}", last.join(", "))
}

/// What each voter is about: why there is no quorum.
pub fn no_quorum(q: &QuorumGhost, world: &World<Member>) -> String {
    let voters = q.voters.iter().map(|voter| {
        let node = voter.node;
        let wiped = match voter.forgot {
            Some((when, _)) => format!(", wiped at {when}"),
            None => String::new(),
        };
        if !world.is_up(node) {
            return format!("voter {node} is down{wiped}");
        }
        let leads = if voter.leads.is_some() { " leads" } else { "" };
        format!(
            "voter {node}{leads} in epoch {} with its log end at {}{wiped}",
            voter.epoch.0,
            voter.log.end()
        )
    });
    voters.collect::<Vec<_>>().join("; ")
}
