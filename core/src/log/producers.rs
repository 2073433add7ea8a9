//! The producer table: the last batches of each idempotent producer, by which duplicates are known.
//!
//! A fold over the batches of the log, nothing else (W-PS): what retention removes is forgotten here too, so
//! leader and follower, before and after a restart, agree as far as their logs do.
//! A producer's open transaction begins with its first transactional batch and ends with its marker; the marker
//! also says in which reign the producer goes on, so that what comes late from the transaction is refused (KIP-890).
//! Deliberately absent: expiry by time (KIP-98's `transactional.id.expiration`).
//! Source: Kafka's `ProducerStateManager`; the window of five is KAFKA-5494's.

use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};
use crate::record::{Ending, Header, Marker, ProducerStamp};
use crate::refused::Refused;

/// How many batches of a producer are remembered: as many as it may have in flight.
pub const WINDOW: usize = 5;

/// Sequences live in 0..2³¹; half of that is ahead, half behind.
const SEQUENCE_SPAN: u32 = 1 << 31;

/// A batch that is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProducedBatch {
    /// The sequence of its first record.
    pub sequence: Sequence,
    /// How many records it had when it was written.
    pub count: u32,
    /// The offset of its first record.
    pub base: Offset,
}

impl ProducedBatch {
    /// The offset of its last record.
    pub const fn last(&self) -> Offset {
        self.base.plus(self.count as u64 - 1)
    }
}

/// What the log knows of one producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerState {
    id: ProducerId,
    epoch: ProducerEpoch,
    /// Oldest first; those beyond `len` are blank.
    window: [ProducedBatch; WINDOW],
    len: u8,
    /// The offset of the first record of its open transaction.
    open: Option<Offset>,
    /// Its last marker.
    marked: Option<Marked>,
}

/// A producer's last marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// Where it is.
    pub offset: Offset,
    /// The reign of the coordinator that wrote it.
    pub coordinator_epoch: LeaderEpoch,
}

/// A transaction that a marker has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) producer: ProducerId,
    pub(crate) first: Offset,
    pub(crate) last: Offset,
    pub(crate) ending: Ending,
}

impl ProducerState {
    pub(super) fn new(id: ProducerId, epoch: ProducerEpoch) -> Self {
        let window = [ProducedBatch::default(); WINDOW];
        Self { id, epoch, window, len: 0, open: None, marked: None }
    }

    /// The same with what it knows of transactions: where the open one begins, and the last marker.
    pub(super) const fn in_transaction(self, open: Option<Offset>, marked: Option<Marked>) -> Self {
        Self { open, marked, ..self }
    }

    /// The producer.
    pub const fn id(&self) -> ProducerId {
        self.id
    }

    /// Its newest reign in the log.
    pub const fn epoch(&self) -> ProducerEpoch {
        self.epoch
    }

    /// The offset of the first record of its open transaction.
    pub const fn open(&self) -> Option<Offset> {
        self.open
    }

    /// Its last marker.
    pub const fn marked(&self) -> Option<Marked> {
        self.marked
    }

    /// Its last batches of that reign, oldest first; none if a marker began it, or it has none with a sequence.
    pub fn batches(&self) -> &[ProducedBatch] {
        &self.window[..usize::from(self.len)]
    }

    /// The sequence that its next batch must start with.
    pub fn next_sequence(&self) -> Sequence {
        self.batches().last().map_or(Sequence(0), |batch| batch.sequence.plus(batch.count))
    }

    pub(super) fn push(&mut self, batch: ProducedBatch) {
        if usize::from(self.len) == WINDOW {
            self.window.copy_within(1.., 0);
            self.len -= 1;
        }
        self.window[usize::from(self.len)] = batch;
        self.len += 1;
    }

    /// Goes on in `epoch`, if that is newer.
    fn enter(&mut self, epoch: ProducerEpoch) {
        if epoch > self.epoch {
            *self = Self::new(self.id, epoch).in_transaction(self.open, self.marked);
        }
    }

    /// Forgets the batches before `start`; whether anything is left.
    fn forget_below(&mut self, start: Offset) -> bool {
        let gone = self.batches().partition_point(|batch| batch.base < start);
        let len = usize::from(self.len);
        self.window.copy_within(gone..len, 0);
        // Blanked, so that tables of equal content are equal.
        self.window[len - gone..].fill(ProducedBatch::default());
        self.len -= gone as u8;
        self.marked = self.marked.filter(|marked| marked.offset >= start);
        // The rest of an open transaction, and its marker, may be yet to come.
        self.open = self.open.map(|first| first.max(start));
        self.len > 0 || self.open.is_some() || self.marked.is_some()
    }

    /// A marker was written at `offset`.
    fn end(&mut self, marker: Marker, offset: Offset) -> Option<Ended> {
        self.marked = Some(Marked { offset, coordinator_epoch: marker.coordinator_epoch });
        let first = self.open.take()?;
        Some(Ended { producer: self.id, first, last: offset, ending: marker.ending })
    }

    fn check(&self, stamp: ProducerStamp, count: u32) -> Result<Check, Refused> {
        if stamp.epoch < self.epoch {
            return Err(Refused::InvalidProducerEpoch);
        }
        if stamp.epoch > self.epoch {
            return first(stamp).ok_or(Refused::OutOfOrderSequenceNumber);
        }
        let same = |batch: &&ProducedBatch| batch.sequence == stamp.base && batch.count == count;
        if let Some(batch) = self.batches().iter().find(same) {
            return Ok(Check::Duplicate { base: batch.base, last: batch.last() });
        }
        if stamp.base == self.next_sequence() {
            return Ok(Check::New);
        }
        // A marker began this reign: nothing of it is in the log yet.
        let Some(oldest) = self.batches().first().map(|batch| batch.sequence) else {
            return Err(Refused::OutOfOrderSequenceNumber);
        };
        if is_before(stamp.base.plus(count - 1), oldest) {
            Err(Refused::DuplicateSequenceNumber)
        } else {
            // A gap, or a batch that overlaps remembered ones without being one of them.
            Err(Refused::OutOfOrderSequenceNumber)
        }
    }
}

/// Whether `a` comes before `b`, over the wrap.
const fn is_before(a: Sequence, b: Sequence) -> bool {
    let ahead = b.0.wrapping_sub(a.0) % SEQUENCE_SPAN;
    ahead != 0 && ahead < SEQUENCE_SPAN / 2
}

fn first(stamp: ProducerStamp) -> Option<Check> {
    (stamp.base == Sequence(0)).then_some(Check::New)
}

/// What a batch is to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// The next of its stream.
    New,
    /// In the log already, here.
    Duplicate {
        /// The offset of its first record.
        base: Offset,
        /// The offset of its last record.
        last: Offset,
    },
}

/// What the log knows of each producer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProducerTable {
    /// By id. Ids are given out in order, so a new one nearly always comes last.
    states: Vec<ProducerState>,
}

impl ProducerTable {
    /// Of an empty log.
    pub const fn new() -> Self {
        Self { states: Vec::new() }
    }

    /// Every producer, by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ProducerState> {
        self.states.iter()
    }

    /// One producer.
    pub fn get(&self, id: ProducerId) -> Option<&ProducerState> {
        self.place(id).ok().map(|place| &self.states[place])
    }

    /// Whether a batch of `count` records may be appended.
    ///
    /// # Errors
    /// `InvalidProducerEpoch`: a newer reign is in the log. `DuplicateSequenceNumber`: older than all that is
    /// remembered, so in the log already. `OutOfOrderSequenceNumber`: neither the next batch nor a remembered
    /// one, or a new reign that does not start at 0. `UnknownProducerId`: not the first batch of a producer
    /// that the log does not know.
    pub fn check(&self, stamp: ProducerStamp, count: u32) -> Result<Check, Refused> {
        match self.get(stamp.id) {
            Some(state) => state.check(stamp, count),
            None => first(stamp).ok_or(Refused::UnknownProducerId),
        }
    }

    /// A batch was written. What the log holds is a fact: nothing is refused here. Answers the transaction that
    /// it ends.
    pub(crate) fn apply(&mut self, header: &Header, batch: &[u8]) -> Option<Ended> {
        let (id, epoch) = header.identity?;
        let place = match self.place(id) {
            Ok(place) => place,
            Err(place) => {
                self.states.insert(place, ProducerState::new(id, epoch));
                place
            }
        };
        let state = &mut self.states[place];
        state.enter(epoch);
        if header.is_control {
            return Marker::of(header, batch).and_then(|marker| state.end(marker, header.base_offset));
        }
        if header.is_transactional {
            state.open.get_or_insert(header.base_offset);
        }
        if let Some(stamp) = header.producer.filter(|stamp| stamp.epoch == state.epoch) {
            state.push(ProducedBatch { sequence: stamp.base, count: header.span, base: header.base_offset });
        }
        None
    }

    /// Where the oldest transaction begins that is not decided.
    pub fn first_open(&self) -> Option<Offset> {
        self.states.iter().filter_map(ProducerState::open).min()
    }

    /// The first record kept is now at `start`.
    pub fn forget_below(&mut self, start: Offset) {
        self.states.retain_mut(|state| state.forget_below(start));
    }

    pub(super) fn clear(&mut self) {
        self.states.clear();
    }

    /// From a snapshot; `None` if it is out of order.
    pub(super) fn from_states(states: Vec<ProducerState>) -> Option<Self> {
        states.is_sorted_by(|a, b| a.id < b.id).then_some(Self { states })
    }

    fn place(&self, id: ProducerId) -> Result<usize, usize> {
        match self.states.last() {
            Some(last) if last.id < id => Err(self.states.len()),
            Some(_) | None => self.states.binary_search_by_key(&id, |state| state.id),
        }
    }
}
