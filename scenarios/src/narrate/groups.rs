//! The words of consumer groups: what members and coordinators say, and facts about groups.
//!
//! Tables of their own: a cluster without groups has neither these messages nor these facts.

use squall_core::group::message::{
    CommittedOffset, GroupReply, GroupRequest, Join, Joined, OffsetCommit, OffsetFetch, Sync,
};
use squall_core::group::probe::{Departure, GroupProbe};
use squall_core::ids::{Generation, GroupId, InstanceId, MemberId, TopicPartition};
use squall_sim::narrate::{Kind, field};

use super::{
    GROUP, MEMBER, PARTITIONS, REFUSED, Words, each, list, millis, nobody_or, record, row, transactions,
    yes_or_no,
};

use field::{EPOCH, LEADER, LOG_END, OFFSET, PARTITION, RECORD};

const MEMBERS: &str = "members";
const INSTANCE: &str = "instance";
const GENERATION: &str = "generation";
const PROTOCOL: &str = "protocol";

/// The kinds of messages.
pub(crate) const MESSAGES: &[Kind] = &[
    row("find coordinator", &[GROUP], "a member asks who coordinates its group"),
    row("find coordinator reply", &["broker", REFUSED], "who does"),
    row(
        "join group",
        &[GROUP, MEMBER, INSTANCE, "session", "rebalance", PROTOCOL, "topics", "owned"],
        "a member wants to be in the next generation",
    ),
    row(
        "join group reply",
        &[GENERATION, MEMBER, LEADER, PROTOCOL, MEMBERS, "skip assignment", REFUSED],
        "the generation that began",
    ),
    row(
        "sync group",
        &[GROUP, GENERATION, MEMBER, INSTANCE, PROTOCOL, "assigned"],
        "a member asks for its assignment",
    ),
    row("sync group reply", &[PROTOCOL, PARTITIONS, REFUSED], "what it is assigned"),
    row("group heartbeat", &[GROUP, GENERATION, MEMBER, INSTANCE], "a member is alive"),
    row("group heartbeat reply", &[REFUSED], "whether its generation stands"),
    row("leave group", &[GROUP, MEMBER, INSTANCE], "a member goes"),
    row("leave group reply", &[REFUSED], "it has gone"),
    row(
        "offset commit",
        &[GROUP, MEMBER, GENERATION, INSTANCE, "offsets"],
        "a member has processed everything before",
    ),
    row("offset commit reply", &[REFUSED], "that is in the log"),
    row("offset fetch", &[GROUP, PARTITIONS], "a member asks how far its group was"),
    row("offset fetch reply", &["offsets", REFUSED], "how far it was"),
    row("delete group", &[GROUP], "a person wants an empty group gone"),
    row("delete group reply", &[REFUSED], "whether it is"),
];

/// The kinds of facts.
pub(crate) const PROBES: &[Kind] = &[
    row("groups loading", &[PARTITION, EPOCH, LOG_END], "a new coordinator reads its offsets partition"),
    row("group restored", &[GROUP, GENERATION, MEMBERS], "a new coordinator found this group"),
    row("groups loaded", &[PARTITION, EPOCH, LOG_END], "a new coordinator has read everything"),
    row("groups unloaded", &[PARTITION, EPOCH], "a broker no longer coordinates"),
    row("member joined", &[GROUP, MEMBER, INSTANCE], "a group took in a member"),
    row("rebalance begun", &[GROUP, GENERATION], "all members must join again"),
    row(
        "group rebalanced",
        &[GROUP, GENERATION, PROTOCOL, LEADER, MEMBERS],
        "everybody has joined: a generation begins",
    ),
    row("partitions assigned", &[GROUP, GENERATION, "assigned"], "members are told their partitions"),
    row("static member replaced", &[GROUP, INSTANCE, "old", MEMBER], "a static member came back"),
    row("member fenced", &[GROUP, INSTANCE, MEMBER], "the earlier life of a static member was refused"),
    row("member left", &[GROUP, MEMBER, "why"], "a member is out of its group"),
    row(
        "commit taken",
        &[GROUP, MEMBER, GENERATION, PARTITION, OFFSET],
        "a coordinator took a commit, and replicates it",
    ),
    row("offset committed", &[GROUP, PARTITION, OFFSET], "a commit is in the log, and the committer told"),
    row("offset expired", &[GROUP, PARTITION, OFFSET], "an offset of an empty group was forgotten"),
    row("group removed", &[GROUP], "a group without members and offsets was forgotten"),
    row(
        "ownership changed",
        &[GROUP, MEMBER, GENERATION, PARTITIONS],
        "a member's partitions, or its generation, changed",
    ),
    row(
        "member resumed",
        &[GROUP, MEMBER, GENERATION, PARTITION, OFFSET],
        "a member learned where to read on in a partition",
    ),
    row(
        "record processed",
        &[GROUP, MEMBER, GENERATION, PARTITION, OFFSET, EPOCH, RECORD],
        "an application has processed a record",
    ),
    row("commit acknowledged", &[GROUP, MEMBER, PARTITION, OFFSET], "an application was told of its commit"),
];

pub(super) const fn request_kind(request: &GroupRequest) -> &'static str {
    match request {
        GroupRequest::FindCoordinator { .. } => "find coordinator",
        GroupRequest::Join(_) => "join group",
        GroupRequest::Sync(_) => "sync group",
        GroupRequest::Heartbeat(_) => "group heartbeat",
        GroupRequest::Leave(_) => "leave group",
        GroupRequest::OffsetCommit(_) => "offset commit",
        GroupRequest::OffsetFetch(_) => "offset fetch",
        GroupRequest::Delete { .. } => "delete group",
        GroupRequest::TxnOffsetCommit(_) => "txn offset commit",
    }
}

pub(super) const fn reply_kind(reply: &GroupReply) -> &'static str {
    match reply {
        GroupReply::FindCoordinator(_) => "find coordinator reply",
        GroupReply::Join(_) => "join group reply",
        GroupReply::Sync(_) => "sync group reply",
        GroupReply::Heartbeat(_) => "group heartbeat reply",
        GroupReply::Leave(_) => "leave group reply",
        GroupReply::OffsetCommit(_) => "offset commit reply",
        GroupReply::OffsetFetch(_) => "offset fetch reply",
        GroupReply::Delete(_) => "delete group reply",
        GroupReply::TxnOffsetCommit(_) => "txn offset commit reply",
    }
}

pub(super) const fn probe_kind(probe: &GroupProbe) -> &'static str {
    match probe {
        GroupProbe::Loading { .. } => "groups loading",
        GroupProbe::Restored { .. } => "group restored",
        GroupProbe::Loaded { .. } => "groups loaded",
        GroupProbe::Unloaded { .. } => "groups unloaded",
        GroupProbe::Joined { .. } => "member joined",
        GroupProbe::Rebalancing { .. } => "rebalance begun",
        GroupProbe::Rebalanced { .. } => "group rebalanced",
        GroupProbe::Assigned { .. } => "partitions assigned",
        GroupProbe::Replaced { .. } => "static member replaced",
        GroupProbe::Fenced { .. } => "member fenced",
        GroupProbe::Left { .. } => "member left",
        GroupProbe::CommitTaken { .. } => "commit taken",
        GroupProbe::OffsetCommitted { .. } => "offset committed",
        GroupProbe::OffsetExpired { .. } => "offset expired",
        GroupProbe::Removed { .. } => "group removed",
        GroupProbe::OwnedChanged { .. } => "ownership changed",
        GroupProbe::Resumed { .. } => "member resumed",
        GroupProbe::Processed { .. } => "record processed",
        GroupProbe::Acknowledged { .. } => "commit acknowledged",
    }
}

pub(super) const fn glyph(probe: &GroupProbe) -> char {
    match probe {
        GroupProbe::Loading { .. } | GroupProbe::Restored { .. } => '○',
        GroupProbe::Loaded { .. } => '●',
        GroupProbe::Unloaded { .. } => '▽',
        GroupProbe::Joined { .. } => '→',
        GroupProbe::Rebalancing { .. } => '?',
        GroupProbe::Rebalanced { .. } => '◇',
        GroupProbe::Assigned { .. } => '◆',
        GroupProbe::Replaced { .. } => '↔',
        GroupProbe::Fenced { .. } => '×',
        GroupProbe::Left { .. } => '←',
        GroupProbe::CommitTaken { .. } => '+',
        GroupProbe::OffsetCommitted { .. } => '√',
        GroupProbe::OffsetExpired { .. } | GroupProbe::Removed { .. } => '◄',
        GroupProbe::OwnedChanged { .. } => '■',
        GroupProbe::Resumed { .. } => '►',
        GroupProbe::Processed { .. } => '<',
        GroupProbe::Acknowledged { .. } => '√',
    }
}

pub(super) fn request(request: &GroupRequest) -> Words {
    let words = Words::new().with(GROUP, request.group());
    match request {
        GroupRequest::FindCoordinator { .. } | GroupRequest::Delete { .. } => words,
        GroupRequest::Join(request) => join(words, request),
        GroupRequest::Sync(request) => sync(words, request),
        GroupRequest::Heartbeat(request) => words
            .with(GENERATION, request.generation)
            .with(MEMBER, request.member)
            .maybe(INSTANCE, request.instance.as_ref()),
        GroupRequest::Leave(request) => {
            words.maybe(MEMBER, request.member).maybe(INSTANCE, request.instance.as_ref())
        }
        GroupRequest::OffsetCommit(request) => commit(words, request),
        GroupRequest::OffsetFetch(OffsetFetch { partitions, .. }) => {
            words.maybe(PARTITIONS, partitions.as_ref().map(|partitions| list(partitions)))
        }
        GroupRequest::TxnOffsetCommit(request) => transactions::offset_commit(words, request),
    }
}

fn join(words: Words, request: &Join) -> Words {
    let protocols: Vec<_> = request.protocols.iter().map(|protocol| protocol.name()).collect();
    words
        .with(MEMBER, nobody_or(request.member))
        .maybe(INSTANCE, request.instance.as_ref())
        .with("session", millis(request.session_timeout))
        .with("rebalance", millis(request.rebalance_timeout))
        .with(PROTOCOL, protocols.join(" "))
        .with("topics", request.subscription.topics.join(" "))
        .with("owned", list(&request.subscription.owned))
}

fn sync(words: Words, request: &Sync) -> Words {
    let assigned = (!request.assignments.is_empty()).then(|| assignments(&request.assignments));
    words
        .with(GENERATION, request.generation)
        .with(MEMBER, request.member)
        .maybe(INSTANCE, request.instance.as_ref())
        .with(PROTOCOL, request.protocol.name())
        .maybe("assigned", assigned)
}

fn commit(words: Words, request: &OffsetCommit) -> Words {
    member_in(words, request.member)
        .maybe(INSTANCE, request.instance.as_ref())
        .with("offsets", offsets(request.offsets.iter().map(|(at, committed)| (at, Some(committed)))))
}

pub(super) fn reply(reply: &GroupReply) -> Words {
    let words = Words::new();
    match reply {
        GroupReply::FindCoordinator(result) => {
            words.result(result, |words, broker| words.with("broker", broker))
        }
        GroupReply::Join(result) => words.result(result, joined),
        GroupReply::Sync(result) => words.result(result, |words, synced| {
            words.with(PROTOCOL, synced.protocol.name()).with(PARTITIONS, list(&synced.partitions))
        }),
        GroupReply::OffsetFetch(result) => words.result(result, |words, found| {
            words.with("offsets", offsets(found.iter().map(|(at, committed)| (at, committed.as_ref()))))
        }),
        GroupReply::Heartbeat(result)
        | GroupReply::Leave(result)
        | GroupReply::OffsetCommit(result)
        | GroupReply::Delete(result)
        | GroupReply::TxnOffsetCommit(result) => words.result(result, |words, ()| words),
    }
}

fn joined(words: Words, joined: &Joined) -> Words {
    words
        .with(GENERATION, joined.generation)
        .with(MEMBER, joined.member)
        .with(LEADER, joined.leader)
        .with(PROTOCOL, joined.protocol.name())
        .maybe(MEMBERS, (!joined.members.is_empty()).then_some(joined.members.len()))
        .maybe("skip assignment", joined.skip_assignment.then(|| yes_or_no(true)))
}

pub(super) fn probe(probe: &GroupProbe) -> Words {
    let words = Words::new();
    match probe {
        GroupProbe::Loading { at, epoch, end } | GroupProbe::Loaded { at, epoch, end } => {
            Words::reign(*at, *epoch).with(LOG_END, end)
        }
        GroupProbe::Unloaded { at, epoch } => Words::reign(*at, *epoch),
        GroupProbe::Restored { group, generation, members } => {
            generation_of(words, group, *generation).with(MEMBERS, list(members))
        }
        GroupProbe::Joined { group, member, instance } => {
            member_of(words, group, *member).maybe(INSTANCE, instance.as_ref())
        }
        GroupProbe::Rebalancing { group, generation } => generation_of(words, group, *generation),
        GroupProbe::Rebalanced { group, generation, protocol, leader, members } => {
            generation_of(words, group, *generation)
                .maybe(PROTOCOL, protocol.map(|protocol| protocol.name()))
                .with(LEADER, nobody_or(*leader))
                .with(MEMBERS, list(members))
        }
        GroupProbe::Assigned { group, generation, assignments: assigned } => {
            generation_of(words, group, *generation).with("assigned", assignments(assigned))
        }
        GroupProbe::Replaced { group, instance, old, new } => {
            static_member(words, group, instance).with("old", old).with(MEMBER, new)
        }
        GroupProbe::Fenced { group, instance, member } => {
            static_member(words, group, instance).with(MEMBER, member)
        }
        GroupProbe::Left { group, member, why } => {
            member_of(words, group, *member).with("why", departure(*why))
        }
        GroupProbe::CommitTaken { group, member, at, offset } => {
            member_in(words.with(GROUP, group), *member).with(PARTITION, at).with(OFFSET, offset)
        }
        GroupProbe::OffsetCommitted { group, at, offset }
        | GroupProbe::OffsetExpired { group, at, offset } => {
            words.with(GROUP, group).with(PARTITION, at).with(OFFSET, offset)
        }
        GroupProbe::Removed { group } => words.with(GROUP, group),
        GroupProbe::OwnedChanged { group, member, generation, partitions } => {
            member_of(words, group, *member).with(GENERATION, generation).with(PARTITIONS, list(partitions))
        }
        GroupProbe::Resumed { group, member, generation, at, offset } => {
            let words = member_of(words, group, *member).with(GENERATION, generation).with(PARTITION, at);
            words.maybe(OFFSET, *offset)
        }
        GroupProbe::Processed { group, member, generation, at, offset, epoch, record: name } => {
            let words = member_of(words, group, *member).with(GENERATION, generation).with(PARTITION, at);
            words.with(OFFSET, offset).with(EPOCH, epoch).maybe(RECORD, name.map(record))
        }
        GroupProbe::Acknowledged { group, member, at, offset } => {
            member_of(words, group, *member).with(PARTITION, at).with(OFFSET, offset)
        }
    }
}

fn generation_of(words: Words, group: &GroupId, generation: Generation) -> Words {
    words.with(GROUP, group).with(GENERATION, generation)
}

fn member_of(words: Words, group: &GroupId, member: MemberId) -> Words {
    words.with(GROUP, group).with(MEMBER, member)
}

fn static_member(words: Words, group: &GroupId, instance: &InstanceId) -> Words {
    words.with(GROUP, group).with(INSTANCE, instance)
}

fn member_in(words: Words, member: Option<(MemberId, Generation)>) -> Words {
    words
        .maybe(MEMBER, member.map(|(member, _)| member))
        .maybe(GENERATION, member.map(|(_, generation)| generation))
}

const fn departure(why: Departure) -> &'static str {
    match why {
        Departure::Asked => "it said so",
        Departure::Session => "no sign of life",
        Departure::Rebalance => "did not join in time",
        Departure::Sync => "did not ask for its assignment in time",
    }
}

fn assignments(assignments: &[(MemberId, Vec<TopicPartition>)]) -> String {
    each(assignments.iter().map(|(member, partitions)| format!("{member}: {partitions:?}")), " ")
}

fn offsets<'a>(offsets: impl Iterator<Item = (&'a TopicPartition, Option<&'a CommittedOffset>)>) -> String {
    let offset = |committed: Option<&CommittedOffset>| nobody_or(committed.map(|committed| committed.offset));
    each(offsets.map(|(at, committed)| format!("{at}: {}", offset(committed))), " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_says_whose_it_is_and_what_it_commits() {
        let group = GroupId("billing".into());
        let at = TopicPartition { partition: 1, ..TopicPartition::default() };
        let committed =
            CommittedOffset { offset: squall_core::ids::Offset(12), leader_epoch: None, metadata: "".into() };
        let member = Some((MemberId(7), Generation(3)));
        let asked = OffsetCommit { group, member, instance: None, offsets: vec![(at, committed)] };
        let own = |name, value: &str| (name, value.to_owned());
        assert_eq!(
            request(&GroupRequest::OffsetCommit(asked)).0,
            [own(GROUP, "billing"), own(MEMBER, "7"), own(GENERATION, "3"), own("offsets", "0-1: 12")]
        );
    }
}
