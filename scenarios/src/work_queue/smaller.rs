//! Smaller plans: a worker of each group, a group, a producer, a server, a partition or a replica less, or nothing
//! hard about any record.

use squall_sim::plan::Plan;

use super::{Op, client_node, clients};
use crate::cluster;
use crate::smaller;

/// All that have one thing less than `plan`.
pub(super) fn plans(plan: &Plan<Op>) -> Vec<Plan<Op>> {
    let mut plans = groups(plan);
    plans.extend(workers(plan));
    plans.extend(producers(plan));
    plans.extend(without_trouble(plan));
    plans.extend(smaller::partitions(plan));
    plans.extend(smaller::servers(plan));
    plans
}

/// Without these clients; those above move down.
fn without(plan: &Plan<Op>, gone: &[u32]) -> Plan<Op> {
    let layout = cluster::layout(&plan.settings);
    let nodes: Vec<u32> = gone.iter().map(|&client| client_node(layout, client)).collect();
    let mut plan = smaller::without_nodes(plan, &nodes);
    plan.operations.retain(|operation| !gone.contains(&operation.client));
    for operation in &mut plan.operations {
        operation.client -= gone.iter().filter(|&&gone| gone < operation.client).count() as u32;
    }
    plan
}

fn producers(plan: &Plan<Op>) -> Vec<Plan<Op>> {
    let (producers, _) = clients(&plan.settings);
    let without = |gone: u32| {
        let mut plan = without(plan, &[gone]);
        plan.settings.set("client.producers", u64::from(producers) - 1);
        plan
    };
    (0..producers).rev().map(without).collect()
}

fn groups(plan: &Plan<Op>) -> Vec<Plan<Op>> {
    let (producers, _) = clients(&plan.settings);
    let (groups, workers) =
        (plan.settings.get("share.groups") as u32, plan.settings.get("share.workers") as u32);
    let without = |gone: u32| {
        let first = producers + gone * workers;
        let mut plan = without(plan, &(first..first + workers).collect::<Vec<_>>());
        plan.settings.set("share.groups", u64::from(groups) - 1);
        for operation in &mut plan.operations {
            if let Op::Work { group, .. } = &mut operation.op
                && *group > gone
            {
                *group -= 1;
            }
        }
        plan
    };
    (0..groups).rev().filter(|_| groups > 1).map(without).collect()
}

/// Each group with a worker less. One stays: it finishes the work.
fn workers(plan: &Plan<Op>) -> Vec<Plan<Op>> {
    let (producers, _) = clients(&plan.settings);
    let (groups, workers) =
        (plan.settings.get("share.groups") as u32, plan.settings.get("share.workers") as u32);
    let without = |place: u32| {
        let gone: Vec<u32> = (0..groups).map(|group| producers + group * workers + place).collect();
        let mut plan = without(plan, &gone);
        plan.settings.set("share.workers", u64::from(workers) - 1);
        plan
    };
    (0..workers).rev().filter(|_| workers > 1).map(without).collect()
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
