//! What all scenarios of a cluster have in common: brokers and controllers stand before their clients, the checks are
//! the same, and so are the roles that faults aim at and the words for messages, facts and states.
//!
//! Holds: [`ClusterScenario`], in which such a scenario says what is its own, and [`OnCluster`], which makes a
//! [`Scenario`] of that. Deliberately absent: what clients do and what may break; each scenario says that.

use std::fmt::Debug;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use squall_core::broker::{Broker, BrokerConfig};
use squall_core::controller::Controller;
use squall_core::ids::{NodeId, TopicPartition};
use squall_core::message::Message;
use squall_core::probe::Probe;
use squall_sim::engine::{Spare, World};
use squall_sim::fault::FaultSpace;
use squall_sim::history::Chronicle;
use squall_sim::knob::Knob;
use squall_sim::narrate::{Fields, Kind};
use squall_sim::plan::{Operation, Plan};
use squall_sim::recording::{Fact, Lane};
use squall_sim::run::{Scenario, world_config};
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;

use crate::checks::{ClusterChecks, Expectations};
use crate::cluster::{self, Charged, Costs, Layout, Member};
use crate::narrate as words;
use crate::quirks;
use crate::replicated_log::{budget, clients as log};
use crate::roles_in_world as roles;

/// What is a scenario's own, if it plays on a cluster.
///
/// What is not said is as in `replicated-log`: a topic that clients write to and read, whose brokers lose no more than
/// its contract survives.
pub trait ClusterScenario: Sync {
    /// What clients do, as plans write it.
    type Operation: Clone + Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned;

    /// Its name in commands and capsules.
    const NAME: &'static str;

    /// One line: what it plays.
    const ABOUT: &'static str;

    /// Its settings, those of the cluster among them.
    const KNOBS: &'static [Knob];

    /// The kinds of message that there are.
    const MESSAGES: &'static [Kind] = words::MESSAGES;

    /// The kinds of fact that there are.
    const PROBES: &'static [Kind] = words::PROBES;

    /// Why these settings cannot be together, in one line. What no cluster can have was refused before.
    fn check_settings(settings: &Settings) -> Result<(), String>;

    /// What clients do, drawn from a seed, in order of time.
    fn operations(seed: Seed, settings: &Settings) -> Vec<Operation<Self::Operation>>;

    /// What may break where.
    fn space(seed: Seed, settings: &Settings) -> FaultSpace;

    /// `config`, and what else brokers do: coordinate groups, say.
    fn broker(_settings: &Settings, _layout: Layout, config: BrokerConfig) -> BrokerConfig {
        config
    }

    /// What brokers pay for their work; `None`: nothing.
    fn costs(_settings: &Settings) -> Option<Costs> {
        None
    }

    /// Adds the clients to a world that has its brokers and its controllers.
    fn add_clients(plan: &Plan<Self::Operation>, layout: Layout, world: &mut World<Member>);

    /// What must hold in the end.
    fn expectations(plan: &Plan<Self::Operation>, layout: Layout) -> Expectations;

    /// All plans that have one thing less than `plan`.
    fn smaller(plan: &Plan<Self::Operation>) -> Vec<Plan<Self::Operation>>;

    /// Whether no more breaks in `plan` than what was promised survives. Not asked beyond the budget.
    fn within_budget(plan: &Plan<Self::Operation>) -> bool {
        budget::holds(plan)
    }

    /// The partitions that people may ask for.
    fn partitions(settings: &Settings) -> Vec<TopicPartition> {
        log::partitions(settings).collect()
    }

    /// Whoever writes down what clients see. Unless there is something else to see, clients say themselves what they
    /// read: nobody reads everything from the start.
    fn chronicle(plan: &Plan<Self::Operation>) -> Box<dyn Chronicle<Probe>> {
        Box::new(words::ClusterChronicle::new(Vec::new(), log::partitions(&plan.settings).collect()))
    }
}

/// The scenario that plays `S` on a cluster.
#[derive(Debug, Clone, Copy, Default)]
pub struct OnCluster<S>(PhantomData<S>);

impl<S> OnCluster<S> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<S: ClusterScenario> Scenario for OnCluster<S> {
    type Process = Member;
    type Operation = S::Operation;
    type Checks = ClusterChecks;

    fn name(&self) -> &'static str {
        S::NAME
    }

    fn about(&self) -> &'static str {
        S::ABOUT
    }

    fn knobs(&self) -> &'static [Knob] {
        S::KNOBS
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        quirks::QUIRKS
    }

    fn check_settings(&self, settings: &Settings) -> Result<(), String> {
        cluster::check(settings)?;
        S::check_settings(settings)
    }

    fn plan(&self, seed: Seed, settings: &Settings) -> (Vec<Operation<S::Operation>>, FaultSpace) {
        (S::operations(seed, settings), S::space(seed, settings))
    }

    fn build(&self, plan: &Plan<S::Operation>, spare: Spare<Member>) -> World<Member> {
        let settings = &plan.settings;
        let layout = cluster::layout(settings);
        let quirks = quirks::set(&plan.quirks);
        let costs = S::costs(settings);
        let mut world = World::with_spare(Seed(plan.seed), world_config(settings), spare);
        for id in layout.broker_ids() {
            let config = cluster::broker_config(settings, layout, id, quirks);
            let broker = Charged::new(Broker::new(S::broker(settings, layout, config)), costs);
            world.add(&format!("broker {id}"), Member::Broker(Box::new(broker)));
        }
        for node in layout.controller_nodes() {
            let controller = Controller::new(cluster::controller_config(settings, layout, quirks));
            world.add(&format!("controller {node}"), Member::Controller(Box::new(controller)));
        }
        S::add_clients(plan, layout, &mut world);
        world
    }

    fn checks(&self, plan: &Plan<S::Operation>, _spare: Option<ClusterChecks>) -> ClusterChecks {
        let layout = cluster::layout(&plan.settings);
        ClusterChecks::new(layout, S::expectations(plan, layout))
    }

    fn smaller(&self, plan: &Plan<S::Operation>) -> Vec<Plan<S::Operation>> {
        S::smaller(plan)
    }

    fn within_budget(&self, plan: &Plan<S::Operation>) -> bool {
        plan.settings.is_on("fault.beyond_budget") || S::within_budget(plan)
    }

    fn resolve(&self, role: &str, world: &World<Member>, checks: &ClusterChecks) -> Option<NodeId> {
        roles::resolve(role, checks.layout(), world, checks)
    }

    fn transfer(&self, role: &str, world: &mut World<Member>, checks: &ClusterChecks) -> bool {
        roles::transfer(role, checks.layout(), world, checks)
    }

    fn halted(&self, member: &Member) -> bool {
        member.is_halted()
    }

    fn message_kinds(&self) -> &'static [Kind] {
        S::MESSAGES
    }

    fn message_kind(&self, message: &Message) -> &'static str {
        words::message_kind(message)
    }

    fn message_fields(&self, message: &Message) -> Fields {
        words::message_fields(message)
    }

    fn probe_kinds(&self) -> &'static [Kind] {
        S::PROBES
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
        S::partitions(settings).iter().map(TopicPartition::to_string).collect()
    }

    fn chronicle(&self, plan: &Plan<S::Operation>) -> Option<Box<dyn Chronicle<Probe>>> {
        Some(S::chronicle(plan))
    }

    fn is_client(&self, member: &Member) -> bool {
        member.is_client()
    }

    fn story(&self, facts: &[Fact], lanes: &[Lane]) -> Vec<(usize, String)> {
        words::story(facts, lanes)
    }

    fn state(&self, member: &Member) -> Fields {
        words::state(member)
    }
}
