//! Facts: what a node reports to have happened in the step that it took.

use squall_core::probe::{BrokerProbe, ClientProbe, MetadataProbe, Probe, QuorumProbe, ReplicaProbe};
use squall_sim::narrate::{Fields, Kind, field};

use super::{Words, acks, effects, groups, list, nobody_or, record, row, share, transactions, yes_or_no};

use field::{EPOCH, HIGH_WATERMARK, ISR, LEADER, LOG_END, LOG_START, OFFSET, PARTITION, RECORD};

/// Every fact's kind.
pub(crate) const KINDS: &[Kind] = &[
    row(
        "quorum recovered",
        &[EPOCH, "vote", LOG_START, LOG_END],
        "a controller's life began with this on disk",
    ),
    row("quorum epoch entered", &[EPOCH], "a controller works in this epoch, durable or not"),
    row("vote persisted", &[EPOCH, "vote"], "a controller's epoch and vote are durable"),
    row("vote granted", &[EPOCH, "vote"], "a controller's vote goes out"),
    row("pre-vote answered", &[EPOCH, "vote", "granted"], "whether a controller would vote so"),
    row("election started", &[EPOCH], "a controller stands for election"),
    row("controller elected", &[EPOCH, LOG_END], "a controller leads the quorum"),
    row("controller followed", &[EPOCH, LEADER], "a controller follows the quorum's leader"),
    row("controller resigned", &[EPOCH, "lonely"], "a controller no longer leads the quorum"),
    row("entries appended", &[OFFSET, LOG_END, EPOCH], "a batch was written to the metadata log"),
    row("entries truncated", &[LOG_END], "the metadata log was cut"),
    row("entries durable", &[LOG_END], "the metadata log is durable up to here"),
    row("entries committed", &[HIGH_WATERMARK, EPOCH, "decided here"], "the commit index rose"),
    row("snapshot taken", &[OFFSET, EPOCH], "of everything in the metadata log before this offset"),
    row("snapshot installed", &[OFFSET, EPOCH, LOG_END], "a leader's snapshot replaced the log's start"),
    row("entries deleted", &[LOG_START], "the first entry kept in the metadata log moved up"),
    row(
        "metadata applied",
        &[
            OFFSET,
            "change",
            "broker",
            "topic",
            PARTITION,
            LEADER,
            EPOCH,
            ISR,
            "elr",
            "partition epoch",
            "unclean",
            "producer id",
        ],
        "this node applied a committed record: `change` says of what kind",
    ),
    row("metadata loaded", &[OFFSET], "this node loaded a snapshot of everything before this offset"),
    row("controller active", &[EPOCH], "a controller decides from here on"),
    row("controller halted", &[], "a controller's disk failed it"),
    row("broker started", &["incarnation", "intact"], "a broker's life began"),
    row("broker registered", &["broker epoch"], "the controllers know of the broker's life"),
    row("broker halted", &[], "a broker's disk failed it"),
    row("log recovered", &[PARTITION, LOG_START, LOG_END], "a replica's log was opened and repaired"),
    row(
        "records appended",
        &[PARTITION, OFFSET, LOG_END, EPOCH, "producer id", "sequence", "as leader"],
        "a batch was written to a replica",
    ),
    row("log truncated", &[PARTITION, LOG_END], "records from here on were cut"),
    row("log reset", &[PARTITION, LOG_START, LOG_END], "the whole log was dropped, to start again here"),
    row("records durable", &[PARTITION, LOG_END], "a replica is durable up to here"),
    row("log start moved", &[PARTITION, LOG_START], "the first record kept moved up"),
    row("leader elected", &[PARTITION, EPOCH, LOG_END], "a replica leads its partition from now on"),
    row("leader followed", &[PARTITION, EPOCH, LEADER], "a replica follows from now on"),
    row(
        "high watermark moved",
        &[PARTITION, EPOCH, HIGH_WATERMARK, "as leader", "exposed"],
        "a replica knows records up to here to be committed",
    ),
    row("isr proposed", &[PARTITION, EPOCH, "partition epoch", ISR], "a leader asked for another ISR"),
    row("isr adopted", &[PARTITION, EPOCH, "partition epoch", ISR], "a leader works with this ISR"),
    row(
        "record acknowledged",
        &[PARTITION, EPOCH, OFFSET, "next offset", "acks"],
        "a leader answered a produce request with success",
    ),
    row(
        "duplicate absorbed",
        &[PARTITION, "producer id", "sequence"],
        "a batch came again and was answered from memory",
    ),
    row("damage found", &[PARTITION, OFFSET], "a damaged batch was found while reading"),
    row(
        "batch holds",
        &[PARTITION, OFFSET, "records", "tombstones until"],
        "what is in the next batch that is written, where logs are compacted",
    ),
    row(
        "log cleaned",
        &[PARTITION, OFFSET, "next offset", "clean up to", "records", "batches"],
        "compaction wrote a stretch of a replica's log anew, and this is left of it",
    ),
    row("record sent", &[RECORD, PARTITION, "acks", "idempotent"], "a record was handed to a producer"),
    row("record delivered", &[RECORD, PARTITION, OFFSET], "a producer reports success"),
    row("record undelivered", &[RECORD, PARTITION, "definite", "refused"], "a producer reports failure"),
    row("producer identified", &["producer id", "producer epoch"], "a client was given a producer id"),
    row("request retried", &[PARTITION], "a client sends a request again"),
    row("record consumed", &[PARTITION, OFFSET, EPOCH, RECORD], "a record was handed to an application"),
    row(
        "reader repositioned",
        &[PARTITION, "from offset", OFFSET, "truncated"],
        "a consumer's position moved other than by reading",
    ),
];

/// The kind of a fact.
pub(crate) const fn kind(probe: &Probe) -> &'static str {
    match probe {
        Probe::Quorum(probe) => quorum_kind(probe),
        Probe::Metadata(probe) => match probe {
            MetadataProbe::Applied { .. } => "metadata applied",
            MetadataProbe::Loaded { .. } => "metadata loaded",
            MetadataProbe::Active { .. } => "controller active",
            MetadataProbe::Halted => "controller halted",
        },
        Probe::Broker(probe) => match probe {
            BrokerProbe::Started { .. } => "broker started",
            BrokerProbe::Registered { .. } => "broker registered",
            BrokerProbe::Halted => "broker halted",
        },
        Probe::Replica(_, probe) => replica_kind(probe),
        Probe::Client(probe) => match probe {
            ClientProbe::Sent { .. } => "record sent",
            ClientProbe::Delivered { .. } => "record delivered",
            ClientProbe::Undelivered { .. } => "record undelivered",
            ClientProbe::Identified { .. } => "producer identified",
            ClientProbe::Retried { .. } => "request retried",
            ClientProbe::Consumed { .. } => "record consumed",
            ClientProbe::Repositioned { .. } => "reader repositioned",
        },
        Probe::Group(probe) => groups::probe_kind(probe),
        Probe::Transaction(probe) => transactions::probe_kind(probe),
        Probe::Transacted(probe) => effects::kind(probe),
        Probe::Share(probe) => share::probe_kind(probe),
    }
}

const fn quorum_kind(probe: &QuorumProbe) -> &'static str {
    match probe {
        QuorumProbe::Recovered { .. } => "quorum recovered",
        QuorumProbe::Epoch { .. } => "quorum epoch entered",
        QuorumProbe::Persisted { .. } => "vote persisted",
        QuorumProbe::Granted { .. } => "vote granted",
        QuorumProbe::PreVoted { .. } => "pre-vote answered",
        QuorumProbe::Candidate { .. } => "election started",
        QuorumProbe::Leader { .. } => "controller elected",
        QuorumProbe::Follower { .. } => "controller followed",
        QuorumProbe::Resigned { .. } => "controller resigned",
        QuorumProbe::Appended { .. } => "entries appended",
        QuorumProbe::Truncated { .. } => "entries truncated",
        QuorumProbe::Durable { .. } => "entries durable",
        QuorumProbe::Committed { .. } => "entries committed",
        QuorumProbe::SnapshotTaken { .. } => "snapshot taken",
        QuorumProbe::SnapshotInstalled { .. } => "snapshot installed",
        QuorumProbe::Start { .. } => "entries deleted",
    }
}

const fn replica_kind(probe: &ReplicaProbe) -> &'static str {
    match probe {
        ReplicaProbe::Recovered { .. } => "log recovered",
        ReplicaProbe::Appended { .. } => "records appended",
        ReplicaProbe::Truncated { .. } => "log truncated",
        ReplicaProbe::Reset { .. } => "log reset",
        ReplicaProbe::Durable { .. } => "records durable",
        ReplicaProbe::Start { .. } => "log start moved",
        ReplicaProbe::Leader { .. } => "leader elected",
        ReplicaProbe::Follower { .. } => "leader followed",
        ReplicaProbe::HighWatermark { .. } => "high watermark moved",
        ReplicaProbe::IsrProposed { .. } => "isr proposed",
        ReplicaProbe::IsrAdopted { .. } => "isr adopted",
        ReplicaProbe::Acked { .. } => "record acknowledged",
        ReplicaProbe::Absorbed { .. } => "duplicate absorbed",
        ReplicaProbe::Damaged { .. } => "damage found",
        ReplicaProbe::Holding { .. } => "batch holds",
        ReplicaProbe::Cleaned(_) => "log cleaned",
        ReplicaProbe::Transactional { .. } => "transactional batch appended",
        ReplicaProbe::Marked { .. } => "marker appended",
        ReplicaProbe::Stable { .. } => "stable offset shown",
    }
}

/// A fact's sign: a star for who leads, an arrow for who follows, a filled sign for what is agreed.
pub(crate) const fn glyph(probe: &Probe) -> char {
    match probe {
        Probe::Quorum(probe) => quorum_glyph(probe),
        Probe::Metadata(probe) => match probe {
            MetadataProbe::Applied { .. } => '▫',
            MetadataProbe::Loaded { .. } => '▤',
            MetadataProbe::Active { .. } => '☆',
            MetadataProbe::Halted => '!',
        },
        Probe::Broker(probe) => match probe {
            BrokerProbe::Started { .. } => '○',
            BrokerProbe::Registered { .. } => '●',
            BrokerProbe::Halted => '!',
        },
        Probe::Replica(_, probe) => replica_glyph(probe),
        Probe::Client(probe) => match probe {
            ClientProbe::Sent { .. } => '>',
            ClientProbe::Delivered { .. } => '√',
            ClientProbe::Undelivered { .. } => '×',
            ClientProbe::Identified { .. } => '#',
            ClientProbe::Retried { .. } => '»',
            ClientProbe::Consumed { .. } => '<',
            ClientProbe::Repositioned { .. } => '↔',
        },
        Probe::Group(probe) => groups::glyph(probe),
        Probe::Transaction(probe) => transactions::glyph(probe),
        Probe::Transacted(probe) => effects::glyph(probe),
        Probe::Share(probe) => share::glyph(probe),
    }
}

const fn quorum_glyph(probe: &QuorumProbe) -> char {
    match probe {
        QuorumProbe::Recovered { .. } => '○',
        QuorumProbe::Epoch { .. } | QuorumProbe::Persisted { .. } => '▫',
        QuorumProbe::Granted { .. } | QuorumProbe::PreVoted { .. } => '→',
        QuorumProbe::Candidate { .. } => '?',
        QuorumProbe::Leader { .. } => '★',
        QuorumProbe::Follower { .. } => '↓',
        QuorumProbe::Resigned { .. } => '▽',
        QuorumProbe::Appended { .. } => '+',
        QuorumProbe::Truncated { .. } => '◄',
        QuorumProbe::Durable { .. } => '▪',
        QuorumProbe::Committed { .. } => '▲',
        QuorumProbe::SnapshotTaken { .. } | QuorumProbe::SnapshotInstalled { .. } => '▤',
        QuorumProbe::Start { .. } => '►',
    }
}

const fn replica_glyph(probe: &ReplicaProbe) -> char {
    match probe {
        ReplicaProbe::Recovered { .. } => '○',
        ReplicaProbe::Appended { .. } => '+',
        ReplicaProbe::Truncated { .. } | ReplicaProbe::Reset { .. } => '◄',
        ReplicaProbe::Durable { .. } => '▪',
        ReplicaProbe::Start { .. } => '►',
        ReplicaProbe::Leader { .. } => '★',
        ReplicaProbe::Follower { .. } => '↓',
        ReplicaProbe::HighWatermark { .. } => '▲',
        ReplicaProbe::IsrProposed { .. } => '◇',
        ReplicaProbe::IsrAdopted { .. } => '◆',
        ReplicaProbe::Acked { .. } => '√',
        ReplicaProbe::Absorbed { .. } => '=',
        ReplicaProbe::Damaged { .. } => '!',
        ReplicaProbe::Holding { .. } => '·',
        ReplicaProbe::Cleaned(_) => '≈',
        ReplicaProbe::Transactional { .. } => '·',
        ReplicaProbe::Marked { .. } => '◆',
        ReplicaProbe::Stable { .. } => '▲',
    }
}

/// What a fact says.
pub(crate) fn fields(probe: &Probe) -> Fields {
    match probe {
        Probe::Quorum(probe) => quorum(probe),
        Probe::Metadata(probe) => metadata(probe),
        Probe::Broker(probe) => broker(probe),
        Probe::Replica(at, probe) => replica(Words::of(*at), probe),
        Probe::Client(probe) => client(probe),
        Probe::Group(probe) => groups::probe(probe),
        Probe::Transaction(probe) => transactions::probe(probe),
        Probe::Transacted(probe) => effects::words(probe),
        Probe::Share(probe) => share::probe(probe),
    }
    .0
}

fn quorum(probe: &QuorumProbe) -> Words {
    let words = Words::new();
    match probe {
        QuorumProbe::Recovered { epoch, voted, start, end } => {
            words.with(EPOCH, epoch).with("vote", nobody_or(*voted)).with(LOG_START, start).with(LOG_END, end)
        }
        QuorumProbe::Epoch { epoch } | QuorumProbe::Candidate { epoch } => words.with(EPOCH, epoch),
        QuorumProbe::Persisted { epoch, voted } => words.with(EPOCH, epoch).with("vote", nobody_or(*voted)),
        QuorumProbe::Granted { epoch, candidate } => words.with(EPOCH, epoch).with("vote", candidate),
        QuorumProbe::PreVoted { epoch, candidate, granted } => {
            words.with(EPOCH, epoch).with("vote", candidate).with("granted", yes_or_no(*granted))
        }
        QuorumProbe::Leader { epoch, end } => words.with(EPOCH, epoch).with(LOG_END, end),
        QuorumProbe::Follower { epoch, leader } => words.with(EPOCH, epoch).with(LEADER, leader),
        QuorumProbe::Resigned { epoch, lonely } => {
            words.with(EPOCH, epoch).with("lonely", yes_or_no(*lonely))
        }
        QuorumProbe::Appended { base, next, epoch, .. } => {
            words.with(OFFSET, base).with(LOG_END, next).with(EPOCH, epoch)
        }
        QuorumProbe::Truncated { to } => words.with(LOG_END, to),
        QuorumProbe::Durable { end } => words.with(LOG_END, end),
        QuorumProbe::Committed { to, epoch, leader } => {
            words.with(HIGH_WATERMARK, to).with(EPOCH, epoch).with("decided here", yes_or_no(*leader))
        }
        QuorumProbe::SnapshotTaken { end, epoch } => words.with(OFFSET, end).with(EPOCH, epoch),
        QuorumProbe::SnapshotInstalled { end, epoch, log_end } => {
            words.with(OFFSET, end).with(EPOCH, epoch).with(LOG_END, log_end)
        }
        QuorumProbe::Start { start } => words.with(LOG_START, start),
    }
}

fn metadata(probe: &MetadataProbe) -> Words {
    let words = Words::new();
    match probe {
        MetadataProbe::Applied { offset, record } => words.with(OFFSET, offset).change(record),
        MetadataProbe::Loaded { end, .. } => words.with(OFFSET, end),
        MetadataProbe::Active { epoch } => words.with(EPOCH, epoch),
        MetadataProbe::Halted => words,
    }
}

fn broker(probe: &BrokerProbe) -> Words {
    let words = Words::new();
    match probe {
        BrokerProbe::Started { incarnation, intact, .. } => {
            words.with("incarnation", incarnation).with("intact", yes_or_no(*intact))
        }
        BrokerProbe::Registered { epoch } => words.with("broker epoch", epoch),
        BrokerProbe::Halted => words,
    }
}

fn replica(words: Words, probe: &ReplicaProbe) -> Words {
    match probe {
        ReplicaProbe::Recovered { start, end } => words.with(LOG_START, start).with(LOG_END, end),
        ReplicaProbe::Appended { base, next, epoch, stamp, leader, .. } => words
            .with(OFFSET, base)
            .with(LOG_END, next)
            .with(EPOCH, epoch)
            .maybe("producer id", stamp.map(|(id, _, _)| id))
            .maybe("sequence", stamp.map(|(_, _, sequence)| sequence))
            .with("as leader", yes_or_no(*leader)),
        ReplicaProbe::Truncated { to } => words.with(LOG_END, to),
        ReplicaProbe::Reset { to } => words.with(LOG_START, to).with(LOG_END, to),
        ReplicaProbe::Durable { end } => words.with(LOG_END, end),
        ReplicaProbe::Start { start } => words.with(LOG_START, start),
        ReplicaProbe::Leader { epoch, start } => words.with(EPOCH, epoch).with(LOG_END, start),
        ReplicaProbe::Follower { epoch, leader } => words.with(EPOCH, epoch).with(LEADER, nobody_or(*leader)),
        ReplicaProbe::HighWatermark { epoch, to, leader, exposed } => words
            .with(EPOCH, epoch)
            .with(HIGH_WATERMARK, to)
            .with("as leader", yes_or_no(*leader))
            .with("exposed", yes_or_no(*exposed)),
        ReplicaProbe::IsrProposed { epoch, partition_epoch, isr } => {
            let isr: Vec<_> = isr.iter().map(|(broker, _)| *broker).collect();
            words.with(EPOCH, epoch).with("partition epoch", partition_epoch).with(ISR, list(&isr))
        }
        ReplicaProbe::IsrAdopted { epoch, partition_epoch, isr } => {
            words.with(EPOCH, epoch).with("partition epoch", partition_epoch).with(ISR, list(isr))
        }
        ReplicaProbe::Acked { epoch, base, next, acks: asked } => {
            words.with(EPOCH, epoch).with(OFFSET, base).with("next offset", next).with("acks", acks(*asked))
        }
        ReplicaProbe::Absorbed { stamp: (id, _, sequence) } => {
            words.with("producer id", id).with("sequence", sequence)
        }
        ReplicaProbe::Damaged { at } => words.with(OFFSET, at),
        ReplicaProbe::Holding { base, delete_horizon, records } => {
            words.with(OFFSET, base).with("records", records.len()).maybe("tombstones until", *delete_horizon)
        }
        ReplicaProbe::Cleaned(cleaned) => words
            .with(OFFSET, cleaned.from)
            .with("next offset", cleaned.to)
            .with("clean up to", cleaned.limit)
            .with("records", cleaned.batches.iter().map(|batch| batch.kept.len()).sum::<usize>())
            .with("batches", cleaned.batches.len()),
        ReplicaProbe::Transactional { .. } | ReplicaProbe::Marked { .. } | ReplicaProbe::Stable { .. } => {
            transactions::replica(words, probe)
        }
    }
}

fn client(probe: &ClientProbe) -> Words {
    let words = Words::new();
    match probe {
        ClientProbe::Sent { record: name, at, acks: asked, idempotent } => words
            .with(RECORD, record(*name))
            .maybe(PARTITION, *at)
            .with("acks", acks(*asked))
            .with("idempotent", yes_or_no(*idempotent)),
        ClientProbe::Delivered { record: name, at, offset } => {
            words.with(RECORD, record(*name)).with(PARTITION, at).maybe(OFFSET, *offset)
        }
        ClientProbe::Undelivered { record: name, at, definite, refused } => words
            .with(RECORD, record(*name))
            .maybe(PARTITION, *at)
            .with("definite", yes_or_no(*definite))
            .maybe("refused", *refused),
        ClientProbe::Identified { id, epoch } => words.with("producer id", id).with("producer epoch", epoch),
        ClientProbe::Retried { at } => words.with(PARTITION, at),
        ClientProbe::Consumed { at, offset, epoch, record: name } => {
            words.with(PARTITION, at).with(OFFSET, offset).with(EPOCH, epoch).maybe(RECORD, name.map(record))
        }
        ClientProbe::Repositioned { at, from, to, truncated } => words
            .with(PARTITION, at)
            .with("from offset", from)
            .with(OFFSET, to)
            .with("truncated", yes_or_no(*truncated)),
    }
}

#[cfg(test)]
mod tests {
    use squall_core::ids::{LeaderEpoch, Offset, TopicId, TopicPartition};

    use super::*;
    use crate::ghost::clients::Name;

    const AT: TopicPartition = TopicPartition { topic: TopicId(0), partition: 1 };

    #[test]
    fn an_elected_leader_is_told_with_its_partition_epoch_and_log_end() {
        let probe = Probe::Replica(AT, ReplicaProbe::Leader { epoch: LeaderEpoch(4), start: Offset(12) });
        assert_eq!(kind(&probe), "leader elected");
        let own = |name, value: &str| (name, value.to_owned());
        assert_eq!(fields(&probe), [own(PARTITION, "0-1"), own(EPOCH, "4"), own(LOG_END, "12")]);
    }

    #[test]
    fn a_record_is_named_by_its_senders_node_and_its_number_there() {
        let record = Name { sender: 6, number: 12 }.pack();
        let probe = Probe::Client(ClientProbe::Delivered { record, at: AT, offset: None });
        assert_eq!(fields(&probe), [(RECORD, "6#12".to_owned()), (PARTITION, "0-1".to_owned())]);
    }
}
