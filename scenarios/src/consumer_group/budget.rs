//! The fault budget: brokers and controllers may break as in `replicated-log`, which keeps every record and every
//! commit; members may break in any way, as they keep nothing.

use squall_core::ids::NodeId;
use squall_core::time::Span;
use squall_sim::fault::{FaultSpace, Group};
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;

use super::clients;
use crate::cluster;
use crate::moments;
use crate::replicated_log::budget as log;
use crate::replicated_log::clients::client_node;

/// What may break where.
pub(super) fn space(seed: Seed, settings: &Settings) -> FaultSpace {
    let layout = cluster::layout(settings);
    let (producers, workers) = clients(settings);
    let nodes = |from: u32, to: u32| (from..to).map(|client| NodeId(client_node(layout, client)));
    let admin = layout.first_client();
    let mut senders = Group::new("clients", std::iter::once(admin).chain(nodes(0, producers))).clocks();
    // Who crashes forgets what it was told, and then nobody knows what to expect of the log.
    senders.may_crash.clear();
    senders.may_slow.clear();
    let mut members = Group::new("members", nodes(producers, producers + workers)).clocks();
    members.may_slow.clear();
    let [brokers, controllers] = log::servers(seed, settings);
    let mut space = log::of_groups(vec![brokers, controllers, senders, members], settings);
    moments::of_groups(&mut space);
    let own = ["group.session", "group.max_poll", "group.heartbeat"];
    space.timeouts.extend(own.map(|key| Span::from_millis(settings.get(key))));
    space
}
