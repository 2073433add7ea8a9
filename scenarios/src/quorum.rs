//! `quorum`: the controllers alone under election storms, with brokers that hold nothing and clients that
//! want producer ids: the smallest load that writes to the metadata log all the time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use squall_core::ids::{NodeId, TopicPartition};
use squall_core::probe::Probe;
use squall_core::time::{Span, Time};
use squall_sim::engine::World;
use squall_sim::fault::{FaultSpace, Group};
use squall_sim::history::Chronicle;
use squall_sim::knob::{
    Knob,
    Unit::{Count, Millis},
};
use squall_sim::plan::{Operation, Plan};
use squall_sim::seed::{Seed, Stream};
use squall_sim::settings::Settings;

use crate::checks::{Exercised, Expectations};
use crate::cluster::{self, Layout, Member};
use crate::ghost::clients::Keys;
use crate::moments;
use crate::narrate as words;
use crate::on_cluster::{ClusterScenario, OnCluster};
use crate::roles_in_world as roles;
use crate::smaller;
use crate::table::{joined, row};
use crate::workload::{IdTaker, quiet};

/// The scenario.
pub type Quorum = OnCluster<Story>;

/// The scenario.
#[expect(non_upper_case_globals, reason = "the scenario and its type have one name")]
pub const Quorum: Quorum = OnCluster::new();

/// What is its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Story;

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Op {
    /// Wants a producer id.
    WantId,
}

/// A wish takes about 170 bytes: in the plan, with its client, and with whom it was given to. A run takes
/// less than 64 MiB.
const MOST_IDS: u64 = 250_000;

const OWN: &[Knob] = &[
    row("client.takers", Count, 2, (1, 3), (0, 100), "clients that want producer ids"),
    row("workload.ids", Count, 20, (5, 50), (0, 1_000_000), "producer ids that each wants in the storm"),
    quiet::KNOB,
    row(
        "client.request_timeout",
        Millis,
        300,
        (100, 1_000),
        (1, 600_000),
        "how long a client waits before it asks another broker",
    ),
];

static KNOBS: [Knob; cluster::KNOBS.len() + OWN.len()] = joined(cluster::KNOBS, OWN);

const SOMETIMES: &[&str] = &[
    Exercised::QuorumElections.name(),
    Exercised::Resignations.name(),
    Exercised::PreVotesRefused.name(),
    Exercised::QuorumTruncations.name(),
    Exercised::SnapshotsTaken.name(),
    Exercised::SnapshotsInstalled.name(),
    Exercised::PowerLossesSurvived.name(),
    Exercised::TailsLost.name(),
    Exercised::Fencings.name(),
    Exercised::ProducerIds.name(),
    Exercised::Halts.name(),
];

impl ClusterScenario for Story {
    type Operation = Op;

    const NAME: &'static str = "quorum";
    const ABOUT: &'static str =
        "the controllers' consensus under election storms, with a metadata log that is written all the time";
    const KNOBS: &'static [Knob] = &KNOBS;

    fn check_settings(settings: &Settings) -> Result<(), String> {
        let ids = settings.get("client.takers") * settings.get("workload.ids");
        if ids <= MOST_IDS {
            return Ok(());
        }
        Err(format!(
            "client.takers and workload.ids make {ids} producer ids, and a run has memory for {MOST_IDS}: lower one of them"
        ))
    }

    fn operations(seed: Seed, settings: &Settings) -> Vec<Operation<Op>> {
        let mut rng = seed.stream(Stream::Workload);
        let storm = settings.get("run.storm") * 1_000_000;
        let quiet = quiet::windows(seed, settings, storm);
        let mut operations = Vec::new();
        for client in 0..settings.get("client.takers") as u32 {
            for _ in 0..settings.get("workload.ids") {
                let at = quiet::after(&quiet, rng.in_range(0, storm));
                operations.push(Operation { at, client, op: Op::WantId });
            }
        }
        operations.sort_by_key(|operation| operation.at);
        operations
    }

    fn space(seed: Seed, settings: &Settings) -> FaultSpace {
        space(seed, settings)
    }

    fn add_clients(plan: &Plan<Op>, layout: Layout, world: &mut World<Member>) {
        let settings = &plan.settings;
        let pause = Span::from_millis(settings.get("client.request_timeout"));
        for client in 0..settings.get("client.takers") as u32 {
            let own = plan.operations.iter().filter(|operation| operation.client == client);
            let times: Arc<[Time]> = own.map(|operation| Time(operation.at)).collect();
            let taker = IdTaker::new(layout.broker_nodes(), times, pause);
            world.add(&format!("client {}", layout.first_client().0 + client), Member::IdTaker(taker));
        }
    }

    fn expectations(plan: &Plan<Op>, _layout: Layout) -> Expectations {
        Expectations {
            witness: None,
            effects: None,
            effects_witness: None,
            queues: None,
            audit: None,
            keys: Keys::default(),
            flush: false,
            beyond_budget: plan.settings.is_on("fault.beyond_budget"),
            invariants: plan.settings.is_on("check.invariants"),
            sometimes: SOMETIMES,
            groups: Vec::new(),
            owned_within: None,
        }
    }

    fn smaller(plan: &Plan<Op>) -> Vec<Plan<Op>> {
        let first = cluster::layout(&plan.settings).first_client().0;
        let mut plans = smaller::clients(plan, first, "client.takers");
        plans.extend(smaller::servers(plan));
        plans
    }

    /// Brokers hold nothing that could be lost, and controllers are never wiped within the budget.
    fn within_budget(_plan: &Plan<Op>) -> bool {
        true
    }

    fn partitions(_settings: &Settings) -> Vec<TopicPartition> {
        Vec::new()
    }

    fn chronicle(_plan: &Plan<Op>) -> Box<dyn Chronicle<Probe>> {
        Box::new(words::ClusterChronicle::new(Vec::new(), Vec::new()))
    }
}

/// Controllers flush what they promise, so all of them may lose power at once; brokers hold nothing.
fn space(seed: Seed, settings: &Settings) -> FaultSpace {
    let layout = cluster::layout(settings);
    let brokers = Group::new("brokers", layout.broker_nodes())
        .power_losses()
        .clocks()
        .wipes(layout.broker_nodes())
        .disk_errors(layout.broker_nodes())
        .rot(layout.broker_nodes())
        .lying_disks(layout.broker_nodes());
    let controllers = Group::new("controllers", layout.controller_nodes())
        .power_losses()
        .clocks()
        .disk_errors(layout.controller_nodes());
    let beyond = settings.is_on("fault.beyond_budget");
    let controllers = if beyond { controllers.wipes(cluster::forgetful(seed, layout)) } else { controllers };
    let first = layout.first_client().0;
    let takers = first..first + settings.get("client.takers") as u32;
    let mut clients = Group::new("clients", takers.map(NodeId)).clocks();
    clients.may_crash.clear();
    clients.may_slow.clear();
    let mut space = FaultSpace::of([brokers, controllers, clients]);
    space.isolate_roles = roles::all(0);
    space.transfer_roles = roles::all(0);
    moments::of_quorum(&mut space);
    space.timeouts = cluster::timeouts(settings);
    space
}
