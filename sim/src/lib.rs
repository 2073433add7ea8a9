//! The world: a seeded, single-threaded universe in which state machines live.
//!
//! `sim` knows no broker. Whatever implements [`squall_core::env::Process`] can be put on a node; all that
//! it then sees of time, network, disk and chance is drawn from one seed, and a run is repeated bit for bit
//! by the same seed and the same acts. The rooms, from the ground up:
//!
//! | room | holds |
//! |---|---|
//! | [`seed`] | one seed, a stream of chance for each cause |
//! | [`fingerprint`] | the running digest that two equal runs share |
//! | [`clock`] | what a node believes the time to be |
//! | [`network`] | links, cuts, and what becomes of a message |
//! | [`disk`] | files, their unsynced changes, what a power loss leaves of them |
//! | [`trace`] | the last events, and virtual time for log lines |
//! | [`engine`] | the world itself: the queue of events, the nodes, the acts of an operator |
//! | [`knob`], [`settings`] | the table of settings; their values in one run |
//! | [`fault`] | what can go wrong, and the budget it is drawn from |
//! | [`plan`] | everything a run needs, written out |
//! | [`check`] | what must hold |
//! | [`run`] | one plan: storm, then calm |
//! | [`campaign`] | many seeds on all cores |
//! | [`narrate`] | the words for messages, facts and states |
//! | [`record`], [`history`] | what a run leaves behind; what its clients saw |
//! | [`likeness`] | whether two runs fail in the same way |
//! | [`shrink`], [`explain`] | the smallest plan with the same failure; what it needs of it |
//! | [`timeline`] | what happens in a run, line by line, for whoever watches |
//! | [`recording`] | one run as a diagram needs it |
//! | [`capsule`] | a run in a file |
//! | [`steps`] | what each event of a run was, for telling where a replay departs |
//!
//! Deliberately absent: a real clock, a thread, hash-ordered collections, floats in anything that decides.

pub mod campaign;
pub mod capsule;
pub mod check;
pub mod clock;
pub mod disk;
pub mod engine;
pub mod explain;
pub mod fault;
pub mod fingerprint;
pub mod history;
pub mod knob;
pub mod likeness;
pub mod narrate;
pub mod network;
pub mod plan;
pub mod record;
pub mod recording;
pub mod run;
pub mod seed;
pub mod settings;
pub mod shrink;
pub mod steps;
pub mod timeline;
pub mod trace;
