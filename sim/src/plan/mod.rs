//! Plans: everything a run needs, written out. A run is a function of its plan.
//!
//! A seed expands to a plan by a pure function ([`Plan::from_seed`]); that function may change from version
//! to version, so a capsule holds the plan. Whatever may be taken away from a plan leaves a plan.

#[cfg(any(test, feature = "proptest"))]
pub mod strategy;
pub mod written;

use serde::{Deserialize, Serialize};

use crate::fault::{PlannedFault, generate, text};
use crate::run::Scenario;
use crate::seed::Seed;
use crate::settings::Settings;

/// One operation of one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation<O> {
    /// When the client begins it, in nanoseconds of virtual time.
    #[serde(with = "text")]
    pub at: u64,
    /// Which client.
    pub client: u32,
    /// What it does.
    pub op: O,
}

/// A whole run before it happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan<O> {
    /// The scenario's name.
    pub scenario: String,
    /// Where the world's own chance comes from (latencies, torn sectors, process draws).
    pub seed: u64,
    /// Every knob's value.
    pub settings: Settings,
    /// What clients do, in order of time.
    pub operations: Vec<Operation<O>>,
    /// What goes wrong: first what waits for its moment, then the rest in order of time.
    pub faults: Vec<PlannedFault>,
    /// How long the storm lasts, in nanoseconds.
    #[serde(with = "text")]
    pub storm: u64,
    /// How long the calm may take to converge, in nanoseconds.
    #[serde(with = "text")]
    pub calm: u64,
    /// Known mistakes that are switched on, by name.
    pub quirks: Vec<String>,
}

impl<O> Plan<O> {
    /// The plan that `seed` and `settings` mean.
    pub fn from_seed<S>(scenario: &S, seed: Seed, settings: Settings, quirks: &[String]) -> Self
    where
        S: Scenario<Operation = O> + ?Sized,
    {
        let (operations, space) = scenario.plan(seed, &settings);
        Self {
            scenario: scenario.name().to_owned(),
            seed: seed.0,
            operations,
            faults: generate(seed, &space, &settings),
            storm: settings.get("run.storm") * 1_000_000,
            calm: settings.get("run.calm") * 1_000_000,
            settings,
            quirks: quirks.to_vec(),
        }
    }

    /// Whether the quirk `name` is switched on.
    pub fn has_quirk(&self, name: &str) -> bool {
        self.quirks.iter().any(|quirk| quirk == name)
    }
}
