//! Transactions in one partition: what is open here, and the markers that end it.
//!
//! A batch that would open a transaction is written only after the coordinator has added this partition to it: the
//! broker asks (KIP-890). A marker says in which reign its producer goes on, one above the transaction's own, so a
//! copy of an old marker never ends the next transaction, and a batch that comes after the marker is refused.

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{Offset, ProducerEpoch, ProducerId};
use crate::message::{Acks, Reply};
use crate::partition::context::{Asker, Context};
use crate::partition::leader::ParkedProduce;
use crate::partition::{Partition, Role, produce, purgatory};
use crate::probe::ReplicaProbe;
use crate::record::{Batch, Marker};
use crate::refused::Refused;
use crate::transaction::message::{TransactionReply, WriteMarker};

/// What a marker is to the log.
enum Place {
    /// It is to be written.
    New,
    /// It is in the log already, and ends here.
    Known(Offset),
}

pub(super) fn on_write_marker(
    p: &mut Partition,
    asker: Asker,
    request: WriteMarker,
    ctx: &mut Context<'_>,
    env: &mut Host<'_>,
) -> Result<Option<Offset>, DiskFault> {
    let refuse = |refused, env: &mut Host<'_>| {
        asker.answer(reply(&request, Err(refused)), env);
        Ok(None)
    };
    if !p.is_leader() {
        return refuse(p.not_leader(), env);
    }
    match admit(p, &request) {
        Err(refused) => refuse(refused, env),
        Ok(Place::Known(next)) => {
            settle(p, asker, &request, next, ctx, env);
            Ok(None)
        }
        Ok(Place::New) => {
            let WriteMarker { producer, epoch, coordinator_epoch, ending, .. } = request;
            let marker = Marker { producer, epoch, coordinator_epoch, ending };
            match produce::append_own(p, &marker.batch(env.wall().as_millis()), ctx, env)? {
                Err(refused) => refuse(refused, env),
                Ok(next) => {
                    settle(p, asker, &request, next, ctx, env);
                    Ok(Some(next))
                }
            }
        }
    }
}

fn admit(p: &Partition, request: &WriteMarker) -> Result<Place, Refused> {
    let Some(state) = p.log.producers().get(request.producer) else { return Ok(Place::New) };
    if let Some(marked) = state.marked() {
        if request.coordinator_epoch < marked.coordinator_epoch {
            return Err(Refused::TransactionCoordinatorFenced);
        }
        if request.epoch == state.epoch() {
            return Ok(Place::Known(marked.offset.plus(1)));
        }
    }
    // Of a transaction its own marker is the only one with a later reign than its records.
    if request.epoch > state.epoch() { Ok(Place::New) } else { Err(Refused::InvalidProducerEpoch) }
}

/// Answers, once the marker is committed.
fn settle(
    p: &mut Partition,
    asker: Asker,
    request: &WriteMarker,
    next: Offset,
    ctx: &Context<'_>,
    env: &mut Host<'_>,
) {
    if p.is_exposed() && p.high_watermark >= next {
        asker.answer(reply(request, Ok(())), env);
        return;
    }
    let deadline = env.now() + ctx.config.request_timeout;
    let base = next.previous().expect("a marker takes an offset");
    if let Role::Leader(leader) = &mut p.role {
        let marks = Some(request.producer);
        leader.produces.push(ParkedProduce { asker, acks: Acks::All, base, next, deadline, marks });
    }
    purgatory::wake_by(p, deadline, env);
}

fn reply(request: &WriteMarker, result: Result<(), Refused>) -> Reply {
    let WriteMarker { at, producer, .. } = *request;
    Reply::Transaction(TransactionReply::WriteMarker { at, producer, result })
}

impl Partition {
    /// Up to where everything is decided: the end of what a reader of committed records may see.
    pub fn last_stable(&self) -> Offset {
        self.log.last_stable(self.high_watermark)
    }

    /// Whether a transactional batch of this producer would open a transaction here that its coordinator may know
    /// nothing of. One of a reign that is over would not: it is going to be refused.
    pub fn would_open(&self, producer: ProducerId, epoch: ProducerEpoch) -> bool {
        match self.log.producers().get(producer) {
            None => true,
            Some(state) if epoch == state.epoch() => state.open().is_none(),
            Some(state) => epoch > state.epoch(),
        }
    }

    /// Reports what a batch that was written is to transactions.
    pub(super) fn report_transaction(&self, batch: &Batch, env: &mut Host<'_>) {
        let Some((producer, epoch)) = batch.identity().filter(|_| batch.is_transactional()) else { return };
        let base = batch.base_offset();
        if let Some(Marker { coordinator_epoch, ending, .. }) = batch.marker() {
            let offset = base;
            self.probe(ReplicaProbe::Marked { offset, producer, epoch, coordinator_epoch, ending }, env);
        } else {
            self.probe(ReplicaProbe::Transactional { base, producer, epoch }, env);
        }
    }
}
