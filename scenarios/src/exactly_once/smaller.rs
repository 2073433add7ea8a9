//! Smaller plans: a member, a producer, a server, a partition or a replica less.

use squall_sim::plan::Plan;

use super::Op;
use crate::cluster;
use crate::consumer_group::smaller::MEMBERS;
use crate::replicated_log::clients::client_node;
use crate::smaller;

/// All that have one thing less than `plan`.
pub(super) fn plans(plan: &Plan<Op>) -> Vec<Plan<Op>> {
    let first = client_node(cluster::layout(&plan.settings), 0);
    let mut plans = MEMBERS.members(plan, first);
    plans.extend(smaller::clients(plan, first, "client.producers"));
    plans.extend(smaller::partitions(plan));
    plans.extend(smaller::servers(plan));
    if plan.settings.get("txn.effects") > 1 {
        let mut plan = plan.clone();
        plan.settings.set("txn.effects", 1);
        plans.push(plan);
    }
    plans
}
