//! Runs the scripts beside this file. Broker 1 lives on node 1 and so on; 0-0 is the only partition of the
//! share-group state, 1-0 that of `orders`, which broker 1 leads, and 2-0 that of the dead-letter topic, which broker
//! 2 leads. Workers and people live on nodes of their own, `a`, `b` and so on; a lock lasts two seconds, and a
//! record is delivered three times.
//!
//! | command | does |
//! |---|---|
//! | `cluster N [min-isr=N] [quirk=NAME]` | N brokers, registered and unfenced, and the topics |
//! | `elect leader=N epoch=N isr=N,…` | the state gets a leader, who reads what there is |
//! | `decide leader=N epoch=N isr=N,…` | the same, but the leader has not read it yet |
//! | `send N` | a client sends N records to 1-0 |
//! | `fetch NODE WHO [max=N] [wait=MILLIS] [copy=N]` | a worker wants records |
//! | `ack NODE WHO OFFSET TURN VERDICT [copy=N]` | a worker says what became of one |
//! | `put-back NODE WHO OFFSET TURN`, `stuck NODE WHO` | a person asks |
//! | `produce NODE WHO` | a client writes to the state itself |
//! | `allocate` | the controllers give producer ids to whichever broker asks for some |
//! | `drop A->B` | what is on its way from A to B is lost |
//! | `stabilize [NODE…]` | everything arrives and every sync ends, among these nodes, until all is quiet |
//! | `expire NODE TIMER`, `wait NODE… MILLIS` | a timer runs out and the node's clock moves on to it; clocks move on |
//! | `letters` | shows what lies in the dead-letter topic |
//! | `state [NODE…]` | shows what leaders hold |

use squall_core::env::{Input, Process};
use squall_core::group::config::OFFSETS_TOPIC;
use squall_core::ids::{
    BrokerId, CorrelationId, GroupId, LeaderEpoch, MemberId, NodeId, Offset, PartitionEpoch, TopicId,
    TopicPartition, Turn,
};
use squall_core::log::CleanupPolicy;
use squall_core::message::{Acks, Message, Produce, Request};
use squall_core::metadata::{MetadataRecord, PartitionState};
use squall_core::partition::Flush;
use squall_core::quirk::{Quirk, Quirks};
use squall_core::record::BatchBuilder;
use squall_core::share::config::STATE_TOPIC;
use squall_core::share::message::{PutBack, ShareAcknowledge, ShareFetch, ShareRequest, Verdict};
use squall_core::time::Span;
use squall_core::timer::{ShareTimer, Timer};

use super::text;
use crate::partition::world::{AT, Setup, World};
use crate::support::bench::Packet;
use crate::support::orders::{by_number, client, nodes, number, on_packets, wait};
use crate::support::script::{Command, each_script};

/// What is worked on.
pub(crate) const ORDERS: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };
/// Where letters go.
pub(crate) const LETTERS: TopicPartition = TopicPartition { topic: TopicId(2), partition: 0 };

/// The brokers.
pub(crate) struct Scene {
    pub(crate) world: World,
    requests: u64,
}

#[test]
fn conversations() {
    let empty = || Scene { world: World::new(setup(0, Quirks::NONE), true), requests: 0 };
    each_script("tests/share", empty, |scene, command| {
        let shown = run(scene, command);
        let said = text::said(scene);
        scene.world.bench.pool.retain(|packet| packet.to.0 < 100);
        shown + &said
    });
}

fn setup(brokers: u32, quirks: Quirks) -> Setup {
    assert_ne!(STATE_TOPIC, OFFSETS_TOPIC, "each has its own partitions");
    Setup {
        brokers,
        flush: Flush::Never,
        segment_bytes: 1 << 20,
        retention_bytes: None,
        quirks,
        topic: STATE_TOPIC,
        cleanup: CleanupPolicy::Delete,
    }
}

fn run(scene: &mut Scene, command: &Command) -> String {
    let node = || NodeId(command.number(0) as u32);
    match command.verb.as_str() {
        "cluster" => {
            let quirks = command.option("quirk").map_or(Quirks::NONE, |name| Quirks::NONE.with(quirk(name)));
            scene.world = World::new(setup(command.number(0) as u32, quirks), true);
            scene.world.boot(number(command, "min-isr", 1) as u32);
            topics(scene);
        }
        "elect" => {
            decide(scene, command);
            let leader = NodeId(number(command, "leader", 1) as u32);
            while scene.world.bench.expire(leader, Timer::Share(AT, ShareTimer::Load)) {}
            stabilize_all(scene);
        }
        "decide" => decide(scene, command),
        "send" => send(scene, command.number(0)),
        "fetch" | "ack" | "put-back" | "stuck" => {
            let request = Request::Share(request(command));
            ask(scene, command, request);
        }
        "produce" => ask(scene, command, produce(AT, 1)),
        "allocate" => allocate(scene),
        "drop" => {
            let any = on_packets(&mut scene.world.bench, command, by_number);
            assert!(any, "nothing is on its way: {command:?}");
        }
        "stabilize" => {
            let among = nodes(&scene.world.bench, command);
            scene.world.bench.stabilize(&among);
        }
        "expire" => {
            let set = scene.world.bench.expire(node(), Timer::Share(AT, timer(&command.words[1])));
            assert!(set, "no such timer is set: {command:?}");
        }
        "wait" => wait(&mut scene.world.bench, command),
        "letters" => return text::letters(scene),
        "state" => {
            let nodes = nodes(&scene.world.bench, command);
            return nodes.into_iter().map(|node| text::state(scene, node)).collect();
        }
        other => panic!("unknown command {other}"),
    }
    String::new()
}

/// The topic that is worked on, and that for letters.
fn topics(scene: &mut Scene) {
    for (at, name, leader) in [(ORDERS, "orders", 1), (LETTERS, "dlq.orders", 2)] {
        let (min_isr, cleanup) = (1, CleanupPolicy::Delete);
        let created = MetadataRecord::TopicCreated {
            topic: at.topic,
            name: name.into(),
            min_isr,
            unclean: false,
            cleanup,
        };
        scene.world.decide(created);
        let brokers: Vec<_> = scene.world.bench.nodes().map(|node| BrokerId(node.0)).collect();
        let state = PartitionState {
            isr: brokers.clone(),
            replicas: brokers,
            elr: vec![],
            leader: Some(BrokerId(leader)),
            leader_epoch: LeaderEpoch(1),
            partition_epoch: PartitionEpoch(1),
            unclean: false,
        };
        scene.world.decide(MetadataRecord::PartitionChanged { at, state });
    }
    let all: Vec<_> = scene.world.bench.nodes().collect();
    for node in all {
        scene.world.inform(node, None);
    }
    stabilize_all(scene);
}

fn stabilize_all(scene: &mut Scene) {
    let all: Vec<_> = scene.world.bench.nodes().collect();
    scene.world.bench.stabilize(&all);
}

fn decide(scene: &mut Scene, command: &Command) {
    let broker = |word: &str| BrokerId(word.parse().expect("a broker"));
    let isr = command.option("isr").expect("isr=").split(',').map(broker).collect();
    let leader = command.option("leader").map(broker);
    scene.world.decide_partition(leader, LeaderEpoch(number(command, "epoch", 1) as u32), isr);
    let all: Vec<_> = scene.world.bench.nodes().collect();
    for node in all {
        scene.world.inform(node, None);
    }
    stabilize_all(scene);
}

/// A client on a node of its own asks.
fn ask(scene: &mut Scene, command: &Command, request: Request) {
    let node = NodeId(command.number(0) as u32);
    scene.requests += 1;
    let id = CorrelationId(number(command, "copy", scene.requests));
    let (from, message) = (client(&command.words[1]), Message::Request { id, request });
    scene.world.bench.with(node, |process, env| process.step(Input::Deliver { from, message }, env));
}

fn send(scene: &mut Scene, records: u64) {
    let (from, id) = (NodeId(199), CorrelationId(0));
    let message = Message::Request { id, request: produce(ORDERS, records) };
    scene.world.bench.with(NodeId(1), |process, env| process.step(Input::Deliver { from, message }, env));
    stabilize_all(scene);
}

fn produce(at: TopicPartition, records: u64) -> Request {
    let mut builder = BatchBuilder::new();
    for _ in 0..records {
        builder.add(None, Some(b"work"), &[], 1);
    }
    let (batch, timeout) = (builder.build().bytes().clone(), Span::from_secs(1));
    Request::Produce(Produce { at, acks: Acks::All, timeout, batch, transactional: None })
}

fn request(command: &Command) -> ShareRequest {
    let (group, at) = (GroupId("g".into()), ORDERS);
    let member = MemberId(u64::from(client(&command.words[1]).0));
    let place = || (Offset(command.number(2)), Turn(command.number(3) as u32));
    match command.verb.as_str() {
        "fetch" => {
            let max_wait = Span::from_millis(number(command, "wait", 0));
            let max_records = number(command, "max", 1) as u32;
            ShareRequest::Fetch(ShareFetch { group, at, member, max_records, max_wait })
        }
        "ack" => {
            let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.name() == command.words[4]);
            let ((offset, turn), verdict) = (place(), verdict.expect("a verdict"));
            ShareRequest::Acknowledge(ShareAcknowledge { group, at, member, offset, turn, verdict })
        }
        "put-back" => {
            let (offset, turn) = place();
            ShareRequest::PutBack(PutBack { group, at, offset, turn })
        }
        "stuck" => ShareRequest::ListStuck { group, at },
        other => panic!("{other} is no request"),
    }
}

fn allocate(scene: &mut Scene) {
    let asks = |packet: &Packet<Message>| {
        matches!(packet.message, Message::Request { request: Request::AllocateProducerIds(_), .. })
    };
    let broker = scene.world.bench.pool.iter().find(|packet| asks(packet)).map(|packet| packet.from);
    scene.world.allocate(broker.expect("a broker asks"), 10);
}

fn quirk(name: &str) -> Quirk {
    match name {
        "retry-poison-forever" => Quirk::RetryPoisonForever,
        "late-acknowledgement" => Quirk::LateAcknowledgement,
        "poison-parks-silently" => Quirk::PoisonParksSilently,
        other => panic!("unknown quirk {other}"),
    }
}

fn timer(name: &str) -> ShareTimer {
    match name {
        "load" => ShareTimer::Load,
        "unload" => ShareTimer::Unload,
        "deadline" => ShareTimer::Deadline,
        other => panic!("unknown timer {other}"),
    }
}
