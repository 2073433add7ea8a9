//! Compaction of a replica's log. Each replica compacts its own, up to its own last stable offset:
//! what lies behind may be cut, or turn out never to have taken place.

use crate::env::DiskFault;
use crate::host::Host;
use crate::log::{CleanStep, Cleanable};
use crate::partition::Partition;
use crate::probe::ReplicaProbe;
use crate::time::Span;

/// What a byte that compaction reads or writes costs, in nanoseconds: a device of 100 MB/s.
const NANOS_PER_BYTE: u64 = 10;

/// So many bytes are read and written in one step, or one segment if that is more.
const SLICE_BYTES: u64 = 64 * 1024;

/// Cleans for a slice, or until the disk has to catch up first.
pub(super) fn go_on(p: &mut Partition, env: &mut Host<'_>) -> Result<(), DiskFault> {
    if !p.log.config().cleanup.compacts() {
        return Ok(());
    }
    let now_millis = env.wall().as_millis();
    let mut spent = 0;
    while spent < SLICE_BYTES {
        let aborted = p.log.aborted().to_vec();
        let allowed = Cleanable { up_to: p.last_stable(), aborted: &aborted, now_millis };
        let mut did = CleanStep::default();
        let done = p.log.clean(&allowed, &mut did, env);
        if let Some(cleaned) = did.cleaned {
            p.probe(ReplicaProbe::Cleaned(Box::new(cleaned)), env);
        }
        done?;
        spent += did.bytes;
        if !did.more {
            break;
        }
    }
    if spent > 0 {
        env.spend(Span(spent * NANOS_PER_BYTE));
    }
    Ok(())
}
