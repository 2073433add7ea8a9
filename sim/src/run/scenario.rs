//! What a world of one's own brings, and the settings that it may have.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use squall_core::env::Process;
use squall_core::ids::NodeId;
use squall_core::time::Span;

use crate::check::Checks;
use crate::disk::DiskModel;
use crate::engine::{Spare, World, WorldConfig};
use crate::fault::FaultSpace;
use crate::history::Chronicle;
use crate::knob::{self, Knob};
use crate::narrate::{self, Fields, Kind};
use crate::network::LinkModel;
use crate::plan::{Operation, Plan};
use crate::recording::{Fact, Lane};
use crate::seed::Seed;
use crate::settings::{Overrides, Settings};

/// A story that can be played with any seed.
pub trait Scenario: Sync {
    /// What lives on the nodes.
    type Process: Process;
    /// What clients do, as plans write it.
    type Operation: Clone + Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned;
    /// What must hold.
    type Checks: Checks<Self::Process>;

    /// Its name in commands and capsules.
    fn name(&self) -> &'static str;

    /// One line: what it plays.
    fn about(&self) -> &'static str;

    /// Its own settings; a row with the key of one of sim's replaces that.
    fn knobs(&self) -> &'static [Knob];

    /// The known mistakes that can be switched on: name and one line each.
    fn quirks(&self) -> &'static [(&'static str, &'static str)];

    /// Why these settings cannot be together, in one line.
    fn check_settings(&self, settings: &Settings) -> Result<(), String>;

    /// What clients do, and what may break where. A pure function.
    fn plan(&self, seed: Seed, settings: &Settings) -> (Vec<Operation<Self::Operation>>, FaultSpace);

    /// The world at time zero. Its nodes boot as they are added, before any check looks.
    fn build(&self, plan: &Plan<Self::Operation>, spare: Spare<Self::Process>) -> World<Self::Process>;

    /// The checks at time zero; `spare` are those of a finished run, for their memory.
    fn checks(&self, plan: &Plan<Self::Operation>, spare: Option<Self::Checks>) -> Self::Checks;

    /// Who has `role` now.
    fn resolve(&self, role: &str, world: &World<Self::Process>, checks: &Self::Checks) -> Option<NodeId>;

    /// Asks whoever has `role` to hand it over; whether there was anybody to ask.
    fn transfer(&self, role: &str, world: &mut World<Self::Process>, checks: &Self::Checks) -> bool;

    /// Whether a process gave up because its disk failed it, and waits for somebody to start it again.
    fn halted(&self, _process: &Self::Process) -> bool {
        false
    }

    /// Smaller plans of the same story: a client, a server or a partition less, the settings, operations and
    /// faults renumbered or dropped to match. For shrinking; each is tried as it is.
    fn smaller(&self, _plan: &Plan<Self::Operation>) -> Vec<Plan<Self::Operation>> {
        Vec::new()
    }

    /// Whether no more breaks in `plan` than the scenario's promises survive. What a seed draws always does;
    /// a plan that settings or faults were taken from may not.
    fn within_budget(&self, _plan: &Plan<Self::Operation>) -> bool {
        true
    }

    /// The kinds of message that faults can aim at and timelines name.
    fn message_kinds(&self) -> &'static [Kind] {
        narrate::ANY_MESSAGE
    }

    /// The name of a message's kind, one of [`Scenario::message_kinds`]. Called often: it allocates nothing.
    fn message_kind(&self, _message: &<Self::Process as Process>::Message) -> &'static str {
        narrate::ANY_MESSAGE[0].name
    }

    /// What a message says.
    fn message_fields(&self, message: &<Self::Process as Process>::Message) -> Fields {
        narrate::content(message)
    }

    /// The kinds of fact that faults can aim at and timelines name.
    fn probe_kinds(&self) -> &'static [Kind] {
        narrate::ANY_FACT
    }

    /// The name of a fact's kind, one of [`Scenario::probe_kinds`]. Called often: it allocates nothing.
    fn probe_kind(&self, _probe: &<Self::Process as Process>::Probe) -> &'static str {
        narrate::ANY_FACT[0].name
    }

    /// What a fact says. Names in [`crate::narrate::field`] are understood by pages.
    fn probe_fields(&self, probe: &<Self::Process as Process>::Probe) -> Fields {
        narrate::content(probe)
    }

    /// A sign for a fact in a timeline: one character, one column wide.
    fn probe_glyph(&self, _probe: &<Self::Process as Process>::Probe) -> char {
        '*'
    }

    /// The partitions that fields name under these settings, if the scenario has any.
    fn partitions(&self, _settings: &Settings) -> Vec<String> {
        Vec::new()
    }

    /// Whoever turns the facts of one run into what its clients saw; `None`: nobody, the history is empty.
    fn chronicle(
        &self,
        _plan: &Plan<Self::Operation>,
    ) -> Option<Box<dyn Chronicle<<Self::Process as Process>::Probe>>> {
        None
    }

    /// Whether the process is outside the system: it asks, and serves nobody.
    fn is_client(&self, _process: &Self::Process) -> bool {
        false
    }

    /// What happened, a sentence for each fact that is worth one, with the fact's place: without its time,
    /// and without a full stop. `lanes` are the nodes by number.
    fn story(&self, facts: &[Fact], lanes: &[Lane]) -> Vec<(usize, String)> {
        let sentence = |fact: &Fact| {
            let node = lanes.get(fact.node as usize).map_or("nobody", |lane| lane.name.as_str());
            format!("{node}: {}{}", fact.kind, crate::explain::in_brackets(&fact.fields))
        };
        facts.iter().map(sentence).enumerate().collect()
    }

    /// A node's state, for people: what it leads, how far its logs go.
    fn state(&self, _process: &Self::Process) -> Fields {
        Fields::new()
    }
}

/// How often settings are drawn anew that the scenario calls impossible.
const ATTEMPTS: u64 = 64;

/// The settings of `seed`: drawn, with what was set. An error says why what was set cannot be.
pub fn draw_settings<S: Scenario + ?Sized>(
    scenario: &S,
    seed: Seed,
    overrides: &Overrides,
) -> Result<Settings, String> {
    let rows = knob::table(scenario.knobs());
    let mut refusal = String::new();
    for attempt in 0..ATTEMPTS {
        let settings = Settings::storm_again(seed, attempt, &rows, overrides);
        match scenario.check_settings(&settings) {
            Ok(()) => return Ok(settings),
            Err(why) => refusal = why,
        }
    }
    Err(refusal)
}

/// A world's beginning as sim's own knobs describe it.
pub fn world_config(settings: &Settings) -> WorldConfig {
    let micros = |key| Span::from_micros(settings.get(key));
    let (fastest, sync) = (micros("net.latency"), micros("disk.sync"));
    WorldConfig {
        link: LinkModel::latency(fastest, fastest + micros("net.jitter")),
        disk: DiskModel { sync_min: sync, sync_max: sync + micros("disk.sync_jitter"), ..DiskModel::CALM },
        ..WorldConfig::default()
    }
}
