//! squall: a deterministic simulation testbed for distributed messaging.
//!
//! This crate puts worlds together: clusters of `squall-core`'s brokers and controllers in `squall-sim`'s
//! seeded world, with workloads, faults within a budget, and every invariant watched. It is the library that
//! tests import, and the `squall` command.
//!
//! ```
//! use squall::replicated_log::ReplicatedLog;
//!
//! // Sixteen storms; a failing seed panics with the line that repeats it.
//! squall::check(ReplicatedLog).seeds(0..16).run();
//! ```
//!
//! A world of your own needs no cluster: `squall_sim::run::Sim` takes any `squall_core::env::Process`; see
//! `sim/examples/lease.rs`.
//!
//! | room | holds |
//! |---|---|
//! | [`cluster`] | who lives on which node, settings |
//! | [`workload`] | what clients do |
//! | [`ghost`] | what an all-seeing observer knows, folded from probes |
//! | [`invariants`] | what must hold, by name |
//! | [`contract`] | what settings promise of each record, and what may be lost, with evidence |
//! | [`checks`] | from a probe to what it could have broken; the calm; the end |
//! | [`replicated_log`], [`quorum`], [`consumer_group`], [`exactly_once`], [`work_queue`], [`scaling`] | the scenarios |
//! | [`OnCluster`] | what the scenarios have in common; [`ClusterScenario`] is what a scenario says of itself |
//! | [`quirks`] | known historical mistakes, by name |
//! | [`command`] | the `squall` command |

mod check;
pub mod checks;
pub mod cluster;
pub mod command;
pub mod consumer_group;
pub mod contract;
pub mod exactly_once;
pub mod ghost;
pub mod invariants;
mod moments;
mod narrate;
mod on_cluster;
mod pinned;
pub mod quirks;
pub mod quorum;
pub mod replicated_log;
mod roles_in_world;
pub mod scaling;
mod smaller;
mod table;
pub mod work_queue;
pub mod workload;

pub use check::{Check, check};
pub use on_cluster::{ClusterScenario, OnCluster};
pub use pinned::{Pinned, pinned};

use squall_sim::campaign::AnyScenario;

/// Every scenario.
pub fn scenarios() -> &'static [&'static dyn AnyScenario] {
    &[
        &replicated_log::ReplicatedLog,
        &quorum::Quorum,
        &consumer_group::ConsumerGroup,
        &exactly_once::ExactlyOnce,
        &work_queue::WorkQueue,
        &scaling::Scaling,
    ]
}
