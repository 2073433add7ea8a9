//! Smaller plans of a cluster: a broker, two controllers, a partition, a producer, a group or a member of each less.
//!
//! Nodes are numbered without gaps (brokers, controllers, clients), so those above what is gone move down,
//! and the faults with them. Deliberately absent: what clients do; each scenario says where an operation names a group.

use squall_core::ids::{TopicId, TopicPartition};
use squall_sim::fault::{Fault, Names, Whom};
use squall_sim::plan::Plan;

use crate::cluster::{self, Role};

/// The plan without these nodes, which its settings must say too: what is about them alone goes as well.
pub(crate) fn without_nodes<O: Clone>(plan: &Plan<O>, gone: &[u32]) -> Plan<O> {
    let node = |node: u32| {
        let below = gone.iter().filter(|gone| **gone < node).count() as u32;
        (!gone.contains(&node)).then(|| node - below)
    };
    renamed(plan, &Names { node: &node, role: &|role| Some(role.to_owned()) })
}

/// The plan without these clients, which its settings must say too; those above move down. `first` is the node of the
/// first client that operations have a number for.
pub(crate) fn without_clients<O: Clone>(plan: &Plan<O>, first: u32, gone: &[u32]) -> Plan<O> {
    let nodes: Vec<u32> = gone.iter().map(|client| first + client).collect();
    let mut plan = without_nodes(plan, &nodes);
    plan.operations.retain(|operation| !gone.contains(&operation.client));
    for operation in &mut plan.operations {
        operation.client -= gone.iter().filter(|&&gone| gone < operation.client).count() as u32;
    }
    plan
}

/// Every plan with one less of the first clients, which the setting `key` counts; the last of them goes first.
pub(crate) fn clients<O: Clone>(plan: &Plan<O>, first: u32, key: &str) -> Vec<Plan<O>> {
    let count = plan.settings.get(key);
    let without = |gone: u32| {
        let mut plan = without_clients(plan, first, &[gone]);
        plan.settings.set(key, count - 1);
        plan
    };
    (0..count as u32).rev().map(without).collect()
}

/// Clients that work in groups of the same size. They are numbered after the producers, group by group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crews {
    /// The setting that counts the groups.
    pub(crate) groups: &'static str,
    /// The setting that counts the members of each.
    pub(crate) members: &'static str,
    /// Somebody must finish the work. Whether that is the first member of each group; otherwise whoever is left.
    pub(crate) first_stays: bool,
}

impl Crews {
    /// How many groups there are, and members of each.
    fn sizes<O>(self, plan: &Plan<O>) -> (u32, u32) {
        (plan.settings.get(self.groups) as u32, plan.settings.get(self.members) as u32)
    }

    /// Every plan with a group less; those above move down, and `group_of` finds their number in an operation.
    pub(crate) fn groups<O: Clone>(
        self,
        plan: &Plan<O>,
        first: u32,
        group_of: impl Fn(&mut O) -> Option<&mut u32>,
    ) -> Vec<Plan<O>> {
        let producers = plan.settings.get("client.producers") as u32;
        let (groups, members) = self.sizes(plan);
        let without = |gone: u32| {
            let crew = producers + gone * members;
            let mut plan = without_clients(plan, first, &(crew..crew + members).collect::<Vec<_>>());
            plan.settings.set(self.groups, u64::from(groups) - 1);
            let numbers = plan.operations.iter_mut().filter_map(|operation| group_of(&mut operation.op));
            numbers.filter(|group| **group > gone).for_each(|group| *group -= 1);
            plan
        };
        (0..groups).rev().filter(|_| groups > 1).map(without).collect()
    }

    /// Every plan in which each group has a member less.
    pub(crate) fn members<O: Clone>(self, plan: &Plan<O>, first: u32) -> Vec<Plan<O>> {
        let producers = plan.settings.get("client.producers") as u32;
        let (groups, members) = self.sizes(plan);
        let without = |place: u32| {
            let gone: Vec<u32> = (0..groups).map(|group| producers + group * members + place).collect();
            let mut plan = without_clients(plan, first, &gone);
            plan.settings.set(self.members, u64::from(members) - 1);
            plan
        };
        (u32::from(self.first_stays)..members).rev().filter(|_| members > 1).map(without).collect()
    }
}

fn renamed<O: Clone>(plan: &Plan<O>, names: &Names<'_>) -> Plan<O> {
    let mut smaller = plan.clone();
    smaller.faults = plan.faults.iter().filter_map(|fault| fault.renamed(names)).collect();
    smaller
}

/// With one less of what `key` counts, if there is more than one.
fn fewer<O>(mut plan: Plan<O>, key: &str, by: u64) -> Option<Plan<O>> {
    let count = plan.settings.get(key).checked_sub(by).filter(|count| *count > 0)?;
    plan.settings.set(key, count);
    Some(plan)
}

/// Every plan with one broker or two controllers less.
pub(crate) fn servers<O: Clone>(plan: &Plan<O>) -> Vec<Plan<O>> {
    let layout = cluster::layout(&plan.settings);
    let voters: Vec<u32> = layout.controller_nodes().iter().map(|node| node.0).collect();
    let mut plans = Vec::new();
    for (place, one) in voters.iter().enumerate() {
        for other in &voters[place + 1..] {
            let mut smaller = without_nodes(plan, &[*one, *other]);
            let left = u64::from(layout.controllers).saturating_sub(2).max(1);
            smaller.settings.set("cluster.controllers", left);
            plans.extend((layout.controllers > 1).then_some(smaller));
        }
    }
    let brokers = (0..layout.brokers).rev();
    plans.extend(brokers.filter_map(|node| fewer(without_nodes(plan, &[node]), "cluster.brokers", 1)));
    plans
}

/// Every plan with one partition less, and one with a replica less.
pub(crate) fn partitions<O: Clone>(plan: &Plan<O>) -> Vec<Plan<O>> {
    let count = plan.settings.get("topic.partitions") as u32;
    let without = |gone: u32| {
        let role = |role: &str| match Role::parse(role) {
            Some(Role::LeaderOf(at)) if at.topic != TopicId(0) => Some(Role::LeaderOf(at).to_string()),
            Some(Role::LeaderOf(at)) if at.partition == gone => None,
            Some(Role::LeaderOf(at)) if at.partition > gone => {
                let at = TopicPartition { partition: at.partition - 1, ..at };
                Some(Role::LeaderOf(at).to_string())
            }
            Some(Role::LeaderOf(_) | Role::Controller) | None => Some(role.to_owned()),
        };
        let smaller = renamed(plan, &Names { node: &Some, role: &role });
        fewer(smaller, "topic.partitions", 1)
    };
    let replicas = fewer(plan.clone(), "topic.replication", 1);
    (0..count).rev().filter_map(without).chain(replicas).collect()
}

/// Brokers that lose what they wrote: by a wipe, or by any unclean stop where batches are not flushed.
pub(crate) fn brokers_that_forget<O>(plan: &Plan<O>) -> usize {
    let flushed = plan.settings.is_on("log.flush");
    let brokers = cluster::layout(&plan.settings).brokers;
    let mut nodes = Vec::new();
    let mut roles = 0;
    for planned in &plan.faults {
        let (whom, several): (Option<&Whom>, &[u32]) = match &planned.fault {
            Fault::Wipe { whom }
            | Fault::LostSync { whom }
            | Fault::RotCold { whom }
            | Fault::RotTail { whom }
            | Fault::MisdirectedWrite { whom } => (Some(whom), &[]),
            Fault::Crash { whom }
            | Fault::PowerLoss { whom }
            | Fault::Restart { whom }
            | Fault::RestartStorm { whom, .. }
            | Fault::CrashRecovering { whom, .. }
            | Fault::PowerLossRecovering { whom, .. }
            | Fault::TornWrite { whom }
            | Fault::LostNames { whom }
            | Fault::WriteError { whom, .. }
            | Fault::ReadError { whom, .. }
            | Fault::SyncError { whom, .. }
            | Fault::DiskFull { whom, .. } => ((!flushed).then_some(whom), &[]),
            Fault::RollingRestart { nodes } | Fault::RackPowerLoss { nodes } => {
                (None, if flushed { &[] } else { nodes })
            }
            Fault::Loss { .. }
            | Fault::Delay { .. }
            | Fault::Duplication { .. }
            | Fault::Reordering { .. }
            | Fault::SplitHalves { .. }
            | Fault::SplitRing { .. }
            | Fault::SplitBridge { .. }
            | Fault::Isolate { .. }
            | Fault::OneWayCut { .. }
            | Fault::Pause { .. }
            | Fault::Transfer { .. }
            | Fault::Bandwidth { .. }
            | Fault::SlowTail { .. }
            | Fault::Flapping { .. }
            | Fault::MovingSplit { .. }
            | Fault::Mute { .. }
            | Fault::Swizzle { .. }
            | Fault::ClockOffset { .. }
            | Fault::ClockStep { .. }
            | Fault::ClockLeap { .. }
            | Fault::ClockDrift { .. }
            | Fault::ClockFreeze { .. }
            | Fault::LongPause { .. }
            | Fault::TransferStorm { .. }
            | Fault::SlowDisk { .. }
            | Fault::StalledDisk { .. }
            | Fault::DropMessage { .. }
            | Fault::DelayMessage { .. }
            | Fault::DuplicateMessage { .. } => (None, &[]),
        };
        match whom {
            Some(Whom::Node(node)) => nodes.push(node.0),
            // Whoever that is: each time another, at worst.
            Some(Whom::Role(_)) => roles += 1,
            None => nodes.extend_from_slice(several),
        }
    }
    nodes.retain(|node| *node < brokers);
    nodes.sort_unstable();
    nodes.dedup();
    nodes.len() + roles
}
