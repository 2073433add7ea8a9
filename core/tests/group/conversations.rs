//! Runs the scripts beside this file. Broker 1 lives on node 1 and so on; partition 0-0 is the only one of the
//! offsets topic, held by all. Members live on nodes of their own, `a`, `b` and so on.
//!
//! | command | does |
//! |---|---|
//! | `cluster N [min-isr=N] [quirk=NAME]` | N brokers, registered and unfenced, and the offsets topic |
//! | `decide leader=N\|none epoch=N isr=N,…`, `inform [NODE…]` | the controller registers the partition anew; brokers hear of it |
//! | `elect leader=N epoch=N isr=N,…` | both, and the leader reads what there is |
//! | `find`, `join`, `sync`, `beat`, `leave`, `commit`, `fetch`, `delete NODE WHO …` | a member asks |
//! | `join … copy=N` | the same under the number of an earlier request |
//! | `produce NODE WHO` | a client writes to the offsets topic itself |
//! | `deliver`, `drop A->B` | what is on its way from A to B arrives, is lost |
//! | `stabilize [NODE…]` | everything arrives and every sync ends, among these nodes, until all is quiet |
//! | `expire NODE TIMER`, `wait NODE… MILLIS` | a timer runs out and the node's clock moves on to it; clocks move on |
//! | `crash`, `restart NODE` | |
//! | `state [NODE…]` | shows what coordinators hold, and what they have committed |

use squall_core::env::{Input, Process};
use squall_core::ids::{BrokerId, CorrelationId, LeaderEpoch, NodeId};
use squall_core::log::CleanupPolicy;
use squall_core::message::{Message, Request};
use squall_core::partition::Flush;
use squall_core::quirk::{Quirk, Quirks};
use squall_core::timer::{GroupTimer, PartitionTimer, Timer};

use super::orders::{group, produce};
use super::text::{self, Names};
use crate::partition::world::{AT, Setup, World};
use crate::support::orders::{by_number, client, nodes, number, on_packets, wait};
use crate::support::script::{Command, each_script};

/// The brokers, and what members are called.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) names: Names,
    requests: u64,
}

#[test]
fn conversations() {
    let empty =
        || Scene { world: World::new(setup(0, Quirks::NONE), true), names: Names::default(), requests: 0 };
    each_script("tests/group", empty, |scene, command| {
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
        topic: "__consumer_offsets",
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
        }
        "find" | "join" | "sync" | "beat" | "leave" | "commit" | "fetch" | "delete" => {
            let request = Request::Group(group(command, &scene.names));
            ask(scene, command, request);
        }
        "produce" => ask(scene, command, produce()),
        "decide" => decide(scene, command),
        "elect" => {
            decide(scene, command);
            let nodes: Vec<_> = scene.world.bench.nodes().collect();
            for &node in &nodes {
                scene.world.inform(node, None);
            }
            scene.world.bench.stabilize(&nodes);
            let leader = NodeId(number(command, "leader", 1) as u32);
            while scene.world.bench.expire(leader, Timer::Group(AT, GroupTimer::Load)) {}
            scene.world.bench.stabilize(&nodes);
        }
        "inform" => {
            for node in nodes(&scene.world.bench, command) {
                scene.world.inform(node, None);
            }
        }
        "deliver" | "drop" => {
            let any = on_packets(&mut scene.world.bench, command, by_number);
            assert!(any, "nothing is on its way: {command:?}");
        }
        "stabilize" => {
            let among = nodes(&scene.world.bench, command);
            scene.world.bench.stabilize(&among);
        }
        "expire" => {
            let set = scene.world.bench.expire(node(), timer(&command.words[1]));
            assert!(set, "no such timer is set: {command:?}");
        }
        "wait" => wait(&mut scene.world.bench, command),
        "crash" => scene.world.bench.crash(node()),
        "restart" => {
            scene.world.bench.start(node());
            scene.world.end_syncs(node());
            scene.world.register(node());
        }
        "state" => {
            let nodes = nodes(&scene.world.bench, command);
            return nodes.into_iter().map(|node| text::state(scene, node)).collect();
        }
        other => panic!("unknown command {other}"),
    }
    String::new()
}

/// A client on a node of its own asks.
fn ask(scene: &mut Scene, command: &Command, request: Request) {
    let node = NodeId(command.number(0) as u32);
    scene.requests += 1;
    let id = CorrelationId(number(command, "copy", scene.requests));
    let (from, message) = (client(&command.words[1]), Message::Request { id, request });
    scene.world.bench.with(node, |process, env| process.step(Input::Deliver { from, message }, env));
}

fn decide(scene: &mut Scene, command: &Command) {
    let broker = |word: &str| BrokerId(word.parse().expect("a broker"));
    let leader = command.option("leader").filter(|leader| *leader != "none").map(broker);
    let isr = command.option("isr").expect("isr=").split(',').map(broker).collect();
    scene.world.decide_partition(leader, LeaderEpoch(number(command, "epoch", 1) as u32), isr);
}

fn quirk(name: &str) -> Quirk {
    match name {
        "commit-without-generation" => Quirk::CommitWithoutGeneration,
        "late-unload" => Quirk::LateUnload,
        "live-offsets-expire" => Quirk::LiveOffsetsExpire,
        "static-member-not-fenced" => Quirk::StaticMemberNotFenced,
        other => panic!("unknown quirk {other}"),
    }
}

fn timer(name: &str) -> Timer {
    match name {
        "load" => Timer::Group(AT, GroupTimer::Load),
        "unload" => Timer::Group(AT, GroupTimer::Unload),
        "deadline" => Timer::Group(AT, GroupTimer::Deadline),
        "retention" => Timer::Group(AT, GroupTimer::Retention),
        "lag" => Timer::Partition(AT, PartitionTimer::Lag),
        other => panic!("unknown timer {other}"),
    }
}
