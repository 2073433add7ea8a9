//! What a transaction means for its batches, and they for it.

use crate::client::producer::accumulate::{Partition, Topic};
use crate::client::producer::stream::Stream;
use crate::client::producer::{Producer, SendError, Shared};
use crate::refused::Refused;

use super::Stage;

impl Shared {
    /// A batch failed, `sent` or not. Whatever it was, its transaction lacks it.
    pub(in crate::client::producer) fn batch_failed(&mut self, refused: Option<Refused>, sent: bool) {
        let Some(transactions) = &mut self.transactions else { return };
        transactions.gap |= sent;
        match refused {
            // Any other refusal is about the transaction; if the producer is fenced, the abort will tell.
            Some(refused @ (Refused::ProducerFenced | Refused::InvalidProducerIdMapping)) => {
                transactions.give_up(refused);
            }
            Some(_) | None => transactions.fail(refused),
        }
    }
}

impl Producer {
    /// In a transaction that cannot be committed nothing is sent for the first time; what was sent already is
    /// waited for, as an end must not overtake it. A producer that is of no use waits for nothing.
    pub(super) fn drop_batches(&mut self) {
        let (unsent, sent) = match self.stage() {
            Some(Stage::Failed | Stage::Aborting) => (true, false),
            Some(Stage::Over) => (true, true),
            Some(Stage::Starting | Stage::Ready | Stage::Open | Stage::Committing) | None => return,
        };
        let shared = &mut self.shared;
        for topic in &mut self.topics {
            topic.drop_unplaced(shared);
            for partition in &mut topic.partitions {
                if unsent {
                    partition.drop_unsent(shared);
                }
                if sent {
                    partition.drop_sent(shared);
                }
                partition.end_stream();
            }
        }
    }

    /// Sequences begin anew under another identity.
    pub(super) fn begin_streams_anew(&mut self) {
        for partition in self.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            partition.stream = Stream::Unnamed;
        }
    }
}

impl Topic {
    fn drop_unplaced(&mut self, shared: &mut Shared) {
        for (record, _) in self.unplaced.drain(..) {
            shared.settle(record.ticket, Err(SendError { at: None, refused: None, definite: true }));
        }
    }
}

impl Partition {
    fn drop_unsent(&mut self, shared: &mut Shared) {
        while let Some(batch) = self.queue.pop_front() {
            batch.fail(self.at, shared);
        }
    }

    fn drop_sent(&mut self, shared: &mut Shared) {
        while let Some(batch) = self.flight.pop_front() {
            batch.fail(self.at, shared);
        }
    }
}
