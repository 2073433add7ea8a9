//! Random schedules: producers that write, end, start anew and go silent, brokers that lead, crash and come back,
//! messages in any order, lost and doubled. Whatever happens, in the end every transaction is decided as its
//! producer was told, in every partition alike.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use squall_core::env::{Input, Process};
use squall_core::ids::{
    BrokerId, CorrelationId, LeaderEpoch, NodeId, Offset, ProducerEpoch, ProducerId, Sequence, TopicId,
    TopicPartition, TransactionalId,
};
use squall_core::message::{Acks, Message, Produce, Reply, Request};
use squall_core::quirk::Quirks;
use squall_core::record::{Batch, BatchBuilder, Ending, ProducerStamp, batches};
use squall_core::time::Span;
use squall_core::timer::{Timer, TransactionTimer};
use squall_core::transaction::message::{EndTxn, InitTransactional, TransactionReply, TransactionRequest};

use super::conversations::{cluster, decide, settle};
use crate::partition::world::{AT, World};
use crate::support::bench::{Packet, Said};

const PRODUCERS: u32 = 2;
const PARTITIONS: [TopicPartition; 2] =
    [TopicPartition { topic: TopicId(1), partition: 0 }, TopicPartition { topic: TopicId(1), partition: 1 }];

#[derive(Debug, Clone)]
enum Op {
    Start(u32),
    Write(u32, usize),
    End(u32, bool),
    Deliver(Index),
    Lose(Index),
    Double(Index),
    Expire(bool),
    Lead(u32),
    Settle,
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0..PRODUCERS;
    prop_oneof![
        1 => who.clone().prop_map(Op::Start),
        8 => (who.clone(), 0..2usize).prop_map(|(who, at)| Op::Write(who, at)),
        5 => (who, any::<bool>()).prop_map(|(who, commit)| Op::End(who, commit)),
        8 => any::<Index>().prop_map(Op::Deliver),
        1 => any::<Index>().prop_map(Op::Lose),
        3 => any::<Index>().prop_map(Op::Double),
        1 => any::<bool>().prop_map(Op::Expire),
        1 => (1..=3u32).prop_map(Op::Lead),
        20 => Just(Op::Settle),
    ]
}

/// A producer as it sees itself.
#[derive(Debug, Clone, Default)]
struct Client {
    /// Grows with each transaction and each start: answers to what was asked before are not heard.
    life: u64,
    identity: Option<(ProducerId, ProducerEpoch)>,
    /// The next sequence in each partition.
    next: [u32; 2],
    /// What it wrote in this transaction and was told is there.
    written: Vec<u64>,
    /// It has asked for the end, and was not told.
    ending: bool,
}

impl Client {
    fn begin(&mut self, identity: Option<(ProducerId, ProducerEpoch)>) {
        *self = Self { life: self.life + 1, identity, ..Self::default() };
    }
}

/// What is on its way to an answer.
#[derive(Debug, Clone)]
enum Asked {
    Start,
    Write(u64),
    End(Ending),
}

struct Story {
    world: World,
    clients: Vec<Client>,
    asked: BTreeMap<CorrelationId, (u32, u64, Asked)>,
    records: u64,
    leader: u32,
    epoch: u32,
    /// What producers were told of their records.
    told: BTreeMap<u64, Ending>,
}

impl Story {
    fn new() -> Self {
        let mut story = Self {
            world: cluster(3, 2, Quirks::NONE),
            clients: vec![Client::default(); PRODUCERS as usize],
            asked: BTreeMap::new(),
            records: 0,
            leader: 0,
            epoch: 0,
            told: BTreeMap::new(),
        };
        story.lead(1);
        // A first request makes each broker ask for producer ids.
        for node in 1..=3 {
            story.world.bench.with(NodeId(node), |process, env| {
                let (from, id) = (NodeId(199), CorrelationId(0));
                let message = Message::Request { id, request: Request::InitProducerId };
                process.step(Input::Deliver { from, message }, env);
            });
            story.world.allocate(NodeId(node), 100);
        }
        story
    }

    fn lead(&mut self, leader: u32) {
        if self.leader == leader {
            return;
        }
        (self.leader, self.epoch) = (leader, self.epoch + 1);
        let all = [AT, PARTITIONS[0], PARTITIONS[1]];
        let isr: Vec<_> = (1..=3).map(BrokerId).collect();
        decide(&mut self.world, &all, Some(BrokerId(leader)), LeaderEpoch(self.epoch), &isr);
        settle(&mut self.world);
    }

    fn ask(&mut self, who: u32, what: Asked, request: Request) {
        let id = CorrelationId(1_000 + self.asked.len() as u64);
        self.asked.insert(id, (who, self.clients[who as usize].life, what));
        let (from, to) = (NodeId(100 + who), NodeId(self.leader));
        self.world.bench.pool.push(Packet { from, to, message: Message::Request { id, request } });
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Start(who) => self.start(who),
            Op::Write(who, at) => self.write(who, at),
            Op::End(who, commit) => self.end(who, if commit { Ending::Commit } else { Ending::Abort }),
            Op::Deliver(index) => self.with_packet(&index, |bench, place| bench.deliver(place)),
            Op::Lose(index) => self.with_packet(&index, |bench, place| drop(bench.pool.remove(place))),
            Op::Double(index) => self.with_packet(&index, |bench, place| {
                let copy = bench.pool[place].clone();
                bench.pool.push(copy);
            }),
            Op::Expire(deadline) => {
                let timer = if deadline { TransactionTimer::Deadline } else { TransactionTimer::Markers };
                self.world.bench.expire(NodeId(self.leader), Timer::Transaction(AT, timer));
            }
            Op::Lead(leader) => self.lead(leader),
            Op::Settle => self.settle(),
        }
        self.hear();
    }

    fn settle(&mut self) {
        for _ in 0..4 {
            let everybody: Vec<_> = (1..=3).chain(100..100 + PRODUCERS).map(NodeId).collect();
            self.world.bench.stabilize(&everybody[..3]);
            while let Some(place) = self.world.bench.pool.iter().position(|packet| packet.from.0 >= 100) {
                self.world.bench.deliver(place);
            }
        }
        self.world.bench.stabilize(&[NodeId(1), NodeId(2), NodeId(3)]);
    }

    fn with_packet(
        &mut self,
        index: &Index,
        act: impl FnOnce(&mut crate::support::bench::Bench<crate::partition::world::Node>, usize),
    ) {
        let is_ours = |packet: &Packet<Message>| packet.to.0 <= 3;
        let places: Vec<_> = (0..self.world.bench.pool.len())
            .filter(|place| is_ours(&self.world.bench.pool[*place]))
            .collect();
        if !places.is_empty() {
            act(&mut self.world.bench, places[index.index(places.len())]);
        }
    }

    fn start(&mut self, who: u32) {
        self.clients[who as usize].begin(None);
        let request =
            InitTransactional { transactional: name(who), timeout: Span::from_millis(60_000), current: None };
        self.ask(who, Asked::Start, Request::Transaction(TransactionRequest::Init(request)));
    }

    fn write(&mut self, who: u32, at: usize) {
        let client = &mut self.clients[who as usize];
        if client.ending {
            return;
        }
        let Some((id, epoch)) = client.identity else { return self.start(who) };
        let base = Sequence(client.next[at]);
        client.next[at] += 1;
        self.records += 1;
        let record = self.records;
        let mut builder = BatchBuilder::new();
        builder.add(None, Some(&record.to_be_bytes()), &[], 0);
        builder.set_producer(ProducerStamp { id, epoch, base }).set_transactional();
        let request = Produce {
            at: PARTITIONS[at],
            acks: Acks::All,
            timeout: Span::from_secs(5),
            batch: builder.build().bytes().clone(),
            transactional: Some(name(who)),
        };
        self.ask(who, Asked::Write(record), Request::Produce(request));
    }

    fn end(&mut self, who: u32, ending: Ending) {
        let client = &mut self.clients[who as usize];
        let Some((producer, epoch)) = client.identity.filter(|_| !client.ending) else { return };
        client.ending = true;
        let request = EndTxn { transactional: name(who), producer, epoch, ending };
        self.ask(who, Asked::End(ending), Request::Transaction(TransactionRequest::End(request)));
    }

    /// Clients hear their answers; each at most once.
    fn hear(&mut self) {
        for said in self.world.bench.take_said() {
            let Said::Sent(Packet { to, message: Message::Reply { id, reply }, .. }) = said else { continue };
            if to.0 < 100 {
                continue;
            }
            let Some((who, life, what)) = self.asked.get(&id).cloned() else { continue };
            if life == self.clients[who as usize].life {
                self.answered(who, what, &reply);
            }
        }
        self.world.bench.pool.retain(|packet| packet.to.0 <= 9);
    }

    fn answered(&mut self, who: u32, what: Asked, reply: &Reply) {
        let client = &mut self.clients[who as usize];
        match (what, reply) {
            (Asked::Start, Reply::Transaction(TransactionReply::Init(Ok(identity)))) => {
                client.begin(Some(*identity));
            }
            (Asked::Write(record), Reply::Produce { result: Ok(_), .. }) => client.written.push(record),
            (Asked::End(ending), Reply::Transaction(TransactionReply::End(Ok(identity)))) => {
                for record in std::mem::take(&mut client.written) {
                    self.told.insert(record, ending);
                }
                client.begin(Some(*identity));
            }
            // Whatever went wrong: it has to start anew.
            (_, _) => client.begin(None),
        }
    }

    /// Time passes until nothing is open any more.
    fn finish(&mut self) {
        self.settle();
        self.lead(self.leader % 3 + 1);
        for _ in 0..30 {
            self.settle();
            self.hear();
            let node = NodeId(self.leader);
            self.world.bench.expire(node, Timer::Transaction(AT, TransactionTimer::Markers));
            self.world.bench.expire(node, Timer::Transaction(AT, TransactionTimer::Deadline));
        }
        self.settle();
        self.hear();
    }

    /// What each record came to, by the leader's log.
    fn outcomes(&mut self, at: TopicPartition) -> BTreeMap<u64, Ending> {
        let node = NodeId(self.leader);
        let partition =
            self.world.bench.process(node).and_then(|node| node.0.partition(at)).expect("a leader").clone();
        assert_eq!(partition.high_watermark(), partition.log().log_end(), "everything is committed");
        assert_eq!(partition.last_stable(), partition.log().log_end(), "nothing is open in {at}");
        let end = partition.log().log_end();
        let mut all: Vec<Batch> = Vec::new();
        while all.last().map_or(Offset::ZERO, Batch::next_offset) < end {
            let from = all.last().map_or(Offset::ZERO, Batch::next_offset);
            let bytes =
                partition.read_own(from, end, 100_000, self.world.bench.seat_mut(node)).expect("a sound log");
            all.extend(batches(bytes).map(|batch| batch.expect("a sound batch")));
        }
        let (mut open, mut outcomes) = (BTreeMap::<ProducerId, Vec<u64>>::new(), BTreeMap::new());
        for batch in all {
            let (id, _) = batch.identity().expect("a producer");
            match batch.marker() {
                Some(marker) => {
                    for record in open.remove(&id).unwrap_or_default() {
                        outcomes.insert(record, marker.ending);
                    }
                }
                None => {
                    let record = batch
                        .records()
                        .next()
                        .and_then(|record| record.value)
                        .and_then(|value| value.try_into().ok());
                    open.entry(id).or_default().push(u64::from_be_bytes(record.expect("eight bytes")));
                }
            }
        }
        outcomes
    }
}

fn name(who: u32) -> TransactionalId {
    TransactionalId(format!("tx{who}").into())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_transaction_ends_as_its_producer_was_told(ops in vec(op(), 40..160)) {
        let mut story = Story::new();
        for op in ops {
            story.run(op);
        }
        story.finish();
        let mut outcomes = story.outcomes(PARTITIONS[0]);
        outcomes.extend(story.outcomes(PARTITIONS[1]));
        for (record, ending) in &story.told {
            prop_assert_eq!(outcomes.get(record), Some(ending), "record {}", record);
        }
    }
}
