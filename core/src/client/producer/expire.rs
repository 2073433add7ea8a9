//! The delivery deadline, and what the caller is told when a batch fails.

use crate::host::Host;
use crate::ids::TopicPartition;
use crate::time::{Span, Time};
use crate::timer::ClientTimer;

use super::accumulate::{Partition, Topic};
use super::batch::Batch;
use super::{Producer, SendError, Shared};

impl Producer {
    /// [`ClientTimer::Delivery`] rang: fails what is overdue, and sets the timer for the next.
    pub(super) fn on_delivery_timer(&mut self, env: &mut Host<'_>) {
        self.delivery.rang();
        let now = env.now();
        let mut next = None;
        for topic in &mut self.topics {
            topic.expire(now, &mut next, &mut self.shared);
            for partition in &mut topic.partitions {
                partition.expire(now, &mut next, &mut self.shared);
                partition.pump(&mut self.shared, env);
            }
        }
        if let Some(next) = next {
            self.delivery.by(ClientTimer::Delivery, next, env);
        }
    }
}

impl Topic {
    fn expire(&mut self, now: Time, next: &mut Option<Time>, shared: &mut Shared) {
        let span = shared.config.delivery_timeout;
        self.unplaced.retain_mut(|(record, deadline)| {
            let overdue = is_overdue(deadline, span, now, next);
            if overdue {
                shared.batch_failed(None, false);
                shared.settle(record.ticket, Err(SendError { at: None, refused: None, definite: true }));
            }
            !overdue
        });
    }
}

impl Partition {
    fn expire(&mut self, now: Time, next: &mut Option<Time>, shared: &mut Shared) {
        let span = shared.config.delivery_timeout;
        let mut index = 0;
        while let Some(batch) = self.flight.get_mut(index) {
            if is_overdue(&mut batch.deadline, span, now, next) {
                let batch = self.flight.remove(index).expect("looked at just above");
                batch.fail(self.at, shared);
                self.break_stream();
            } else {
                index += 1;
            }
        }
        index = 0;
        while let Some(batch) = self.queue.get_mut(index) {
            if is_overdue(&mut batch.deadline, span, now, next) {
                let batch = self.queue.remove(index).expect("looked at just above");
                batch.fail(self.at, shared);
            } else {
                index += 1;
            }
        }
    }
}

impl Batch {
    /// Reports every record as not delivered.
    pub(super) fn fail(mut self, at: TopicPartition, shared: &mut Shared) {
        shared.batch_failed(self.refused, self.wire.is_some());
        let error = SendError { at: Some(at), refused: self.refused, definite: self.is_not_written() };
        for record in self.records.drain(..) {
            shared.settle(record.ticket, Err(error));
        }
        shared.spare.push(self.records);
    }
}

/// Whether a deadline has passed; if not, `next` is it or something earlier. A clock that was set back does
/// not put a deadline off: none lies farther ahead than `span`.
fn is_overdue(deadline: &mut Time, span: Span, now: Time, next: &mut Option<Time>) -> bool {
    *deadline = (*deadline).min(now + span);
    if *deadline <= now {
        return true;
    }
    *next = Some(next.map_or(*deadline, |next| next.min(*deadline)));
    false
}
