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
    /// Requests for more that were not answered in time, oldest first. Their answers are still welcome, also when
    /// another was sent since: what a slow controller gave away would otherwise be lost, request after request.
    overdue: Vec<CorrelationId>,
}

/// How many late answers are waited for.
const MOST_OVERDUE: usize = 8;

/// A producer wants an identity.
pub(super) fn on_request(broker: &mut Broker, asker: Asker, env: &mut Host<'_>) -> Result<(), DiskFault> {
    broker.producer_ids.waiting.push(asker);
    serve(broker, env);
    if !broker.producer_ids.waiting.is_empty() && broker.pending.producer_ids.is_none() {
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
    if left.wanted && broker.pending.producer_ids.is_none() {
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
    let in_time = broker.pending.producer_ids == Some(id);
    let block = &mut broker.producer_ids;
    if in_time {
        broker.pending.producer_ids = None;
        env.cancel_timer(Timer::Broker(BrokerTimer::ProducerIds));
    } else if let Some(place) = block.overdue.iter().position(|overdue| *overdue == id) {
        block.overdue.remove(place);
    } else {
        // Doubled by the network, or to an earlier life: its ids may be in use.
        return Ok(());
    }
    match result {
        Ok(ids) if block.left == 0 => {
            block.next = ids.first;
            block.left = ids.count;
            serve(broker, env);
            // More may have come meanwhile than one block serves.
            if !broker.producer_ids.waiting.is_empty() && broker.pending.producer_ids.is_none() {
                allocate(broker, env);
            }
        }
        // A late one, when there are others: nobody ever uses these.
        Ok(_) => {}
        Err(_) if !in_time => {}
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
    let overdue = &mut broker.producer_ids.overdue;
    overdue.extend(broker.pending.producer_ids.take());
    if overdue.len() > MOST_OVERDUE {
        overdue.remove(0);
    }
    give_up(broker, env);
}

/// Those who wait are told to ask again, here or elsewhere.
fn give_up(broker: &mut Broker, env: &mut Host<'_>) {
    for asker in std::mem::take(&mut broker.producer_ids.waiting) {
        asker.answer(Reply::InitProducerId(Err(Refused::RequestTimedOut)), env);
    }
}
