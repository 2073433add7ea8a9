//! What would open a transaction waits here until the transaction's coordinator has added the partition to it
//! (KIP-890, part 2): a transaction that its coordinator knows nothing of would never be ended.
//!
//! Whoever waits for the same addition waits together, in order: a producer's batches must not overtake.

use crate::broker::{Broker, groups};
use crate::env::DiskFault;
use crate::group::message::TxnOffsetCommit;
use crate::host::Host;
use crate::ids::{CorrelationId, ProducerEpoch, ProducerId, TopicPartition, TransactionalId};
use crate::message::{Acks, Message, Produce, Reply, Request};
use crate::partition::Asker;
use crate::refused::Refused;
use crate::time::Time;
use crate::timer::{BrokerTimer, Timer};
use crate::transaction::message::{AddPartitions, TransactionRequest};

/// A partition that wants to be part of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Addition {
    pub(super) at: TopicPartition,
    pub(super) producer: ProducerId,
    pub(super) epoch: ProducerEpoch,
}

/// What waits for it.
#[derive(Debug, Clone)]
pub(super) enum Waiting {
    Batch(Asker, Produce),
    Offsets(Asker, TxnOffsetCommit),
}

#[derive(Debug, Clone)]
struct Asked {
    id: CorrelationId,
    addition: Addition,
    deadline: Time,
    waiting: Vec<Waiting>,
}

/// Additions that coordinators have not answered yet, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Additions(Vec<Asked>);

/// Asks for an addition, or waits with those who have.
pub(super) fn ask(
    broker: &mut Broker,
    addition: Addition,
    transactional: &TransactionalId,
    waiting: Option<Waiting>,
    env: &mut Host<'_>,
) {
    if let Some(asked) = broker.additions.0.iter_mut().find(|asked| asked.addition == addition) {
        asked.waiting.extend(waiting);
        return;
    }
    let Some(coordinator) = broker.transactions.coordinator(transactional, &broker.image) else {
        if let Some(waiting) = waiting {
            refuse(waiting, Refused::CoordinatorNotAvailable, env);
        }
        return;
    };
    let id = broker.ids.next();
    let Addition { at, producer, epoch } = addition;
    let request =
        AddPartitions { transactional: transactional.clone(), producer, epoch, partitions: vec![at] };
    let request = Request::Transaction(TransactionRequest::AddPartitions(request));
    env.send(coordinator.node(), Message::Request { id, request });
    if broker.additions.0.is_empty() {
        env.set_timer(Timer::Broker(BrokerTimer::Verification), broker.config.request_timeout);
    }
    let deadline = env.now() + broker.config.request_timeout;
    broker.additions.0.push(Asked { id, addition, deadline, waiting: waiting.into_iter().collect() });
}

/// A coordinator answered.
pub(super) fn on_reply(
    broker: &mut Broker,
    id: CorrelationId,
    result: Result<(), Refused>,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let Some(place) = broker.additions.0.iter().position(|asked| asked.id == id) else { return Ok(()) };
    for waiting in broker.additions.0.remove(place).waiting {
        match result {
            Ok(()) => go_on(broker, waiting, env)?,
            Err(refused) => refuse(waiting, refused, env),
        }
    }
    Ok(())
}

/// Some coordinator has not answered in time.
pub(super) fn on_timer(broker: &mut Broker, env: &mut Host<'_>) {
    let now = env.now();
    let due = broker.additions.0.partition_point(|asked| asked.deadline <= now);
    let late: Vec<Asked> = broker.additions.0.drain(..due).collect();
    for waiting in late.into_iter().flat_map(|asked| asked.waiting) {
        refuse(waiting, Refused::CoordinatorNotAvailable, env);
    }
    if let Some(next) = broker.additions.0.first() {
        env.set_timer(Timer::Broker(BrokerTimer::Verification), next.deadline.since(now));
    }
}

fn go_on(broker: &mut Broker, waiting: Waiting, env: &mut Host<'_>) -> Result<(), DiskFault> {
    match waiting {
        Waiting::Batch(asker, request) => {
            let at = request.at;
            let done = broker.with_partition(at, env, |p, ctx, env| p.on_produce(asker, request, ctx, env));
            done.unwrap_or(Ok(()))
        }
        Waiting::Offsets(asker, request) => groups::take_offsets(broker, asker, request, env),
    }
}

fn refuse(waiting: Waiting, refused: Refused, env: &mut Host<'_>) {
    let (asker, reply) = match waiting {
        Waiting::Batch(asker, request) => {
            // With acks=0 nobody listens.
            if request.acks == Acks::None {
                return;
            }
            let refused = told(refused, Refused::NotEnoughReplicas);
            (asker, Reply::Produce { at: request.at, result: Err(refused) })
        }
        Waiting::Offsets(asker, _) => {
            let refused = told(refused, Refused::CoordinatorNotAvailable);
            (asker, Reply::Group(crate::group::message::GroupReply::TxnOffsetCommit(Err(refused))))
        }
    };
    asker.answer(reply, env);
}

/// What a coordinator's refusal is to somebody who has not asked it. As Kafka: where it could not be reached the
/// answer is `elsewhere`, and a fenced producer has an invalid epoch.
fn told(refused: Refused, elsewhere: Refused) -> Refused {
    let unreached = [
        Refused::CoordinatorNotAvailable,
        Refused::CoordinatorLoadInProgress,
        Refused::NotCoordinator,
        Refused::RequestTimedOut,
    ];
    if unreached.contains(&refused) {
        elsewhere
    } else if refused == Refused::ProducerFenced {
        Refused::InvalidProducerEpoch
    } else {
        refused
    }
}
