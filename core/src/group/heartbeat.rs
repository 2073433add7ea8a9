//! Heartbeats: a member is alive, and learns whether it has to join again.

use crate::group::join::note_fenced;
use crate::group::message::{GroupHeartbeat, GroupReply};
use crate::group::reign::Reign;
use crate::group::state::{Group, State};
use crate::host::Host;
use crate::message::Reply;
use crate::partition::Asker;
use crate::refused::Refused;
use crate::time::Time;

pub(super) fn on_request(reign: &mut Reign, asker: Asker, request: &GroupHeartbeat, env: &mut Host<'_>) {
    let result = beat(reign.groups.get_mut(&request.group), request, env.now());
    if let Err(refused) = result {
        note_fenced(&request.group, Some(request.member), request.instance.as_ref(), refused, env);
    }
    asker.answer(Reply::Group(GroupReply::Heartbeat(result)), env);
}

fn beat(group: Option<&mut Group>, request: &GroupHeartbeat, now: Time) -> Result<(), Refused> {
    let group = group.ok_or(Refused::UnknownMemberId)?;
    if group.state == State::Dead {
        return Err(Refused::CoordinatorNotAvailable);
    }
    group.admit_in(request.member, request.generation, request.instance.as_ref())?;
    if let Some(member) = group.member_mut(request.member) {
        member.is_alive(now);
    }
    match group.state {
        State::PreparingRebalance => Err(Refused::RebalanceInProgress),
        State::CompletingRebalance | State::Stable => Ok(()),
        State::Empty | State::Dead => Err(Refused::UnknownMemberId),
    }
}
