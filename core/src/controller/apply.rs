//! From the committed log to the image, and from the queue to the log.

use std::sync::Arc;

use bytes::Bytes;

use super::Controller;
use super::pending::{Answer, Decision, Operation, Pending, Proposed};
use super::{alter_partition, elect, heartbeat, producer_ids, register, sessions, topics};
use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::Offset;
use crate::metadata::{DecodeError, Image, MetadataRecord};
use crate::probe::{MetadataProbe, Probe};
use crate::quorum::Delivery;

impl Controller {
    /// Applies what is committed, answers what that settles, decides what is next.
    pub(super) fn advance(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        loop {
            self.apply_committed(env)?;
            self.review_reign(env);
            self.queue.settle(&self.image, env);
            // A quorum of one may have committed already what was just proposed.
            if !self.decide_next(env)? {
                break;
            }
        }
        self.purgatory.wake(&self.tail, env);
        self.take_snapshot(env)
    }

    fn apply_committed(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        while let Some(delivery) = self.quorum.poll_committed(env)? {
            match delivery {
                Delivery::Snapshot { end, state, .. } => self.load(end, &state, env)?,
                Delivery::Entry { offset, payload, .. } => self.apply(offset, payload, env)?,
            }
        }
        Ok(())
    }

    fn load(&mut self, end: Offset, state: &[u8], env: &mut Host<'_>) -> Result<(), DiskFault> {
        let image = Image::decode(state).map_err(unreadable)?;
        if image.end != end {
            return Err(DiskFault::Io);
        }
        self.tail.reset(&image);
        self.image = image;
        env.probe(Probe::Metadata(MetadataProbe::Loaded { end, digest: self.image.digest() }));
        Ok(())
    }

    fn apply(&mut self, offset: Offset, payload: Option<Bytes>, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let record = match payload {
            Some(payload) => MetadataRecord::decode(&payload).map_err(unreadable)?,
            None => MetadataRecord::NoOp,
        };
        self.image.apply(offset, &record);
        let record = Arc::new(record);
        self.tail.push(record.clone());
        env.probe(Probe::Metadata(MetadataProbe::Applied { offset, record }));
        Ok(())
    }

    /// Decides until something has to be agreed; whether something has.
    fn decide_next(&mut self, env: &mut Host<'_>) -> Result<bool, DiskFault> {
        while let Some(pending) = self.queue.next() {
            match self.decide(&pending.operation, env) {
                Decision::Nothing => {}
                Decision::Answer(reply) => pending.answer(reply, env),
                Decision::Refuse(refused) => pending.refuse(refused, env),
                Decision::Write { records, answer } => {
                    if self.propose(pending, &records, answer, env)? {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    fn decide(&self, operation: &Operation, env: &mut Host<'_>) -> Decision {
        let image = &self.image;
        match operation {
            Operation::Register(request) => register::decide(image, request, &self.sessions, env.now()),
            Operation::Unfence(heartbeat) => heartbeat::decide(image, heartbeat),
            Operation::Alter(request) => alter_partition::decide(image, request, self.config.quirks),
            Operation::CreateTopic(request) => topics::decide(image, request, env),
            Operation::AllocateProducerIds(request) => {
                producer_ids::decide(image, request, self.config.producer_id_block)
            }
            Operation::Elect(request) => elect::decide(image, request),
            Operation::Sweep => sessions::decide_sweep(image, &self.sessions, env.now()),
        }
    }

    /// Proposes `records` as one batch; whether the consensus took it.
    fn propose(
        &mut self,
        pending: Pending,
        records: &[MetadataRecord],
        answer: Answer,
        env: &mut Host<'_>,
    ) -> Result<bool, DiskFault> {
        let payloads: Vec<Vec<u8>> = records.iter().map(MetadataRecord::encode).collect();
        match self.quorum.propose(&payloads, env)? {
            Ok(base) => {
                let end = base.plus(records.len() as u64);
                self.queue.propose(Proposed { pending, answer, end });
                Ok(true)
            }
            Err(refused) => {
                pending.refuse(refused, env);
                Ok(false)
            }
        }
    }

    fn take_snapshot(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        if self.tail.since_snapshot() < self.config.snapshot_every.max(1) {
            return Ok(());
        }
        self.tail.cut(&self.image);
        self.quorum.snapshot(self.image.end, &self.image.encode(), env)
    }
}

/// Committed bytes that are no record. Only what was encoded is ever proposed, so the disk changed them.
fn unreadable(_: DecodeError) -> DiskFault {
    DiskFault::Io
}
