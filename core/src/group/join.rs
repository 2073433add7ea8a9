//! Joining: a member comes, comes again, or comes back under its old name.
//!
//! Source: Kafka's `GroupCoordinator.handleJoinGroup`; KIP-394 (an id is given out before a member is taken in),
//! KIP-345 (static members), KIP-814 (a static leader that comes back does not assign anew).

use crate::group::message::{GroupReply, Join, Joined};
use crate::group::probe::GroupProbe;
use crate::group::rebalance;
use crate::group::record::GroupRecord;
use crate::group::reign::{Reign, Then};
use crate::group::state::{Group, Member, PendingMember, State};
use crate::host::Host;
use crate::ids::{Generation, GroupId, InstanceId, MemberId};
use crate::message::Reply;
use crate::partition::Asker;
use crate::quirk::Quirk;
use crate::refused::Refused;

pub(super) fn on_request(reign: &mut Reign, asker: Asker, request: Join, env: &mut Host<'_>) {
    let name = request.group.clone();
    match admit(reign, asker, &request, env) {
        Err(refused) => {
            note_fenced(&request.group, request.member, request.instance.as_ref(), refused, env);
            answer(asker, Err(refused), env);
        }
        // The answer to the first of the two serves both.
        Ok(()) if reign.groups.get(&name).is_some_and(|group| group.is_copy(asker)) => {}
        Ok(()) => match request.member {
            None => on_newcomer(reign, asker, request, env),
            Some(id) => on_known(reign, asker, id, request, env),
        },
    }
    rebalance::end_if_all_joined(reign, &name, env);
    reign.wake_for(&name, env);
}

/// Everything that can be said before it matters who asks. Makes the group if there is none.
fn admit(reign: &mut Reign, asker: Asker, request: &Join, env: &Host<'_>) -> Result<(), Refused> {
    if !(reign.config.session_min..=reign.config.session_max).contains(&request.session_timeout) {
        return Err(Refused::InvalidSessionTimeout);
    }
    let max_size = reign.config.max_size;
    let Some(group) = reign.groups.get_mut(&request.group) else {
        if request.member.is_some() {
            return Err(Refused::UnknownMemberId);
        }
        if request.protocols.is_empty() {
            return Err(Refused::InconsistentGroupProtocol);
        }
        reign.groups.insert(request.group.clone(), Group::empty(env.wall().as_millis()));
        return Ok(());
    };
    if group.state == State::Dead {
        return Err(Refused::CoordinatorNotAvailable);
    }
    if !group.is_copy(asker) && !has_room(group, request, max_size) {
        if let Some(id) = request.member {
            group.pending.retain(|pending| pending.id != id);
        }
        return Err(Refused::GroupMaxSizeReached);
    }
    if !group.supports(&request.protocols) {
        return Err(Refused::InconsistentGroupProtocol);
    }
    Ok(())
}

/// Whether the group takes the asker. In a rebalance those count who have joined it.
fn has_room(group: &Group, request: &Join, max_size: usize) -> bool {
    let own = request.member.or_else(|| request.instance.as_ref().and_then(|name| group.holder(name)));
    let member = own.and_then(|id| group.member(id));
    match group.state {
        State::Empty | State::Dead => group.members.len() < max_size,
        State::PreparingRebalance => {
            member.is_some_and(|member| member.joining.is_some()) || group.joining < max_size
        }
        State::CompletingRebalance | State::Stable => member.is_some() || group.members.len() < max_size,
    }
}

/// Somebody without an id.
fn on_newcomer(reign: &mut Reign, asker: Asker, request: Join, env: &mut Host<'_>) {
    let Some(group) = reign.groups.get_mut(&request.group) else { return };
    let holder = request.instance.as_ref().and_then(|instance| group.holder(instance));
    if let Some(old) = holder {
        if reign.quirks.has(Quirk::StaticMemberNotFenced) && group.state != State::Stable {
            return join_again(reign, asker, old, request, env);
        }
        return replace(reign, asker, old, request, env);
    }
    if request.instance.is_some() {
        let id = MemberId(env.draw());
        return take_in(reign, asker, id, request, env);
    }
    let same = group.pending.iter().find(|pending| pending.asker == asker).map(|pending| pending.id);
    let id = same.unwrap_or_else(|| MemberId(env.draw()));
    if same.is_none() {
        let deadline = env.now() + request.session_timeout;
        group.pending.push(PendingMember { id, deadline, asker });
    }
    answer(asker, Err(Refused::MemberIdRequired { member: id }), env);
}

/// Somebody with an id.
fn on_known(reign: &mut Reign, asker: Asker, id: MemberId, request: Join, env: &mut Host<'_>) {
    let Some(group) = reign.groups.get_mut(&request.group) else { return };
    if group.pending.iter().any(|pending| pending.id == id) {
        return take_in(reign, asker, id, request, env);
    }
    if let Err(refused) = group.admit(id, request.instance.as_ref()) {
        note_fenced(&request.group, request.member, request.instance.as_ref(), refused, env);
        return answer(asker, Err(refused), env);
    }
    let is_leader = group.leader == Some(id);
    let as_before = group.member(id).is_some_and(|member| member.is_as_before(&request));
    let goes_on = match group.state {
        State::PreparingRebalance => false,
        // The answer to its first request was lost.
        State::CompletingRebalance => as_before,
        // A leader joins again if it sees something that calls for another assignment.
        State::Stable => as_before && !is_leader,
        State::Empty | State::Dead => return answer(asker, Err(Refused::UnknownMemberId), env),
    };
    if !goes_on {
        return join_again(reign, asker, id, request, env);
    }
    let now = env.now();
    if let Some(member) = group.member_mut(id) {
        member.last = Some(asker);
        member.is_alive(now);
    }
    if let Some(joined) = told(group, id, false) {
        answer(asker, Ok(joined), env);
    }
}

/// A new member.
fn take_in(reign: &mut Reign, asker: Asker, id: MemberId, request: Join, env: &mut Host<'_>) {
    let name = request.group.clone();
    let deadline = env.now() + reign.config.new_member_timeout;
    let Some(group) = reign.groups.get_mut(&name) else { return };
    let instance = request.instance.clone();
    group.add(Member::joining(id, asker, request, deadline));
    if let Some(join_by) = &mut group.join_by {
        join_by.newcomers = true;
    }
    Reign::probe(GroupProbe::Joined { group: name.clone(), member: id, instance }, env);
    rebalance::begin(reign, &name, env);
}

/// A member that joins the next generation.
fn join_again(reign: &mut Reign, asker: Asker, id: MemberId, request: Join, env: &mut Host<'_>) {
    let name = request.group.clone();
    if let Some(group) = reign.groups.get_mut(&name) {
        update(group, id, asker, request);
    }
    rebalance::begin(reign, &name, env);
}

fn update(group: &mut Group, id: MemberId, asker: Asker, request: Join) {
    let Some(place) = group.place(id) else { return };
    group.await_join(place, asker);
    let member = &mut group.members[place];
    member.session_timeout = request.session_timeout;
    member.rebalance_timeout = request.rebalance_timeout;
    member.protocols = request.protocols;
    member.subscription = request.subscription;
    member.last = Some(asker);
}

/// Another process has come under the name of `old`, which is fenced from now on, in whatever state the group is
/// (KAFKA-8500).
fn replace(reign: &mut Reign, asker: Asker, old: MemberId, request: Join, env: &mut Host<'_>) {
    let name = request.group.clone();
    let Some(group) = reign.groups.get_mut(&name) else { return };
    let led = group.leader == Some(old);
    let Some(mut member) = group.remove(old) else { return };
    let (joining, syncing) = (member.joining.take(), member.syncing.take());
    member.succeeded_by(MemberId(env.draw()));
    member.is_new = false;
    member.is_alive(env.now());
    let (new, instance) = (member.id, member.instance.clone());
    group.add(member);
    if led {
        group.leader = Some(new);
    }
    update(group, new, asker, request);
    if let Some(asker) = joining {
        answer(asker, Err(Refused::FencedInstanceId), env);
    }
    if let Some(asker) = syncing {
        asker.answer(Reply::Group(GroupReply::Sync(Err(Refused::FencedInstanceId))), env);
    }
    if let Some(instance) = instance {
        Reign::probe(GroupProbe::Replaced { group: name.clone(), instance, old, new }, env);
    }
    let Some(group) = reign.groups.get(&name) else { return };
    match group.state {
        // It goes on where the other was, once that is in the log: another coordinator must fence the other too
        // (KAFKA-10284).
        State::Stable if group.vote() == group.protocol => {
            let value = Some(group.stored(|member| member.assignment.clone()));
            let generation = group.generation;
            let record = GroupRecord::Group { group: name.clone(), value };
            let then = Then::Replaced { group: name, generation, member: new };
            reign.ledger.draft(vec![record], then);
        }
        // The leader may have assigned to the old id already.
        State::Stable | State::CompletingRebalance => rebalance::begin(reign, &name, env),
        State::PreparingRebalance | State::Empty | State::Dead => {}
    }
}

/// A replacement is in the log, or not.
pub(super) fn on_replaced(
    reign: &mut Reign,
    name: &GroupId,
    generation: Generation,
    id: MemberId,
    outcome: Result<(), Refused>,
    env: &mut Host<'_>,
) {
    let Some(group) = reign.groups.get_mut(name) else { return };
    // A rebalance that began meanwhile answers instead.
    let goes_on = group.state == State::Stable && group.generation == generation;
    let Some(place) = group.place(id).filter(|_| goes_on) else { return };
    let Some(asker) = group.take_joining(place) else { return };
    group.members[place].is_alive(env.now());
    match outcome {
        Ok(()) => {
            if let Some(joined) = told(group, id, true) {
                answer(asker, Ok(joined), env);
            }
        }
        Err(refused) => {
            answer(asker, Err(refused), env);
            // What is in the log names the old id still. The next generation is written anew.
            rebalance::begin(reign, name, env);
        }
    }
    reign.wake_for(name, env);
}

/// What a member is told of the present generation.
pub(super) fn told(group: &Group, id: MemberId, skips: bool) -> Option<Joined> {
    let is_leader = group.leader == Some(id);
    Some(Joined {
        generation: group.generation,
        protocol: group.protocol?,
        member: id,
        leader: group.leader?,
        members: if is_leader { group.for_leader() } else { Vec::new() },
        skip_assignment: skips && is_leader,
    })
}

/// Reports that an earlier life of a static member was refused.
pub(super) fn note_fenced(
    group: &GroupId,
    member: Option<MemberId>,
    instance: Option<&InstanceId>,
    refused: Refused,
    env: &mut Host<'_>,
) {
    if refused == Refused::FencedInstanceId
        && let (Some(member), Some(instance)) = (member, instance)
    {
        Reign::probe(GroupProbe::Fenced { group: group.clone(), instance: instance.clone(), member }, env);
    }
}

pub(super) fn answer(asker: Asker, result: Result<Joined, Refused>, env: &mut Host<'_>) {
    asker.answer(Reply::Group(GroupReply::Join(result)), env);
}
