//! A share-partition: which record is whose, which waits, which is done or given up.
//!
//! Holds what is in flight between what was never delivered (from `next` on) and what is over: no entry stands
//! for a record that is worked. Pure: time and limits come as arguments, and nothing is written here.
//! Changed only by: `acquire`, `settle`, `expire`, `bury` and `put_back`.

use std::collections::VecDeque;

use crate::ids::{CorrelationId, MemberId, Offset, Turn};
use crate::partition::Asker;
use crate::quirk::{Quirk, Quirks};
use crate::share::config::ShareConfig;
use crate::share::message::{Acquired, ShareFetch, Standstill, Stuck, Verdict};
use crate::share::probe::{Afterwards, Kept};
use crate::share::record::{Letter, StoredRecord, StoredShare, StoredState};
use crate::time::{Span, Time};

/// So many settled deliveries are remembered, to know copies of what settled them.
const REMEMBERED: usize = 64;

/// A share-partition.
#[derive(Debug, Clone, Default)]
pub struct Share {
    /// The next record that was never delivered: KIP-932's SPEO.
    pub(super) next: Offset,
    /// The partition is committed up to here, as far as was asked.
    pub(super) committed: Offset,
    /// What is in flight, by offset.
    pub(super) records: Vec<Record>,
    /// What is dead, by offset.
    pub(super) dead: Vec<Letter>,
    /// Fetches that wait for records, the oldest first.
    pub(super) waits: Vec<Waiting>,
    /// How far the partition is committed is being asked under these numbers, since these times.
    pub(super) looks: Vec<(CorrelationId, Time)>,
    /// It is asked again no earlier.
    pub(super) look_at: Time,
    pace: Pace,
    /// The newest fetch of each worker, the last few workers.
    fetches: VecDeque<(MemberId, CorrelationId)>,
    /// The last deliveries that their workers settled.
    settled: VecDeque<(Offset, Turn, MemberId, Verdict)>,
}

/// A record in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) offset: Offset,
    pub(super) turn: Turn,
    pub(super) count: u32,
    pub(super) returned: u32,
    pub(super) state: State,
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Anybody's.
    Available,
    /// A worker's, until its lock runs out.
    Acquired { by: MemberId, request: CorrelationId, until: Time },
    /// Given up; its letter is to be written.
    Archived,
}

/// A fetch that waits.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) asker: Asker,
    pub(super) request: ShareFetch,
    pub(super) deadline: Time,
}

/// Deliveries of the last interval. Those that are not committed count too, whenever they will be.
#[derive(Debug, Clone, Default)]
struct Pace {
    under_way: u32,
    done: VecDeque<Time>,
    /// Nothing before: what an earlier leader handed out in the last interval is not known.
    not_before: Time,
}

impl Share {
    /// As it was stored, with all locks anew: how long they have run is in no log.
    pub(super) fn restored(stored: StoredShare, config: &ShareConfig, now: Time) -> Self {
        let records = stored.records.iter().map(|record| Record {
            offset: record.offset,
            turn: record.turn,
            count: record.count,
            returned: record.returned,
            state: match record.state {
                StoredState::Available => State::Available,
                StoredState::Acquired(by, request) => {
                    State::Acquired { by, request, until: now + config.lock }
                }
                StoredState::Archived => State::Archived,
            },
        });
        let not_before = config.pace.map_or(Time::ZERO, |(_, interval)| now + interval);
        Self {
            next: stored.next,
            records: records.collect(),
            dead: stored.dead,
            pace: Pace { not_before, ..Pace::default() },
            ..Self::default()
        }
    }

    /// As it is to be stored.
    pub(super) fn stored(&self) -> StoredShare {
        let records = self.records.iter().map(|record| StoredRecord {
            offset: record.offset,
            turn: record.turn,
            count: record.count,
            returned: record.returned,
            state: match record.state {
                State::Available => StoredState::Available,
                State::Acquired { by, request, .. } => StoredState::Acquired(by, request),
                State::Archived => StoredState::Archived,
            },
        });
        StoredShare { next: self.next, records: records.collect(), dead: self.dead.clone() }
    }

    /// What is in flight, for whoever looks.
    pub(super) fn kept(&self) -> Vec<Kept> {
        let kept = |record: &Record| Kept {
            offset: record.offset,
            turn: record.turn,
            holder: match record.state {
                State::Acquired { by, .. } => Some(by),
                State::Available | State::Archived => None,
            },
            archiving: record.state == State::Archived,
        };
        self.records.iter().map(kept).collect()
    }

    /// Whether a fetch came before; if not it is remembered. A copy would acquire for nobody.
    pub(super) fn came_before(&mut self, member: MemberId, request: CorrelationId) -> bool {
        let is_copy = |known: CorrelationId| crate::coordinator::is_not_later(request, known);
        let held = self.records.iter().any(|record| match record.state {
            State::Acquired { by, request: known, .. } => by == member && is_copy(known),
            State::Available | State::Archived => false,
        });
        match self.fetches.iter_mut().find(|(known, _)| *known == member) {
            Some((_, known)) if is_copy(*known) => return true,
            Some((_, known)) => *known = request,
            None => {
                self.fetches.push_back((member, request));
                if self.fetches.len() > REMEMBERED {
                    self.fetches.pop_front();
                }
            }
        }
        held
    }

    /// Gives a worker what there is, oldest first: what failed before comes again before what is new.
    pub(super) fn acquire(
        &mut self,
        (member, request): (MemberId, CorrelationId),
        most: u32,
        config: &ShareConfig,
        quirks: Quirks,
        now: Time,
    ) -> Vec<Acquired> {
        let mut acquired = Vec::new();
        let state = State::Acquired { by: member, request, until: now + config.lock };
        let most = (most as usize).min(self.pace.allows(config.pace, now));
        for record in self.records.iter_mut().filter(|record| record.state == State::Available).take(most) {
            record.turn = record.turn.next();
            record.count += 1;
            record.state = state;
            acquired.push(record.delivered());
        }
        let failing = self.records.iter().any(|record| record.count > 1);
        let blocked = quirks.has(Quirk::RetryPoisonForever) && failing;
        while !blocked
            && acquired.len() < most
            && self.next < self.committed
            && self.records.len() < config.max_in_flight
        {
            let record = Record { offset: self.next, turn: Turn(1), count: 1, returned: 0, state };
            let place = self.records.partition_point(|known| known.offset < record.offset);
            self.records.insert(place, record);
            self.next = self.next.plus(1);
            acquired.push(record.delivered());
        }
        if config.pace.is_some() {
            self.pace.under_way += acquired.len() as u32;
        }
        acquired
    }

    /// So many deliveries are committed, and their worker is told.
    pub(super) fn handed_out(&mut self, count: u32, config: &ShareConfig, now: Time) {
        if let Some((most, _)) = config.pace {
            self.pace.under_way -= count;
            self.pace.done.extend((0..count).map(|_| now));
            let forgotten = self.pace.done.len().saturating_sub(most as usize);
            self.pace.done.drain(..forgotten);
        }
    }

    /// When the pace allows more; `None`: now, or once deliveries that are under way are committed.
    pub(super) fn paced_until(&self, config: &ShareConfig, now: Time) -> Option<Time> {
        let (most, interval) = config.pace?;
        self.pace.next(most, interval, now)
    }

    /// The worker of a delivery says what became of it; answers what the record is now. `None`: it is not its.
    pub(super) fn settle(
        &mut self,
        (offset, turn): (Offset, Turn),
        member: MemberId,
        verdict: Verdict,
        config: &ShareConfig,
        quirks: Quirks,
        now: Time,
    ) -> Option<Afterwards> {
        let place = self.records.binary_search_by_key(&offset, |record| record.offset).ok()?;
        let record = &mut self.records[place];
        let State::Acquired { by, until, .. } = &mut record.state else { return None };
        if (*by, record.turn) != (member, turn) && !quirks.has(Quirk::LateAcknowledgement) {
            return None;
        }
        let then = match verdict {
            Verdict::Renew => {
                *until = now + config.lock;
                return Some(Afterwards::Available);
            }
            Verdict::Gap | Verdict::Accept => Afterwards::Done,
            Verdict::Release => record.after_failure(config, quirks),
            Verdict::Reject => Afterwards::Archiving,
        };
        self.become_(place, then);
        self.settled.push_back((offset, turn, member, verdict));
        if self.settled.len() > REMEMBERED {
            self.settled.pop_front();
        }
        Some(then)
    }

    /// Whether this very acknowledgement was taken before.
    pub(super) fn was_settled(&self, of: (Offset, Turn), member: MemberId, verdict: Verdict) -> bool {
        self.settled.contains(&(of.0, of.1, member, verdict))
    }

    /// Locks that have run out; answers what their records are now.
    pub(super) fn expire(
        &mut self,
        config: &ShareConfig,
        quirks: Quirks,
        now: Time,
    ) -> Vec<(Offset, Turn, Afterwards)> {
        let mut expired = Vec::new();
        for record in &mut self.records {
            let State::Acquired { until, .. } = record.state else { continue };
            if until <= now {
                let then = record.after_failure(config, quirks);
                record.state = match then {
                    Afterwards::Archiving => State::Archived,
                    Afterwards::Available | Afterwards::Done => State::Available,
                };
                expired.push((record.offset, record.turn, then));
            }
        }
        expired
    }

    /// The letter of a record that was given up is where it belongs; answers whether it was awaited.
    pub(super) fn bury(&mut self, offset: Offset, turn: Turn) -> bool {
        let Ok(place) = self.records.binary_search_by_key(&offset, |record| record.offset) else {
            return false;
        };
        let record = self.records[place];
        if (record.state, record.turn) != (State::Archived, turn) {
            return false;
        }
        self.records.remove(place);
        let Record { returned, count, .. } = record;
        let at = self.dead.partition_point(|letter| letter.offset < offset);
        self.dead.insert(at, Letter { offset, turn, returned, count });
        true
    }

    /// A dead record is anybody's again; answers whether there is such a one.
    pub(super) fn put_back(&mut self, offset: Offset, turn: Turn) -> bool {
        let found = self.dead.iter().position(|letter| (letter.offset, letter.turn) == (offset, turn));
        let Some(found) = found else { return false };
        let letter = self.dead.remove(found);
        let place = self.records.partition_point(|record| record.offset < offset);
        let returned = letter.returned + 1;
        let record = Record { offset, turn, count: 0, returned, state: State::Available };
        self.records.insert(place, record);
        true
    }

    /// What gets no further.
    pub(super) fn stuck(&self) -> Vec<Stuck> {
        let of = |record: &Record| {
            let how = match record.state {
                State::Available => Standstill::Retried,
                State::Acquired { .. } => Standstill::Held,
                State::Archived => Standstill::Dying,
            };
            Stuck { offset: record.offset, turn: record.turn, count: record.count, how }
        };
        let dead = self.dead.iter().map(|letter| Stuck {
            offset: letter.offset,
            turn: letter.turn,
            count: letter.count,
            how: Standstill::Dead,
        });
        let mut stuck: Vec<Stuck> = self.records.iter().map(of).chain(dead).collect();
        stuck.sort_unstable_by_key(|one| one.offset);
        stuck
    }

    /// The records that are given up and wait for their letters.
    pub(super) fn dying(&self) -> impl Iterator<Item = (Offset, Turn)> {
        let dying = self.records.iter().filter(|record| record.state == State::Archived);
        dying.map(|record| (record.offset, record.turn))
    }

    /// When something happens by itself: a lock runs out, a fetch has waited for long enough.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        let locks = self.records.iter().filter_map(|record| match record.state {
            State::Acquired { until, .. } => Some(until),
            State::Available | State::Archived => None,
        });
        locks.chain(self.waits.iter().map(|waiting| waiting.deadline)).min()
    }

    /// The records in flight.
    pub fn in_flight(&self) -> usize {
        self.records.len()
    }

    /// The dead ones.
    pub fn dead(&self) -> &[Letter] {
        &self.dead
    }

    /// The next record that was never delivered.
    pub const fn next(&self) -> Offset {
        self.next
    }

    fn become_(&mut self, place: usize, then: Afterwards) {
        match then {
            Afterwards::Available => self.records[place].state = State::Available,
            Afterwards::Archiving => self.records[place].state = State::Archived,
            Afterwards::Done => drop(self.records.remove(place)),
        }
    }
}

impl Record {
    const fn delivered(&self) -> Acquired {
        Acquired { offset: self.offset, turn: self.turn, count: self.count, returned: self.returned }
    }

    /// A delivery came to nothing: somebody tries again, unless it has been tried often enough.
    fn after_failure(&self, config: &ShareConfig, quirks: Quirks) -> Afterwards {
        if self.count < config.delivery_limit || quirks.has(Quirk::RetryPoisonForever) {
            Afterwards::Available
        } else {
            Afterwards::Archiving
        }
    }
}

impl Pace {
    /// How many more may be handed out now.
    fn allows(&self, limit: Option<(u32, Span)>, now: Time) -> usize {
        let Some((most, interval)) = limit else { return usize::MAX };
        if now < self.not_before {
            return 0;
        }
        let recent = self.done.iter().filter(|done| now.since(**done) < interval).count();
        (most as usize).saturating_sub(recent + self.under_way as usize)
    }

    fn next(&self, most: u32, interval: Span, now: Time) -> Option<Time> {
        if now < self.not_before {
            return Some(self.not_before);
        }
        let mut recent = self.done.iter().filter(|done| now.since(**done) < interval);
        let full = self.done.len() + self.under_way as usize >= most as usize;
        if full { recent.next().map(|oldest| *oldest + interval) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(most: u32) -> ShareConfig {
        ShareConfig { pace: Some((most, Span(100))), max_in_flight: 4, ..ShareConfig::default() }
    }

    fn take(share: &mut Share, config: &ShareConfig, request: u64, now: u64) -> usize {
        let by = (MemberId(1), CorrelationId(request));
        share.acquire(by, 9, config, Quirks::NONE, Time(now)).len()
    }

    #[test]
    fn a_pace_is_kept_whenever_deliveries_become_committed() {
        let config = config(2);
        let mut share = Share { committed: Offset(9), ..Share::default() };
        assert_eq!(take(&mut share, &config, 1, 0), 2);
        assert_eq!(take(&mut share, &config, 2, 500), 0, "two are under way, for however long");
        share.handed_out(2, &config, Time(510));
        assert_eq!(share.paced_until(&config, Time(520)), Some(Time(610)));
        assert_eq!(take(&mut share, &config, 3, 609), 0);
        assert_eq!(take(&mut share, &config, 4, 610), 2);
    }

    #[test]
    fn a_new_leader_hands_out_nothing_in_its_first_interval() {
        let config = config(2);
        let mut share = Share::restored(StoredShare::default(), &config, Time(50));
        share.committed = Offset(9);
        assert_eq!((take(&mut share, &config, 1, 149), take(&mut share, &config, 2, 150)), (0, 2));
    }

    #[test]
    fn no_more_records_are_in_flight_than_may_be() {
        let config = ShareConfig { pace: None, ..config(1) };
        let mut share = Share { committed: Offset(9), ..Share::default() };
        assert_eq!(take(&mut share, &config, 1, 0), 4);
        assert_eq!(take(&mut share, &config, 2, 0), 0);
        let accept = |share: &mut Share, turn| {
            share.settle((Offset(2), turn), MemberId(1), Verdict::Accept, &config, Quirks::NONE, Time(0))
        };
        assert_eq!(
            (accept(&mut share, Turn(2)), accept(&mut share, Turn(1))),
            (None, Some(Afterwards::Done))
        );
        assert_eq!(take(&mut share, &config, 3, 0), 1);
    }
}
