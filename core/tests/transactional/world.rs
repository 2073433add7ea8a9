//! One transactional producer, and a script in the place of everybody else.

use bytes::Bytes;
use squall_core::client::{GroupMetadata, Producer, ProducerConfig, TransactionalConfig};
use squall_core::env::{EnvOf, Input, Process};
use squall_core::group::message::{CommittedOffset, GroupReply, GroupRequest};
use squall_core::ids::{
    BrokerId, Generation, GroupId, LeaderEpoch, MemberId, NodeId, Offset, ProducerEpoch, ProducerId, TopicId,
    TopicPartition, TransactionalId,
};
use squall_core::message::{
    Acks, ClusterMetadata, Message, PartitionMetadata, Produced, Reply, Request, TopicMetadata,
};
use squall_core::probe::Probe;
use squall_core::quirk::Quirks;
use squall_core::refused::Refused;
use squall_core::time::{Span, Time};
use squall_core::timer::Timer;
use squall_core::transaction::message::{TransactionReply, TransactionRequest};

use super::text;
use crate::support::bench::{Bench, Packet, Said};
use crate::support::script::Command;

const ME: NodeId = NodeId(1);

/// The process on the only node.
#[derive(Clone)]
pub(crate) struct Client(Producer);

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
            other => panic!("nobody tells a producer {other:?}"),
        }
    }
}

/// A producer, once the script has started one, and what it asked and was not answered.
#[derive(Default)]
pub(crate) struct World {
    bench: Option<Bench<Client>>,
    open: Vec<Packet<Message>>,
    version: u64,
}

const fn at(partition: u32) -> TopicPartition {
    TopicPartition { topic: TopicId(0), partition }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

/// `7/3`: a producer id and its epoch.
fn identity(text: &str) -> (ProducerId, ProducerEpoch) {
    let (id, epoch) = text.split_once('/').expect("an id and an epoch");
    (ProducerId(number(id)), ProducerEpoch(number(epoch) as u16))
}

fn refused(name: &str) -> Refused {
    let known = [
        Refused::CoordinatorLoadInProgress,
        Refused::CoordinatorNotAvailable,
        Refused::NotCoordinator,
        Refused::ConcurrentTransactions,
        Refused::IllegalGeneration,
        Refused::UnknownMemberId,
        Refused::InvalidProducerEpoch,
        Refused::ProducerFenced,
        Refused::InvalidTxnState,
        Refused::InvalidProducerIdMapping,
        Refused::TransactionAbortable,
        Refused::MessageTooLarge,
        Refused::NotEnoughReplicas,
        Refused::OutOfOrderSequenceNumber,
    ];
    known.into_iter().find(|refused| refused.name() == name).unwrap_or_else(|| panic!("no refusal: {name}"))
}

fn config(command: &Command) -> ProducerConfig {
    let millis = |key, default| Span::from_millis(command.option(key).map_or(default, number));
    ProducerConfig {
        acks: Acks::All,
        idempotent: true,
        linger: millis("linger", 0),
        batch_bytes: 1_000,
        max_in_flight: 5,
        request_timeout: Span::from_millis(200),
        delivery_timeout: Span::from_millis(1_000),
        retry_backoff: Span::from_millis(10),
        metadata_max_age: Span::from_millis(60_000),
        brokers: vec![NodeId(11), NodeId(12)],
        quirks: Quirks::NONE,
        transactional: Some(TransactionalConfig {
            id: TransactionalId("worker".into()),
            timeout: Span::from_millis(5_000),
        }),
    }
}

impl World {
    /// A command of the script.
    pub(crate) fn run(&mut self, command: &Command) -> String {
        match command.verb.as_str() {
            "start" => {
                let producer = Producer::new(config(command)).expect("these settings go together");
                let mut bench = Bench::new(vec![Client(producer)]);
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
        let mut came = String::new();
        let committed = |text: &str| CommittedOffset {
            offset: Offset(number(text)),
            leader_epoch: Some(LeaderEpoch(1)),
            metadata: "".into(),
        };
        self.with(|producer, env| match command.verb.as_str() {
            "begin" => producer.begin(),
            "send" => {
                producer.send("effects", None, Some(Bytes::from_static(b"value")), Vec::new(), env);
            }
            "offsets" => {
                let offsets = command.options.iter().map(|(p, o)| (at(number(p) as u32), committed(o)));
                let member = (MemberId(7), Generation(command.number(0) as u32));
                let group = GroupMetadata { group: GroupId("g".into()), member, instance: None };
                producer.send_offsets(offsets.collect(), group, env);
            }
            "commit" => producer.commit(env),
            "abort" => producer.abort(env),
            "stage" => came += &format!("{:?}\n", producer.stage().expect("it has transactions")),
            other => panic!("no command is called {other}"),
        });
        came + &self.said()
    }

    fn with(&mut self, act: impl FnOnce(&mut Producer, &mut EnvOf<'_, Client>)) {
        let bench = self.bench.as_mut().expect("a producer was started");
        bench.with(ME, |client, env| act(&mut client.0, env));
    }

    /// Everything that came out since the last command.
    fn said(&mut self) -> String {
        let bench = self.bench.as_mut().expect("a producer was started");
        let mut lines = String::new();
        for said in bench.take_said() {
            if let Said::Sent(packet) = said {
                let Message::Request { request, .. } = &packet.message else { panic!("{packet:?}") };
                if let Some(text) = text::request(request) {
                    lines += &format!("-> {} {text}\n", packet.to);
                }
                self.open.push(packet);
            }
        }
        self.with(|producer, _| {
            while let Some(delivery) = producer.poll() {
                lines += &format!("{}\n", text::delivery(delivery));
            }
            while let Some(event) = producer.poll_transaction() {
                lines += &format!("! {}\n", text::event(event));
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
                Request::Produce(_) => kind == "produce",
                Request::Group(GroupRequest::FindCoordinator { .. }) => kind == "group",
                Request::Group(GroupRequest::TxnOffsetCommit(_)) => kind == "offsets",
                Request::Transaction(TransactionRequest::FindCoordinator { .. }) => kind == "coordinator",
                Request::Transaction(TransactionRequest::Init(_)) => kind == "init",
                Request::Transaction(TransactionRequest::End(_)) => kind == "end",
                _ => false,
            }
        };
        let place = self.open.iter().position(is).unwrap_or_else(|| panic!("no open request: {kind}"));
        self.open.remove(place)
    }

    fn reply(&mut self, to: &Packet<Message>, reply: Reply) {
        let Message::Request { id, .. } = to.message else { panic!("{to:?}") };
        let (from, message) = (to.to, Message::Reply { id, reply });
        let bench = self.bench.as_mut().expect("a producer was started");
        bench.with(ME, |client, env| client.step(Input::Deliver { from, message }, env));
    }

    fn refuse(&mut self, command: &Command) {
        let packet = self.take(&command.words[0]);
        let Message::Request { request, .. } = &packet.message else { panic!("{packet:?}") };
        let reply = request.refuse(refused(&command.words[1])).expect("somebody listens");
        self.reply(&packet, reply);
    }

    /// Broker 11 leads everything.
    fn metadata(&mut self, command: &Command) {
        let packet = self.take("metadata");
        self.version += 1;
        let partition = PartitionMetadata { leader: Some(BrokerId(11)), epoch: LeaderEpoch(1) };
        let partitions = vec![partition; command.number(0) as usize];
        let topic = TopicMetadata { topic: TopicId(0), name: "effects".into(), partitions };
        let metadata = ClusterMetadata { version: Offset(self.version), topics: vec![topic] };
        self.reply(&packet, Reply::Metadata(Ok(metadata)));
    }

    fn answer(&mut self, command: &Command) {
        let packet = self.take(&command.words[0]);
        let Message::Request { request, .. } = &packet.message else { panic!("{packet:?}") };
        let broker = || BrokerId(command.number(1) as u32);
        let who = || identity(&command.words[1]);
        let reply = match request {
            Request::Produce(produce) => {
                let base = Offset(command.number(1));
                Reply::Produce { at: produce.at, result: Ok(Produced { base }) }
            }
            Request::Group(GroupRequest::FindCoordinator { .. }) => {
                Reply::Group(GroupReply::FindCoordinator(Ok(broker())))
            }
            Request::Group(GroupRequest::TxnOffsetCommit(_)) => {
                Reply::Group(GroupReply::TxnOffsetCommit(Ok(())))
            }
            Request::Transaction(TransactionRequest::FindCoordinator { .. }) => {
                Reply::Transaction(TransactionReply::FindCoordinator(Ok(broker())))
            }
            Request::Transaction(TransactionRequest::Init(_)) => {
                Reply::Transaction(TransactionReply::Init(Ok(who())))
            }
            Request::Transaction(TransactionRequest::End(_)) => {
                Reply::Transaction(TransactionReply::End(Ok(who())))
            }
            other => panic!("nobody answers {other:?} here"),
        };
        self.reply(&packet, reply);
    }

    fn pass(&mut self, span: Span) {
        let bench = self.bench.as_mut().expect("a producer was started");
        let mut end = Time::ZERO;
        bench.with(ME, |_, env| end = env.now() + span);
        while bench.next_deadline(ME).is_some_and(|deadline| deadline <= end) {
            bench.pass_time();
        }
        let mut now = end;
        bench.with(ME, |_, env| now = env.now());
        bench.wait(ME, end.since(now));
    }
}
