//! What a producer does with what a scripted broker answers.

use super::*;
use crate::client::testing::{NAME, Sent, World, at, metadata};
use crate::env::{Clock, Entropy};
use crate::ids::{BrokerId, LeaderEpoch, ProducerEpoch, ProducerId};
use crate::message::{Produce, Produced, Request};
use crate::probe::ClientProbe;
use crate::quirk::Quirks;
use crate::record::{Batch, ProducerStamp};
use crate::time::Time;

pub(super) const TIMEOUT: Span = Span::from_millis(100);
pub(super) const DELIVERY: Span = Span::from_millis(1_000);

pub(super) fn config() -> ProducerConfig {
    ProducerConfig {
        acks: Acks::All,
        idempotent: true,
        linger: Span::ZERO,
        batch_bytes: 1_000,
        max_in_flight: MAX_IN_FLIGHT,
        request_timeout: TIMEOUT,
        delivery_timeout: DELIVERY,
        retry_backoff: Span::from_millis(10),
        metadata_max_age: Span::from_secs(60),
        brokers: vec![NodeId(0), NodeId(1), NodeId(2)],
        quirks: Quirks::NONE,
        transactional: None,
    }
}

/// A producer, its world, and an answer to everything but produce requests.
struct Bench {
    world: World,
    producer: Producer,
    metadata: crate::message::ClusterMetadata,
    next_producer_id: u64,
    produced: Vec<Sent>,
}

/// A produce request that went out.
#[derive(Debug)]
struct Out {
    to: NodeId,
    id: CorrelationId,
    at: TopicPartition,
    batch: Batch,
}

impl Out {
    fn values(&self) -> Vec<String> {
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        self.batch.records().map(|record| text(record.value.unwrap())).collect()
    }

    fn stamp(&self) -> (u64, u32) {
        let ProducerStamp { id, base, .. } = self.batch.producer().unwrap();
        (id.0, base.0)
    }
}

impl Bench {
    fn new(config: ProducerConfig, partitions: u32) -> Self {
        let leaders: Vec<_> = (0..partitions).map(|p| (Some(p % 3), 1)).collect();
        let mut world = World::default();
        let mut producer = Producer::new(config).unwrap();
        producer.start(&mut world);
        let mut bench =
            Self { world, producer, metadata: metadata(1, &leaders), next_producer_id: 70, produced: vec![] };
        bench.answer();
        bench
    }

    /// Answers whatever is not a produce request, until nothing of that is left.
    fn answer(&mut self) {
        loop {
            let (produced, other): (Vec<_>, Vec<_>) =
                self.world.take().into_iter().partition(|sent| matches!(sent.request, Request::Produce(_)));
            self.produced.extend(produced);
            if other.is_empty() {
                return;
            }
            for sent in other {
                let reply = if sent.request == Request::Metadata {
                    Reply::Metadata(Ok(self.metadata.clone()))
                } else {
                    self.next_producer_id += 1;
                    Reply::InitProducerId(Ok((ProducerId(self.next_producer_id), ProducerEpoch(0))))
                };
                self.producer.on_reply(sent.to, sent.id, reply, &mut self.world);
            }
        }
    }

    fn send(&mut self, value: &str) -> Ticket {
        self.send_keyed(None, value)
    }

    fn send_keyed(&mut self, key: Option<&str>, value: &str) -> Ticket {
        let key = key.map(|key| Bytes::copy_from_slice(key.as_bytes()));
        let value = Bytes::copy_from_slice(value.as_bytes());
        let ticket = self.producer.send(NAME, key, value, Headers::new(), &mut self.world);
        self.answer();
        ticket
    }

    fn pass(&mut self, span: Span) {
        let until = self.world.now() + span;
        while let Some(timer) = self.world.ring(until) {
            self.producer.on_timer(timer, &mut self.world);
            self.answer();
        }
    }

    /// The produce requests since the last call.
    fn out(&mut self) -> Vec<Out> {
        self.answer();
        let out = std::mem::take(&mut self.produced);
        let read = |sent: Sent| {
            let Request::Produce(Produce { at, batch, .. }) = sent.request else { unreachable!() };
            Out { to: sent.to, id: sent.id, at, batch: Batch::parse(batch).unwrap().0 }
        };
        out.into_iter().map(read).collect()
    }

    fn ok(&mut self, out: &Out, base: u64) {
        self.reply(out, Ok(Produced { base: Offset(base) }));
    }

    fn refuse(&mut self, out: &Out, refused: Refused) {
        self.reply(out, Err(refused));
    }

    fn reply(&mut self, out: &Out, result: Result<Produced, Refused>) {
        self.producer.on_reply(out.to, out.id, Reply::Produce { at: out.at, result }, &mut self.world);
        self.answer();
    }

    fn delivered(&mut self) -> Vec<(u64, Result<Option<u64>, bool>)> {
        std::iter::from_fn(|| self.producer.poll())
            .map(|d| {
                let outcome =
                    d.outcome.map(|(_, offset)| offset.map(|o| o.0)).map_err(|error| error.definite);
                (d.ticket.0, outcome)
            })
            .collect()
    }
}

#[test]
fn settings_that_contradict_each_other_make_no_producer() {
    let error = |config| Producer::new(config).err();
    let acks = ProducerConfig { acks: Acks::Leader, ..config() };
    assert_eq!(error(acks), Some(BadConfig::IdempotentWithoutAcksAll));
    assert_eq!(error(ProducerConfig { max_in_flight: 6, ..config() }), Some(BadConfig::InFlight));
    assert_eq!(error(ProducerConfig { max_in_flight: 0, ..config() }), Some(BadConfig::InFlight));
    assert_eq!(error(ProducerConfig { brokers: vec![], ..config() }), Some(BadConfig::NoBroker));
}

#[test]
fn five_batches_are_in_flight_and_the_rest_waits_in_one_batch() {
    let mut bench = Bench::new(config(), 1);
    for n in 0..8 {
        bench.send(&n.to_string());
    }
    let out = bench.out();
    let stamps: Vec<_> = out.iter().map(Out::stamp).collect();
    assert_eq!(stamps, [(71, 0), (71, 1), (71, 2), (71, 3), (71, 4)]);
    bench.ok(&out[0], 0);
    let next = bench.out();
    assert_eq!((next[0].stamp(), next[0].values()), ((71, 5), vec!["5".into(), "6".into(), "7".into()]));
    bench.ok(&next[0], 5);
    assert_eq!(bench.delivered(), [(0, Ok(Some(0))), (5, Ok(Some(5))), (6, Ok(Some(6))), (7, Ok(Some(7)))]);
    assert_eq!(bench.producer.pending(), 4);
}

#[test]
fn a_batch_sent_again_is_still_among_the_five_that_a_broker_remembers() {
    let mut bench = Bench::new(config(), 1);
    for n in 0..5 {
        bench.send(&n.to_string());
    }
    let out = bench.out();
    for (out, base) in out[1..].iter().zip(1..) {
        bench.ok(out, base);
    }
    bench.send("5");
    assert!(bench.out().is_empty(), "the sixth waits, though only one is unresolved");
}

#[test]
fn a_refused_batch_and_its_successors_are_sent_again_in_order_under_their_stamps() {
    let mut bench = Bench::new(config(), 1);
    for n in 0..3 {
        bench.send(&n.to_string());
    }
    let out = bench.out();
    bench.refuse(&out[2], Refused::UnknownProducerId);
    bench.refuse(&out[1], Refused::OutOfOrderSequenceNumber);
    bench.refuse(&out[0], Refused::NotEnoughReplicas);
    bench.send("3");
    assert!(bench.out().is_empty(), "nothing new overtakes a retry");
    bench.pass(Span::from_millis(13));
    let again = bench.out();
    let stamps: Vec<_> = again.iter().take(3).map(|out| (out.stamp(), out.values())).collect();
    assert_eq!(
        stamps,
        [
            ((71, 0), vec!["0".to_string()]),
            ((71, 1), vec!["1".to_string()]),
            ((71, 2), vec!["2".to_string()])
        ]
    );
    assert_eq!(again.len(), 4, "and then the new one");
    let retried = ClientProbe::Retried { at: at(0) };
    assert_eq!(bench.world.probes.iter().filter(|&probe| *probe == retried).count(), 3);
}

#[test]
fn a_gap_reported_after_its_predecessor_was_acknowledged_is_no_loss() {
    let mut bench = Bench::new(config(), 1);
    bench.send("0");
    bench.send("1");
    let out = bench.out();
    // The second overtook the first; then the first's reply overtook the second's.
    bench.ok(&out[0], 0);
    bench.refuse(&out[1], Refused::OutOfOrderSequenceNumber);
    bench.pass(Span::from_millis(13));
    let again = bench.out();
    assert_eq!(again[0].stamp(), (71, 1));
    bench.refuse(&again[0], Refused::OutOfOrderSequenceNumber);
    assert_eq!(bench.delivered(), [(0, Ok(Some(0))), (1, Err(false))], "now it is");
    bench.send("2");
    assert_eq!(bench.out()[0].stamp(), (72, 0));
}

#[test]
fn a_late_answer_to_an_abandoned_attempt_counts_for_its_own_batch_only() {
    let mut bench = Bench::new(config(), 1);
    bench.send("0");
    bench.send("1");
    let out = bench.out();
    bench.pass(Span::from_millis(115));
    let again = bench.out();
    assert_eq!(again.len(), 2);
    bench.ok(&out[1], 8);
    bench.ok(&out[1], 8);
    assert_eq!(bench.delivered(), [(1, Ok(Some(8)))]);
    bench.ok(&again[1], 8);
    assert!(bench.delivered().is_empty(), "delivered already");
    bench.refuse(&again[0], Refused::DuplicateSequenceNumber);
    assert_eq!(bench.delivered(), [(0, Ok(None))]);
    assert!(bench.producer.is_idle());
}

#[test]
fn replies_to_a_former_life_mean_nothing() {
    let mut old = Bench::new(config(), 1);
    old.send("0");
    let stale = old.out();
    let mut bench = Bench::new(config(), 1);
    bench.world.draw();
    bench.producer.start(&mut bench.world);
    bench.answer();
    bench.send("0");
    bench.ok(&stale[0], 5);
    assert!(bench.delivered().is_empty());
}

#[test]
fn what_was_never_sent_fails_definitely() {
    let mut bench = Bench::new(config(), 1);
    bench.producer.send("unknown", None, Bytes::new(), Headers::new(), &mut bench.world);
    bench.pass(DELIVERY);
    assert_eq!(bench.delivered(), [(0, Err(true))]);
    assert_eq!(bench.producer.pending(), 0);
}

#[test]
fn what_nobody_answered_fails_indefinitely_at_its_deadline() {
    let mut bench = Bench::new(config(), 1);
    bench.send("0");
    bench.pass(Span::from_millis(999));
    assert!(bench.delivered().is_empty());
    bench.pass(Span::from_millis(1));
    assert_eq!(bench.delivered(), [(0, Err(false))]);
}

#[test]
fn what_a_deposed_leader_may_have_written_or_a_copy_may_bring_yet_fails_indefinitely() {
    let deposed = Refused::NotLeaderOrFollower { leader: None, epoch: LeaderEpoch(2) };
    let doubted = [
        Refused::RequestTimedOut,
        Refused::NotEnoughReplicasAfterAppend,
        Refused::NotEnoughReplicas,
        Refused::InvalidProducerEpoch,
        deposed,
    ];
    for refused in doubted {
        let mut bench = Bench::new(config(), 1);
        bench.send("0");
        let out = bench.out();
        bench.metadata = metadata(2, &[(None, 2)]);
        bench.refuse(&out[0], refused);
        bench.pass(DELIVERY);
        assert_eq!(bench.delivered(), [(0, Err(false))], "{refused}");
    }
}

#[test]
fn what_no_broker_takes_fails_definitely() {
    let mut bench = Bench::new(config(), 1);
    bench.send("0");
    let out = bench.out();
    bench.refuse(&out[0], Refused::MessageTooLarge);
    assert_eq!(bench.delivered(), [(0, Err(true))]);
}

#[test]
fn after_an_expiry_nothing_new_is_sent_until_all_in_flight_is_resolved() {
    let mut bench = Bench::new(config(), 1);
    bench.send("0");
    bench.pass(Span::from_millis(500));
    bench.out();
    // The first one's attempts are never answered; the second goes out behind one of them.
    bench.send("1");
    bench.pass(Span::from_millis(500));
    assert_eq!(bench.delivered(), [(0, Err(false))]);
    let ones: Vec<_> = bench.out().into_iter().filter(|out| out.values() == ["1"]).collect();
    assert!(!ones.is_empty() && ones.iter().all(|out| out.stamp() == (71, 1)));
    bench.send("2");
    assert!(bench.out().is_empty(), "the old stream has a batch in flight");
    bench.ok(&ones[0], 9);
    let next = bench.out();
    assert_eq!((next[0].stamp(), next[0].values()), ((72, 0), vec!["2".into()]));
}

#[test]
fn a_poisoned_batch_fails_at_once_and_takes_nobody_along() {
    let mut bench = Bench::new(config(), 1);
    for n in 0..3 {
        bench.send(&n.to_string());
    }
    let out = bench.out();
    bench.refuse(&out[1], Refused::MessageTooLarge);
    bench.refuse(&out[2], Refused::OutOfOrderSequenceNumber);
    assert!(bench.out().is_empty(), "the first is unresolved");
    bench.ok(&out[0], 0);
    let next = bench.out();
    assert_eq!((next[0].stamp(), next[0].values()), ((72, 0), vec!["2".into()]));
    assert_eq!(bench.delivered(), [(1, Err(true)), (0, Ok(Some(0)))]);
}

#[test]
fn a_stream_that_retention_forgot_fails_what_is_under_way_and_then_begins_anew() {
    let mut bench = Bench::new(config(), 1);
    bench.send("0");
    let out = bench.out();
    bench.ok(&out[0], 0);
    bench.send("1");
    let out = bench.out();
    assert_eq!(out[0].stamp(), (71, 1));
    bench.refuse(&out[0], Refused::UnknownProducerId);
    assert_eq!(bench.delivered(), [(0, Ok(Some(0))), (1, Err(false))]);
    bench.send("2");
    assert_eq!(bench.out()[0].stamp(), (72, 0));
}

#[test]
fn a_batch_of_unknown_fate_is_never_sent_under_another_id() {
    let mut bench = Bench::new(config(), 1);
    bench.send("0");
    let out = bench.out();
    bench.ok(&out[0], 0);
    bench.send("1");
    bench.pass(Span::from_millis(115));
    let out = bench.out();
    bench.refuse(&out[1], Refused::UnknownProducerId);
    assert_eq!(bench.delivered(), [(0, Ok(Some(0))), (1, Err(false))]);
    assert!(bench.out().is_empty());
}

#[test]
fn a_refusal_that_names_the_leader_sends_the_retry_there() {
    let mut bench = Bench::new(config(), 1);
    bench.send("0");
    let out = bench.out();
    let refused = Refused::NotLeaderOrFollower { leader: Some(BrokerId(2)), epoch: LeaderEpoch(2) };
    bench.refuse(&out[0], refused);
    bench.pass(Span::from_millis(13));
    assert_eq!(bench.out()[0].to, NodeId(2), "though metadata still names the old leader");
}

#[test]
fn without_idempotence_one_batch_at_a_time_keeps_the_order() {
    let mut bench = Bench::new(ProducerConfig { acks: Acks::Leader, idempotent: false, ..config() }, 1);
    bench.send("0");
    bench.send("1");
    let out = bench.out();
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].batch.producer(), None);
    bench.pass(Span::from_millis(115));
    assert_eq!(bench.out()[0].values(), ["0"]);
    bench.ok(&out[0], 0);
    assert_eq!(bench.out()[0].values(), ["1"]);
}

#[test]
fn with_acks_none_sending_is_delivery() {
    let mut bench = Bench::new(ProducerConfig { acks: Acks::None, idempotent: false, ..config() }, 1);
    bench.send("0");
    bench.send("1");
    assert_eq!(bench.delivered(), [(0, Ok(None)), (1, Ok(None))]);
    assert_eq!(bench.out().len(), 2);
    assert!(bench.producer.is_idle());
}

#[test]
fn a_lingering_batch_leaves_when_it_is_full_or_the_time_is_up() {
    let linger = Span::from_millis(5);
    let mut bench = Bench::new(ProducerConfig { linger, batch_bytes: 300, ..config() }, 1);
    bench.send("a");
    bench.send("b");
    assert!(bench.out().is_empty());
    bench.pass(linger);
    assert_eq!(bench.out()[0].values(), ["a", "b"]);
    bench.send(&"c".repeat(200));
    assert!(bench.out().is_empty());
    bench.send(&"d".repeat(200));
    let out = bench.out();
    assert_eq!(out.len(), 1, "the second opened a batch of its own, which lingers");
    assert!(out[0].batch.size() <= 300);
}

#[test]
fn records_without_a_key_spread_by_batches_that_differ_by_one_at_most() {
    let linger = Span::from_millis(5);
    let mut bench = Bench::new(ProducerConfig { linger, batch_bytes: 200, max_in_flight: 5, ..config() }, 3);
    let mut shares = [0; 3];
    for n in 0..100 {
        bench.send(&format!("{n:020}"));
        if n % 9 == 0 {
            bench.pass(linger);
        }
        for out in bench.out() {
            shares[out.at.partition as usize] += 1;
            bench.ok(&out, 0);
        }
    }
    bench.pass(linger);
    for out in bench.out() {
        shares[out.at.partition as usize] += 1;
    }
    let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
    assert!(*least > 5 && most - least <= 1, "{shares:?}");
}

#[test]
fn a_lost_leader_does_not_swallow_the_records_without_a_key() {
    let mut bench = Bench::new(config(), 2);
    bench.metadata = metadata(2, &[(None, 2), (Some(1), 1)]);
    bench.pass(Span::from_secs(61));
    for n in 0..6 {
        bench.send(&n.to_string());
    }
    let sent: Vec<_> = bench.out().iter().flat_map(Out::values).collect();
    assert_eq!(sent.len(), 3, "every other one: {sent:?}");
}

#[test]
fn a_key_always_goes_to_the_same_partition() {
    let mut bench = Bench::new(config(), 5);
    for n in 0..20 {
        bench.send_keyed(Some("foobar"), &n.to_string());
        bench.send(&n.to_string());
        for out in bench.out() {
            if out.batch.records().next().unwrap().key.is_some() {
                // toPositive(-790332482) % 5
                assert_eq!(out.at.partition, 1_357_151_166 % 5);
            }
            bench.ok(&out, n);
        }
    }
    assert!(bench.producer.is_idle() || bench.producer.pending() == 0);
}

#[test]
fn a_clock_set_back_does_not_put_off_a_retry_or_a_deadline() {
    let mut bench = Bench::new(config(), 1);
    bench.pass(Span::from_secs(50));
    bench.send("0");
    bench.out();
    bench.world.set_back(Span::from_secs(40));
    bench.pass(Span::from_millis(130));
    assert_eq!(bench.out().len(), 1);
    bench.pass(DELIVERY + DELIVERY);
    assert_eq!(bench.delivered(), [(0, Err(false))]);
}

#[test]
fn a_producer_that_cannot_reach_anybody_asks_one_after_the_other_with_growing_pauses() {
    let mut world = World::default();
    let mut producer = Producer::new(config()).unwrap();
    producer.start(&mut world);
    producer.send(NAME, None, Bytes::new(), Headers::new(), &mut world);
    while let Some(timer) = world.ring(Time::ZERO + DELIVERY) {
        producer.on_timer(timer, &mut world);
    }
    let asked: Vec<_> = world
        .take()
        .into_iter()
        .filter(|sent| sent.request == Request::Metadata)
        .map(|sent| sent.to)
        .collect();
    assert!((5..=9).contains(&asked.len()), "{asked:?}");
    assert!([NodeId(0), NodeId(1), NodeId(2)].iter().all(|broker| asked.contains(broker)));
    assert!(producer.poll().is_some_and(|delivery| delivery.outcome.is_err_and(|error| error.definite)));
}
