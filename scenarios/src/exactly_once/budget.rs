//! The fault budget: that of `consumer-group`, as transactions promise no less and keep their state in the same way.

use squall_core::ids::{NodeId, TopicId, TopicPartition};
use squall_core::time::Span;
use squall_sim::fault::{FaultSpace, Group};
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;

use super::{READERS, members};
use crate::cluster::{self, Role};
use crate::moments;
use crate::replicated_log::budget as log;
use crate::replicated_log::clients::client_node;

/// What may break where.
pub(super) fn space(seed: Seed, settings: &Settings) -> FaultSpace {
    let layout = cluster::layout(settings);
    let (producers, members) = members(settings);
    let nodes = |from: u32, to: u32| (from..to).map(|client| NodeId(client_node(layout, client)));
    let after = producers + members;
    let admin = layout.first_client();
    let others = std::iter::once(admin).chain(nodes(0, producers)).chain(nodes(after, after + READERS));
    let mut others = Group::new("clients", others).clocks();
    // Who crashes forgets what it was told, and then nobody knows what to expect of the log.
    others.may_crash.clear();
    others.may_slow.clear();
    let mut pipelines = Group::new("members", nodes(producers, after)).clocks();
    pipelines.may_slow.clear();
    let [brokers, controllers] = log::servers(seed, settings);
    let mut space = log::of_groups(vec![brokers, controllers, others, pipelines], settings);
    // Whoever leads the first partition of the offsets' or the transactions' topic coordinates.
    for topic in [2, 3] {
        let leader = Role::LeaderOf(TopicPartition { topic: TopicId(topic), partition: 0 }).to_string();
        space.isolate_roles.push(leader.clone());
        space.transfer_roles.push(leader);
    }
    moments::of_groups(&mut space);
    moments::of_transactions(&mut space);
    let own = ["group.session", "group.max_poll", "group.heartbeat", "txn.timeout"];
    space.timeouts.extend(own.map(|key| Span::from_millis(settings.get(key))));
    space
}
