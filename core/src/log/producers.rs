//! The producer table: the last batches of each idempotent producer, by which duplicates are known.
//!
//! A fold over the batches of the log, nothing else (W-PS): what retention removes is forgotten here too, so
//! leader and follower, before and after a restart, agree as far as their logs do.
//! Deliberately absent: expiry by time (KIP-98's `transactional.id.expiration`), transactions.
//! Source: Kafka's `ProducerStateManager`; the window of five is KAFKA-5494's.

use crate::ids::{Offset, ProducerEpoch, ProducerId, Sequence};
use crate::record::{Header, ProducerStamp};
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
}

impl ProducerState {
    pub(super) fn new(id: ProducerId, epoch: ProducerEpoch) -> Self {
        Self { id, epoch, window: [ProducedBatch::default(); WINDOW], len: 0 }
    }

    /// The producer.
    pub const fn id(&self) -> ProducerId {
        self.id
    }

    /// Its newest reign in the log.
    pub const fn epoch(&self) -> ProducerEpoch {
        self.epoch
    }

    /// Its last batches of that reign, oldest first; at least one.
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

    /// Forgets the batches before `start`; whether any is left.
    fn forget_below(&mut self, start: Offset) -> bool {
        let gone = self.batches().partition_point(|batch| batch.base < start);
        let len = usize::from(self.len);
        self.window.copy_within(gone..len, 0);
        // Blanked, so that tables of equal content are equal.
        self.window[len - gone..].fill(ProducedBatch::default());
        self.len -= gone as u8;
        self.len > 0
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
        let oldest = self.batches()[0].sequence;
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

    /// A batch with this header was written. What the log holds is a fact: nothing is refused here.
    pub fn apply(&mut self, header: &Header) {
        let Some(stamp) = header.producer else { return };
        let place = match self.place(stamp.id) {
            Ok(place) => place,
            Err(place) => {
                self.states.insert(place, ProducerState::new(stamp.id, stamp.epoch));
                place
            }
        };
        let state = &mut self.states[place];
        if stamp.epoch > state.epoch {
            *state = ProducerState::new(stamp.id, stamp.epoch);
        }
        if stamp.epoch == state.epoch {
            state.push(ProducedBatch { sequence: stamp.base, count: header.span, base: header.base_offset });
        }
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
