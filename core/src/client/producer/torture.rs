//! A producer against one partition in a hostile world: requests and replies are lost, late, doubled and
//! overtaken, leaders change and refuse, and the log keeps Kafka's rules of idempotence.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::tests::{DELIVERY, config};
use super::*;
use crate::client::testing::{NAME, Sent, World, at, metadata};
use crate::ids::{BrokerId, LeaderEpoch, ProducerEpoch, ProducerId};
use crate::log::{Check, ProducerTable};
use crate::message::{Produce, Produced, Request};
use crate::record::Batch;
use crate::time::Time;

/// Every decision of the world. At its end the world is kind, so a shorter tape is a simpler failure.
struct Tape {
    bytes: Vec<u8>,
    next: usize,
}

impl Tape {
    fn byte(&mut self) -> u8 {
        self.next += 1;
        self.bytes.get(self.next - 1).copied().unwrap_or(255)
    }

    /// True in `per_256` of 256 cases.
    fn chance(&mut self, per_256: u8) -> bool {
        self.byte() < per_256
    }
}

enum Arrival {
    Request(Sent),
    Reply(NodeId, CorrelationId, Reply),
}

struct Cluster {
    tape: Tape,
    doubles: bool,
    wire: BTreeMap<(Time, u64), Arrival>,
    count: u64,
    leader: u32,
    epoch: u32,
    next_producer_id: u64,
    table: ProducerTable,
    /// The values in the log; the place is the offset.
    log: Vec<u64>,
}

impl Cluster {
    fn post(&mut self, now: Time, arrival: Arrival) {
        let delay = match self.tape.byte() {
            late @ 0..24 => Span::from_millis(u64::from(late) * 20),
            quick => Span::from_millis(u64::from(quick % 16)),
        };
        self.count += 1;
        self.wire.insert((now + delay, self.count), arrival);
    }

    fn request(&mut self, now: Time, sent: Sent) {
        if self.doubles && self.tape.chance(24) {
            self.post(now, Arrival::Request(sent.clone()));
        }
        if !self.tape.chance(40) {
            self.post(now, Arrival::Request(sent));
        }
    }

    fn serve(&mut self, now: Time, sent: Sent) {
        if self.tape.chance(16) {
            self.epoch += 1;
            self.leader = u32::from(self.tape.byte()) % 3;
        }
        let reply = match sent.request {
            Request::Produce(produce) => {
                Reply::Produce { at: at(0), result: self.produce(sent.to, &produce) }
            }
            Request::InitProducerId => {
                self.next_producer_id += 1;
                Reply::InitProducerId(Ok((ProducerId(self.next_producer_id), ProducerEpoch(0))))
            }
            Request::Metadata
            | Request::RegisterBroker(_)
            | Request::Heartbeat(_)
            | Request::FetchMetadata(_)
            | Request::AlterPartition(_)
            | Request::CreateTopic(_)
            | Request::AllocateProducerIds(_)
            | Request::ElectLeader(_)
            | Request::Fetch(_)
            | Request::EpochEnd(_)
            | Request::ListOffsets(_)
            | Request::Group(_)
            | Request::Transaction(_)
            | Request::Share(_) => {
                assert_eq!(sent.request, Request::Metadata, "a producer asks nothing else");
                // Some brokers lag behind.
                let behind = u32::from(self.tape.chance(60)).min(self.epoch - 1);
                let leader = if behind == 0 { self.leader } else { 1 };
                let epoch = self.epoch - behind;
                Reply::Metadata(Ok(metadata(u64::from(epoch), &[(Some(leader), epoch)])))
            }
        };
        if !self.tape.chance(40) {
            if self.doubles && self.tape.chance(24) {
                self.post(now, Arrival::Reply(sent.to, sent.id, reply.clone()));
            }
            self.post(now, Arrival::Reply(sent.to, sent.id, reply));
        }
    }

    fn produce(&mut self, to: NodeId, produce: &Produce) -> Result<Produced, Refused> {
        let epoch = LeaderEpoch(self.epoch);
        if to != NodeId(self.leader) {
            let leader = self.tape.chance(128).then_some(BrokerId(self.leader));
            return Err(Refused::NotLeaderOrFollower { leader, epoch });
        }
        if self.tape.chance(24) {
            return Err(Refused::NotEnoughReplicas);
        }
        let (batch, _) = Batch::parse(produce.batch.clone()).unwrap();
        let base = Offset(self.log.len() as u64);
        let check = batch.producer().map_or(Ok(Check::New), |stamp| self.table.check(stamp, batch.count()));
        if let Check::Duplicate { base, .. } = check? {
            return Ok(Produced { base });
        }
        self.table.apply(batch.placed(base, epoch).header(), batch.placed(base, epoch).bytes());
        for record in batch.records() {
            self.log.push(u64::from_be_bytes(record.value.unwrap().try_into().unwrap()));
        }
        match self.tape.byte() {
            0..12 => Err(Refused::RequestTimedOut),
            12..24 => Err(Refused::NotEnoughReplicasAfterAppend),
            24.. => Ok(Produced { base }),
        }
    }
}

/// What became of each record, by ticket.
type Fates = Vec<Option<Result<Option<Offset>, bool>>>;

fn run(config: ProducerConfig, tape: Vec<u8>, doubles: bool, records: u64) -> (Fates, Vec<u64>) {
    let mut world = World::default();
    let mut cluster = Cluster {
        tape: Tape { bytes: tape, next: 0 },
        doubles,
        wire: BTreeMap::new(),
        count: 0,
        leader: 0,
        epoch: 1,
        next_producer_id: 0,
        table: ProducerTable::new(),
        log: Vec::new(),
    };
    let mut producer = Producer::new(config).unwrap();
    let mut fates: Fates = vec![None; records as usize];
    let mut handed_in = Vec::new();
    producer.start(&mut world);
    let mut next_send = Time::ZERO;
    loop {
        let now = world.now;
        for sent in world.take() {
            cluster.request(now, sent);
        }
        for delivery in std::iter::from_fn(|| producer.poll()) {
            let ticket = delivery.ticket.0 as usize;
            assert!(now.since(handed_in[ticket]) <= DELIVERY, "reported after its deadline");
            let fate = delivery.outcome.map(|(_, offset)| offset).map_err(|error| error.definite);
            assert!(fates[ticket].replace(fate).is_none(), "reported twice");
        }
        let sends = handed_in.len() < records as usize;
        let arrival = cluster.wire.first_key_value().map(|(&(time, _), _)| time);
        let until = match (arrival, sends) {
            (Some(arrival), true) => arrival.min(next_send),
            (Some(arrival), false) => arrival,
            (None, true) => next_send,
            (None, false) => now + DELIVERY,
        };
        if let Some(timer) = world.ring(until) {
            producer.on_timer(timer, &mut world);
        } else if sends && until == next_send {
            let value = Bytes::copy_from_slice(&(handed_in.len() as u64).to_be_bytes());
            handed_in.push(world.now);
            producer.send(NAME, None, value, Headers::new(), &mut world);
            next_send = until + Span::from_millis(u64::from(cluster.tape.byte() % 32));
        } else if let Some((_, arrival)) = cluster.wire.pop_first() {
            match arrival {
                Arrival::Request(sent) => cluster.serve(world.now, sent),
                Arrival::Reply(from, id, reply) => producer.on_reply(from, id, reply, &mut world),
            }
        }
        if !sends && producer.is_idle() && cluster.wire.is_empty() && world.sent.is_empty() {
            return (fates, cluster.log);
        }
    }
}

/// Every record has a fate, and the log agrees with it.
fn check_fates(fates: &Fates, log: &[u64]) {
    for (record, fate) in (0u64..).zip(fates) {
        match fate.expect("every record is reported") {
            Ok(Some(offset)) => assert_eq!(log[offset.0 as usize], record),
            Ok(None) => assert!(log.contains(&record)),
            Err(true) => {
                assert!(!log.contains(&record), "{record} was definitely not written")
            }
            Err(false) => {}
        }
    }
}

fn check_exactly_once_in_order(fates: &Fates, log: &[u64]) {
    let mut seen = BTreeSet::new();
    assert!(log.iter().all(|record| seen.insert(record)), "a duplicate: {log:?}");
    let delivered: Vec<_> =
        log.iter().filter(|&&record| matches!(fates[record as usize], Some(Ok(_)))).collect();
    assert!(delivered.is_sorted(), "out of order: {delivered:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_idempotent_producer_neither_doubles_nor_reorders(
        tape in prop::collection::vec(any::<u8>(), 0..3_000),
        doubles: bool,
        in_flight in 1usize..=5,
        linger in 0u64..20,
        batch_bytes in prop::sample::select(vec![64usize, 150, 1_000]),
    ) {
        let linger = Span::from_millis(linger);
        let config = ProducerConfig { max_in_flight: in_flight, linger, batch_bytes, ..config() };
        let (fates, log) = run(config, tape, doubles, 60);
        // A request that the network doubled may be written after its twin was refused.
        check_fates(&fates, &log);
        check_exactly_once_in_order(&fates, &log);
    }

    #[test]
    fn without_idempotence_every_record_still_has_a_fate_that_holds(
        tape in prop::collection::vec(any::<u8>(), 0..3_000),
        doubles: bool,
        all: bool,
    ) {
        let acks = if all { Acks::All } else { Acks::Leader };
        let config = ProducerConfig { acks, idempotent: false, ..config() };
        let (fates, log) = run(config, tape, doubles, 40);
        check_fates(&fates, &log);
    }
}

#[test]
fn in_a_kind_world_everything_is_delivered_once() {
    let (fates, log) = run(config(), Vec::new(), false, 100);
    assert!(fates.iter().all(|fate| matches!(fate, Some(Ok(Some(_))))));
    assert_eq!(log, (0..100).collect::<Vec<_>>());
}
