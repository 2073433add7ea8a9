//! The cluster's words: what its messages, facts and nodes are called wherever people read or aim at them.
//!
//! Holds: one table of kinds and one `match` each for messages and probes, and a node's state. Both scenarios
//! share them, and the chronicle of what clients saw. Names follow Kafka's and Raft's papers; offsets and epochs are plain numbers.
//! Never: reads a word back, or changes anything.

mod chronicle;
mod effects;
mod effects_chronicle;
mod groups;
mod messages;
mod probes;
mod queue_chronicle;
mod share;
mod state;
mod story;
mod transactions;

pub(crate) use chronicle::ClusterChronicle;
pub(crate) use effects_chronicle::EffectsChronicle;
pub(crate) use messages::{KINDS as MESSAGES, fields as message_fields, kind as message_kind};
pub(crate) use probes::{KINDS as PROBES, fields as probe_fields, glyph as probe_glyph, kind as probe_kind};
pub(crate) use queue_chronicle::QueueChronicle;
pub(crate) use state::fields as state;
pub(crate) use story::sentences as story;

use std::fmt::Debug;

use squall_core::ids::{LeaderEpoch, TopicPartition};
use squall_core::message::Acks;
use squall_core::metadata::MetadataRecord;
use squall_core::refused::Refused;
use squall_core::time::Span;
use squall_sim::narrate::{Fields, Kind, field};

use crate::ghost::clients::Name;

/// Names of fields that groups of both kinds and transactions have.
const GROUP: &str = "group";
const MEMBER: &str = "member";
const PARTITIONS: &str = "partitions";
const REFUSED: &str = "refused";

/// The kinds of messages of a cluster with groups.
pub(crate) static MESSAGES_WITH_GROUPS: [Kind; MESSAGES.len() + groups::MESSAGES.len()] =
    joined(MESSAGES, groups::MESSAGES);

/// The kinds of facts of a cluster with groups.
pub(crate) static PROBES_WITH_GROUPS: [Kind; PROBES.len() + groups::PROBES.len()] =
    joined(PROBES, groups::PROBES);

/// The kinds of messages of a cluster with groups and transactions.
pub(crate) static MESSAGES_WITH_TRANSACTIONS: [Kind;
    MESSAGES.len() + groups::MESSAGES.len() + transactions::MESSAGES.len()] = joined(
    &joined::<{ MESSAGES.len() + groups::MESSAGES.len() }>(MESSAGES, groups::MESSAGES),
    transactions::MESSAGES,
);

/// The kinds of facts of a cluster with groups, transactions and applications that use them.
pub(crate) static PROBES_WITH_TRANSACTIONS: [Kind;
    PROBES.len() + groups::PROBES.len() + transactions::PROBES.len() + effects::PROBES.len()] = joined(
    &joined::<{ PROBES.len() + groups::PROBES.len() + transactions::PROBES.len() }>(
        &joined::<{ PROBES.len() + groups::PROBES.len() }>(PROBES, groups::PROBES),
        transactions::PROBES,
    ),
    effects::PROBES,
);
/// The kinds of messages of a cluster with share groups.
pub(crate) static MESSAGES_WITH_SHARES: [Kind; MESSAGES.len() + share::MESSAGES.len()] =
    joined(MESSAGES, share::MESSAGES);

/// The kinds of facts of a cluster with share groups.
pub(crate) static PROBES_WITH_SHARES: [Kind; PROBES.len() + share::PROBES.len()] =
    joined(PROBES, share::PROBES);

const fn joined<const N: usize>(first: &[Kind], second: &[Kind]) -> [Kind; N] {
    let mut kinds = [first[0]; N];
    let mut place = 0;
    while place < N {
        kinds[place] = if place < first.len() { first[place] } else { second[place - first.len()] };
        place += 1;
    }
    kinds
}

const fn row(name: &'static str, fields: &'static [&'static str], about: &'static str) -> Kind {
    Kind { name, fields, about }
}

/// Values for people, added one by one.
struct Words(Fields);

impl Words {
    fn new() -> Self {
        Self(Fields::with_capacity(6))
    }

    fn of(at: TopicPartition) -> Self {
        Self::new().with(field::PARTITION, at)
    }

    /// Of whoever leads a partition of an internal topic in this epoch, and keeps what lies there.
    fn reign(at: TopicPartition, epoch: LeaderEpoch) -> Self {
        Self::of(at).with(field::EPOCH, epoch)
    }

    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.0.push((name, value.to_string()));
        self
    }

    /// Nothing is said of what is not known.
    fn maybe(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn result<T>(self, result: &Result<T, Refused>, ok: impl FnOnce(Self, &T) -> Self) -> Self {
        match result {
            Ok(value) => ok(self, value),
            Err(refused) => self.with(REFUSED, refused),
        }
    }

    /// What a record of the metadata log says.
    fn change(self, record: &MetadataRecord) -> Self {
        match record {
            MetadataRecord::BrokerRegistered { broker, .. } => {
                self.with("change", "broker registered").with("broker", broker)
            }
            MetadataRecord::BrokerUnfenced { broker, .. } => {
                self.with("change", "broker unfenced").with("broker", broker)
            }
            MetadataRecord::BrokerFenced { broker, .. } => {
                self.with("change", "broker fenced").with("broker", broker)
            }
            MetadataRecord::TopicCreated { name, .. } => {
                self.with("change", "topic created").with("topic", name)
            }
            MetadataRecord::PartitionChanged { at, state } => self
                .with("change", "partition changed")
                .with(field::PARTITION, at)
                .with(field::LEADER, nobody_or(state.leader))
                .with(field::EPOCH, state.leader_epoch)
                .with(field::ISR, list(&state.isr))
                .maybe("elr", (!state.elr.is_empty()).then(|| list(&state.elr)))
                .with("partition epoch", state.partition_epoch)
                .maybe("unclean", state.unclean.then_some("yes")),
            MetadataRecord::ProducerIdsAllocated { next } => {
                self.with("change", "producer ids allocated").with("producer id", next)
            }
            MetadataRecord::NoOp => self.with("change", "none"),
        }
    }
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn nobody_or(somebody: Option<impl ToString>) -> String {
    somebody.map_or_else(|| "nobody".to_owned(), |somebody| somebody.to_string())
}

fn list<T: Debug>(several: &[T]) -> String {
    format!("{several:?}")
}

/// Sentences for people, one behind another.
fn each(sentences: impl Iterator<Item = String>, between: &str) -> String {
    sentences.collect::<Vec<_>>().join(between)
}

fn millis(span: Span) -> String {
    format!("{}ms", span.as_millis())
}

/// A record's name: its sender's node and its number there, `6#12`.
pub(crate) fn record(name: u64) -> String {
    let Name { sender, number } = Name::unpack(name);
    format!("{sender}#{number}")
}

/// `acks`, as producers set it.
const fn acks(acks: Acks) -> &'static str {
    match acks {
        Acks::None => "0",
        Acks::Leader => "1",
        Acks::All => "all",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_one_cluster_have_different_names() {
        let of_messages: [&[Kind]; 2] = [&MESSAGES_WITH_TRANSACTIONS, &MESSAGES_WITH_SHARES];
        let of_probes: [&[Kind]; 2] = [&PROBES_WITH_TRANSACTIONS, &PROBES_WITH_SHARES];
        for kinds in of_messages.into_iter().chain(of_probes) {
            for (place, kind) in kinds.iter().enumerate() {
                assert!(kinds[..place].iter().all(|earlier| earlier.name != kind.name), "{}", kind.name);
            }
        }
    }
}
