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
//! | Q2 | a failing record is retried up to a limit, then set aside, visible, and can be put back; it never blocks the rest | `delivery-limit`, `total-queue` (what is not worked has its letter), `worked-in-time` (while nothing breaks every other record is worked within a bound that `bound` derives from the settings); the calm waits until nothing is left in flight; a person reads, lists and puts back |
//! | Q3 | consumption is paced, however large the backlog | `pace`; the calm waits until the backlog is gone |
//!
//! What leaders keep in memory is compared to what was heard of them and to the replay of their logs (`W-SQ`,
//! [`crate::invariants::share_state`]).
//!
//! `scenarios/tests/scenarios.rs` runs it over fixed and fresh seeds, `scenarios/tests/quirks.rs` shows that these
//! can fail; `core/tests/share` holds the conversations.
//!
//! Permitted, and counted: a record that is worked again because its lock ran out, and a letter that is written
//! twice because its leader failed before it knew of the first.

mod bound;
mod budget;
mod draw;
mod settings;
mod smaller;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use squall_core::broker::BrokerConfig;
use squall_core::client::{Desk, ProducerConfig};
use squall_core::ids::{GroupId, NodeId};
use squall_core::log::CleanupPolicy;
use squall_core::probe::Probe;
use squall_core::share::config::STATE_TOPIC;
use squall_core::share::probe::SharePartition;
use squall_core::time::{Span, Time};
use squall_sim::engine::World;
use squall_sim::fault::FaultSpace;
use squall_sim::history::Chronicle;
use squall_sim::knob::Knob;
use squall_sim::narrate::Kind;
use squall_sim::plan::{Operation, Plan};
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;

use crate::checks::{Exercised, Expectations, Queues};
use crate::cluster::{self, Layout, Member};
use crate::ghost::clients::{Keys, Name};
use crate::narrate as words;
use crate::on_cluster::{ClusterScenario, OnCluster};
use crate::replicated_log::clients as log;
use crate::workload::{Admin, Habits, Person, Send, Sender, ShareWorker, TOPIC, Trouble, Troubles};

/// The scenario.
pub type WorkQueue = OnCluster<Story>;

/// The scenario.
#[expect(non_upper_case_globals, reason = "the scenario and its type have one name")]
pub const WorkQueue: WorkQueue = OnCluster::new();

/// What is its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Story;

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

impl ClusterScenario for Story {
    type Operation = Op;

    const NAME: &'static str = "work-queue";
    const ABOUT: &'static str =
        "share groups that work a topic record by record: locks, retries, dead letters, put back by a person";
    const KNOBS: &'static [Knob] = &settings::KNOBS;
    const MESSAGES: &'static [Kind] = &words::MESSAGES_WITH_SHARES;
    const PROBES: &'static [Kind] = &words::PROBES_WITH_SHARES;

    fn check_settings(settings: &Settings) -> Result<(), String> {
        settings::check(settings)
    }

    fn operations(seed: Seed, settings: &Settings) -> Vec<Operation<Op>> {
        draw::operations(seed, settings)
    }

    fn space(seed: Seed, settings: &Settings) -> FaultSpace {
        budget::space(seed, settings)
    }

    fn broker(settings: &Settings, layout: Layout, config: BrokerConfig) -> BrokerConfig {
        BrokerConfig { shares: settings::leader(settings, layout), ..config }
    }

    fn add_clients(plan: &Plan<Op>, layout: Layout, world: &mut World<Member>) {
        add_clients(plan, layout, world);
    }

    fn expectations(plan: &Plan<Op>, layout: Layout) -> Expectations {
        let settings = &plan.settings;
        let queues = Queues {
            groups: groups(plan).into_iter().map(group_name).collect(),
            limit: settings.get("share.delivery_limit") as u32,
            pace: settings::pace(settings),
            letters: settings::LETTERS,
            bound: bound::bound(settings),
            troubles: troubles(plan, layout),
        };
        Expectations {
            keys: keys(plan, layout),
            sometimes: SOMETIMES,
            queues: Some(queues),
            ..log::expectations(settings, layout)
        }
    }

    fn smaller(plan: &Plan<Op>) -> Vec<Plan<Op>> {
        smaller::plans(plan)
    }

    fn chronicle(plan: &Plan<Op>) -> Box<dyn Chronicle<Probe>> {
        let groups = groups(plan).into_iter().map(group_name).collect();
        let person = NodeId(person_node(cluster::layout(&plan.settings)));
        Box::new(words::QueueChronicle::new(groups, person))
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
    let topic = |name, partitions, cleanup| log::topic(settings, name, partitions, cleanup);
    let topics = vec![
        topic(TOPIC, "topic.partitions", CleanupPolicy::Delete),
        // Of each share-partition the newest state is enough.
        topic(STATE_TOPIC, "share.state_partitions", CleanupPolicy::Compact),
        topic(settings::LETTERS, "share.letter_partitions", CleanupPolicy::Delete),
    ];
    let pause = Span::from_millis(settings.get("client.request_timeout"));
    world.add("admin", Member::Admin(Admin::of(topics, layout.controller_nodes(), pause)));
    world.add("person", Member::Person(Box::new(person(plan, layout))));
    let (producers, workers) = clients(settings);
    for client in 0..producers {
        let node = client_node(layout, client);
        let config = ProducerConfig { idempotent: true, ..log::producer_config(settings, layout) };
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
        log::consumer_config(settings, layout),
        settings::LETTERS.into(),
        settings.get("share.letter_partitions") as u32,
        millis("client.metadata_max_age"),
    );
    let shares = groups(plan).into_iter().flat_map(|group| {
        let of = move |at| SharePartition { group: group_name(group), at };
        log::partitions(settings).map(of)
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
    log::keys(plan.operations.iter().filter_map(|operation| match operation.op {
        Op::Send { key, .. } => Some((client_node(layout, operation.client), key)),
        Op::Work { .. } => None,
    }))
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
