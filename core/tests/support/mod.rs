//! What conversation tests are made of: a runner for scripts, a bench of nodes, and what any of them takes orders for.
//!
//! Nothing here knows what lives on the nodes.

#![allow(unreachable_pub, reason = "a part of the test crate, not a library")]

pub mod bench;
pub mod orders;
pub mod script;
