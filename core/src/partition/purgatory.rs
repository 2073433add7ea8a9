//! Requests that wait at a leader: fetches for records, produces for the in-sync replicas.
//!
//! One timer a partition, set to the earliest deadline; deadlines that are met earlier leave it be.

use crate::host::Host;
use crate::partition::leader::ParkedFetch;
use crate::partition::{Partition, Role, fetch};
use crate::refused::Refused;
use crate::time::Time;
use crate::timer::PartitionTimer;

/// Makes sure that the purgatory is looked through at `deadline` at the latest.
pub(super) fn wake_by(p: &mut Partition, deadline: Time, env: &mut Host<'_>) {
    let timer = p.timer(PartitionTimer::Purgatory);
    let Role::Leader(leader) = &mut p.role else { return };
    if leader.wake.is_none_or(|wake| deadline < wake) {
        leader.wake = Some(deadline);
        env.set_timer(timer, deadline.since(env.now()));
    }
}

/// The log grew: followers that waited get it.
pub(super) fn serve_followers(p: &mut Partition, env: &mut Host<'_>) {
    serve(p, |parked| parked.request.replica.is_some(), env);
}

/// The high watermark rose: consumers that waited get what is below it.
pub(super) fn serve_consumers(p: &mut Partition, env: &mut Host<'_>) {
    serve(p, |parked| parked.request.replica.is_none(), env);
}

fn serve(p: &mut Partition, whom: impl Fn(&ParkedFetch) -> bool, env: &mut Host<'_>) {
    let mut i = 0;
    while let Role::Leader(leader) = &mut p.role {
        let Some(parked) = leader.fetches.get(i) else { break };
        if whom(parked) && fetch::has_news(&p.log, p.high_watermark, &parked.request) {
            let parked = leader.fetches.swap_remove(i);
            fetch::answer(p, parked.asker, &parked.request, env);
        } else {
            i += 1;
        }
    }
}

/// Some deadline has come.
pub(super) fn on_timer(p: &mut Partition, env: &mut Host<'_>) {
    let now = env.now();
    let at = p.at;
    let Role::Leader(leader) = &mut p.role else { return };
    leader.wake = None;
    let mut late = Vec::new();
    leader.produces.retain(|parked| {
        let keep = parked.deadline > now;
        if !keep {
            late.push((parked.asker, parked.reply(at, Err(Refused::RequestTimedOut))));
        }
        keep
    });
    let mut i = 0;
    let mut empty = Vec::new();
    while let Some(parked) = leader.fetches.get(i) {
        if parked.deadline > now {
            i += 1;
        } else {
            empty.push(leader.fetches.swap_remove(i));
        }
    }
    let next = leader.produces.iter().map(|parked| parked.deadline);
    let next = next.chain(leader.fetches.iter().map(|parked| parked.deadline)).min();
    for (asker, reply) in late {
        asker.answer(reply, env);
    }
    for parked in empty {
        fetch::answer(p, parked.asker, &parked.request, env);
    }
    if let Some(deadline) = next {
        wake_by(p, deadline, env);
    }
}
