//! What the controllers decided: the first record that anybody applied at each offset is the truth.

use std::sync::Arc;

use squall_core::ids::{BrokerEpoch, BrokerId, Offset};
use squall_core::metadata::{Image, MetadataRecord};

/// The decided metadata log and its fold.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// Every decided record, by offset.
    records: Vec<Arc<MetadataRecord>>,
    /// Their fold.
    pub image: Image,
    /// Of each broker, the registration its present life was told; `None` before it was.
    lives: Vec<Option<BrokerEpoch>>,
}

/// What applying a record meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// The first to apply it: it is decided now.
    News,
    /// As decided.
    Known,
    /// Not what was decided.
    Differs(Arc<MetadataRecord>),
    /// Records before it were never applied by anybody.
    Gap,
}

impl Metadata {
    /// A node applied `record` at `offset`.
    pub fn apply(&mut self, offset: Offset, record: &Arc<MetadataRecord>) -> Applied {
        let index = offset.0 as usize;
        match self.records.get(index) {
            Some(known) if Arc::ptr_eq(known, record) || known == record => Applied::Known,
            Some(known) => Applied::Differs(known.clone()),
            None if index > self.records.len() => Applied::Gap,
            None => {
                self.records.push(record.clone());
                self.image.apply(offset, record);
                Applied::News
            }
        }
    }

    /// The next offset to be decided.
    pub fn end(&self) -> Offset {
        Offset(self.records.len() as u64)
    }

    /// The digest of the image of everything before `end`; `None` if that is not decided.
    pub fn digest_at(&self, end: Offset) -> Option<u64> {
        if end == self.image.end {
            return Some(self.image.digest());
        }
        let mut image = Image::default();
        for (i, record) in self.records.get(..end.0 as usize)?.iter().enumerate() {
            image.apply(Offset(i as u64), record);
        }
        Some(image.digest())
    }

    /// A broker's present life was registered.
    pub fn registered(&mut self, broker: BrokerId, epoch: BrokerEpoch) {
        let index = broker.0 as usize;
        if self.lives.len() <= index {
            self.lives.resize(index + 1, None);
        }
        self.lives[index] = Some(epoch);
    }

    /// A broker's life ended.
    pub fn died(&mut self, broker: BrokerId) {
        if let Some(life) = self.lives.get_mut(broker.0 as usize) {
            *life = None;
        }
    }

    /// Whether the registration that is decided now is that of the broker's present life.
    ///
    /// A broker that is down, or back but not registered yet, may be short of records while it still stands
    /// in an ISR (INVARIANTS §7).
    pub fn is_running(&self, broker: BrokerId) -> bool {
        let life = self.lives.get(broker.0 as usize).copied().flatten();
        life.is_some() && life == self.image.brokers.get(&broker).map(|state| state.epoch)
    }
}
