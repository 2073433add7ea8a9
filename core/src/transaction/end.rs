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
            let next = prepare(reign, name, request.ending, by, spare, env.wall().as_millis()).map_err(Err);
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
/// is fenced, so that the producer does not go on. `wall`: the time in milliseconds of the calendar.
pub(super) fn prepare(
    reign: &Reign,
    name: &TransactionalId,
    ending: Ending,
    by: Option<(ProducerId, ProducerEpoch)>,
    spare: &mut Spare,
    wall: u64,
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
    Ok(Stored { epoch, next, last: by, state, updated: wall, ..stored.clone() })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator::Tenure;
    use crate::coordinator::reigns::Reigning;
    use crate::ids::{LeaderEpoch, Offset, TopicPartition};
    use crate::quirk::Quirks;
    use crate::time::Span;
    use crate::transaction::config::TransactionConfig;
    use crate::transaction::record::TransactionRecord;

    fn name() -> TransactionalId {
        TransactionalId("orders".into())
    }

    /// A transaction is open in this reign of producer 7.
    fn open(epoch: u16) -> Reign {
        let at = TopicPartition::default();
        let config = TransactionConfig::default();
        let empty = (Offset::ZERO, Offset::ZERO);
        let tenure = Tenure::new(at, LeaderEpoch(1), empty, config.load, Reign::timers(at));
        let mut reign = Reign::new(tenure, Offset::ZERO, &config, Quirks::NONE);
        let stored = Stored {
            producer: ProducerId(7),
            epoch: ProducerEpoch(epoch),
            next: None,
            last: None,
            timeout: Span::from_secs(60),
            state: TransactionState::Ongoing,
            partitions: vec![at],
            by: None,
            updated: 0,
        };
        reign.table.apply(TransactionRecord { transactional: name(), value: Some(stored) });
        reign
    }

    fn decided(epoch: u16, spare: Option<u64>) -> Result<Stored, Refused> {
        let mut spare = Spare::of(spare.map(ProducerId));
        prepare(&open(epoch), &name(), Ending::Commit, None, &mut spare, 0)
    }

    #[test]
    fn a_decision_takes_the_producer_into_its_next_reign() {
        let next = decided(4, Some(9)).unwrap();
        assert_eq!(next.epoch, ProducerEpoch(5), "what markers carry");
        assert_eq!(next.successor(), (ProducerId(7), ProducerEpoch(5)));
    }

    #[test]
    fn a_producer_whose_reigns_are_used_up_goes_on_under_another_id() {
        let last = i16::MAX as u16 - 1;
        let next = decided(last, Some(9)).unwrap();
        assert_eq!((next.producer, next.epoch), (ProducerId(7), ProducerEpoch(last + 1)));
        assert_eq!(next.successor(), (ProducerId(9), ProducerEpoch(0)));
        assert_eq!(decided(last, None), Err(Refused::CoordinatorLoadInProgress), "there is none yet");
        assert_eq!(stranger(&next, ProducerId(9)), Refused::ConcurrentTransactions, "it is a little early");
    }
}
