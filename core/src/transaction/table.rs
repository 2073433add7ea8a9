//! The fold of a partition of the transactions' topic.

use std::collections::BTreeMap;

use crate::ids::TransactionalId;
use crate::record::Batch;
use crate::transaction::record::{Stored, TransactionRecord};

/// What the records say, the newest of each transactional id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table(BTreeMap<TransactionalId, Stored>);

impl Table {
    /// Folds one record in.
    pub fn apply(&mut self, record: TransactionRecord) {
        match record.value {
            Some(stored) => drop(self.0.insert(record.transactional, stored)),
            None => drop(self.0.remove(&record.transactional)),
        }
    }

    /// Folds a batch of the partition in. What no coordinator wrote is passed over, as Kafka does: where the
    /// controllers lost everything, a new topic may have the number of an old one, and find its records.
    pub fn apply_batch(&mut self, batch: &Batch) {
        for record in batch.records() {
            if let Some(record) = record.key.and_then(|key| TransactionRecord::decode(key, record.value)) {
                self.apply(record);
            }
        }
    }

    /// What it says of a transactional id.
    pub fn get(&self, transactional: &TransactionalId) -> Option<&Stored> {
        self.0.get(transactional)
    }

    /// Every transactional id.
    pub fn iter(&self) -> impl Iterator<Item = (&TransactionalId, &Stored)> {
        self.0.iter()
    }
}
