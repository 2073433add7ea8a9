//! Smaller plans: a member of each group, a group, a producer, a server, a partition or a replica less.

use squall_sim::plan::Plan;

use super::{Op, clients};
use crate::cluster;
use crate::replicated_log::clients::client_node;
use crate::smaller;

/// All that have one thing less than `plan`.
pub(super) fn plans(plan: &Plan<Op>) -> Vec<Plan<Op>> {
    let mut plans = groups(plan);
    plans.extend(members(plan));
    plans.extend(producers(plan));
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
    let (groups, members) =
        (plan.settings.get("group.groups") as u32, plan.settings.get("group.members") as u32);
    let without = |gone: u32| {
        let first = producers + gone * members;
        let mut plan = without(plan, &(first..first + members).collect::<Vec<_>>());
        plan.settings.set("group.groups", u64::from(groups) - 1);
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

/// Each group with a member less. The first one stays: it finishes the work.
fn members(plan: &Plan<Op>) -> Vec<Plan<Op>> {
    let (producers, _) = clients(&plan.settings);
    let (groups, members) =
        (plan.settings.get("group.groups") as u32, plan.settings.get("group.members") as u32);
    let without = |place: u32| {
        let gone: Vec<u32> = (0..groups).map(|group| producers + group * members + place).collect();
        let mut plan = without(plan, &gone);
        plan.settings.set("group.members", u64::from(members) - 1);
        plan
    };
    (1..members).rev().map(without).collect()
}

#[cfg(test)]
mod tests {
    use squall_sim::plan::{Operation, Plan};
    use squall_sim::run::draw_settings;
    use squall_sim::seed::Seed;
    use squall_sim::settings::Overrides;

    use super::super::{ConsumerGroup, Op, groups};

    #[test]
    fn a_group_that_nobody_joins_or_that_all_have_left_owes_nothing() {
        let settings = draw_settings(&ConsumerGroup, Seed(1), &Overrides::default()).unwrap();
        let mut plan = Plan::from_seed(&ConsumerGroup, Seed(1), settings, &[]);
        let all = plan.settings.get("group.groups") as usize;
        assert_eq!(groups(&plan).len(), all);
        let mut left = plan.clone();
        let leave = |client| Operation { at: u64::MAX, client, op: Op::Leave };
        left.operations.extend((0..1_000).map(leave));
        assert_eq!(groups(&left), [0; 0]);
        plan.operations.retain(|operation| !matches!(operation.op, Op::Join));
        assert_eq!(groups(&plan), [0; 0]);
    }
}
