//! What became of each delivery, said until it is answered.
//!
//! An answer may be lost after the acknowledgement was taken. Then the next attempt may be refused although it was
//! taken: what is told of it is that nobody knows.

use crate::client::slot::Slot;
use crate::host::Host;
use crate::ids::CorrelationId;
use crate::refused::Refused;
use crate::share::message::{ShareAcknowledge, ShareRequest, Verdict};
use crate::share::probe::{Delivery, Told};
use crate::time::Time;

use super::{Answered, ShareConsumer};

/// An acknowledgement that is not answered.
#[derive(Debug, Clone)]
pub(super) struct Acknowledgement {
    delivery: Delivery,
    verdict: Verdict,
    slot: Slot,
    /// An attempt before this one may have been taken.
    tried: bool,
    /// When it is given up.
    until: Time,
}

impl Acknowledgement {
    pub(super) fn new(delivery: Delivery, verdict: Verdict, until: Time) -> Self {
        Self { delivery, verdict, slot: Slot::default(), tried: false, until }
    }

    /// When something is to be done about it.
    pub(super) fn due(&self) -> Time {
        self.slot.due()
    }
}

impl ShareConsumer {
    /// Says what is to be said, for the first time or again.
    pub(super) fn say(&mut self, env: &mut Host<'_>) {
        let (now, retry) = (env.now(), self.config.consumer.retry_backoff);
        let mut place = 0;
        while let Some(open) = self.open.get_mut(place) {
            if open.slot.is_overdue(now) {
                open.tried = true;
                open.slot.rest(retry, env);
                self.consumer.want_metadata(env);
            }
            let open = &self.open[place];
            if open.slot.is_free(now) && now >= open.until {
                // A leader may never come back. Its lock runs out without it.
                self.end(place, Told::Unknown);
                continue;
            }
            if open.slot.is_free(now) {
                self.say_one(place, env);
            }
            place += 1;
        }
    }

    fn say_one(&mut self, place: usize, env: &mut Host<'_>) {
        let Acknowledgement { delivery, verdict, .. } = &self.open[place];
        let request = ShareRequest::Acknowledge(ShareAcknowledge {
            group: delivery.of.group.clone(),
            at: delivery.of.at,
            member: self.member,
            offset: delivery.offset,
            turn: delivery.turn,
            verdict: *verdict,
        });
        let Some(leader) = self.leader(&delivery.of) else {
            self.open[place].slot.rest(self.config.consumer.retry_backoff, env);
            return self.consumer.want_metadata(env);
        };
        let id = self.send(leader, request, env);
        self.open[place].slot.sent(id, env.now() + self.config.consumer.request_timeout);
    }

    pub(super) fn on_acknowledged(
        &mut self,
        id: CorrelationId,
        result: Result<(), Refused>,
        env: &mut Host<'_>,
    ) {
        let Some(place) = self.open.iter_mut().position(|open| open.slot.answered(id)) else { return };
        let told = match result {
            Ok(()) => Told::Taken,
            Err(refused) if refused.is_retriable() => {
                // It may have been written, and not be committed in time, or before the reign ended.
                self.open[place].tried |= refused != Refused::CoordinatorLoadInProgress;
                self.open[place].slot.rest(self.config.consumer.retry_backoff, env);
                return self.consumer.want_metadata(env);
            }
            Err(_) if self.open[place].tried => Told::Unknown,
            Err(refused) => Told::Refused(refused),
        };
        self.end(place, told);
    }

    fn end(&mut self, place: usize, told: Told) {
        let Acknowledgement { delivery, verdict, .. } = self.open.swap_remove(place);
        self.answers.push_back(Answered { delivery, verdict, told });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::consumer::{ConsumerConfig, Reset};
    use crate::client::testing::{NAME, World, at};
    use crate::client::worker::WorkerConfig;
    use crate::ids::{GroupId, NodeId, Offset, Turn};
    use crate::message::Isolation;
    use crate::quirk::Quirks;
    use crate::share::probe::SharePartition;
    use crate::time::Span;

    #[test]
    fn what_nobody_is_there_to_be_told_is_given_up_in_time() {
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
        let mut worker = ShareConsumer::new(WorkerConfig {
            consumer,
            group: GroupId("workers".into()),
            topic: NAME.into(),
            max_records: 1,
            max_wait: Span::from_millis(50),
            metadata_max_age: Span::from_secs(60),
            give_up_after: Span::from_millis(500),
        });
        let mut world = World::default();
        worker.start(&mut world);
        let of = SharePartition { group: GroupId("workers".into()), at: at(0) };
        let delivery = Delivery { of, offset: Offset(3), turn: Turn(1) };
        worker.acknowledge(delivery.clone(), Verdict::Accept, &mut world);
        // No broker answers, so nobody is known to lead.
        let mut pass = |worker: &mut ShareConsumer, until: u64| {
            while let Some(timer) = world.ring(Time(until * 1_000_000)) {
                worker.on_timer(timer, &mut world);
            }
        };
        pass(&mut worker, 490);
        assert_eq!(worker.poll_answer(), None);
        assert!(!worker.is_idle());
        pass(&mut worker, 520);
        let answered = Answered { delivery, verdict: Verdict::Accept, told: Told::Unknown };
        assert_eq!(worker.poll_answer(), Some(answered));
        assert!(worker.is_idle());
    }
}
