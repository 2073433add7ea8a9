//! What conversation tests are made of: a runner for scripts, orders that most of them give, a bench of nodes, and a
//! client that is alone with a script.
//!
//! A bench does not know what lives on its nodes.

#![allow(unreachable_pub, reason = "a part of the test crate, not a library")]

pub mod bench;
pub mod lone;
pub mod orders;
pub mod script;
