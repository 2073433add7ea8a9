//! One member, and a script in the place of everybody else.

use std::sync::Arc;

use bytes::Bytes;
use squall_core::client::{ConsumerConfig, Member, MemberConfig, Reset, Start};
use squall_core::group::message::{
    Assignor, CommittedOffset, GroupReply, GroupRequest, Joined, JoinedMember, Subscription, Synced,
};
use squall_core::host::Host;
use squall_core::ids::{
    BrokerId, CorrelationId, Generation, GroupId, InstanceId, LeaderEpoch, MemberId, NodeId, Offset, TopicId,
    TopicPartition,
};
use squall_core::message::{EpochEndOffset, Fetched, Isolation, Message, Reply, Request};
use squall_core::probe::Probe;
use squall_core::quirk::Quirks;
use squall_core::record::BatchBuilder;
use squall_core::refused::Refused;
use squall_core::time::Span;
use squall_core::timer::ClientTimer;

use super::text;
use crate::support::lone::{Client, Lone};
use crate::support::script::Command;

/// The one client, and the script in the place of everybody else.
pub(crate) type World = Lone<Member>;

impl Client for Member {
    fn start(&mut self, env: &mut Host<'_>) {
        self.start(env);
    }

    fn on_reply(&mut self, from: NodeId, id: CorrelationId, reply: Reply, env: &mut Host<'_>) {
        self.on_reply(from, id, reply, env);
    }

    fn on_timer(&mut self, timer: ClientTimer, env: &mut Host<'_>) {
        self.on_timer(timer, env);
    }

    fn kind(request: &Request) -> &'static str {
        match request {
            Request::Metadata => "metadata",
            Request::Fetch(_) => "fetch",
            Request::EpochEnd(_) => "epoch-end",
            Request::ListOffsets(_) => "list-offsets",
            Request::Group(request) => match request {
                GroupRequest::FindCoordinator { .. } => "coordinator",
                GroupRequest::Join(_) => "join",
                GroupRequest::Sync(_) => "sync",
                GroupRequest::Heartbeat(_) => "heartbeat",
                GroupRequest::Leave(_) => "leave",
                GroupRequest::OffsetCommit(_) => "commit",
                GroupRequest::OffsetFetch(_) => "offsets",
                GroupRequest::Delete { .. } | GroupRequest::TxnOffsetCommit(_) => "",
            },
            other => panic!("a member never asks {other:?}"),
        }
    }
}

const fn at(partition: u32) -> TopicPartition {
    TopicPartition { topic: TopicId(0), partition }
}

fn numbers(text: &str) -> Vec<TopicPartition> {
    let numbers = text.split(',').filter(|number| !matches!(*number, "" | "nothing"));
    numbers.map(|number| at(number.parse().expect("a partition"))).collect()
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

fn assignor(name: &str) -> Assignor {
    Assignor::ALL.into_iter().find(|assignor| assignor.name() == name).expect("an assignor")
}

/// `5`, `5@2` or `-`.
fn committed(text: &str) -> Option<CommittedOffset> {
    let (offset, epoch) = text.split_once('@').map_or((text, None), |(offset, epoch)| (offset, Some(epoch)));
    let leader_epoch = epoch.map(|epoch| LeaderEpoch(number(epoch) as u32));
    (offset != "-").then(|| CommittedOffset {
        offset: Offset(number(offset)),
        leader_epoch,
        metadata: "".into(),
    })
}

fn refused(name: &str) -> Refused {
    match name {
        "MEMBER_ID_REQUIRED" => Refused::MemberIdRequired { member: MemberId(7) },
        "OFFSET_OUT_OF_RANGE" => Refused::OffsetOutOfRange,
        "OFFSET_METADATA_TOO_LARGE" => Refused::OffsetMetadataTooLarge,
        "COORDINATOR_LOAD_IN_PROGRESS" => Refused::CoordinatorLoadInProgress,
        "COORDINATOR_NOT_AVAILABLE" => Refused::CoordinatorNotAvailable,
        "NOT_COORDINATOR" => Refused::NotCoordinator,
        "ILLEGAL_GENERATION" => Refused::IllegalGeneration,
        "INCONSISTENT_GROUP_PROTOCOL" => Refused::InconsistentGroupProtocol,
        "UNKNOWN_MEMBER_ID" => Refused::UnknownMemberId,
        "REBALANCE_IN_PROGRESS" => Refused::RebalanceInProgress,
        "FENCED_INSTANCE_ID" => Refused::FencedInstanceId,
        "GROUP_MAX_SIZE_REACHED" => Refused::GroupMaxSizeReached,
        other => panic!("no refusal is called {other}"),
    }
}

fn config(command: &Command) -> MemberConfig {
    let millis = |key, default| Span::from_millis(command.option(key).map_or(default, number));
    let reset = match command.option("reset") {
        None | Some("earliest") => Reset::Earliest,
        Some("latest") => Reset::Latest,
        Some(_) => Reset::None,
    };
    let consumer = ConsumerConfig {
        brokers: vec![NodeId(11), NodeId(12)],
        max_bytes: 1_000,
        max_wait: Span::from_millis(5_000),
        request_timeout: Span::from_millis(200),
        retry_backoff: Span::from_millis(10),
        reset,
        isolation: Isolation::ReadUncommitted,
        quirks: Quirks::NONE,
    };
    MemberConfig {
        consumer,
        group: GroupId("g".into()),
        instance: command.option("instance").map(|name| InstanceId(name.into())),
        topics: vec!["events".into()],
        assignors: command.words[0].split(',').map(assignor).collect(),
        session_timeout: millis("session", 600),
        heartbeat: millis("heartbeat", 100),
        max_poll: millis("poll", 2_000),
        auto_commit: command.option("auto").map(|interval| Span::from_millis(number(interval))),
        metadata_max_age: Span::from_millis(60_000),
    }
}

/// A command of the script.
pub(crate) fn run(world: &mut World, command: &Command) -> String {
    match command.verb.as_str() {
        "start" => world.start(Member::new(config(command))),
        "metadata" => {
            let epoch = LeaderEpoch(command.option("epoch").map_or(1, number) as u32);
            world.metadata("events", command.number(0), epoch);
        }
        "answer" => answer(world, command),
        "refuse" => world.refuse(&command.words[0], refused(&command.words[1])),
        "forget" => {
            world.take(&command.words[0]);
        }
        "pass" => world.pass(Span::from_millis(command.number(0))),
        _ => return application(world, command),
    }
    said(world)
}

/// What the application does.
fn application(world: &mut World, command: &Command) -> String {
    let partition = || at(command.number(0) as u32);
    let mut came = String::new();
    let commits =
        || command.options.iter().map(|(p, o)| (at(number(p) as u32), committed(o).expect("an offset")));
    world.with(|member, env| match command.verb.as_str() {
        "poll" => {
            while let Some(record) = member.poll(env) {
                came += &format!("record {} of {}\n", record.offset, record.at.partition);
            }
        }
        "proceed" => member.proceed(env),
        "close" => member.close(env),
        "commit" => member.commit(commits().collect(), env),
        "pause" => member.pause(partition()),
        "resume" => member.resume(partition(), env),
        "seek" => member.seek(partition(), Start::At(Offset(command.number(1))), env),
        "standing" => came += &format!("{:?} with {:?}\n", member.standing(), member.owned()),
        other => panic!("no command is called {other}"),
    });
    came + &said(world)
}

/// Everything that came out since the last command.
fn said(world: &mut World) -> String {
    let fact = |probe: &Probe| match probe {
        Probe::Group(probe) => text::probe(probe),
        _ => None,
    };
    let mut lines = world.said(text::request, fact);
    world.with(|member, _| {
        while let Some(event) = member.poll_event() {
            lines += &format!("! {}\n", text::event(&event));
        }
    });
    lines
}

fn answer(world: &mut World, command: &Command) {
    let kind = command.words[0].as_str();
    let packet = world.take(kind);
    let Message::Request { request, .. } = &packet.message else { panic!("{packet:?}") };
    let place = |words: &str| Offset(number(words));
    let reply = match request {
        Request::Fetch(fetch) => Reply::Fetch { at: fetch.at, result: Ok(fetched(command, fetch.offset)) },
        Request::ListOffsets(list) => {
            Reply::ListOffsets { at: list.at, result: Ok(place(&command.words[1])) }
        }
        Request::EpochEnd(end) => {
            let epoch = command.option("epoch").map(|epoch| LeaderEpoch(number(epoch) as u32));
            let end_offset = EpochEndOffset { epoch, end: place(command.option("end").expect("an end")) };
            Reply::EpochEnd { at: end.at, result: Ok(end_offset) }
        }
        Request::Group(_) => Reply::Group(group_reply(kind, command)),
        other => panic!("nobody answers {other:?} here"),
    };
    world.reply(&packet, reply);
}

fn group_reply(kind: &str, command: &Command) -> GroupReply {
    let option = |key: &str| command.option(key).unwrap_or_else(|| panic!("{key} is missing"));
    match kind {
        "coordinator" => GroupReply::FindCoordinator(Ok(BrokerId(command.number(1) as u32))),
        "join" => GroupReply::Join(Ok(joined(command))),
        "sync" => {
            let protocol = assignor(command.option("protocol").unwrap_or("range"));
            GroupReply::Sync(Ok(Synced { protocol, partitions: numbers(&command.words[1]) }))
        }
        "heartbeat" => GroupReply::Heartbeat(Ok(())),
        "commit" => GroupReply::OffsetCommit(Ok(())),
        "leave" => GroupReply::Leave(Ok(())),
        "offsets" => {
            let offsets = command.options.iter().map(|(p, text)| (at(number(p) as u32), committed(text)));
            GroupReply::OffsetFetch(Ok(offsets.collect()))
        }
        other => panic!("no answer to {} and {}", other, option("nothing")),
    }
}

/// `member=7 generation=2 leader=7 members=7:0,1/8:nothing`, each with what it has since the generation before.
fn joined(command: &Command) -> Joined {
    let option = |key: &str| command.option(key).unwrap_or_else(|| panic!("{key} is missing"));
    let member = MemberId(command.option("member").map_or(7, number));
    let generation = Generation(number(option("generation")) as u32);
    let others = command.option("members").unwrap_or_default();
    let one = |text: &str| {
        let (id, has) = text.split_once(':').expect("a member and what it has");
        let topics: Vec<Arc<str>> = vec!["events".into()];
        let owned = numbers(has);
        let subscription =
            Arc::new(Subscription { topics, owned, generation: Some(Generation(generation.0 - 1)) });
        JoinedMember { member: MemberId(number(id)), instance: None, subscription }
    };
    Joined {
        generation,
        protocol: assignor(command.option("protocol").unwrap_or("range")),
        member,
        leader: MemberId(number(option("leader"))),
        members: others.split('/').filter(|text| !text.is_empty()).map(one).collect(),
        skip_assignment: false,
    }
}

/// `count` records from the asked offset on.
fn fetched(command: &Command, from: Offset) -> Fetched {
    let epoch = LeaderEpoch(command.option("epoch").map_or(1, number) as u32);
    let mut builder = BatchBuilder::new();
    for offset in 0..command.number(1) {
        builder.add(None, Some(offset.to_string().as_bytes()), &[], offset);
    }
    let batches = if command.number(1) == 0 {
        Bytes::new()
    } else {
        builder.build().placed(from, epoch).bytes().clone()
    };
    let high_watermark = Some(from.plus(command.number(1)));
    Fetched {
        leader_epoch: epoch,
        high_watermark,
        log_start: Offset(0),
        diverging: None,
        batches,
        stable: None,
    }
}
