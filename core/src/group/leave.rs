//! Leaving: a member says that it goes, or a person removes a static one by its name (KIP-345).

use crate::group::join::note_fenced;
use crate::group::message::{GroupReply, Leave};
use crate::group::probe::{Departure, GroupProbe};
use crate::group::rebalance;
use crate::group::reign::Reign;
use crate::group::state::State;
use crate::host::Host;
use crate::ids::{GroupId, MemberId};
use crate::message::Reply;
use crate::partition::Asker;
use crate::refused::Refused;

pub(super) fn on_request(reign: &mut Reign, asker: Asker, request: &Leave, env: &mut Host<'_>) {
    let result = leave(reign, request, env);
    if let Err(refused) = result {
        note_fenced(&request.group, request.member, request.instance.as_ref(), refused, env);
    }
    asker.answer(Reply::Group(GroupReply::Leave(result)), env);
}

fn leave(reign: &mut Reign, request: &Leave, env: &mut Host<'_>) -> Result<(), Refused> {
    let group = reign.groups.get_mut(&request.group).ok_or(Refused::UnknownMemberId)?;
    if group.state == State::Dead {
        return Err(Refused::CoordinatorNotAvailable);
    }
    let holder = || request.instance.as_ref().and_then(|instance| group.holder(instance));
    let id = request.member.or_else(holder).ok_or(Refused::UnknownMemberId)?;
    if let Some(place) = group.pending.iter().position(|pending| pending.id == id) {
        group.pending.remove(place);
        rebalance::end_if_all_joined(reign, &request.group, env);
        return Ok(());
    }
    group.admit(id, request.instance.as_ref())?;
    remove(reign, &request.group, id, Departure::Asked, env);
    Ok(())
}

/// A member is out. Whoever waits for it may try anew; the others rebalance.
pub(super) fn remove(reign: &mut Reign, name: &GroupId, id: MemberId, why: Departure, env: &mut Host<'_>) {
    let Some(group) = reign.groups.get_mut(name) else { return };
    let Some(member) = group.remove(id) else { return };
    member.dismiss(Refused::UnknownMemberId, env);
    let state = group.state;
    Reign::probe(GroupProbe::Left { group: name.clone(), member: id, why }, env);
    match state {
        State::Stable | State::CompletingRebalance => rebalance::begin(reign, name, env),
        State::PreparingRebalance => rebalance::end_if_all_joined(reign, name, env),
        State::Empty | State::Dead => {}
    }
}
