//! Requests for one partition, handed to its replica; refused if this broker has none.

use crate::broker::{Broker, transactions};
use crate::env::DiskFault;
use crate::host::Host;
use crate::message::{Acks, EpochEnd, Fetch, ListOffsets, Produce, Reply, Request};
use crate::partition::Asker;
use crate::refused::Refused;

const UNKNOWN: Refused = Refused::UnknownTopicOrPartition;

pub(super) fn on_produce(
    broker: &mut Broker,
    asker: Asker,
    request: Produce,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let (at, acks) = (request.at, request.acks);
    let internal = [broker.groups.home.topic(), broker.transactions.home.topic(), broker.shares.home.topic()];
    if internal.contains(&Some(at.topic)) {
        // What coordinators fold must come from coordinators.
        if let Some(reply) = Request::Produce(request).refuse(Refused::InvalidTopic) {
            asker.answer(reply, env);
        }
        return Ok(());
    }
    let Some(request) = transactions::on_produce(broker, asker, request, env) else { return Ok(()) };
    let done = broker.with_partition(at, env, |p, ctx, env| p.on_produce(asker, request, ctx, env));
    done.unwrap_or_else(|| {
        // With acks=0 nobody listens.
        if acks != Acks::None {
            asker.answer(Reply::Produce { at, result: Err(UNKNOWN) }, env);
        }
        Ok(())
    })
}

pub(super) fn on_fetch(
    broker: &mut Broker,
    asker: Asker,
    request: Fetch,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let at = request.at;
    let done = broker.with_partition(at, env, |p, ctx, env| p.on_fetch(asker, request, ctx, env));
    done.unwrap_or_else(|| {
        asker.answer(Reply::Fetch { at, result: Err(UNKNOWN) }, env);
        Ok(())
    })
}

pub(super) fn on_epoch_end(
    broker: &mut Broker,
    asker: Asker,
    request: EpochEnd,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let at = request.at;
    let done = broker.with_partition(at, env, |p, _, env| p.on_epoch_end(asker, request, env));
    if done.is_none() {
        asker.answer(Reply::EpochEnd { at, result: Err(UNKNOWN) }, env);
    }
    Ok(())
}

pub(super) fn on_list_offsets(
    broker: &mut Broker,
    asker: Asker,
    request: ListOffsets,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let at = request.at;
    let done = broker.with_partition(at, env, |p, _, env| p.on_list_offsets(asker, request, env));
    done.unwrap_or_else(|| {
        asker.answer(Reply::ListOffsets { at, result: Err(UNKNOWN) }, env);
        Ok(())
    })
}

/// A broker is no controller.
pub(super) fn on_controller_request(
    asker: Asker,
    request: &Request,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let refused = Refused::NotController { leader: None };
    if let Some(reply) = request.refuse(refused) {
        asker.answer(reply, env);
    }
    Ok(())
}
