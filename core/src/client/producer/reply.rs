//! What an answer means for its batch.
//!
//! An answer is matched to the attempt it belongs to. The newest attempt's answer decides what to do next; an
//! older attempt's, late, only adds to what is known: that the batch is written, or that this attempt is not.

use crate::host::Host;
use crate::ids::{CorrelationId, Offset, TopicPartition};
use crate::message::Produced;
use crate::refused::Refused;

use super::accumulate::Partition;
use super::batch::{Attempt, Batch};
use super::verdict::{Verdict, judge};
use super::{Producer, Shared};
use crate::client::backoff;

impl Producer {
    /// The answer to a produce request.
    pub(super) fn on_produced(
        &mut self,
        id: CorrelationId,
        at: TopicPartition,
        result: Result<Produced, Refused>,
        env: &mut Host<'_>,
    ) {
        let Some((partition, shared)) = self.partition_mut(at) else { return };
        let Some((index, newest)) = partition.find(id) else { return };
        match (result, newest) {
            (Ok(produced), _) => partition.written(index, Some(produced.base), shared, env),
            (Err(refused), true) => partition.on_refused(index, refused, shared, env),
            (Err(refused), false) => partition.on_late_refusal(index, id, refused, shared, env),
        }
        partition.pump(shared, env);
    }
}

impl Partition {
    /// The batch that was sent under `id`, and whether that was the newest attempt.
    fn find(&self, id: CorrelationId) -> Option<(usize, bool)> {
        self.flight.iter().enumerate().find_map(|(index, batch)| match batch.attempt {
            Attempt::Asked { id: newest, .. } if newest == id => Some((index, true)),
            Attempt::Asked { .. } | Attempt::Waiting { .. } => {
                batch.abandoned.contains(&id).then_some((index, false))
            }
        })
    }

    /// The batch is in the log.
    fn written(&mut self, index: usize, base: Option<Offset>, shared: &mut Shared, env: &Host<'_>) {
        let batch = self.flight.remove(index).expect("found just above");
        batch.succeed(self.at, base, shared);
        // What was refused for want of this batch need not wait any longer.
        for later in self.flight.range_mut(index..) {
            if let Attempt::Waiting { .. } = later.attempt
                && later.refused.is_some_and(|refused| judge(refused) == Verdict::Gap)
            {
                later.attempt = Attempt::Waiting { until: env.now() };
            }
        }
    }

    fn on_refused(&mut self, index: usize, refused: Refused, shared: &mut Shared, env: &mut Host<'_>) {
        let batch = &mut self.flight[index];
        batch.refused = Some(refused);
        match judge(refused) {
            Verdict::Later => batch.retry_later(shared, env),
            Verdict::Elsewhere => {
                batch.retry_later(shared, env);
                self.look_for_leader(refused, shared, env);
            }
            Verdict::Written => self.written(index, None, shared, env),
            // The batch before it was on its way. It may be known to be written by now: replies overtake too.
            Verdict::Gap if batch.follows => batch.retry_later(shared, env),
            Verdict::Gap | Verdict::StreamOver => self.refuse_for_good(index, shared, env),
            Verdict::Poison => {
                batch.poison = true;
                self.refuse_for_good(index, shared, env);
                self.restamp_from(index, env);
            }
        }
    }

    /// An attempt that nobody waited for any more was refused.
    fn on_late_refusal(
        &mut self,
        index: usize,
        id: CorrelationId,
        refused: Refused,
        shared: &mut Shared,
        env: &Host<'_>,
    ) {
        let batch = &mut self.flight[index];
        batch.abandoned.retain(|&abandoned| abandoned != id);
        match judge(refused) {
            Verdict::Written => self.written(index, None, shared, env),
            Verdict::Later | Verdict::Elsewhere | Verdict::StreamOver | Verdict::Gap | Verdict::Poison => {}
        }
    }

    fn refuse_for_good(&mut self, index: usize, shared: &mut Shared, env: &Host<'_>) {
        let mut batch = self.flight.remove(index).expect("found just above");
        batch.attempt = Attempt::Waiting { until: env.now() };
        batch.fail(self.at, shared);
        self.break_stream();
    }

    /// What comes next in the stream can never be written, so neither can any copy of the batches from `index`
    /// on under the stamps they have: each would leave a gap. That makes it safe to stamp them anew, on the
    /// next stream.
    fn restamp_from(&mut self, index: usize, env: &Host<'_>) {
        for mut batch in self.flight.drain(index..).rev() {
            batch.wire = None;
            batch.attempt = Attempt::Waiting { until: env.now() };
            batch.abandoned.clear();
            self.queue.push_front(batch);
        }
    }

    /// The asked broker does not lead. It may know who does (KIP-951); the rest is metadata's.
    fn look_for_leader(&self, refused: Refused, shared: &mut Shared, env: &mut Host<'_>) {
        if let Refused::NotLeaderOrFollower { leader: Some(leader), epoch } = refused {
            shared.discovery.view.hint(self.at, leader, epoch);
        }
        shared.want_metadata(env);
    }
}

impl Batch {
    /// The newest attempt was answered, and there will be another.
    fn retry_later(&mut self, shared: &Shared, env: &mut Host<'_>) {
        self.failures += 1;
        let wait = backoff::wait(shared.config.retry_backoff, self.failures, env);
        self.attempt = Attempt::Waiting { until: env.now() + wait };
    }

    /// Reports every record as delivered.
    pub(super) fn succeed(mut self, at: TopicPartition, base: Option<Offset>, shared: &mut Shared) {
        for (place, record) in self.records.drain(..).enumerate() {
            shared.settle(record.ticket, Ok((at, base.map(|base| base.plus(place as u64)))));
        }
        shared.spare.push(self.records);
    }
}
