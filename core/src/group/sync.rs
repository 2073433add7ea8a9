//! Syncing: the leader brings the assignment, everybody gets its part once that is in the log.

use crate::group::join::note_fenced;
use crate::group::message::{GroupReply, Sync, Synced};
use crate::group::probe::GroupProbe;
use crate::group::rebalance;
use crate::group::record::GroupRecord;
use crate::group::reign::{Reign, Then};
use crate::group::state::{Group, State};
use crate::host::Host;
use crate::ids::{Generation, GroupId, MemberId, TopicPartition};
use crate::message::Reply;
use crate::partition::Asker;
use crate::refused::Refused;

pub(super) fn on_request(reign: &mut Reign, asker: Asker, request: Sync, env: &mut Host<'_>) {
    let now = env.now();
    match admit(reign.groups.get(&request.group), &request) {
        Err(refused) => {
            note_fenced(&request.group, Some(request.member), request.instance.as_ref(), refused, env);
            answer(asker, Err(refused), env);
        }
        Ok(()) => {
            let Some(group) = reign.groups.get_mut(&request.group) else { return };
            let stable = group.state == State::Stable;
            let is_leader = group.leader == Some(request.member);
            let Some(member) = group.member_mut(request.member) else { return };
            member.owes_sync = false;
            member.is_alive(now);
            if stable {
                let partitions = member.assignment.clone();
                answer(asker, Ok(Synced { protocol: request.protocol, partitions }), env);
            } else {
                member.syncing = Some(asker);
                if is_leader && !group.is_storing {
                    store(reign, request);
                }
            }
        }
    }
}

fn admit(group: Option<&Group>, request: &Sync) -> Result<(), Refused> {
    let group = group.ok_or(Refused::UnknownMemberId)?;
    if group.state == State::Dead {
        return Err(Refused::CoordinatorNotAvailable);
    }
    group.admit_in(request.member, request.generation, request.instance.as_ref())?;
    match group.state {
        State::PreparingRebalance => Err(Refused::RebalanceInProgress),
        State::CompletingRebalance | State::Stable if group.protocol != Some(request.protocol) => {
            Err(Refused::InconsistentGroupProtocol)
        }
        State::CompletingRebalance | State::Stable => Ok(()),
        State::Empty | State::Dead => Err(Refused::UnknownMemberId),
    }
}

/// Writes the leader's assignment. Whom it left out gets nothing; whom it made up is left out.
fn store(reign: &mut Reign, request: Sync) {
    let Some(group) = reign.groups.get_mut(&request.group) else { return };
    group.is_storing = true;
    let mut assigned = request.assignments;
    assigned.sort_by_key(|(id, _)| *id);
    let of = |id: MemberId| {
        let place = assigned.binary_search_by_key(&id, |(member, _)| *member).ok();
        place.map_or_else(Vec::new, |place| assigned[place].1.clone())
    };
    let value = Some(group.stored(|member| of(member.id)));
    let assignments = group.members.iter().map(|member| (member.id, of(member.id))).collect();
    let then = Then::Assigned { group: request.group.clone(), generation: group.generation, assignments };
    reign.ledger.draft(vec![GroupRecord::Group { group: request.group, value }], then);
}

/// An assignment is in the log, or not.
pub(super) fn on_written(
    reign: &mut Reign,
    name: &GroupId,
    generation: Generation,
    assignments: Vec<(MemberId, Vec<TopicPartition>)>,
    outcome: Result<(), Refused>,
    env: &mut Host<'_>,
) {
    let Some(group) = reign.groups.get_mut(name) else { return };
    // Somebody may have joined or gone while it was written: then there is another generation to come.
    if group.state != State::CompletingRebalance || group.generation != generation {
        return;
    }
    if let Err(refused) = outcome {
        rebalance::drop_assignment(group, refused, env);
        rebalance::begin(reign, name, env);
        return;
    }
    group.is_storing = false;
    group.state = State::Stable;
    for (id, partitions) in &assignments {
        if let Some(member) = group.member_mut(*id) {
            member.assignment.clone_from(partitions);
        }
    }
    Reign::probe(GroupProbe::Assigned { group: name.clone(), generation, assignments }, env);
    hand_out(group, env);
    reign.wake_for(name, env);
}

fn hand_out(group: &mut Group, env: &mut Host<'_>) {
    let now = env.now();
    let Some(protocol) = group.protocol else { return };
    for member in &mut group.members {
        if let Some(asker) = member.syncing.take() {
            member.is_alive(now);
            answer(asker, Ok(Synced { protocol, partitions: member.assignment.clone() }), env);
        }
    }
}

fn answer(asker: Asker, result: Result<Synced, Refused>, env: &mut Host<'_>) {
    asker.answer(Reply::Group(GroupReply::Sync(result)), env);
}
