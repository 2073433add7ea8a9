//! What a partition of the transactions' topic says: each record all of one transactional id.
//!
//! After Kafka's `TransactionLogKey`/`Value`: a version, then fields, big-endian. A value that is missing is a
//! tombstone. Nothing else writes here, so bytes that do not decode are a bug.

use crate::coordinator::bytes::{Reader, Writer};
use crate::coordinator::ledger::Entry;
use crate::ids::{CorrelationId, NodeId, ProducerEpoch, ProducerId, TopicPartition, TransactionalId};
use crate::partition::Asker;
use crate::time::Span;
use crate::transaction::state::TransactionState;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionRecord {
    /// The transactional id.
    pub transactional: TransactionalId,
    /// What it is now; `None`: forgotten.
    pub value: Option<Stored>,
}

/// A transactional id as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What its producer produces under; while a transaction is being ended, what its markers carry.
    pub producer: ProducerId,
    /// The reign of that.
    pub epoch: ProducerEpoch,
    /// The producer goes on under this id, in reign 0, after the markers: the reigns of the last one are used up.
    pub next: Option<ProducerId>,
    /// What the producer asked for the last change of reign under: asked again, it is told the same (KIP-360).
    pub last: Option<(ProducerId, ProducerEpoch)>,
    /// `transaction.timeout.ms`.
    pub timeout: Span,
    /// Where it stands.
    pub state: TransactionState,
    /// The transaction's partitions, sorted.
    pub partitions: Vec<TopicPartition>,
    /// The request that started the producer: an earlier copy must not fence it. Not Kafka's, which keeps the
    /// order of a connection.
    pub by: Option<Asker>,
    /// When it last changed, in milliseconds of the calendar.
    pub updated: u64,
}

impl Stored {
    /// What the producer goes on under, once the present transaction is over.
    pub fn successor(&self) -> (ProducerId, ProducerEpoch) {
        self.next.map_or((self.producer, self.epoch), |id| (id, ProducerEpoch(0)))
    }
}

const VERSION: u16 = 1;

impl TransactionRecord {
    /// The record of this key and value; `None` if there is no such record.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Option<Self> {
        let mut read = Reader(key);
        let transactional = (read.u16()? == VERSION).then(|| read.text())?.map(TransactionalId)?;
        let whole = |bytes| {
            let mut read = Reader(bytes);
            let stored = (read.u16()? == VERSION).then(|| decode(&mut read))??;
            read.0.is_empty().then_some(stored)
        };
        let value = match value {
            Some(bytes) => Some(whole(bytes)?),
            None => None,
        };
        read.0.is_empty().then_some(Self { transactional, value })
    }
}

impl Entry for TransactionRecord {
    fn encode(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        let mut key = Writer(Vec::with_capacity(32));
        key.u16(VERSION);
        key.text(&self.transactional.0);
        (key.0, self.value.as_ref().map(encode))
    }
}

fn encode(stored: &Stored) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(64 + 8 * stored.partitions.len()));
    let place = TransactionState::ALL.iter().position(|state| *state == stored.state);
    out.u16(VERSION);
    out.u64(stored.producer.0);
    out.u16(stored.epoch.0);
    out.maybe(stored.next, |out, id| out.u64(id.0));
    out.maybe(stored.last, |out, (id, epoch)| {
        out.u64(id.0);
        out.u16(epoch.0);
    });
    out.u64(stored.timeout.0);
    out.u16(place.expect("every state is in the list of all") as u16);
    out.list(&stored.partitions, |out, at| out.partition(*at));
    out.maybe(stored.by, |out, asker| {
        out.u32(asker.node.0);
        out.u64(asker.id.0);
    });
    out.u64(stored.updated);
    out.0
}

fn decode(read: &mut Reader<'_>) -> Option<Stored> {
    Some(Stored {
        producer: ProducerId(read.u64()?),
        epoch: ProducerEpoch(read.u16()?),
        next: read.maybe(|read| read.u64().map(ProducerId))?,
        last: read.maybe(|read| Some((ProducerId(read.u64()?), ProducerEpoch(read.u16()?))))?,
        timeout: Span(read.u64()?),
        state: *TransactionState::ALL.get(usize::from(read.u16()?))?,
        partitions: read.list(Reader::partition)?,
        by: read.maybe(|read| Some(Asker { node: NodeId(read.u32()?), id: CorrelationId(read.u64()?) }))?,
        updated: read.u64()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::TopicId;

    prop_compose! {
        fn stored()(
            producer in any::<(u64, u16)>(),
            next in prop::option::of(any::<u64>()),
            last in prop::option::of(any::<(u64, u16)>()),
            times in any::<(u64, u64)>(),
            state in prop::sample::select(TransactionState::ALL.to_vec()),
            partitions in prop::collection::vec(any::<(u32, u32)>(), 0..4),
            by in prop::option::of(any::<(u32, u64)>()),
        ) -> Stored {
            let at = |(topic, partition)| TopicPartition { topic: TopicId(topic), partition };
            Stored {
                producer: ProducerId(producer.0),
                epoch: ProducerEpoch(producer.1),
                next: next.map(ProducerId),
                last: last.map(|(id, epoch)| (ProducerId(id), ProducerEpoch(epoch))),
                timeout: Span(times.0),
                state,
                partitions: partitions.into_iter().map(at).collect(),
                by: by.map(|(node, id)| Asker { node: NodeId(node), id: CorrelationId(id) }),
                updated: times.1,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_record_comes_back_as_it_was_and_only_whole(
            name in "\\PC{0,8}", value in prop::option::of(stored()), cut in 1usize..8,
        ) {
            let record = TransactionRecord { transactional: TransactionalId(name.into()), value };
            let (key, value) = record.encode();
            prop_assert_eq!(TransactionRecord::decode(&key, value.as_deref()), Some(record));
            prop_assert_eq!(TransactionRecord::decode(&key[..key.len() - cut.min(key.len())], None), None);
            if let Some(value) = value {
                prop_assert_eq!(TransactionRecord::decode(&key, Some(&value[..value.len() - cut])), None);
            }
        }
    }
}
