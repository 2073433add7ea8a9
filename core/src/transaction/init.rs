//! InitProducerId: a producer starts, and whoever had its name before is fenced (KIP-98); or it starts anew after an
//! error (KIP-360).
//!
//! What its predecessor left open is aborted first, in a reign that nobody is told; the producer asks again until
//! that is done.

use crate::coordinator::is_not_later;
use crate::host::Host;
use crate::ids::{ProducerEpoch, ProducerId};
use crate::partition::Asker;
use crate::record::Ending;
use crate::refused::Refused;
use crate::transaction::Spare;
use crate::transaction::end::{self, note_fenced};
use crate::transaction::message::InitTransactional;
use crate::transaction::record::Stored;
use crate::transaction::reign::{Reign, Then};
use crate::transaction::state::TransactionState;

pub(super) fn on_request(
    reign: &mut Reign,
    asker: Asker,
    request: &InitTransactional,
    spare: &mut Spare,
    env: &mut Host<'_>,
) {
    if is_copy(reign, asker, request) {
        // Whoever sent it has asked again since. To take it would fence the very producer that started.
        return;
    }
    if let Err(refused) = start(reign, asker, request, spare, env) {
        if let (Refused::ProducerFenced, Some((id, epoch))) = (refused, request.current) {
            note_fenced(&request.transactional, id, epoch, env);
        }
        Then::Initialized {
            asker,
            transactional: request.transactional.clone(),
            id: ProducerId(0),
            epoch: ProducerEpoch(0),
        }
        .tell(Err(refused), env);
    }
}

fn is_copy(reign: &Reign, asker: Asker, request: &InitTransactional) -> bool {
    let by = reign.table.get(&request.transactional).and_then(|stored| stored.by);
    by.is_some_and(|by| by.node == asker.node && is_not_later(asker.id, by.id))
}

fn start(
    reign: &mut Reign,
    asker: Asker,
    request: &InitTransactional,
    spare: &mut Spare,
    env: &mut Host<'_>,
) -> Result<(), Refused> {
    let name = &request.transactional;
    if request.timeout > reign.config.timeout_max || request.timeout.0 == 0 {
        return Err(Refused::InvalidTransactionTimeout);
    }
    if reign.is_changing(name) {
        return Err(Refused::ConcurrentTransactions);
    }
    let Some(stored) = reign.table.get(name) else {
        let id = spare.take().ok_or(Refused::CoordinatorLoadInProgress)?;
        begin(reign, asker, request, (id, ProducerEpoch(0)), env);
        return Ok(());
    };
    let present = (stored.producer, stored.epoch);
    if request.current.is_some_and(|current| current != present && stored.last != Some(current)) {
        return Err(Refused::ProducerFenced);
    }
    match stored.state {
        TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
            Err(Refused::ConcurrentTransactions)
        }
        TransactionState::Ongoing => {
            let fenced =
                end::prepare(reign, name, Ending::Abort, request.current, spare, env.wall().as_millis())?;
            reign.change(name, Some(fenced), Then::Fencing { asker });
            Ok(())
        }
        TransactionState::Empty | TransactionState::CompleteCommit | TransactionState::CompleteAbort => {
            let next = match (request.current, stored.epoch.next()) {
                // It has its next reign already, and was not told.
                (Some(current), _) if current != present => present,
                (_, Some(epoch)) => (stored.producer, epoch),
                (_, None) => (spare.take().ok_or(Refused::CoordinatorLoadInProgress)?, ProducerEpoch(0)),
            };
            begin(reign, asker, request, next, env);
            Ok(())
        }
    }
}

/// The producer starts under this.
fn begin(
    reign: &mut Reign,
    asker: Asker,
    request: &InitTransactional,
    (id, epoch): (ProducerId, ProducerEpoch),
    env: &Host<'_>,
) {
    let started = Stored {
        producer: id,
        epoch,
        next: None,
        last: request.current,
        timeout: request.timeout,
        state: TransactionState::Empty,
        partitions: Vec::new(),
        by: Some(asker),
        updated: env.wall().as_millis(),
    };
    let transactional = request.transactional.clone();
    let then = Then::Initialized { asker, transactional, id, epoch };
    reign.change(&request.transactional, Some(started), then);
}
