//! The fold of an offsets partition: what is in effect once every record up to some place is committed.
//!
//! Offsets within a transaction are kept aside until its marker comes. Of several commits for one partition the one
//! that was written last is in effect, not the one whose marker came last.

use std::collections::BTreeMap;

use crate::group::record::{GroupRecord, StoredGroup, StoredOffset};
use crate::ids::{GroupId, ProducerId, TopicPartition};
use crate::record::{Batch, Ending};

/// What the records say, the newest of each key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    groups: BTreeMap<GroupId, Entry>,
    /// What open transactions would commit, in the order in which it was written.
    pending: Vec<Pending>,
}

/// An offset that an open transaction would commit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pending {
    producer: ProducerId,
    group: GroupId,
    at: TopicPartition,
    stored: StoredOffset,
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
                // It came later than what is pending, and so stays in effect whatever becomes of that.
                self.pending.retain(|pending| (&pending.group, pending.at) != (&group, at));
                self.groups.entry(group).or_default().offsets.insert(at, value);
            }
            GroupRecord::Group { group, value: None } => self.forget(&group, |entry| entry.group = None),
            GroupRecord::Offset { group, at, value: None } => {
                self.forget(&group, |entry| drop(entry.offsets.remove(&at)));
            }
        }
    }

    /// Keeps a record of a transaction aside.
    pub(super) fn apply_within(&mut self, producer: ProducerId, record: GroupRecord) {
        if let GroupRecord::Offset { group, at, value: Some(stored) } = record {
            self.pending
                .retain(|pending| (pending.producer, &pending.group, pending.at) != (producer, &group, at));
            self.pending.push(Pending { producer, group, at, stored });
        }
    }

    /// A transaction has ended; answers what is in effect with it.
    pub(super) fn end(
        &mut self,
        producer: ProducerId,
        ending: Ending,
    ) -> Vec<(GroupId, TopicPartition, StoredOffset)> {
        let all = std::mem::take(&mut self.pending);
        let mut committed = Vec::new();
        for (place, pending) in all.iter().enumerate() {
            let commits = |other: &Pending| other.producer == producer && ending == Ending::Commit;
            let is_same = |other: &&Pending| (&other.group, other.at) == (&pending.group, pending.at);
            if commits(pending) {
                let Pending { group, at, stored, .. } = pending.clone();
                self.groups.entry(group.clone()).or_default().offsets.insert(at, stored.clone());
                committed.push((group, at, stored));
            } else if pending.producer != producer
                && !all[place + 1..].iter().any(|later| is_same(&later) && commits(later))
            {
                self.pending.push(pending.clone());
            }
        }
        committed
    }

    /// The offset of a partition that the producer's open transaction would commit.
    pub(super) fn pending(
        &self,
        producer: ProducerId,
        group: &GroupId,
        at: TopicPartition,
    ) -> Option<&StoredOffset> {
        let is = |pending: &&Pending| (pending.producer, &pending.group, pending.at) == (producer, group, at);
        self.pending.iter().find(is).map(|pending| &pending.stored)
    }

    /// Whether some open transaction would commit an offset of the group, in one of these partitions if any are
    /// named.
    pub fn is_unstable(&self, group: &GroupId, partitions: Option<&[TopicPartition]>) -> bool {
        let asked = |pending: &Pending| partitions.is_none_or(|partitions| partitions.contains(&pending.at));
        self.pending.iter().any(|pending| pending.group == *group && asked(pending))
    }

    fn forget(&mut self, group: &GroupId, forget: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.groups.get_mut(group) else { return };
        forget(entry);
        if *entry == Entry::default() {
            self.groups.remove(group);
        }
    }

    /// Folds a batch of the offsets partition in. What no coordinator wrote is passed over, as Kafka does
    /// (`GroupMetadataManager`, "ignoring it"): where the controllers lost everything, a new topic may have the number
    /// of an old one, and find its records.
    pub fn apply_batch(&mut self, batch: &Batch) {
        if let Some(marker) = batch.marker() {
            self.end(marker.producer, marker.ending);
            return;
        }
        for record in batch.records() {
            let decoded = record.key.and_then(|key| GroupRecord::decode(key, record.value));
            let Some(record) = decoded else { continue };
            match batch.identity() {
                Some((producer, _)) => self.apply_within(producer, record),
                None => self.apply(record),
            }
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
