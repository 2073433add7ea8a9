//! How a partition's registration changes: who is in sync, who is eligible, who leads.
//!
//! Pure functions after KIP-966 and Kafka's `PartitionChangeBuilder`. Every change of a registered
//! partition goes through [`change`], whatever its cause, so that the rules stand in one place:
//! a fenced broker is in no ISR, who leaves an ISR that is too small stays eligible, a replica that
//! restarted without its data is neither.
//! Deliberately absent: the last known ELR. With ISR and ELR both empty only an unclean election helps.

use crate::ids::{BrokerId, TopicPartition};
use crate::metadata::{Image, MetadataRecord, PartitionState, TopicState};

/// What is wished of a partition, beyond that it fits the brokers that are alive.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wish<'a> {
    /// The ISR that its leader asks for; `None`: the present one.
    pub(super) isr: Option<&'a [BrokerId]>,
    /// A broker that restarted and does not vouch for its data.
    pub(super) lossy: Option<BrokerId>,
    /// Who shall lead, if it is in the new ISR.
    pub(super) leader: Option<BrokerId>,
}

/// The registration after `wish`, where `alive` tells the unfenced brokers; `None` if nothing changes.
pub(super) fn change(
    now: &PartitionState,
    topic: &TopicState,
    alive: impl Fn(BrokerId) -> bool,
    wish: Wish<'_>,
) -> Option<PartitionState> {
    let asked = wish.isr.unwrap_or(&now.isr);
    let vouches = |replica: BrokerId| wish.lossy != Some(replica);
    let isr = pick(now, |replica| asked.contains(&replica) && alive(replica) && vouches(replica));
    let held = |replica: BrokerId| now.isr.contains(&replica) || now.elr.contains(&replica);
    let elr = pick(now, |replica| held(replica) && !isr.contains(&replica) && vouches(replica));
    let (elected, isr, elr) = elect(now, topic, &alive, wish.leader, isr, elr);
    let elr = if isr.len() >= min_isr(topic) { Vec::new() } else { elr };

    let leader = elected.leader();
    let moved = leader != now.leader;
    if !moved && isr == now.isr && elr == now.elr {
        return None;
    }
    Some(PartitionState {
        replicas: now.replicas.clone(),
        isr,
        elr,
        leader,
        leader_epoch: if moved { now.leader_epoch.next() } else { now.leader_epoch },
        partition_epoch: now.partition_epoch.next(),
        unclean: if moved { matches!(elected, Elected::Unclean(_)) } else { now.unclean },
    })
}

/// What an election came to.
#[derive(Clone, Copy)]
enum Elected {
    /// From the ISR or the ELR: it holds all that is committed.
    Clean(BrokerId),
    /// From the replicas: it may lack committed records.
    Unclean(BrokerId),
    Nobody,
}

impl Elected {
    fn leader(self) -> Option<BrokerId> {
        match self {
            Self::Clean(leader) | Self::Unclean(leader) => Some(leader),
            Self::Nobody => None,
        }
    }
}

/// The leader, and the ISR and ELR with it. All of `isr` is alive.
fn elect(
    now: &PartitionState,
    topic: &TopicState,
    alive: &impl Fn(BrokerId) -> bool,
    preferred: Option<BrokerId>,
    isr: Vec<BrokerId>,
    mut elr: Vec<BrokerId>,
) -> (Elected, Vec<BrokerId>, Vec<BrokerId>) {
    // A leader that can stay stays: every move costs its clients a retry.
    let stays = [preferred, now.leader].into_iter().flatten().find(|leader| isr.contains(leader));
    if let Some(leader) = stays.or(isr.first().copied()) {
        return (Elected::Clean(leader), isr, elr);
    }
    if let Some(leader) = elr.iter().copied().find(|&replica| alive(replica)) {
        elr.retain(|&replica| replica != leader);
        return (Elected::Clean(leader), vec![leader], elr);
    }
    match now.replicas.iter().copied().find(|&replica| topic.unclean && alive(replica)) {
        // The eligible ones are no longer: they may hold records that this leader will overwrite.
        Some(leader) => (Elected::Unclean(leader), vec![leader], Vec::new()),
        None => (Elected::Nobody, isr, elr),
    }
}

/// How many in-sync replicas let the high watermark move. Never none: an empty ISR would end eligibility.
/// KIP-966 also bounds it by the number of replicas; here that changes nothing, as an ISR of all replicas
/// leaves nobody to be eligible.
fn min_isr(topic: &TopicState) -> usize {
    (topic.min_isr as usize).max(1)
}

/// The replicas that fulfil `wanted`, in order of preference.
fn pick(now: &PartitionState, wanted: impl Fn(BrokerId) -> bool) -> Vec<BrokerId> {
    now.replicas.iter().copied().filter(|&replica| wanted(replica)).collect()
}

/// A record for each partition that `touches` picks and that changes with `wish`, where `alive` tells who is
/// unfenced afterwards.
pub(super) fn change_all(
    image: &Image,
    touches: impl Fn(&PartitionState) -> bool,
    alive: impl Fn(BrokerId) -> bool,
    wish: Wish<'_>,
) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    for (&id, topic) in &image.topics {
        for (partition, now) in (0..).zip(&topic.partitions) {
            if !touches(now) {
                continue;
            }
            if let Some(state) = change(now, topic, &alive, wish) {
                let at = TopicPartition { topic: id, partition };
                records.push(MetadataRecord::PartitionChanged { at, state });
            }
        }
    }
    records
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
