//! After the storm every partition of a group has one owner again within a bound: `owned-again`.
//!
//! The time counts from when the cluster serves, every partition that groups depend on is led, and their members have
//! done what their plan says: from then on nobody fails. What may pass then is, at most: the coordinator reads its log;
//! a member finds out that its coordinator is another one, asks in vain once and finds the new one; who died without
//! leaving is waited for until its session is over; a rebalance waits for everybody who is busy, and a cooperative one
//! for another after it; its outcome is written, and members hear of it with their heartbeats. Whoever works in
//! transactions ends the one that it is in before it gives anything up. Twice the sum of these is the bound: one of them
//! may begin just before another ends.
//! Deliberately absent: a bound in the storm, where the next failure may come before the last one is over. How long
//! partitions were without an owner there is counted.

use squall_core::ids::{GroupId, Offset, TopicPartition};
use squall_core::time::{Span, Time};
use squall_sim::engine::World;

use crate::checks::{ClusterChecks, Compared, broker, calm};
use crate::cluster::Member;
use crate::invariants::{Broken, Check, work};

/// What the bound is made of.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// All but reading the log.
    pub rounds: Span,
    /// So many bytes of the log are read at a time.
    pub load_bytes: u64,
    /// And take so long.
    pub load_pause: Span,
}

/// How far a calm has come with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Owners {
    /// Since when nothing stands in the way.
    since: Option<Time>,
    /// Every partition had its owner.
    whole: bool,
    /// The bound was passed.
    late: Option<Broken>,
}

/// Looks whether every partition has its owner, as long as that was not so once.
pub(super) fn look(c: &mut ClusterChecks, world: &World<Member>) {
    let Some(bound) = c.expectations.owned_within else { return };
    if c.owners.whole || c.owners.late.is_some() {
        return;
    }
    let now = world.now();
    let works = calm::serves(c, world).is_ok() && every_partition_is_led(c) && members_are_done(world);
    if !works || calm::offsets_are_orphaned(c) {
        c.owners.since = None;
        return;
    }
    let since = *c.owners.since.get_or_insert(now);
    let Some(lacks) = lacking(c, world) else {
        c.owners.whole = true;
        let groups = c.expectations.groups.len();
        (0..groups).for_each(|_| c.counters.compared(Compared::GroupsWhole));
        return;
    };
    let bound = within(c, world, bound);
    c.owners.late = work::owned_again(&lacks, now.since(since), bound).err();
}

/// What was found, if it was too late.
pub(super) fn judge(c: &mut ClusterChecks) -> Check {
    c.owners.late.take().map_or(Ok(()), Err)
}

fn every_partition_is_led(c: &ClusterChecks) -> bool {
    let led = |at| c.metadata.image.partition(at).is_some_and(|state| state.leader.is_some());
    calm::partitions(c).into_iter().all(led)
}

fn members_are_done(world: &World<Member>) -> bool {
    world.nodes().all(|node| match world.process(node) {
        Some(Member::Worker(worker)) => worker.is_done(),
        Some(Member::Pipeline(pipeline)) => pipeline.is_done(),
        Some(_) => true,
        None => false,
    })
}

/// The first partition without exactly one owner.
fn lacking(c: &ClusterChecks, world: &World<Member>) -> Option<String> {
    let mut read = calm::partitions(c).into_iter().filter(|at| at.topic == calm::READ);
    read.find_map(|at| {
        c.expectations.groups.iter().find_map(|group| {
            let owners = of(world, group, at).count();
            (owners != 1).then(|| format!("{at} has {owners} owners in {group}"))
        })
    })
}

/// Who has the partition in the group: where each owner is in it.
pub(super) fn of<'a>(
    world: &'a World<Member>,
    group: &'a GroupId,
    at: TopicPartition,
) -> impl Iterator<Item = Option<Offset>> + 'a {
    world.nodes().filter_map(move |node| match world.process(node) {
        Some(Member::Worker(worker)) if worker.works() && worker.group() == group => {
            let member = worker.member().filter(|member| member.owned().contains(&at))?;
            Some(member.position(at))
        }
        Some(Member::Pipeline(pipeline)) if pipeline.group() == group => {
            pipeline.owned().contains(&at).then(|| pipeline.position(at))
        }
        Some(_) | None => None,
    })
}

/// The bound, as long as the logs are now.
fn within(c: &ClusterChecks, world: &World<Member>, bound: Bound) -> Span {
    let logs = calm::partitions(c).into_iter().filter(|at| at.topic != calm::READ).filter_map(|at| {
        let leader = c.metadata.image.partition(at)?.leader?;
        Some(broker(world, leader.node())?.partition(at)?.log().size())
    });
    let steps = logs.max().unwrap_or(0) / bound.load_bytes + 1;
    (bound.rounds + bound.load_pause.times(steps)).times(2)
}
