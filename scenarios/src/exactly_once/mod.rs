//! `exactly-once`: a group whose members consume, transform and produce in transactions, in a storm.
//!
//! Producers send keyed records to one topic. The members of a group read it, write an effect of each record to a
//! second topic, and commit the effects and how far they have read in one transaction (KIP-447). They abort on
//! purpose, crash, are paused or dawdle beyond their session and their transactions' time-out and then go on as
//! zombies, are started twice under one name. Ends of transactions are lost, doubled and delayed, like all
//! messages, and whoever coordinates fails like any broker. Somebody reads the effects as read-committed from the start,
//! somebody else as read-uncommitted. What may break so that everything is still promised is in `budget`, what
//! clients do is drawn in `draw`.
//!
//! What must hold, and where it is tested:
//!
//! | what | held by |
//! |---|---|
//! | C8 of `DOMAIN.md` §3: a program may be producer and consumer at once | `exactly-once`: every record of the first topic has one effect that counts, none is lost and none has two, whatever failed ([`crate::invariants::effects`]) |
//! | C3: a zombie's commits are refused | the same: a member whose generation or producer epoch is over would leave a second effect; how many were fenced is counted |
//! | C5: redelivery starts at the commit | `commit-kept`, `at-least-once`: the group resumes where its last transaction ended, and in the end has processed everything |
//! | C2: strictly in order | `effect-order`: effects lie in the order of their records |
//! | a transaction counts as a whole or not at all | `atomic`, in the end, over all partitions |
//! | nothing of an aborted or open transaction is read as committed | `read-committed`, at each read |
//! | transactions end | the calm waits until readers of committed records are at the end of each log |
//!
//! `scenarios/tests/scenarios.rs` runs it over fixed and fresh seeds, `scenarios/tests/quirks.rs` shows that each
//! of these can fail.

mod budget;
mod draw;
mod settings;
mod smaller;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use squall_core::broker::BrokerConfig;
use squall_core::client::{ConsumerConfig, ProducerConfig};
use squall_core::group::config::OFFSETS_TOPIC;
use squall_core::log::CleanupPolicy;
use squall_core::message::{Acks, CreateTopic, Isolation};
use squall_core::probe::Probe;
use squall_core::quirk::Quirks;
use squall_core::time::{Span, Time};
use squall_core::transaction::config::TRANSACTIONS_TOPIC;
use squall_sim::engine::World;
use squall_sim::fault::FaultSpace;
use squall_sim::history::Chronicle;
use squall_sim::knob::Knob;
use squall_sim::narrate::Kind;
use squall_sim::plan::{Operation, Plan};
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;

use crate::checks::{self, Exercised, Expectations};
use crate::cluster::{Layout, Member};
use crate::consumer_group::PlannedAssignor;
use crate::consumer_group::settings as group;
use crate::ghost::clients::Keys;
use crate::narrate as words;
use crate::on_cluster::{ClusterScenario, OnCluster};
use crate::quirks;
use crate::replicated_log::clients::{self as log, client_node};
use crate::workload::{Admin, EFFECTS, EffectsReader, Pipeline, Send, Sender, Step, TOPIC};

/// The scenario.
pub type ExactlyOnce = OnCluster<Story>;

/// The scenario.
#[expect(non_upper_case_globals, reason = "the scenario and its type have one name")]
pub const ExactlyOnce: ExactlyOnce = OnCluster::new();

/// What is its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Story;

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Op {
    /// Begins as a producer with acks=all. The first operation of each producer.
    Produce {
        /// Whether its retries are absorbed.
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
        /// How the group divides partitions; the same for all.
        assignor: PlannedAssignor,
        /// The number in its name as a static member; none: a dynamic member.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<u32>,
        /// The number in its transactional id.
        transactional: u32,
    },
    /// Joins the group; if it has, as a new process that knows nothing of the one before.
    Join,
    /// Ends its transaction, gives up what it has and leaves.
    Leave,
    /// Does nothing for a while, perhaps with a transaction open.
    Dawdle {
        /// How long.
        millis: u32,
    },
    /// Aborts the next transaction that it ends.
    Abort,
}

const SOMETIMES: &[&str] = &[
    Exercised::Elections.name(),
    Exercised::QuorumElections.name(),
    Exercised::Truncations.name(),
    Exercised::IsrShrinks.name(),
    Exercised::Rebalances.name(),
    Exercised::TakeOvers.name(),
    Exercised::CoordinatorFailovers.name(),
    Exercised::TransactionsCommitted.name(),
    Exercised::TransactionsAborted.name(),
    Exercised::TransactionsUndecided.name(),
    Exercised::TransactionsTimedOut.name(),
    Exercised::ZombiesFenced.name(),
    Exercised::MarkersRetried.name(),
    Exercised::TransactionCoordinatorsCeased.name(),
    Exercised::DirtyReads.name(),
];

/// Who reads effects: one as read-committed, one as read-uncommitted.
const READERS: u32 = 2;

impl ClusterScenario for Story {
    type Operation = Op;

    const NAME: &'static str = "exactly-once";
    const ABOUT: &'static str =
        "a group that consumes, transforms and produces in transactions, with zombies and fenced producers";
    const KNOBS: &'static [Knob] = &settings::KNOBS;
    const MESSAGES: &'static [Kind] = &words::MESSAGES_WITH_TRANSACTIONS;
    const PROBES: &'static [Kind] = &words::PROBES_WITH_TRANSACTIONS;

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
        BrokerConfig {
            groups: group::coordinator(settings),
            transactions: settings::coordinator(settings),
            ..config
        }
    }

    fn add_clients(plan: &Plan<Op>, layout: Layout, world: &mut World<Member>) {
        add_clients(plan, layout, world);
    }

    fn expectations(plan: &Plan<Op>, layout: Layout) -> Expectations {
        let settings = &plan.settings;
        let group = is_worked_at(plan).then(|| settings::member(settings, layout, Quirks::NONE).group);
        Expectations {
            keys: keys(plan, layout),
            sometimes: SOMETIMES,
            groups: group.into_iter().collect(),
            owned_within: Some(settings::owned_within(settings)),
            effects: Some(log::audit(settings, layout, Isolation::ReadCommitted, "txn.effects")),
            effects_witness: is_witnessed(plan).then(Box::default),
            ..log::expectations(settings, layout)
        }
    }

    fn smaller(plan: &Plan<Op>) -> Vec<Plan<Op>> {
        smaller::plans(plan)
    }

    fn chronicle(_plan: &Plan<Op>) -> Box<dyn Chronicle<Probe>> {
        Box::new(words::EffectsChronicle::default())
    }
}

/// Whether there is a second opinion on the run.
fn is_witnessed(plan: &Plan<Op>) -> bool {
    let promised = !plan.settings.is_on("fault.beyond_budget") && !plan.settings.is_on("topic.unclean");
    promised && plan.seed.is_multiple_of(checks::EVERY) && plan.operations.len() <= checks::MOST
}

/// Whether somebody works in the end. Without anybody nothing has to be done: a smaller plan may have taken all joins
/// away.
fn is_worked_at(plan: &Plan<Op>) -> bool {
    let mut joined = BTreeMap::new();
    for Operation { client, op, .. } in &plan.operations {
        if let Op::Join | Op::Leave = op {
            joined.insert(client, matches!(op, Op::Join));
        }
    }
    joined.into_values().any(|joined| joined)
}

/// How many nodes are clients of which sort: producers, members.
fn members(settings: &Settings) -> (u32, u32) {
    (settings.get("client.producers") as u32, settings.get("group.members") as u32)
}

fn add_clients(plan: &Plan<Op>, layout: Layout, world: &mut World<Member>) {
    let settings = &plan.settings;
    let pause = Span::from_millis(settings.get("client.request_timeout"));
    world.add("admin", Member::Admin(Admin::of(topics(settings), layout.controller_nodes(), pause)));
    let (producers, members) = members(settings);
    for client in 0..producers {
        let (config, script) = producer(plan, layout, client);
        let name = format!("producer {}", client_node(layout, client));
        world.add(&name, Member::Sender(Box::new(Sender::new(config, script))));
    }
    for client in producers..producers + members {
        let name = format!("pipeline {}", client_node(layout, client));
        world.add(&name, Member::Pipeline(Box::new(pipeline(plan, layout, client))));
    }
    for (isolation, name) in
        [(Isolation::ReadCommitted, "reader"), (Isolation::ReadUncommitted, "dirty reader")]
    {
        let config = ConsumerConfig {
            isolation,
            quirks: quirks::set(&plan.quirks),
            ..log::consumer_config(settings, layout)
        };
        let reader = EffectsReader::new(config, settings.get("txn.effects") as u32);
        world.add(name, Member::EffectsReader(Box::new(reader)));
    }
}

/// The records, their effects, and what coordinators keep.
fn topics(settings: &Settings) -> Vec<CreateTopic> {
    let topic = |name, partitions, cleanup| log::topic(settings, name, partitions, cleanup);
    vec![
        topic(TOPIC, "topic.partitions", CleanupPolicy::Delete),
        topic(EFFECTS, "txn.effects", CleanupPolicy::Delete),
        topic(OFFSETS_TOPIC, "group.offsets_partitions", CleanupPolicy::Compact),
        topic(TRANSACTIONS_TOPIC, "txn.partitions", CleanupPolicy::Compact),
    ]
}

/// The keys of what each producer sends, by its node.
fn keys(plan: &Plan<Op>, layout: Layout) -> Keys {
    log::keys(plan.operations.iter().filter_map(|operation| match operation.op {
        Op::Send { key, .. } => Some((client_node(layout, operation.client), key)),
        Op::Produce { .. } | Op::Work { .. } | Op::Join | Op::Leave | Op::Dawdle { .. } | Op::Abort => None,
    }))
}

fn of_client(plan: &Plan<Op>, client: u32) -> impl Iterator<Item = (Time, Op)> {
    let own = plan.operations.iter().filter(move |operation| operation.client == client);
    own.map(|operation| (Time(operation.at), operation.op))
}

/// What one producer is, and what it sends.
fn producer(plan: &Plan<Op>, layout: Layout, client: u32) -> (ProducerConfig, Arc<[Send]>) {
    let mut config = log::producer_config(&plan.settings, layout);
    config.acks = Acks::All;
    let mut script = Vec::new();
    for (at, op) in of_client(plan, client) {
        match op {
            Op::Produce { idempotent } => config.idempotent = idempotent,
            Op::Send { key, bytes } => script.push(Send { at, key, size: bytes }),
            Op::Work { .. } | Op::Join | Op::Leave | Op::Dawdle { .. } | Op::Abort => {}
        }
    }
    (config, script.into())
}

/// What one member is, and what it does.
fn pipeline(plan: &Plan<Op>, layout: Layout, client: u32) -> Pipeline {
    let quirks = quirks::set(&plan.quirks);
    let mut member = settings::member(&plan.settings, layout, quirks);
    let mut name = client;
    let mut script = Vec::new();
    for (at, op) in of_client(plan, client) {
        match op {
            Op::Work { assignor, instance, transactional } => {
                member.assignors = vec![assignor.into()];
                member.instance = instance.map(group::instance_name);
                name = transactional;
            }
            Op::Join => script.push((at, Step::Join)),
            Op::Leave => script.push((at, Step::Leave)),
            Op::Dawdle { millis } => script.push((at, Step::Dawdle(Span::from_millis(u64::from(millis))))),
            Op::Abort => script.push((at, Step::Abort)),
            Op::Produce { .. } | Op::Send { .. } => {}
        }
    }
    let producer = settings::producer(&plan.settings, layout, quirks, name);
    let pace = settings::pace(&plan.settings, is_alone(plan, client, name));
    Pipeline::new(member, producer, pace, script.into())
}

/// Whether no other member has this transactional id, or it is the first of those that have: one of them must go on.
fn is_alone(plan: &Plan<Op>, client: u32, name: u32) -> bool {
    plan.operations.iter().all(|operation| match operation.op {
        Op::Work { transactional, .. } => operation.client >= client || transactional != name,
        Op::Produce { .. } | Op::Send { .. } | Op::Join | Op::Leave | Op::Dawdle { .. } | Op::Abort => true,
    })
}
