//! What a client asks, made from a script's words.

use bytes::Bytes;

use squall_core::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};
use squall_core::log::CleanupPolicy;
use squall_core::message::{
    Acks, CreateTopic, EpochEnd, Fetch, Isolation, ListOffsets, Place, Produce, Request,
};
use squall_core::record::{BatchBuilder, ProducerStamp};
use squall_core::time::Span;

use super::world::AT;
use crate::support::orders::number;
use crate::support::script::Command;

/// `acks=0|1|all [key=…] value=… [count=N] [pid=N seq=N] [timeout=MS] [damage]`
pub(crate) fn produce(command: &Command) -> Request {
    let acks = match command.option("acks") {
        Some("0") => Acks::None,
        Some("1") => Acks::Leader,
        Some("all") | None => Acks::All,
        Some(other) => panic!("no such acks: {other}"),
    };
    let stamp = command.option("pid").map(|pid| ProducerStamp {
        id: ProducerId(pid.parse().expect("a producer id")),
        epoch: ProducerEpoch(number(command, "pepoch", 0) as u16),
        base: Sequence(number(command, "seq", 0) as u32),
    });
    let value = command.option("value").unwrap_or("x");
    let count = number(command, "count", 1);
    let mut bytes = batch(command.option("key"), value, count, stamp, number(command, "time", 0)).to_vec();
    if command.words.iter().any(|word| word == "damaged") {
        *bytes.last_mut().expect("a batch is not empty") ^= 1;
    }
    let timeout = Span::from_millis(number(command, "timeout", 30_000));
    Request::Produce(Produce { at: AT, acks, timeout, batch: Bytes::from(bytes), transactional: None })
}

/// A batch of `count` records of that key and value; `-` is none.
pub(crate) fn batch(
    key: Option<&str>,
    value: &str,
    count: u64,
    stamp: Option<ProducerStamp>,
    time: u64,
) -> Bytes {
    let mut builder = BatchBuilder::new();
    if let Some(stamp) = stamp {
        builder.set_producer(stamp);
    }
    for _ in 0..count {
        let value = (value != "-").then_some(value.as_bytes());
        builder.add(key.map(str::as_bytes), value, &[], time);
    }
    builder.build().bytes().clone()
}

/// `epoch=N offset=N [last=N] [replica=N bepoch=N] [wait=MS]`
pub(crate) fn fetch(command: &Command) -> Request {
    let replica = command
        .option("replica")
        .map(|id| (BrokerId(id.parse().expect("a broker")), BrokerEpoch(number(command, "bepoch", 0))));
    Request::Fetch(Fetch {
        at: AT,
        replica,
        leader_epoch: epoch(command),
        offset: Offset(number(command, "offset", 0)),
        last_epoch: command.option("last").map(|last| LeaderEpoch(last.parse().expect("an epoch"))),
        max_bytes: 1_000,
        max_wait: Span::from_millis(number(command, "wait", 0)),
        isolation: Isolation::ReadUncommitted,
    })
}

/// `earliest|latest|MILLIS epoch=N`
pub(crate) fn list_offsets(command: &Command) -> Request {
    let place = match command.words[1].as_str() {
        "earliest" => Place::Earliest,
        "latest" => Place::Latest,
        millis => Place::Timestamp(millis.parse().expect("milliseconds")),
    };
    Request::ListOffsets(ListOffsets {
        at: AT,
        leader_epoch: epoch(command),
        place,
        isolation: Isolation::ReadUncommitted,
    })
}

/// `epoch=N of=N`
pub(crate) fn epoch_end(command: &Command) -> Request {
    let of = LeaderEpoch(number(command, "of", 0) as u32);
    Request::EpochEnd(EpochEnd { at: AT, leader_epoch: epoch(command), epoch: of })
}

fn epoch(command: &Command) -> LeaderEpoch {
    LeaderEpoch(number(command, "epoch", 1) as u32)
}

/// A topic, asked of a broker, which makes none.
pub(crate) fn create_topic() -> Request {
    let name = "orders".to_owned();
    Request::CreateTopic(CreateTopic {
        name,
        partitions: 1,
        replication: 1,
        min_isr: 1,
        unclean: false,
        cleanup: CleanupPolicy::Delete,
    })
}
