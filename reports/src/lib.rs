//! Reads run records and writes what people and programs read.
//!
//! | room | holds |
//! |---|---|
//! | [`campaign`] | a campaign as a table |
//! | [`run`] | a run in a few lines |
//! | [`finding`] | one failure: what, where, how to repeat it |
//! | [`explain`] | what each fault of a failure is needed for |
//! | [`shrink`] | what shrinking took away |
//! | [`timeline`] | what happened, a line for each state change, nodes in lanes |
//! | [`still`] | every node at a moment |
//! | [`history`] | a judged history, each anomaly with its operations |
//! | [`scaling`] | what more partitions and consumers bring: a table, a document, a chart |
//! | [`document`] | the same as JSON |
//! | [`report`] | one failure with all that is known of it, for the documents below |
//! | [`reading`] | what a recording shows: who led when, how far each replica was |
//! | [`page`] | the failure as one HTML page |
//! | [`markdown`], [`perfetto`], [`pinned`] | the same for an issue tracker, for a trace viewer, as a test |
//! | [`text`] | aligned columns, numbers and times for people |
//!
//! Knows the records of `squall-sim` and nothing else: no broker, no clock, no terminal. Text has at most
//! 100 columns; timelines and states are as wide as they are.

pub mod campaign;
pub mod document;
pub mod explain;
pub mod finding;
pub mod history;
pub mod markdown;
pub mod page;
pub mod perfetto;
pub mod pinned;
pub mod reading;
pub mod report;
pub mod run;
#[cfg(test)]
mod samples;
pub mod scaling;
pub mod shrink;
pub mod still;
pub mod text;
pub mod timeline;

pub use document::{BeforeAfter, CampaignDocument, FindingDocument, SeedsDocument};
pub use shrink::ShrinkDocument;
