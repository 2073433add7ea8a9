//! What conversation tests are made of: a runner for scripts and a bench of nodes.
//!
//! Nothing here knows what lives on the nodes.

#![allow(unreachable_pub, reason = "a part of the test crate, not a library")]

pub mod bench;
pub mod script;
