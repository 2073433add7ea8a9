//! The simulator under test, on worlds small enough to say what must come of them.

mod aimed;
mod campaign;
mod capsule;
mod common;
mod courses;
mod determinism;
mod disk_run;
mod explain;
mod fork;
mod histories;
mod lease;
mod published_histories;
mod recording;
mod run;
mod shrink;
mod world;
