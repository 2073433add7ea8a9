//! A reign over groups begins: the groups are what the log says, see [`crate::coordinator`].

use crate::env::DiskFault;
use crate::group::probe::GroupProbe;
use crate::group::reign::Reign;
use crate::group::state::Group;
use crate::host::Host;
use crate::ids::Offset;
use crate::partition::Partition;
use crate::timer::{GroupTimer, Timer};

/// Reads a little more.
pub(super) fn step(reign: &mut Reign, partition: &Partition, env: &mut Host<'_>) -> Result<(), DiskFault> {
    let read = reign.tenure.read(partition, env, |batch| reign.table.apply_batch(batch))?;
    reign.applied = read.unwrap_or(reign.applied);
    Ok(())
}

/// Coordinates from here on, if all is read and committed.
pub(super) fn finish(reign: &mut Reign, committed: Offset, env: &mut Host<'_>) {
    let Some(end) = reign.tenure.finish(committed) else { return };
    let (now, wall) = (env.now(), env.wall().as_millis());
    for (name, entry) in reign.table.iter() {
        let stored = entry.group.as_ref();
        let group = stored.map_or_else(|| Group::empty(wall), |stored| Group::restored(stored, now));
        let (generation, members) = (group.generation, group.ids());
        Reign::probe(GroupProbe::Restored { group: name.clone(), generation, members }, env);
        reign.groups.insert(name.clone(), group);
    }
    if let Some(deadline) = reign.groups.values().filter_map(Group::next_deadline).min() {
        reign.tenure.wake_by(deadline, env);
    }
    let (at, epoch) = (reign.tenure.at, reign.tenure.epoch);
    env.set_timer(Timer::Group(at, GroupTimer::Retention), reign.config.retention_check);
    Reign::probe(GroupProbe::Loaded { at, epoch, end }, env);
}
