//! Which handler an input goes to. An arm an input, no logic.

use super::pending::{Asker, Operation, Pending};
use super::{Controller, fetch_metadata, heartbeat, reign};
use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::NodeId;
use crate::message::{Message, Reply, Request};
use crate::refused::Refused;
use crate::timer::{ControllerTimer, Timer};

pub(super) fn on_message(
    c: &mut Controller,
    from: NodeId,
    message: Message,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    match message {
        Message::Quorum(message) => return c.quorum.on_message(from, message, env),
        Message::Request { id, request } => on_request(c, Asker { node: from, id }, request, env),
        // A controller asks nobody.
        Message::Reply { .. } => {}
    }
    Ok(())
}

pub(super) fn on_timer(c: &mut Controller, timer: Timer, env: &mut Host<'_>) -> Result<(), DiskFault> {
    match timer {
        Timer::Quorum(timer) => return c.quorum.on_timer(timer, env),
        Timer::Controller(ControllerTimer::Sessions) => reign::on_sweep(c, env),
        Timer::Controller(ControllerTimer::Purgatory) => fetch_metadata::on_expired(c, env),
        // Never set here.
        Timer::Broker(_)
        | Timer::Partition(..)
        | Timer::Client(_)
        | Timer::Application(_)
        | Timer::Group(..)
        | Timer::Transaction(..)
        | Timer::Share(..) => {}
    }
    Ok(())
}

fn on_request(c: &mut Controller, asker: Asker, request: Request, env: &mut Host<'_>) {
    match request {
        Request::Heartbeat(heartbeat) => heartbeat::on_request(c, asker, heartbeat, env),
        Request::FetchMetadata(fetch) => fetch_metadata::on_request(c, asker, fetch, env),
        Request::RegisterBroker(request) => enqueue(c, asker, Operation::Register(request), env),
        Request::AlterPartition(request) => enqueue(c, asker, Operation::Alter(request), env),
        Request::CreateTopic(request) => enqueue(c, asker, Operation::CreateTopic(request), env),
        Request::AllocateProducerIds(request) => {
            enqueue(c, asker, Operation::AllocateProducerIds(request), env);
        }
        Request::ElectLeader(request) => enqueue(c, asker, Operation::Elect(request), env),
        Request::Metadata => asker.answer(Reply::Metadata(Err(ASTRAY)), env),
        Request::InitProducerId => asker.answer(Reply::InitProducerId(Err(ASTRAY)), env),
        Request::Produce(r) => asker.answer(Reply::Produce { at: r.at, result: Err(ASTRAY) }, env),
        Request::Fetch(r) => asker.answer(Reply::Fetch { at: r.at, result: Err(ASTRAY) }, env),
        Request::EpochEnd(r) => asker.answer(Reply::EpochEnd { at: r.at, result: Err(ASTRAY) }, env),
        Request::ListOffsets(r) => asker.answer(Reply::ListOffsets { at: r.at, result: Err(ASTRAY) }, env),
        Request::Group(r) => asker.answer(Reply::Group(r.refuse(ASTRAY)), env),
        Request::Transaction(r) => asker.answer(Reply::Transaction(r.refuse(ASTRAY)), env),
        Request::Share(r) => asker.answer(Reply::Share(r.refuse(ASTRAY)), env),
    }
}

/// The answer to what only a broker can do: no retry will help, this node never becomes one.
const ASTRAY: Refused = Refused::InvalidRequest;

/// The operation waits for its turn, if this node decides.
pub(super) fn enqueue(c: &mut Controller, asker: Asker, operation: Operation, env: &mut Host<'_>) {
    let pending = Pending { asker: Some(asker), operation };
    if c.is_active() { c.queue.push(pending) } else { pending.refuse(c.not_controller(), env) }
}
