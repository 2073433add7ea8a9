//! What the controllers decided: the records of the metadata log and the image they fold into.
//!
//! Both the controller and every broker hold an image; equal prefixes of the log give equal images. An
//! image changes only by [`Image::apply`] and [`Image::load`].
//! Deliberately absent: decisions. Which record is written is the controller's business.

mod codec;
mod digest;
mod image;
mod records;
#[cfg(test)]
mod strategies;

pub use codec::DecodeError;
pub use image::{BrokerState, Image, TopicState};
pub use records::{MetadataRecord, PartitionState};

/// An image, shared.
pub type Snapshot = Image;
