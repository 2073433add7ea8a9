//! One transactional producer, and a script in the place of everybody else.

use bytes::Bytes;
use squall_core::client::{GroupMetadata, Producer, ProducerConfig, TransactionalConfig};
use squall_core::group::message::{CommittedOffset, GroupReply, GroupRequest};
use squall_core::host::Host;
use squall_core::ids::{
    BrokerId, CorrelationId, Generation, GroupId, LeaderEpoch, MemberId, NodeId, Offset, ProducerEpoch,
    ProducerId, TopicId, TopicPartition, TransactionalId,
};
use squall_core::message::{Acks, Message, Produced, Reply, Request};
use squall_core::quirk::Quirks;
use squall_core::refused::Refused;
use squall_core::time::Span;
use squall_core::timer::ClientTimer;
use squall_core::transaction::message::{TransactionReply, TransactionRequest};

use super::text;
use crate::support::lone::{Client, Lone};
use crate::support::script::Command;

/// The one client, and the script in the place of everybody else.
pub(crate) type World = Lone<Producer>;

impl Client for Producer {
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
            Request::Produce(_) => "produce",
            Request::Group(GroupRequest::FindCoordinator { .. }) => "group",
            Request::Group(GroupRequest::TxnOffsetCommit(_)) => "offsets",
            Request::Transaction(TransactionRequest::FindCoordinator { .. }) => "coordinator",
            Request::Transaction(TransactionRequest::Init(_)) => "init",
            Request::Transaction(TransactionRequest::End(_)) => "end",
            other => panic!("a producer never asks {other:?}"),
        }
    }
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

/// A command of the script.
pub(crate) fn run(world: &mut World, command: &Command) -> String {
    match command.verb.as_str() {
        "start" => {
            let producer = Producer::new(config(command)).expect("these settings go together");
            world.start(producer);
        }
        "metadata" => world.metadata("effects", command.number(0), LeaderEpoch(1)),
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
    let mut came = String::new();
    let committed = |text: &str| CommittedOffset {
        offset: Offset(number(text)),
        leader_epoch: Some(LeaderEpoch(1)),
        metadata: "".into(),
    };
    world.with(|producer, env| match command.verb.as_str() {
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
    came + &said(world)
}

/// Everything that came out since the last command.
fn said(world: &mut World) -> String {
    let mut lines = world.said(text::request, |_| None);
    world.with(|producer, _| {
        while let Some(delivery) = producer.poll() {
            lines += &format!("{}\n", text::delivery(delivery));
        }
        while let Some(event) = producer.poll_transaction() {
            lines += &format!("! {}\n", text::event(event));
        }
    });
    lines
}

fn answer(world: &mut World, command: &Command) {
    let packet = world.take(&command.words[0]);
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
        Request::Group(GroupRequest::TxnOffsetCommit(_)) => Reply::Group(GroupReply::TxnOffsetCommit(Ok(()))),
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
    world.reply(&packet, reply);
}
