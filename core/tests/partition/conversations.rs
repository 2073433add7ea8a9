//! Runs the scripts beside this file. Broker 1 lives on node 1 and so on; the partition is 0-0, held by all.
//!
//! | command | does |
//! |---|---|
//! | `cluster N [min-isr=N] [flush=every] [segment=BYTES] [retention=BYTES] [compact] [quirk=NAME]` | N brokers, registered and unfenced, and the topic |
//! | `brokers N […]` | N brokers that were never started; from here on everything they say is shown |
//! | `decide leader=N\|none epoch=N isr=N,…` | the controller registers the partition anew; nobody has heard of it |
//! | `inform [NODE…] [until=OFFSET\|refuse=NAME]`, `snapshot NODE` | the controller answers metadata fetches, record by record or at once |
//! | `register`, `fence`, `unfence NODE`, `topic` | the controller decides |
//! | `register NODE refuse=NAME`, `beat NODE [refuse=NAME]`, `allocate NODE COUNT` | the controller answers |
//! | `alter NODE accept\|unheard\|lost\|NAME` | the controller accepts an ISR change, does so unheard, never hears of it, or refuses it |
//! | `produce`, `fetch`, `list-offsets`, `epoch-end`, `metadata`, `init-producer`, `create-topic NODE …` | a client asks |
//! | `deliver`, `drop`, `double A->B [first\|last]` | what is on its way from A to B arrives, is lost, is there twice |
//! | `stabilize [NODE…]` | everything arrives and every sync ends, among these nodes, until all is quiet |
//! | `expire NODE TIMER`, `wait NODE… MILLIS` | a timer runs out and the node's clock moves on to it; clocks move on |
//! | `sync`, `crash`, `power-loss`, `restart`, `wipe NODE`, `rot NODE FILE BYTE` | |
//! | `log`, `state [NODE…]`, `pool` | shows |

use squall_core::ids::{BrokerEpoch, BrokerId, LeaderEpoch, NodeId, Offset};
use squall_core::log::CleanupPolicy;
use squall_core::message::Request;
use squall_core::partition::Flush;
use squall_core::quirk::{Quirk, Quirks};
use squall_core::refused::Refused;
use squall_core::testing::{PowerLoss, TestDisk};
use squall_core::timer::{BrokerTimer, PartitionTimer, Timer};

use super::orders;
use super::text;
use super::world::{AT, CLIENT, CONTROLLER, SPARE, Setup, World};
use crate::support::orders::{by_number, nodes, number, on_packets, wait};
use crate::support::script::{Command, each_script};

#[test]
fn conversations() {
    let nobody = Setup {
        brokers: 0,
        flush: Flush::Never,
        segment_bytes: 1 << 20,
        retention_bytes: None,
        cleanup: CleanupPolicy::Delete,
        quirks: Quirks::NONE,
        topic: "orders",
    };
    each_script(
        "tests/partition",
        || World::new(nobody, true),
        |world, command| {
            let shown = run(world, command) + &text::said(world);
            // Nobody waits for answers to a client any longer than this.
            world.bench.pool.retain(|packet| packet.to != CLIENT);
            shown
        },
    );
}

fn run(world: &mut World, command: &Command) -> String {
    let node = || NodeId(command.number(0) as u32);
    match command.verb.as_str() {
        "cluster" => {
            *world = World::new(setup(command), true);
            world.boot(number(command, "min-isr", 1) as u32);
        }
        "brokers" => *world = World::new(setup(command), false),
        "produce" => world.ask(node(), orders::produce(command)),
        "fetch" => world.ask(node(), orders::fetch(command)),
        "list-offsets" => world.ask(node(), orders::list_offsets(command)),
        "epoch-end" => world.ask(node(), orders::epoch_end(command)),
        "metadata" => world.ask(node(), Request::Metadata),
        "init-producer" => world.ask(node(), Request::InitProducerId),
        "create-topic" => world.ask(node(), orders::create_topic()),
        "log" => return nodes(&world.bench, command).iter().map(|node| text::log(world, *node)).collect(),
        "state" => {
            return nodes(&world.bench, command).iter().map(|node| text::state(world, *node)).collect();
        }
        "pool" => return world.bench.pool.iter().map(text::packet).collect(),
        "decide" | "inform" | "snapshot" | "register" | "fence" | "unfence" | "topic" | "beat"
        | "allocate" | "alter" => {
            controller(world, command);
        }
        "deliver" | "drop" | "double" => {
            if !on_packets(&mut world.bench, command, end) {
                return format!(
                    "{}: nothing is on its way
",
                    command.words[0]
                );
            }
        }
        _ => weather(world, command),
    }
    String::new()
}

/// What the controller does.
fn controller(world: &mut World, command: &Command) {
    let node = || NodeId(command.number(0) as u32);
    let refuse = command.option("refuse").map(refused);
    match command.verb.as_str() {
        "decide" => {
            let leader = command.option("leader").filter(|leader| *leader != "none").map(broker);
            let isr = command.option("isr").expect("isr=").split(',').filter(|id| !id.is_empty()).map(broker);
            world.decide_partition(leader, LeaderEpoch(number(command, "epoch", 1) as u32), isr.collect());
        }
        "inform" => {
            let until = command.option("until").map(|until| Offset(until.parse().expect("an offset")));
            for node in nodes(&world.bench, command) {
                if let Some(refused) = refuse {
                    world.refuse_metadata(node, refused);
                    continue;
                }
                let asked = world.inform(node, until);
                assert!(asked || world.bench.process(node).is_none(), "{node} does not ask for metadata");
            }
        }
        "register" => match refuse {
            Some(refused) => world.refuse_registration(node(), refused),
            None => world.register(node()),
        },
        "fence" => world.unfence(node(), false),
        "unfence" => world.unfence(node(), true),
        "snapshot" => world.load(node()),
        "topic" => world.create_topic(number(command, "min-isr", 1) as u32),
        "beat" => world.beat(node(), refuse),
        "allocate" => world.allocate(node(), command.number(1) as u32),
        _ => match command.words[1].as_str() {
            "accept" => world.accept_isr(node(), true),
            "unheard" => world.accept_isr(node(), false),
            "lost" => world.lose_isr(node()),
            name => world.refuse_isr(node(), refused(name)),
        },
    }
}

/// What happens to nodes without anybody asking for it.
fn weather(world: &mut World, command: &Command) {
    let node = || NodeId(command.number(0) as u32);
    let bench = &mut world.bench;
    match command.verb.as_str() {
        "expire" => {
            assert!(bench.expire(node(), timer(&command.words[1])), "no such timer is set: {command:?}")
        }
        "wait" => wait(bench, command),
        "stabilize" => {
            let among = nodes(&world.bench, command);
            world.bench.stabilize(&among);
        }
        "sync" => world.end_syncs(node()),
        "crash" => bench.crash(node()),
        "power-loss" => bench.power_loss(node(), PowerLoss::LosesAllUnsynced, &mut |_| 0),
        "wipe" => {
            bench.crash(node());
            bench.seat_mut(node()).disk = TestDisk::new();
        }
        "restart" => bench.start(node()),
        "rot" => bench.seat_mut(node()).disk.rot(&command.words[1], command.number(2) as usize, 0),
        other => panic!("unknown command {other}"),
    }
}

fn setup(command: &Command) -> Setup {
    let quirk = |name: &str| match name {
        "trunc-to-hw" => Quirk::TruncateToHighWatermark,
        "divergence-without-epoch" => Quirk::DivergenceWithoutEpoch,
        "unfenced-fetch" => Quirk::UnfencedFetch,
        "hw-ignores-pending-isr" => Quirk::HighWatermarkIgnoresPendingIsr,
        "stale-broker-epoch" => Quirk::StaleBrokerEpochRejoins,
        "producer-table-leader-only" => Quirk::ProducerTableLeaderOnly,
        other => panic!("unknown quirk {other}"),
    };
    Setup {
        brokers: command.number(0) as u32,
        flush: if command.option("flush").is_some() { Flush::EveryBatch } else { Flush::Never },
        segment_bytes: number(command, "segment", 1 << 20),
        retention_bytes: command.option("retention").map(|bytes| bytes.parse().expect("bytes")),
        cleanup: if command.words.iter().any(|word| word == "compact") {
            CleanupPolicy::Compact
        } else {
            CleanupPolicy::Delete
        },
        quirks: command.option("quirk").map_or(Quirks::NONE, |name| Quirks::NONE.with(quirk(name))),
        topic: "orders",
    }
}

/// Who sends or is sent messages.
fn end(word: &str) -> NodeId {
    match word {
        "controller" => CONTROLLER,
        "spare" => SPARE,
        broker => by_number(broker),
    }
}

fn broker(word: &str) -> BrokerId {
    BrokerId(word.parse().expect("a broker"))
}

fn refused(name: &str) -> Refused {
    match name {
        "INELIGIBLE_REPLICA" => Refused::IneligibleReplica,
        "INVALID_UPDATE_VERSION" => Refused::InvalidUpdateVersion,
        "NOT_CONTROLLER" => Refused::NotController { leader: None },
        "NOT_CONTROLLER:controller" => Refused::NotController { leader: Some(CONTROLLER) },
        "STALE_BROKER_EPOCH" => Refused::StaleBrokerEpoch,
        "DUPLICATE_BROKER_REGISTRATION" => Refused::DuplicateBrokerRegistration { current: BrokerEpoch(77) },
        other => panic!("unknown refusal {other}"),
    }
}

fn timer(name: &str) -> Timer {
    match name {
        "lag" => Timer::Partition(AT, PartitionTimer::Lag),
        "isr" => Timer::Partition(AT, PartitionTimer::Isr),
        "purgatory" => Timer::Partition(AT, PartitionTimer::Purgatory),
        "fetch" => Timer::Partition(AT, PartitionTimer::Fetch),
        "register" => Timer::Broker(BrokerTimer::Register),
        "heartbeat" => Timer::Broker(BrokerTimer::Heartbeat),
        "metadata" => Timer::Broker(BrokerTimer::Metadata),
        "producer-ids" => Timer::Broker(BrokerTimer::ProducerIds),
        "housekeeping" => Timer::Broker(BrokerTimer::Retention),
        other => panic!("unknown timer {other}"),
    }
}
