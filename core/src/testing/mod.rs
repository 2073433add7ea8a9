//! An in-memory world for unit and conversation tests; the simulator has its own.
//!
//! Holds a disk, and nothing else so far. Nothing outside of tests may use it.

mod disk;

pub use disk::{Below, PowerLoss, TestDisk};
