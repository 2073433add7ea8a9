//! From one generation to the next: everybody joins again, then the leader assigns.
//!
//! Source: Kafka's `prepareRebalance`, `DelayedJoin`, `InitialDelayedJoin` and `onCompleteJoin`.

use crate::group::join;
use crate::group::message::GroupReply;
use crate::group::probe::{Departure, GroupProbe};
use crate::group::record::GroupRecord;
use crate::group::reign::{Reign, Then};
use crate::group::state::{Group, JoinBy, State};
use crate::host::Host;
use crate::ids::{GroupId, MemberId};
use crate::message::Reply;
use crate::refused::Refused;
use crate::time::Time;

/// All members must join again, unless they are doing so already.
pub(super) fn begin(reign: &mut Reign, name: &GroupId, env: &mut Host<'_>) {
    let initial = reign.config.initial_delay;
    let Some(group) = reign.groups.get_mut(name) else { return };
    let was_empty = match group.state {
        State::PreparingRebalance | State::Dead => return,
        State::Empty => true,
        State::Stable => false,
        State::CompletingRebalance => {
            drop_assignment(group, Refused::RebalanceInProgress, env);
            false
        }
    };
    group.sync_by = None;
    group.state = State::PreparingRebalance;
    group.since = env.wall().as_millis();
    let timeout = group.rebalance_timeout();
    let (wait, left) = if was_empty { (initial, Some(timeout - initial)) } else { (timeout, None) };
    group.join_by = Some(JoinBy { deadline: env.now() + wait, initial: left, newcomers: false });
    Reign::probe(GroupProbe::Rebalancing { group: name.clone(), generation: group.generation }, env);
    end_if_all_joined(reign, name, env);
    reign.wake_for(name, env);
}

/// Nobody gets what was being assigned.
pub(super) fn drop_assignment(group: &mut Group, refused: Refused, env: &mut Host<'_>) {
    group.is_storing = false;
    let now = env.now();
    for member in &mut group.members {
        member.assignment.clear();
        member.owes_sync = false;
        if let Some(asker) = member.syncing.take() {
            member.is_alive(now);
            asker.answer(Reply::Group(GroupReply::Sync(Err(refused))), env);
        }
    }
}

/// Ends a rebalance that nobody is missing in. The first one of an empty group waits for more members anyway.
pub(super) fn end_if_all_joined(reign: &mut Reign, name: &GroupId, env: &mut Host<'_>) {
    let Some(group) = reign.groups.get(name) else { return };
    let may_end = group.join_by.is_some_and(|join_by| join_by.initial.is_none());
    if group.state == State::PreparingRebalance && may_end && group.have_all_joined() {
        end(reign, name, env);
    }
}

/// The time for joining is over.
pub(super) fn on_join_deadline(reign: &mut Reign, name: &GroupId, now: Time, env: &mut Host<'_>) {
    let delay = reign.config.initial_delay;
    let Some(group) = reign.groups.get_mut(name) else { return };
    let Some(join_by) = &mut group.join_by else { return };
    match join_by.initial {
        Some(left) if join_by.newcomers && left.0 > 0 => {
            let more = delay.min(left);
            *join_by = JoinBy { deadline: now + more, initial: Some(left - more), newcomers: false };
        }
        Some(_) | None => end(reign, name, env),
    }
}

/// A generation begins, with those who have joined and with static members.
fn end(reign: &mut Reign, name: &GroupId, env: &mut Host<'_>) {
    let Some(group) = reign.groups.get_mut(name) else { return };
    expel_missing(group, name, env);
    let leads = |group: &Group, id: MemberId| group.member(id).is_some_and(|member| member.joining.is_some());
    if !group.leader.is_some_and(|leader| leads(group, leader)) {
        let joined = group.members.iter().find(|member| member.joining.is_some()).map(|member| member.id);
        if joined.is_none() && !group.members.is_empty() {
            // Only static members are left, and none has come. Their sessions end this, or one of them does.
            let deadline = env.now() + group.rebalance_timeout();
            group.join_by = Some(JoinBy { deadline, initial: None, newcomers: false });
            return;
        }
        group.leader = joined;
    }
    group.join_by = None;
    group.generation = group.generation.next();
    group.protocol = group.vote();
    group.since = env.wall().as_millis();
    group.state = if group.members.is_empty() { State::Empty } else { State::CompletingRebalance };
    Reign::probe(
        GroupProbe::Rebalanced {
            group: name.clone(),
            generation: group.generation,
            protocol: group.protocol,
            leader: group.leader,
            members: group.ids(),
        },
        env,
    );
    if group.state == State::Empty {
        let record = GroupRecord::Group { group: name.clone(), value: Some(group.stored(|_| Vec::new())) };
        reign.ledger.draft(vec![record], Then::Rest);
        return;
    }
    tell_all(group, env);
}

fn expel_missing(group: &mut Group, name: &GroupId, env: &mut Host<'_>) {
    let missing = group.members.iter().filter(|member| member.joining.is_none() && member.instance.is_none());
    let missing: Vec<_> = missing.map(|member| member.id).collect();
    for id in missing {
        group.remove(id);
        let why = Departure::Rebalance;
        Reign::probe(GroupProbe::Left { group: name.clone(), member: id, why }, env);
    }
}

/// Members learn of the generation, and have as long as a rebalance may take to ask for their assignment.
fn tell_all(group: &mut Group, env: &mut Host<'_>) {
    let now = env.now();
    group.sync_by = Some(now + group.rebalance_timeout());
    for place in 0..group.members.len() {
        let asker = group.take_joining(place);
        let member = &mut group.members[place];
        member.is_new = false;
        member.owes_sync = true;
        member.is_alive(now);
        let id = member.id;
        if let Some(asker) = asker
            && let Some(joined) = join::told(group, id, false)
        {
            join::answer(asker, Ok(joined), env);
        }
    }
}
