//! Who has a role now, and how whoever has it is asked to hand over. For every scenario with a cluster.

use squall_core::ids::{CorrelationId, NodeId, TopicId, TopicPartition};
use squall_core::message::{ElectLeader, Message, Request};
use squall_core::quorum::message::QuorumMessage;
use squall_sim::engine::World;

use crate::checks::ClusterChecks;
use crate::cluster::{Layout, Member, Role};

/// The roles that faults may aim at: the active controller, and the leader of each partition.
pub(crate) fn all(partitions: u64) -> Vec<String> {
    let leaders = (0..partitions as u32)
        .map(|partition| Role::LeaderOf(TopicPartition { topic: TopicId(0), partition }).to_string());
    std::iter::once(Role::Controller.to_string()).chain(leaders).collect()
}

/// Who has the role now.
pub(crate) fn resolve(
    role: &str,
    layout: Layout,
    world: &World<Member>,
    checks: &ClusterChecks,
) -> Option<NodeId> {
    match Role::parse(role)? {
        Role::Controller => active_controller(layout, world),
        Role::LeaderOf(at) => Some(checks.metadata().image.partition(at)?.leader?.node()),
    }
}

/// Of several that believe it, the one of the newest epoch.
fn active_controller(layout: Layout, world: &World<Member>) -> Option<NodeId> {
    let active = layout.controller_nodes().into_iter().filter_map(|node| match world.process(node)? {
        Member::Controller(controller) if controller.is_active() => Some((controller.quorum().epoch(), node)),
        Member::Controller(_)
        | Member::Broker(_)
        | Member::Admin(_)
        | Member::Sender(_)
        | Member::Reader(_)
        | Member::IdTaker(_)
        | Member::Worker(_)
        | Member::Pipeline(_)
        | Member::EffectsReader(_)
        | Member::ShareWorker(_)
        | Member::Person(_) => None,
    });
    active.max().map(|(_, node)| node)
}

/// Asks for a planned change of whoever has the role; whether there was anybody to ask.
pub(crate) fn transfer(
    role: &str,
    layout: Layout,
    world: &mut World<Member>,
    checks: &ClusterChecks,
) -> bool {
    let Some(role) = Role::parse(role) else { return false };
    let Some(active) = active_controller(layout, world) else { return false };
    match role {
        Role::LeaderOf(at) => {
            if checks.metadata().image.partition(at).is_none() {
                return false;
            }
            let request = Request::ElectLeader(ElectLeader { at, to: None });
            world.tell(active, Message::Request { id: CorrelationId(0), request });
            true
        }
        Role::Controller => {
            let Some(Member::Controller(controller)) = world.process(active) else { return false };
            let epoch = controller.quorum().epoch();
            if layout.controllers == 1 {
                return false;
            }
            world.tell(active, Message::Quorum(QuorumMessage::TimeoutNow { epoch }));
            true
        }
    }
}
