//! Aimed faults and plans that people write, on a world small enough to say what must come of them.

mod desk;
mod plans;
mod rules;
mod triggers;
