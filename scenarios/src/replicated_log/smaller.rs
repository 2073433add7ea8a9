//! Smaller plans: a producer, a reader, a server, a partition or a replica less.

use squall_sim::plan::Plan;

use crate::cluster;
use crate::replicated_log::Op;
use crate::replicated_log::clients::client_node;
use crate::smaller;

/// All that have one thing less than `plan`.
pub(super) fn plans(plan: &Plan<Op>) -> Vec<Plan<Op>> {
    let first = client_node(cluster::layout(&plan.settings), 0);
    let mut plans = smaller::clients(plan, first, "client.producers");
    plans.extend(readers(plan));
    plans.extend(smaller::partitions(plan));
    plans.extend(smaller::servers(plan));
    plans
}

fn readers(plan: &Plan<Op>) -> Vec<Plan<Op>> {
    let settings = &plan.settings;
    let (producers, count) = (settings.get("client.producers") as u32, settings.get("client.readers") as u32);
    let layout = cluster::layout(settings);
    let without = |gone: u32| {
        let mut plan = smaller::without_nodes(plan, &[client_node(layout, producers + gone)]);
        plan.settings.set("client.readers", u64::from(count) - 1);
        plan
    };
    (0..count).rev().map(without).collect()
}

#[cfg(test)]
mod tests {
    use squall_sim::fault::{Fault, PlannedFault, Whom};
    use squall_sim::run::{Scenario, draw_settings};
    use squall_sim::seed::Seed;
    use squall_sim::settings::Overrides;

    use super::*;
    use crate::replicated_log::ReplicatedLog;

    fn plan(seed: u64) -> Plan<Op> {
        let settings = draw_settings(&ReplicatedLog, Seed(seed), &Overrides::default()).unwrap();
        Plan::from_seed(&ReplicatedLog, Seed(seed), settings, &[])
    }

    fn nodes(plan: &Plan<Op>) -> u32 {
        let clients = plan.settings.get("client.producers") + plan.settings.get("client.readers") + 1;
        cluster::layout(&plan.settings).first_client().0 + clients as u32
    }

    #[test]
    fn a_smaller_plan_has_fewer_nodes_or_partitions_and_none_of_its_faults_hits_a_node_that_is_gone() {
        for seed in 0..20 {
            let whole = plan(seed);
            for smaller in plans(&whole) {
                let less = |key| smaller.settings.get(key) < whole.settings.get(key);
                assert!(
                    nodes(&smaller) < nodes(&whole) || less("topic.partitions") || less("topic.replication")
                );
                let last = nodes(&smaller);
                for fault in &smaller.faults {
                    if let Fault::Crash { whom: Whom::Node(node) } | Fault::Pause { whom: Whom::Node(node) } =
                        &fault.fault
                    {
                        assert!(node.0 < last, "{fault:?}");
                    }
                }
                let producers = smaller.settings.get("client.producers");
                assert!(smaller.operations.iter().all(|operation| u64::from(operation.client) < producers));
            }
        }
    }

    #[test]
    fn every_seed_keeps_to_its_budget_and_one_wipe_too_many_does_not() {
        for seed in 0..50 {
            let mut plan = plan(seed);
            assert!(ReplicatedLog.within_budget(&plan), "seed {seed}");
            for node in cluster::layout(&plan.settings).broker_nodes() {
                let fault = Fault::Wipe { whom: Whom::Node(node) };
                plan.faults.push(PlannedFault::at(0, 0, fault));
            }
            assert!(!ReplicatedLog.within_budget(&plan), "seed {seed}");
        }
    }
}
