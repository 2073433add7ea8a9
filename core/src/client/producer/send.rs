//! What goes out when: first sends in order, retries in order, and attempts that nobody answered.
//!
//! Everything that may change what a partition can send ends in [`Partition::pump`].

use crate::host::Host;
use crate::ids::{NodeId, TopicPartition};
use crate::message::{Acks, Message, Produce, Request};
use crate::probe::{ClientProbe, Probe};
use crate::time::Time;
use crate::timer::ClientTimer;

use super::accumulate::Partition;
use super::batch::{Attempt, Batch};
use super::{Producer, Shared};
use crate::client::alarm::is_due;
use crate::client::backoff;

impl Producer {
    /// A partition's timer rang.
    pub(super) fn on_partition_timer(&mut self, at: TopicPartition, env: &mut Host<'_>) {
        if let Some((partition, shared)) = self.partition_mut(at) {
            partition.alarm.rang();
            partition.pump(shared, env);
        }
    }
}

impl Partition {
    /// Does all that can be done now, and sets the timer for what comes next.
    pub(super) fn pump(&mut self, shared: &mut Shared, env: &mut Host<'_>) {
        if self.queue.is_empty() && self.flight.is_empty() {
            return;
        }
        self.abandon_unanswered(shared, env);
        self.send_again(shared, env);
        self.end_stream();
        self.send_new(shared, env);
        self.set_alarm(shared, env);
    }

    /// Gives up waiting for answers that are too late. They still count if they come.
    fn abandon_unanswered(&mut self, shared: &mut Shared, env: &mut Host<'_>) {
        let now = env.now();
        for batch in &mut self.flight {
            if let Attempt::Asked { until, .. } = batch.attempt
                && is_due(until, shared.config.request_timeout, now)
            {
                batch.failures += 1;
                batch.abandon(now + backoff::wait(shared.config.retry_backoff, batch.failures, env));
                shared.want_metadata(env);
            }
        }
    }

    /// Sends due retries, in order: one that is not due holds back those behind it.
    fn send_again(&mut self, shared: &mut Shared, env: &mut Host<'_>) {
        let now = env.now();
        let longest = backoff::longest(shared.config.retry_backoff);
        for (index, batch) in self.flight.iter_mut().enumerate() {
            let Attempt::Waiting { until } = batch.attempt else { continue };
            if !is_due(until, longest, now) {
                return;
            }
            let Some(leader) = shared.discovery.view.leader(self.at) else {
                return shared.want_metadata(env);
            };
            batch.follows = index > 0;
            transmit(batch, self.at, leader, shared, env);
            env.probe(Probe::Client(ClientProbe::Retried { at: self.at }));
        }
    }

    /// Sends batches for the first time, as far as the window allows.
    fn send_new(&mut self, shared: &mut Shared, env: &mut Host<'_>) {
        while self.next_is_ready(shared, env) && self.has_window(shared) && shared.may_send() {
            let Some(leader) = shared.discovery.view.leader(self.at) else {
                return shared.want_metadata(env);
            };
            if shared.config.idempotent && !self.name_stream(shared, env) {
                return;
            }
            let mut batch = self.queue.pop_front().expect("a batch is ready");
            let stamp = self.stream.stamp(batch.count());
            batch.follows = !self.flight.is_empty();
            batch.seal(stamp, shared);
            transmit(&mut batch, self.at, leader, shared, env);
            match shared.config.acks {
                Acks::None => batch.succeed(self.at, None, shared),
                Acks::Leader | Acks::All => self.flight.push_back(batch),
            }
        }
    }

    /// The first unsent batch has lingered, or has no room left.
    fn next_is_ready(&self, shared: &Shared, env: &Host<'_>) -> bool {
        let config = &shared.config;
        self.queue.front().is_some_and(|batch| {
            self.queue.len() > 1
                || batch.size_max >= config.batch_bytes
                || shared.transactions.as_ref().is_some_and(|transactions| transactions.hurries())
                || is_due(batch.opened + config.linger, config.linger, env.now())
        })
    }

    /// Whether one more batch may be on its way. Counted from the oldest unresolved one, so that whatever is
    /// sent again is still among those the broker remembers.
    fn has_window(&self, shared: &Shared) -> bool {
        let Some(oldest) = self.flight.front() else { return true };
        let in_window =
            self.queue.front().is_some_and(|next| next.number - oldest.number < shared.in_flight_max());
        // Behind a batch that waits for its retry a new one could only be refused as out of order.
        in_window && self.flight.iter().all(|batch| matches!(batch.attempt, Attempt::Asked { .. }))
    }

    fn set_alarm(&mut self, shared: &Shared, env: &mut Host<'_>) {
        let now = env.now();
        let mut next: Option<Time> = None;
        let mut consider = |at: Time| next = Some(next.map_or(at, |next| next.min(at)));
        for batch in &self.flight {
            match batch.attempt {
                Attempt::Asked { until, .. } => consider(until),
                // A retry that is due and not sent waits for metadata, not for a time.
                Attempt::Waiting { until } if until > now => consider(until),
                Attempt::Waiting { .. } => {}
            }
        }
        if let Some(batch) = self.queue.front()
            && !self.next_is_ready(shared, env)
        {
            consider(batch.opened + shared.config.linger);
        }
        if let Some(next) = next {
            self.alarm.by(ClientTimer::Partition(self.at), next, env);
        }
    }
}

/// Sends a batch that has its bytes.
fn transmit(batch: &mut Batch, at: TopicPartition, leader: NodeId, shared: &mut Shared, env: &mut Host<'_>) {
    let timeout = shared.config.request_timeout;
    let id = shared.numbers.next();
    let bytes = batch.wire.clone().expect("made before the first send");
    let request = Request::Produce(Produce {
        at,
        acks: shared.config.acks,
        timeout,
        batch: bytes,
        transactional: shared.transactions.as_ref().map(|transactions| transactions.name().clone()),
    });
    env.send(leader, Message::Request { id, request });
    batch.attempt = Attempt::Asked { id, until: env.now() + timeout };
}
