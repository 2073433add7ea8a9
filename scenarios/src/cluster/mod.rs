//! A cluster: who lives on which node, built from settings.
//!
//! Holds: the layout (brokers first, so that a broker's number is its node's; then controllers; then
//! clients), the one process type that all of them are, the translation of settings into the
//! configurations of core, and what their work costs where it costs anything. Deliberately absent: what clients do ([`crate::workload`]) and judgement.

mod beyond;
mod costs;
mod layout;
mod member;
mod roles;
mod settings;

pub use beyond::forgetful;
pub use costs::{Charged, Costs};
pub use layout::Layout;
pub use member::Member;
pub use roles::Role;
pub(crate) use settings::millis;
pub use settings::{
    KNOBS, broker_config, check, cleanup, controller_config, flush, layout, round_trip, timeouts,
};
