//! Transactions as observed: what of them lies in each partition's logs, and what their coordinators decided.

use std::collections::{BTreeMap, BTreeSet};

use squall_core::ids::{
    BrokerId, LeaderEpoch, Offset, ProducerEpoch, ProducerId, TopicPartition, TransactionalId,
};
use squall_core::transaction::state::TransactionState;

use crate::ghost::shadow::{Batch, Shadow};

/// Whose part of a transaction a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    /// The producer.
    pub producer: ProducerId,
    /// Its reign; of a marker, the one that it begins.
    pub epoch: ProducerEpoch,
    /// Whether it ends the transaction.
    pub marks: bool,
}

/// What is transactional in the logs of one partition.
#[derive(Debug, Clone, Default)]
pub struct Transacted {
    /// By what tells two batches apart, over all replicas and all time.
    authors: BTreeMap<(Offset, LeaderEpoch, u32), Author>,
    /// Those of them that end an aborted transaction, by place and epoch.
    aborts: BTreeSet<(Offset, LeaderEpoch)>,
    /// Every transaction that begins before has its marker committed, as the log of each broker has it: one that is
    /// deposed may show what it knew when others have gone on.
    settled: BTreeMap<BrokerId, Offset>,
    /// The reign that each producer's last committed marker began.
    pub marked: BTreeMap<ProducerId, ProducerEpoch>,
}

impl Transacted {
    /// Whether there are transactions at all.
    pub fn is_empty(&self) -> bool {
        self.authors.is_empty()
    }

    /// A batch is somebody's.
    pub fn note(&mut self, batch: &Batch, author: Author) {
        self.authors.insert((batch.base, batch.epoch, batch.crc), author);
    }

    /// A batch, which is a marker, ends an aborted transaction.
    pub fn note_abort(&mut self, batch: &Batch) {
        self.aborts.insert((batch.base, batch.epoch));
    }

    /// What is decided of a log from `from` on.
    pub fn decided(&self, log: &Shadow, from: Offset) -> Judged {
        let mut open: BTreeMap<ProducerId, Vec<Offset>> = BTreeMap::new();
        let mut judged = Judged { stable: log.end(), ..Judged::default() };
        for (base, author) in self.within(log, from, log.end()) {
            if !author.marks {
                open.entry(author.producer).or_default().push(base);
                continue;
            }
            judged.markers.insert(base);
            let bases = open.remove(&author.producer).unwrap_or_default();
            if log.at(base).is_some_and(|batch| self.aborts.contains(&(base, batch.epoch))) {
                judged.aborted.extend(bases);
            }
        }
        let first = open.values().filter_map(|bases| bases.first()).min();
        judged.stable = first.copied().unwrap_or(judged.stable);
        judged
    }

    /// Whose part of a transaction a batch is; `None`: of none.
    pub fn author(&self, batch: &Batch) -> Option<Author> {
        self.authors.get(&(batch.base, batch.epoch, batch.crc)).copied()
    }

    /// The transactional batches of a log in a stretch of it, in order.
    pub fn within<'a>(
        &'a self,
        log: &'a Shadow,
        from: Offset,
        to: Offset,
    ) -> impl Iterator<Item = (Offset, Author)> + 'a {
        let first = (from, LeaderEpoch(0), 0);
        let all = self.authors.range(first..).take_while(move |((base, ..), _)| *base < to);
        all.filter(|((base, epoch, crc), _)| {
            log.at(*base).is_some_and(|batch| (batch.base, batch.epoch, batch.crc) == (*base, *epoch, *crc))
        })
        .map(|((base, ..), author)| (*base, *author))
    }

    /// The last stable offset of this broker's log, which it knows to be committed up to `high_watermark`.
    pub fn last_stable(&mut self, broker: BrokerId, log: &Shadow, high_watermark: Offset) -> Offset {
        let settled = self.settled.get(&broker).copied().unwrap_or(Offset::ZERO);
        let mut open: BTreeMap<ProducerId, Offset> = BTreeMap::new();
        let mut undecided = high_watermark;
        for (base, author) in self.within(log, settled, log.end()) {
            if !author.marks {
                open.entry(author.producer).or_insert(base);
            } else if let Some(first) = open.remove(&author.producer)
                && base >= high_watermark
            {
                undecided = undecided.min(first);
            }
        }
        let stable = open.into_values().min().map_or(undecided, |first| first.min(undecided));
        self.settled.insert(broker, settled.max(stable));
        stable
    }
}

/// What became of the transactions in a stretch of a log.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// Everything before is decided.
    pub stable: Offset,
    /// The batches of aborted transactions, by their first offsets.
    pub aborted: BTreeSet<Offset>,
    /// The markers.
    pub markers: BTreeSet<Offset>,
}

/// What coordinators decided.
#[derive(Debug, Clone, Default)]
pub struct TransactionsGhost {
    /// Who coordinates in which reign of a partition of the transactions' topic.
    pub coordinators: BTreeMap<(TopicPartition, LeaderEpoch), BrokerId>,
    /// Who was the last to have read a partition of it as its coordinator, and in which reign.
    loaded: BTreeMap<TopicPartition, (LeaderEpoch, BrokerId)>,
    /// What is committed of each transactional id.
    pub decided: BTreeMap<TransactionalId, Decided>,
    /// The transactional id of each producer id.
    pub names: BTreeMap<ProducerId, TransactionalId>,
}

/// A transactional id as its coordinator's log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What it produces under, or what its markers carry.
    pub producer: ProducerId,
    /// The reign of that.
    pub epoch: ProducerEpoch,
    /// Where it stands.
    pub state: TransactionState,
    /// The partitions of its transaction.
    pub partitions: Vec<TopicPartition>,
}

impl TransactionsGhost {
    /// A coordinator has read its log; answers whether nobody had read it in a later reign.
    pub fn loaded(&mut self, at: TopicPartition, epoch: LeaderEpoch, broker: BrokerId) -> bool {
        let is_latest = self.is_latest(at, epoch);
        if is_latest {
            self.loaded.insert(at, (epoch, broker));
        }
        is_latest
    }

    /// Whether nobody coordinates `at` in a later reign, who has read all that came before: until then what the one
    /// before reports is in that log.
    pub fn is_latest(&self, at: TopicPartition, epoch: LeaderEpoch) -> bool {
        self.loaded.get(&at).is_none_or(|(last, _)| *last <= epoch)
    }

    /// Whether this broker was the last that began to coordinate `at`.
    pub fn is_latest_of(&self, at: TopicPartition, broker: BrokerId) -> bool {
        self.loaded.get(&at).is_none_or(|(_, last)| *last == broker)
    }

    /// A change is committed; answers what it was before.
    pub fn changed(&mut self, name: &TransactionalId, now: Decided) -> Option<Decided> {
        self.names.insert(now.producer, name.clone());
        self.decided.insert(name.clone(), now)
    }

    /// What the coordinator of a producer has decided.
    pub fn of(&self, producer: ProducerId) -> Option<&Decided> {
        self.decided.get(self.names.get(&producer)?)
    }
}
