//! One seed, a stream of chance for each cause.
//!
//! A stream is keyed by the seed and a named purpose, so one more draw in one of them moves nothing in
//! another: a fault that a shrinker takes out leaves every remaining latency as it was.
//! Deliberately absent: floats (their rounding differs between targets) and any source of chance of its own.

use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng};
use squall_core::ids::NodeId;
use squall_core::time::Span;

use crate::fingerprint::Digest;

/// What a run is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream of `purpose`: always the same, wherever and whenever it is asked for.
    pub fn stream(self, purpose: Stream) -> Rng {
        let (tag, first, second) = purpose.words();
        let mut key = [0; 32];
        for (place, word) in key.chunks_exact_mut(8).zip([self.0, tag, first, second]) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        Rng(ChaCha8Rng::from_seed(key))
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Seed {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A cause of chance. Causes never share draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// How many nodes there are, and who lives where.
    Topology,
    /// The values of settings.
    Settings,
    /// What clients do.
    Workload,
    /// Which faults there are and when.
    Faults,
    /// The latencies of the messages from the first to the second.
    Link(NodeId, NodeId),
    /// Their misfortunes: loss, duplication, reordering. Apart from the latencies, so that a link that
    /// begins to lose messages delivers the others when it would have delivered them anyway.
    Weather(NodeId, NodeId),
    /// The latencies and errors of a disk.
    Disk(NodeId),
    /// What a power loss leaves on a disk.
    Damage(NodeId),
    /// How far a clock is off.
    Clock(NodeId),
    /// What the process on a node draws.
    Process(NodeId),
    /// A purpose of the user's own, by name.
    User(&'static str),
    /// One of many purposes of the same name.
    UserNumber(&'static str, u64),
}

impl Stream {
    /// The purpose as a part of the key. A tag, once used, keeps its meaning: replays depend on it.
    fn words(self) -> (u64, u64, u64) {
        let node = |node: NodeId| u64::from(node.0);
        match self {
            Self::Topology => (1, 0, 0),
            Self::Settings => (2, 0, 0),
            Self::Workload => (3, 0, 0),
            Self::Faults => (4, 0, 0),
            Self::Link(from, to) => (5, node(from), node(to)),
            Self::Weather(from, to) => (6, node(from), node(to)),
            Self::Disk(of) => (7, node(of), 0),
            Self::Damage(of) => (8, node(of), 0),
            Self::Clock(of) => (9, node(of), 0),
            Self::Process(of) => (10, node(of), 0),
            Self::User(name) => (11, name_word(name), 0),
            Self::UserNumber(name, number) => (12, name_word(name), number),
        }
    }
}

/// A name as a word of the key.
fn name_word(name: &str) -> u64 {
    let mut digest = Digest::new();
    digest.write(name.as_bytes());
    digest.finish()
}

/// A stream of chance: ChaCha8, four blocks at a time.
#[derive(Debug, Clone)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// 64 random bits.
    #[inline]
    pub fn draw(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 32 random bits, at half the cost of 64.
    #[inline]
    pub fn draw_half(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A number below `bound`; 0 if `bound` is 0. The bias is below 2⁻³² for bounds below 2³².
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.draw()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included. `low` if they are the wrong way round.
    #[inline]
    pub fn in_range(&mut self, low: u64, high: u64) -> u64 {
        match high.saturating_sub(low).checked_add(1) {
            Some(width) => low + self.below(width),
            None => self.draw(),
        }
    }

    /// A span from `low` to `high`, both included.
    #[inline]
    pub fn span(&mut self, low: Span, high: Span) -> Span {
        Span(self.in_range(low.0, high.0))
    }

    /// Whether something of a chance of `ppm` millionths happens.
    #[inline]
    pub fn chance_ppm(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < u64::from(ppm)
    }

    /// Whether something of a chance of `per_mille` thousandths happens.
    #[inline]
    pub fn chance_per_mille(&mut self, per_mille: u32) -> bool {
        self.below(1_000) < u64::from(per_mille)
    }

    /// One of `items`; `None` if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    /// Puts `items` into any order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: u64, purpose: Stream) -> [u64; 4] {
        let mut rng = Seed(seed).stream(purpose);
        [rng.draw(), rng.draw(), rng.draw(), rng.draw()]
    }

    #[test]
    fn every_purpose_and_every_seed_has_a_stream_of_its_own() {
        let (a, b) = (NodeId(1), NodeId(2));
        let purposes = [
            Stream::Topology,
            Stream::Settings,
            Stream::Workload,
            Stream::Faults,
            Stream::Link(a, b),
            Stream::Link(b, a),
            Stream::Weather(a, b),
            Stream::Disk(a),
            Stream::Disk(b),
            Stream::Damage(a),
            Stream::Clock(a),
            Stream::Process(a),
            Stream::User("a"),
            Stream::User("b"),
            Stream::UserNumber("a", 0),
            Stream::UserNumber("a", 1),
        ];
        let mut firsts: Vec<_> =
            purposes.iter().flat_map(|&purpose| [first(1, purpose), first(2, purpose)]).collect();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 2 * purposes.len());
    }

    #[test]
    fn a_draw_in_one_stream_moves_nothing_in_another() {
        let seed = Seed(7);
        let mut link = seed.stream(Stream::Link(NodeId(0), NodeId(1)));
        let before = first(7, Stream::Workload);
        link.draw();
        assert_eq!(first(7, Stream::Workload), before);
    }

    #[test]
    fn a_stream_is_the_same_on_every_machine_and_in_every_version() {
        // A change here makes every capsule ever written unreplayable.
        let mut rng = Seed(42).stream(Stream::Faults);
        assert_eq!(
            [rng.draw(), rng.below(1_000), rng.in_range(10, 19)],
            [2_055_443_106_574_734_060, 311, 14]
        );
    }

    #[test]
    fn bounds_hold_at_their_edges() {
        let mut rng = Seed(3).stream(Stream::User("edges"));
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below(1), 0);
        assert_eq!(rng.in_range(5, 5), 5);
        assert_eq!(rng.in_range(9, 5), 9);
        let _whole_range = rng.in_range(0, u64::MAX);
        assert!(!rng.chance_ppm(0));
        assert!(rng.chance_ppm(1_000_000));
        assert!(rng.chance_per_mille(1_000));
        assert_eq!(rng.pick::<u8>(&[]), None);
        assert!((0..200).all(|_| (3..=4).contains(&rng.in_range(3, 4))));
    }

    #[test]
    fn a_shuffle_loses_nothing_and_reaches_every_order() {
        let mut rng = Seed(4).stream(Stream::User("shuffle"));
        let mut orders = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mut items = [1, 2, 3];
            rng.shuffle(&mut items);
            orders.insert(items);
        }
        assert_eq!(orders.len(), 6);
    }
}
