//! `replicated-log`: brokers, controllers, producers of every kind and readers, in a storm.
//!
//! What clients do is drawn in `plan`; what may break, so that the contract still promises that nothing is
//! lost, is decided in `budget`. What must hold is in [`crate::invariants`] and [`crate::checks`].
//!
//! In about half of the seeds retention deletes old segments, by size or by age, and some of these keep less
//! than a producer's delivery time-out. A broker forgets a producer whose batches are all deleted, so a late
//! retry of its first batch may be written once more; the earlier copy is gone by then. So the promises are:
//! what retention deleted may be missing (and is counted), what is kept lies there once and where its sender
//! was told, and a reader is moved over deleted records only.

pub(crate) mod budget;
pub(crate) mod clients;
pub(crate) mod draw;
mod memory;
mod smaller;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use squall_core::client::ProducerConfig;
use squall_core::ids::NodeId;
use squall_core::message::Acks;
use squall_core::probe::Probe;
use squall_core::time::{Span, Time};
use squall_sim::engine::World;
use squall_sim::fault::FaultSpace;
use squall_sim::history::Chronicle;
use squall_sim::knob::{Knob, Unit::Count};
use squall_sim::plan::{Operation, Plan};
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;

use self::clients::{client_node, consumer_config, partitions, producer_config};
use crate::checks::{self, Exercised, Expectations, Leave, Witness};
use crate::cluster::{self, Layout, Member};
use crate::ghost::clients::Keys;
use crate::narrate as words;
use crate::on_cluster::{ClusterScenario, OnCluster};
use crate::quirks;
use crate::table::{joined, row};
use crate::workload::{Admin, Reader, Send, Sender, TOPIC};

/// The scenario.
pub type ReplicatedLog = OnCluster<Story>;

/// The scenario.
#[expect(non_upper_case_globals, reason = "the scenario and its type have one name")]
pub const ReplicatedLog: ReplicatedLog = OnCluster::new();

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
        /// The length of its value in bytes; 0: it has none, and is a tombstone.
        bytes: u32,
    },
}

/// `acks`, as plans write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedAcks {
    /// acks=0.
    None,
    /// acks=1.
    Leader,
    /// acks=all.
    All,
}

impl From<PlannedAcks> for Acks {
    fn from(acks: PlannedAcks) -> Self {
        match acks {
            PlannedAcks::None => Self::None,
            PlannedAcks::Leader => Self::Leader,
            PlannedAcks::All => Self::All,
        }
    }
}

const OWN: &[Knob] = &[row("client.readers", Count, 1, (1, 2), (0, 100), "readers of everything")];

static KNOBS: [Knob; clients::KNOBS.len() + OWN.len()] = joined(clients::KNOBS, OWN);

const SOMETIMES: &[&str] = &[
    Exercised::Elections.name(),
    Exercised::ElrElections.name(),
    Exercised::QuorumElections.name(),
    Exercised::Truncations.name(),
    Exercised::IsrShrinks.name(),
    Exercised::IsrExpansions.name(),
    Exercised::Fencings.name(),
    Exercised::RetriesSent.name(),
    Exercised::RetriesAbsorbed.name(),
    Exercised::PowerLossesSurvived.name(),
    Exercised::TailsLost.name(),
    Exercised::DisksRefilled.name(),
    Exercised::LeadersUnexposed.name(),
    Exercised::SegmentsDeleted.name(),
    Exercised::ReadersReset.name(),
    Exercised::SnapshotsTaken.name(),
    Exercised::Halts.name(),
    Exercised::DamageFound.name(),
    Exercised::DamageCut.name(),
];

impl ClusterScenario for Story {
    type Operation = Op;

    const NAME: &'static str = "replicated-log";
    const ABOUT: &'static str =
        "brokers that replicate a topic under controllers, with producers of every kind and readers";
    const KNOBS: &'static [Knob] = &KNOBS;

    fn check_settings(settings: &Settings) -> Result<(), String> {
        memory::check(settings)
    }

    fn operations(seed: Seed, settings: &Settings) -> Vec<Operation<Op>> {
        draw::operations(seed, settings)
    }

    fn space(seed: Seed, settings: &Settings) -> FaultSpace {
        budget::space(seed, settings)
    }

    /// The first client makes the topic; producers follow, then readers.
    fn add_clients(plan: &Plan<Op>, layout: Layout, world: &mut World<Member>) {
        add_clients(plan, layout, world);
    }

    fn expectations(plan: &Plan<Op>, layout: Layout) -> Expectations {
        Expectations {
            keys: keys(plan, layout),
            sometimes: SOMETIMES,
            witness: witness(plan, layout),
            ..clients::expectations(&plan.settings, layout)
        }
    }

    fn smaller(plan: &Plan<Op>) -> Vec<Plan<Op>> {
        smaller::plans(plan)
    }

    fn chronicle(plan: &Plan<Op>) -> Box<dyn Chronicle<Probe>> {
        Box::new(chronicle(plan, cluster::layout(&plan.settings)))
    }
}

/// Whoever writes down what clients see.
fn chronicle(plan: &Plan<Op>, layout: Layout) -> words::ClusterChronicle {
    let first = client_node(layout, plan.settings.get("client.producers") as u32);
    let readers = first..first + plan.settings.get("client.readers") as u32;
    words::ClusterChronicle::new(readers.map(NodeId).collect(), partitions(&plan.settings).collect())
}

/// A second opinion on the run, and what its settings permit.
fn witness(plan: &Plan<Op>, layout: Layout) -> Option<Box<Witness>> {
    if !plan.seed.is_multiple_of(checks::EVERY) || plan.operations.len() > checks::MOST {
        return None;
    }
    let settings = &plan.settings;
    // What compaction leaves of a log is no history of what was sent.
    if settings.get("topic.compact") != 0 {
        return None;
    }
    let kinds = plan.operations.iter().filter_map(|operation| match operation.op {
        Op::Produce { acks, idempotent } => Some((acks, idempotent)),
        Op::Send { .. } => None,
    });
    let (mut unreplicated, mut not_idempotent) = (false, false);
    for (acks, idempotent) in kinds {
        unreplicated |= acks != PlannedAcks::All;
        not_idempotent |= !idempotent;
    }
    let leave = Leave {
        unreplicated,
        not_idempotent,
        retention: settings.get("log.retention") > 0 || settings.get("log.retention_bytes") > 0,
        beyond: settings.is_on("fault.beyond_budget") || settings.is_on("topic.unclean"),
    };
    Some(Box::new(Witness::new(chronicle(plan, layout), leave)))
}

fn add_clients(plan: &Plan<Op>, layout: Layout, world: &mut World<Member>) {
    let settings = &plan.settings;
    let topic = clients::topic(settings, TOPIC, "topic.partitions", cluster::cleanup(settings));
    let pause = Span::from_millis(settings.get("client.request_timeout"));
    world.add("admin", Member::Admin(Admin::new(topic, layout.controller_nodes(), pause)));
    let producers = settings.get("client.producers") as u32;
    for client in 0..producers {
        let (config, script) = producer(plan, layout, client);
        let name = format!("producer {}", client_node(layout, client));
        world.add(&name, Member::Sender(Box::new(Sender::new(config, script))));
    }
    for reader in 0..settings.get("client.readers") as u32 {
        let name = format!("reader {}", client_node(layout, producers + reader));
        let config = consumer_config(settings, layout);
        let reader = Reader::new(config, settings.get("topic.partitions") as u32);
        world.add(&name, Member::Reader(Box::new(reader)));
    }
}

/// The keys of what each producer sends, by its node.
fn keys(plan: &Plan<Op>, layout: Layout) -> Keys {
    clients::keys(plan.operations.iter().filter_map(|operation| match operation.op {
        Op::Send { key, .. } => Some((client_node(layout, operation.client), key)),
        Op::Produce { .. } => None,
    }))
}

/// What one producer is, and what it sends.
fn producer(plan: &Plan<Op>, layout: Layout, client: u32) -> (ProducerConfig, Arc<[Send]>) {
    let mut config = producer_config(&plan.settings, layout);
    config.quirks = quirks::set(&plan.quirks);
    let mut script = Vec::new();
    for operation in plan.operations.iter().filter(|operation| operation.client == client) {
        match operation.op {
            Op::Produce { acks, idempotent } => {
                config.acks = acks.into();
                config.idempotent = idempotent;
            }
            Op::Send { key, bytes } => script.push(Send { at: Time(operation.at), key, size: bytes }),
        }
    }
    (config, script.into())
}
