//! AddPartitionsToTxn and AddOffsetsToTxn: more partitions are part of a transaction, and the first ones begin it.
//!
//! While another change is on its way they wait, where Kafka refuses (`CONCURRENT_TRANSACTIONS`): a refused batch
//! would be overtaken by the next.

use crate::host::Host;
use crate::partition::Asker;
use crate::refused::Refused;
use crate::transaction::end::{note_fenced, stranger};
use crate::transaction::message::AddPartitions;
use crate::transaction::record::Stored;
use crate::transaction::reign::{Reign, Then};
use crate::transaction::state::TransactionState;

/// `asked_offsets`: the asker named a group, whose partition this is.
pub(super) fn on_request(
    reign: &mut Reign,
    asker: Asker,
    request: AddPartitions,
    asked_offsets: bool,
    env: &mut Host<'_>,
) {
    if reign.is_changing(&request.transactional)
        && let Some(live) = reign.live.get_mut(&request.transactional)
    {
        // Several partitions are added at once when a producer writes to several.
        live.additions.push((asker, request, asked_offsets));
        return;
    }
    let then = if asked_offsets { Then::OffsetsAdded { asker } } else { Then::Added { asker } };
    match judge(reign, &request) {
        Ok(None) => then.tell(Ok(()), env),
        Ok(Some(stored)) => {
            let mut partitions = stored.partitions.clone();
            partitions.extend(request.partitions);
            partitions.sort_unstable();
            partitions.dedup();
            let (state, updated) = (TransactionState::Ongoing, env.wall().as_millis());
            let next = Stored { state, partitions, updated, ..stored.clone() };
            reign.change(&request.transactional, Some(next), then);
        }
        Err(refused) => {
            if refused == Refused::ProducerFenced {
                note_fenced(&request.transactional, request.producer, request.epoch, env);
            }
            then.tell(Err(refused), env);
        }
    }
}

/// What the id is now, if that has to change.
fn judge<'a>(reign: &'a Reign, request: &AddPartitions) -> Result<Option<&'a Stored>, Refused> {
    let stored = reign.table.get(&request.transactional).ok_or(Refused::InvalidProducerIdMapping)?;
    if (request.producer, request.epoch) != (stored.producer, stored.epoch) {
        return Err(stranger(stored, request.producer));
    }
    match stored.state {
        TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
            Err(Refused::ConcurrentTransactions)
        }
        TransactionState::Ongoing if request.partitions.iter().all(|at| stored.partitions.contains(at)) => {
            Ok(None)
        }
        TransactionState::Empty
        | TransactionState::Ongoing
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort => Ok(Some(stored)),
    }
}
