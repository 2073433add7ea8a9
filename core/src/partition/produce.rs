//! Produce: check, write, and answer once as many have it as the producer asked for.
//!
//! Nothing is written before every check has passed; nothing is answered before it is true.

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{Offset, ProducerId};
use crate::log::Check;
use crate::message::{Acks, Produce, Produced, Reply};
use crate::partition::config::Flush;
use crate::partition::context::{Asker, Context};
use crate::partition::leader::ParkedProduce;
use crate::partition::{Partition, Role, purgatory, watermark};
use crate::probe::ReplicaProbe;
use crate::record::Batch;
use crate::refused::Refused;

pub(super) fn on_request(
    p: &mut Partition,
    asker: Asker,
    request: Produce,
    ctx: &mut Context<'_>,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let batch = match admit(p, &request, ctx) {
        Ok(batch) => batch,
        Err(refused) => {
            refuse(p, asker, request.acks, refused, env);
            return Ok(());
        }
    };
    let (base, next) = match known(p, &batch, env) {
        Ok(Some(place)) => place,
        Ok(None) => write(p, &batch, ctx, env)?,
        Err(refused) => {
            refuse(p, asker, request.acks, refused, env);
            return Ok(());
        }
    };
    settle(p, asker, &request, base, next, ctx, env);
    purgatory::serve_followers(p, env);
    watermark::advance(p, ctx, env);
    Ok(())
}

/// A batch of the broker's own, for a topic of its own: written with acks=all. The caller waits for the high
/// watermark to reach the answer. Its size is the broker's affair.
pub(super) fn append_own(
    p: &mut Partition,
    batch: &Batch,
    ctx: &mut Context<'_>,
    env: &mut Host<'_>,
) -> Result<Result<Offset, Refused>, DiskFault> {
    let Role::Leader(leader) = &p.role else { return Ok(Err(p.not_leader())) };
    if leader.isr.agreed.len() < ctx.min_isr(p.at, leader.followers.len() + 1) {
        return Ok(Err(Refused::NotEnoughReplicas));
    }
    let (_, next) = write(p, batch, ctx, env)?;
    purgatory::serve_followers(p, env);
    watermark::advance(p, ctx, env);
    Ok(Ok(next))
}

/// Everything that can be said before the log is asked.
fn admit(p: &Partition, request: &Produce, ctx: &Context<'_>) -> Result<Batch, Refused> {
    let Role::Leader(leader) = &p.role else { return Err(p.not_leader()) };
    if request.batch.len() > ctx.config.max_batch_bytes as usize {
        return Err(Refused::MessageTooLarge);
    }
    let (batch, rest) = Batch::parse(request.batch.clone()).map_err(Refused::from)?;
    // One batch a request, and only the broker itself writes control records, and batches outside any stream.
    let unsequenced = batch.identity().is_some() && batch.producer().is_none();
    if !rest.is_empty() || batch.is_control() || unsequenced {
        return Err(Refused::InvalidRecord);
    }
    if batch.is_transactional() != request.transactional.is_some() {
        return Err(Refused::InvalidRequest);
    }
    // Only compaction leaves records out, and nothing could ever displace one without a key.
    let whole = batch.header().is_dense() && !batch.header().has_delete_horizon;
    if !whole || (p.log.config().cleanup.compacts() && batch.records().any(|record| record.key.is_none())) {
        return Err(Refused::InvalidRecord);
    }
    let replicas = leader.followers.len() + 1;
    if request.acks == Acks::All && leader.isr.agreed.len() < ctx.min_isr(p.at, replicas) {
        return Err(Refused::NotEnoughReplicas);
    }
    Ok(batch)
}

/// Where an idempotent producer's batch already is, if it came before.
fn known(p: &Partition, batch: &Batch, env: &mut Host<'_>) -> Result<Option<(Offset, Offset)>, Refused> {
    let Some(stamp) = batch.producer() else { return Ok(None) };
    match p.log.producers().check(stamp, batch.count())? {
        Check::New if !batch.is_transactional() && is_open(p, stamp.id) => Err(Refused::InvalidTxnState),
        Check::New => Ok(None),
        Check::Duplicate { base, last } => {
            p.probe(ReplicaProbe::Absorbed { stamp: (stamp.id, stamp.epoch, stamp.base) }, env);
            Ok(Some((base, last.plus(1))))
        }
    }
}

fn is_open(p: &Partition, producer: ProducerId) -> bool {
    p.log.producers().get(producer).is_some_and(|state| state.open().is_some())
}

fn write(
    p: &mut Partition,
    batch: &Batch,
    ctx: &Context<'_>,
    env: &mut Host<'_>,
) -> Result<(Offset, Offset), DiskFault> {
    let placed = p.log.append_as_leader(batch, p.epoch, env)?;
    p.report_append(&placed, true, env);
    if ctx.config.flush == Flush::EveryBatch {
        p.sync(env);
    }
    Ok((placed.base_offset(), placed.next_offset()))
}

/// Answers, or parks the answer until it is true.
fn settle(
    p: &mut Partition,
    asker: Asker,
    request: &Produce,
    base: Offset,
    next: Offset,
    ctx: &Context<'_>,
    env: &mut Host<'_>,
) {
    let held = p.claimable_end(ctx.config.flush) >= next;
    match request.acks {
        Acks::None => {}
        Acks::Leader if held => acknowledge(p, asker, Acks::Leader, base, next, env),
        // A batch that came before may be committed already; no later event would answer it.
        Acks::All if p.is_exposed() && p.high_watermark >= next => {
            acknowledge(p, asker, Acks::All, base, next, env);
        }
        Acks::Leader | Acks::All => park(p, asker, request, base, next, env),
    }
}

fn park(p: &mut Partition, asker: Asker, request: &Produce, base: Offset, next: Offset, env: &mut Host<'_>) {
    let deadline = env.now() + request.timeout;
    if let Role::Leader(leader) = &mut p.role {
        leader.produces.push(ParkedProduce { asker, acks: request.acks, base, next, deadline, marks: None });
    }
    purgatory::wake_by(p, deadline, env);
}

/// The leader's own copy is durable up to further on.
pub(super) fn on_durable(p: &mut Partition, env: &mut Host<'_>) {
    let durable = p.log.durable_end();
    answer_where(p, |parked| parked.acks == Acks::Leader && parked.next <= durable, env);
}

/// The high watermark rose.
pub(super) fn on_committed(p: &mut Partition, ctx: &Context<'_>, env: &mut Host<'_>) {
    let committed = p.high_watermark;
    let Role::Leader(leader) = &p.role else { return };
    if leader.isr.agreed.len() >= ctx.min_isr(p.at, leader.followers.len() + 1) {
        answer_where(p, |parked| parked.acks == Acks::All && parked.next <= committed, env);
    }
}

fn answer_where(p: &mut Partition, ready: impl Fn(&ParkedProduce) -> bool, env: &mut Host<'_>) {
    let Role::Leader(leader) = &mut p.role else { return };
    // Taken out and put back: one pass, and the buffer stays.
    let mut waiting = std::mem::take(&mut leader.produces);
    waiting.retain(|parked| {
        let is_ready = ready(parked);
        if is_ready {
            match parked.marks {
                Some(_) => parked.asker.answer(parked.reply(p.at, Ok(())), env),
                None => acknowledge(p, parked.asker, parked.acks, parked.base, parked.next, env),
            }
        }
        !is_ready
    });
    if let Role::Leader(leader) = &mut p.role {
        leader.produces = waiting;
    }
}

fn acknowledge(p: &Partition, asker: Asker, acks: Acks, base: Offset, next: Offset, env: &mut Host<'_>) {
    p.probe(ReplicaProbe::Acked { epoch: p.epoch, base, next, acks }, env);
    asker.answer(Reply::Produce { at: p.at, result: Ok(Produced { base }) }, env);
}

fn refuse(p: &Partition, asker: Asker, acks: Acks, refused: Refused, env: &mut Host<'_>) {
    // With acks=0 nobody listens.
    if acks != Acks::None {
        asker.answer(Reply::Produce { at: p.at, result: Err(refused) }, env);
    }
}
