//! Whole controllers: who decides, when, and what becomes of those who wait.

use super::ControllerConfig;
use super::bench::Bench;
use crate::env::DiskFault;
use crate::ids::{
    BrokerEpoch, BrokerId, DiskId, Incarnation, LeaderEpoch, NodeId, Offset, ProducerId, TopicId,
    TopicPartition,
};
use crate::log::{CleanupPolicy, LogConfig};
use crate::message::{
    AllocateProducerIds, AlterPartition, CreateTopic, ElectLeader, FetchMetadata, Heartbeat, HeartbeatReply,
    MetadataUpdate, ProducerIds, RegisterBroker, Reply, Request,
};
use crate::metadata::PartitionState;
use crate::probe::{MetadataProbe, Probe};
use crate::quirk::Quirks;
use crate::quorum::QuorumConfig;
use crate::refused::Refused;
use crate::time::Span;

const AT: TopicPartition = TopicPartition { topic: TopicId(0), partition: 0 };

fn config(voters: u32) -> ControllerConfig {
    ControllerConfig {
        quorum: QuorumConfig {
            voters: (0..voters).map(NodeId).collect(),
            election_min: Span::from_millis(150),
            election_max: Span::from_millis(300),
            heartbeat: Span::from_millis(50),
            max_batch_bytes: 1 << 16,
            log: LogConfig::default(),
            quirks: Quirks::NONE,
        },
        session: Span::from_millis(900),
        sweep: Span::from_millis(100),
        snapshot_every: 1_000,
        producer_id_block: 1_000,
        quirks: Quirks::NONE,
    }
}

fn registration(broker: u32, life: u64) -> Request {
    Request::RegisterBroker(RegisterBroker {
        broker: BrokerId(broker),
        incarnation: Incarnation(life),
        disk: DiskId(u64::from(broker)),
        intact: true,
        replaces: None,
        last_topic: None,
    })
}

/// A later life, which was told whom it replaces.
fn registration_after(epoch: BrokerEpoch, broker: u32, life: u64) -> Request {
    let Request::RegisterBroker(request) = registration(broker, life) else { unreachable!() };
    Request::RegisterBroker(RegisterBroker { replaces: Some(epoch), ..request })
}

fn heartbeat(broker: u32, epoch: BrokerEpoch) -> Request {
    Request::Heartbeat(Heartbeat { broker: BrokerId(broker), epoch, metadata_end: Offset(u64::MAX) })
}

fn topic(name: &str, partitions: u32) -> Request {
    let name = name.into();
    Request::CreateTopic(CreateTopic {
        name,
        partitions,
        replication: 3,
        min_isr: 2,
        unclean: false,
        cleanup: CleanupPolicy::Delete,
    })
}

fn fetch(from: u64, max_wait: Span) -> Request {
    Request::FetchMetadata(FetchMetadata { from: Offset(from), max_wait })
}

/// Registers and unfences a broker.
#[track_caller]
fn join(bench: &mut Bench, node: usize, broker: u32) -> BrokerEpoch {
    let reply = bench.ask(node, registration(broker, 1));
    let Some(Reply::RegisterBroker(Ok(epoch))) = reply else { panic!("{reply:?}") };
    let alive = Reply::Heartbeat(Ok(HeartbeatReply { fenced: false }));
    assert_eq!(bench.ask(node, heartbeat(broker, epoch)), Some(alive));
    epoch
}

/// Three controllers, brokers 10 to 12, a topic; the active one and the broker epochs.
fn cluster() -> (Bench, usize, [BrokerEpoch; 3]) {
    let mut bench = Bench::new(config(3));
    let active = bench.until_active();
    let epochs = [10, 11, 12].map(|broker| join(&mut bench, active, broker));
    assert_eq!(bench.ask(active, topic("orders", 1)), Some(Reply::CreateTopic(Ok(TopicId(0)))));
    (bench, active, epochs)
}

fn only(bench: &Bench, node: usize) -> PartitionState {
    bench.controller(node).image().partition(AT).unwrap().clone()
}

/// The leader of the one partition wants `isr`.
fn alter(bench: &Bench, node: usize, epochs: [BrokerEpoch; 3], isr: &[BrokerId]) -> Request {
    let now = only(bench, node);
    let broker = now.leader.unwrap();
    let epoch = |broker: BrokerId| epochs[broker.0 as usize - 10];
    Request::AlterPartition(AlterPartition {
        broker,
        broker_epoch: epoch(broker),
        at: AT,
        leader_epoch: now.leader_epoch,
        partition_epoch: now.partition_epoch,
        isr: isr.iter().map(|&member| (member, epoch(member))).collect(),
    })
}

#[test]
fn a_lone_controller_decides_everything() {
    let mut bench = Bench::new(config(1));
    let node = bench.until_active();
    let epochs = [10, 11, 12].map(|broker| join(&mut bench, node, broker));
    assert!(epochs[0] < epochs[1] && epochs[1] < epochs[2]);
    assert_eq!(bench.ask(node, topic("orders", 1)), Some(Reply::CreateTopic(Ok(TopicId(0)))));
    let exists = Reply::CreateTopic(Err(Refused::TopicAlreadyExists));
    assert_eq!(bench.ask(node, topic("orders", 1)), Some(exists));
    let before = only(&bench, node);
    let elect = Request::ElectLeader(ElectLeader { at: AT, to: Some(before.isr[2]) });
    assert_eq!(bench.ask(node, elect), Some(Reply::ElectLeader(Ok(()))));
    assert_eq!(only(&bench, node).leader, Some(before.isr[2]));
    let ids = AllocateProducerIds { broker: BrokerId(10), epoch: epochs[0] };
    let block = ProducerIds { first: ProducerId(0), count: 1_000 };
    let reply = bench.ask(node, Request::AllocateProducerIds(ids));
    assert_eq!(reply, Some(Reply::AllocateProducerIds(Ok(block))));
}

#[test]
fn whoever_does_not_decide_says_who_does() {
    let (mut bench, active, epochs) = cluster();
    let other = (active + 1) % 3;
    let refused = Refused::NotController { leader: Some(NodeId(active as u32)) };
    let wish = alter(&bench, active, epochs, &[BrokerId(10)]);
    assert_eq!(bench.ask(other, registration(13, 1)), Some(Reply::RegisterBroker(Err(refused))));
    assert_eq!(bench.ask(other, heartbeat(10, epochs[0])), Some(Reply::Heartbeat(Err(refused))));
    let read = bench.ask(other, fetch(0, Span::ZERO));
    assert_eq!(read, Some(Reply::FetchMetadata(Err(refused))));
    assert_eq!(bench.ask(other, wish), Some(Reply::AlterPartition { at: AT, result: Err(refused) }));
    assert_eq!(bench.ask(other, topic("more", 1)), Some(Reply::CreateTopic(Err(refused))));
}

#[test]
fn what_only_a_broker_can_do_is_refused_for_good() {
    let (mut bench, active, _) = cluster();
    let astray = Refused::InvalidRequest;
    assert_eq!(bench.ask(active, Request::Metadata), Some(Reply::Metadata(Err(astray))));
    assert_eq!(bench.ask(active, Request::InitProducerId), Some(Reply::InitProducerId(Err(astray))));
    assert!(!astray.is_retriable());
}

#[test]
fn of_two_wishes_about_the_same_registration_one_is_granted() {
    let (mut bench, active, epochs) = cluster();
    let isr = only(&bench, active).isr;
    let first = alter(&bench, active, epochs, &isr[..2]);
    let second = alter(&bench, active, epochs, &[isr[0], isr[2]]);
    let (first, second) = (bench.send(active, first), bench.send(active, second));
    bench.settle();
    let Some(Reply::AlterPartition { result: Ok(state), .. }) = bench.answer(first) else { panic!() };
    assert_eq!(state.isr, isr[..2]);
    let late = Reply::AlterPartition { at: AT, result: Err(Refused::InvalidUpdateVersion) };
    assert_eq!(bench.answer(second), Some(late));
}

#[test]
fn a_silent_broker_is_fenced_and_loses_its_leadership_and_a_heartbeat_brings_it_back() {
    let (mut bench, active, epochs) = cluster();
    let leader = only(&bench, active).leader.unwrap();
    for _ in 0..12 {
        bench.pass(Span::from_millis(100));
        for broker in (10..13).filter(|&broker| broker != leader.0) {
            bench.ask(active, heartbeat(broker, epochs[broker as usize - 10]));
        }
    }
    let after = only(&bench, active);
    assert!(!bench.controller(active).image().is_unfenced(leader));
    assert!(after.leader.is_some() && after.leader != Some(leader) && !after.isr.contains(&leader));
    assert_eq!(after.isr.len(), 2, "the others are alive");
    let back = bench.ask(active, heartbeat(leader.0, epochs[leader.0 as usize - 10]));
    assert_eq!(back, Some(Reply::Heartbeat(Ok(HeartbeatReply { fenced: false }))));
    bench.pass(Span::from_millis(200));
    assert!(bench.controller(active).image().is_unfenced(leader), "a fresh session came with it");
}

#[test]
fn a_second_life_is_registered_once_the_first_ones_session_is_over() {
    let (mut bench, active, epochs) = cluster();
    let refused = Refused::DuplicateBrokerRegistration { current: epochs[0] };
    let duplicate = Reply::RegisterBroker(Err(refused));
    assert_eq!(bench.ask(active, registration_after(epochs[0], 10, 2)), Some(duplicate.clone()));
    bench.pass(Span::from_millis(1_100));
    assert_eq!(bench.ask(active, registration(10, 2)), Some(duplicate), "it does not say whom it replaces");
    let reply = bench.ask(active, registration_after(epochs[0], 10, 2));
    let Some(Reply::RegisterBroker(Ok(epoch))) = reply else { panic!("{reply:?}") };
    assert!(epoch > epochs[0]);
    assert_eq!(bench.ask(active, registration(10, 2)), reply, "asked again, the same registration");
    let stale = Reply::Heartbeat(Err(Refused::StaleBrokerEpoch));
    assert_eq!(bench.ask(active, heartbeat(10, epochs[0])), Some(stale));
}

#[test]
fn a_new_reign_gives_every_broker_a_fresh_session() {
    let (mut bench, active, _) = cluster();
    bench.pass(Span::from_millis(700));
    bench.cut_off(active, true);
    let next = bench.until_active();
    assert_ne!(next, active);
    bench.pass(Span::from_millis(500));
    let image = bench.controller(next).image();
    assert!((10..13).all(|broker| image.is_unfenced(BrokerId(broker))), "silent for longer than a session");
}

#[test]
fn who_waits_for_a_controller_that_lost_its_reign_is_sent_away() {
    let (mut bench, active, _) = cluster();
    let end = bench.controller(active).image().end.0;
    bench.cut_off(active, true);
    let proposed = bench.send(active, topic("proposed", 1));
    let queued = bench.send(active, topic("queued", 1));
    let parked = bench.send(active, fetch(end, Span::from_secs(60)));
    bench.settle();
    for id in [proposed, queued, parked] {
        assert_eq!(bench.answer(id), None, "nothing is agreed without a majority");
    }
    bench.pass(Span::from_millis(700));
    assert!(!bench.controller(active).is_active());
    for id in [proposed, queued, parked] {
        let reply = bench.answer(id);
        let Some(Reply::CreateTopic(Err(refused)) | Reply::FetchMetadata(Err(refused))) = reply else {
            panic!("{reply:?}")
        };
        assert!(matches!(refused, Refused::NotController { .. }));
    }
    assert_eq!(bench.controller(active).image().end.0, end, "and nothing of it was applied");
}

#[test]
fn an_observer_waits_for_what_is_committed_and_no_longer_than_it_wished() {
    let (mut bench, active, _) = cluster();
    let end = bench.controller(active).image().end.0;
    let early = bench.send(active, fetch(end, Span::from_millis(500)));
    bench.settle();
    assert_eq!(bench.answer(early), None);
    bench.ask(active, topic("more", 1));
    let Some(Reply::FetchMetadata(Ok(update))) = bench.answer(early) else { panic!("not woken") };
    assert_eq!((update.base.0, update.records.len(), update.snapshot), (end, 2, None));

    let late = bench.send(active, fetch(end + 2, Span::from_millis(200)));
    bench.pass(Span::from_millis(150));
    assert_eq!(bench.answer(late), None);
    bench.pass(Span::from_millis(100));
    let nothing = MetadataUpdate { snapshot: None, base: Offset(end + 2), records: vec![] };
    assert_eq!(bench.answer(late), Some(Reply::FetchMetadata(Ok(nothing))));
}

#[test]
fn an_observer_never_hears_of_what_may_be_undone() {
    let (mut bench, active, _) = cluster();
    let end = bench.controller(active).image().end.0;
    bench.cut_off(active, true);
    bench.send(active, topic("undone", 1));
    let Some(Reply::FetchMetadata(Ok(update))) = bench.ask(active, fetch(end, Span::ZERO)) else { panic!() };
    assert_eq!(update.records, []);
}

#[test]
fn an_observer_that_is_far_behind_ends_with_the_same_image() {
    let mut bench = Bench::new(ControllerConfig { snapshot_every: 8, ..config(3) });
    let active = bench.until_active();
    for broker in 10..13 {
        join(&mut bench, active, broker);
    }
    for name in ["a", "b", "c", "d", "e"] {
        bench.ask(active, topic(name, 3));
    }
    let Some(Reply::FetchMetadata(Ok(update))) = bench.ask(active, fetch(0, Span::ZERO)) else { panic!() };
    let mut image = update.snapshot.expect("the records are gone").as_ref().clone();
    assert_eq!(update.base, image.end);
    for record in &update.records {
        image.apply(image.end, record);
    }
    assert_eq!(&image, bench.controller(active).image());
}

#[test]
fn a_controller_that_restarts_and_one_that_was_away_load_a_snapshot_and_agree() {
    let mut config = ControllerConfig { snapshot_every: 8, ..config(3) };
    // The log's start moves by whole segments.
    config.quorum.log.segment_bytes = 512;
    let mut bench = Bench::new(config);
    let active = bench.until_active();
    let away = (active + 1) % 3;
    bench.cut_off(away, true);
    for broker in 10..13 {
        join(&mut bench, active, broker);
    }
    for name in ["a", "b", "c", "d", "e"] {
        bench.ask(active, topic(name, 3));
    }
    bench.cut_off(away, false);
    bench.probes.clear();
    let restarted = (active + 2) % 3;
    bench.restart(restarted);
    bench.pass(Span::from_secs(2));
    let expected = bench.controller(active).image().clone();
    for node in 0..3 {
        assert_eq!(bench.controller(node).image().topics, expected.topics, "controller {node}");
    }
    for node in [restarted, away] {
        let loaded = bench.probes.iter().any(|(from, probe)| {
            from.index() == node && matches!(probe, Probe::Metadata(MetadataProbe::Loaded { .. }))
        });
        assert!(loaded, "controller {node} read records that are gone");
    }
}

#[test]
fn each_reign_decides_only_once_it_has_applied_all_that_was_committed() {
    let (mut bench, active, _) = cluster();
    let before = bench.controller(active).image().clone();
    bench.probes.clear();
    bench.step(active, |controller, env| controller.transfer_quorum(NodeId((active as u32 + 1) % 3), env));
    bench.settle();
    let next = bench.until_active();
    assert_eq!(next, (active + 1) % 3);
    let mine = bench.probes.iter().filter(|(node, _)| node.index() == next).map(|(_, probe)| probe);
    let mine: Vec<&Probe> = mine.filter(|probe| matches!(probe, Probe::Metadata(_))).collect();
    let decides = |probe: &&Probe| matches!(probe, Probe::Metadata(MetadataProbe::Active { .. }));
    let place = mine.iter().position(decides).expect("it decides");
    assert!(place > 0, "the reign's first entry is applied before");
    assert_eq!(bench.controller(next).image().topics, before.topics);
    let Probe::Metadata(MetadataProbe::Active { epoch }) = mine[place] else { unreachable!() };
    assert!(*epoch > LeaderEpoch(0) && *epoch == bench.controller(next).quorum().epoch());
}

#[test]
fn a_disk_that_fails_ends_all_answers() {
    let (mut bench, active, epochs) = cluster();
    bench.disk(active).fail_operation(0, DiskFault::Io);
    assert_eq!(bench.ask(active, topic("more", 1)), None);
    assert!(bench.controller(active).is_halted() && !bench.controller(active).is_active());
    assert_eq!(bench.ask(active, heartbeat(10, epochs[0])), None);
    let halted = (NodeId(active as u32), Probe::Metadata(MetadataProbe::Halted));
    assert_eq!(bench.probes.iter().filter(|probe| **probe == halted).count(), 1);
    let next = bench.until_active();
    assert_ne!(next, active, "the others go on");
}

#[test]
fn all_controllers_apply_the_same_records() {
    let (mut bench, active, epochs) = cluster();
    let isr = only(&bench, active).isr;
    let wish = alter(&bench, active, epochs, &isr[..1]);
    bench.ask(active, wish);
    bench.pass(Span::from_millis(400));
    let applied = |node: u32| {
        let of = bench.probes.iter().filter(move |(from, _)| *from == NodeId(node));
        of.filter_map(|(_, probe)| match probe {
            Probe::Metadata(MetadataProbe::Applied { offset, record }) => Some((*offset, record.clone())),
            Probe::Metadata(_)
            | Probe::Quorum(_)
            | Probe::Broker(_)
            | Probe::Replica(..)
            | Probe::Client(_)
            | Probe::Group(_)
            | Probe::Transaction(_)
            | Probe::Transacted(_)
            | Probe::Share(_) => None,
        })
        .collect::<Vec<_>>()
    };
    assert!(applied(0).len() > 8);
    assert_eq!((applied(0), applied(0)), (applied(1), applied(2)));
}
