//! What the controllers decided: the first record that anybody applied at each offset is the truth.
//!
//! The newest records are kept whole; of those before, only what later claims about them are judged by is
//! left, 16 bytes each. So nothing goes unchecked, however late a node applies it.

use std::collections::VecDeque;
use std::sync::Arc;

use squall_core::ids::{BrokerEpoch, BrokerId, Incarnation, Offset};
use squall_core::metadata::{Image, MetadataRecord};
use squall_sim::fingerprint::Digest;

use crate::ghost::chronicle::Stop;
use crate::ghost::partition::Damage;

/// So many of the newest records are kept whole.
const KEPT: usize = 1_024;

/// What is left of an old record.
#[derive(Debug, Clone, Copy)]
struct Old {
    /// Of the record.
    record: u64,
    /// Of the image of everything up to it.
    image: u64,
}

/// The decided metadata log and its fold.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// The first records, by offset.
    old: Vec<Old>,
    /// Their fold.
    base: Image,
    /// The records behind them.
    recent: VecDeque<Arc<MetadataRecord>>,
    /// The fold of all.
    pub image: Image,
    /// Of each broker.
    /// Whose disk has changed bytes, and when last.
    harms: std::collections::BTreeMap<BrokerId, Stop>,
    lives: Vec<Life>,
}

/// A broker's present life, and what ended those before.
#[derive(Debug, Clone, Copy, Default)]
struct Life {
    /// The registration it was told; `None` before it was.
    epoch: Option<BrokerEpoch>,
    /// Its name.
    incarnation: Option<Incarnation>,
    /// How the one before ended.
    last_stop: Option<Stop>,
    /// The worst stop since the life began that is registered: the controllers do not know of it yet.
    spoilt: Option<Stop>,
}

/// What applying a record meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// The first to apply it: it is decided now.
    News,
    /// As decided.
    Known,
    /// Not what was decided; that is here unless it is old.
    Differs(Option<Arc<MetadataRecord>>),
    /// Records before it were never applied by anybody.
    Gap,
}

impl Metadata {
    /// A node applied `record` at `offset`.
    pub fn apply(&mut self, offset: Offset, record: &Arc<MetadataRecord>) -> Applied {
        let index = offset.0 as usize;
        if let Some(old) = self.old.get(index) {
            return if old.record == digest(record) { Applied::Known } else { Applied::Differs(None) };
        }
        match self.recent.get(index - self.old.len()) {
            Some(known) if Arc::ptr_eq(known, record) || known == record => Applied::Known,
            Some(known) => Applied::Differs(Some(known.clone())),
            None if offset > self.end() => Applied::Gap,
            None => {
                self.recent.push_back(record.clone());
                self.image.apply(offset, record);
                if let MetadataRecord::BrokerRegistered { broker, incarnation, .. } = **record {
                    self.life(broker).is_registered(incarnation);
                }
                self.compact();
                Applied::News
            }
        }
    }

    fn compact(&mut self) {
        while self.recent.len() > KEPT
            && let Some(record) = self.recent.pop_front()
        {
            self.base.apply(self.base.end, &record);
            self.old.push(Old { record: digest(&record), image: self.base.digest() });
        }
    }

    /// The next offset to be decided.
    pub const fn end(&self) -> Offset {
        self.image.end
    }

    /// The digest of the image of everything before `end`; `None` if that is not decided.
    pub fn digest_at(&self, end: Offset) -> Option<u64> {
        if end == self.end() {
            return Some(self.image.digest());
        }
        let count = end.0 as usize;
        if let Some(old) = count.checked_sub(1).and_then(|last| self.old.get(last)) {
            return Some(old.image);
        }
        let mut image = if count == 0 { Image::default() } else { self.base.clone() };
        if end > self.end() {
            return None;
        }
        for record in self.recent.iter().take(count.saturating_sub(self.old.len())) {
            image.apply(image.end, record);
        }
        Some(image.digest())
    }

    /// A broker's present life was registered.
    pub fn registered(&mut self, broker: BrokerId, epoch: BrokerEpoch) {
        self.life(broker).epoch = Some(epoch);
    }

    /// A broker's life began.
    pub fn started(&mut self, broker: BrokerId, incarnation: Incarnation) {
        self.life(broker).incarnation = Some(incarnation);
    }

    /// A broker's life ended, by this.
    pub fn stopped(&mut self, broker: BrokerId, stop: Stop) {
        self.died(broker);
        let life = self.life(broker);
        (life.incarnation, life.last_stop) = (None, Some(stop));
        if life.spoilt.is_none_or(|worst| weight(worst) < weight(stop)) {
            life.spoilt = Some(stop);
        }
    }

    /// A broker's disk changed bytes: it may have to give up what it would have vouched for.
    pub fn harmed(&mut self, broker: BrokerId, harm: Stop) {
        self.harms.insert(broker, harm);
    }

    /// The worst that happened to a broker since the life began that is registered.
    pub fn spoilt(&self, broker: BrokerId) -> Option<Stop> {
        let stop = self.lives.get(broker.0 as usize).and_then(|life| life.spoilt);
        // Damage waits on the disk until a later life finds it.
        let harm = self.harms.get(&broker).copied();
        if stop.map(weight) < harm.map(weight) { harm } else { stop }
    }

    fn life(&mut self, broker: BrokerId) -> &mut Life {
        let index = broker.0 as usize;
        if self.lives.len() <= index {
            self.lives.resize(index + 1, Life::default());
        }
        &mut self.lives[index]
    }

    /// A broker's life ended.
    pub fn died(&mut self, broker: BrokerId) {
        if let Some(life) = self.lives.get_mut(broker.0 as usize) {
            life.epoch = None;
        }
    }

    /// Whether the registration that is decided now is that of the broker's present life.
    ///
    /// A broker that is down, or back but not registered yet, may be short of records while it still stands
    /// in an ISR (INVARIANTS §7).
    pub fn is_running(&self, broker: BrokerId) -> bool {
        let life = self.lives.get(broker.0 as usize).and_then(|life| life.epoch);
        life.is_some() && life == self.image.brokers.get(&broker).map(|state| state.epoch)
    }
}

impl Life {
    /// A life was registered: this one, or an earlier one whose request came late. Of that the last stop is
    /// known, and that it is over.
    fn is_registered(&mut self, incarnation: Incarnation) {
        self.spoilt =
            if self.incarnation == Some(incarnation) { None } else { self.spoilt.or(self.last_stop) };
    }
}

fn digest(record: &MetadataRecord) -> u64 {
    let mut digest = Digest::new();
    digest.take(record);
    digest.short()
}

/// How sure it is that a broker cannot vouch for its logs any more.
const fn weight(stop: Stop) -> u8 {
    match stop.damage {
        Damage::None => 0,
        Damage::Halted => 1,
        Damage::PowerLoss => 2,
        Damage::Rotten => 3,
        Damage::Wiped => 4,
    }
}

#[cfg(test)]
mod tests {
    use squall_core::ids::ProducerId;
    use squall_core::time::Time;

    use super::*;
    use crate::ghost::chronicle::When;

    fn allocated(next: u64) -> Arc<MetadataRecord> {
        Arc::new(MetadataRecord::ProducerIdsAllocated { next: ProducerId(next) })
    }

    /// More records than are kept whole.
    fn long() -> (Metadata, u64) {
        let (mut metadata, count) = (Metadata::default(), 3 * KEPT as u64);
        for n in 0..count {
            assert_eq!(metadata.apply(Offset(n), &allocated(n)), Applied::News);
        }
        (metadata, count)
    }

    #[test]
    fn a_late_node_is_still_held_to_records_that_are_not_kept_any_more() {
        let (mut metadata, count) = long();
        for n in 0..count {
            assert_eq!(metadata.apply(Offset(n), &allocated(n)), Applied::Known);
            assert!(matches!(metadata.apply(Offset(n), &allocated(n + 1)), Applied::Differs(_)));
        }
        assert_eq!(metadata.apply(Offset(count + 1), &allocated(0)), Applied::Gap);
        assert_eq!(metadata.recent.len(), KEPT);
    }

    fn registered(metadata: &mut Metadata, incarnation: u64) {
        let (broker, incarnation, disk) =
            (BrokerId(0), Incarnation(incarnation), squall_core::ids::DiskId(1));
        let record = MetadataRecord::BrokerRegistered { broker, incarnation, disk };
        assert_eq!(metadata.apply(metadata.end(), &Arc::new(record)), Applied::News);
    }

    #[test]
    fn the_worst_stop_counts_until_a_later_life_is_registered() {
        let (mut metadata, broker) = (Metadata::default(), BrokerId(0));
        let stop = |event, damage| Stop { when: When { event, at: Time(event) }, damage };
        metadata.started(broker, Incarnation(1));
        registered(&mut metadata, 1);
        assert_eq!(metadata.spoilt(broker), None);
        metadata.stopped(broker, stop(3, Damage::Wiped));
        metadata.stopped(broker, stop(5, Damage::None));
        assert_eq!(metadata.spoilt(broker), Some(stop(3, Damage::Wiped)));
        metadata.started(broker, Incarnation(2));
        registered(&mut metadata, 2);
        assert_eq!(metadata.spoilt(broker), None);
        registered(&mut metadata, 1);
        assert_eq!(metadata.spoilt(broker), Some(stop(5, Damage::None)), "an earlier life registered late");
    }

    #[test]
    fn the_digest_of_every_prefix_is_known_however_old() {
        let (metadata, count) = long();
        let mut image = Image::default();
        for n in 0..count {
            assert_eq!(metadata.digest_at(Offset(n)), Some(image.digest()));
            image.apply(Offset(n), &allocated(n));
        }
        assert_eq!(metadata.digest_at(Offset(count)), Some(image.digest()));
        assert_eq!(metadata.digest_at(Offset(count + 1)), None);
    }
}
