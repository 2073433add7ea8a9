//! Whether the position still exists in a new leader's log (KIP-320).
//!
//! An offset alone does not tell: a log that was cut and grew again past it holds other records there.

use crate::host::Host;
use crate::ids::{CorrelationId, LeaderEpoch, TopicPartition};
use crate::message::EpochEndOffset;
use crate::quirk::Quirk;
use crate::refused::Refused;

use super::reader::{Goal, Reader};
use super::{Consumer, Event, Reset, Shared};

impl Consumer {
    /// The answer to a question about an epoch's end.
    pub(super) fn on_epoch_end(
        &mut self,
        id: CorrelationId,
        at: TopicPartition,
        result: Result<EpochEndOffset, Refused>,
        env: &mut Host<'_>,
    ) {
        let Some((reader, shared)) = self.reader_mut(at) else { return };
        let Some(asked) = reader.answered(id) else { return };
        match result {
            Ok(leaders) => {
                reader.succeeded();
                reader.validated = Some(asked.epoch);
                reader.compare(at, leaders, shared, env);
            }
            Err(refused) => reader.on_refused(at, refused, shared, env),
        }
        reader.pump(shared, env);
    }
}

impl Reader {
    /// The epoch to ask the leader of `reign` about before anything is fetched from it.
    pub(super) fn unvalidated(&self, reign: LeaderEpoch, shared: &Shared) -> Option<LeaderEpoch> {
        if self.validated == Some(reign) { None } else { self.epoch_read(shared) }
    }

    /// The epoch of the record before the position, for whoever compares it with a leader's log.
    pub(super) fn epoch_read(&self, shared: &Shared) -> Option<LeaderEpoch> {
        if shared.config.quirks.has(Quirk::UnvalidatedPosition) { None } else { self.history.newest() }
    }

    /// Goes back to where what was read parts from the leader's log, if it does; answers whether it does.
    ///
    /// `leaders` is the end of the largest epoch there that is not above the one last read here. After a step
    /// back the new position is compared in turn, until it holds: each time the epoch is an older one.
    pub(super) fn compare(
        &mut self,
        at: TopicPartition,
        leaders: EpochEndOffset,
        shared: &mut Shared,
        env: &mut Host<'_>,
    ) -> bool {
        let Some(from) = self.position else { return false };
        let own = leaders.epoch.map_or(from, |epoch| self.history.end_of(epoch, from));
        let to = leaders.end.min(own);
        if to >= from {
            return false;
        }
        shared.events.push_back(Event::Truncated { at, from, to });
        match shared.config.reset {
            Reset::Earliest | Reset::Latest => {
                self.history.truncate(to);
                self.reposition(at, to, true, env);
            }
            Reset::None => self.goal = Goal::Hold,
        }
        true
    }
}
