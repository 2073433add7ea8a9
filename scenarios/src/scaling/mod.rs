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

use squall_core::ids::NodeId;
use squall_core::message::Message;
use squall_core::probe::Probe;
use squall_sim::engine::{Spare, World};
use squall_sim::fault::FaultSpace;
use squall_sim::history::Chronicle;
use squall_sim::knob::Knob;
use squall_sim::narrate::{self, Fields};
use squall_sim::plan::{Operation, Plan};
use squall_sim::recording::{Fact, Lane};
use squall_sim::run::Scenario;
use squall_sim::seed::Seed;
use squall_sim::settings::Settings;

use crate::checks::{ClusterChecks, Exercised};
use crate::cluster::Member;
use crate::consumer_group::{self as group, ConsumerGroup, Op};

/// The scenario.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scaling;

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

impl Scenario for Scaling {
    type Process = Member;
    type Operation = Op;
    type Checks = ClusterChecks;

    fn name(&self) -> &'static str {
        "scaling"
    }

    fn about(&self) -> &'static str {
        "a group of more or fewer consumers and partitions, on nodes whose work takes time; `squall scale` measures it"
    }

    fn knobs(&self) -> &'static [Knob] {
        &settings::KNOBS
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        ConsumerGroup.quirks()
    }

    fn check_settings(&self, settings: &Settings) -> Result<(), String> {
        ConsumerGroup.check_settings(settings)
    }

    fn plan(&self, seed: Seed, settings: &Settings) -> (Vec<Operation<Op>>, FaultSpace) {
        ConsumerGroup.plan(seed, settings)
    }

    fn build(&self, plan: &Plan<Op>, spare: Spare<Member>) -> World<Member> {
        group::world(plan, spare, Some(settings::costs(&plan.settings)))
    }

    fn checks(&self, plan: &Plan<Op>, _spare: Option<ClusterChecks>) -> ClusterChecks {
        group::checks(plan, SOMETIMES)
    }

    fn smaller(&self, plan: &Plan<Op>) -> Vec<Plan<Op>> {
        ConsumerGroup.smaller(plan)
    }

    fn within_budget(&self, plan: &Plan<Op>) -> bool {
        ConsumerGroup.within_budget(plan)
    }

    fn resolve(&self, role: &str, world: &World<Member>, checks: &ClusterChecks) -> Option<NodeId> {
        ConsumerGroup.resolve(role, world, checks)
    }

    fn halted(&self, process: &Member) -> bool {
        ConsumerGroup.halted(process)
    }

    fn transfer(&self, role: &str, world: &mut World<Member>, checks: &ClusterChecks) -> bool {
        ConsumerGroup.transfer(role, world, checks)
    }

    fn message_kinds(&self) -> &'static [narrate::Kind] {
        ConsumerGroup.message_kinds()
    }

    fn message_kind(&self, message: &Message) -> &'static str {
        ConsumerGroup.message_kind(message)
    }

    fn message_fields(&self, message: &Message) -> Fields {
        ConsumerGroup.message_fields(message)
    }

    fn story(&self, facts: &[Fact], lanes: &[Lane]) -> Vec<(usize, String)> {
        ConsumerGroup.story(facts, lanes)
    }

    fn probe_kinds(&self) -> &'static [narrate::Kind] {
        ConsumerGroup.probe_kinds()
    }

    fn probe_kind(&self, probe: &Probe) -> &'static str {
        ConsumerGroup.probe_kind(probe)
    }

    fn probe_fields(&self, probe: &Probe) -> Fields {
        ConsumerGroup.probe_fields(probe)
    }

    fn probe_glyph(&self, probe: &Probe) -> char {
        ConsumerGroup.probe_glyph(probe)
    }

    fn partitions(&self, settings: &Settings) -> Vec<String> {
        ConsumerGroup.partitions(settings)
    }

    fn chronicle(&self, plan: &Plan<Op>) -> Option<Box<dyn Chronicle<Probe>>> {
        ConsumerGroup.chronicle(plan)
    }

    fn is_client(&self, member: &Member) -> bool {
        ConsumerGroup.is_client(member)
    }

    fn state(&self, member: &Member) -> Fields {
        ConsumerGroup.state(member)
    }
}
