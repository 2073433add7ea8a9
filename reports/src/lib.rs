//! Reads run records and writes what people and programs read.
//!
//! | room | holds |
//! |---|---|
//! | [`campaign`] | a campaign as a table |
//! | [`run`] | a run in a few lines |
//! | [`finding`] | one failure: what, where, how to repeat it |
//! | [`shrink`] | what shrinking took away |
//! | [`document`] | the same as JSON |
//! | [`text`] | aligned columns, numbers and times for people |
//!
//! Knows the records of `squall-sim` and nothing else: no broker, no clock, no terminal. Text has at most
//! 100 columns.

pub mod campaign;
pub mod document;
pub mod finding;
pub mod run;
#[cfg(test)]
mod samples;
pub mod shrink;
pub mod text;

pub use document::{BeforeAfter, CampaignDocument, FindingDocument, SeedsDocument};
pub use shrink::ShrinkDocument;
