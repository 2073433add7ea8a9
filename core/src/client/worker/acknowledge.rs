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
}

impl Acknowledgement {
    pub(super) fn new(delivery: Delivery, verdict: Verdict) -> Self {
        Self { delivery, verdict, slot: Slot::default(), tried: false }
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
            } else if open.slot.is_free(now) {
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
        let Acknowledgement { delivery, verdict, .. } = self.open.swap_remove(place);
        self.answers.push_back(Answered { delivery, verdict, told });
    }
}
