//! Smaller plans: a member, a producer, a server, a partition or a replica less.

use squall_sim::plan::Plan;

use super::{Op, members};
use crate::cluster;
use crate::replicated_log::clients::client_node;
use crate::smaller;

/// All that have one thing less than `plan`.
pub(super) fn plans(plan: &Plan<Op>) -> Vec<Plan<Op>> {
    let (producers, members) = members(&plan.settings);
    let less = |gone: u32, key: &str, count: u32| {
        let mut plan = without(plan, gone);
        plan.settings.set(key, u64::from(count) - 1);
        plan
    };
    // The first member stays: it finishes the work.
    let mut plans: Vec<_> =
        (1..members).rev().map(|place| less(producers + place, "group.members", members)).collect();
    plans.extend((0..producers).rev().map(|gone| less(gone, "client.producers", producers)));
    plans.extend(smaller::partitions(plan));
    plans.extend(smaller::servers(plan));
    if plan.settings.get("txn.effects") > 1 {
        let mut plan = plan.clone();
        plan.settings.set("txn.effects", 1);
        plans.push(plan);
    }
    plans
}

/// Without this client; those above move down.
fn without(plan: &Plan<Op>, gone: u32) -> Plan<Op> {
    let layout = cluster::layout(&plan.settings);
    let mut plan = smaller::without_nodes(plan, &[client_node(layout, gone)]);
    plan.operations.retain(|operation| operation.client != gone);
    for operation in &mut plan.operations {
        operation.client -= u32::from(gone < operation.client);
    }
    plan
}
