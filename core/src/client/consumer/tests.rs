//! What a consumer does with what a scripted broker answers.

use super::*;
use crate::client::testing::{NAME, Sent, World, at, metadata};
use crate::env::Clock;
use crate::ids::BrokerId;
use crate::ids::{ProducerEpoch, ProducerId, Sequence};
use crate::message::{
    AbortedTransaction, EpochEnd, EpochEndOffset, Fetch, Fetched, Isolation, ListOffsets, Place, Request,
    Stable,
};
use crate::probe::ClientProbe;
use crate::record::{BatchBuilder, Ending, Marker, ProducerStamp};
use crate::refused::Refused;

const TIMEOUT: Span = Span::from_millis(100);
const WAIT: Span = Span::from_millis(50);

fn config(reset: Reset) -> ConsumerConfig {
    ConsumerConfig {
        brokers: vec![NodeId(0), NodeId(1)],
        max_bytes: 1_000,
        max_wait: WAIT,
        request_timeout: TIMEOUT,
        retry_backoff: Span::from_millis(10),
        reset,
        isolation: Isolation::ReadUncommitted,
        quirks: Quirks::NONE,
    }
}

struct Bench {
    world: World,
    consumer: Consumer,
}

/// A batch of `count` records from `base` on; their values are their offsets.
fn batch(base: u64, count: u64, epoch: u32) -> Bytes {
    build(base, count, epoch, false)
}

fn build(base: u64, count: u64, epoch: u32, control: bool) -> Bytes {
    let mut builder = BatchBuilder::new();
    for offset in base..base + count {
        builder.add(Some(b"key"), Some(offset.to_string().as_bytes()), &[], offset);
    }
    if control {
        builder.set_control();
    }
    builder.build().placed(Offset(base), LeaderEpoch(epoch)).bytes().clone()
}

fn joined(batches: &[Bytes]) -> Bytes {
    batches.concat().into()
}

fn fetched(batches: Bytes) -> Fetched {
    Fetched {
        stable: None,
        leader_epoch: LeaderEpoch(1),
        high_watermark: Some(Offset(100)),
        log_start: Offset(0),
        diverging: None,
        batches,
    }
}

impl Bench {
    /// Partition 0 is led by node 0, partition 1 by node 1, both in epoch 1.
    fn new(reset: Reset, assignments: &[(u32, Start)]) -> Self {
        let mut bench = Self { world: World::default(), consumer: Consumer::new(config(reset)) };
        bench.consumer.start(&mut bench.world);
        let assignments = assignments.iter().map(|&(p, start)| (Arc::from(NAME), p, start)).collect();
        bench.consumer.assign(assignments, &mut bench.world);
        bench.learn(1, &[(Some(0), 1), (Some(1), 1)]);
        bench
    }

    /// Reading partition 0 from offset 0 on, the first fetch under way.
    fn reading(reset: Reset) -> Self {
        Self::new(reset, &[(0, Start::At(Offset(0)))])
    }

    /// Hands over metadata, asked for or not.
    fn learn(&mut self, version: u64, leaders: &[(Option<u32>, u32)]) {
        let id = match self.world.sent.iter().position(|sent| sent.request == Request::Metadata) {
            Some(place) => self.world.sent.remove(place).id,
            None => CorrelationId(0),
        };
        let reply = Reply::Metadata(Ok(metadata(version, leaders)));
        self.consumer.on_reply(NodeId(0), id, reply, &mut self.world);
    }

    /// The one request that went out to a partition's leader since the last call.
    fn asked(&mut self) -> Sent {
        let mut sent = self.requests();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    fn requests(&mut self) -> Vec<Sent> {
        let sent = self.world.take();
        sent.into_iter().filter(|sent| sent.request != Request::Metadata).collect()
    }

    fn asked_fetch(&mut self) -> (Sent, Fetch) {
        let sent = self.asked();
        let Request::Fetch(fetch) = sent.request else { panic!("no fetch: {sent:?}") };
        (sent, fetch)
    }

    fn fetch_reply(&mut self, to: &Sent, result: Result<Fetched, Refused>) {
        let Request::Fetch(Fetch { at, .. }) = to.request else { panic!("no fetch: {to:?}") };
        self.consumer.on_reply(to.to, to.id, Reply::Fetch { at, result }, &mut self.world);
    }

    fn answer_fetch(&mut self, batches: Bytes) {
        let (sent, _) = self.asked_fetch();
        self.fetch_reply(&sent, Ok(fetched(batches)));
    }

    fn answer_epoch_end(&mut self, asked_about: u32, answer: Option<u32>, end: u64) {
        let sent = self.asked();
        let Request::EpochEnd(EpochEnd { at, epoch, .. }) = sent.request else { panic!("{sent:?}") };
        assert_eq!(epoch, LeaderEpoch(asked_about));
        let result = Ok(EpochEndOffset { epoch: answer.map(LeaderEpoch), end: Offset(end) });
        self.consumer.on_reply(sent.to, sent.id, Reply::EpochEnd { at, result }, &mut self.world);
    }

    fn answer_place(&mut self, wanted: Place, result: Result<u64, Refused>) {
        let sent = self.asked();
        let Request::ListOffsets(ListOffsets { at, place, .. }) = sent.request else { panic!("{sent:?}") };
        assert_eq!(place, wanted);
        let result = result.map(Offset);
        self.consumer.on_reply(sent.to, sent.id, Reply::ListOffsets { at, result }, &mut self.world);
    }

    fn poll_all(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.consumer.poll(&mut self.world)).map(|record| record.offset.0).collect()
    }

    fn pass(&mut self, span: Span) {
        let until = self.world.now() + span;
        while let Some(timer) = self.world.ring(until) {
            self.consumer.on_timer(timer, &mut self.world);
        }
    }

    fn position(&self) -> Option<u64> {
        self.consumer.position(at(0)).map(|offset| offset.0)
    }

    fn moves(&self) -> Vec<(u64, u64, bool)> {
        self.world
            .probes
            .iter()
            .filter_map(|probe| match probe {
                ClientProbe::Repositioned { from, to, truncated, .. } => Some((from.0, to.0, *truncated)),
                ClientProbe::Sent { .. }
                | ClientProbe::Delivered { .. }
                | ClientProbe::Undelivered { .. }
                | ClientProbe::Identified { .. }
                | ClientProbe::Retried { .. }
                | ClientProbe::Consumed { .. } => None,
            })
            .collect()
    }
}

#[test]
fn records_come_in_order_and_the_next_fetch_when_all_are_polled() {
    let mut bench = Bench::reading(Reset::None);
    bench.answer_fetch(joined(&[batch(0, 2, 1), batch(2, 1, 1)]));
    assert!(bench.requests().is_empty(), "nothing is fetched ahead of the application");
    let first = bench.consumer.poll(&mut bench.world).unwrap();
    assert_eq!((first.offset, first.epoch, first.timestamp), (Offset(0), LeaderEpoch(1), 0));
    assert_eq!((first.key.as_deref(), first.value.as_deref()), (Some(&b"key"[..]), Some(&b"0"[..])));
    assert_eq!(bench.position(), Some(1));
    assert_eq!(bench.poll_all(), [1, 2]);
    assert_eq!(bench.consumer.high_watermark(at(0)), Some(Offset(100)));
    let (_, fetch) = bench.asked_fetch();
    assert_eq!((fetch.offset, fetch.last_epoch), (Offset(3), Some(LeaderEpoch(1))));
}

#[test]
fn what_lies_before_the_position_and_control_batches_are_passed_over() {
    let mut bench = Bench::new(Reset::None, &[(0, Start::At(Offset(2)))]);
    bench.answer_fetch(joined(&[batch(0, 4, 1), build(4, 1, 1, true), batch(5, 1, 1), build(6, 1, 1, true)]));
    assert_eq!(bench.poll_all(), [2, 3, 5]);
    assert_eq!(bench.asked_fetch().1.offset, Offset(7));
}

#[test]
fn a_batch_with_a_flipped_bit_is_fetched_again_and_never_handed_out() {
    let mut bench = Bench::reading(Reset::None);
    let mut damaged = joined(&[batch(0, 1, 1), batch(1, 1, 1)]).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    bench.answer_fetch(damaged.into());
    assert_eq!(bench.poll_all(), [0]);
    assert!(bench.requests().is_empty(), "not at once: the leader would be asked without end");
    bench.pass(Span::from_millis(13));
    assert_eq!(bench.asked_fetch().1.offset, Offset(1));
}

#[test]
fn late_and_doubled_replies_hand_nothing_out_twice() {
    let mut bench = Bench::reading(Reset::None);
    let (first, _) = bench.asked_fetch();
    bench.pass(WAIT + TIMEOUT + Span::from_millis(13));
    let (second, _) = bench.asked_fetch();
    bench.fetch_reply(&first, Ok(fetched(batch(0, 1, 1))));
    assert!(bench.poll_all().is_empty(), "given up");
    bench.fetch_reply(&second, Ok(fetched(batch(0, 2, 1))));
    bench.fetch_reply(&second, Ok(fetched(batch(0, 2, 1))));
    assert_eq!(bench.poll_all(), [0, 1]);
    bench.fetch_reply(&second, Ok(fetched(batch(0, 2, 1))));
    assert!(bench.poll_all().is_empty());
    assert_eq!(bench.position(), Some(2));
}

#[test]
fn a_new_leader_is_asked_about_the_position_before_anything_is_read_from_it() {
    let mut bench = Bench::reading(Reset::None);
    bench.answer_fetch(batch(0, 3, 1));
    assert_eq!(bench.poll_all(), [0, 1, 2]);
    let (old, _) = bench.asked_fetch();
    bench.learn(2, &[(Some(1), 2)]);
    bench.answer_epoch_end(1, Some(1), 3);
    let (sent, fetch) = bench.asked_fetch();
    assert_eq!((sent.to, fetch.leader_epoch, fetch.offset), (NodeId(1), LeaderEpoch(2), Offset(3)));
    bench.fetch_reply(&old, Ok(fetched(batch(3, 1, 1))));
    assert!(bench.poll_all().is_empty(), "the old leader is not listened to any more");
    assert!(bench.moves().is_empty());
}

#[test]
fn a_truncated_log_that_grew_again_is_noticed() {
    let mut bench = Bench::reading(Reset::Latest);
    bench.answer_fetch(batch(0, 10, 1));
    bench.poll_all();
    bench.requests();
    bench.learn(2, &[(Some(1), 3)]);
    bench.answer_epoch_end(1, Some(1), 6);
    assert_eq!(bench.moves(), [(10, 6, true)]);
    let event = Event::Truncated { at: at(0), from: Offset(10), to: Offset(6) };
    assert_eq!(bench.consumer.poll_event(), Some(event));
    bench.answer_epoch_end(1, Some(1), 6);
    bench.answer_fetch(batch(6, 4, 3));
    assert_eq!(bench.poll_all(), [6, 7, 8, 9]);
}

#[test]
fn a_leader_without_the_epoch_last_read_is_met_where_the_histories_part() {
    let mut bench = Bench::reading(Reset::Earliest);
    bench.answer_fetch(joined(&[batch(0, 5, 1), batch(5, 3, 2), batch(8, 2, 4)]));
    bench.poll_all();
    bench.requests();
    bench.learn(2, &[(Some(1), 5)]);
    // The leader has epoch 3 up to 100: an end beyond the position, of records never read here.
    bench.answer_epoch_end(4, Some(3), 100);
    assert_eq!(bench.moves(), [(10, 8, true)]);
    bench.answer_epoch_end(2, Some(1), 20);
    assert_eq!(bench.moves(), [(10, 8, true), (8, 5, true)]);
    bench.answer_epoch_end(1, Some(1), 20);
    assert_eq!(bench.asked_fetch().1.offset, Offset(5));
}

#[test]
fn a_fetch_answered_with_a_divergence_steps_back() {
    let mut bench = Bench::reading(Reset::Earliest);
    bench.answer_fetch(batch(0, 10, 1));
    bench.poll_all();
    let (sent, _) = bench.asked_fetch();
    let diverging = |end| Some(EpochEndOffset { epoch: Some(LeaderEpoch(1)), end: Offset(end) });
    bench.fetch_reply(&sent, Ok(Fetched { diverging: diverging(4), ..fetched(Bytes::new()) }));
    assert_eq!(bench.moves(), [(10, 4, true)]);
    bench.answer_epoch_end(1, Some(1), 4);
    let (sent, _) = bench.asked_fetch();
    bench.fetch_reply(&sent, Ok(Fetched { diverging: diverging(9), ..fetched(Bytes::new()) }));
    assert!(bench.requests().is_empty(), "a divergence that is none is not asked about without pause");
    assert_eq!(bench.position(), Some(4));
}

#[test]
fn without_a_reset_policy_a_truncation_waits_for_the_application() {
    let mut bench = Bench::reading(Reset::None);
    bench.answer_fetch(batch(0, 10, 1));
    bench.poll_all();
    bench.requests();
    bench.learn(2, &[(Some(1), 2)]);
    bench.answer_epoch_end(1, Some(1), 6);
    bench.pass(Span::from_secs(5));
    assert!(bench.requests().is_empty() && bench.moves().is_empty());
    assert!(bench.consumer.poll_event().is_some());
    bench.consumer.seek(at(0), Start::At(Offset(6)), &mut bench.world);
    assert_eq!(bench.asked_fetch().1.offset, Offset(6));
    assert_eq!(bench.moves(), [(10, 6, false)]);
}

#[test]
fn out_of_range_goes_where_the_policy_says() {
    for (reset, place, target) in [(Reset::Earliest, Place::Earliest, 20), (Reset::Latest, Place::Latest, 90)]
    {
        let mut bench = Bench::reading(reset);
        let (sent, _) = bench.asked_fetch();
        bench.fetch_reply(&sent, Err(Refused::OffsetOutOfRange));
        bench.answer_place(place, Ok(target));
        assert_eq!(bench.moves(), [(0, target, false)]);
        assert_eq!(bench.asked_fetch().1.offset, Offset(target));
    }
    let mut bench = Bench::reading(Reset::None);
    let (sent, _) = bench.asked_fetch();
    bench.fetch_reply(&sent, Err(Refused::OffsetOutOfRange));
    bench.pass(Span::from_secs(5));
    assert!(bench.requests().is_empty());
    assert_eq!(bench.consumer.poll_event(), Some(Event::OutOfRange { at: at(0), from: Offset(0) }));
}

#[test]
fn a_start_is_found_even_if_a_new_leader_does_not_know_it_yet() {
    let mut bench = Bench::new(Reset::None, &[(0, Start::Latest)]);
    assert_eq!(bench.position(), None);
    bench.answer_place(Place::Latest, Err(Refused::OffsetNotAvailable));
    assert!(bench.requests().is_empty());
    bench.pass(Span::from_millis(13));
    bench.answer_place(Place::Latest, Ok(42));
    assert_eq!(bench.asked_fetch().1.offset, Offset(42));
    assert!(bench.moves().is_empty(), "a first position is no move");
}

#[test]
fn a_refusal_that_names_the_new_leader_leads_there() {
    let mut bench = Bench::reading(Reset::None);
    let (sent, _) = bench.asked_fetch();
    let refused = Refused::NotLeaderOrFollower { leader: Some(BrokerId(1)), epoch: LeaderEpoch(2) };
    bench.fetch_reply(&sent, Err(refused));
    bench.pass(Span::from_millis(13));
    assert_eq!(bench.asked_fetch().0.to, NodeId(1));
}

#[test]
fn a_silent_leader_is_asked_again_and_metadata_with_it() {
    let mut bench = Bench::reading(Reset::None);
    bench.asked_fetch();
    bench.pass(WAIT + TIMEOUT);
    assert!(bench.world.take().iter().any(|sent| sent.request == Request::Metadata));
    bench.pass(Span::from_millis(13));
    assert_eq!(bench.asked_fetch().1.offset, Offset(0));
}

#[test]
fn each_partition_has_one_fetch_under_way_and_a_new_assignment_keeps_positions() {
    let mut bench = Bench::new(Reset::None, &[(0, Start::At(Offset(0))), (1, Start::At(Offset(7)))]);
    let sent = bench.requests();
    assert_eq!(sent.iter().map(|sent| sent.to).collect::<Vec<_>>(), [NodeId(0), NodeId(1)]);
    bench.fetch_reply(&sent[0], Ok(fetched(batch(0, 3, 1))));
    bench.fetch_reply(&sent[1], Ok(fetched(batch(7, 1, 1))));
    assert_eq!(bench.poll_all(), [0, 1, 2, 7]);
    bench.consumer.assign(vec![(NAME.into(), 0, Start::Earliest)], &mut bench.world);
    assert_eq!((bench.position(), bench.consumer.position(at(1))), (Some(3), None));
}

/// A transactional batch of `count` records.
fn transactional(producer: u64, base: u64, count: u64) -> Bytes {
    let mut builder = BatchBuilder::new();
    for offset in base..base + count {
        builder.add(None, Some(offset.to_string().as_bytes()), &[], offset);
    }
    let stamp = ProducerStamp { id: ProducerId(producer), epoch: ProducerEpoch(0), base: Sequence(0) };
    builder.set_producer(stamp).set_transactional();
    builder.build().placed(Offset(base), LeaderEpoch(1)).bytes().clone()
}

fn marker(producer: u64, offset: u64, ending: Ending) -> Bytes {
    let marker = Marker {
        producer: ProducerId(producer),
        epoch: ProducerEpoch(1),
        coordinator_epoch: LeaderEpoch(0),
        ending,
    };
    marker.batch(offset).placed(Offset(offset), LeaderEpoch(1)).bytes().clone()
}

#[test]
fn what_was_aborted_is_passed_over_up_to_its_marker() {
    let mut bench = Bench::reading(Reset::Earliest);
    let (sent, _) = bench.asked_fetch();
    let batches = [
        transactional(7, 0, 2),
        transactional(8, 2, 2),
        batch(4, 1, 1),
        marker(7, 5, Ending::Abort),
        // The same producer's next one is committed, and the one after that aborted again.
        transactional(7, 6, 1),
        marker(8, 7, Ending::Commit),
        marker(7, 8, Ending::Commit),
        transactional(7, 9, 1),
        marker(7, 10, Ending::Abort),
    ];
    let aborted =
        |first, producer| AbortedTransaction { first: Offset(first), producer: ProducerId(producer) };
    let stable = Stable { last_stable: Offset(11), aborted: vec![aborted(0, 7), aborted(9, 7)] };
    bench.fetch_reply(&sent, Ok(Fetched { stable: Some(stable), ..fetched(joined(&batches)) }));
    assert_eq!(bench.poll_all(), [2, 3, 4, 6]);
    assert_eq!(
        bench.consumer.position(at(0)),
        Some(Offset(11)),
        "markers and what was aborted are behind it"
    );
}

#[test]
fn without_a_list_everything_but_markers_is_handed_out() {
    let mut bench = Bench::reading(Reset::Earliest);
    let (sent, _) = bench.asked_fetch();
    let batches = [transactional(7, 0, 2), marker(7, 2, Ending::Abort), batch(3, 1, 1)];
    bench.fetch_reply(&sent, Ok(fetched(joined(&batches))));
    assert_eq!(bench.poll_all(), [0, 1, 3]);
}
