//! Fetch: a follower or a consumer reads from the leader.
//!
//! A follower's fetch is also its word that it holds everything before the asked offset; that word counts
//! only if both are in the same reign (KIP-320), it comes from the follower's present life (KIP-903), and
//! the follower's log is the leader's up to there (KIP-595's check of the last fetched epoch).

use bytes::Bytes;

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset};
use crate::log::{Log, ReadError};
use crate::message::{EpochEndOffset, Fetch, Fetched, Isolation, Reply, Stable};
use crate::partition::context::{Asker, Context};
use crate::partition::leader::ParkedFetch;
use crate::partition::{Partition, Role, isr, purgatory, watermark};
use crate::probe::ReplicaProbe;
use crate::quirk::Quirk;
use crate::record::Header;
use crate::refused::Refused;

pub(super) fn on_request(
    p: &mut Partition,
    asker: Asker,
    request: Fetch,
    ctx: &mut Context<'_>,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    match admit(p, &request, ctx) {
        Err(refused) => {
            asker.answer(Reply::Fetch { at: p.at, result: Err(refused) }, env);
            return Ok(());
        }
        Ok(Some(diverging)) => {
            let fetched = Fetched { diverging: Some(diverging), ..nothing(p) };
            asker.answer(Reply::Fetch { at: p.at, result: Ok(fetched) }, env);
            return Ok(());
        }
        Ok(None) => {}
    }
    if let Some((broker, broker_epoch)) = request.replica {
        note_progress(p, broker, broker_epoch, request.offset, env);
        watermark::advance(p, ctx, env);
        isr::consider_joining(p, broker, ctx, env);
    }
    if request.max_wait.0 > 0 && !has_news(&p.log, p.high_watermark, &request) && !is_behind(p, &request) {
        park(p, asker, request, env);
    } else {
        answer(p, asker, &request, env);
    }
    Ok(())
}

/// Refuses the request, or finds where the asker's log parts from this one.
fn admit(p: &Partition, request: &Fetch, ctx: &Context<'_>) -> Result<Option<EpochEndOffset>, Refused> {
    let Role::Leader(leader) = &p.role else { return Err(p.not_leader()) };
    if !ctx.config.quirks.has(Quirk::UnfencedFetch) {
        p.fence(request.leader_epoch)?;
        if let (None, Some(last)) = (request.replica, request.last_epoch) {
            p.fence_reader(last)?;
        }
    }
    match request.replica {
        Some((broker, broker_epoch)) => {
            if !leader.followers.iter().any(|progress| progress.broker == broker) {
                return Err(Refused::InvalidRequest);
            }
            let registered = ctx.image.brokers.get(&broker).map(|state| state.epoch);
            let outlived = registered.is_some_and(|epoch| broker_epoch < epoch);
            if outlived && !ctx.config.quirks.has(Quirk::StaleBrokerEpochRejoins) {
                return Err(Refused::StaleBrokerEpoch);
            }
        }
        None if request.offset < p.log.log_start() => return Err(Refused::OffsetOutOfRange),
        None => {}
    }
    if request.offset < p.log.log_start() {
        return Ok(None);
    }
    let quirky = ctx.config.quirks.has(Quirk::DivergenceWithoutEpoch);
    if let Some(diverging) =
        divergence(p, request.offset, request.last_epoch, quirky, request.replica.is_some())
    {
        return Ok(Some(diverging));
    }
    if request.offset > p.log.log_end() {
        if request.replica.is_some() {
            // A follower that starts beyond an uncleanly elected leader's end has no record to compare. It
            // would ask the same for ever, and later keep a log that starts where the leader's does not.
            return Ok(Some(EpochEndOffset { epoch: None, end: p.log.log_start() }));
        }
        return Err(if leader.exposed { Refused::OffsetOutOfRange } else { Refused::OffsetNotAvailable });
    }
    Ok(None)
}

/// Where a log whose record before `offset` is of `last_epoch` parts from this one, if it does.
fn divergence(
    p: &Partition,
    offset: Offset,
    last_epoch: Option<LeaderEpoch>,
    quirky: bool,
    replica: bool,
) -> Option<EpochEndOffset> {
    let asked = last_epoch?;
    if quirky {
        let end = p.log.epochs().start_of_first_after(asked).unwrap_or_else(|| p.log.log_end());
        return (end < offset).then_some(EpochEndOffset { epoch: Some(asked), end });
    }
    match p.log.epochs().end_offset_for(asked, p.log.log_end()) {
        Some((epoch, end)) if epoch == asked && end >= offset => None,
        Some((epoch, end)) => Some(EpochEndOffset { epoch: Some(epoch), end }),
        // Everything here is younger than what the asker has. A reader at the log start has nothing to go back
        // to; a replica's records before it may be another leader's, and nobody can compare them any more.
        None if offset == p.log.log_start() && !replica => None,
        None => Some(EpochEndOffset { epoch: None, end: p.log.log_start() }),
    }
}

fn note_progress(
    p: &mut Partition,
    broker: BrokerId,
    broker_epoch: BrokerEpoch,
    end: Offset,
    env: &mut Host<'_>,
) {
    let now = env.now();
    let log_end = p.log.log_end();
    let Role::Leader(leader) = &mut p.role else { return };
    let Some(progress) = leader.follower(broker) else { return };
    progress.broker_epoch = Some(broker_epoch);
    progress.end = Some(end);
    // As Kafka's Replica.updateFetchStateOrThrow: caught up now, or caught up with what there was last time.
    match progress.last_fetch {
        _ if end >= log_end => progress.caught_up = progress.caught_up.max(now),
        Some((then_end, then)) if end >= then_end => progress.caught_up = progress.caught_up.max(then),
        Some(_) | None => {}
    }
    progress.last_fetch = Some((log_end, now));
}

/// Whether there is anything to hand over.
pub(super) fn has_news(log: &Log, high_watermark: Offset, request: &Fetch) -> bool {
    request.offset < visible_end(log, high_watermark, request)
}

/// The end of what the asker may see.
fn visible_end(log: &Log, high_watermark: Offset, request: &Fetch) -> Offset {
    match (request.replica, request.isolation) {
        (Some(_), _) => log.log_end(),
        (None, Isolation::ReadUncommitted) => high_watermark,
        (None, Isolation::ReadCommitted) => log.last_stable(high_watermark),
    }
}

/// A follower below the log start is told at once where the log starts.
fn is_behind(p: &Partition, request: &Fetch) -> bool {
    request.offset < p.log.log_start()
}

fn park(p: &mut Partition, asker: Asker, request: Fetch, env: &mut Host<'_>) {
    let deadline = env.now() + request.max_wait;
    if let Role::Leader(leader) = &mut p.role {
        // A follower has one fetcher: an older fetch of its is one that it gave up.
        if let Some((broker, _)) = request.replica {
            leader.fetches.retain(|parked| parked.request.replica.is_none_or(|(other, _)| other != broker));
        }
        leader.fetches.push(ParkedFetch { asker, request, deadline });
    }
    purgatory::wake_by(p, deadline, env);
}

/// Answers with what there is.
pub(super) fn answer(p: &mut Partition, asker: Asker, request: &Fetch, env: &mut Host<'_>) {
    let result = read(p, request, env);
    asker.answer(Reply::Fetch { at: p.at, result }, env);
}

fn read(p: &mut Partition, request: &Fetch, env: &mut Host<'_>) -> Result<Fetched, Refused> {
    let limit = visible_end(&p.log, p.high_watermark, request);
    if request.offset >= limit || is_behind(p, request) {
        let stable = stable(p, request, request.offset, env);
        return Ok(Fetched { stable, ..nothing(p) });
    }
    match p.log.read(request.offset, limit, request.max_bytes as usize, env) {
        Ok(batches) => {
            let stable = stable(p, request, end_of(&batches, request.offset), env);
            Ok(Fetched { batches, stable, ..nothing(p) })
        }
        Err(ReadError::OutOfRange { .. }) => Err(Refused::OffsetOutOfRange),
        Err(ReadError::Damaged { at }) => {
            p.probe(ReplicaProbe::Damaged { at }, env);
            // A leader that stays would stand in the way of those who have it whole.
            p.failure = Some(DiskFault::Io);
            Err(Refused::CorruptMessage)
        }
        Err(ReadError::Disk(fault)) => {
            p.failure = Some(fault);
            Err(Refused::KafkaStorageError)
        }
    }
}

/// What a reader of committed records has to know of those before `end`.
fn stable(p: &Partition, request: &Fetch, end: Offset, env: &mut Host<'_>) -> Option<Stable> {
    if request.replica.is_some() || request.isolation == Isolation::ReadUncommitted {
        return None;
    }
    let (last_stable, high_watermark) = (p.last_stable(), p.high_watermark);
    // A new leader that does not know the high watermark yet serves what it knows to be committed: without the
    // names of what was aborted there, a reader would take that too.
    if p.is_exposed() {
        p.probe(ReplicaProbe::Stable { last_stable, high_watermark }, env);
    }
    Some(Stable { last_stable, aborted: p.log.aborted_in(request.offset, end) })
}

/// Where the last of these batches ends.
fn end_of(batches: &[u8], from: Offset) -> Offset {
    let (mut rest, mut end) = (batches, from);
    while let Ok(header) = Header::peek(rest) {
        end = header.next_offset();
        rest = rest.get(header.size..).unwrap_or_default();
    }
    end
}

/// A reply without records.
fn nothing(p: &Partition) -> Fetched {
    Fetched {
        leader_epoch: p.epoch,
        high_watermark: p.is_exposed().then_some(p.high_watermark),
        log_start: p.log.log_start(),
        diverging: None,
        batches: Bytes::new(),
        stable: None,
    }
}
