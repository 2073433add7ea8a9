//! Offset commits: taken from current members in the current generation, and from anybody for an empty group.

use crate::coordinator::is_not_later;
use crate::group::join::note_fenced;
use crate::group::message::{GroupReply, OffsetCommit};
use crate::group::probe::GroupProbe;
use crate::group::record::{GroupRecord, StoredOffset};
use crate::group::reign::{Reign, Then};
use crate::group::state::{Group, State};
use crate::host::Host;
use crate::ids::{GroupId, Offset, TopicPartition};
use crate::message::Reply;
use crate::partition::Asker;
use crate::quirk::Quirk;
use crate::refused::Refused;

pub(super) fn on_request(reign: &mut Reign, asker: Asker, request: OffsetCommit, env: &mut Host<'_>) {
    match admit(reign, &request) {
        Err(refused) => {
            let member = request.member.map(|(member, _)| member);
            note_fenced(&request.group, member, request.instance.as_ref(), refused, env);
            answer(asker, Err(refused), env);
        }
        Ok(()) => take(reign, asker, request, env),
    }
}

pub(super) fn admit(reign: &Reign, request: &OffsetCommit) -> Result<(), Refused> {
    match reign.groups.get(&request.group) {
        // A group of no coordinator's making: somebody keeps offsets in it.
        None if request.member.is_none() => {}
        None => return Err(Refused::IllegalGeneration),
        Some(group) if reign.quirks.has(Quirk::CommitWithoutGeneration) && group.state != State::Dead => {}
        Some(group) => admit_member(group, request)?,
    }
    let too_long = |metadata: &str| metadata.len() > reign.config.metadata_max;
    if request.offsets.iter().any(|(_, committed)| too_long(&committed.metadata)) {
        return Err(Refused::OffsetMetadataTooLarge);
    }
    Ok(())
}

fn admit_member(group: &Group, request: &OffsetCommit) -> Result<(), Refused> {
    match (group.state, request.member) {
        (State::Dead, _) => Err(Refused::CoordinatorNotAvailable),
        (State::Empty, None) => Ok(()),
        (_, None) => Err(Refused::UnknownMemberId),
        (state, Some((member, generation))) => {
            group.admit_in(member, generation, request.instance.as_ref())?;
            // It knows of this generation, and has not got its part of it.
            if state == State::CompletingRebalance { Err(Refused::RebalanceInProgress) } else { Ok(()) }
        }
    }
}

/// Whether the member has committed this, or something later, already: here, or before a fail-over. A copy that
/// comes late must not take back what was committed since.
fn came_before(reign: &Reign, asker: Asker, request: &OffsetCommit) -> bool {
    let Some((id, _)) = request.member else { return false };
    let member = reign.groups.get(&request.group).and_then(|group| group.member(id));
    let entry = reign.table.get(&request.group);
    let later = |at: &TopicPartition| {
        let by = entry.and_then(|entry| entry.offsets.get(at)).and_then(|stored| stored.by);
        by.is_some_and(|(by, known)| by == id && is_not_later(asker.id, known))
    };
    member.is_some_and(|member| member.is_copy(asker)) || request.offsets.iter().any(|(at, _)| later(at))
}

fn take(reign: &mut Reign, asker: Asker, request: OffsetCommit, env: &mut Host<'_>) {
    let (now, wall) = (env.now(), env.wall().as_millis());
    if came_before(reign, asker, &request) {
        return;
    }
    let group = reign.groups.entry(request.group.clone()).or_insert_with(|| Group::empty(wall));
    if let Some((id, _)) = request.member
        && let Some(member) = group.member_mut(id)
    {
        member.last = Some(asker);
        member.is_alive(now);
    }
    let offsets: Vec<_> = request.offsets.iter().map(|(at, committed)| (*at, committed.offset)).collect();
    for &(at, offset) in &offsets {
        let (group, member) = (request.group.clone(), request.member);
        Reign::probe(GroupProbe::CommitTaken { group, member, at, offset }, env);
    }
    if offsets.is_empty() {
        answer(asker, Ok(()), env);
        return;
    }
    let by = request.member.map(|(member, _)| (member, asker.id));
    let record = |(at, committed)| {
        let value = Some(StoredOffset { committed, at: wall, by });
        GroupRecord::Offset { group: request.group.clone(), at, value }
    };
    let records = request.offsets.into_iter().map(record).collect();
    let then = Then::Committed { asker, group: request.group, offsets };
    reign.ledger.draft(records, then);
}

/// A commit is in the log, or not.
pub(super) fn on_written(
    asker: Asker,
    group: &GroupId,
    offsets: &[(TopicPartition, Offset)],
    outcome: Result<(), Refused>,
    env: &mut Host<'_>,
) {
    if outcome.is_ok() {
        for &(at, offset) in offsets {
            Reign::probe(GroupProbe::OffsetCommitted { group: group.clone(), at, offset }, env);
        }
    }
    answer(asker, outcome, env);
}

fn answer(asker: Asker, result: Result<(), Refused>, env: &mut Host<'_>) {
    asker.answer(Reply::Group(GroupReply::OffsetCommit(result)), env);
}
