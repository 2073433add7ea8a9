//! What conversation tests are made of: a runner for scripts and a bench of nodes.
//!
//! A test crate takes it in with `#[path = "../support/mod.rs"] mod support;`. Nothing here knows what lives
//! on the nodes.

#![allow(dead_code, reason = "no test crate uses all of it")]
#![allow(unreachable_pub, reason = "a part of each test crate, not a library")]

pub mod bench;
pub mod script;
