//! The fault budget: what may break, so that the contract still promises that nothing is lost.
//!
//! `acks=all` promises that a record is on `min.insync.replicas` disks. So as many brokers as that, less
//! one, may lose what they wrote: by a wipe, or by any unclean stop where batches are not flushed (then even
//! a killed process counts as having lost its log, KIP-966). They are picked once a run: were it any broker
//! in turn, the last good copy could go before the others have caught up. With every batch flushed, all
//! brokers may lose power at once.
//!
//! The same few brokers are those whose disks may rot. Disks that lie are theirs too, but only where nothing is
//! flushed: a broker that flushes vouches for its log, and a disk that has lost a synced tail, or put it
//! elsewhere, looks like one that lost an unsynced one. A disk that says that it failed makes its process
//! halt and lose power: wherever that may happen, errors may. Beyond the
//! budget (`fault.beyond_budget`) all of it may be lost; then each loss is classified by [`crate::contract`].

use squall_core::ids::NodeId;
use squall_core::time::Span;
use squall_sim::fault::{FaultSpace, Group};
use squall_sim::plan::Plan;
use squall_sim::seed::{Seed, Stream};
use squall_sim::settings::Settings;

use crate::cluster;
use crate::moments;
use crate::roles_in_world as roles;
use crate::smaller;

/// Replicas of a partition.
pub(crate) fn replication(settings: &Settings) -> u64 {
    settings.get("topic.replication").min(settings.get("cluster.brokers"))
}

/// What may break where.
pub(super) fn space(seed: Seed, settings: &Settings) -> FaultSpace {
    let layout = cluster::layout(settings);
    let clients = settings.get("client.producers") + settings.get("client.readers") + 1;
    let first = layout.first_client().0;
    let mut clients = Group::new("clients", (first..first + clients as u32).map(NodeId)).clocks();
    // Who crashes forgets what it was told; that is a fault for the services of later scenarios.
    clients.may_crash.clear();
    clients.may_slow.clear();
    let [brokers, controllers] = servers(seed, settings);
    of_groups(vec![brokers, controllers, clients], settings)
}

/// Groups of nodes that may break, and all roles and moments that faults may aim at.
pub(crate) fn of_groups(groups: Vec<Group>, settings: &Settings) -> FaultSpace {
    let mut space = FaultSpace::of(groups);
    space.isolate_roles = roles::all(settings.get("topic.partitions"));
    space.transfer_roles = roles::all(settings.get("topic.partitions"));
    moments::of_cluster(&mut space);
    space.timeouts = cluster::timeouts(settings);
    let client = ["client.request_timeout", "client.delivery_timeout"];
    space.timeouts.extend(client.map(|key| Span::from_millis(settings.get(key))));
    space
}

/// What may break of the brokers and the controllers.
pub(crate) fn servers(seed: Seed, settings: &Settings) -> [Group; 2] {
    let layout = cluster::layout(settings);
    let mut brokers = Group::new("brokers", layout.broker_nodes()).clocks();
    let beyond = settings.is_on("fault.beyond_budget");
    let expendable = if beyond { layout.broker_nodes() } else { expendable(seed, settings) };
    if beyond || settings.is_on("log.flush") {
        brokers = brokers.power_losses().disk_errors(layout.broker_nodes());
    } else {
        brokers.may_crash.clone_from(&expendable);
        brokers.may_lose_power.clone_from(&expendable);
        brokers.may_err.clone_from(&expendable);
        brokers.may_lie.clone_from(&expendable);
    }
    let brokers = brokers.rot(expendable.clone()).wipes(expendable);
    // A voter that forgot its vote or its entries would break Raft's own assumption; it flushes always.
    let controllers = Group::new("controllers", layout.controller_nodes())
        .power_losses()
        .clocks()
        .disk_errors(layout.controller_nodes());
    let controllers = if beyond { controllers.wipes(cluster::forgetful(seed, layout)) } else { controllers };
    [brokers, controllers]
}

/// Whether no more brokers lose what they wrote than the contract survives, whichever they are.
pub(crate) fn holds<O>(plan: &Plan<O>) -> bool {
    smaller::brokers_that_forget(plan) < copies(&plan.settings) as usize
}

/// On how many disks an acknowledged record is.
fn copies(settings: &Settings) -> u64 {
    settings.get("topic.min_isr").min(replication(settings))
}

/// The brokers that may lose what they wrote.
fn expendable(seed: Seed, settings: &Settings) -> Vec<NodeId> {
    let copies = copies(settings);
    let mut nodes = cluster::layout(settings).broker_nodes();
    seed.stream(Stream::Topology).shuffle(&mut nodes);
    nodes.truncate(copies as usize - 1);
    nodes.sort();
    nodes
}
