//! A compacted partition: what each replica really keeps, and which record of a key is the newest.
//!
//! The shadows of the logs go on telling what a replica has taken in: a record that compaction removed still
//! counts as held, for what displaced it speaks for it. What lies on disk is told here, batch by batch, and
//! [`crate::invariants::compaction`] judges whether what is not there may be missing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use squall_core::ids::{BrokerId, LeaderEpoch, Offset};
use squall_core::log::CleanedBatch;

use crate::ghost::shadow::{self, Batch};
use crate::ghost::transactions::Judged;
use crate::ghost::{PartitionGhost, Shadow};

/// A batch as it lies in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its place, its epoch, its CRC and its producer.
    pub batch: Batch,
    /// Until when its tombstones stay, in milliseconds.
    pub delete_horizon: Option<u64>,
    /// The offsets of its records.
    pub kept: Vec<Offset>,
}

impl Piece {
    /// The offsets that it takes and has no record at.
    pub fn gaps(&self) -> impl Iterator<Item = Offset> {
        let offsets = (self.batch.base.0..self.batch.next.0).map(Offset);
        offsets.filter(|offset| self.kept.binary_search(offset).is_err())
    }

    /// Whether compaction has removed records of it.
    pub fn is_thinned(&self) -> bool {
        (self.kept.len() as u64) < self.batch.count()
    }
}

impl From<&CleanedBatch> for Piece {
    fn from(cleaned: &CleanedBatch) -> Self {
        let stamp = cleaned.stamp.map(|stamp| (stamp.id, stamp.epoch, stamp.base));
        let CleanedBatch { base, next, epoch, crc, .. } = *cleaned;
        Self {
            batch: Batch { base, next, epoch, crc, stamp },
            delete_horizon: cleaned.delete_horizon,
            kept: cleaned.kept.clone(),
        }
    }
}

/// A record that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Its key.
    pub key: Option<Bytes>,
    /// It says that there is no value any more.
    pub tombstone: bool,
}

/// A batch by its place, its epoch and its CRC.
type Version = (Offset, Offset, LeaderEpoch, u32);

const fn version(batch: &Batch) -> Version {
    (batch.base, batch.next, batch.epoch, batch.crc)
}

/// What a batch that is about to be written holds.
#[derive(Debug, Clone)]
struct Holding {
    base: Offset,
    delete_horizon: Option<u64>,
    records: Vec<(Offset, Option<Bytes>, bool)>,
}

/// A compacted partition.
#[derive(Debug, Clone, Default)]
pub struct Compacted {
    /// What each replica keeps, by broker and by the first offset.
    layouts: Vec<BTreeMap<Offset, Piece>>,
    /// Every batch that ever lay in a log: a power loss may bring it back.
    versions: BTreeMap<Version, Piece>,
    /// Every record that was written.
    records: BTreeMap<(Offset, LeaderEpoch), Fact>,
    /// The newest committed record of each key.
    newest: BTreeMap<Bytes, Offset>,
    /// Up to where the committed log is counted in there.
    counted: Offset,
    /// Records of aborted transactions.
    aborted: BTreeSet<Offset>,
    /// Committed tombstones whose time was over when somebody removed them.
    expired: BTreeSet<Offset>,
    /// By broker: what its next batch holds.
    holding: Vec<Option<Holding>>,
}

impl Compacted {
    fn new(brokers: usize) -> Self {
        Self { layouts: vec![BTreeMap::new(); brokers], holding: vec![None; brokers], ..Self::default() }
    }

    /// What a replica keeps, in order.
    pub fn layout(&self, broker: BrokerId) -> impl Iterator<Item = &Piece> {
        self.layouts[broker.0 as usize].values()
    }

    /// The same as a shadow of the log.
    pub fn on_disk(&self, broker: BrokerId, start: Offset) -> Shadow {
        let mut shadow = Shadow::starting_at(start);
        for piece in self.layout(broker) {
            let _fits = shadow.push(piece.batch);
        }
        shadow
    }

    /// A record.
    pub fn record(&self, offset: Offset, epoch: LeaderEpoch) -> Option<&Fact> {
        self.records.get(&(offset, epoch))
    }

    /// Whether the committed record at `offset` need not be kept: there is a newer one of its key, it was a
    /// tombstone long enough, or its transaction was aborted.
    pub fn is_out_of_date(&self, offset: Offset, epoch: LeaderEpoch) -> bool {
        let Some(fact) = self.record(offset, epoch) else { return false };
        let Some(key) = &fact.key else { return false };
        self.newest.get(key) > Some(&offset)
            || self.expired.contains(&offset)
            || self.aborted.contains(&offset)
    }

    /// Where the newest committed record of a key lies.
    pub fn newest_of(&self, key: &[u8]) -> Option<Offset> {
        self.newest.get(key).copied()
    }

    /// Whether a record of `key` before `offset` was committed and is out of date.
    pub fn has_displaced(&self, key: &[u8], offset: Offset) -> bool {
        let before = self.records.range(..(offset, LeaderEpoch(0)));
        let mut of_key = before.filter(|(_, fact)| fact.key.as_deref() == Some(key));
        of_key.any(|(&(at, epoch), _)| self.is_out_of_date(at, epoch))
    }

    /// The tombstone at `offset` was removed after its time.
    pub fn expire(&mut self, offset: Offset) {
        self.expired.insert(offset);
    }

    /// Whether somebody has removed this tombstone after its time: whoever had not seen it by then never will.
    pub fn is_expired(&self, offset: Offset) -> bool {
        self.expired.contains(&offset)
    }

    /// A stretch of a replica's log is kept like this from now on. Answers what was kept there.
    pub fn rewrite(
        &mut self,
        broker: BrokerId,
        (from, to): (Offset, Offset),
        pieces: Vec<Piece>,
    ) -> BTreeMap<Offset, Piece> {
        let layout = &mut self.layouts[broker.0 as usize];
        let mut old = layout.split_off(&from);
        layout.append(&mut old.split_off(&to));
        for piece in pieces {
            self.put(broker, piece);
        }
        old
    }

    fn put(&mut self, broker: BrokerId, piece: Piece) {
        self.versions.entry(version(&piece.batch)).or_insert_with(|| piece.clone());
        self.layouts[broker.0 as usize].insert(piece.batch.base, piece);
    }

    /// A replica's log was opened, and these are its batches. What was never written is left out.
    pub fn opened(&mut self, broker: BrokerId, batches: &[Batch]) {
        let known = batches.iter().filter_map(|batch| self.versions.get(&version(batch)));
        let layout = known.map(|piece| (piece.batch.base, piece.clone())).collect();
        self.layouts[broker.0 as usize] = layout;
    }

    /// A replica's log is [`start`, `end`) from now on.
    pub fn cut(&mut self, broker: BrokerId, start: Offset, end: Offset) {
        let layout = &mut self.layouts[broker.0 as usize];
        let _after = layout.split_off(&end);
        *layout = layout.split_off(&start);
    }

    fn prune(&mut self, start: Offset) {
        self.versions.retain(|&(_, next, _, _), _| next > start);
        self.records = self.records.split_off(&(start, LeaderEpoch(0)));
        self.aborted = self.aborted.split_off(&start);
    }
}

impl PartitionGhost {
    /// A broker is about to write a batch that holds these records: offset, key, and whether it is a tombstone.
    pub fn holding(
        &mut self,
        broker: BrokerId,
        base: Offset,
        delete_horizon: Option<u64>,
        records: &[(Offset, Option<Bytes>, bool)],
    ) {
        let brokers = self.replicas.len();
        let compacted = self.compacted.get_or_insert_with(|| Box::new(Compacted::new(brokers)));
        let holding = Holding { base, delete_horizon, records: records.to_vec() };
        compacted.holding[broker.0 as usize] = Some(holding);
    }

    /// A broker wrote a batch. Answers the piece if it was compacted, and then what it once was.
    pub fn laid_down(&mut self, broker: BrokerId, batch: Batch) -> Option<(Piece, Vec<Batch>)> {
        let compacted = self.compacted.as_mut()?;
        let holding =
            compacted.holding[broker.0 as usize].take().filter(|holding| holding.base == batch.base)?;
        let kept = holding.records.iter().map(|(offset, ..)| *offset).collect();
        for (offset, key, tombstone) in holding.records {
            compacted.records.entry((offset, batch.epoch)).or_insert(Fact { key, tombstone });
        }
        let piece = Piece { batch, delete_horizon: holding.delete_horizon, kept };
        compacted.put(broker, piece.clone());
        let changed = piece.is_thinned() || piece.delete_horizon.is_some();
        changed.then(|| (piece, self.originals(&batch)))
    }

    /// A batch as it lies on a disk; what it once was, if compaction has changed it.
    pub fn before_compaction(&self, batch: &Batch) -> Vec<Batch> {
        let known = |compacted: &Compacted| compacted.versions.contains_key(&version(batch));
        if self.compacted.as_deref().is_some_and(known) { self.originals(batch) } else { vec![*batch] }
    }

    /// The batches that once lay where a compacted one lies.
    fn originals(&self, batch: &Batch) -> Vec<Batch> {
        let Some(reign) = self.reigns.iter().rev().find(|reign| reign.epoch == batch.epoch) else {
            return Vec::new();
        };
        let from = shadow::place(&reign.written, batch.base);
        let within = reign.written.range(from..).take_while(|written| written.base < batch.next);
        within.copied().collect()
    }

    /// A batch of which compaction left something is still part of the transaction that it was part of.
    pub fn keeps_author(&mut self, batch: &Batch) {
        if let [original] = self.originals(batch)[..]
            && let Some(author) = self.transacted.author(&original)
        {
            self.transacted.note(batch, author);
        }
    }

    /// The log of a replica as it lies on its disk.
    pub fn lies(&self, broker: BrokerId) -> Cow<'_, Shadow> {
        let log = &self.replicas[broker.0 as usize].log;
        match &self.compacted {
            Some(compacted) => Cow::Owned(compacted.on_disk(broker, log.start())),
            None => Cow::Borrowed(log),
        }
    }

    /// A replica's log was opened, and these are the batches on its disk.
    pub fn opened(&mut self, broker: BrokerId, batches: &[Batch]) {
        if let Some(compacted) = &mut self.compacted {
            compacted.opened(broker, batches);
        }
        self.relay(broker);
    }

    /// Brings the newest record of each key up to date with what is committed, and decided if it is part of a
    /// transaction. Markers have no say, nor has what never took place.
    pub fn count_keys(&mut self) {
        let Some(compacted) = &mut self.compacted else { return };
        let all = Judged { stable: self.committed.end(), ..Judged::default() };
        let judged = match self.transacted.is_empty() {
            true => all,
            false => self.transacted.decided(&self.committed, compacted.counted),
        };
        for batch in self.committed.from(compacted.counted) {
            if batch.base >= judged.stable {
                break;
            }
            if judged.aborted.contains(&batch.base) {
                compacted.aborted.extend((batch.base.0..batch.next.0).map(Offset));
                continue;
            }
            if judged.markers.contains(&batch.base) {
                continue;
            }
            for offset in (batch.base.0..batch.next.0).map(Offset) {
                let fact = compacted.records.get(&(offset, batch.epoch));
                if let Some(key) = fact.and_then(|fact| fact.key.clone()) {
                    compacted.newest.insert(key, offset);
                }
            }
        }
        compacted.counted = judged.stable;
    }

    /// Forgets what compaction did to records that no replica keeps any more.
    pub(super) fn prune_compacted(&mut self, start: Offset) {
        if let Some(compacted) = &mut self.compacted {
            compacted.prune(start);
        }
    }
}
