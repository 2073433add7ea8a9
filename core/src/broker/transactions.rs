//! Transactions: requests to their coordinators, and batches, offsets and markers on their way to replicas.

use crate::broker::verify::{self, Addition, Waiting};
use crate::broker::{Broker, Parts, groups, producer_ids};
use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{CorrelationId, TopicPartition};
use crate::message::{Produce, Reply};
use crate::partition::Asker;
use crate::quirk::Quirk;
use crate::record::Header;
use crate::refused::Refused;
use crate::timer::TransactionTimer;
use crate::transaction::message::{AddOffsets, TransactionReply, TransactionRequest, WriteMarker};

/// A producer, a leader or a coordinator asks.
pub(super) fn on_request(
    broker: &mut Broker,
    asker: Asker,
    request: TransactionRequest,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    match request {
        TransactionRequest::FindCoordinator { transactional } => {
            let found = broker.transactions.coordinator(&transactional, &broker.image);
            let found = found.ok_or(Refused::CoordinatorNotAvailable);
            asker.answer(Reply::Transaction(TransactionReply::FindCoordinator(found)), env);
            Ok(())
        }
        TransactionRequest::WriteMarker(marker) => on_marker(broker, asker, marker, env),
        TransactionRequest::Init(_)
        | TransactionRequest::AddPartitions(_)
        | TransactionRequest::AddOffsets(_)
        | TransactionRequest::End(_) => {
            ask_coordinator(broker, asker, request, env);
            Ok(())
        }
    }
}

/// Hands a request to the coordinator on this broker, if it is here.
fn ask_coordinator(broker: &mut Broker, asker: Asker, request: TransactionRequest, env: &mut Host<'_>) {
    let refuse = |refused| Reply::Transaction(request.refuse(refused));
    let name = request.transactional().filter(|name| !name.0.is_empty());
    let Some(name) = name else { return asker.answer(refuse(Refused::InvalidRequest), env) };
    let at = broker.transactions.place(name, &broker.image);
    let Some(partition) = at.and_then(|at| broker.partitions.get(&at)) else {
        return asker.answer(refuse(Refused::NotCoordinator), env);
    };
    let mut offsets = None;
    if let TransactionRequest::AddOffsets(AddOffsets { group, .. }) = &request {
        offsets = broker.groups.place(group, &broker.image);
        if offsets.is_none() {
            return asker.answer(refuse(Refused::CoordinatorNotAvailable), env);
        }
    }
    let lent = producer_ids::lend(broker);
    let mut spare = lent;
    broker.transactions.on_request(asker, request, offsets, partition, &mut spare, env);
    producer_ids::settle(broker, lent, spare, env);
}

/// A coordinator's timer ran out.
pub(super) fn on_timer(
    broker: &mut Broker,
    at: TopicPartition,
    timer: TransactionTimer,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let lent = producer_ids::lend(broker);
    let mut spare = lent;
    let Some(Parts { partitions, mut ctx, transactions, .. }) = broker.parts() else { return Ok(()) };
    let Some(partition) = partitions.get(&at) else { return Ok(()) };
    let done = transactions.on_timer(timer, partition, &mut ctx, &mut spare, env);
    producer_ids::settle(broker, lent, spare, env);
    done
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
        TransactionReply::WriteMarker { result, .. } => {
            broker.transactions.on_marker_reply(id, result, env);
            Ok(())
        }
        // Answers to what a broker never asks.
        TransactionReply::FindCoordinator(_)
        | TransactionReply::Init(_)
        | TransactionReply::AddOffsets(_)
        | TransactionReply::End(_) => Ok(()),
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
    if broker.groups.home.topic() == Some(at.topic) {
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
