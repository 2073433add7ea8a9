//! `scaling`: a group grows with what it reads, on nodes whose work takes time.
//!
//! It is `consumer-group` at a price: what brokers and members take in, send and write keeps them busy
//! ([`crate::cluster::Costs`]), and what comes meanwhile waits. Drawn from a seed it is a storm like any other, over a
//! small cluster whose nodes are late because they work; the same promises hold, within the same budget. Without
//! faults, size by size, it is a measurement: [`sweep`] says what more partitions and consumers bring.
//!
//! What must hold, of `DOMAIN.md` §3, and where it is tested:
//!
//! | row | what | held by |
//! |---|---|---|
//! | C7 | more partitions and consumers raise throughput, up to a point | `scenarios/tests/scaling.rs`: ten do more than one and five, a hundred not much more than ten and a thousand less; a rebalance takes longer the more there are; more consumers than partitions bring nothing. The table and the chart of `squall scale` show it |
//!
//! The rest of §3 is as in [`crate::consumer_group`], and so are the checks. `scenarios/tests/scenarios.rs` runs the
//! storms.

mod settings;
pub mod sweep;

use squall_core::broker::BrokerConfig;
use squall_core::ids::TopicPartition;
use squall_sim::engine::World;
use squall_sim::fault::FaultSpace;
use squall_sim::knob::Knob;
use squall_sim::narrate::Kind;
use squall_sim::plan::{Operation, Plan};
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;

use crate::checks::{Exercised, Expectations};
use crate::cluster::{Costs, Layout, Member};
use crate::consumer_group::{self as group, Op};
use crate::on_cluster::{ClusterScenario, OnCluster};

/// The scenario.
pub type Scaling = OnCluster<Story>;

/// The scenario.
#[expect(non_upper_case_globals, reason = "the scenario and its type have one name")]
pub const Scaling: Scaling = OnCluster::new();

/// What is its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Story;

const SOMETIMES: &[&str] = &[
    Exercised::Elections.name(),
    Exercised::IsrShrinks.name(),
    Exercised::Fencings.name(),
    Exercised::PowerLossesSurvived.name(),
    Exercised::Rebalances.name(),
    Exercised::TakeOvers.name(),
    Exercised::Redeliveries.name(),
    Exercised::CoordinatorFailovers.name(),
    Exercised::MembersOut.name(),
    Exercised::OwnedWithinOne.name(),
    Exercised::OwnedWithinFive.name(),
];

impl ClusterScenario for Story {
    type Operation = Op;

    const NAME: &'static str = "scaling";
    const ABOUT: &'static str = "a group of more or fewer consumers and partitions, on nodes whose work takes time; `squall scale` measures it";
    const KNOBS: &'static [Knob] = &settings::KNOBS;
    const MESSAGES: &'static [Kind] = group::Story::MESSAGES;
    const PROBES: &'static [Kind] = group::Story::PROBES;

    fn check_settings(settings: &Settings) -> Result<(), String> {
        group::Story::check_settings(settings)
    }

    fn operations(seed: Seed, settings: &Settings) -> Vec<Operation<Op>> {
        group::Story::operations(seed, settings)
    }

    fn space(seed: Seed, settings: &Settings) -> FaultSpace {
        group::Story::space(seed, settings)
    }

    fn broker(settings: &Settings, layout: Layout, config: BrokerConfig) -> BrokerConfig {
        group::Story::broker(settings, layout, config)
    }

    fn costs(settings: &Settings) -> Option<Costs> {
        Some(settings::costs(settings))
    }

    fn add_clients(plan: &Plan<Op>, layout: Layout, world: &mut World<Member>) {
        group::add_clients(plan, layout, Self::costs(&plan.settings), world);
    }

    fn expectations(plan: &Plan<Op>, layout: Layout) -> Expectations {
        Expectations { sometimes: SOMETIMES, ..group::Story::expectations(plan, layout) }
    }

    fn smaller(plan: &Plan<Op>) -> Vec<Plan<Op>> {
        group::Story::smaller(plan)
    }

    fn partitions(settings: &Settings) -> Vec<TopicPartition> {
        group::Story::partitions(settings)
    }
}
