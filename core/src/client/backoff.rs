//! How long to wait before asking again: grows, is capped, and differs from client to client.

use crate::host::Host;
use crate::time::Span;

/// Doublings of the first wait; Kafka's `retry.backoff.max.ms` is ten times its `retry.backoff.ms`.
const DOUBLINGS_MAX: u32 = 3;

/// The wait after `failures` failures in a row: `base` doubled for each but the first, up to eight times
/// `base`, give or take a fifth (KIP-580). Without the jitter clients that failed together return together.
pub(super) fn wait(base: Span, failures: u32, env: &mut Host<'_>) -> Span {
    let grown = base.times(1 << failures.saturating_sub(1).min(DOUBLINGS_MAX));
    let fifth = grown.0 / 5;
    Span(grown.0 - fifth + env.below(2 * fifth + 1))
}

/// No wait is longer.
pub(super) const fn longest(base: Span) -> Span {
    base.times((1 << DOUBLINGS_MAX) * 6 / 5 + 1)
}
