//! Asking for records, and reading those that were acquired.

use crate::client::consumer::Start;
use crate::host::Host;
use crate::ids::{CorrelationId, TopicPartition};
use crate::probe::Probe;
use crate::refused::Refused;
use crate::share::message::{Acquired, ShareFetch, ShareRequest, Verdict};
use crate::share::probe::{SharePartition, ShareProbe};

use super::{Job, ShareConsumer};

/// So many fetches in a row at most are of one partition. Where others are empty each costs a whole wait; were there
/// no end to it, they would starve.
const STREAK: u32 = 8;

impl ShareConsumer {
    /// Asks for records of the partition whose turn it is.
    pub(super) fn acquire(&mut self, env: &mut Host<'_>) {
        let now = env.now();
        if !self.asking.is_free(now) {
            return;
        }
        let retry = self.config.consumer.retry_backoff;
        let topic = self.consumer.view().topic(&self.config.topic);
        let Some((topic, partitions)) = topic.filter(|(_, partitions)| *partitions > 0) else {
            self.asking.rest(retry, env);
            return self.consumer.want_metadata(env);
        };
        let view = self.consumer.view();
        self.unread.retain(|at| view.leader(*at).is_none());
        let of_turn = |turn: u32| TopicPartition { topic, partition: turn % partitions };
        let mut turns = (0..partitions).map(|step| self.turn.wrapping_add(step));
        let Some(turn) = turns.find(|turn| !self.unread.contains(&of_turn(*turn))) else {
            self.asking.rest(retry, env);
            return self.consumer.want_metadata(env);
        };
        self.turn = turn;
        let at = of_turn(turn);
        let of = SharePartition { group: self.config.group.clone(), at };
        let Some(leader) = self.leader(&of) else {
            self.turn = self.turn.wrapping_add(1);
            self.asking.rest(retry, env);
            return self.consumer.want_metadata(env);
        };
        self.asked = Some(at);
        let request = ShareRequest::Fetch(ShareFetch {
            group: of.group,
            at,
            member: self.member,
            max_records: self.config.max_records,
            max_wait: self.config.max_wait,
        });
        let id = self.send(leader, request, env);
        self.asking.sent(id, now + self.config.max_wait + self.config.consumer.request_timeout);
    }

    /// A fetch that was not answered in time is given up. What it brings later is nobody's until its lock runs out.
    pub(super) fn look_at_fetch(&mut self, env: &mut Host<'_>) {
        if self.asking.is_overdue(env.now()) {
            self.fetch_failed(env);
        }
    }

    fn fetch_failed(&mut self, env: &mut Host<'_>) {
        self.turn = self.turn.wrapping_add(1);
        self.asking.rest(self.config.consumer.retry_backoff, env);
        self.consumer.want_metadata(env);
    }

    pub(super) fn on_acquired(
        &mut self,
        id: CorrelationId,
        result: Result<Vec<Acquired>, Refused>,
        env: &mut Host<'_>,
    ) {
        if !self.asking.answered(id) {
            return;
        }
        let Ok(acquired) = result else { return self.fetch_failed(env) };
        self.asking.succeeded();
        self.streak = if acquired.is_empty() { STREAK } else { self.streak + 1 };
        if self.streak >= STREAK {
            self.turn = self.turn.wrapping_add(1);
            self.streak = 0;
        }
        for one in acquired {
            let Some(delivery) = self.delivery(one) else { continue };
            let (member, count) = (self.member, one.count);
            env.probe(Probe::Share(ShareProbe::Received { delivery, member, count }));
            self.hand.push_back(one);
        }
        if self.closed {
            self.close(env);
        }
    }

    /// The next record of those in hand, once it has been fetched. One that is not there is told so.
    pub(super) fn read(&mut self, env: &mut Host<'_>) -> Option<Job> {
        while let Some(&acquired) = self.hand.front() {
            let (at, offset) = (self.asked?, acquired.offset);
            let until = env.now() + self.config.give_up_after;
            if self.reading.is_none_or(|(reading, _)| reading != acquired) {
                self.reading = Some((acquired, until));
                if self.consumer.position(at).is_none_or(|position| position > offset) {
                    self.consumer.keep(&[]);
                    self.consumer.add(at, Start::At(offset), env);
                }
            }
            let record = self.consumer.poll(env);
            let is_before = record.as_ref().is_some_and(|record| record.offset < offset);
            if is_before {
                self.reading = Some((acquired, until));
                continue;
            }
            let delivery = self.delivery(acquired)?;
            match record {
                Some(record) if record.offset == offset => {
                    self.hand.pop_front();
                    let Acquired { count, returned, .. } = acquired;
                    return Some(Job { delivery, count, returned, record });
                }
                Some(_) => {}
                None if self.consumer.position(at).is_some_and(|position| position > offset) => {}
                None => {
                    if self.reading.is_some_and(|(_, until)| env.now() >= until) {
                        self.give_up(at, env);
                    }
                    return None;
                }
            }
            self.hand.pop_front();
            self.acknowledge(delivery, Verdict::Gap, env);
        }
        if self.reading.take().is_some() {
            self.consumer.keep(&[]);
        }
        None
    }

    /// What was acquired cannot be read. Records of other partitions would wait for it, and it may be for ever.
    fn give_up(&mut self, at: TopicPartition, env: &mut Host<'_>) {
        self.reading = None;
        if self.consumer.view().leader(at).is_none() {
            self.unread.push(at);
        }
        self.turn = self.turn.wrapping_add(1);
        self.streak = 0;
        self.release(env);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::consumer::{ConsumerConfig, Reset};
    use crate::client::testing::{NAME, World, metadata};
    use crate::client::worker::WorkerConfig;
    use crate::ids::{BrokerId, GroupId, LeaderEpoch, NodeId, Offset, TopicId, Turn};
    use crate::message::{ClusterMetadata, Isolation, PartitionMetadata, Reply, Request, TopicMetadata};
    use crate::quirk::Quirks;
    use crate::share::config::STATE_TOPIC;
    use crate::share::message::ShareReply;
    use crate::time::{Span, Time};

    const GIVE_UP: u64 = 500;

    fn worker() -> ShareConsumer {
        let consumer = ConsumerConfig {
            brokers: vec![NodeId(0)],
            max_bytes: 1_000,
            max_wait: Span::from_millis(50),
            request_timeout: Span::from_millis(100),
            retry_backoff: Span::from_millis(10),
            reset: Reset::Earliest,
            isolation: Isolation::ReadUncommitted,
            quirks: Quirks::NONE,
        };
        ShareConsumer::new(WorkerConfig {
            consumer,
            group: GroupId("workers".into()),
            topic: NAME.into(),
            max_records: 2,
            max_wait: Span::from_millis(50),
            metadata_max_age: Span::from_millis(200),
            give_up_after: Span::from_millis(GIVE_UP),
        })
    }

    /// Broker 0 leads the state and the second partition; the first is led by whom `first` says.
    fn known(version: u64, first: Option<u32>) -> ClusterMetadata {
        let state = PartitionMetadata { leader: Some(BrokerId(0)), epoch: LeaderEpoch(1) };
        let state = TopicMetadata { topic: TopicId(9), name: STATE_TOPIC.into(), partitions: vec![state] };
        let mut known = metadata(version, &[(first, version as u32), (Some(0), 1)]);
        known.topics.push(state);
        known
    }

    /// Which partitions a worker asked for, and what it released, with the millisecond.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Life {
        asked: Vec<u32>,
        released: Vec<(u64, Offset)>,
    }

    /// The worker's life up to `until`: of the first partition there are two records, of the second none.
    fn live(worker: &mut ShareConsumer, world: &mut World, first: Option<u32>, until: u64) -> Life {
        let mut life = Life::default();
        let acquired = |offset| Acquired { offset: Offset(offset), turn: Turn(1), count: 1, returned: 0 };
        loop {
            for sent in world.take() {
                let reply = if matches!(sent.request, Request::Metadata) {
                    Reply::Metadata(Ok(known(1 + u64::from(first.is_some()), first)))
                } else if let Request::Share(ShareRequest::Fetch(fetch)) = &sent.request {
                    life.asked.push(fetch.at.partition);
                    let some = if fetch.at.partition == 0 { vec![acquired(3), acquired(4)] } else { vec![] };
                    Reply::Share(ShareReply::Fetch(Ok(some)))
                } else if let Request::Share(ShareRequest::Acknowledge(said)) = &sent.request {
                    assert_eq!(said.verdict, Verdict::Release);
                    life.released.push((world.now.0 / 1_000_000, said.offset));
                    Reply::Share(ShareReply::Acknowledge(Ok(())))
                } else {
                    // Nobody is there to let it read.
                    continue;
                };
                worker.on_reply(sent.to, sent.id, reply, world);
                assert_eq!(worker.poll(world), None);
            }
            // A fetch that brings nothing takes a while.
            match world.ring(Time(until * 1_000_000).min(Time(world.now.0 + 5_000_000))) {
                Some(timer) => worker.on_timer(timer, world),
                None if world.now.0 >= until * 1_000_000 => return life,
                None => {}
            }
            assert_eq!(worker.poll(world), None);
        }
    }

    #[test]
    fn what_nobody_lets_it_read_is_released_and_others_are_acquired() {
        let (mut worker, mut world) = (worker(), World::default());
        worker.start(&mut world);
        worker.turn = 0;
        let life = live(&mut worker, &mut world, None, 450);
        assert_eq!((life.asked, life.released), (vec![0], Vec::new()), "it waits for what it acquired");
        let life = live(&mut worker, &mut world, None, 1_500);
        assert_eq!(
            life.released.iter().map(|(_, offset)| *offset).collect::<Vec<_>>(),
            [Offset(3), Offset(4)]
        );
        assert!(
            life.released.iter().all(|(at, _)| (GIVE_UP..GIVE_UP + 150).contains(at)),
            "{:?}",
            life.released
        );
        assert!(
            !life.asked.is_empty() && life.asked.iter().all(|partition| *partition == 1),
            "{:?}",
            life.asked
        );
        let life = live(&mut worker, &mut world, Some(0), 2_200);
        assert!(life.asked.contains(&0), "somebody leads it again: {:?}", life.asked);
    }
}
