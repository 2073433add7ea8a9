//! A batch from its first record to its fate.

use bytes::Bytes;

use crate::host::Host;
use crate::ids::CorrelationId;
use crate::record::{BatchBuilder, HEADER_BYTES, ProducerStamp};
use crate::refused::Refused;
use crate::time::Time;

use super::{Headers, Shared, Ticket};

/// Bytes a record takes at most beside its key, value and headers (`DefaultRecord.MAX_RECORD_OVERHEAD`).
const RECORD_OVERHEAD: usize = 21;
/// Bytes a header takes at most beside its key and value: two lengths.
const HEADER_OVERHEAD: usize = 10;

/// A record on its way into a batch.
#[derive(Debug, Clone)]
pub(super) struct Queued {
    pub(super) ticket: Ticket,
    pub(super) key: Option<Bytes>,
    value: Option<Bytes>,
    headers: Headers,
    /// When it was handed in, in milliseconds.
    timestamp: u64,
}

impl Queued {
    pub(super) fn new(
        ticket: Ticket,
        key: Option<Bytes>,
        value: Option<Bytes>,
        headers: Headers,
        env: &Host<'_>,
    ) -> Self {
        Self { ticket, key, value, headers, timestamp: env.wall().as_millis() }
    }

    /// An upper bound of its bytes in a batch.
    pub(super) fn size_max(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(key, value)| HEADER_OVERHEAD + key.len() + value.as_ref().map_or(0, Bytes::len))
            .sum();
        RECORD_OVERHEAD
            + self.key.as_ref().map_or(0, Bytes::len)
            + self.value.as_ref().map_or(0, Bytes::len)
            + headers
    }

    fn write(&self, into: &mut BatchBuilder) {
        let key = self.key.as_deref();
        if self.headers.is_empty() {
            into.add(key, self.value.as_deref(), &[], self.timestamp);
        } else {
            let headers: Vec<_> =
                self.headers.iter().map(|(key, value)| (&**key, value.as_deref())).collect();
            into.add(key, self.value.as_deref(), &headers, self.timestamp);
        }
    }
}

/// Where the newest attempt to send a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Not sent now; to be sent (again) at this time.
    Waiting { until: Time },
    /// Sent; given up at this time.
    Asked { id: CorrelationId, until: Time },
}

/// Records that share a fate.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    /// Counts the partition's batches.
    pub(super) number: u64,
    pub(super) records: Vec<Queued>,
    /// An upper bound of its bytes.
    pub(super) size_max: usize,
    pub(super) opened: Time,
    pub(super) deadline: Time,
    /// Set at the first send.
    pub(super) wire: Option<Bytes>,
    pub(super) attempt: Attempt,
    /// Attempts that were given up without an answer. Any of them may have been written.
    pub(super) abandoned: Vec<CorrelationId>,
    /// Failed attempts.
    pub(super) failures: u32,
    /// No broker takes it, whatever surrounds it.
    pub(super) poison: bool,
    /// The newest attempt went out while a batch before it in the stream was unresolved.
    pub(super) follows: bool,
    /// The last refusal.
    pub(super) refused: Option<Refused>,
}

impl Batch {
    /// An empty batch.
    pub(super) const fn open(number: u64, records: Vec<Queued>, opened: Time, deadline: Time) -> Self {
        Self {
            number,
            records,
            size_max: HEADER_BYTES,
            opened,
            deadline,
            wire: None,
            attempt: Attempt::Waiting { until: opened },
            abandoned: Vec::new(),
            failures: 0,
            poison: false,
            follows: false,
            refused: None,
        }
    }

    pub(super) fn push(&mut self, record: Queued) {
        self.size_max += record.size_max();
        self.records.push(record);
    }

    pub(super) const fn count(&self) -> u32 {
        self.records.len() as u32
    }

    /// Makes its bytes, before the first send.
    pub(super) fn seal(&mut self, stamp: Option<ProducerStamp>, shared: &mut Shared) {
        let builder = &mut shared.builder;
        for record in &self.records {
            record.write(builder);
        }
        if let Some(stamp) = stamp {
            builder.set_producer(stamp);
        }
        if let Some(transactions) = &mut shared.transactions {
            builder.set_transactional();
            transactions.sends();
        }
        self.wire = Some(builder.build().bytes().clone());
    }

    /// Known not to be in the log, now and later: it was never sent under the stamp it has, or no broker
    /// takes it. Of any other refusal a copy may still arrive where it is taken.
    pub(super) const fn is_not_written(&self) -> bool {
        self.wire.is_none() || self.poison
    }

    /// Gives up waiting for the newest attempt.
    pub(super) fn abandon(&mut self, retry: Time) {
        match self.attempt {
            Attempt::Asked { id, .. } => self.abandoned.push(id),
            Attempt::Waiting { .. } => {}
        }
        self.attempt = Attempt::Waiting { until: retry };
    }
}
