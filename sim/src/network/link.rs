//! One direction between two nodes: its streams of chance and the order of its messages.

use squall_core::ids::NodeId;
use squall_core::time::{Span, Time};

use super::{LONGEST_LINE, LinkModel};
use crate::seed::{Rng, Seed, Stream};

/// A link that has carried a message or has a model of its own.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    from: NodeId,
    to: NodeId,
    pub(super) model: LinkModel,
    /// Whether the model was set for this link, so that a new default leaves it alone.
    pub(super) own_model: bool,
    /// When the last message in order arrives; none overtakes it.
    last_due: Time,
    /// When the line before it is empty, where it carries so many bytes a second.
    line_until: Time,
    latency: Rng,
    /// Made at the first unfair message: most links are fair all their life.
    weather: Option<Box<Rng>>,
    seed: Seed,
}

/// What becomes of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fate {
    /// When it arrives; `None` if it is lost.
    pub(crate) due: Option<Time>,
    /// When a second copy arrives.
    pub(crate) copy_due: Option<Time>,
    /// Whether later messages may overtake it.
    pub(crate) reordered: bool,
}

impl Link {
    pub(super) fn new(seed: Seed, from: NodeId, to: NodeId, model: LinkModel) -> Self {
        Self {
            from,
            to,
            model,
            own_model: false,
            last_due: Time::ZERO,
            line_until: Time::ZERO,
            latency: seed.stream(Stream::Link(from, to)),
            weather: None,
            seed,
        }
    }

    pub(super) fn touches(&self, node: NodeId) -> bool {
        self.from == node || self.to == node
    }

    /// A new connection: nothing waits for what the old one still carries.
    pub(super) fn reconnect(&mut self) {
        self.last_due = Time::ZERO;
        self.line_until = Time::ZERO;
    }

    /// Decides about a message of `size` bytes sent at `now`. One draw, two at most, on a fair link.
    #[inline]
    pub(crate) fn carry(&mut self, now: Time, size: impl FnOnce() -> u64) -> Fate {
        let arrival = now + self.draw_latency();
        if self.model.is_fair() {
            return Fate { due: Some(self.in_order(arrival)), copy_due: None, reordered: false };
        }
        let waits =
            if self.model.bandwidth == 0 { Some(Span::ZERO) } else { self.stand_in_line(now, size()) };
        self.carry_unfairly(arrival, waits)
    }

    /// How long a message waits until its last byte is on the wire; `None` if the line is too long for it.
    fn stand_in_line(&mut self, now: Time, size: u64) -> Option<Span> {
        let begins = self.line_until.max(now);
        if begins.since(now) > LONGEST_LINE {
            return None;
        }
        let takes = u128::from(size) * 1_000_000_000 / u128::from(self.model.bandwidth);
        self.line_until = begins + Span(u64::try_from(takes).unwrap_or(u64::MAX));
        Some(self.line_until.since(now))
    }

    /// Always the same number of draws, so that a chance that changes moves no later message.
    #[cold]
    #[inline(never)]
    fn carry_unfairly(&mut self, arrival: Time, waits: Option<Span>) -> Fate {
        let LinkModel { loss_ppm, duplicate_ppm, reorder_ppm, reorder_extra, .. } = self.model;
        let LinkModel { tail_ppm, tail_extra, .. } = self.model;
        let (from, to, seed) = (self.from, self.to, self.seed);
        let weather = self.weather.get_or_insert_with(|| Box::new(seed.stream(Stream::Weather(from, to))));
        let lost = weather.chance_ppm(loss_ppm);
        let doubled = weather.chance_ppm(duplicate_ppm);
        let reordered = weather.chance_ppm(reorder_ppm);
        let late = weather.span(Span::ZERO, reorder_extra);
        let copy_late = weather.span(Span::ZERO, reorder_extra);
        let tail = if weather.chance_ppm(tail_ppm) { tail_extra } else { Span::ZERO };
        let tail = weather.span(Span(tail.0 / 2), tail);
        let Some(waits) = waits.filter(|_| !lost) else {
            return Fate { due: None, copy_due: None, reordered: false };
        };
        let arrival = arrival + waits + tail;
        let due = if reordered { arrival + late } else { self.in_order(arrival) };
        Fate { due: Some(due), copy_due: doubled.then_some(due + copy_late), reordered }
    }

    #[inline]
    fn in_order(&mut self, arrival: Time) -> Time {
        self.last_due = self.last_due.max(arrival);
        self.last_due
    }

    #[inline]
    fn draw_latency(&mut self) -> Span {
        let LinkModel { latency_min, latency_max, .. } = self.model;
        // A width of zero would mean a range the wrong way round: then the minimum holds.
        let width = (latency_max - latency_min).0.saturating_add(1);
        if let Ok(width) = u32::try_from(width) {
            let drawn = u64::from(self.latency.draw_half()) * u64::from(width);
            return latency_min + Span(drawn >> 32);
        }
        latency_min + Span(self.latency.below(width))
    }
}
