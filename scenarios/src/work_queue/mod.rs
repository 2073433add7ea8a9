//! `work-queue`: share groups work a topic record by record, in a storm.
//!
//! Producers send; in every group each record is one worker's for a while, who accepts it, releases it for another,
//! rejects it, asks for more time, is too slow for its lock, is paused beyond it or crashes. Some records can never
//! be worked, some only after a person has put them back; when they were tried often enough their letters lie in
//! the dead-letter topic, which a person reads. Whoever leads the state fails like any other broker. What may break so
//! that everything is still promised is in `budget`, what clients do is drawn in `draw`.
//!
//! What must hold, of `DOMAIN.md` §4, and where it is tested:
//!
//! | row | what | held by |
//! |---|---|---|
//! | Q1 | a record to one of the workers, acknowledged; no loss, one active delivery at a time | `one-holder`, `lock-held`, `worked-once`, `total-queue` ([`crate::invariants::shares`]) |
//! | Q2 | a failing record is retried up to a limit, then set aside, visible, and can be put back; it never blocks the rest | `delivery-limit`, `total-queue` (what is not worked has its letter); the calm waits until nothing is left in flight; a person reads, lists and puts back |
//! | Q3 | consumption is paced, however large the backlog | `pace`; the calm waits until the backlog is gone |
//!
//! `scenarios/tests/scenarios.rs` runs it over fixed and fresh seeds, `scenarios/tests/quirks.rs` shows that these
//! can fail; `core/tests/share` holds the conversations.
//!
//! Permitted, and counted: a record that is worked again because its lock ran out, and a letter that is written
//! twice because its leader failed before it knew of the first.

mod budget;
mod draw;
mod settings;
mod smaller;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use squall_core::broker::{Broker, BrokerConfig};
use squall_core::client::{ConsumerConfig, Desk};
use squall_core::controller::Controller;
use squall_core::ids::{GroupId, NodeId};
use squall_core::log::CleanupPolicy;
use squall_core::message::{CreateTopic, Message};
use squall_core::probe::Probe;
use squall_core::share::config::STATE_TOPIC;
use squall_core::share::probe::SharePartition;
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

use crate::checks::{Audit, ClusterChecks, Exercised, Expectations, Queues};
use crate::cluster::{self, Layout, Member};
use crate::ghost::clients::{Keys, Name};
use crate::narrate as words;
use crate::quirks;
use crate::replicated_log::budget::replication;
use crate::replicated_log::{consumer_config, partitions, producer_config};
use crate::roles_in_world as roles;
use crate::workload::{Admin, Habits, Person, Send, Sender, ShareWorker, TOPIC, Trouble, Troubles};

/// The scenario.
#[derive(Debug, Clone, Copy, Default)]
pub struct WorkQueue;

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Op {
    /// Sends a record, with acks=all and by an idempotent producer.
    Send {
        /// Its key; none: any partition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<u32>,
        /// The length of its value in bytes.
        bytes: u32,
        /// What is hard about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trouble: Option<PlannedTrouble>,
    },
    /// Works for a group, as long as the world lasts.
    Work {
        /// Its group's number.
        group: u32,
        /// Whether it asks for more time while it works.
        renews: bool,
    },
}

/// What is hard about a record, as plans write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PlannedTrouble {
    /// Whoever works it fails, until it was put back so often; with 0 for ever.
    Poison {
        /// How often.
        cure: u32,
        /// Whether workers see that nobody can work it.
        rejected: bool,
    },
    /// It takes longer than a lock lasts, the first time.
    Slow,
}

const SOMETIMES: &[&str] = &[
    Exercised::Elections.name(),
    Exercised::QuorumElections.name(),
    Exercised::Truncations.name(),
    Exercised::IsrShrinks.name(),
    Exercised::Fencings.name(),
    Exercised::PowerLossesSurvived.name(),
    Exercised::ShareRedeliveries.name(),
    Exercised::LocksExpired.name(),
    Exercised::LocksRenewed.name(),
    Exercised::LateAcknowledgements.name(),
    Exercised::Letters.name(),
    Exercised::PutBacks.name(),
    Exercised::ShareTakeOvers.name(),
    Exercised::SharesRestored.name(),
    Exercised::WorkedAfterFailure.name(),
    Exercised::StuckListed.name(),
];

/// The first client makes the topics and the second looks after letters; producers follow, then workers.
const PERSON: u32 = 1;

impl Scenario for WorkQueue {
    type Process = Member;
    type Operation = Op;
    type Checks = ClusterChecks;

    fn name(&self) -> &'static str {
        "work-queue"
    }

    fn about(&self) -> &'static str {
        "share groups that work a topic record by record: locks, retries, dead letters, put back by a person"
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
        let settings = &plan.settings;
        let layout = cluster::layout(settings);
        let quirks = quirks::set(&plan.quirks);
        let mut world = World::with_spare(Seed(plan.seed), world_config(settings), spare);
        for id in layout.broker_ids() {
            let config = BrokerConfig {
                shares: settings::leader(settings, layout),
                ..cluster::broker_config(settings, layout, id, quirks)
            };
            world.add(&format!("broker {id}"), Member::Broker(Box::new(Broker::new(config).into())));
        }
        for node in layout.controller_nodes() {
            let controller = Controller::new(cluster::controller_config(settings, layout, quirks));
            world.add(&format!("controller {node}"), Member::Controller(Box::new(controller)));
        }
        add_clients(plan, layout, &mut world);
        world
    }

    fn checks(&self, plan: &Plan<Op>, _spare: Option<ClusterChecks>) -> ClusterChecks {
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
            sometimes: SOMETIMES,
            groups: Vec::new(),
            witness: None,
            effects: None,
            effects_witness: None,
            queues: Some(Queues {
                groups: groups(plan).into_iter().map(group_name).collect(),
                limit: settings.get("share.delivery_limit") as u32,
                pace: settings::pace(settings),
                letters: settings::LETTERS,
            }),
        };
        ClusterChecks::new(layout, expectations)
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
        &words::MESSAGES_WITH_SHARES
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
        &words::PROBES_WITH_SHARES
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
        partitions(settings).map(|at| at.to_string()).collect()
    }

    fn chronicle(&self, plan: &Plan<Op>) -> Option<Box<dyn Chronicle<Probe>>> {
        let groups = groups(plan).into_iter().map(group_name).collect();
        let person = NodeId(person_node(cluster::layout(&plan.settings)));
        Some(Box::new(words::QueueChronicle::new(groups, person)))
    }

    fn is_client(&self, member: &Member) -> bool {
        member.is_client()
    }

    fn state(&self, member: &Member) -> Fields {
        words::state(member)
    }
}

/// A group's name.
fn group_name(group: u32) -> GroupId {
    GroupId(format!("queue-{group}").into())
}

/// The groups that somebody works for, by number.
fn groups(plan: &Plan<Op>) -> Vec<u32> {
    let working = plan.operations.iter().filter_map(|operation| match operation.op {
        Op::Work { group, .. } => Some(group),
        Op::Send { .. } => None,
    });
    let mut groups: Vec<u32> = working.collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// How many nodes are clients of which sort: producers, workers.
fn clients(settings: &Settings) -> (u32, u32) {
    let workers = settings.get("share.groups") * settings.get("share.workers");
    (settings.get("client.producers") as u32, workers as u32)
}

/// The node that a client lives on.
const fn client_node(layout: Layout, client: u32) -> u32 {
    person_node(layout) + 1 + client
}

/// The node of the person.
const fn person_node(layout: Layout) -> u32 {
    layout.first_client().0 + PERSON
}

fn add_clients(plan: &Plan<Op>, layout: Layout, world: &mut World<Member>) {
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
        // Of each share-partition the newest state is enough.
        topic(STATE_TOPIC, settings.get("share.state_partitions"), CleanupPolicy::Compact),
        topic(settings::LETTERS, settings.get("share.letter_partitions"), CleanupPolicy::Delete),
    ];
    let pause = Span::from_millis(settings.get("client.request_timeout"));
    world.add("admin", Member::Admin(Admin::of(topics, layout.controller_nodes(), pause)));
    world.add("person", Member::Person(Box::new(person(plan, layout))));
    let (producers, workers) = clients(settings);
    for client in 0..producers {
        let node = client_node(layout, client);
        let config =
            squall_core::client::ProducerConfig { idempotent: true, ..producer_config(settings, layout) };
        let sender = Sender::new(config, script(plan, client));
        world.add(&format!("producer {node}"), Member::Sender(Box::new(sender)));
    }
    let troubles = troubles(plan, layout);
    for client in producers..producers + workers {
        let node = client_node(layout, client);
        let worker = worker(plan, layout, client, &troubles);
        let name = format!("worker {node} of {}", worker.group());
        world.add(&name, Member::ShareWorker(Box::new(worker)));
    }
}

/// Whoever looks after the letters.
fn person(plan: &Plan<Op>, layout: Layout) -> Person {
    let settings = &plan.settings;
    let millis = |key| Span::from_millis(settings.get(key));
    let desk = Desk::new(
        consumer_config(settings, layout),
        settings::LETTERS.into(),
        settings.get("share.letter_partitions") as u32,
        millis("client.metadata_max_age"),
    );
    let shares = groups(plan).into_iter().flat_map(|group| {
        let of = move |at| SharePartition { group: group_name(group), at };
        partitions(settings).map(of)
    });
    let looks = settings.get("share.looks");
    Person::new(
        desk,
        Habits {
            pause: millis("share.letter_lies"),
            put_backs: settings.get("share.put_backs") as u32,
            look_every: Span(millis("run.storm").0 / looks.max(1)),
            shares: shares.collect(),
            looks: looks as u32,
        },
    )
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

/// What is hard about which record, by name.
fn troubles(plan: &Plan<Op>, layout: Layout) -> Troubles {
    let (mut numbers, mut troubles) = (BTreeMap::<u32, u32>::new(), BTreeMap::new());
    for operation in &plan.operations {
        let Op::Send { trouble, .. } = operation.op else { continue };
        let sender = client_node(layout, operation.client);
        let number = numbers.entry(sender).or_default();
        if let Some(trouble) = trouble {
            troubles.insert(Name { sender, number: *number }.pack(), trouble.into());
        }
        *number += 1;
    }
    Arc::new(troubles)
}

/// What one producer sends.
fn script(plan: &Plan<Op>, client: u32) -> Arc<[Send]> {
    let own = plan.operations.iter().filter(|operation| operation.client == client);
    let sends = own.filter_map(|operation| match operation.op {
        Op::Send { key, bytes, .. } => Some(Send { at: Time(operation.at), key, size: bytes }),
        Op::Work { .. } => None,
    });
    sends.collect::<Vec<_>>().into()
}

/// What one worker is. One that no operation tells of works for the first group.
fn worker(plan: &Plan<Op>, layout: Layout, client: u32, troubles: &Troubles) -> ShareWorker {
    let own = plan.operations.iter().filter(|operation| operation.client == client);
    let mut work = own.filter_map(|operation| match operation.op {
        Op::Work { group, renews } => Some((group, renews)),
        Op::Send { .. } => None,
    });
    let (group, renews) = work.next().unwrap_or_default();
    let config = settings::worker(&plan.settings, layout, group_name(group));
    ShareWorker::new(config, settings::style(&plan.settings, renews, troubles))
}

impl From<PlannedTrouble> for Trouble {
    fn from(trouble: PlannedTrouble) -> Self {
        match trouble {
            PlannedTrouble::Poison { cure, rejected } => Self::Poison { cure, rejected },
            PlannedTrouble::Slow => Self::Slow,
        }
    }
}
