//! Following: fetch, compare, cut what the leader does not have, append, fetch again.
//!
//! One fetch at a time. With `Flush::EveryBatch` the next fetch waits for the disk: its offset is a claim.

use bytes::Bytes;

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{BrokerId, CorrelationId, Offset};
use crate::log::AppendError;
use crate::message::{EpochEndOffset, Fetch, Fetched, Isolation, Request};
use crate::partition::context::Context;
use crate::partition::{Partition, Role};
use crate::probe::ReplicaProbe;
use crate::record::{Batch, Record, batches};
use crate::refused::Refused;
use crate::timer::PartitionTimer;

/// What a follower keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Follower {
    leader: BrokerId,
    /// The fetch that waits for an answer.
    in_flight: Option<CorrelationId>,
    /// The next fetch waits until all that was appended is durable.
    waits_for_disk: bool,
}

impl Follower {
    pub(super) const fn of(leader: BrokerId) -> Self {
        Self { leader, in_flight: None, waits_for_disk: false }
    }

    pub(super) const fn leader(&self) -> BrokerId {
        self.leader
    }
}

/// Asks the leader for what comes next, unless the disk has to catch up first.
pub(super) fn fetch(p: &mut Partition, ctx: &mut Context<'_>, env: &mut Host<'_>) {
    let timer = p.timer(PartitionTimer::Fetch);
    let behind = p.claimable_end(ctx.config.flush) < p.log.log_end();
    let Role::Follower(follower) = &mut p.role else { return };
    follower.in_flight = None;
    follower.waits_for_disk = behind;
    if behind {
        env.cancel_timer(timer);
        p.sync(env);
        return;
    }
    let request = Fetch {
        at: p.at,
        replica: Some((ctx.me, ctx.broker_epoch)),
        leader_epoch: p.epoch,
        offset: p.log.log_end(),
        last_epoch: p.log.last_epoch(),
        max_bytes: ctx.config.fetch_bytes,
        max_wait: ctx.config.fetch_wait,
        isolation: Isolation::ReadUncommitted,
    };
    let leader = follower.leader;
    let id = ctx.ask(leader.node(), Request::Fetch(request), env);
    if let Role::Follower(follower) = &mut p.role {
        follower.in_flight = Some(id);
    }
    env.set_timer(timer, ctx.config.fetch_wait + ctx.config.request_timeout);
}

/// No answer in time, or the pause after a refusal is over.
pub(super) fn on_timer(p: &mut Partition, ctx: &mut Context<'_>, env: &mut Host<'_>) {
    fetch(p, ctx, env);
}

/// All that was appended may be durable now.
pub(super) fn on_durable(p: &mut Partition, ctx: &mut Context<'_>, env: &mut Host<'_>) {
    if let Role::Follower(Follower { waits_for_disk: true, .. }) = p.role {
        fetch(p, ctx, env);
    }
}

/// The leader answered.
pub(super) fn on_reply(
    p: &mut Partition,
    id: CorrelationId,
    result: Result<Fetched, Refused>,
    ctx: &mut Context<'_>,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let Role::Follower(follower) = &mut p.role else { return Ok(()) };
    if follower.in_flight != Some(id) {
        return Ok(());
    }
    follower.in_flight = None;
    match result {
        Ok(fetched) if fetched.leader_epoch == p.epoch || unfenced(ctx) => {
            let (brought, before) = (brings(&fetched), place(p));
            take(p, fetched, env)?;
            if brought && place(p) == before {
                // The next fetch would be this one: without a pause both would do nothing else.
                env.set_timer(p.timer(PartitionTimer::Fetch), ctx.config.fetch_backoff);
            } else {
                fetch(p, ctx, env);
            }
        }
        // Another reign than this replica knows: the registration is on its way.
        Ok(_) | Err(_) => env.set_timer(p.timer(PartitionTimer::Fetch), ctx.config.fetch_backoff),
    }
    p.assert_invariants();
    Ok(())
}

/// Whether an answer should change the log.
fn brings(fetched: &Fetched) -> bool {
    !fetched.batches.is_empty() || fetched.diverging.is_some()
}

fn place(p: &Partition) -> (Offset, Offset) {
    (p.log.log_start(), p.log.log_end())
}

fn unfenced(ctx: &Context<'_>) -> bool {
    ctx.config.quirks.has(crate::quirk::Quirk::UnfencedFetch)
}

fn take(p: &mut Partition, fetched: Fetched, env: &mut Host<'_>) -> Result<(), DiskFault> {
    if fetched.log_start > p.log.log_end() {
        return reset(p, fetched.log_start, env);
    }
    if let Some(diverging) = fetched.diverging {
        return part(p, diverging, env);
    }
    append(p, fetched.batches, env)?;
    if let Some(high_watermark) = fetched.high_watermark {
        let to = high_watermark.min(p.log.log_end()).max(p.log.log_start());
        if to != p.high_watermark {
            p.high_watermark = to;
            p.log.settle(to);
            let epoch = p.epoch;
            p.probe(ReplicaProbe::HighWatermark { epoch, to, leader: false, exposed: false }, env);
        }
    }
    let start = p.log.log_start();
    p.log.advance_start(fetched.log_start.min(p.high_watermark), env)?;
    p.note_start(start, env);
    Ok(())
}

/// Appends what fits. What does not is fetched again; a damaged batch is never written.
fn append(p: &mut Partition, fetched: Bytes, env: &mut Host<'_>) -> Result<(), DiskFault> {
    for batch in batches(fetched) {
        let Ok(batch) = batch else { break };
        let end = p.log.log_end();
        if batch.next_offset() <= end {
            continue;
        }
        // What the leader's compaction took for one run may be half of it here already.
        let inside = batch.header().is_filler() && batch.base_offset() < end;
        let batch = if inside { batch.filler_from(end) } else { batch };
        match p.log.append_as_follower(&batch, env) {
            Ok(()) => p.report_append(&batch, false, env),
            Err(AppendError::Disk(fault)) => return Err(fault),
            Err(AppendError::Gap { .. } | AppendError::EpochWentBack { .. } | AppendError::Unplaced) => break,
        }
    }
    Ok(())
}

/// Cuts what the leader does not have: to the smaller end of the largest epoch that both have (KIP-279).
fn part(p: &mut Partition, diverging: EpochEndOffset, env: &mut Host<'_>) -> Result<(), DiskFault> {
    // Every record of the leader is younger than all that is here: nothing here can be compared any more.
    let Some(epoch) = diverging.epoch else { return reset(p, diverging.end, env) };
    let own = p.log.epochs().end_offset_for(epoch, p.log.log_end());
    // If every epoch here is younger than the leader's, nothing here is the leader's. Believing the leader's
    // end instead would cut nothing, and ask the same again for ever.
    let shared = own.map_or(p.log.log_start(), |(_, end)| end);
    let to = shared.min(diverging.end);
    if to < p.log.log_start() { reset(p, to, env) } else { p.truncate(to, env) }
}

/// Drops everything: the leader's log starts beyond this replica's end, or shares nothing with it.
fn reset(p: &mut Partition, to: Offset, env: &mut Host<'_>) -> Result<(), DiskFault> {
    let done = p.log.reset_to(to, env);
    p.high_watermark = to;
    // Also if it was done by half only.
    p.probe(ReplicaProbe::Reset { to }, env);
    done
}

impl Partition {
    /// Reports a batch that was written.
    pub(super) fn report_append(&self, batch: &Batch, leader: bool, env: &mut Host<'_>) {
        if self.log.config().cleanup.compacts() {
            self.report_records(batch, env);
        }
        let stamp = batch.producer().map(|stamp| (stamp.id, stamp.epoch, stamp.base));
        self.probe(
            ReplicaProbe::Appended {
                base: batch.base_offset(),
                next: batch.next_offset(),
                epoch: batch.leader_epoch().expect("a batch in a log was placed by a leader"),
                crc: batch.crc(),
                stamp,
                leader,
            },
            env,
        );
        self.report_transaction(batch, env);
    }

    fn report_records(&self, batch: &Batch, env: &mut Host<'_>) {
        let told = |record: Record<'_>| {
            (record.offset, record.key.map(Bytes::copy_from_slice), record.value.is_none())
        };
        self.probe(
            ReplicaProbe::Holding {
                base: batch.base_offset(),
                delete_horizon: batch.header().delete_horizon(),
                records: batch.records().map(told).collect(),
            },
            env,
        );
    }
}
