//! What clients did and saw: every record sent, what its sender was told, where readers are, who was given
//! which producer id.
//!
//! All of it is kept to the end of the run, when each record is judged: 24 bytes a record, about 4 a producer
//! id.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;

use squall_core::ids::{NodeId, Offset, TopicPartition};
use squall_core::message::Acks;

/// What the sender of a record was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing yet.
    Nothing,
    /// It is in the log.
    Delivered,
    /// It may or may not be.
    Unknown,
    /// It is not.
    Refused,
}

/// One record that was sent. Records of one sender are numbered in sending order. There are many: it is kept
/// at 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Its partition, once its sender or a reader named it.
    pub at: Option<TopicPartition>,
    /// What it was sent with.
    pub acks: Acks,
    /// Whether its sender is idempotent.
    pub idempotent: bool,
    /// What its sender was told.
    pub told: Told,
    /// How often the last reading found it.
    pub found: u8,
    /// One more than its offset.
    place: Option<NonZeroU64>,
}

const _: () = assert!(size_of::<Record>() == 24, "a run keeps every record to its end");

impl Record {
    /// One that goes out.
    pub const fn sent(acks: Acks, idempotent: bool) -> Self {
        Self { at: None, acks, idempotent, told: Told::Nothing, found: 0, place: None }
    }

    /// Its `acks`, as producers write it.
    pub const fn acks_word(&self) -> &'static str {
        match self.acks {
            Acks::None => "0",
            Acks::Leader => "1",
            Acks::All => "all",
        }
    }

    /// Where it is, from its sender's or a reader's answer.
    pub fn offset(&self) -> Option<Offset> {
        self.place.map(|place| Offset(place.get() - 1))
    }

    /// It is said to be there.
    pub fn found_at(&mut self, offset: Offset) {
        self.place = NonZeroU64::new(offset.0.saturating_add(1));
    }
}

/// One reader's place in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// The next offset it must be handed.
    pub next: Option<Offset>,
}

/// A record's name: its sender's node and its number in sending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The sender's node.
    pub sender: u32,
    /// Its number, from 0.
    pub number: u32,
}

impl Name {
    /// As probes and record values carry it.
    pub const fn pack(self) -> u64 {
        (self.sender as u64) << 32 | self.number as u64
    }

    /// From what probes and record values carry.
    pub const fn unpack(name: u64) -> Self {
        Self { sender: (name >> 32) as u32, number: name as u32 }
    }
}

/// A record that was read behind a later one of the same sender and partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disorder {
    /// The record.
    pub name: Name,
    /// Where it lies.
    pub at: Offset,
    /// The later record's number.
    pub behind: u32,
}

/// Producer ids of one page.
const PAGE: u64 = 64;

/// Who was given which producer id. They are given away nearly in order, so they are kept in pages.
#[derive(Debug, Clone, Default)]
pub struct Identities(BTreeMap<u64, [Option<NonZeroU32>; PAGE as usize]>);

impl Identities {
    /// `node` was given `id`; answers who had been given it before.
    pub fn give(&mut self, id: u64, node: NodeId) -> Option<NodeId> {
        let page = self.0.entry(id / PAGE).or_insert([None; PAGE as usize]);
        let owner = page[(id % PAGE) as usize].replace(NonZeroU32::MIN.saturating_add(node.0));
        owner.map(|owner| NodeId(owner.get() - 1))
    }
}

/// The keys of the records that each sender will send, in order.
pub type Keys = Arc<BTreeMap<u32, Vec<Option<u32>>>>;

/// All clients.
#[derive(Debug, Clone, Default)]
pub struct Clients {
    /// Every record sent, by sender and number.
    pub sent: BTreeMap<u32, Vec<Record>>,
    /// Producer ids that clients were given.
    pub identities: Identities,
    /// Readers' places.
    pub readers: BTreeMap<(NodeId, TopicPartition), Reader>,
    /// The keys of the records that each sender will send, in order; known from the plan.
    pub keys: Keys,
    /// Where each key was first seen.
    pub homes: BTreeMap<u32, TopicPartition>,
    /// Of the last reading: acknowledged records that it found, but not where they were said to be.
    pub astray: BTreeSet<Name>,
    /// Of the last reading: the last acknowledged record of each sender in each partition.
    pub last_read: BTreeMap<(u32, TopicPartition), u32>,
    /// Of the last reading: acknowledged records that lie behind a later one of their sender.
    pub disorder: Vec<Disorder>,
    /// Of the last reading: where the last record of each key lies in each partition.
    pub latest: BTreeMap<(TopicPartition, u32), Offset>,
    /// How often each sender sent something again to each partition.
    pub resent: BTreeMap<(u32, TopicPartition), u64>,
}

impl Clients {
    /// A record was handed to its sender's producer.
    pub fn sent(&mut self, name: Name, acks: Acks, idempotent: bool) {
        self.sent.entry(name.sender).or_default().push(Record::sent(acks, idempotent));
    }

    /// A record's key.
    pub fn key(&self, name: Name) -> Option<u32> {
        *self.keys.get(&name.sender)?.get(name.number as usize)?
    }

    /// A record.
    pub fn record(&mut self, name: Name) -> Option<&mut Record> {
        self.sent.get_mut(&name.sender)?.get_mut(name.number as usize)
    }

    /// Every record with its name.
    pub fn records(&self) -> impl Iterator<Item = (Name, &Record)> {
        self.sent.iter().flat_map(|(&sender, records)| {
            (0..).zip(records).map(move |(number, record)| (Name { sender, number }, record))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_given_twice_is_told_with_its_first_owner_over_any_distance() {
        let mut identities = Identities::default();
        for id in [0, 1, 63, 64, 1 << 40, u64::MAX] {
            assert_eq!(identities.give(id, NodeId(0)), None);
            assert_eq!(identities.give(id, NodeId(7)), Some(NodeId(0)));
            assert_eq!(identities.give(id, NodeId(1)), Some(NodeId(7)));
        }
    }

    #[test]
    fn a_record_at_the_very_start_of_a_log_has_a_place() {
        let mut record = Record::sent(Acks::All, true);
        assert_eq!(record.offset(), None);
        record.found_at(Offset::ZERO);
        assert_eq!(record.offset(), Some(Offset::ZERO));
    }
}
