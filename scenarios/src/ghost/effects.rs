//! What pipelines have written in which transaction, of what, and what readers saw of it. Folded from what the
//! applications report alone.

use std::collections::BTreeMap;

use squall_core::client::transacted::Outcome;
use squall_core::ids::{NodeId, Offset, TopicPartition};

/// A place in a log.
pub type Place = (TopicPartition, Offset);

/// A record that was made of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// Its transaction.
    pub transaction: u64,
    /// What it was made of.
    pub source: Place,
    /// Where a reader of committed records found it.
    pub seen: Option<Place>,
    /// Whether the last reading found it.
    pub found: bool,
}

/// A transaction, as its application knows it.
#[derive(Debug, Clone, Default)]
pub struct Transaction {
    /// What was written in it.
    pub effects: Vec<u64>,
    /// Whether a commit was asked for.
    pub commits: bool,
    /// How it ended; `None`: the application never learned that.
    pub outcome: Option<Outcome>,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    /// By name.
    pub effects: BTreeMap<u64, Effect>,
    /// By name.
    pub transactions: BTreeMap<u64, Transaction>,
    /// Which effect of a record readers of committed records saw.
    pub of: BTreeMap<Place, u64>,
    /// The last offset that a reader was handed of a partition.
    pub last: BTreeMap<(NodeId, TopicPartition), Offset>,
    /// The last record whose effect a reader was handed: by reader, partition of the effect, partition of the
    /// record.
    pub last_of: BTreeMap<(NodeId, TopicPartition, TopicPartition), Offset>,
    /// Before which offset of a partition a group was made to forget where it was: who joins it next begins again.
    pub forgotten: BTreeMap<TopicPartition, Offset>,
}

impl Effects {
    /// A record was handed to a producer in a transaction.
    pub fn written(&mut self, name: u64, transaction: u64, source: Place) {
        self.effects.insert(name, Effect { transaction, source, seen: None, found: false });
        self.transactions.entry(transaction).or_default().effects.push(name);
    }

    /// An empty group's committed offset went with its retention.
    pub fn forget(&mut self, at: TopicPartition, offset: Offset) {
        let forgotten = self.forgotten.entry(at).or_default();
        *forgotten = offset.max(*forgotten);
    }

    /// Whether the group was made to forget that it had processed this.
    pub fn is_forgotten(&self, (at, offset): Place) -> bool {
        self.forgotten.get(&at).is_some_and(|before| offset < *before)
    }

    /// A reader was handed something of a partition; answers what it was handed before.
    pub fn read(&mut self, reader: NodeId, at: TopicPartition, offset: Offset) -> Option<Offset> {
        self.last.insert((reader, at), offset)
    }
}
