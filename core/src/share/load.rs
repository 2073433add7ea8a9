//! A reign over share-partitions begins: they are what the log says, the newest record of each, see
//! [`crate::coordinator`]. Locks begin anew, since no log holds how long they have run.

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::Offset;
use crate::partition::Partition;
use crate::share::probe::{Delivery, ShareProbe};
use crate::share::record::decode;
use crate::share::reign::Reign;
use crate::share::state::Share;

/// Reads a little more.
pub(super) fn step(reign: &mut Reign, partition: &Partition, env: &mut Host<'_>) -> Result<(), DiskFault> {
    let read = reign.tenure.read(partition, env, |batch| {
        for record in batch.records() {
            let (key, value) = (record.key.unwrap_or_default(), record.value.unwrap_or_default());
            let (of, share) = decode(key, value).expect("only leaders of share-partitions write here");
            reign.read.insert(of, share);
        }
    });
    read.map(|_| ())
}

/// Leads from here on, if all is read and committed.
pub(super) fn finish(reign: &mut Reign, committed: Offset, env: &mut Host<'_>) {
    let Some(end) = reign.tenure.finish(committed) else { return };
    let (now, at, epoch) = (env.now(), reign.tenure.at, reign.tenure.epoch);
    for (of, stored) in std::mem::take(&mut reign.read) {
        let share = Share::restored(stored, &reign.config, now);
        let (next, records) = (share.next(), share.kept());
        Reign::probe(ShareProbe::Restored { of: of.clone(), epoch, next, records }, env);
        let dying: Vec<_> = share.dying().collect();
        if let Some(deadline) = share.next_deadline() {
            reign.tenure.wake_by(deadline, env);
        }
        reign.shares.insert(of.clone(), share);
        // Their letters may be written or not: better twice than never.
        for (offset, turn) in dying {
            reign.give_up(Delivery { of: of.clone(), offset, turn }, env);
        }
    }
    Reign::probe(ShareProbe::Loaded { at, epoch, end }, env);
}
