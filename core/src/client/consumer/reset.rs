//! Finding a place to read from: at the start, or when the position is out of range.

use crate::host::Host;
use crate::ids::{CorrelationId, Offset, TopicPartition};
use crate::message::Place;
use crate::refused::Refused;

use super::history::History;
use super::reader::{Goal, Reader};
use super::{Consumer, Event, Reset, Shared};

impl Consumer {
    /// The answer to a question about a place.
    pub(super) fn on_offset(
        &mut self,
        id: CorrelationId,
        at: TopicPartition,
        result: Result<Offset, Refused>,
        env: &mut Host<'_>,
    ) {
        let Some((reader, shared)) = self.reader_mut(at) else { return };
        if reader.answered(id).is_none() {
            return;
        }
        match result {
            Ok(place) => {
                reader.succeeded();
                reader.history = History::default();
                reader.reposition(at, place, false, env);
            }
            Err(refused) => reader.on_refused(at, refused, shared, env),
        }
        reader.pump(shared, env);
    }
}

impl Reader {
    /// The leader's log does not have the position.
    pub(super) fn out_of_range(&mut self, at: TopicPartition, shared: &mut Shared) {
        if let Some(from) = self.position {
            shared.events.push_back(Event::OutOfRange { at, from });
        }
        self.goal = match shared.config.reset {
            Reset::Earliest => Goal::Find(Place::Earliest),
            Reset::Latest => Goal::Find(Place::Latest),
            Reset::None => Goal::Hold,
        };
    }
}
