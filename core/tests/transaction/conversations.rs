//! Runs the scripts beside this file. Broker 1 lives on node 1 and so on; all hold every partition: 0-0 of the
//! transactions' topic, 1-0 and 1-1 of a topic, 2-0 of the offsets topic. Clients live on nodes of their own, `a`,
//! `b` and so on; the transactional id is `tx` unless another is named.
//!
//! | command | does |
//! |---|---|
//! | `cluster N [min-isr=N] [quirk=NAME]` | N brokers, registered and unfenced, with producer ids, and the topics |
//! | `elect [at=T-P …] leader=N epoch=N isr=N,…` | registers a partition (all) anew; brokers hear of it, and read what there is |
//! | `allocate NODE N` | the controller gives the broker N producer ids |
//! | `decide` with the same words, `inform [NODE…]` | the two halves of that |
//! | `find`, `init`, `add`, `add-offsets`, `commit`, `abort NODE WHO [id=] [pid=] [epoch=] [at=] [timeout=] [copy=N]` | a producer asks; `copy`: with the number of an earlier request |
//! | `produce NODE WHO [seq=] [plain]`, `offsets NODE WHO [offset=]` | a record, or a group's offset, in a transaction |
//! | `read NODE WHO [at=] [all]`, `committed NODE WHO` | a reader of committed records (of all) asks; a member, how far its group is |
//! | `end NODE WHO [at=] [all]` | a reader of committed records (of all) asks where a partition ends |
//! | `deliver`, `drop A->B` | what is on its way from A to B arrives, is lost |
//! | `stabilize [NODE…]` | everything arrives and every sync ends, among these nodes, until all is quiet |
//! | `expire NODE TIMER` | a timer of the coordinator runs out and the node's clock moves on to it |
//! | `crash NODE` | |
//! | `state [NODE…]` | shows what coordinators hold |

use squall_core::env::{Input, Process};
use squall_core::ids::{
    BrokerId, CorrelationId, LeaderEpoch, NodeId, PartitionEpoch, TopicId, TopicPartition,
};
use squall_core::log::CleanupPolicy;
use squall_core::message::Message;
use squall_core::metadata::{MetadataRecord, PartitionState};
use squall_core::partition::Flush;
use squall_core::quirk::{Quirk, Quirks};
use squall_core::timer::{GroupTimer, Timer, TransactionTimer};

use super::orders::{self, partition};
use super::text;
use crate::partition::world::{AT, Setup, World};
use crate::support::orders::{by_number, client, nodes, number, on_packets};
use crate::support::script::{Command, each_script};

/// The brokers, and how many requests there were.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) requests: u64,
}

#[test]
fn conversations() {
    let empty = || Scene { world: World::new(setup(0, Quirks::NONE), true), requests: 0 };
    each_script("tests/transaction", empty, |scene, command| {
        let shown = run(scene, command);
        let said = text::said(scene);
        scene.world.bench.pool.retain(|packet| packet.to.0 < 100);
        shown + &said
    });
}

fn setup(brokers: u32, quirks: Quirks) -> Setup {
    Setup {
        brokers,
        flush: Flush::Never,
        segment_bytes: 1 << 20,
        retention_bytes: None,
        quirks,
        topic: "__transaction_state",
        cleanup: CleanupPolicy::Delete,
    }
}

/// Every partition.
const ALL: [TopicPartition; 4] = [
    AT,
    TopicPartition { topic: TopicId(1), partition: 0 },
    TopicPartition { topic: TopicId(1), partition: 1 },
    TopicPartition { topic: TopicId(2), partition: 0 },
];

/// Brokers with all topics, which nobody leads yet.
pub(crate) fn cluster(brokers: u32, min_isr: u32, quirks: Quirks) -> World {
    let mut world = World::new(setup(brokers, quirks), true);
    world.boot(min_isr);
    for (topic, name) in [(1, "orders"), (2, "__consumer_offsets")] {
        let cleanup = CleanupPolicy::Delete;
        let (topic, name) = (TopicId(topic), name.into());
        world.decide(MetadataRecord::TopicCreated { topic, name, min_isr, unclean: false, cleanup });
    }
    world
}

/// Registers partitions like this.
pub(crate) fn decide(
    world: &mut World,
    partitions: &[TopicPartition],
    leader: Option<BrokerId>,
    leader_epoch: LeaderEpoch,
    isr: &[BrokerId],
) {
    let replicas: Vec<_> = world.bench.nodes().map(|node| BrokerId(node.0)).collect();
    for &at in partitions {
        let before = world.image.partition(at).map_or(PartitionEpoch(0), |state| state.partition_epoch);
        let state = PartitionState {
            replicas: replicas.clone(),
            isr: isr.to_vec(),
            elr: vec![],
            leader,
            leader_epoch,
            partition_epoch: before.next(),
            unclean: false,
        };
        world.decide(MetadataRecord::PartitionChanged { at, state });
    }
}

/// All brokers hear of what was decided, and new coordinators read what there is.
pub(crate) fn settle(world: &mut World) {
    let nodes: Vec<_> = world.bench.nodes().collect();
    for &node in &nodes {
        world.inform(node, None);
    }
    world.bench.stabilize(&nodes);
    for &node in &nodes {
        let offsets = TopicPartition { topic: TopicId(2), partition: 0 };
        while world.bench.expire(node, Timer::Transaction(AT, TransactionTimer::Load)) {}
        while world.bench.expire(node, Timer::Group(offsets, GroupTimer::Load)) {}
    }
    world.bench.stabilize(&nodes);
}

fn run(scene: &mut Scene, command: &Command) -> String {
    match command.verb.as_str() {
        "cluster" => {
            let quirks = command.option("quirk").map_or(Quirks::NONE, |name| Quirks::NONE.with(quirk(name)));
            let min_isr = number(command, "min-isr", 1) as u32;
            scene.world = cluster(command.number(0) as u32, min_isr, quirks);
        }
        "decide" => register(scene, command),
        "elect" => {
            register(scene, command);
            settle(&mut scene.world);
        }
        "inform" => {
            for node in nodes(&scene.world.bench, command) {
                scene.world.inform(node, None);
            }
        }
        "allocate" => scene.world.allocate(NodeId(command.number(0) as u32), command.number(1) as u32),
        "deliver" | "drop" => {
            let any = on_packets(&mut scene.world.bench, command, by_number);
            assert!(any, "nothing is on its way: {command:?}");
        }
        "stabilize" => {
            let among = nodes(&scene.world.bench, command);
            scene.world.bench.stabilize(&among);
        }
        "expire" => {
            let set = scene.world.bench.expire(NodeId(command.number(0) as u32), timer(&command.words[1]));
            assert!(set, "no such timer is set: {command:?}");
        }
        "crash" => scene.world.bench.crash(NodeId(command.number(0) as u32)),
        "state" => {
            return nodes(&scene.world.bench, command)
                .into_iter()
                .map(|node| text::state(scene, node))
                .collect();
        }
        _ => ask(scene, command),
    }
    String::new()
}

/// A client on a node of its own asks.
fn ask(scene: &mut Scene, command: &Command) {
    let node = NodeId(command.number(0) as u32);
    scene.requests += 1;
    let id = CorrelationId(number(command, "copy", scene.requests));
    let message = Message::Request { id, request: orders::request(command) };
    let from = client(&command.words[1]);
    scene.world.bench.with(node, |process, env| process.step(Input::Deliver { from, message }, env));
}

fn register(scene: &mut Scene, command: &Command) {
    let broker = |word: &str| BrokerId(word.parse().expect("a broker"));
    let leader = command.option("leader").filter(|leader| *leader != "none").map(broker);
    let isr: Vec<_> = command.option("isr").expect("isr=").split(',').map(broker).collect();
    let some: Vec<_> = command.option("at").map(partition).into_iter().collect();
    let partitions = if some.is_empty() { &ALL[..] } else { &some };
    let epoch = LeaderEpoch(number(command, "epoch", 1) as u32);
    decide(&mut scene.world, partitions, leader, epoch, &isr);
}

fn quirk(name: &str) -> Quirk {
    match name {
        "delayed-end-txn" => Quirk::DelayedEndTxn,
        "write-after-abort" => Quirk::WriteAfterAbort,
        "lso-off-by-one" => Quirk::LsoOffByOne,
        other => panic!("unknown quirk {other}"),
    }
}

fn timer(name: &str) -> Timer {
    let timer = match name {
        "load" => TransactionTimer::Load,
        "unload" => TransactionTimer::Unload,
        "deadline" => TransactionTimer::Deadline,
        "markers" => TransactionTimer::Markers,
        "retention" => TransactionTimer::Retention,
        other => panic!("unknown timer {other}"),
    };
    Timer::Transaction(AT, timer)
}
