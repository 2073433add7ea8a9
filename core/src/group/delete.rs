//! The end of a group: a person wants it gone, or it has been empty for too long.

use crate::group::expire;
use crate::group::message::GroupReply;
use crate::group::probe::GroupProbe;
use crate::group::reign::{Reign, Then};
use crate::group::state::State;
use crate::host::Host;
use crate::ids::GroupId;
use crate::message::Reply;
use crate::partition::Asker;
use crate::refused::Refused;

pub(super) fn on_request(reign: &mut Reign, asker: Asker, group: &GroupId, env: &mut Host<'_>) {
    match admit(reign, group) {
        Ok(()) => remove(reign, Some(asker), group, env),
        Err(refused) => answer(asker, Err(refused), env),
    }
}

fn admit(reign: &Reign, name: &GroupId) -> Result<(), Refused> {
    match reign.groups.get(name).map(|group| group.state) {
        None | Some(State::Dead) => Err(Refused::GroupIdNotFound),
        Some(State::PreparingRebalance | State::CompletingRebalance | State::Stable) => {
            Err(Refused::NonEmptyGroup)
        }
        // A commit on its way would bring it back.
        Some(State::Empty) if !reign.is_settled(name) => Err(Refused::NonEmptyGroup),
        Some(State::Empty) => Ok(()),
    }
}

/// Forgets an empty group and all its offsets, once that is in the log.
pub(super) fn remove(reign: &mut Reign, asker: Option<Asker>, name: &GroupId, env: &mut Host<'_>) {
    let records = expire::tombstones(reign, name, |_| true, true, env);
    if let Some(group) = reign.groups.get_mut(name) {
        group.state = State::Dead;
    }
    if records.is_empty() {
        on_written(reign, asker, name, Ok(()), env);
        return;
    }
    reign.ledger.draft(records, Then::Removed { asker, group: name.clone() });
}

/// The tombstones are in the log, or not.
pub(super) fn on_written(
    reign: &mut Reign,
    asker: Option<Asker>,
    name: &GroupId,
    outcome: Result<(), Refused>,
    env: &mut Host<'_>,
) {
    if outcome.is_ok() {
        reign.groups.remove(name);
        Reign::probe(GroupProbe::Removed { group: name.clone() }, env);
    } else if let Some(group) = reign.groups.get_mut(name) {
        group.state = State::Empty;
    }
    if let Some(asker) = asker {
        answer(asker, outcome, env);
    }
}

fn answer(asker: Asker, result: Result<(), Refused>, env: &mut Host<'_>) {
    asker.answer(Reply::Group(GroupReply::Delete(result)), env);
}
