//! A reign begins with reading: the groups are what the log says.
//!
//! It reads up to where the reign starts, bounded bytes a step. What lies there above the high watermark is read
//! too: this leader keeps it, so it will be committed, or vanish with the leader. Until it is committed nobody is
//! answered; Kafka answers as soon as it has read, and may show a commit that the next leader does not have.
//! Loads and ends carry the reign they belong to (KAFKA-10614): an end that comes late leaves a newer reign alone.

use crate::env::DiskFault;
use crate::group::probe::GroupProbe;
use crate::group::reign::{Phase, Reign};
use crate::group::state::Group;
use crate::host::Host;
use crate::ids::Offset;
use crate::partition::Partition;
use crate::record::batches;
use crate::timer::{GroupTimer, Timer};

/// Announces what is to be read.
pub(super) fn begin(reign: &Reign, end: Offset, env: &mut Host<'_>) {
    Reign::probe(GroupProbe::Loading { at: reign.at, epoch: reign.epoch, end }, env);
    env.set_timer(Timer::Group(reign.at, GroupTimer::Load), reign.config.load_pause);
}

/// Reads a little more.
pub(super) fn step(
    reign: &mut Reign,
    partition: &mut Partition,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let Phase::Loading { next, end } = reign.phase else { return Ok(()) };
    if next >= end {
        return Ok(());
    }
    // What was deleted meanwhile is in no fold.
    let next = next.max(partition.log().log_start());
    let bytes = partition.read_own(next, end, reign.config.load_bytes, env)?;
    // The last of what there was may have been compacted away.
    let mut next = if bytes.is_empty() { end } else { next };
    for batch in batches(bytes) {
        let batch = batch.expect("what is read is sound");
        reign.table.apply_batch(&batch);
        next = batch.next_offset();
    }
    reign.phase = Phase::Loading { next, end };
    reign.applied = next;
    if next < end {
        env.set_timer(Timer::Group(reign.at, GroupTimer::Load), reign.config.load_pause);
    }
    Ok(())
}

/// Coordinates from here on, if all is read and committed.
pub(super) fn finish(reign: &mut Reign, committed: Offset, env: &mut Host<'_>) {
    let Phase::Loading { next, end } = reign.phase else { return };
    if next < end || committed < end {
        return;
    }
    reign.phase = Phase::Active;
    let (now, wall) = (env.now(), env.wall().as_millis());
    for (name, entry) in reign.table.iter() {
        let stored = entry.group.as_ref();
        let group = stored.map_or_else(|| Group::empty(wall), |stored| Group::restored(stored, now));
        let (generation, members) = (group.generation, group.ids());
        Reign::probe(GroupProbe::Restored { group: name.clone(), generation, members }, env);
        reign.groups.insert(name.clone(), group);
    }
    if let Some(deadline) = reign.groups.values().filter_map(Group::next_deadline).min() {
        reign.wake_by(deadline, env);
    }
    env.set_timer(Timer::Group(reign.at, GroupTimer::Retention), reign.config.retention_check);
    Reign::probe(GroupProbe::Loaded { at: reign.at, epoch: reign.epoch, end }, env);
}
