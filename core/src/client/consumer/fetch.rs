//! What a fetch brings, and how it is handed out.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::host::Host;
use crate::ids::{CorrelationId, LeaderEpoch, Offset, ProducerId, TopicPartition};
use crate::message::{AbortedTransaction, Fetched, Stable};
use crate::record::Batch;
use crate::refused::Refused;

use super::history::History;
use super::reader::Reader;
use super::{Consumed, Consumer, Shared};

/// Fetched and not handed out: the records of one batch, and the bytes behind it.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffer {
    records: VecDeque<Consumed>,
    /// Where the batch of these records ends: behind its last record, or farther if it was compacted.
    end: Offset,
    rest: Bytes,
    aborted: Aborted,
}

/// What the last fetch told of aborted transactions.
#[derive(Debug, Clone, Default)]
struct Aborted {
    /// Those that begin in what was not taken apart yet, the last first.
    ahead: Vec<AbortedTransaction>,
    /// Whose transactional batches are left out, up to the marker.
    producers: Vec<ProducerId>,
}

impl Aborted {
    /// Of a new fetch.
    fn renew(&mut self, stable: Option<Stable>) {
        self.producers.clear();
        self.ahead = stable.map(|stable| stable.aborted).unwrap_or_default();
        self.ahead.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Whether nothing of the batch, which is the next one, is handed out.
    fn leaves_out(&mut self, batch: &Batch) -> bool {
        while let Some(next) = self.ahead.pop_if(|next| next.first < batch.next_offset()) {
            self.producers.push(next.producer);
        }
        let Some((id, _)) = batch.identity().filter(|_| batch.is_transactional()) else { return false };
        let Some(place) = self.producers.iter().position(|&producer| producer == id) else { return false };
        if batch.is_control() {
            // Its next transaction may have been committed.
            self.producers.swap_remove(place);
        }
        true
    }
}

impl Buffer {
    /// Nothing is left; bytes are parsed as soon as the records before them are gone.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Takes batches apart until there are records at or behind `position`, which is moved over everything
    /// that is not handed out. Answers `false` if a batch is damaged: it and what follows is dropped.
    fn fill(&mut self, at: TopicPartition, position: &mut Offset, history: &mut History) -> bool {
        if self.records.is_empty() {
            // Asked from within the batch that was just read to its end, a leader would send it again, for ever
            // (KAFKA-5443).
            *position = self.end.max(*position);
        }
        while self.records.is_empty() && !self.rest.is_empty() {
            let Ok((batch, rest)) = Batch::parse(std::mem::take(&mut self.rest)) else { return false };
            // Only a leader gives batches an epoch; one without never was in a log.
            let Some(epoch) = batch.leader_epoch() else { return false };
            self.rest = rest;
            let left_out = self.aborted.leaves_out(&batch);
            if batch.next_offset() <= *position {
                continue;
            }
            if !batch.is_control() && !left_out {
                self.unpack(at, &batch, epoch, *position);
                self.end = batch.next_offset();
            }
            if self.records.is_empty() {
                history.note(epoch, batch.base_offset().max(*position));
                *position = batch.next_offset();
            }
        }
        true
    }

    fn unpack(&mut self, at: TopicPartition, batch: &Batch, epoch: LeaderEpoch, from: Offset) {
        let slice = |part: &[u8]| batch.bytes().slice_ref(part);
        for record in batch.records().filter(|record| record.offset >= from) {
            self.records.push_back(Consumed {
                at,
                offset: record.offset,
                epoch,
                timestamp: record.timestamp,
                key: record.key.map(slice),
                value: record.value.map(slice),
                headers: record
                    .headers()
                    .map(|header| (slice(header.key), header.value.map(slice)))
                    .collect(),
            });
        }
    }
}

impl Consumer {
    /// The answer to a fetch.
    pub(super) fn on_fetched(
        &mut self,
        id: CorrelationId,
        at: TopicPartition,
        result: Result<Fetched, Refused>,
        env: &mut Host<'_>,
    ) {
        let Some((reader, shared)) = self.reader_mut(at) else { return };
        let Some(asked) = reader.answered(id) else { return };
        match result {
            Ok(fetched) => {
                // The leader of this reign read on from the position, so it has what lies before it.
                reader.validated = Some(asked.epoch);
                reader.on_fetched(at, fetched, shared, env);
            }
            Err(refused) => reader.on_refused(at, refused, shared, env),
        }
        reader.pump(shared, env);
    }
}

impl Reader {
    fn on_fetched(&mut self, at: TopicPartition, fetched: Fetched, shared: &mut Shared, env: &mut Host<'_>) {
        if fetched.high_watermark.is_some() {
            self.high_watermark = fetched.high_watermark;
        }
        if let Some(leaders) = fetched.diverging {
            if !self.compare(at, leaders, shared, env) {
                // The leader sees a divergence where there is none: it must learn better, or be replaced.
                self.rest(shared, env);
            }
            return;
        }
        let (before, some) = (self.position, !fetched.batches.is_empty());
        self.buffer.rest = fetched.batches;
        self.buffer.aborted.renew(fetched.stable);
        let sound = self.refill(at);
        if some && self.buffer.is_empty() && (!sound || self.position == before) {
            // Nothing of use. Asking again at once would go round for ever.
            self.rest(shared, env);
        } else {
            self.succeeded();
        }
    }

    /// The next record. When it is the last one fetched, asks for more.
    pub(super) fn poll(&mut self, shared: &mut Shared, env: &mut Host<'_>) -> Option<Consumed> {
        if self.paused {
            return None;
        }
        let record = self.buffer.records.pop_front()?;
        self.position = Some(record.offset.plus(1));
        self.history.note(record.epoch, record.offset);
        if self.buffer.is_empty() {
            if !self.refill(record.at) {
                self.rest(shared, env);
            }
            self.pump(shared, env);
        }
        Some(record)
    }

    fn refill(&mut self, at: TopicPartition) -> bool {
        match &mut self.position {
            Some(position) => self.buffer.fill(at, position, &mut self.history),
            None => true,
        }
    }
}
