//! Dead letters (KIP-1191): a broker writes to a topic, like any producer, what its workers could not work.
//!
//! A letter says where its record lies and how often it was tried, in headers under KIP-1191's names, and holds
//! none of it, as is the default there. It is sent until it is acknowledged by all in-sync replicas, by an
//! idempotent producer: never lost, and written twice only if the producer gave up on one that was there, or if
//! the leader failed in between.

use bytes::Bytes;

use crate::client::{Headers, Producer, Ticket};
use crate::host::Host;
use crate::ids::{CorrelationId, GroupId, LeaderEpoch, NodeId, Offset, TopicId, TopicPartition, Turn};
use crate::message::Reply;
use crate::share::config::DeadLetters;
use crate::share::probe::{Delivery, SharePartition};
use crate::timer::ClientTimer;

const TOPIC: &str = "__dlq.errors.topic";
const PARTITION: &str = "__dlq.errors.partition";
const OFFSET: &str = "__dlq.errors.offset";
const GROUP: &str = "__dlq.errors.group";
/// Not KIP-1191's, which says how often a record was delivered: this names its last delivery.
const TURN: &str = "__dlq.errors.turn";

/// Which reign wants to know of a letter.
type Sender = (TopicPartition, LeaderEpoch);

/// Writes a broker's letters.
#[derive(Debug, Clone)]
pub(super) struct Letters {
    config: Option<DeadLetters>,
    /// From the first letter on.
    producer: Option<Box<Producer>>,
    open: Vec<(Ticket, Sender, Delivery)>,
    /// Written, and nobody was told yet.
    written: Vec<(Sender, Delivery)>,
}

impl Letters {
    pub(super) const fn new(config: Option<DeadLetters>) -> Self {
        Self { config, producer: None, open: Vec::new(), written: Vec::new() }
    }

    /// Writes a letter, unless it is being written.
    pub(super) fn send(&mut self, sender: Sender, delivery: Delivery, env: &mut Host<'_>) {
        if self.open.iter().any(|(_, known, open)| *known == sender && *open == delivery) {
            return;
        }
        let Some(config) = &self.config else { return };
        if self.producer.is_none() {
            let mut producer =
                Producer::new(config.producer.clone()).expect("whoever sets it up has tried it");
            producer.start(env);
            self.producer = Some(Box::new(producer));
        }
        let Some(producer) = &mut self.producer else { return };
        let ticket = producer.send(&config.topic, None, None, headers(&delivery), env);
        self.open.push((ticket, sender, delivery));
    }

    /// A reply that may be the producer's.
    pub(super) fn on_reply(&mut self, from: NodeId, id: CorrelationId, reply: Reply, env: &mut Host<'_>) {
        if let Some(producer) = &mut self.producer {
            producer.on_reply(from, id, reply, env);
        }
        self.note(env);
    }

    /// A timer of the producer's.
    pub(super) fn on_timer(&mut self, timer: ClientTimer, env: &mut Host<'_>) {
        if let Some(producer) = &mut self.producer {
            producer.on_timer(timer, env);
        }
        self.note(env);
    }

    fn note(&mut self, env: &mut Host<'_>) {
        while let Some(done) = self.producer.as_mut().and_then(|producer| producer.poll()) {
            let Some(place) = self.open.iter().position(|(ticket, ..)| *ticket == done.ticket) else {
                continue;
            };
            let (_, sender, delivery) = self.open.swap_remove(place);
            match done.outcome {
                Ok(_) => self.written.push((sender, delivery)),
                // The record is given up; its letter is not.
                Err(_) => self.send(sender, delivery, env),
            }
        }
    }

    /// A letter of this reign that was written; each once.
    pub(super) fn written(&mut self, sender: Sender) -> Option<Delivery> {
        let place = self.written.iter().position(|(known, _)| *known == sender)?;
        Some(self.written.swap_remove(place).1)
    }

    /// A reign is over: nobody waits for its letters.
    pub(super) fn forget(&mut self, sender: Sender) {
        self.open.retain(|(_, known, _)| *known != sender);
        self.written.retain(|(known, _)| *known != sender);
    }
}

fn headers(delivery: &Delivery) -> Headers {
    let header = |key: &'static str, value: String| (Bytes::from_static(key.as_bytes()), Some(value.into()));
    let Delivery { of, offset, turn } = delivery;
    vec![
        header(TOPIC, of.at.topic.to_string()),
        header(PARTITION, of.at.partition.to_string()),
        header(OFFSET, offset.to_string()),
        header(GROUP, of.group.to_string()),
        header(TURN, turn.to_string()),
    ]
}

/// What a letter says; `None` if it is none.
pub fn read_letter(headers: &Headers) -> Option<Delivery> {
    let text = |key: &str| {
        let (_, value) = headers.iter().find(|(known, _)| known.as_ref() == key.as_bytes())?;
        std::str::from_utf8(value.as_ref()?).ok()
    };
    let at = TopicPartition {
        topic: TopicId(text(TOPIC)?.parse().ok()?),
        partition: text(PARTITION)?.parse().ok()?,
    };
    let of = SharePartition { group: GroupId(text(GROUP)?.into()), at };
    let (offset, turn) = (text(OFFSET)?.parse().ok()?, text(TURN)?.parse().ok()?);
    Some(Delivery { of, offset: Offset(offset), turn: Turn(turn) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_says_what_it_is_about_and_other_headers_say_nothing() {
        let at = TopicPartition { topic: TopicId(3), partition: 1 };
        let of = SharePartition { group: GroupId("billing".into()), at };
        let delivery = Delivery { of, offset: Offset(17), turn: Turn(10) };
        let mut said = headers(&delivery);
        assert_eq!(read_letter(&said), Some(delivery));
        said.pop();
        assert_eq!(read_letter(&said), None);
    }
}
