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
//! | C4 | the surplus stands by and takes over | the calm waits until every partition is owned by one member of each group; how long each was without an owner is counted (`partitions owned again within …`) |
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
mod smaller;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use squall_core::broker::{Broker, BrokerConfig};
use squall_core::client::{ConsumerConfig, ProducerConfig};
use squall_core::controller::Controller;
use squall_core::group::config::OFFSETS_TOPIC;
use squall_core::ids::{GroupId, NodeId, TopicId, TopicPartition};
use squall_core::log::CleanupPolicy;
use squall_core::message::{CreateTopic, Message};
use squall_core::probe::Probe;
use squall_core::time::{Span, Time};
use squall_sim::engine::{Spare, World};
use squall_sim::fault::FaultSpace;
use squall_sim::history::Chronicle;
use squall_sim::knob::Knob;
use squall_sim::narrate::{self, Fields};
use squall_sim::plan::{Operation, Plan};
use squall_sim::recording::{Fact, Lane};
use squall_sim::run::{Scenario, world_config};
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;

use crate::checks::{Audit, ClusterChecks, Exercised, Expectations};
use crate::cluster::{self, Charged, Costs, Layout, Member};
use crate::ghost::clients::Keys;
use crate::narrate as words;
use crate::quirks;
use crate::replicated_log::budget::replication;
use crate::replicated_log::{PlannedAcks, consumer_config, partitions, producer_config};
use crate::roles_in_world as roles;
use crate::workload::{Act, Admin, Send, Sender, TOPIC, Worker};

/// The scenario.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsumerGroup;

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

/// The first client makes the topics; producers follow, then workers.
const ADMIN: u32 = 0;

impl Scenario for ConsumerGroup {
    type Process = Member;
    type Operation = Op;
    type Checks = ClusterChecks;

    fn name(&self) -> &'static str {
        "consumer-group"
    }

    fn about(&self) -> &'static str {
        "groups of consumers that join, leave, crash and stand still, under coordinators that fail over"
    }

    fn knobs(&self) -> &'static [Knob] {
        &settings::KNOBS
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        quirks::QUIRKS
    }

    fn check_settings(&self, settings: &Settings) -> Result<(), String> {
        cluster::check(settings)?;
        settings::check(settings)
    }

    fn plan(&self, seed: Seed, settings: &Settings) -> (Vec<Operation<Op>>, FaultSpace) {
        (draw::operations(seed, settings), budget::space(seed, settings))
    }

    fn build(&self, plan: &Plan<Op>, spare: Spare<Member>) -> World<Member> {
        world(plan, spare, None)
    }

    fn checks(&self, plan: &Plan<Op>, _spare: Option<ClusterChecks>) -> ClusterChecks {
        checks(plan, SOMETIMES)
    }

    fn smaller(&self, plan: &Plan<Op>) -> Vec<Plan<Op>> {
        smaller::plans(plan)
    }

    fn within_budget(&self, plan: &Plan<Op>) -> bool {
        plan.settings.is_on("fault.beyond_budget") || budget::holds(plan)
    }

    fn resolve(&self, role: &str, world: &World<Member>, checks: &ClusterChecks) -> Option<NodeId> {
        roles::resolve(role, checks.layout(), world, checks)
    }

    fn halted(&self, process: &Member) -> bool {
        process.is_halted()
    }

    fn transfer(&self, role: &str, world: &mut World<Member>, checks: &ClusterChecks) -> bool {
        roles::transfer(role, checks.layout(), world, checks)
    }

    fn message_kinds(&self) -> &'static [narrate::Kind] {
        &words::MESSAGES_WITH_GROUPS
    }

    fn message_kind(&self, message: &Message) -> &'static str {
        words::message_kind(message)
    }

    fn message_fields(&self, message: &Message) -> Fields {
        words::message_fields(message)
    }

    fn story(&self, facts: &[Fact], lanes: &[Lane]) -> Vec<(usize, String)> {
        words::story(facts, lanes)
    }

    fn probe_kinds(&self) -> &'static [narrate::Kind] {
        &words::PROBES_WITH_GROUPS
    }

    fn probe_kind(&self, probe: &Probe) -> &'static str {
        words::probe_kind(probe)
    }

    fn probe_fields(&self, probe: &Probe) -> Fields {
        words::probe_fields(probe)
    }

    fn probe_glyph(&self, probe: &Probe) -> char {
        words::probe_glyph(probe)
    }

    fn partitions(&self, settings: &Settings) -> Vec<String> {
        let offsets = 0..settings.get("group.offsets_partitions") as u32;
        let offsets = offsets.map(|partition| TopicPartition { topic: TopicId(1), partition });
        partitions(settings).chain(offsets).map(|at| at.to_string()).collect()
    }

    fn chronicle(&self, plan: &Plan<Op>) -> Option<Box<dyn Chronicle<Probe>>> {
        // Members say themselves what they read; nobody reads everything from the start.
        let all = partitions(&plan.settings).collect();
        Some(Box::new(words::ClusterChronicle::new(Vec::new(), all)))
    }

    fn is_client(&self, member: &Member) -> bool {
        member.is_client()
    }

    fn state(&self, member: &Member) -> Fields {
        words::state(member)
    }
}

/// The world of a plan, whose brokers and members pay `costs` for their work.
pub(crate) fn world(plan: &Plan<Op>, spare: Spare<Member>, costs: Option<Costs>) -> World<Member> {
    let settings = &plan.settings;
    let layout = cluster::layout(settings);
    let quirks = quirks::set(&plan.quirks);
    let mut world = World::with_spare(Seed(plan.seed), world_config(settings), spare);
    for id in layout.broker_ids() {
        let config = BrokerConfig {
            groups: settings::coordinator(settings),
            ..cluster::broker_config(settings, layout, id, quirks)
        };
        let broker = Charged::new(Broker::new(config), costs);
        world.add(&format!("broker {id}"), Member::Broker(Box::new(broker)));
    }
    for node in layout.controller_nodes() {
        let controller = Controller::new(cluster::controller_config(settings, layout, quirks));
        world.add(&format!("controller {node}"), Member::Controller(Box::new(controller)));
    }
    add_clients(plan, layout, costs, &mut world);
    world
}

/// The checks of a plan; a campaign must reach what `sometimes` names.
pub(crate) fn checks(plan: &Plan<Op>, sometimes: &'static [&'static str]) -> ClusterChecks {
    let settings = &plan.settings;
    let layout = cluster::layout(settings);
    let audit = Audit {
        consumer: ConsumerConfig { max_bytes: 1 << 20, ..consumer_config(settings, layout) },
        partitions: settings.get("topic.partitions") as u32,
    };
    let expectations = Expectations {
        audit: Some(audit),
        keys: keys(plan, layout),
        flush: settings.is_on("log.flush"),
        beyond_budget: settings.is_on("fault.beyond_budget"),
        sometimes,
        groups: groups(plan).into_iter().map(group_name).collect(),
        witness: None,
        effects: None,
        effects_witness: None,
        queues: None,
    };
    ClusterChecks::new(layout, expectations)
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

/// The node that a client lives on.
pub(crate) const fn client_node(layout: Layout, client: u32) -> u32 {
    layout.first_client().0 + ADMIN + 1 + client
}

fn add_clients(plan: &Plan<Op>, layout: Layout, costs: Option<Costs>, world: &mut World<Member>) {
    let settings = &plan.settings;
    let topic = |name: &str, partitions: u64, cleanup: CleanupPolicy| CreateTopic {
        name: name.to_owned(),
        partitions: partitions as u32,
        replication: replication(settings) as u32,
        min_isr: settings.get("topic.min_isr") as u32,
        unclean: settings.is_on("topic.unclean"),
        cleanup,
    };
    let topics = vec![
        topic(TOPIC, settings.get("topic.partitions"), CleanupPolicy::Delete),
        // Of each offset the newest commit is enough, as Kafka has it.
        topic(OFFSETS_TOPIC, settings.get("group.offsets_partitions"), CleanupPolicy::Compact),
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
    let mut keys = BTreeMap::<u32, Vec<Option<u32>>>::new();
    for operation in &plan.operations {
        if let Op::Send { key, .. } = operation.op {
            keys.entry(client_node(layout, operation.client)).or_default().push(key);
        }
    }
    Arc::new(keys)
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
    let mut config = producer_config(&plan.settings, layout);
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
