//! What share groups have before them when nothing breaks any more, and until when they must have worked it.
//!
//! Set down once all is quiet, from what was sent and what workers said; a change of the metadata begins it anew.

use std::cmp::Reverse;

use squall_core::ids::Offset;
use squall_core::share::probe::SharePartition;
use squall_core::time::{Span, Time};

/// How long a record may wait, in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Until all is over that was under way when the quiet began.
    pub warm: Span,
    /// For each delivery that comes first, of its own partition.
    pub turn: Span,
    /// For each delivery of another partition.
    pub aside: Span,
    /// For each offset that is read over, in each of those.
    pub read: Span,
    /// For each delivery of its own partition, by the pace.
    pub paced: Span,
    /// For each delivery of its own: later records may have used up the pace while it was held.
    pub interval: Span,
    /// For each slow record.
    pub slow: Span,
    /// So many are delivered at once, if there are so many.
    pub at_once: u64,
    /// So many deliveries fail beside those of each slow record.
    pub in_hand: u64,
    /// So often a record is delivered in one life.
    pub limit: u64,
    /// So often one is put back.
    pub put_backs: u64,
    /// Whether what is delivered may be anybody's guess: any record may fail then.
    pub is_late: bool,
}

/// What is hard about a record that waits, as far as that matters to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hard {
    /// Nothing.
    Ordinary,
    /// It takes too long the first time.
    Slow,
    /// It is given up at once, in so many lives.
    Rejected(u64),
    /// Whoever works it fails, in so many lives; or nobody knows.
    Poison(u64),
}

/// A record that was not worked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Where it lies.
    pub offset: Offset,
    /// What is hard about it.
    pub hard: Hard,
    /// So often it was delivered.
    pub turns: u64,
    /// It is there for certain, and nobody may have worked it unheard of.
    pub is_certain: bool,
}

impl Bound {
    /// How many more deliveries a record may take. One may be under way to a worker that is no more.
    pub fn deliveries(&self, record: &Waiting) -> u64 {
        let poisoned = |lives: u64| (self.limit * lives).saturating_sub(record.turns) + 2 * lives;
        let once_more = 1;
        once_more
            + match record.hard {
                _ if self.is_late => poisoned(1 + self.put_backs),
                Hard::Ordinary => 1,
                Hard::Slow => 2,
                Hard::Rejected(lives) => 3 * lives,
                // It may be worked in its last.
                Hard::Poison(lives) => 1 + poisoned(lives),
            }
    }

    /// So many turns `deliveries` take at most.
    fn turns(&self, deliveries: u64) -> u64 {
        deliveries.min((2 * deliveries).div_ceil(self.at_once))
    }
}

/// The records that one share-partition has before it, by offset, and its partition's end.
#[derive(Debug, Clone)]
pub struct Ahead {
    /// Whose.
    pub of: SharePartition,
    /// What is not worked.
    pub records: Vec<Waiting>,
    /// One past the last.
    pub end: Offset,
}

/// A record that is to be worked in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// Until then.
    pub until: Time,
    /// By whom, and where it lies.
    pub of: SharePartition,
    /// Which.
    pub offset: Offset,
    /// How many records that something is hard about lie before it and were not worked either.
    pub behind: u32,
}

/// What is awaited.
#[derive(Debug, Clone, Default)]
pub struct Backlog {
    /// Since when nothing changes, and the end of the metadata then.
    pub quiet: Option<(Time, Offset)>,
    /// The last first.
    pub awaited: Vec<Awaited>,
}

impl Backlog {
    /// All is quiet from now on, and one group has this before it.
    pub fn begin(&mut self, bound: &Bound, now: Time, group: &[Ahead]) {
        let all = group.iter().flat_map(|ahead| &ahead.records);
        let slow = all.filter(|record| record.hard == Hard::Slow).count() as u64;
        let once = bound.warm + bound.slow.times(slow);
        for own in group {
            let others = group.iter().filter(|other| other.of != own.of);
            let aside = others.fold(Span::ZERO, |sum, other| {
                let deliveries = other.records.iter().map(|record| bound.deliveries(record)).sum();
                sum + (bound.aside + bound.read.times(other.end.0)).times(bound.turns(deliveries))
            });
            let turn = bound.turn + bound.read.times(2 * own.end.0);
            let (mut first, mut behind) = (slow * bound.in_hand, 0);
            for record in &own.records {
                let own_deliveries = bound.deliveries(record);
                first += own_deliveries;
                let is_hard = !matches!(record.hard, Hard::Ordinary);
                if record.is_certain && matches!(record.hard, Hard::Ordinary | Hard::Slow) {
                    let own_pace = bound.interval.times(own_deliveries + slow * bound.in_hand);
                    let turns = turn.times(bound.turns(first));
                    let waits = once + aside + turns + bound.paced.times(first) + own_pace;
                    let (of, offset) = (own.of.clone(), record.offset);
                    self.awaited.push(Awaited { until: now + waits, of, offset, behind });
                }
                behind += u32::from(is_hard);
            }
        }
        self.awaited.sort_by_key(|awaited| Reverse(awaited.until));
    }
}
