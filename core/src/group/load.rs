//! A reign over groups begins: the groups are what the log says, see [`crate::coordinator`].

use crate::coordinator::{Phase, load};
use crate::env::DiskFault;
use crate::group::probe::GroupProbe;
use crate::group::reign::Reign;
use crate::group::state::Group;
use crate::host::Host;
use crate::ids::Offset;
use crate::partition::Partition;
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
    let Phase::Loading { end, .. } = reign.phase else { return Ok(()) };
    let (bytes, table) = (reign.config.load_bytes, &mut reign.table);
    let read = load::step(reign.phase, bytes, partition, env, |batch| table.apply_batch(batch))?;
    let Some((next, more)) = read else { return Ok(()) };
    reign.phase = Phase::Loading { next, end };
    reign.applied = next;
    if more {
        env.set_timer(Timer::Group(reign.at, GroupTimer::Load), reign.config.load_pause);
    }
    Ok(())
}

/// Coordinates from here on, if all is read and committed.
pub(super) fn finish(reign: &mut Reign, committed: Offset, env: &mut Host<'_>) {
    let Some(end) = reign.phase.finished(committed) else { return };
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
