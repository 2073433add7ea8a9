//! Consumer groups: requests for them, and what happens to the partitions that their coordinators live on.

use crate::broker::verify::{self, Addition, Waiting};
use crate::broker::{Broker, Parts, transactions};
use crate::env::DiskFault;
use crate::group::message::{GroupReply, GroupRequest, TxnOffsetCommit};
use crate::host::Host;
use crate::ids::{GroupId, TopicPartition};
use crate::message::Reply;
use crate::partition::{Asker, Context, Partition};
use crate::refused::Refused;
use crate::timer::GroupTimer;
use crate::transaction::message::WriteMarker;

/// A member or a person asks.
pub(super) fn on_request(
    broker: &mut Broker,
    asker: Asker,
    request: GroupRequest,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    if let GroupRequest::FindCoordinator { group } = &request {
        let found = broker.groups.coordinator(group, &broker.image);
        asker.answer(Reply::Group(GroupReply::FindCoordinator(found)), env);
        return Ok(());
    }
    if request.group().0.is_empty() {
        asker.answer(Reply::Group(request.refuse(Refused::InvalidGroupId)), env);
        return Ok(());
    }
    let Some(at) = here(broker, request.group()) else {
        asker.answer(Reply::Group(request.refuse(Refused::NotCoordinator)), env);
        return Ok(());
    };
    if let GroupRequest::TxnOffsetCommit(request) = request {
        return on_offsets(broker, at, asker, request, env);
    }
    with_groups(broker, at, env, |groups, p, ctx, env| groups.on_request(asker, request, p, ctx, env))
}

/// The group's partition, if this broker has a replica of it.
fn here(broker: &Broker, group: &GroupId) -> Option<TopicPartition> {
    broker.groups.place(group, &broker.image).filter(|at| broker.partitions.contains_key(at))
}

/// A transaction wants to commit offsets: its coordinator has to know of their partition.
fn on_offsets(
    broker: &mut Broker,
    at: TopicPartition,
    asker: Asker,
    request: TxnOffsetCommit,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let addition = Addition { at, producer: request.producer, epoch: request.epoch };
    if transactions::needs(broker, &addition) {
        let transactional = request.transactional.clone();
        let waiting = Waiting::Offsets(asker, request.clone());
        if !transactions::is_careless(broker) {
            verify::ask(broker, addition, &transactional, Some(waiting), env);
            return Ok(());
        }
        verify::ask(broker, addition, &transactional, None, env);
    }
    take_offsets(broker, asker, request, env)
}

/// The coordinator knows, or will refuse.
pub(super) fn take_offsets(
    broker: &mut Broker,
    asker: Asker,
    request: TxnOffsetCommit,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let at = here(broker, &request.group);
    let fenced = at.and_then(|at| broker.partitions.get(&at)).is_some_and(|partition| {
        let state = partition.log().producers().get(request.producer);
        state.is_some_and(|state| request.epoch < state.epoch())
    });
    let request = GroupRequest::TxnOffsetCommit(request);
    match at {
        None => asker.answer(Reply::Group(request.refuse(Refused::NotCoordinator)), env),
        // A marker has been faster.
        Some(_) if fenced => asker.answer(Reply::Group(request.refuse(Refused::InvalidProducerEpoch)), env),
        Some(at) => {
            return with_groups(broker, at, env, |g, p, ctx, env| g.on_request(asker, request, p, ctx, env));
        }
    }
    Ok(())
}

/// A transaction ends in an offsets partition.
pub(super) fn on_marker(
    broker: &mut Broker,
    asker: Asker,
    marker: WriteMarker,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    with_groups(broker, marker.at, env, |groups, p, ctx, env| groups.on_marker(asker, marker, p, ctx, env))
}

/// A coordinator's timer ran out.
pub(super) fn on_timer(
    broker: &mut Broker,
    at: TopicPartition,
    timer: GroupTimer,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    with_groups(broker, at, env, |groups, p, ctx, env| groups.on_timer(timer, p, ctx, env))
}

/// Lets the coordinators do something with a replica; nothing if this broker has none, or not yet.
fn with_groups(
    broker: &mut Broker,
    at: TopicPartition,
    env: &mut Host<'_>,
    act: impl FnOnce(
        &mut crate::group::Groups,
        &mut Partition,
        &mut Context<'_>,
        &mut Host<'_>,
    ) -> Result<(), DiskFault>,
) -> Result<(), DiskFault> {
    let Some(Parts { partitions, mut ctx, groups, .. }) = broker.parts() else { return Ok(()) };
    match partitions.get_mut(&at) {
        Some(partition) => act(groups, partition, &mut ctx, env),
        None => Ok(()),
    }
}
