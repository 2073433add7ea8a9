//! What members ask, made from a script's words.

use std::sync::Arc;

use bytes::Bytes;

use squall_core::group::message::{
    Assignor, CommittedOffset, GroupHeartbeat, GroupRequest, Join, Leave, OffsetCommit, OffsetFetch,
    Subscription, Sync,
};
use squall_core::ids::{
    Generation, GroupId, InstanceId, LeaderEpoch, MemberId, Offset, TopicId, TopicPartition,
};
use squall_core::message::{Acks, Produce, Request};
use squall_core::record::BatchBuilder;
use squall_core::time::Span;

use super::text::Names;
use crate::partition::world::AT;
use crate::support::orders::number;
use crate::support::script::Command;

/// A batch for the offsets topic, from nobody who may.
pub(crate) fn produce() -> Request {
    let mut builder = BatchBuilder::new();
    builder.add(Some(b"key"), Some(b"value"), &[], 0);
    let batch: Bytes = builder.build().bytes().clone();
    Request::Produce(Produce {
        at: AT,
        acks: Acks::All,
        timeout: Span::from_secs(1),
        batch,
        transactional: None,
    })
}

/// `[group=NAME] [member=m1] [gen=N] [instance=NAME]`, and what the verb needs.
pub(crate) fn group(command: &Command, names: &Names) -> GroupRequest {
    let group = GroupId(command.option("group").unwrap_or("g").replace('_', "").into());
    let member = command.option("member").map(|name| names.id(name));
    let instance = command.option("instance").map(|name| InstanceId(name.into()));
    let generation = Generation(number(command, "gen", 1) as u32);
    let known = || member.expect("member=");
    match command.verb.as_str() {
        "find" => GroupRequest::FindCoordinator { group },
        "delete" => GroupRequest::Delete { group },
        "join" => GroupRequest::Join(join(command, group, member, instance)),
        "sync" => GroupRequest::Sync(Sync {
            group,
            generation,
            member: known(),
            instance,
            protocol: protocols(command)[0],
            assignments: assignments(command, names),
        }),
        "beat" => GroupRequest::Heartbeat(GroupHeartbeat { group, generation, member: known(), instance }),
        "leave" => GroupRequest::Leave(Leave { group, member, instance }),
        "commit" => GroupRequest::OffsetCommit(OffsetCommit {
            group,
            member: member.map(|member| (member, generation)),
            instance,
            offsets: offsets(command),
        }),
        _ => {
            let all = command.words.iter().any(|word| word == "all");
            GroupRequest::OffsetFetch(OffsetFetch { group, partitions: (!all).then(|| vec![at(0), at(1)]) })
        }
    }
}

/// `[session=MS] [rebalance=MS] [protocols=A,B] [topics=A,B]`
fn join(command: &Command, group: GroupId, member: Option<MemberId>, instance: Option<InstanceId>) -> Join {
    let topics = command.option("topics").unwrap_or("orders").split(',').map(Arc::from).collect();
    Join {
        group,
        member,
        instance,
        session_timeout: Span::from_millis(number(command, "session", 10_000)),
        rebalance_timeout: Span::from_millis(number(command, "rebalance", 30_000)),
        protocols: protocols(command),
        subscription: Arc::new(Subscription { topics, ..Subscription::default() }),
    }
}

fn protocols(command: &Command) -> Vec<Assignor> {
    let named = |name: &str| Assignor::ALL.into_iter().find(|assignor| assignor.name() == name);
    let names = command.option("protocols").unwrap_or("range").split(',').filter(|name| !name.is_empty());
    names.map(|name| named(name).expect("an assignor")).collect()
}

/// `m1=0,1 m2=2`: partitions of topic 1.
fn assignments(command: &Command, names: &Names) -> Vec<(MemberId, Vec<TopicPartition>)> {
    let to_member = command.options.iter().filter(|(key, _)| key.starts_with('m') && key != "member");
    let partitions =
        |list: &str| list.split(',').map(|number| at(number.parse().expect("a partition"))).collect();
    to_member.map(|(name, list)| (names.id(name), partitions(list))).collect()
}

/// `0=5 1=7 [epoch=N] [metadata=TEXT]`: offsets in partitions of topic 1.
fn offsets(command: &Command) -> Vec<(TopicPartition, CommittedOffset)> {
    let leader_epoch = command.option("epoch").map(|epoch| LeaderEpoch(epoch.parse().expect("an epoch")));
    let metadata: Arc<str> = command.option("metadata").unwrap_or("").into();
    let offset = |(partition, offset): &(String, String)| {
        let partition = partition.parse().ok()?;
        let offset = Offset(offset.parse().expect("an offset"));
        Some((at(partition), CommittedOffset { offset, leader_epoch, metadata: metadata.clone() }))
    };
    command.options.iter().filter_map(offset).collect()
}

const fn at(partition: u32) -> TopicPartition {
    TopicPartition { topic: TopicId(1), partition }
}
