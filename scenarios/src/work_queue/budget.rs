//! The fault budget: brokers and controllers may break as in `replicated-log`, which keeps every record and all that
//! is known of it; workers may break in any way, as they keep nothing. The person stays.

use squall_core::ids::NodeId;
use squall_core::time::Span;
use squall_sim::fault::{FaultSpace, Group};
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;

use super::{client_node, clients, person_node};
use crate::cluster;
use crate::moments;
use crate::replicated_log::budget as log;

/// What may break where.
pub(super) fn space(seed: Seed, settings: &Settings) -> FaultSpace {
    let layout = cluster::layout(settings);
    let (producers, workers) = clients(settings);
    let nodes = |from: u32, to: u32| (from..to).map(|client| NodeId(client_node(layout, client)));
    let own = [layout.first_client(), NodeId(person_node(layout))];
    let mut others = Group::new("clients", own.into_iter().chain(nodes(0, producers))).clocks();
    // Who crashes forgets what it was told, and then nobody knows what to expect of the log.
    others.may_crash.clear();
    others.may_slow.clear();
    let mut crew = Group::new("workers", nodes(producers, producers + workers)).clocks();
    crew.may_slow.clear();
    let [brokers, controllers] = log::servers(seed, settings);
    let mut space = log::of_groups(vec![brokers, controllers, others, crew], settings);
    moments::of_shares(&mut space);
    space.timeouts.extend(["share.lock", "share.max_wait"].map(|key| Span::from_millis(settings.get(key))));
    space
}
