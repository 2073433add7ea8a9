//! `consumer-group`: several groups read a topic, each with several members, in a storm.
//!
//! Producers send keyed records; every group gets all of them (broadcast), and within a group every record goes
//! to one member (a queue). Members join and leave, crash, are paused beyond their session, dawdle beyond their
//! poll interval, are restarted one after another, have standing names or not, and divide partitions in every way
//! that Kafka has, eagerly and cooperatively; some stand by. The broker that coordinates a group fails like any
//! other. Members process and then commit. What may break so that everything is still promised is in `budget`,
//! what members do is drawn in `draw`.
//!
//! What must hold, of `DOMAIN.md` §3, and where it is tested:
//!
//! | row | what | held by |
//! |---|---|---|
//! | C1 | a member reads what its group assigns it, finds leaders, survives their failure | `no-skip` ([`crate::invariants::clients`]): every record handed out is the next one of its position, over leader changes; the calm waits until each group is at every log's end |
//! | C2 | strictly in offset order within a partition | `no-skip`, by member and partition from where it resumed |
//! | C3 | one owner within a generation; a zombie's commits are refused | `one-owner`, `commit-monotone` ([`crate::invariants::work`]) |
//! | C4 | the surplus stands by and takes over | `owned-again` ([`crate::checks`]): after the storm every partition has one owner within a bound that follows from the time-outs; in the storm, how long each was without one is counted (`partitions owned again within …`) |
//! | C5 | redelivery starts at the commit; nothing is skipped | `at-least-once`: nobody commits beyond what the group has processed, and in the end it has processed everything; `commit-kept`: nobody resumes before what was acknowledged as committed |
//! | C6 | one group is a queue, several are a broadcast | the same for each group by itself |
//!
//! `scenarios/tests/scenarios.rs` runs it over fixed and fresh seeds, `scenarios/tests/quirks.rs` shows that each
//! of these can fail.
//!
//! Permitted, and counted: a record that is processed again because it was not committed when its owner failed,
//! and a commit that an older copy of itself undoes: this network doubles and delays, and Kafka's commits carry no
//! sequence.

mod budget;
mod draw;
pub(crate) mod settings;
pub(crate) mod smaller;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use squall_core::broker::BrokerConfig;
use squall_core::client::ProducerConfig;
use squall_core::group::config::OFFSETS_TOPIC;
use squall_core::ids::{GroupId, TopicId, TopicPartition};
use squall_core::log::CleanupPolicy;
use squall_core::time::{Span, Time};
use squall_sim::engine::World;
use squall_sim::fault::FaultSpace;
use squall_sim::knob::Knob;
use squall_sim::narrate::Kind;
use squall_sim::plan::{Operation, Plan};
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;

use crate::checks::{Exercised, Expectations};
use crate::cluster::{Charged, Costs, Layout, Member};
use crate::ghost::clients::Keys;
use crate::narrate as words;
use crate::on_cluster::{ClusterScenario, OnCluster};
use crate::quirks;
use crate::replicated_log::PlannedAcks;
use crate::replicated_log::clients::{self as log, client_node};
use crate::workload::{Act, Admin, Send, Sender, TOPIC, Worker};

/// The scenario.
pub type ConsumerGroup = OnCluster<Story>;

/// The scenario.
#[expect(non_upper_case_globals, reason = "the scenario and its type have one name")]
pub const ConsumerGroup: ConsumerGroup = OnCluster::new();

/// What is its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Story;

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Op {
    /// Begins as a producer of this kind. The first operation of each producer.
    Produce {
        /// What it waits for.
        acks: PlannedAcks,
        /// Whether its retries are absorbed; needs acks=all.
        idempotent: bool,
    },
    /// Sends a record.
    Send {
        /// Its key; none: any partition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<u32>,
        /// The length of its value in bytes.
        bytes: u32,
    },
    /// Begins as an application of this kind. The first operation of each member.
    Work {
        /// Its group's number.
        group: u32,
        /// How its group divides partitions; the same for all of a group.
        assignor: PlannedAssignor,
        /// The number in its name as a static member; none: a dynamic member.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<u32>,
        /// Whether commits are automatic.
        automatic: bool,
    },
    /// Joins its group.
    Join,
    /// Gives up what it has and leaves.
    Leave,
    /// Neither polls nor processes for a while.
    Dawdle {
        /// How long.
        millis: u32,
    },
}

/// An assignor, as plans write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedAssignor {
    /// `range`.
    Range,
    /// `roundrobin`.
    RoundRobin,
    /// `sticky`.
    Sticky,
    /// `cooperative-sticky`.
    CooperativeSticky,
}

const SOMETIMES: &[&str] = &[
    Exercised::Elections.name(),
    Exercised::QuorumElections.name(),
    Exercised::Truncations.name(),
    Exercised::IsrShrinks.name(),
    Exercised::Fencings.name(),
    Exercised::PowerLossesSurvived.name(),
    Exercised::Rebalances.name(),
    Exercised::TakeOvers.name(),
    Exercised::Redeliveries.name(),
    Exercised::CoordinatorFailovers.name(),
    Exercised::GroupLoads.name(),
    Exercised::MembersOut.name(),
    Exercised::MembersFenced.name(),
    Exercised::MembersReplaced.name(),
    Exercised::OwnedWithinOne.name(),
    Exercised::OwnedWithinFive.name(),
];

impl ClusterScenario for Story {
    type Operation = Op;

    const NAME: &'static str = "consumer-group";
    const ABOUT: &'static str =
        "groups of consumers that join, leave, crash and stand still, under coordinators that fail over";
    const KNOBS: &'static [Knob] = &settings::KNOBS;
    const MESSAGES: &'static [Kind] = &words::MESSAGES_WITH_GROUPS;
    const PROBES: &'static [Kind] = &words::PROBES_WITH_GROUPS;

    fn check_settings(settings: &Settings) -> Result<(), String> {
        settings::check(settings)
    }

    fn operations(seed: Seed, settings: &Settings) -> Vec<Operation<Op>> {
        draw::operations(seed, settings)
    }

    fn space(seed: Seed, settings: &Settings) -> FaultSpace {
        budget::space(seed, settings)
    }

    fn broker(settings: &Settings, _layout: Layout, config: BrokerConfig) -> BrokerConfig {
        BrokerConfig { groups: settings::coordinator(settings), ..config }
    }

    fn add_clients(plan: &Plan<Op>, layout: Layout, world: &mut World<Member>) {
        add_clients(plan, layout, None, world);
    }

    fn expectations(plan: &Plan<Op>, layout: Layout) -> Expectations {
        Expectations {
            keys: keys(plan, layout),
            sometimes: SOMETIMES,
            groups: groups(plan).into_iter().map(group_name).collect(),
            owned_within: Some(settings::owned_within(&plan.settings)),
            ..log::expectations(&plan.settings, layout)
        }
    }

    fn smaller(plan: &Plan<Op>) -> Vec<Plan<Op>> {
        smaller::plans(plan)
    }

    fn partitions(settings: &Settings) -> Vec<TopicPartition> {
        let offsets = 0..settings.get("group.offsets_partitions") as u32;
        let offsets = offsets.map(|partition| TopicPartition { topic: TopicId(1), partition });
        log::partitions(settings).chain(offsets).collect()
    }
}

/// A group's name.
fn group_name(group: u32) -> GroupId {
    GroupId(format!("group-{group}").into())
}

/// The groups that somebody works for in the end, by number. One that nobody joins, or that all have left, owes
/// nothing: a smaller plan may have taken its members' joins away.
fn groups(plan: &Plan<Op>) -> Vec<u32> {
    let mut members: BTreeMap<u32, (u32, bool)> = BTreeMap::new();
    for Operation { client, op, .. } in &plan.operations {
        match *op {
            Op::Work { group, .. } => {
                members.insert(*client, (group, false));
            }
            Op::Join | Op::Leave => {
                members.entry(*client).and_modify(|(_, joined)| *joined = matches!(op, Op::Join));
            }
            Op::Produce { .. } | Op::Send { .. } | Op::Dawdle { .. } => {}
        }
    }
    let working: BTreeSet<u32> =
        members.into_values().filter_map(|(group, joined)| joined.then_some(group)).collect();
    working.into_iter().collect()
}

/// How many nodes are clients of which sort: producers, workers.
fn clients(settings: &Settings) -> (u32, u32) {
    let workers = settings.get("group.groups") * settings.get("group.members");
    (settings.get("client.producers") as u32, workers as u32)
}

/// The first client makes the topics; producers follow, then workers, who pay `costs` for their work.
pub(crate) fn add_clients(plan: &Plan<Op>, layout: Layout, costs: Option<Costs>, world: &mut World<Member>) {
    let settings = &plan.settings;
    let topic = |name, partitions, cleanup| log::topic(settings, name, partitions, cleanup);
    let topics = vec![
        topic(TOPIC, "topic.partitions", CleanupPolicy::Delete),
        // Of each offset the newest commit is enough, as Kafka has it.
        topic(OFFSETS_TOPIC, "group.offsets_partitions", CleanupPolicy::Compact),
    ];
    // Whoever waits for a topic looks again soon, however patient clients are.
    let pause = Span::from_millis(settings.get("client.request_timeout")).min(Span::from_secs(1));
    world.add("admin", Member::Admin(Admin::of(topics, layout.controller_nodes(), pause)));
    let (producers, workers) = clients(settings);
    let scripts = scripts(plan);
    for client in 0..producers {
        let (config, script) = producer(plan, &scripts, layout, client);
        let name = format!("producer {}", client_node(layout, client));
        world.add(&name, Member::Sender(Box::new(Sender::new(config, script))));
    }
    for client in producers..producers + workers {
        let worker = worker(plan, &scripts, layout, client);
        let name = format!("worker {} of {}", client_node(layout, client), worker.group());
        world.add(&name, Member::Worker(Box::new(Charged::new(worker, costs))));
    }
}

/// The keys of what each producer sends, by its node.
fn keys(plan: &Plan<Op>, layout: Layout) -> Keys {
    log::keys(plan.operations.iter().filter_map(|operation| match operation.op {
        Op::Send { key, .. } => Some((client_node(layout, operation.client), key)),
        Op::Produce { .. } | Op::Work { .. } | Op::Join | Op::Leave | Op::Dawdle { .. } => None,
    }))
}

/// What each client does, in order of time.
type Scripts = BTreeMap<u32, Vec<(Time, Op)>>;

fn scripts(plan: &Plan<Op>) -> Scripts {
    let mut scripts = Scripts::new();
    for operation in &plan.operations {
        scripts.entry(operation.client).or_default().push((Time(operation.at), operation.op));
    }
    scripts
}

fn of_client(scripts: &Scripts, client: u32) -> impl Iterator<Item = (Time, Op)> {
    scripts.get(&client).into_iter().flatten().copied()
}

/// What one producer is, and what it sends.
fn producer(
    plan: &Plan<Op>,
    scripts: &Scripts,
    layout: Layout,
    client: u32,
) -> (ProducerConfig, Arc<[Send]>) {
    let mut config = log::producer_config(&plan.settings, layout);
    config.quirks = quirks::set(&plan.quirks);
    let mut script = Vec::new();
    for (at, op) in of_client(scripts, client) {
        match op {
            Op::Produce { acks, idempotent } => {
                config.acks = acks.into();
                config.idempotent = idempotent;
            }
            Op::Send { key, bytes } => script.push(Send { at, key, size: bytes }),
            Op::Work { .. } | Op::Join | Op::Leave | Op::Dawdle { .. } => {}
        }
    }
    (config, script.into())
}

/// What one worker is, and what it does.
fn worker(plan: &Plan<Op>, scripts: &Scripts, layout: Layout, client: u32) -> Worker {
    let mut config = settings::member(&plan.settings, layout, quirks::set(&plan.quirks));
    let mut script = Vec::new();
    for (at, op) in of_client(scripts, client) {
        match op {
            Op::Work { group, assignor, instance, automatic } => {
                config.group = group_name(group);
                config.assignors = vec![assignor.into()];
                config.instance = instance.map(settings::instance_name);
                if !automatic {
                    config.auto_commit = None;
                }
            }
            Op::Join => script.push((at, Act::Join)),
            Op::Leave => script.push((at, Act::Leave)),
            Op::Dawdle { millis } => script.push((at, Act::Dawdle(Span::from_millis(u64::from(millis))))),
            Op::Produce { .. } | Op::Send { .. } => {}
        }
    }
    let style = settings::workstyle(&plan.settings, is_alone(scripts, client));
    Worker::new(config, style, script.into())
}

/// Whether no other worker of its group has the static name of this one.
fn is_alone(scripts: &Scripts, client: u32) -> bool {
    let name = |(_, op): (Time, Op)| match op {
        Op::Work { group, instance: Some(instance), .. } => Some((group, instance)),
        Op::Work { instance: None, .. }
        | Op::Produce { .. }
        | Op::Send { .. }
        | Op::Join
        | Op::Leave
        | Op::Dawdle { .. } => None,
    };
    let Some(own) = of_client(scripts, client).find_map(name) else { return true };
    scripts.keys().all(|&other| other == client || of_client(scripts, other).find_map(name) != Some(own))
}
