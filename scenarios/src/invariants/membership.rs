//! What the controllers decide about a partition: W-LII, W-ELR, W-ELECT, W-BRK, W-FIS, W-JOIN, W-LCC, W-UX, one leader an epoch.

use squall_core::ids::{BrokerEpoch, BrokerId, Offset};
use squall_core::metadata::{Image, PartitionState};

use crate::ghost::chronicle::Orphaned;
use crate::ghost::partition::{Reign, Role};
use crate::ghost::{Metadata, PartitionGhost};
use crate::invariants::{Check, broken, or};

/// A partition's registration changed from `before` (if it had one) to what `metadata` holds now.
pub fn changed(p: &mut PartitionGhost, before: Option<&PartitionState>, metadata: &Metadata) -> Check {
    let image = &metadata.image;
    let Some(after) = image.partition(p.at) else { return Ok(()) };
    let min_isr = min_isr(image, p);
    well_formed(p, after, min_isr, image)?;
    reigns(p, before, after)?;
    if let Some(before) = before {
        elected(p, before, after, image)?;
    }
    if let Some(leader) = after.leader
        && after.unclean
        && before.is_none_or(|before| before.leader_epoch != after.leader_epoch)
    {
        p.breached(after.leader_epoch, leader);
    }
    if let Some(before) = before {
        orphaned(p, before, after, metadata);
        joined(p, before, after, metadata)?;
        p.wishes.retain(|(epoch, _)| *epoch > before.partition_epoch);
    }
    candidates_hold_all(p, after, metadata)
}

/// Notes who was the last to be eligible.
fn orphaned(p: &mut PartitionGhost, before: &PartitionState, after: &PartitionState, metadata: &Metadata) {
    if after.leader.is_some() || !after.isr.is_empty() || !after.elr.is_empty() {
        p.chronicle.orphaned = None;
        return;
    }
    let last: Vec<_> =
        before.isr.iter().chain(&before.elr).map(|&broker| (broker, metadata.spoilt(broker))).collect();
    if !last.is_empty() {
        p.chronicle.orphaned = Some(Orphaned { when: p.now, last });
    }
}

/// A broker of the registration `epoch` has read the metadata log up to `end`: is its own registration in it?
pub fn has_read(broker: BrokerId, epoch: Option<BrokerEpoch>, end: Offset) -> Check {
    if epoch.is_some_and(|epoch| end.0 > epoch.0) {
        return Ok(());
    }
    broken(
        "W-BRK",
        format!(
            "broker {broker}, whose registration is {}, has read the metadata only up to {end}",
            or(epoch, "none")
        ),
    )
}

/// A broker was fenced or registered anew: it is in no ISR from then on.
pub fn fenced(broker: BrokerId, image: &Image) -> Check {
    if image.is_unfenced(broker) {
        return Ok(());
    }
    for (topic, state) in &image.topics {
        for (partition, state) in state.partitions.iter().enumerate() {
            if state.isr.contains(&broker) {
                return broken(
                    "W-FIS",
                    format!(
                        "broker {broker} is fenced and in the ISR {:?} of {topic}-{partition}",
                        state.isr
                    ),
                );
            }
        }
    }
    Ok(())
}

/// `min.insync.replicas` of a partition, but never more than it has replicas.
pub fn min_isr(image: &Image, p: &PartitionGhost) -> usize {
    let replicas = image.partition(p.at).map_or(1, |state| state.replicas.len());
    image.topics.get(&p.at.topic).map_or(1, |topic| topic.min_isr as usize).clamp(1, replicas.max(1))
}

fn well_formed(p: &PartitionGhost, state: &PartitionState, min_isr: usize, image: &Image) -> Check {
    let at = p.at;
    if let Some(leader) = state.leader.filter(|leader| !state.isr.contains(leader)) {
        return broken("W-LII", format!("{at} is led by broker {leader} with ISR {:?}", state.isr));
    }
    let strangers = |members: &[BrokerId]| members.iter().any(|member| !state.replicas.contains(member));
    if strangers(&state.isr) || strangers(&state.elr) {
        return broken(
            "W-ELR",
            format!("{at} has ISR {:?} and ELR {:?} of replicas {:?}", state.isr, state.elr, state.replicas),
        );
    }
    let both = state.isr.iter().any(|member| state.elr.contains(member));
    if both || (state.isr.len() >= min_isr && !state.elr.is_empty()) {
        return broken(
            "W-ELR",
            format!("{at} has ISR {:?} and ELR {:?} at min.insync.replicas {min_isr}", state.isr, state.elr),
        );
    }
    let fenced = |member: &&BrokerId| image.brokers.get(member).is_none_or(|broker| broker.fenced);
    if let Some(member) = state.isr.iter().find(fenced) {
        return broken("W-FIS", format!("{at} has fenced broker {member} in its ISR {:?}", state.isr));
    }
    Ok(())
}

/// One broker an epoch, and epochs that only grow.
fn reigns(p: &mut PartitionGhost, before: Option<&PartitionState>, after: &PartitionState) -> Check {
    let at = p.at;
    if let Some(before) = before
        && (after.leader_epoch < before.leader_epoch || after.partition_epoch <= before.partition_epoch)
    {
        return broken(
            "W-MLM",
            format!(
                "{at} went from leader epoch {} and partition epoch {} to {} and {}",
                before.leader_epoch, before.partition_epoch, after.leader_epoch, after.partition_epoch
            ),
        );
    }
    let Some(leader) = after.leader else { return Ok(()) };
    match p.reign(after.leader_epoch) {
        Some(reign) if reign.leader == leader => Ok(()),
        Some(reign) => {
            let other = reign.leader;
            broken(
                "W-MLM",
                format!("{at} has brokers {other} and {leader} for leaders in epoch {}", after.leader_epoch),
            )
        }
        None => {
            let epoch = after.leader_epoch;
            p.reigns.push(Reign::new(epoch, leader, p.now));
            Ok(())
        }
    }
}

/// A new leader is one that may hold everything, unless the topic allows another.
fn elected(p: &PartitionGhost, before: &PartitionState, after: &PartitionState, image: &Image) -> Check {
    let Some(leader) = after.leader.filter(|_| after.leader_epoch != before.leader_epoch) else {
        return Ok(());
    };
    let allowed = image.topics.get(&p.at.topic).is_some_and(|topic| topic.unclean);
    let eligible = before.isr.contains(&leader) || before.elr.contains(&leader);
    if (after.unclean && allowed) || (!after.unclean && eligible) {
        return Ok(());
    }
    broken(
        "W-ELECT",
        format!(
            "broker {leader} was elected for {} in epoch {}{}; ISR was {:?}, ELR {:?}",
            p.at,
            after.leader_epoch,
            if after.unclean { ", uncleanly" } else { "" },
            before.isr,
            before.elr
        ),
    )
}

/// W-JOIN: whoever is new in the ISR, in the same reign, was let in by the leader.
fn joined(
    p: &mut PartitionGhost,
    before: &PartitionState,
    after: &PartitionState,
    metadata: &Metadata,
) -> Check {
    if before.leader_epoch != after.leader_epoch {
        return Ok(());
    }
    let at = p.at;
    for &member in after.isr.iter().filter(|member| !before.isr.contains(member)) {
        vouched(p, before, member, metadata)?;
        if !metadata.is_running(member) {
            continue;
        }
        let replica = &p.replicas[member.0 as usize];
        let end = replica.log.end();
        let start = after.leader.and_then(|leader| match p.replicas[leader.0 as usize].role {
            Role::Leader(epoch, start) if epoch == after.leader_epoch => Some(start),
            Role::Leader(..) | Role::Follower(_) | Role::None => None,
        });
        let follows = replica.role == Role::Follower(after.leader_epoch);
        if !follows || start.is_some_and(|start| end < start) {
            return broken(
                "W-JOIN",
                format!(
                    "broker {member} joined the ISR of {at} in epoch {} ({}) with its log at {end}; the reign began at {}",
                    after.leader_epoch,
                    if follows { "following" } else { "without following in that epoch" },
                    start.map_or_else(|| "?".into(), |start| start.to_string()),
                ),
            );
        }
    }
    Ok(())
}

/// The leader wished for the member, in the life that the controllers know (KIP-903).
fn vouched(p: &PartitionGhost, before: &PartitionState, member: BrokerId, metadata: &Metadata) -> Check {
    let registered = metadata.image.brokers.get(&member).map(|state| state.epoch);
    let mut wished =
        p.wishes.iter().filter(|(epoch, _)| *epoch == before.partition_epoch).flat_map(|(_, isr)| isr);
    if wished.any(|(broker, epoch)| *broker == member && Some(*epoch) == registered) {
        return Ok(());
    }
    broken(
        "W-JOIN",
        format!(
            "broker {member} joined the ISR of {} (leader epoch {}, partition epoch {}), but no leader vouched for its registration {}; wishes, by partition epoch and then of brokers with their registrations, were {:?}",
            p.at,
            before.leader_epoch,
            before.partition_epoch,
            or(registered, "(none)"),
            p.wishes
        ),
    )
}

/// W-LCC and W-UX: whoever may be elected holds all that is committed.
pub fn candidates_hold_all(p: &mut PartitionGhost, state: &PartitionState, metadata: &Metadata) -> Check {
    if p.unclean {
        return Ok(());
    }
    let (at, true_end) = (p.at, p.true_end());
    for (list, members) in [("ISR", &state.isr), ("ELR", &state.elr)] {
        for &member in members {
            if !metadata.is_running(member) {
                continue;
            }
            let holds = p.refresh(member);
            if holds < true_end {
                let lost = p.replicas[member.0 as usize].damage != crate::ghost::partition::Damage::None;
                return broken(
                    if lost { "W-UX" } else { "W-LCC" },
                    format!(
                        "broker {member} is in the {list} of {at} (leader epoch {}, partition epoch {}) with the committed records up to {holds} of {true_end}",
                        state.leader_epoch, state.partition_epoch
                    ),
                );
            }
        }
    }
    Ok(())
}
