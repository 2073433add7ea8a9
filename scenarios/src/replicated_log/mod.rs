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
pub(crate) mod draw;
mod memory;
mod smaller;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use squall_core::broker::Broker;
use squall_core::client::{ConsumerConfig, ProducerConfig, Reset};
use squall_core::controller::Controller;
use squall_core::ids::{NodeId, TopicId, TopicPartition};
use squall_core::message::{Acks, CreateTopic, Isolation, Message};
use squall_core::probe::Probe;
use squall_core::quirk::Quirks;
use squall_core::time::{Span, Time};
use squall_sim::engine::{Spare, World};
use squall_sim::fault::FaultSpace;
use squall_sim::history::Chronicle;
use squall_sim::knob::{Knob, Unit};
use squall_sim::narrate::{self, Fields};
use squall_sim::plan::{Operation, Plan};
use squall_sim::recording::{Fact, Lane};
use squall_sim::run::{Scenario, world_config};
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;

use crate::checks::{self, Audit, ClusterChecks, Exercised, Expectations, Leave, Witness};
use crate::cluster::{self, Layout, Member};
use crate::ghost::clients::Keys;
use crate::narrate as words;
use crate::quirks;
use crate::roles_in_world as roles;
use crate::table::joined;
use crate::workload::{Admin, Reader, Send, Sender, TOPIC, quiet};

/// The scenario.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplicatedLog;

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

use Unit::{Bytes, Count, Millis};

const fn row(
    key: &'static str,
    unit: Unit,
    calm: u64,
    storm: (u64, u64),
    limits: (u64, u64),
    why: &'static str,
) -> Knob {
    Knob { key, unit, calm, storm, limits, why }
}

const OWN: &[Knob] = &[row("client.readers", Count, 1, (1, 2), (0, 100), "readers of everything")];

/// Of every scenario in which producers send what a plan lists, and somebody reads it.
pub(crate) const CLIENTS: &[Knob] = &[
    row("client.producers", Count, 3, (1, 5), (0, 100), "producers"),
    row("client.keys", Count, 8, (1, 16), (1, 1_000_000), "different keys that keyed producers use"),
    row("client.linger", Millis, 5, (0, 30), (0, 60_000), "linger.ms"),
    row("client.batch_bytes", Bytes, 1_024, (128, 2_048), (1, 1 << 24), "batch.size"),
    row("client.in_flight", Count, 5, (1, 5), (1, 5), "max.in.flight.requests.per.connection, per partition"),
    row("client.request_timeout", Millis, 300, (100, 1_000), (1, 600_000), "request.timeout.ms"),
    row("client.delivery_timeout", Millis, 4_000, (1_000, 10_000), (1, 600_000), "delivery.timeout.ms"),
    row("client.retry_backoff", Millis, 30, (5, 100), (1, 60_000), "retry.backoff.ms"),
    row("client.metadata_max_age", Millis, 1_000, (300, 3_000), (1, 600_000), "metadata.max.age.ms"),
    row("client.fetch_wait", Millis, 200, (20, 400), (0, 60_000), "fetch.max.wait.ms of readers"),
    row(
        "client.fetch_bytes",
        Bytes,
        8_192,
        (256, 16_384),
        (1, 1 << 24),
        "max.partition.fetch.bytes of readers",
    ),
    row(
        "workload.records",
        Count,
        60,
        (10, 120),
        (0, 1_000_000),
        "records that each producer sends in the storm",
    ),
    row("workload.bytes", Bytes, 100, (8, 1_000), (8, 1 << 20), "the longest value"),
    quiet::KNOB,
];

static KNOBS: [Knob; cluster::KNOBS.len() + CLIENTS.len() + OWN.len()] =
    joined(&joined::<{ cluster::KNOBS.len() + CLIENTS.len() }>(cluster::KNOBS, CLIENTS), OWN);

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

/// The first client makes the topic; producers follow, then readers.
const ADMIN: usize = 0;

impl Scenario for ReplicatedLog {
    type Process = Member;
    type Operation = Op;
    type Checks = ClusterChecks;

    fn name(&self) -> &'static str {
        "replicated-log"
    }

    fn about(&self) -> &'static str {
        "brokers that replicate a topic under controllers, with producers of every kind and readers"
    }

    fn knobs(&self) -> &'static [Knob] {
        &KNOBS
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        quirks::QUIRKS
    }

    fn check_settings(&self, settings: &Settings) -> Result<(), String> {
        cluster::check(settings)?;
        memory::check(settings)
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
            let broker = Broker::new(cluster::broker_config(settings, layout, id, quirks));
            world.add(&format!("broker {id}"), Member::Broker(Box::new(broker.into())));
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
            // It reads everything again in the calm: small fetches would take longer than that lasts.
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
            witness: witness(plan, layout),
            effects: None,
            effects_witness: None,
            queues: None,
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
        words::MESSAGES
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
        words::PROBES
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
        Some(Box::new(chronicle(plan, cluster::layout(&plan.settings))))
    }

    fn is_client(&self, member: &Member) -> bool {
        member.is_client()
    }

    fn state(&self, member: &Member) -> Fields {
        words::state(member)
    }
}

/// Whoever writes down what clients see.
fn chronicle(plan: &Plan<Op>, layout: Layout) -> words::ClusterChronicle {
    let first = producer_node(layout, plan.settings.get("client.producers") as u32);
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
    let topic = CreateTopic {
        name: TOPIC.to_owned(),
        partitions: settings.get("topic.partitions") as u32,
        replication: budget::replication(settings) as u32,
        min_isr: settings.get("topic.min_isr") as u32,
        unclean: settings.is_on("topic.unclean"),
        cleanup: cluster::cleanup(settings),
    };
    let pause = Span::from_millis(settings.get("client.request_timeout"));
    world.add("admin", Member::Admin(Admin::new(topic, layout.controller_nodes(), pause)));
    let producers = settings.get("client.producers");
    for client in 0..producers {
        let (config, script) = producer(plan, layout, client as u32);
        let name = format!("producer {}", layout.first_client().index() + ADMIN + 1 + client as usize);
        world.add(&name, Member::Sender(Box::new(Sender::new(config, script))));
    }
    for reader in 0..settings.get("client.readers") {
        let name =
            format!("reader {}", layout.first_client().index() + ADMIN + 1 + (producers + reader) as usize);
        let config = consumer_config(settings, layout);
        let reader = Reader::new(config, settings.get("topic.partitions") as u32);
        world.add(&name, Member::Reader(Box::new(reader)));
    }
}

/// The topic's partitions. It is the first topic that is made.
pub(crate) fn partitions(settings: &Settings) -> impl Iterator<Item = TopicPartition> + use<> {
    let topic = TopicId(0);
    (0..settings.get("topic.partitions") as u32).map(move |partition| TopicPartition { topic, partition })
}

/// The keys of what each producer sends, by its node.
fn keys(plan: &Plan<Op>, layout: Layout) -> Keys {
    let mut keys = BTreeMap::<u32, Vec<Option<u32>>>::new();
    for operation in &plan.operations {
        if let Op::Send { key, .. } = operation.op {
            keys.entry(producer_node(layout, operation.client)).or_default().push(key);
        }
    }
    Arc::new(keys)
}

/// The node that a producer lives on.
const fn producer_node(layout: Layout, client: u32) -> u32 {
    layout.first_client().0 + ADMIN as u32 + 1 + client
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

/// A producer with acks=all; its plan may make it another.
pub(crate) fn producer_config(settings: &Settings, layout: Layout) -> ProducerConfig {
    let millis = |key| Span::from_millis(settings.get(key));
    ProducerConfig {
        acks: Acks::All,
        idempotent: false,
        linger: millis("client.linger"),
        batch_bytes: settings.get("client.batch_bytes") as usize,
        max_in_flight: settings.get("client.in_flight") as usize,
        request_timeout: millis("client.request_timeout"),
        delivery_timeout: millis("client.delivery_timeout"),
        retry_backoff: millis("client.retry_backoff"),
        metadata_max_age: millis("client.metadata_max_age"),
        brokers: layout.broker_nodes(),
        quirks: Quirks::NONE,
        transactional: None,
    }
}

/// A consumer that begins at the start.
pub(crate) fn consumer_config(settings: &Settings, layout: Layout) -> ConsumerConfig {
    let millis = |key| Span::from_millis(settings.get(key));
    ConsumerConfig {
        brokers: layout.broker_nodes(),
        max_bytes: settings.get("client.fetch_bytes") as u32,
        max_wait: millis("client.fetch_wait"),
        request_timeout: millis("client.request_timeout"),
        retry_backoff: millis("client.retry_backoff"),
        isolation: Isolation::ReadUncommitted,
        reset: Reset::Earliest,
        quirks: Quirks::NONE,
    }
}
