//! squall: a deterministic simulation testbed for distributed messaging.

pub mod checks;
pub mod cluster;
pub mod ghost;
pub mod invariants;
pub mod quirks;
pub mod quorum;
pub mod replicated_log;
mod roles_in_world;
mod table;
pub mod workload;

use squall_sim::campaign::AnyScenario;

/// Every scenario.
pub fn scenarios() -> &'static [&'static dyn AnyScenario] {
    &[&replicated_log::ReplicatedLog, &quorum::Quorum]
}
