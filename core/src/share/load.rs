//! A reign begins with reading: the share-partitions are what the log says, the newest record of each.
//!
//! As with groups (`group::load`): bounded bytes a step, nobody is answered until all that was read is committed,
//! and locks begin anew, since no log holds how long they have run.

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::Offset;
use crate::partition::Partition;
use crate::record::batches;
use crate::share::probe::{Delivery, ShareProbe};
use crate::share::record::decode;
use crate::share::reign::{Phase, Reign};
use crate::share::state::Share;
use crate::timer::{ShareTimer, Timer};

/// Announces what is to be read.
pub(super) fn begin(reign: &Reign, end: Offset, env: &mut Host<'_>) {
    Reign::probe(ShareProbe::Loading { at: reign.at, epoch: reign.epoch, end }, env);
    env.set_timer(Timer::Share(reign.at, ShareTimer::Load), reign.config.load_pause);
}

/// Reads a little more.
pub(super) fn step(reign: &mut Reign, partition: &Partition, env: &mut Host<'_>) -> Result<(), DiskFault> {
    let Phase::Loading { next, end } = reign.phase else { return Ok(()) };
    if next >= end {
        return Ok(());
    }
    // What was deleted meanwhile is older than what is left.
    let next = next.max(partition.log().log_start());
    let bytes = partition.read_own(next, end, reign.config.load_bytes, env)?;
    // The last of what there was may have been compacted away.
    let mut next = if bytes.is_empty() { end } else { next };
    for batch in batches(bytes) {
        let batch = batch.expect("what is read is sound");
        for record in batch.records() {
            let (key, value) = (record.key.unwrap_or_default(), record.value.unwrap_or_default());
            let (of, share) = decode(key, value).expect("only leaders of share-partitions write here");
            reign.read.insert(of, share);
        }
        next = batch.next_offset();
    }
    reign.phase = Phase::Loading { next, end };
    if next < end {
        env.set_timer(Timer::Share(reign.at, ShareTimer::Load), reign.config.load_pause);
    }
    Ok(())
}

/// Leads from here on, if all is read and committed.
pub(super) fn finish(reign: &mut Reign, committed: Offset, env: &mut Host<'_>) {
    let Phase::Loading { next, end } = reign.phase else { return };
    if next < end || committed < end {
        return;
    }
    reign.phase = Phase::Active;
    let (now, epoch) = (env.now(), reign.epoch);
    for (of, stored) in std::mem::take(&mut reign.read) {
        let share = Share::restored(stored, &reign.config, now);
        let (next, records) = (share.next(), share.kept());
        Reign::probe(ShareProbe::Restored { of: of.clone(), epoch, next, records }, env);
        let dying: Vec<_> = share.dying().collect();
        if let Some(deadline) = share.next_deadline() {
            reign.wake_by(deadline, env);
        }
        reign.shares.insert(of.clone(), share);
        // Their letters may be written or not: better twice than never.
        for (offset, turn) in dying {
            reign.give_up(Delivery { of: of.clone(), offset, turn }, env);
        }
    }
    Reign::probe(ShareProbe::Loaded { at: reign.at, epoch, end }, env);
}
