//! What clients do: send what the plan lists, read everything, work in groups and share groups, look after letters, make topics, ask for producer ids.
//!
//! Each is a process around a state machine of `core::client`; it names its records and reports what it
//! sent, was told and was handed. Deliberately absent: chance. What is done when stands in the plan.

mod admin;
mod id_taker;
mod person;
pub mod quiet;
mod reader;
mod sender;
mod share_worker;
mod worker;

pub use admin::Admin;
pub use id_taker::IdTaker;
pub use person::{Habits, Person};
pub use reader::Reader;
pub use sender::{Kind, Send, Sender};
pub use share_worker::{ShareStyle, ShareWorker, Trouble, Troubles};
pub use worker::{Act, Worker, Workstyle};

/// The topic that everything is about.
pub const TOPIC: &str = "events";
