//! Smaller plans: a worker of each group, a group, a producer, a server, a partition or a replica less, or nothing
//! hard about any record.

use squall_sim::plan::Plan;

use super::{Op, client_node};
use crate::cluster;
use crate::smaller::{self, Crews};

const WORKERS: Crews = Crews { groups: "share.groups", members: "share.workers", first_stays: false };

/// All that have one thing less than `plan`.
pub(super) fn plans(plan: &Plan<Op>) -> Vec<Plan<Op>> {
    let first = client_node(cluster::layout(&plan.settings), 0);
    let mut plans = WORKERS.groups(plan, first, |op| match op {
        Op::Work { group, .. } => Some(group),
        Op::Send { .. } => None,
    });
    plans.extend(WORKERS.members(plan, first));
    plans.extend(smaller::clients(plan, first, "client.producers"));
    plans.extend(without_trouble(plan));
    plans.extend(smaller::partitions(plan));
    plans.extend(smaller::servers(plan));
    plans
}

/// The plan in which nothing is hard about any record, if there is something.
fn without_trouble(plan: &Plan<Op>) -> Option<Plan<Op>> {
    let mut smaller = plan.clone();
    let mut any = false;
    for operation in &mut smaller.operations {
        if let Op::Send { trouble, .. } = &mut operation.op {
            any |= trouble.take().is_some();
        }
    }
    any.then_some(smaller)
}
