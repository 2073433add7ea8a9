//! EndTxn: a transaction is decided.
//!
//! Each decision takes the producer into its next reign (KIP-890, part 2): whatever comes late from the
//! transaction, its own end included, is of a reign that is over, and cannot be taken for part of the next one.

use crate::host::Host;
use crate::ids::{ProducerEpoch, ProducerId, TransactionalId};
use crate::message::Reply;
use crate::partition::Asker;
use crate::quirk::Quirk;
use crate::record::Ending;
use crate::refused::Refused;
use crate::transaction::Spare;
use crate::transaction::message::{EndTxn, TransactionReply};
use crate::transaction::probe::TransactionProbe;
use crate::transaction::record::Stored;
use crate::transaction::reign::{Reign, Then};
use crate::transaction::state::TransactionState;

pub(super) fn on_request(
    reign: &mut Reign,
    asker: Asker,
    request: &EndTxn,
    spare: &mut Spare,
    env: &mut Host<'_>,
) {
    let name = &request.transactional;
    let outcome = match judge(reign, request) {
        Ok(Verdict::Decided(id, epoch)) => Err(Ok((id, epoch))),
        Ok(Verdict::Decide) => {
            let by = Some((request.producer, request.epoch));
            let next = prepare(reign, name, request.ending, by, spare, env).map_err(Err);
            next.map(|next| {
                let (id, epoch) = next.successor();
                reign.change(name, Some(next), Then::Decided { asker, id, epoch });
            })
        }
        Err(refused) => Err(Err(refused)),
    };
    if let Err(answer) = outcome {
        if answer == Err(Refused::ProducerFenced) {
            note_fenced(name, request.producer, request.epoch, env);
        }
        asker.answer(Reply::Transaction(TransactionReply::End(answer)), env);
    }
}

enum Verdict {
    /// It is to be decided.
    Decide,
    /// It was decided like this before: this goes on.
    Decided(ProducerId, ProducerEpoch),
}

fn judge(reign: &Reign, request: &EndTxn) -> Result<Verdict, Refused> {
    let name = &request.transactional;
    let stored = reign.table.get(name).ok_or(Refused::InvalidProducerIdMapping)?;
    if reign.is_changing(name) {
        return Err(Refused::ConcurrentTransactions);
    }
    let asked = (request.producer, request.epoch);
    if stored.last == Some(asked) && stored.state != TransactionState::Ongoing {
        // The answer was lost, or this is a copy.
        return if ended_so(stored.state, request.ending) {
            let (id, epoch) = stored.successor();
            Ok(Verdict::Decided(id, epoch))
        } else {
            Err(Refused::InvalidTxnState)
        };
    }
    let careless = reign.quirks.has(Quirk::DelayedEndTxn) && request.producer == stored.producer;
    if asked != (stored.producer, stored.epoch) && !careless {
        return Err(stranger(stored, request.producer));
    }
    match (stored.state, request.ending) {
        (TransactionState::Ongoing, _) => Ok(Verdict::Decide),
        (TransactionState::PrepareCommit | TransactionState::PrepareAbort, _) => {
            Err(Refused::ConcurrentTransactions)
        }
        // Its producer may not know whether it has begun one; in the next reign nothing of it can come late.
        (
            TransactionState::Empty | TransactionState::CompleteCommit | TransactionState::CompleteAbort,
            Ending::Abort,
        ) => Ok(Verdict::Decide),
        (
            TransactionState::Empty | TransactionState::CompleteCommit | TransactionState::CompleteAbort,
            Ending::Commit,
        ) => Err(Refused::InvalidTxnState),
    }
}

const fn ended_so(state: TransactionState, ending: Ending) -> bool {
    match ending {
        Ending::Commit => {
            matches!(state, TransactionState::PrepareCommit | TransactionState::CompleteCommit)
        }
        Ending::Abort => matches!(state, TransactionState::PrepareAbort | TransactionState::CompleteAbort),
    }
}

/// Why a producer that is not the present one is refused.
pub(super) fn stranger(stored: &Stored, producer: ProducerId) -> Refused {
    if stored.next == Some(producer) {
        Refused::ConcurrentTransactions
    } else if stored.producer == producer || stored.last.is_some_and(|(id, _)| id == producer) {
        Refused::ProducerFenced
    } else {
        Refused::InvalidProducerIdMapping
    }
}

/// What an id is once its transaction is decided, by whoever asked `by`; nobody if it took too long or its producer
/// is fenced, so that the producer does not go on.
pub(super) fn prepare(
    reign: &Reign,
    name: &TransactionalId,
    ending: Ending,
    by: Option<(ProducerId, ProducerEpoch)>,
    spare: &mut Spare,
    env: &Host<'_>,
) -> Result<Stored, Refused> {
    let stored = reign.table.get(name).ok_or(Refused::InvalidProducerIdMapping)?;
    // As Kafka answers while it waits for a block of ids.
    let next = match stored.epoch.next() {
        Some(_) => None,
        None => Some(spare.take().ok_or(Refused::CoordinatorLoadInProgress)?),
    };
    let state = match ending {
        Ending::Commit => TransactionState::PrepareCommit,
        Ending::Abort => TransactionState::PrepareAbort,
    };
    // The largest number is for markers alone.
    let epoch = ProducerEpoch(stored.epoch.0 + 1);
    Ok(Stored { epoch, next, last: by, state, updated: env.wall().as_millis(), ..stored.clone() })
}

/// Somebody asked in a reign that is over.
pub(super) fn note_fenced(
    name: &TransactionalId,
    producer: ProducerId,
    epoch: ProducerEpoch,
    env: &mut Host<'_>,
) {
    Reign::probe(TransactionProbe::Fenced { transactional: name.clone(), producer, epoch }, env);
}
