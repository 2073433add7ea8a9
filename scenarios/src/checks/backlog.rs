//! In the calm: what share groups have before them is worked within its bound, whatever is hard about some of it.
//!
//! When the quiet begins is told by the cluster's own state; what is to be worked, and whether it was, by what producers
//! and workers were told.

use std::collections::BTreeMap;

use squall_core::coordinator::Phase;
use squall_core::ids::{Offset, TopicPartition};
use squall_core::share::message::Verdict;
use squall_core::share::probe::SharePartition;
use squall_core::time::Time;
use squall_sim::engine::World;

use crate::checks::{ClusterChecks, Compared, Queues, broker, calm, shares};
use crate::cluster::Member;
use crate::ghost::backlog::{Ahead, Awaited, Backlog, Bound, Hard, Waiting};
use crate::ghost::clients::Told;
use crate::ghost::shares::Seen;
use crate::invariants::{Check, shares as invariants};
use crate::workload::Trouble;

/// A look at the calm.
pub(super) fn look(c: &mut ClusterChecks, world: &World<Member>) -> Check {
    let Some((queues, bound)) =
        c.expectations.queues.as_ref().and_then(|queues| Some((queues, queues.bound?)))
    else {
        return Ok(());
    };
    if !shares::judges(c) {
        return Ok(());
    }
    let end = c.metadata.end();
    match c.backlog.quiet {
        Some((_, known)) if known == end => in_time(c, world.now()),
        Some(_) | None if calm::is_whole(c, world) && nobody_loads(c, world) => {
            let queues = queues.clone();
            begin(c, world, &queues, &bound);
            Ok(())
        }
        Some(_) | None => {
            c.backlog.quiet = None;
            c.backlog.awaited.clear();
            Ok(())
        }
    }
}

fn nobody_loads(c: &ClusterChecks, world: &World<Member>) -> bool {
    let brokers = c.layout.broker_nodes().into_iter().filter_map(|node| broker(world, node));
    let mut phases = brokers.flat_map(|broker| broker.shares().reigns()).map(|reign| reign.tenure.phase());
    phases.all(|phase| phase == Phase::Active)
}

fn begin(c: &mut ClusterChecks, world: &World<Member>, queues: &Queues, bound: &Bound) {
    let names: BTreeMap<(TopicPartition, Offset), (u64, bool)> = (c.clients.records())
        .filter_map(|(name, record)| {
            Some(((record.at?, record.offset()?), (name.pack(), record.told == Told::Delivered)))
        })
        .collect();
    c.backlog.awaited.clear();
    c.backlog.quiet = Some((world.now(), c.metadata.end()));
    for group in &queues.groups {
        let read = calm::partitions(c).into_iter().filter(|at| at.topic == calm::READ);
        let ahead: Vec<Ahead> = read
            .filter_map(|at| {
                ahead(c, world, SharePartition { group: group.clone(), at }, (queues, bound), &names)
            })
            .collect();
        c.backlog.begin(bound, world.now(), &ahead);
    }
}

/// What a group has before it in one partition.
fn ahead(
    c: &ClusterChecks,
    world: &World<Member>,
    of: SharePartition,
    (queues, bound): (&Queues, &Bound),
    names: &BTreeMap<(TopicPartition, Offset), (u64, bool)>,
) -> Option<Ahead> {
    let leader = c.metadata.image.partition(of.at)?.leader?;
    let end = broker(world, leader.node())?.partition(of.at)?.log().log_end();
    let seen = c.shares.parts.get(&of).map(|part| &part.seen);
    let mut records = Vec::new();
    for offset in (0..end.0).map(Offset) {
        let seen = seen.and_then(|seen| seen.get(&offset));
        if seen.is_some_and(|seen| seen.worked.is_some()) {
            continue;
        }
        let name = names.get(&(of.at, offset));
        let hard = name.map_or(Hard::Poison(1 + bound.put_backs), |(name, _)| hard(bound, queues, *name));
        let is_certain = name.is_some_and(|(_, delivered)| *delivered) && !seen.is_some_and(may_be_over);
        let turns = seen.map_or(0, |seen| u64::from(seen.newest().0));
        records.push(Waiting { offset, hard, turns, is_certain });
    }
    Some(Ahead { of, records, end })
}

fn hard(bound: &Bound, queues: &Queues, name: u64) -> Hard {
    match queues.troubles.get(&name) {
        None => Hard::Ordinary,
        Some(Trouble::Slow) => Hard::Slow,
        Some(Trouble::Poison { cure, rejected }) => {
            let cured = Some(u64::from(*cure)).filter(|cure| (1..=bound.put_backs).contains(cure));
            let lives = cured.unwrap_or(1 + bound.put_backs);
            if *rejected { Hard::Rejected(lives) } else { Hard::Poison(lives) }
        }
    }
}

/// It has its letter, and may be put back; or somebody said that it is worked, and was not told that this was taken.
fn may_be_over(seen: &Seen) -> bool {
    invariants::is_worked(seen)
        || seen.refused
        || seen.open.iter().any(|said| said.verdict == Verdict::Accept)
}

/// What was to be worked by now is. What was worked is forgotten.
fn in_time(c: &mut ClusterChecks, now: Time) -> Check {
    let Backlog { quiet, awaited } = &mut c.backlog;
    let since = quiet.map(|(since, _)| since).unwrap_or_default();
    let seen =
        |awaited: &Awaited| c.shares.parts.get(&awaited.of).and_then(|part| part.seen.get(&awaited.offset));
    for awaited in awaited.iter().rev().take_while(|awaited| awaited.until <= now) {
        invariants::in_time(awaited, since, seen(awaited))?;
    }
    let before = awaited.len();
    awaited.retain(|awaited| !seen(awaited).is_some_and(invariants::is_worked));
    for _ in awaited.len()..before {
        c.counters.compared(Compared::WorkedInTime);
    }
    Ok(())
}
