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
        let at = TopicPartition { topic, partition: self.turn % partitions };
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
            if self.reading != Some(acquired) {
                self.reading = Some(acquired);
                if self.consumer.position(at).is_none_or(|position| position > offset) {
                    self.consumer.keep(&[]);
                    self.consumer.add(at, Start::At(offset), env);
                }
            }
            let record = self.consumer.poll(env);
            let is_before = record.as_ref().is_some_and(|record| record.offset < offset);
            if is_before {
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
                None => return None,
            }
            self.hand.pop_front();
            self.acknowledge(delivery, Verdict::Gap, env);
        }
        if self.reading.take().is_some() {
            self.consumer.keep(&[]);
        }
        None
    }
}
