//! What ends by itself: sessions, rebalances, writes that take too long, and offsets that nobody needs any more.
//!
//! Offsets go by the calendar, as all ages that are kept. Those of a group with members stay (KIP-211), however
//! old they are; those of an empty one go when it has been empty, and they committed, for the whole retention.

use crate::group::probe::{Departure, GroupProbe};
use crate::group::record::{GroupRecord, StoredOffset};
use crate::group::reign::{Reign, Then};
use crate::group::state::{Group, State};
use crate::group::{delete, leave, rebalance};
use crate::host::Host;
use crate::ids::{GroupId, MemberId};
use crate::quirk::Quirk;
use crate::time::Time;

/// Deadlines are looked through.
pub(super) fn on_deadline(reign: &mut Reign, env: &mut Host<'_>) {
    let now = env.now();
    reign.tenure.awake();
    let is_due = |group: &Group| group.next_deadline().is_some_and(|deadline| deadline <= now);
    let due: Vec<_> =
        reign.groups.iter().filter(|(_, group)| is_due(group)).map(|(name, _)| name.clone()).collect();
    for name in due {
        end_sessions(reign, &name, now, env);
        end_waiting(reign, &name, now, env);
    }
    reign.on_write_deadlines(now, env);
    if let Some(deadline) = reign.groups.values().filter_map(Group::next_deadline).min() {
        reign.tenure.wake_by(deadline, env);
    }
}

/// Members without a sign of life are out, and ids that nobody joined with are given up.
fn end_sessions(reign: &mut Reign, name: &GroupId, now: Time, env: &mut Host<'_>) {
    let Some(group) = reign.groups.get_mut(name) else { return };
    group.pending.retain(|pending| pending.deadline > now);
    let silent = |member: &&crate::group::state::Member| !member.waits() && member.deadline <= now;
    let silent: Vec<MemberId> = group.members.iter().filter(silent).map(|member| member.id).collect();
    for id in silent {
        leave::remove(reign, name, id, Departure::Session, env);
    }
    rebalance::end_if_all_joined(reign, name, env);
}

/// Rebalances do not wait for ever.
fn end_waiting(reign: &mut Reign, name: &GroupId, now: Time, env: &mut Host<'_>) {
    let Some(group) = reign.groups.get_mut(name) else { return };
    if group.join_by.is_some_and(|join_by| join_by.deadline <= now) {
        rebalance::on_join_deadline(reign, name, now, env);
    }
    let Some(group) = reign.groups.get_mut(name) else { return };
    if group.sync_by.is_some_and(|deadline| deadline <= now) {
        group.sync_by = None;
        let owing: Vec<MemberId> =
            group.members.iter().filter(|member| member.owes_sync).map(|member| member.id).collect();
        for id in owing {
            leave::remove(reign, name, id, Departure::Sync, env);
        }
    }
}

/// Offsets that are too old are forgotten, and groups that nothing is left of.
pub(super) fn on_retention(reign: &mut Reign, env: &mut Host<'_>) {
    let wall = env.wall().as_millis();
    let names: Vec<_> = reign.groups.keys().cloned().collect();
    for name in names {
        // A commit on its way may be of the very offset that would be forgotten.
        if reign.is_settled(&name) && !reign.table.is_unstable(&name, None) {
            forget_old(reign, &name, wall, env);
        }
    }
}

fn forget_old(reign: &mut Reign, name: &GroupId, wall: u64, env: &mut Host<'_>) {
    let Some(group) = reign.groups.get(name) else { return };
    let by_commit_alone = reign.quirks.has(Quirk::LiveOffsetsExpire);
    if group.state != State::Empty && !by_commit_alone {
        return;
    }
    let retention = reign.config.retention.as_millis();
    let since = if by_commit_alone || !group.had_members { 0 } else { group.since };
    let is_old = |stored: &StoredOffset| stored.at.max(since) + retention <= wall;
    let is_idle = group.state == State::Empty && group.pending.is_empty();
    let entry = reign.table.get(name);
    if is_idle && entry.is_none_or(|entry| entry.offsets.values().all(is_old)) {
        // A group without offsets stays as long as one with offsets would.
        if since + retention <= wall {
            delete::remove(reign, None, name, env);
        }
        return;
    }
    let records = tombstones(reign, name, is_old, false, env);
    if !records.is_empty() {
        reign.ledger.draft(records, Then::Rest);
    }
}

/// What removes the group's offsets that are `old`, and with `all` the group itself.
pub(super) fn tombstones(
    reign: &Reign,
    name: &GroupId,
    old: impl Fn(&StoredOffset) -> bool,
    all: bool,
    env: &mut Host<'_>,
) -> Vec<GroupRecord> {
    let Some(entry) = reign.table.get(name) else { return Vec::new() };
    let mut records = Vec::new();
    for (&at, stored) in entry.offsets.iter().filter(|(_, stored)| old(stored)) {
        let offset = stored.committed.offset;
        Reign::probe(GroupProbe::OffsetExpired { group: name.clone(), at, offset }, env);
        records.push(GroupRecord::Offset { group: name.clone(), at, value: None });
    }
    if all && entry.group.is_some() {
        records.push(GroupRecord::Group { group: name.clone(), value: None });
    }
    records
}
