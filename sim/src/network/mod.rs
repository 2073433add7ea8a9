//! The network: which messages arrive, when, and how often.
//!
//! Holds: [`LinkModel`], how a one-way link behaves; the fabric of all links and cuts, which is the
//! engine's own. A link is like a TCP connection: messages arrive in the order they were sent, unless one
//! is drawn to be reordered, doubled or lost. A boot of either end makes a new connection, so messages of
//! an old life may be overtaken by those of the new one.
//! Deliberately absent: messages themselves. The fabric decides about times, the engine carries.

mod fabric;
mod link;

pub(crate) use fabric::{Fabric, SpareFabric};
use link::Link;

use squall_core::time::Span;

/// How the messages of a one-way link fare. Chances are in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkModel {
    /// The fastest delivery.
    pub latency_min: Span,
    /// The slowest delivery, included. Each message draws its own, uniformly.
    pub latency_max: Span,
    /// A message is lost.
    pub loss_ppm: u32,
    /// A message arrives twice, the second copy out of order.
    pub duplicate_ppm: u32,
    /// A message falls behind by up to `reorder_extra`, and those sent after it may overtake it.
    pub reorder_ppm: u32,
    /// How far a reordered message or a second copy falls behind at most.
    pub reorder_extra: Span,
    /// A message takes much longer, and those sent after it wait for it.
    pub tail_ppm: u32,
    /// How much longer at most.
    pub tail_extra: Span,
    /// How many bytes a second the link carries; 0: as many as come.
    pub bandwidth: u64,
}

/// The longest line before a link of little bandwidth: what would wait longer is lost.
pub const LONGEST_LINE: Span = Span::from_secs(1);

impl LinkModel {
    /// A calm local network: 100 to 500 µs, nothing lost.
    pub const CALM: Self = Self::latency(Span::from_micros(100), Span::from_micros(500));

    /// Nothing lost, doubled or reordered; deliveries take `min` to `max`, both included.
    pub const fn latency(min: Span, max: Span) -> Self {
        Self {
            latency_min: min,
            latency_max: max,
            loss_ppm: 0,
            duplicate_ppm: 0,
            reorder_ppm: 0,
            reorder_extra: Span::ZERO,
            tail_ppm: 0,
            tail_extra: Span::ZERO,
            bandwidth: 0,
        }
    }

    /// The same, with `ppm` millionths of the messages lost.
    #[must_use]
    pub const fn losing(self, ppm: u32) -> Self {
        Self { loss_ppm: ppm, ..self }
    }

    /// The same, with `ppm` millionths of the messages doubled.
    #[must_use]
    pub const fn doubling(self, ppm: u32) -> Self {
        Self { duplicate_ppm: ppm, ..self }
    }

    /// The same, with `ppm` millionths of the messages up to `extra` late and out of order.
    #[must_use]
    pub const fn reordering(self, ppm: u32, extra: Span) -> Self {
        Self { reorder_ppm: ppm, reorder_extra: extra, ..self }
    }

    /// The same, with `ppm` millionths of the messages up to `extra` slower, and all behind them.
    #[must_use]
    pub const fn with_tail(self, ppm: u32, extra: Span) -> Self {
        Self { tail_ppm: ppm, tail_extra: extra, ..self }
    }

    /// The same, with `bytes` a second carried at most.
    #[must_use]
    pub const fn carrying(self, bytes: u64) -> Self {
        Self { bandwidth: bytes, ..self }
    }

    /// Whether every message arrives once, in order, and when its latency says.
    #[inline]
    pub const fn is_fair(&self) -> bool {
        let chances = self.loss_ppm | self.duplicate_ppm | self.reorder_ppm | self.tail_ppm;
        chances as u64 | self.bandwidth == 0
    }
}

impl Default for LinkModel {
    fn default() -> Self {
        Self::CALM
    }
}
