//! Transactions: batches, offsets and markers of them on their way to replicas.

use crate::broker::verify::{self, Addition, Waiting};
use crate::broker::{Broker, groups};
use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::CorrelationId;
use crate::message::{Produce, Reply};
use crate::partition::Asker;
use crate::quirk::Quirk;
use crate::record::Header;
use crate::refused::Refused;
use crate::transaction::message::{TransactionReply, TransactionRequest, WriteMarker};

/// A producer, a leader or a coordinator asks.
pub(super) fn on_request(
    broker: &mut Broker,
    asker: Asker,
    request: &TransactionRequest,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    match request {
        TransactionRequest::FindCoordinator { transactional } => {
            let found = broker.transactions.coordinator(transactional, &broker.image);
            let found = found.ok_or(Refused::CoordinatorNotAvailable);
            asker.answer(Reply::Transaction(TransactionReply::FindCoordinator(found)), env);
            Ok(())
        }
        TransactionRequest::WriteMarker(marker) => on_marker(broker, asker, *marker, env),
        TransactionRequest::Init(_)
        | TransactionRequest::AddPartitions(_)
        | TransactionRequest::AddOffsets(_)
        | TransactionRequest::End(_) => {
            asker.answer(Reply::Transaction(request.refuse(Refused::NotCoordinator)), env);
            Ok(())
        }
    }
}

/// A coordinator answered, or a leader.
pub(super) fn on_reply(
    broker: &mut Broker,
    id: CorrelationId,
    reply: TransactionReply,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    match reply {
        TransactionReply::AddPartitions(result) => verify::on_reply(broker, id, result, env),
        // Answers to what a broker never asks.
        TransactionReply::FindCoordinator(_)
        | TransactionReply::Init(_)
        | TransactionReply::AddOffsets(_)
        | TransactionReply::End(_)
        | TransactionReply::WriteMarker { .. } => Ok(()),
    }
}

/// A coordinator ends a transaction in a partition.
fn on_marker(
    broker: &mut Broker,
    asker: Asker,
    marker: WriteMarker,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let at = marker.at;
    if !broker.partitions.contains_key(&at) {
        let refused = Refused::UnknownTopicOrPartition;
        let reply = TransactionRequest::WriteMarker(marker).refuse(refused);
        asker.answer(Reply::Transaction(reply), env);
        return Ok(());
    }
    if broker.groups.topic() == Some(at.topic) {
        return groups::on_marker(broker, asker, marker, env);
    }
    let written = broker.with_partition(at, env, |p, ctx, env| p.on_write_marker(asker, marker, ctx, env));
    written.unwrap_or(Ok(None)).map(|_| ())
}

/// A batch of a transaction: its coordinator has to know of the partition before it is written. Answers the
/// request if it is to go on at once.
pub(super) fn on_produce(
    broker: &mut Broker,
    asker: Asker,
    request: Produce,
    env: &mut Host<'_>,
) -> Option<Produce> {
    let Some(transactional) = request.transactional.clone() else { return Some(request) };
    // What cannot be read is refused like any such batch.
    let Some((producer, epoch)) = Header::peek(&request.batch).ok().and_then(|header| header.identity) else {
        return Some(request);
    };
    let addition = Addition { at: request.at, producer, epoch };
    if !needs(broker, &addition) {
        return Some(request);
    }
    if is_careless(broker) {
        verify::ask(broker, addition, &transactional, None, env);
        return Some(request);
    }
    verify::ask(broker, addition, &transactional, Some(Waiting::Batch(asker, request)), env);
    None
}

/// Whether the coordinator has to be asked.
pub(super) fn needs(broker: &Broker, addition: &Addition) -> bool {
    let partition = broker.partitions.get(&addition.at).filter(|partition| partition.is_leader());
    partition.is_some_and(|partition| partition.would_open(addition.producer, addition.epoch))
}

/// Whether this broker tells the coordinator, and does not wait for what it says.
pub(super) const fn is_careless(broker: &Broker) -> bool {
    broker.config.replica.quirks.has(Quirk::WriteAfterAbort)
}
