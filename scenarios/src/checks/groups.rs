//! Probes of groups.

use squall_core::coordinator::place::partition_for;
use squall_core::group::probe::GroupProbe;
use squall_core::ids::{BrokerId, GroupId, NodeId, TopicPartition};

use crate::checks::ClusterChecks;
use crate::ghost::groups::Holder;
use crate::invariants::{Check, groups};

/// So many facts pass between two looks at what a coordinator keeps: each reads its whole log.
const LOOK_EVERY: u64 = 128;

pub(super) fn on_probe(c: &mut ClusterChecks, node: NodeId, probe: &GroupProbe) -> Check {
    if let GroupProbe::OwnedChanged { group, member, generation, partitions } = probe {
        let (member, generation, partitions) = (*member, *generation, partitions.clone());
        return owns(c, group, Holder { node, member, generation, partitions });
    }
    let Some(broker) = c.layout.broker_on(node) else { return Ok(()) };
    c.group_facts += 1;
    let look = match probe {
        GroupProbe::Loading { at, .. } => {
            c.groups.forget(broker, Some(*at));
            false
        }
        GroupProbe::Loaded { .. } | GroupProbe::Unloaded { .. } | GroupProbe::Removed { .. } => true,
        GroupProbe::CommitTaken { group, member, .. } => {
            groups::commit_taken(&c.groups, broker, group, *member)?;
            false
        }
        GroupProbe::Assigned { group, generation, assignments } => {
            groups::assigned(group, *generation, assignments)?;
            false
        }
        GroupProbe::Restored { .. }
        | GroupProbe::Joined { .. }
        | GroupProbe::Rebalancing { .. }
        | GroupProbe::Rebalanced { .. }
        | GroupProbe::Replaced { .. }
        | GroupProbe::Fenced { .. }
        | GroupProbe::Left { .. }
        | GroupProbe::OffsetCommitted { .. }
        | GroupProbe::OffsetExpired { .. }
        | GroupProbe::OwnedChanged { .. }
        | GroupProbe::Resumed { .. }
        | GroupProbe::Processed { .. }
        | GroupProbe::Acknowledged { .. } => false,
    };
    if look || c.group_facts.is_multiple_of(LOOK_EVERY) {
        c.coordinators_to_inspect.push(broker);
    }
    if let Some(group) = group_of(probe)
        && let Some(at) = place(c, group)
    {
        let named = is_named(c, broker, group);
        c.groups.fold(broker, at, named, probe);
    }
    Ok(())
}

/// Whether the controllers have the group coordinated by this broker, or by nobody: then the last one goes on, with
/// all replicas that follow it, until they hear of it.
pub(super) fn is_named(c: &ClusterChecks, broker: BrokerId, group: &GroupId) -> bool {
    let state = place(c, group).and_then(|at| c.metadata.image.partition(at));
    state.is_some_and(|state| state.leader.is_none_or(|leader| leader == broker))
}

/// Where committed assignments may have been lost, two coordinators may count the same generation.
fn owns(c: &mut ClusterChecks, group: &GroupId, holder: Holder) -> Check {
    let lost = place(c, group).and_then(|at| c.partition(at)).is_some_and(|p| p.unclean || p.beyond);
    if lost {
        c.groups.owns(group, holder);
        return Ok(());
    }
    groups::owns(&mut c.groups, group, holder)
}

/// The offsets partition of a group; `None` while there is none.
fn place(c: &ClusterChecks, group: &GroupId) -> Option<TopicPartition> {
    let (topic, state) = c.metadata.image.topic_named(squall_core::group::config::OFFSETS_TOPIC)?;
    partition_for(&group.0, topic, state.partitions.len() as u32)
}

const fn group_of(probe: &GroupProbe) -> Option<&GroupId> {
    match probe {
        GroupProbe::Loading { .. } | GroupProbe::Loaded { .. } | GroupProbe::Unloaded { .. } => None,
        GroupProbe::Restored { group, .. }
        | GroupProbe::Joined { group, .. }
        | GroupProbe::Rebalancing { group, .. }
        | GroupProbe::Rebalanced { group, .. }
        | GroupProbe::Assigned { group, .. }
        | GroupProbe::Replaced { group, .. }
        | GroupProbe::Fenced { group, .. }
        | GroupProbe::Left { group, .. }
        | GroupProbe::CommitTaken { group, .. }
        | GroupProbe::OffsetCommitted { group, .. }
        | GroupProbe::OffsetExpired { group, .. }
        | GroupProbe::Removed { group }
        | GroupProbe::OwnedChanged { group, .. }
        | GroupProbe::Resumed { group, .. }
        | GroupProbe::Processed { group, .. }
        | GroupProbe::Acknowledged { group, .. } => Some(group),
    }
}

/// A process died, whatever it was.
pub(super) fn died(c: &mut ClusterChecks, node: NodeId) {
    c.groups.died(node);
    if let Some(broker) = c.layout.broker_on(node) {
        c.groups.forget(broker, None);
    }
}

/// Every broker, when all is over.
pub(super) fn all(c: &ClusterChecks) -> impl Iterator<Item = BrokerId> + use<> {
    (0..c.layout.brokers).map(BrokerId)
}
