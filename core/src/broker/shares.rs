//! Share groups: requests for them, and what happens to the partitions that their state lives on.

use crate::broker::Broker;
use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::TopicPartition;
use crate::message::Reply;
use crate::partition::Asker;
use crate::refused::Refused;
use crate::share::message::ShareRequest;
use crate::share::probe::SharePartition;
use crate::timer::ShareTimer;

/// A worker or a person asks.
pub(super) fn on_request(
    broker: &mut Broker,
    asker: Asker,
    request: ShareRequest,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let (group, at) = request.about();
    if group.0.is_empty() {
        asker.answer(Reply::Share(request.refuse(Refused::InvalidGroupId)), env);
        return Ok(());
    }
    let place = broker.shares.place(&SharePartition { group: group.clone(), at }, &broker.image);
    match place.and_then(|at| broker.partitions.get(&at)) {
        Some(partition) => broker.shares.on_request(asker, request, partition, env),
        None => asker.answer(Reply::Share(request.refuse(Refused::NotCoordinator)), env),
    }
    Ok(())
}

/// A timer of share-partitions ran out.
pub(super) fn on_timer(
    broker: &mut Broker,
    at: TopicPartition,
    timer: ShareTimer,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    match broker.partitions.get(&at) {
        Some(partition) => broker.shares.on_timer(timer, partition, env),
        None => Ok(()),
    }
}
