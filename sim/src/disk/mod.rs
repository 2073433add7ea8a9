//! Disks: what is written, what is certain, and what a power loss leaves.
//!
//! A write acts at once on the cache, which a crash of the process keeps. A file remembers what would be
//! lost: the image that the last completed sync made durable, and the images of the syncs still under way.
//! A power loss then draws, for each 512-byte sector that differs, whether the old or the new one is there.
//! Names are journalled: what no completed directory sync covers survives as a prefix of the changes.
//! What a failing device does is in the model ([`DiskModel`]: errors, lies, stalls) or done once ([`Harm`]).
//! A sync that fails leaves a file as Linux does: its pages count as clean, so a later sync ends well and the
//! data is on the device only once it was written again.
//! Deliberately absent: queues and seeks. A sync takes a drawn time, everything else none.

mod directory;
mod extents;
mod file;
mod forsaken;
mod harm;
mod node;
mod power;

pub use harm::{Harm, PowerLoss};
pub use node::NodeDisk;

use squall_core::time::Span;

/// How a disk behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DiskModel {
    /// The fastest sync.
    pub sync_min: Span,
    /// The slowest sync, included. Each sync draws its own, uniformly; one may overtake another.
    pub sync_max: Span,
    /// What the device writes as a whole, in bytes: the grain at which a power loss tears.
    pub sector: u32,
    /// A write that needs more room than this, in bytes over all files, fails with `Full`.
    pub capacity: u64,
    /// Millionths of the writes that fail with `Io` and have no effect.
    pub write_error_ppm: u32,
    /// Millionths of the syncs that end with `Io` and make nothing durable.
    pub sync_error_ppm: u32,
    /// Millionths of the reads that fail with `Io`.
    pub read_error_ppm: u32,
    /// Syncs end well and make nothing durable.
    pub lies: bool,
    /// Syncs do not end, those under way included, until this is over.
    pub stalled: bool,
}

impl DiskModel {
    /// A healthy solid-state disk without limits: syncs take 200 µs to 2 ms.
    pub const CALM: Self = Self {
        sync_min: Span::from_micros(200),
        sync_max: Span::from_millis(2),
        sector: 512,
        capacity: u64::MAX,
        write_error_ppm: 0,
        sync_error_ppm: 0,
        read_error_ppm: 0,
        lies: false,
        stalled: false,
    };

    /// The same, with syncs that take `min` to `max`, both included.
    #[must_use]
    pub const fn syncing(self, min: Span, max: Span) -> Self {
        Self { sync_min: min, sync_max: max, ..self }
    }
}

impl Default for DiskModel {
    fn default() -> Self {
        Self::CALM
    }
}
