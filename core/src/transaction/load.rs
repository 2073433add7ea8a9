//! A reign over transactions begins: they are what the log says, see [`crate::coordinator`].
//!
//! What was being ended goes on being ended; an open transaction gets its whole time-out again, for this clock has
//! not seen it begin.

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::Offset;
use crate::partition::{Context, Partition};
use crate::timer::{Timer, TransactionTimer};
use crate::transaction::markers;
use crate::transaction::probe::TransactionProbe;
use crate::transaction::reign::{Live, Reign};
use crate::transaction::state::TransactionState;

/// Reads a little more.
pub(super) fn step(reign: &mut Reign, partition: &Partition, env: &mut Host<'_>) -> Result<(), DiskFault> {
    let read = reign.tenure.read(partition, env, |batch| reign.table.apply_batch(batch))?;
    reign.applied = read.unwrap_or(reign.applied);
    Ok(())
}

/// Coordinates from here on, if all is read and committed.
pub(super) fn finish(reign: &mut Reign, committed: Offset, ctx: &mut Context<'_>, env: &mut Host<'_>) {
    let Some(end) = reign.tenure.finish(committed) else { return };
    let (at, epoch) = (reign.tenure.at, reign.tenure.epoch);
    Reign::probe(TransactionProbe::Loaded { at, epoch, end }, env);
    env.set_timer(Timer::Transaction(at, TransactionTimer::Retention), reign.config.expiration_check);
    let all: Vec<_> = reign.table.iter().map(|(name, stored)| (name.clone(), stored.clone())).collect();
    for (name, stored) in all {
        Reign::probe(
            TransactionProbe::Restored {
                transactional: name.clone(),
                producer: stored.producer,
                epoch: stored.epoch,
                state: stored.state,
                partitions: stored.partitions.clone(),
            },
            env,
        );
        reign.live.insert(name.clone(), Live { since: env.now(), ..Live::default() });
        match stored.state {
            TransactionState::Ongoing => reign.tenure.wake_by(env.now() + stored.timeout, env),
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                markers::begin(reign, &name, &stored, ctx, env);
            }
            TransactionState::Empty | TransactionState::CompleteCommit | TransactionState::CompleteAbort => {}
        }
    }
}
