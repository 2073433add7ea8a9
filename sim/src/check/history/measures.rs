//! What is measured and never an error: how stale reads were, what was consumed more than once, why operations
//! crashed.

use std::collections::{BTreeMap, BTreeSet};

use super::tables::{Done, NOWHERE, Tables};
use crate::history::Kind;
use crate::history::op::{Action, Key, Name};

/// For how long it was certain that a client did not see the end of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// When the poll was invoked, in nanoseconds.
    pub time: u64,
    /// The client; none if nobody ever polled.
    pub process: Option<i64>,
    /// The key.
    pub key: Option<Key>,
    /// How long the next record had been there already, in nanoseconds.
    pub lag: u64,
}

/// A value that a subscribed client consumed more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumed {
    /// The client.
    pub process: i64,
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Name,
    /// How often.
    pub count: u64,
}

/// When each offset of a key was first known to exist: knowing one proves all below. Highest offset, time.
type Expiry = Vec<(u64, u64)>;

/// Where a client is in a key: the next offset, and when that was first known to exist.
#[derive(Debug, Clone, Copy)]
struct Position {
    next: u64,
    since: u64,
    /// Where in the key's [`Expiry`] that stands: clients read on, so the next search begins there.
    at: usize,
}

impl Position {
    /// Where nothing was read.
    const START: Self = Self { next: 0, since: u64::MAX, at: 0 };

    /// Moves to an offset that does not lie before.
    fn moved(self, next: u64, expiry: &Expiry) -> Self {
        let mut step = 1;
        let mut from = self.at;
        while expiry.get(from + step).is_some_and(|(highest, _)| *highest < next) {
            from += step;
            step *= 2;
        }
        let to = expiry.len().min(from + step);
        let at = from + expiry[from..to].partition_point(|(highest, _)| *highest < next);
        Self { next, since: expiry.get(at).map_or(u64::MAX, |(_, time)| *time), at }
    }
}

/// Follows every client through the history. The lags themselves are kept only if asked for: there are as many
/// as polls times keys.
pub(super) fn lags(tables: &Tables, keep: bool) -> (Lag, Vec<Lag>) {
    let expiries = expiries(tables);
    let mut clients: BTreeMap<i64, BTreeMap<u32, Position>> = BTreeMap::new();
    let mut worst = Lag { time: 0, process: None, key: None, lag: 0 };
    let mut all = Vec::new();
    for (number, done) in tables.done.iter().enumerate().filter(|(_, done)| done.kind == Kind::Ok) {
        match done.f {
            Action::Subscribe => _ = clients.remove(&done.process),
            Action::Assign => {
                let own = clients.entry(done.process).or_default();
                let kept = tables.parts(number).iter().map(|part| {
                    let fresh = || Position::START.moved(0, &expiries[part.what as usize]);
                    (part.what, own.get(&part.what).copied().unwrap_or_else(fresh))
                });
                *own = kept.collect();
            }
            Action::Poll | Action::Txn => {
                let own = clients.entry(done.process).or_default();
                raise(tables, number, own, &expiries);
                for (key, position) in own.iter() {
                    let lag = done.invoked_at.saturating_sub(position.since);
                    if !keep && lag <= worst.lag {
                        continue;
                    }
                    let (key, process) = (tables.keys[*key as usize].name.clone(), done.process);
                    let lag = Lag { time: done.invoked_at, process: Some(process), key: Some(key), lag };
                    if lag.lag > worst.lag {
                        worst = lag.clone();
                    }
                    all.extend(keep.then_some(lag));
                }
            }
            Action::Send
            | Action::Enqueue
            | Action::Dequeue
            | Action::Drain
            | Action::Commit
            | Action::Committed
            | Action::Other => {}
        }
    }
    (worst, all)
}

/// Moves a client to the highest offsets that this operation read or sent.
fn raise(tables: &Tables, number: usize, own: &mut BTreeMap<u32, Position>, expiries: &[Expiry]) {
    let mut known = offsets(tables, number).peekable();
    while let Some((key, mut highest)) = known.next() {
        // What is known of a key mostly stands together.
        while let Some((_, offset)) = known.next_if(|(next, _)| *next == key) {
            highest = highest.max(offset);
        }
        let position = own.entry(key).or_insert(Position::START);
        if position.next <= highest {
            *position = position.moved(highest + 1, &expiries[key as usize]);
        }
    }
}

/// The known offsets of an operation.
fn offsets(tables: &Tables, number: usize) -> impl Iterator<Item = (u32, u64)> {
    let known = tables.parts(number).iter().filter(|part| part.offset != NOWHERE);
    known.filter_map(|part| Some((tables.records.get(part.what as usize)?.key, part.offset)))
}

fn expiries(tables: &Tables) -> Vec<Expiry> {
    let mut all: Vec<Expiry> = vec![Vec::new(); tables.keys.len()];
    let proves = |done: &Done| matches!(done.kind, Kind::Ok | Kind::Info) && done.f.of_records();
    for (number, done) in tables.done.iter().enumerate().filter(|(_, done)| proves(done)) {
        for (key, offset) in offsets(tables, number) {
            let expiry = &mut all[key as usize];
            if expiry.last().is_none_or(|(highest, _)| *highest < offset) {
                expiry.push((offset, done.at));
            }
        }
    }
    all
}

/// What clients that ever subscribed consumed more than once.
pub(super) fn consumed(tables: &Tables) -> Vec<Consumed> {
    let ok = || tables.done.iter().enumerate().filter(|(_, done)| done.kind == Kind::Ok);
    let subscribed: BTreeSet<i64> =
        ok().filter(|(_, done)| done.f == Action::Subscribe).map(|(_, done)| done.process).collect();
    let mut reads: Vec<(i64, u32)> = Vec::new();
    for (number, done) in ok().filter(|(_, done)| subscribed.contains(&done.process) && done.f.of_records()) {
        let named = |what: u32| tables.records[what as usize].name.is_some();
        let read = tables.parts(number).iter().filter(|part| !part.sent() && named(part.what));
        reads.extend(read.map(|part| (done.process, part.what)));
    }
    reads.sort_unstable();
    let runs = reads.chunk_by(|a, b| a == b).filter(|run| run.len() > 1);
    runs.map(|run| Consumed {
        process: run[0].0,
        key: tables.key_of(run[0].1).clone(),
        value: tables.name(run[0].1),
        count: run.len() as u64,
    })
    .collect()
}
