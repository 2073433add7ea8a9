//! What clients did and saw: every record sent, what its sender was told, where readers are.

use std::collections::BTreeMap;

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

/// One record that was sent. Records of one sender are numbered in sending order.
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
    /// Where it is, from the sender's or a reader's answer.
    pub offset: Option<Offset>,
    /// Its key.
    pub key: Option<u32>,
    /// Where its sender was told that it is.
    pub promised: Option<Offset>,
    /// How often the last reading found it.
    pub found: u8,
    /// Whether the last reading found it where its sender was told that it is.
    pub found_as_promised: bool,
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

/// All clients.
#[derive(Debug, Clone, Default)]
pub struct Clients {
    /// Every record sent, by sender and number.
    pub sent: BTreeMap<u32, Vec<Record>>,
    /// Readers' places.
    pub readers: BTreeMap<(NodeId, TopicPartition), Reader>,
    /// The keys of the records that each sender will send, in order; known from the plan.
    pub keys: BTreeMap<u32, Vec<Option<u32>>>,
    /// Where each key was first seen.
    pub homes: BTreeMap<u32, TopicPartition>,
    /// Of the last reading: the last acknowledged record of each sender in each partition.
    pub last_read: BTreeMap<(u32, TopicPartition), u32>,
}

impl Clients {
    /// A record was handed to its sender's producer.
    pub fn sent(&mut self, name: Name, acks: Acks, idempotent: bool) {
        let key =
            self.keys.get(&name.sender).and_then(|keys| keys.get(name.number as usize)).copied().flatten();
        self.sent.entry(name.sender).or_default().push(Record {
            at: None,
            acks,
            idempotent,
            told: Told::Nothing,
            offset: None,
            key,
            promised: None,
            found: 0,
            found_as_promised: false,
        });
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
