//! Producer ids: handed out from a block that the controllers gave to this broker alone.

use crate::broker::Broker;
use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{CorrelationId, ProducerEpoch, ProducerId};
use crate::message::{AllocateProducerIds, Message, ProducerIds, Reply, Request};
use crate::partition::Asker;
use crate::refused::Refused;
use crate::timer::{BrokerTimer, Timer};
use crate::transaction::Spare;

/// The ids that are left, and who waits for more.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    next: ProducerId,
    left: u32,
    waiting: Vec<Asker>,
    /// The request for more was not answered in time. Its answer is still welcome: ids that a slow
    /// controller gave away would otherwise be lost, request after request.
    overdue: bool,
}

/// A producer wants an identity.
pub(super) fn on_request(broker: &mut Broker, asker: Asker, env: &mut Host<'_>) -> Result<(), DiskFault> {
    broker.producer_ids.waiting.push(asker);
    serve(broker, env);
    let asked = broker.pending.producer_ids.is_some() && !broker.producer_ids.overdue;
    if !broker.producer_ids.waiting.is_empty() && !asked {
        allocate(broker, env);
    }
    Ok(())
}

/// The next id, for a coordinator that may need one.
pub(super) fn lend(broker: &Broker) -> Spare {
    let block = &broker.producer_ids;
    Spare::of((block.left > 0).then_some(block.next))
}

/// The coordinator has used it or not, or needs more.
pub(super) fn settle(broker: &mut Broker, lent: Spare, left: Spare, env: &mut Host<'_>) {
    let block = &mut broker.producer_ids;
    if lent.is_left() && !left.is_left() {
        block.next = ProducerId(block.next.0 + 1);
        block.left -= 1;
    }
    let asked = broker.pending.producer_ids.is_some() && !broker.producer_ids.overdue;
    if left.wanted && !asked {
        allocate(broker, env);
    }
}

fn serve(broker: &mut Broker, env: &mut Host<'_>) {
    let block = &mut broker.producer_ids;
    while block.left > 0 && !block.waiting.is_empty() {
        let asker = block.waiting.remove(0);
        asker.answer(Reply::InitProducerId(Ok((block.next, ProducerEpoch(0)))), env);
        block.next = ProducerId(block.next.0 + 1);
        block.left -= 1;
    }
}

fn allocate(broker: &mut Broker, env: &mut Host<'_>) {
    let Some(epoch) = broker.epoch else { return give_up(broker, env) };
    let id = broker.ids.next();
    broker.pending.producer_ids = Some(id);
    broker.producer_ids.overdue = false;
    let request = Request::AllocateProducerIds(AllocateProducerIds { broker: broker.config.id, epoch });
    env.send(broker.controller(), Message::Request { id, request });
    env.set_timer(Timer::Broker(BrokerTimer::ProducerIds), broker.config.request_timeout);
}

/// The controller answered.
pub(super) fn on_reply(
    broker: &mut Broker,
    id: CorrelationId,
    result: Result<ProducerIds, Refused>,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    if broker.pending.producer_ids != Some(id) {
        return Ok(());
    }
    broker.pending.producer_ids = None;
    env.cancel_timer(Timer::Broker(BrokerTimer::ProducerIds));
    match result {
        Ok(ids) => {
            broker.producer_ids.next = ids.first;
            broker.producer_ids.left = ids.count;
            serve(broker, env);
            // More may have come meanwhile than one block serves.
            if !broker.producer_ids.waiting.is_empty() {
                allocate(broker, env);
            }
        }
        Err(refused) => {
            if let Refused::NotController { leader } = refused {
                broker.turn_to(leader);
            }
            give_up(broker, env);
        }
    }
    Ok(())
}

/// No answer in time.
pub(super) fn on_timer(broker: &mut Broker, env: &mut Host<'_>) {
    broker.producer_ids.overdue = true;
    give_up(broker, env);
}

/// Those who wait are told to ask again, here or elsewhere.
fn give_up(broker: &mut Broker, env: &mut Host<'_>) {
    for asker in std::mem::take(&mut broker.producer_ids.waiting) {
        asker.answer(Reply::InitProducerId(Err(Refused::RequestTimedOut)), env);
    }
}
