//! Offset commits of transactions (KIP-98, KIP-447): in the log at once, in effect with the commit marker.
//!
//! Taken from current members in the current generation like any commit. Until the marker nobody is shown the
//! partition's offset at all: an older one would be processed again, a newer one may never have been.

use crate::coordinator::is_not_later;
use crate::group::commit::admit;
use crate::group::join::note_fenced;
use crate::group::message::{GroupReply, OffsetCommit, TxnOffsetCommit};
use crate::group::probe::GroupProbe;
use crate::group::record::{GroupRecord, StoredOffset};
use crate::group::reign::{Reign, Then};
use crate::group::state::Group;
use crate::host::Host;
use crate::ids::{ProducerEpoch, ProducerId};
use crate::message::Reply;
use crate::partition::Asker;
use crate::record::Ending;
use crate::refused::Refused;

pub(super) fn on_request(reign: &mut Reign, asker: Asker, request: TxnOffsetCommit, env: &mut Host<'_>) {
    let TxnOffsetCommit { group, member, instance, producer, epoch, offsets, .. } = request;
    let commit = OffsetCommit { group, member, instance, offsets };
    if let Err(refused) = admit(reign, &commit) {
        let member = commit.member.map(|(member, _)| member);
        note_fenced(&commit.group, member, commit.instance.as_ref(), refused, env);
        answer(asker, Err(refused), env);
        return;
    }
    if commit.offsets.is_empty() {
        answer(asker, Ok(()), env);
        return;
    }
    if !came_before(reign, asker, producer, &commit) {
        take(reign, asker, (producer, epoch), commit, env);
    }
}

/// Whether the member has sent this, or something later, in this transaction already: a copy that comes late must
/// not take that back.
fn came_before(reign: &Reign, asker: Asker, producer: ProducerId, commit: &OffsetCommit) -> bool {
    let Some((id, _)) = commit.member else { return false };
    let later = |stored: &StoredOffset| {
        stored.by.is_some_and(|(by, known)| by == id && is_not_later(asker.id, known))
    };
    let on_its_way = reign.ledger.records().any(|record| record_of(record, commit).is_some_and(later));
    let known = |at| reign.table.pending(producer, &commit.group, at).is_some_and(later);
    on_its_way || commit.offsets.iter().any(|(at, _)| known(*at))
}

/// What a record says, if it is about an offset that is to be committed.
fn record_of<'a>(record: &'a GroupRecord, commit: &OffsetCommit) -> Option<&'a StoredOffset> {
    match record {
        GroupRecord::Offset { group, at, value } if *group == commit.group => {
            value.as_ref().filter(|_| commit.offsets.iter().any(|(other, _)| other == at))
        }
        GroupRecord::Offset { .. } | GroupRecord::Group { .. } => None,
    }
}

fn take(
    reign: &mut Reign,
    asker: Asker,
    within: (ProducerId, ProducerEpoch),
    commit: OffsetCommit,
    env: &mut Host<'_>,
) {
    let (now, wall) = (env.now(), env.wall().as_millis());
    let group = reign.groups.entry(commit.group.clone()).or_insert_with(|| Group::empty(wall));
    if let Some((id, _)) = commit.member
        && let Some(member) = group.member_mut(id)
    {
        member.is_alive(now);
    }
    let by = commit.member.map(|(member, _)| (member, asker.id));
    let record = |(at, committed)| {
        let value = Some(StoredOffset { committed, at: wall, by });
        GroupRecord::Offset { group: commit.group.clone(), at, value }
    };
    let records = commit.offsets.into_iter().map(record).collect();
    reign.ledger.draft_within(within, records, Then::Pending { asker });
}

/// The offsets are in the log, or not.
pub(super) fn on_written(asker: Asker, outcome: Result<(), Refused>, env: &mut Host<'_>) {
    answer(asker, outcome, env);
}

/// A marker is committed.
pub(super) fn on_marker(reign: &mut Reign, producer: ProducerId, ending: Ending, env: &mut Host<'_>) {
    for (group, at, stored) in reign.table.end(producer, ending) {
        let offset = stored.committed.offset;
        Reign::probe(GroupProbe::OffsetCommitted { group, at, offset }, env);
    }
}

fn answer(asker: Asker, result: Result<(), Refused>, env: &mut Host<'_>) {
    asker.answer(Reply::Group(GroupReply::TxnOffsetCommit(result)), env);
}
