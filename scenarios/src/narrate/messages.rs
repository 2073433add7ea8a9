//! Messages: Kafka's APIs by name, each reply after its request; between controllers, Raft's.

use squall_core::message::{
    AlterPartition, CreateTopic, Fetch, Fetched, Isolation, Message, MetadataUpdate, Place, Produce, Reply,
    Request,
};
use squall_core::metadata::PartitionState;
use squall_core::quorum::message::{AppendOutcome, QuorumMessage};
use squall_core::record::Header;
use squall_sim::narrate::{Fields, Kind, field};

use super::{Words, acks, groups, list, millis, nobody_or, row, share, transactions, yes_or_no};

use field::{EPOCH, HIGH_WATERMARK, ISR, LEADER, LOG_END, LOG_START, OFFSET, PARTITION};

/// Every message's kind.
pub(crate) const KINDS: &[Kind] = &[
    row("pre-vote", &[EPOCH, LOG_END, "last epoch"], "a controller asks whether it would be elected"),
    row("pre-vote reply", &[EPOCH, "granted"], "whether it would be"),
    row("vote", &[EPOCH, LOG_END, "last epoch", "transfer"], "a controller asks to be elected"),
    row("vote reply", &[EPOCH, "granted"], "whether it has the vote"),
    row(
        "append",
        &[EPOCH, OFFSET, "previous epoch", "records", "bytes", "commit"],
        "the quorum's leader replicates entries, or shows itself",
    ),
    row("append reply", &[EPOCH, "outcome", LOG_END], "what a follower made of an append"),
    row("install snapshot", &[EPOCH, LOG_END, "last epoch", "bytes"], "for a controller far behind"),
    row("install snapshot reply", &[EPOCH, LOG_END], "up to where the follower holds it"),
    row("timeout now", &[EPOCH], "the quorum's leader hands over"),
    row(
        "register broker",
        &["broker", "incarnation", "intact", "replaces", "last topic"],
        "a broker starts a life",
    ),
    row("register broker reply", &["broker epoch", "refused"], "its registration"),
    row("heartbeat", &["broker", "broker epoch", "metadata end"], "a broker is alive"),
    row("heartbeat reply", &["fenced", "refused"], "whether the broker is fenced"),
    row("fetch metadata", &[OFFSET, "wait"], "a broker reads the metadata log"),
    row("fetch metadata reply", &[OFFSET, "records", "snapshot", "refused"], "a stretch of the metadata log"),
    row(
        "alter partition",
        &[PARTITION, "broker", EPOCH, "partition epoch", ISR],
        "a leader asks for another ISR",
    ),
    row(
        "alter partition reply",
        &[PARTITION, LEADER, EPOCH, "partition epoch", ISR, "refused"],
        "the registration as it stands",
    ),
    row("create topic", &["topic", "partitions", "replication", "min isr"], "a person wants a topic"),
    row("create topic reply", &["topic", "refused"], "its number"),
    row("allocate producer ids", &["broker", "broker epoch"], "a broker wants producer ids"),
    row("allocate producer ids reply", &["producer id", "count", "refused"], "a block of producer ids"),
    row("elect leader", &[PARTITION, LEADER], "a person wants another leader"),
    row("elect leader reply", &["refused"], "whether there will be one"),
    row("metadata", &[], "a client asks who leads what"),
    row("metadata reply", &["metadata end", "topics", "refused"], "who leads what"),
    row("init producer id", &[], "a producer wants an identity"),
    row("init producer id reply", &["producer id", "producer epoch", "refused"], "its identity"),
    row(
        "produce",
        &[PARTITION, "acks", "records", "bytes", "producer id", "sequence"],
        "a producer's batch for a leader",
    ),
    row("produce reply", &[PARTITION, OFFSET, "refused"], "where the batch went"),
    row(
        "fetch",
        &[PARTITION, "follower", EPOCH, OFFSET, "last epoch", "wait"],
        "a follower reads (`follower` says who), or a consumer",
    ),
    row(
        "fetch reply",
        &[
            PARTITION,
            EPOCH,
            HIGH_WATERMARK,
            LOG_START,
            OFFSET,
            "records",
            "bytes",
            "diverging at",
            "last stable",
            "aborted",
            "refused",
        ],
        "what was read",
    ),
    row("epoch end", &[PARTITION, EPOCH, "asked epoch"], "a consumer asks where an epoch ends"),
    row("epoch end reply", &[PARTITION, "found epoch", OFFSET, "refused"], "where it ends"),
    row("list offsets", &[PARTITION, EPOCH, "isolation", "place"], "a consumer asks for a place"),
    row("list offsets reply", &[PARTITION, OFFSET, "refused"], "where it is"),
];

/// The kind of a message.
pub(crate) const fn kind(message: &Message) -> &'static str {
    match message {
        Message::Quorum(message) => match message {
            QuorumMessage::Vote(vote) if vote.pre => "pre-vote",
            QuorumMessage::Vote(_) => "vote",
            QuorumMessage::VoteReply(reply) if reply.pre => "pre-vote reply",
            QuorumMessage::VoteReply(_) => "vote reply",
            QuorumMessage::Append(_) => "append",
            QuorumMessage::AppendReply(_) => "append reply",
            QuorumMessage::Install(_) => "install snapshot",
            QuorumMessage::InstallReply(_) => "install snapshot reply",
            QuorumMessage::TimeoutNow { .. } => "timeout now",
        },
        Message::Request { request, .. } => match request {
            Request::RegisterBroker(_) => "register broker",
            Request::Heartbeat(_) => "heartbeat",
            Request::FetchMetadata(_) => "fetch metadata",
            Request::AlterPartition(_) => "alter partition",
            Request::CreateTopic(_) => "create topic",
            Request::AllocateProducerIds(_) => "allocate producer ids",
            Request::ElectLeader(_) => "elect leader",
            Request::Metadata => "metadata",
            Request::InitProducerId => "init producer id",
            Request::Produce(_) => "produce",
            Request::Fetch(_) => "fetch",
            Request::EpochEnd(_) => "epoch end",
            Request::ListOffsets(_) => "list offsets",
            Request::Group(request) => groups::request_kind(request),
            Request::Transaction(request) => transactions::request_kind(request),
            Request::Share(request) => share::request_kind(request),
        },
        Message::Reply { reply, .. } => match reply {
            Reply::RegisterBroker(_) => "register broker reply",
            Reply::Heartbeat(_) => "heartbeat reply",
            Reply::FetchMetadata(_) => "fetch metadata reply",
            Reply::AlterPartition { .. } => "alter partition reply",
            Reply::CreateTopic(_) => "create topic reply",
            Reply::AllocateProducerIds(_) => "allocate producer ids reply",
            Reply::ElectLeader(_) => "elect leader reply",
            Reply::Metadata(_) => "metadata reply",
            Reply::InitProducerId(_) => "init producer id reply",
            Reply::Produce { .. } => "produce reply",
            Reply::Fetch { .. } => "fetch reply",
            Reply::EpochEnd { .. } => "epoch end reply",
            Reply::ListOffsets { .. } => "list offsets reply",
            Reply::Group(reply) => groups::reply_kind(reply),
            Reply::Transaction(reply) => transactions::reply_kind(reply),
            Reply::Share(reply) => share::reply_kind(reply),
        },
    }
}

/// What a message says.
pub(crate) fn fields(message: &Message) -> Fields {
    match message {
        Message::Quorum(message) => quorum(message),
        Message::Request { request, .. } => request_words(request),
        Message::Reply { reply, .. } => reply_words(reply),
    }
    .0
}

fn quorum(message: &QuorumMessage) -> Words {
    let words = Words::new();
    match message {
        QuorumMessage::Vote(vote) => words
            .with(EPOCH, vote.epoch)
            .with(LOG_END, vote.end)
            .maybe("last epoch", vote.last_epoch)
            .maybe("transfer", vote.transfer.then_some("yes")),
        QuorumMessage::VoteReply(reply) => {
            words.with(EPOCH, reply.epoch).with("granted", yes_or_no(reply.granted))
        }
        QuorumMessage::Append(append) => batches(
            words
                .with(EPOCH, append.epoch)
                .with(OFFSET, append.base)
                .maybe("previous epoch", append.previous),
            &append.batches,
        )
        .with("commit", append.commit),
        QuorumMessage::AppendReply(reply) => {
            let words = words.with(EPOCH, reply.epoch);
            match reply.outcome {
                AppendOutcome::Matched { end } => words.with("outcome", "matched").with(LOG_END, end),
                AppendOutcome::Conflict { end, .. } => words.with("outcome", "conflict").with(LOG_END, end),
                AppendOutcome::Stale => words.with("outcome", "stale"),
            }
        }
        QuorumMessage::Install(install) => words
            .with(EPOCH, install.epoch)
            .with(LOG_END, install.end)
            .with("last epoch", install.last_epoch)
            .with("bytes", install.state.len()),
        QuorumMessage::InstallReply(reply) => words.with(EPOCH, reply.epoch).maybe(LOG_END, reply.end),
        QuorumMessage::TimeoutNow { epoch } => words.with(EPOCH, epoch),
    }
}

fn request_words(request: &Request) -> Words {
    let words = Words::new();
    match request {
        Request::RegisterBroker(request) => words
            .with("broker", request.broker)
            .with("incarnation", request.incarnation)
            .with("intact", yes_or_no(request.intact))
            .maybe("replaces", request.replaces)
            .maybe("last topic", request.last_topic),
        Request::Heartbeat(request) => words
            .with("broker", request.broker)
            .with("broker epoch", request.epoch)
            .with("metadata end", request.metadata_end),
        Request::FetchMetadata(request) => {
            words.with(OFFSET, request.from).with("wait", millis(request.max_wait))
        }
        Request::AlterPartition(request) => alter_partition(request),
        Request::CreateTopic(request) => create_topic(request),
        Request::AllocateProducerIds(request) => {
            words.with("broker", request.broker).with("broker epoch", request.epoch)
        }
        Request::ElectLeader(request) => Words::of(request.at).maybe(LEADER, request.to),
        Request::Metadata | Request::InitProducerId => words,
        Request::Produce(request) => produce(request),
        Request::Fetch(request) => fetch(request),
        Request::EpochEnd(request) => {
            Words::of(request.at).with(EPOCH, request.leader_epoch).with("asked epoch", request.epoch)
        }
        Request::ListOffsets(request) => {
            let committed = request.isolation == Isolation::ReadCommitted;
            let words = Words::of(request.at)
                .with(EPOCH, request.leader_epoch)
                .maybe("isolation", committed.then_some("read committed"));
            match request.place {
                Place::Earliest => words.with("place", "earliest"),
                Place::Latest => words.with("place", "latest"),
                Place::Timestamp(millis) => words.with("place", format!("{millis}ms")),
            }
        }
        Request::Group(request) => groups::request(request),
        Request::Transaction(request) => transactions::request(request),
        Request::Share(request) => share::request(request),
    }
}

fn alter_partition(request: &AlterPartition) -> Words {
    let isr: Vec<_> = request.isr.iter().map(|(broker, _)| *broker).collect();
    Words::of(request.at)
        .with("broker", request.broker)
        .with(EPOCH, request.leader_epoch)
        .with("partition epoch", request.partition_epoch)
        .with(ISR, list(&isr))
}

fn create_topic(request: &CreateTopic) -> Words {
    Words::new()
        .with("topic", &request.name)
        .with("partitions", request.partitions)
        .with("replication", request.replication)
        .with("min isr", request.min_isr)
}

fn produce(request: &Produce) -> Words {
    let words = batches(Words::of(request.at).with("acks", acks(request.acks)), &request.batch);
    match Header::peek(&request.batch).ok().and_then(|header| header.producer) {
        Some(stamp) => words.with("producer id", stamp.id).with("sequence", stamp.base),
        None => words,
    }
}

fn fetch(request: &Fetch) -> Words {
    Words::of(request.at)
        .maybe("follower", request.replica.map(|(broker, _)| broker))
        .with(EPOCH, request.leader_epoch)
        .with(OFFSET, request.offset)
        .maybe("last epoch", request.last_epoch)
        .with("wait", millis(request.max_wait))
}

fn reply_words(reply: &Reply) -> Words {
    let words = Words::new();
    match reply {
        Reply::RegisterBroker(result) => {
            words.result(result, |words, epoch| words.with("broker epoch", epoch))
        }
        Reply::Heartbeat(result) => {
            words.result(result, |words, reply| words.with("fenced", yes_or_no(reply.fenced)))
        }
        Reply::FetchMetadata(result) => words.result(result, metadata_update),
        Reply::AlterPartition { at, result } => Words::of(*at).result(result, registration),
        Reply::CreateTopic(result) => words.result(result, |words, topic| words.with("topic", topic)),
        Reply::AllocateProducerIds(result) => words
            .result(result, |words, block| words.with("producer id", block.first).with("count", block.count)),
        Reply::ElectLeader(result) => words.result(result, |words, ()| words),
        Reply::Metadata(result) => words.result(result, |words, metadata| {
            words.with("metadata end", metadata.version).with("topics", metadata.topics.len())
        }),
        Reply::InitProducerId(result) => words
            .result(result, |words, (id, epoch)| words.with("producer id", id).with("producer epoch", epoch)),
        Reply::Produce { at, result } => {
            Words::of(*at).result(result, |words, produced| words.with(OFFSET, produced.base))
        }
        Reply::Fetch { at, result } => Words::of(*at).result(result, fetched),
        Reply::EpochEnd { at, result } => Words::of(*at)
            .result(result, |words, found| words.maybe("found epoch", found.epoch).with(OFFSET, found.end)),
        Reply::ListOffsets { at, result } => {
            Words::of(*at).result(result, |words, offset| words.with(OFFSET, offset))
        }
        Reply::Group(reply) => groups::reply(reply),
        Reply::Transaction(reply) => transactions::reply(reply),
        Reply::Share(reply) => share::reply(reply),
    }
}

fn metadata_update(words: Words, update: &MetadataUpdate) -> Words {
    words
        .with(OFFSET, update.base)
        .with("records", update.records.len())
        .maybe("snapshot", update.snapshot.as_ref().map(|snapshot| snapshot.end))
}

fn registration(words: Words, state: &PartitionState) -> Words {
    words
        .with(LEADER, nobody_or(state.leader))
        .with(EPOCH, state.leader_epoch)
        .with("partition epoch", state.partition_epoch)
        .with(ISR, list(&state.isr))
}

fn fetched(words: Words, fetched: &Fetched) -> Words {
    let words = words
        .with(EPOCH, fetched.leader_epoch)
        .maybe(HIGH_WATERMARK, fetched.high_watermark)
        .with(LOG_START, fetched.log_start);
    let first = Header::peek(&fetched.batches).ok().map(|header| header.base_offset);
    let words = batches(words.maybe(OFFSET, first), &fetched.batches)
        .maybe("diverging at", fetched.diverging.map(|found| found.end));
    transactions::stable(words, fetched.stable.as_ref())
}

/// How much is in a stretch of batches. Bytes that are none count as no record.
fn batches(words: Words, bytes: &[u8]) -> Words {
    let (mut rest, mut records) = (bytes, 0);
    while let Ok(header) = Header::peek(rest) {
        records += header.count;
        rest = rest.get(header.size..).unwrap_or_default();
    }
    words.with("records", records).with("bytes", bytes.len())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use squall_core::ids::{
        BrokerEpoch, BrokerId, CorrelationId, LeaderEpoch, Offset, TopicId, TopicPartition,
    };
    use squall_core::message::Acks;
    use squall_core::quorum::message::Vote;
    use squall_core::refused::Refused;
    use squall_core::time::Span;

    use super::*;

    const AT: TopicPartition = TopicPartition { topic: TopicId(0), partition: 1 };

    #[test]
    fn a_followers_fetch_says_who_reads_and_a_consumers_does_not() {
        let mut fetch = Fetch {
            at: AT,
            replica: Some((BrokerId(2), BrokerEpoch(9))),
            leader_epoch: LeaderEpoch(3),
            offset: Offset(17),
            last_epoch: None,
            max_bytes: 100,
            max_wait: Span::from_millis(20),
            isolation: squall_core::message::Isolation::ReadUncommitted,
        };
        let said = |fetch| fields(&Message::Request { id: CorrelationId(1), request: Request::Fetch(fetch) });
        let own = |name, value: &str| (name, value.to_owned());
        assert_eq!(
            said(fetch),
            [
                own(PARTITION, "0-1"),
                own("follower", "2"),
                own(EPOCH, "3"),
                own(OFFSET, "17"),
                own("wait", "20ms")
            ]
        );
        fetch.replica = None;
        assert!(said(fetch).iter().all(|(name, _)| *name != "follower"));
    }

    #[test]
    fn a_pre_vote_is_not_called_a_vote() {
        let vote = |pre| {
            let epoch = LeaderEpoch(1);
            Message::Quorum(QuorumMessage::Vote(Vote {
                epoch,
                last_epoch: None,
                end: Offset(0),
                pre,
                transfer: false,
            }))
        };
        assert_eq!((kind(&vote(true)), kind(&vote(false))), ("pre-vote", "vote"));
    }

    #[test]
    fn a_refusal_is_named_as_kafka_names_it() {
        let reply = Reply::Produce { at: AT, result: Err(Refused::NotEnoughReplicas) };
        let said = fields(&Message::Reply { id: CorrelationId(1), reply });
        assert_eq!(said[1], ("refused", "NOT_ENOUGH_REPLICAS".to_owned()));
    }

    #[test]
    fn bytes_that_are_no_batch_are_told_without_a_panic() {
        let batch = Bytes::from_static(&[0xff; 70]);
        let request = Request::Produce(Produce {
            at: AT,
            acks: Acks::All,
            timeout: Span::ZERO,
            batch,
            transactional: None,
        });
        let said = fields(&Message::Request { id: CorrelationId(1), request });
        assert_eq!(said[2..], [("records", "0".to_owned()), ("bytes", "70".to_owned())]);
    }
}
