//! Consumer groups: requests for them, and what happens to the partitions that their coordinators live on.

use crate::broker::Broker;
use crate::env::DiskFault;
use crate::group::message::{GroupReply, GroupRequest};
use crate::host::Host;
use crate::ids::TopicPartition;
use crate::message::Reply;
use crate::partition::{Asker, Context, Partition};
use crate::refused::Refused;
use crate::timer::GroupTimer;

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
    let place = broker.groups.place(request.group(), &broker.image);
    let here = place.filter(|at| broker.partitions.contains_key(at));
    let Some(at) = here else {
        asker.answer(Reply::Group(request.refuse(Refused::NotCoordinator)), env);
        return Ok(());
    };
    with_groups(broker, at, env, |groups, p, ctx, env| groups.on_request(asker, request, p, ctx, env))
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

/// After each input: whatever it did to an offsets partition is the coordinator's affair too.
pub(super) fn attend(broker: &mut Broker, env: &mut Host<'_>) -> Result<(), DiskFault> {
    let Some(topic) = broker.groups.topic() else { return Ok(()) };
    let Some(broker_epoch) = broker.epoch else { return Ok(()) };
    let controller = broker.controller();
    let first = TopicPartition { topic, partition: 0 };
    let last = TopicPartition { topic, partition: u32::MAX };
    for (_, partition) in broker.partitions.range_mut(first..=last) {
        let mut ctx = Context {
            me: broker.config.id,
            broker_epoch,
            controller,
            image: &broker.image,
            config: &broker.config.replica,
            ids: &mut broker.ids,
        };
        broker.groups.on_partition(partition, &mut ctx, env)?;
    }
    Ok(())
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
    let controller = broker.controller();
    let (Some(broker_epoch), Some(partition)) = (broker.epoch, broker.partitions.get_mut(&at)) else {
        return Ok(());
    };
    let mut ctx = Context {
        me: broker.config.id,
        broker_epoch,
        controller,
        image: &broker.image,
        config: &broker.config.replica,
        ids: &mut broker.ids,
    };
    act(&mut broker.groups, partition, &mut ctx, env)
}
