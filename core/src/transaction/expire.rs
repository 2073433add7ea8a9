//! What ends by itself: transactions that are open for too long, writes that take too long, and transactional ids
//! that nobody uses any more.

use crate::host::Host;
use crate::ids::TransactionalId;
use crate::record::Ending;
use crate::refused::Refused;
use crate::time::Time;
use crate::transaction::Spare;
use crate::transaction::probe::TransactionProbe;
use crate::transaction::record::Stored;
use crate::transaction::reign::{Reign, Then};
use crate::transaction::state::TransactionState;
use crate::transaction::{end, markers};

/// Deadlines are looked through.
pub(super) fn on_deadline(reign: &mut Reign, spare: &mut Spare, env: &mut Host<'_>) {
    let now = env.now();
    reign.tenure.awake();
    let names: Vec<_> = reign.live.keys().cloned().collect();
    for name in names {
        end_if_overdue(reign, &name, now, spare, env);
        // If its last write was refused.
        markers::complete_if_confirmed(reign, &name, env);
    }
    for then in reign.ledger.give_up(now) {
        // It may still become committed.
        then.tell(Err(Refused::CoordinatorNotAvailable), env);
    }
    if let Some(deadline) = reign.ledger.next_deadline() {
        reign.tenure.wake_by(deadline, env);
    }
}

fn end_if_overdue(
    reign: &mut Reign,
    name: &TransactionalId,
    now: Time,
    spare: &mut Spare,
    env: &mut Host<'_>,
) {
    let (Some(stored), Some(live)) = (reign.table.get(name), reign.live.get(name)) else { return };
    if stored.state != TransactionState::Ongoing {
        return;
    }
    let deadline = live.since + stored.timeout;
    if deadline > now {
        return reign.tenure.wake_by(deadline, env);
    }
    let again = now + reign.config.marker_backoff;
    let (producer, epoch) = (stored.producer, stored.epoch);
    if !live.changing
        && let Ok(aborted) = end::prepare(reign, name, Ending::Abort, None, spare, env.wall().as_millis())
    {
        Reign::probe(TransactionProbe::TimedOut { transactional: name.clone(), producer, epoch }, env);
        reign.change(name, Some(aborted), Then::Rest);
    }
    // It may be on its way somewhere else, or no producer id was left.
    reign.tenure.wake_by(again, env);
}

/// Transactional ids without a transaction are forgotten when they are old.
pub(super) fn on_retention(reign: &mut Reign, env: &Host<'_>) {
    let wall = env.wall().as_millis();
    let expiration = reign.config.expiration.as_millis();
    let is_old = |stored: &Stored| stored.state.is_settled() && stored.updated + expiration <= wall;
    let old = reign.table.iter().filter(|(name, stored)| is_old(stored) && !reign.is_changing(name));
    let old: Vec<_> = old.map(|(name, _)| name.clone()).collect();
    for name in old {
        reign.change(&name, None, Then::Rest);
    }
}
