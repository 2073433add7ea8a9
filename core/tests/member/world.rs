//! One member, and a script in the place of everybody else.

use std::sync::Arc;

use bytes::Bytes;
use squall_core::client::{ConsumerConfig, Member, MemberConfig, Reset, Start};
use squall_core::env::{EnvOf, Input, Process};
use squall_core::group::message::{
    Assignor, CommittedOffset, GroupReply, GroupRequest, Joined, JoinedMember, Subscription, Synced,
};
use squall_core::ids::{
    BrokerId, Generation, GroupId, InstanceId, LeaderEpoch, MemberId, NodeId, Offset, TopicId, TopicPartition,
};
use squall_core::message::{
    ClusterMetadata, EpochEndOffset, Fetched, Isolation, Message, PartitionMetadata, Reply, Request,
    TopicMetadata,
};
use squall_core::probe::Probe;
use squall_core::quirk::Quirks;
use squall_core::record::BatchBuilder;
use squall_core::refused::Refused;
use squall_core::time::Span;
use squall_core::timer::Timer;

use super::text;
use crate::support::bench::{Bench, Packet, Said};
use crate::support::script::Command;

const ME: NodeId = NodeId(1);

/// The process on the only node.
#[derive(Clone)]
pub(crate) struct Client(Member);

impl Process for Client {
    type Message = Message;
    type Timer = Timer;
    type Probe = Probe;

    fn start(&mut self, env: &mut EnvOf<'_, Self>) {
        self.0.start(env);
    }

    fn step(&mut self, input: Input<Message, Timer>, env: &mut EnvOf<'_, Self>) {
        match input {
            Input::Deliver { from, message: Message::Reply { id, reply } } => {
                self.0.on_reply(from, id, reply, env)
            }
            Input::Expired { timer: Timer::Client(timer) } => self.0.on_timer(timer, env),
            other => panic!("nobody tells a member {other:?}"),
        }
    }
}

/// A member, once the script has started one, and what it asked and was not answered.
#[derive(Default)]
pub(crate) struct World {
    bench: Option<Bench<Client>>,
    open: Vec<Packet<Message>>,
    version: u64,
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

impl World {
    /// A command of the script.
    pub(crate) fn run(&mut self, command: &Command) -> String {
        match command.verb.as_str() {
            "start" => {
                let mut bench = Bench::new(vec![Client(Member::new(config(command)))]);
                bench.start(ME);
                self.bench = Some(bench);
                self.open.clear();
                self.version = 0;
            }
            "metadata" => self.metadata(command),
            "answer" => self.answer(command),
            "refuse" => self.refuse(command),
            "forget" => {
                self.take(&command.words[0]);
            }
            "pass" => self.pass(Span::from_millis(command.number(0))),
            _ => return self.application(command),
        }
        self.said()
    }

    /// What the application does.
    fn application(&mut self, command: &Command) -> String {
        let partition = || at(command.number(0) as u32);
        let mut came = String::new();
        let commits =
            || command.options.iter().map(|(p, o)| (at(number(p) as u32), committed(o).expect("an offset")));
        self.with(|member, env| match command.verb.as_str() {
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
        came + &self.said()
    }

    fn with(&mut self, act: impl FnOnce(&mut Member, &mut EnvOf<'_, Client>)) {
        let bench = self.bench.as_mut().expect("a member was started");
        bench.with(ME, |client, env| act(&mut client.0, env));
    }

    /// Everything that came out since the last command.
    fn said(&mut self) -> String {
        let bench = self.bench.as_mut().expect("a member was started");
        let mut lines = String::new();
        for said in bench.take_said() {
            match said {
                Said::Sent(packet) => {
                    let Message::Request { request, .. } = &packet.message else { panic!("{packet:?}") };
                    if let Some(text) = text::request(request) {
                        lines += &format!("-> {} {text}\n", packet.to);
                    }
                    self.open.push(packet);
                }
                Said::Probe(_, Probe::Group(probe)) => {
                    lines += &text::probe(&probe).map_or(String::new(), |text| text + "\n");
                }
                Said::Probe(..) => {}
            }
        }
        self.with(|member, _| {
            while let Some(event) = member.poll_event() {
                lines += &format!("! {}\n", text::event(&event));
            }
        });
        lines
    }

    /// The oldest request of a kind that was not answered.
    fn take(&mut self, kind: &str) -> Packet<Message> {
        let is = |packet: &Packet<Message>| {
            let Message::Request { request, .. } = &packet.message else { return false };
            match request {
                Request::Metadata => kind == "metadata",
                Request::Fetch(_) => kind == "fetch",
                Request::EpochEnd(_) => kind == "epoch-end",
                Request::ListOffsets(_) => kind == "list-offsets",
                Request::Group(request) => match request {
                    GroupRequest::FindCoordinator { .. } => kind == "coordinator",
                    GroupRequest::Join(_) => kind == "join",
                    GroupRequest::Sync(_) => kind == "sync",
                    GroupRequest::Heartbeat(_) => kind == "heartbeat",
                    GroupRequest::Leave(_) => kind == "leave",
                    GroupRequest::OffsetCommit(_) => kind == "commit",
                    GroupRequest::OffsetFetch(_) => kind == "offsets",
                    GroupRequest::Delete { .. } | GroupRequest::TxnOffsetCommit(_) => false,
                },
                _ => false,
            }
        };
        let place = self.open.iter().position(is).unwrap_or_else(|| panic!("no open request: {kind}"));
        self.open.remove(place)
    }

    fn reply(&mut self, to: &Packet<Message>, reply: Reply) {
        let Message::Request { id, .. } = to.message else { panic!("{to:?}") };
        let (from, message) = (to.to, Message::Reply { id, reply });
        let bench = self.bench.as_mut().expect("a member was started");
        bench.with(ME, |client, env| client.step(Input::Deliver { from, message }, env));
    }

    fn refuse(&mut self, command: &Command) {
        let packet = self.take(&command.words[0]);
        let Message::Request { request, .. } = &packet.message else { panic!("{packet:?}") };
        let reply = request.refuse(refused(&command.words[1])).expect("somebody listens");
        self.reply(&packet, reply);
    }

    /// Broker 11 leads everything, in epoch 1 or as told.
    fn metadata(&mut self, command: &Command) {
        let packet = self.take("metadata");
        self.version += 1;
        let epoch = LeaderEpoch(command.option("epoch").map_or(1, number) as u32);
        let partition = PartitionMetadata { leader: Some(BrokerId(11)), epoch };
        let partitions = vec![partition; command.number(0) as usize];
        let topic = TopicMetadata { topic: TopicId(0), name: "events".into(), partitions };
        let metadata = ClusterMetadata { version: Offset(self.version), topics: vec![topic] };
        self.reply(&packet, Reply::Metadata(Ok(metadata)));
    }

    fn answer(&mut self, command: &Command) {
        let kind = command.words[0].as_str();
        let packet = self.take(kind);
        let Message::Request { request, .. } = &packet.message else { panic!("{packet:?}") };
        let place = |words: &str| Offset(number(words));
        let reply = match request {
            Request::Fetch(fetch) => {
                Reply::Fetch { at: fetch.at, result: Ok(fetched(command, fetch.offset)) }
            }
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
        self.reply(&packet, reply);
    }

    fn pass(&mut self, span: Span) {
        let bench = self.bench.as_mut().expect("a member was started");
        let mut end = squall_core::time::Time::ZERO;
        bench.with(ME, |_, env| end = env.now() + span);
        while bench.next_deadline(ME).is_some_and(|deadline| deadline <= end) {
            bench.pass_time();
        }
        let mut now = end;
        bench.with(ME, |_, env| now = env.now());
        bench.wait(ME, end.since(now));
    }
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
