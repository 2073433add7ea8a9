//! What clients do: send what the plan lists, read everything, work in groups and share groups, look after letters, make topics, ask for producer ids.
//!
//! Each is a process around a state machine of `core::client`; it names its records and reports what it
//! sent, was told and was handed. Deliberately absent: chance. What is done when stands in the plan.

mod admin;
mod effects_reader;
mod id_taker;
pub(crate) mod names;
mod person;
mod pipeline;
pub mod quiet;
mod reader;
mod sender;
mod share_worker;
mod worker;

pub use admin::Admin;
pub use effects_reader::EffectsReader;
pub use id_taker::IdTaker;
pub use person::{Habits, Person};
pub use pipeline::{Pace, Pipeline, Step};
pub use reader::Reader;
pub use sender::{Kind, Send, Sender};
pub use share_worker::{ShareStyle, ShareWorker, Trouble, Troubles};
pub use worker::{Act, Worker, Workstyle};

/// The topic that everything is about.
pub const TOPIC: &str = "events";

/// The topic that pipelines write to.
pub const EFFECTS: &str = "effects";
