//! The fold of an offsets partition: what is in effect once every record up to some place is committed.

use std::collections::BTreeMap;

use crate::group::record::{GroupRecord, StoredGroup, StoredOffset};
use crate::ids::{GroupId, TopicPartition};
use crate::record::Batch;

/// What the records say, the newest of each key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    groups: BTreeMap<GroupId, Entry>,
}

/// What they say of one group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// Its newest generation; `None`: it has offsets only.
    pub group: Option<StoredGroup>,
    /// How far it is.
    pub offsets: BTreeMap<TopicPartition, StoredOffset>,
}

impl Table {
    /// Folds one record in.
    pub fn apply(&mut self, record: GroupRecord) {
        match record {
            GroupRecord::Group { group, value: Some(value) } => {
                self.groups.entry(group).or_default().group = Some(value);
            }
            GroupRecord::Offset { group, at, value: Some(value) } => {
                self.groups.entry(group).or_default().offsets.insert(at, value);
            }
            GroupRecord::Group { group, value: None } => self.forget(&group, |entry| entry.group = None),
            GroupRecord::Offset { group, at, value: None } => {
                self.forget(&group, |entry| drop(entry.offsets.remove(&at)));
            }
        }
    }

    fn forget(&mut self, group: &GroupId, forget: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.groups.get_mut(group) else { return };
        forget(entry);
        if *entry == Entry::default() {
            self.groups.remove(group);
        }
    }

    /// Folds a batch of the offsets partition in.
    ///
    /// # Panics
    /// If it holds what no coordinator writes.
    pub fn apply_batch(&mut self, batch: &Batch) {
        for record in batch.records() {
            let key = record.key.expect("only coordinators write here, and they write keys");
            self.apply(GroupRecord::decode(key, record.value).expect("only coordinators write here"));
        }
    }

    /// What it says of a group.
    pub fn get(&self, group: &GroupId) -> Option<&Entry> {
        self.groups.get(group)
    }

    /// Every group, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&GroupId, &Entry)> {
        self.groups.iter()
    }
}
