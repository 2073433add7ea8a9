//! Smaller plans: a member of each group, a group, a producer, a server, a partition or a replica less.

use squall_sim::plan::Plan;

use super::Op;
use crate::cluster;
use crate::replicated_log::clients::client_node;
use crate::smaller::{self, Crews};

/// Those of `exactly-once` too, which has one group.
pub(crate) const MEMBERS: Crews =
    Crews { groups: "group.groups", members: "group.members", first_stays: true };

/// All that have one thing less than `plan`.
pub(super) fn plans(plan: &Plan<Op>) -> Vec<Plan<Op>> {
    let first = client_node(cluster::layout(&plan.settings), 0);
    let mut plans = MEMBERS.groups(plan, first, |op| match op {
        Op::Work { group, .. } => Some(group),
        Op::Produce { .. } | Op::Send { .. } | Op::Join | Op::Leave | Op::Dawdle { .. } => None,
    });
    plans.extend(MEMBERS.members(plan, first));
    plans.extend(smaller::clients(plan, first, "client.producers"));
    plans.extend(smaller::partitions(plan));
    plans.extend(smaller::servers(plan));
    plans
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
