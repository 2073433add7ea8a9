//! What producers and readers ask, made from a script's words.

use squall_core::group::message::{CommittedOffset, GroupRequest, OffsetFetch, TxnOffsetCommit};
use squall_core::ids::{
    GroupId, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, TopicId, TopicPartition,
    TransactionalId,
};
use squall_core::message::{Acks, Fetch, Isolation, ListOffsets, Place, Produce, Request};
use squall_core::record::{BatchBuilder, Ending, ProducerStamp};
use squall_core::time::Span;
use squall_core::transaction::message::{
    AddOffsets, AddPartitions, EndTxn, InitTransactional, TransactionRequest,
};

use crate::support::orders::number;
use crate::support::script::Command;

/// `TOPIC-PARTITION`.
pub(crate) fn partition(word: &str) -> TopicPartition {
    let (topic, partition) = word.split_once('-').expect("TOPIC-PARTITION");
    TopicPartition {
        topic: TopicId(topic.parse().expect("a topic")),
        partition: partition.parse().expect("a partition"),
    }
}

fn name(command: &Command) -> TransactionalId {
    TransactionalId(command.option("id").unwrap_or("tx").into())
}

fn identity(command: &Command) -> (ProducerId, ProducerEpoch) {
    (ProducerId(number(command, "pid", 0)), ProducerEpoch(number(command, "epoch", 0) as u16))
}

fn at(command: &Command) -> TopicPartition {
    partition(command.option("at").unwrap_or("1-0"))
}

/// `[id=NAME] [pid=N] [epoch=N] [at=TOPIC-PARTITION]`, and what the verb needs.
pub(crate) fn request(command: &Command) -> Request {
    let (transactional, (producer, epoch)) = (name(command), identity(command));
    let group = GroupId("g".into());
    let transaction = match command.verb.as_str() {
        "find" => TransactionRequest::FindCoordinator { transactional },
        "init" => TransactionRequest::Init(InitTransactional {
            transactional,
            timeout: Span::from_millis(number(command, "timeout", 60_000)),
            current: command.option("pid").map(|_| (producer, epoch)),
        }),
        "add" => {
            let partitions = vec![at(command)];
            TransactionRequest::AddPartitions(AddPartitions { transactional, producer, epoch, partitions })
        }
        "add-offsets" => TransactionRequest::AddOffsets(AddOffsets { transactional, producer, epoch, group }),
        "commit" | "abort" => {
            let ending = if command.verb == "commit" { Ending::Commit } else { Ending::Abort };
            TransactionRequest::End(EndTxn { transactional, producer, epoch, ending })
        }
        "produce" => return Request::Produce(produce(command)),
        "read" => return Request::Fetch(fetch(command)),
        "end" => return Request::ListOffsets(list_offsets(command)),
        "offsets" => {
            let offset = Offset(number(command, "offset", 5));
            let committed = CommittedOffset { offset, leader_epoch: None, metadata: "".into() };
            return Request::Group(GroupRequest::TxnOffsetCommit(TxnOffsetCommit {
                group,
                member: None,
                instance: None,
                transactional,
                producer,
                epoch,
                offsets: vec![(at(command), committed)],
            }));
        }
        "committed" => {
            return Request::Group(GroupRequest::OffsetFetch(OffsetFetch { group, partitions: None }));
        }
        other => panic!("unknown command {other}"),
    };
    Request::Transaction(transaction)
}

/// One record; `plain`: outside of any transaction.
fn produce(command: &Command) -> Produce {
    let (id, epoch) = identity(command);
    let base = Sequence(number(command, "seq", 0) as u32);
    let mut builder = BatchBuilder::new();
    builder.add(None, Some(b"value"), &[], 0).set_producer(ProducerStamp { id, epoch, base });
    let plain = command.words.iter().any(|word| word == "plain");
    if !plain {
        builder.set_transactional();
    }
    Produce {
        at: at(command),
        acks: Acks::All,
        timeout: Span::from_secs(5),
        batch: builder.build().bytes().clone(),
        transactional: (!plain).then(|| name(command)),
    }
}

/// The end, for a reader of committed records; `all`: for one of all.
fn list_offsets(command: &Command) -> ListOffsets {
    let Fetch { at, leader_epoch, isolation, .. } = fetch(command);
    ListOffsets { at, leader_epoch, place: Place::Latest, isolation }
}

/// From the start; `all`: also what is not committed by its transaction.
fn fetch(command: &Command) -> Fetch {
    let all = command.words.iter().any(|word| word == "all");
    Fetch {
        at: at(command),
        replica: None,
        leader_epoch: LeaderEpoch(number(command, "leader-epoch", 1) as u32),
        offset: Offset(number(command, "from", 0)),
        last_epoch: None,
        max_bytes: 10_000,
        max_wait: Span::ZERO,
        isolation: if all { Isolation::ReadUncommitted } else { Isolation::ReadCommitted },
    }
}
