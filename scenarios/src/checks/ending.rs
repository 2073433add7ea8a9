//! The end of a run: every record against its contract, every replica against every other.

use squall_sim::engine::World;

use crate::checks::{ClusterChecks, Compared, calm};
use crate::cluster::Member;
use crate::ghost::Clients;
use crate::ghost::clients::{Name, Record, Told};
use crate::invariants::{Broken, Check, broken, contract, storage};

pub(super) fn judge(c: &mut ClusterChecks, world: &World<Member>) -> Result<(), Broken> {
    replicas(c, world)?;
    if c.expectations.audit.is_none() {
        return Ok(());
    }
    // Moved, not copied: there may be a million of them.
    let clients = std::mem::take(&mut c.clients);
    let judged = clients.records().try_for_each(|(name, record)| judge_record(c, &clients, name, record));
    c.clients = clients;
    judged
}

fn judge_record(c: &mut ClusterChecks, clients: &Clients, name: Name, record: &Record) -> Check {
    let place = c.place(record.at.unwrap_or_default());
    let permitted = contract::kept(&c.partitions[place], name, record, clients.astray.contains(&name))?;
    if record.told == Told::Delivered && record.found > 0 {
        c.counters.compared(Compared::RecordsReadAgain);
    }
    if let Some((what, times)) = permitted {
        (0..times).for_each(|_| c.counters.permitted(what));
    }
    Ok(())
}

/// Every replica holds the committed log, on disk and in memory.
fn replicas(c: &mut ClusterChecks, world: &World<Member>) -> Check {
    for at in calm::partitions(c) {
        let replicas = c.metadata.image.partition(at).map(|state| state.replicas.clone()).unwrap_or_default();
        let place = c.place(at);
        for broker in replicas {
            c.counters.compared(Compared::Replicas);
            let p = &mut c.partitions[place];
            storage::on_disk(p, broker, world)?;
            storage::folds(p, broker, world)?;
            let (holds, end) = (p.refresh(broker), p.true_end());
            if holds < end && !p.unclean {
                return broken(
                    "W-LM",
                    format!("in the end broker {broker} holds {at} as committed up to {holds} of {end}"),
                );
            }
        }
    }
    Ok(())
}
