//! The words of transactions: what producers, leaders and coordinators say, and facts about transactions.
//!
//! Tables of their own: a cluster without transactions has neither these messages nor these facts.

use squall_core::group::message::TxnOffsetCommit;
use squall_core::ids::{ProducerEpoch, ProducerId, TransactionalId};
use squall_core::message::Stable;
use squall_core::probe::ReplicaProbe;
use squall_core::record::Ending;
use squall_core::transaction::message::{TransactionReply, TransactionRequest};
use squall_core::transaction::probe::TransactionProbe;
use squall_sim::narrate::{Kind, field};

use super::{PARTITIONS, REFUSED, Words, list, millis, row};

use field::{EPOCH, HIGH_WATERMARK, LOG_END, OFFSET, PARTITION};

const TRANSACTIONAL: &str = "transactional id";
const PRODUCER: &str = "producer id";
const PRODUCER_EPOCH: &str = "producer epoch";
const COORDINATOR_EPOCH: &str = "coordinator epoch";
const ENDING: &str = "ending";

/// The kinds of messages.
pub(crate) const MESSAGES: &[Kind] = &[
    row("find transaction coordinator", &[TRANSACTIONAL], "a producer asks who coordinates its transactions"),
    row("find transaction coordinator reply", &["broker", REFUSED], "who does"),
    row(
        "init transactional producer",
        &[TRANSACTIONAL, "timeout", PRODUCER, PRODUCER_EPOCH],
        "a transactional producer starts, or starts anew",
    ),
    row("init transactional producer reply", &[PRODUCER, PRODUCER_EPOCH, REFUSED], "what to produce under"),
    row(
        "add partitions to txn",
        &[TRANSACTIONAL, PRODUCER, PRODUCER_EPOCH, PARTITIONS],
        "a leader asks to be part of a transaction",
    ),
    row("add partitions to txn reply", &[REFUSED], "whether it is"),
    row(
        "add offsets to txn",
        &[TRANSACTIONAL, PRODUCER, PRODUCER_EPOCH, "group"],
        "a group's offsets are to be part of a transaction",
    ),
    row("add offsets to txn reply", &[REFUSED], "whether they are"),
    row("end txn", &[TRANSACTIONAL, PRODUCER, PRODUCER_EPOCH, ENDING], "a producer ends its transaction"),
    row("end txn reply", &[PRODUCER, PRODUCER_EPOCH, REFUSED], "what to produce the next one under"),
    row(
        "write txn marker",
        &[PARTITION, PRODUCER, PRODUCER_EPOCH, COORDINATOR_EPOCH, ENDING],
        "a coordinator ends a transaction in a partition",
    ),
    row("write txn marker reply", &[PARTITION, PRODUCER, REFUSED], "whether the marker is committed"),
    row(
        "txn offset commit",
        &["group", TRANSACTIONAL, PRODUCER, PRODUCER_EPOCH, "offsets"],
        "how far a group is, if a transaction commits",
    ),
    row("txn offset commit reply", &[REFUSED], "that is in the log"),
];

/// The kinds of facts.
pub(crate) const PROBES: &[Kind] = &[
    row("transactions loading", &[PARTITION, EPOCH, LOG_END], "a new coordinator reads its partition"),
    row("transactions loaded", &[PARTITION, EPOCH, LOG_END], "a new coordinator has read everything"),
    row("transactions unloaded", &[PARTITION, EPOCH], "a broker no longer coordinates"),
    row(
        "transactional producer started",
        &[TRANSACTIONAL, PRODUCER, PRODUCER_EPOCH],
        "a producer was told what to produce under",
    ),
    row(
        "transaction changed",
        &[TRANSACTIONAL, PRODUCER, PRODUCER_EPOCH, COORDINATOR_EPOCH, "from", "to", PARTITIONS],
        "a transaction's new state is in the coordinator's log",
    ),
    row(
        "transaction timed out",
        &[TRANSACTIONAL, PRODUCER, PRODUCER_EPOCH],
        "a transaction was open for too long",
    ),
    row(
        "producer fenced",
        &[TRANSACTIONAL, PRODUCER, PRODUCER_EPOCH],
        "a producer whose reign is over was refused",
    ),
    row("marker retried", &[PARTITION, PRODUCER], "a marker that nobody confirmed is sent again"),
    row(
        "transaction restored",
        &[TRANSACTIONAL, PRODUCER, PRODUCER_EPOCH, "to", PARTITIONS],
        "a new coordinator found this transactional id",
    ),
    row("transactional id expired", &[TRANSACTIONAL], "a transactional id that nobody used was forgotten"),
    row(
        "transactional batch appended",
        &[PARTITION, OFFSET, PRODUCER, PRODUCER_EPOCH],
        "the batch just written is part of a transaction",
    ),
    row(
        "marker appended",
        &[PARTITION, OFFSET, PRODUCER, PRODUCER_EPOCH, COORDINATOR_EPOCH, ENDING],
        "the batch just written ends a transaction",
    ),
    row(
        "stable offset shown",
        &[PARTITION, OFFSET, HIGH_WATERMARK],
        "a reader of committed records was told up to where everything is decided",
    ),
];

pub(super) const fn request_kind(request: &TransactionRequest) -> &'static str {
    match request {
        TransactionRequest::FindCoordinator { .. } => "find transaction coordinator",
        TransactionRequest::Init(_) => "init transactional producer",
        TransactionRequest::AddPartitions(_) => "add partitions to txn",
        TransactionRequest::AddOffsets(_) => "add offsets to txn",
        TransactionRequest::End(_) => "end txn",
        TransactionRequest::WriteMarker(_) => "write txn marker",
    }
}

pub(super) const fn reply_kind(reply: &TransactionReply) -> &'static str {
    match reply {
        TransactionReply::FindCoordinator(_) => "find transaction coordinator reply",
        TransactionReply::Init(_) => "init transactional producer reply",
        TransactionReply::AddPartitions(_) => "add partitions to txn reply",
        TransactionReply::AddOffsets(_) => "add offsets to txn reply",
        TransactionReply::End(_) => "end txn reply",
        TransactionReply::WriteMarker { .. } => "write txn marker reply",
    }
}

pub(super) const fn probe_kind(probe: &TransactionProbe) -> &'static str {
    match probe {
        TransactionProbe::Loading { .. } => "transactions loading",
        TransactionProbe::Loaded { .. } => "transactions loaded",
        TransactionProbe::Unloaded { .. } => "transactions unloaded",
        TransactionProbe::Initialized { .. } => "transactional producer started",
        TransactionProbe::Changed { .. } => "transaction changed",
        TransactionProbe::TimedOut { .. } => "transaction timed out",
        TransactionProbe::Fenced { .. } => "producer fenced",
        TransactionProbe::MarkerRetried { .. } => "marker retried",
        TransactionProbe::Expired { .. } => "transactional id expired",
        TransactionProbe::Restored { .. } => "transaction restored",
    }
}

pub(super) const fn glyph(probe: &TransactionProbe) -> char {
    match probe {
        TransactionProbe::Loading { .. } | TransactionProbe::Restored { .. } => '○',
        TransactionProbe::Loaded { .. } => '●',
        TransactionProbe::Unloaded { .. } => '▽',
        TransactionProbe::Initialized { .. } => '#',
        TransactionProbe::Changed { .. } => '◆',
        TransactionProbe::TimedOut { .. } => '?',
        TransactionProbe::Fenced { .. } => '×',
        TransactionProbe::MarkerRetried { .. } => '»',
        TransactionProbe::Expired { .. } => '◄',
    }
}

pub(super) fn request(request: &TransactionRequest) -> Words {
    let words = Words::new().maybe(TRANSACTIONAL, request.transactional());
    match request {
        TransactionRequest::FindCoordinator { .. } => words,
        TransactionRequest::Init(request) => words
            .with("timeout", millis(request.timeout))
            .maybe(PRODUCER, request.current.map(|(id, _)| id))
            .maybe(PRODUCER_EPOCH, request.current.map(|(_, epoch)| epoch)),
        TransactionRequest::AddPartitions(request) => {
            identity(words, request.producer, request.epoch).with(PARTITIONS, list(&request.partitions))
        }
        TransactionRequest::AddOffsets(request) => {
            identity(words, request.producer, request.epoch).with("group", &request.group)
        }
        TransactionRequest::End(request) => {
            identity(words, request.producer, request.epoch).with(ENDING, ending(request.ending))
        }
        TransactionRequest::WriteMarker(marker) => {
            identity(words.with(PARTITION, marker.at), marker.producer, marker.epoch)
                .with(COORDINATOR_EPOCH, marker.coordinator_epoch)
                .with(ENDING, ending(marker.ending))
        }
    }
}

pub(super) fn reply(reply: &TransactionReply) -> Words {
    let words = Words::new();
    match reply {
        TransactionReply::FindCoordinator(result) => {
            words.result(result, |words, broker| words.with("broker", broker))
        }
        TransactionReply::Init(result) | TransactionReply::End(result) => {
            words.result(result, |words, &(id, epoch)| identity(words, id, epoch))
        }
        TransactionReply::AddPartitions(result) | TransactionReply::AddOffsets(result) => {
            words.result(result, |words, ()| words)
        }
        TransactionReply::WriteMarker { at, producer, result } => {
            Words::of(*at).with(PRODUCER, producer).result(result, |words, ()| words)
        }
    }
}

pub(super) fn offset_commit(words: Words, request: &TxnOffsetCommit) -> Words {
    let offsets: Vec<_> =
        request.offsets.iter().map(|(at, committed)| format!("{at}: {}", committed.offset)).collect();
    identity(words.with(TRANSACTIONAL, &request.transactional), request.producer, request.epoch)
        .with("offsets", offsets.join(" "))
}

pub(super) fn stable(words: Words, stable: Option<&Stable>) -> Words {
    let aborted: Option<Vec<_>> = stable.map(|stable| {
        stable.aborted.iter().map(|aborted| format!("{} from {}", aborted.producer, aborted.first)).collect()
    });
    words
        .maybe("last stable", stable.map(|stable| stable.last_stable))
        .maybe("aborted", aborted.filter(|aborted| !aborted.is_empty()).map(|aborted| aborted.join(", ")))
}

pub(super) fn probe(probe: &TransactionProbe) -> Words {
    let words = Words::new();
    match probe {
        TransactionProbe::Loading { at, epoch, end } | TransactionProbe::Loaded { at, epoch, end } => {
            Words::reign(*at, *epoch).with(LOG_END, end)
        }
        TransactionProbe::Unloaded { at, epoch } => Words::reign(*at, *epoch),
        TransactionProbe::Changed {
            transactional,
            coordinator_epoch,
            producer,
            epoch,
            from,
            to,
            partitions,
        } => named(words, transactional, *producer, *epoch)
            .with(COORDINATOR_EPOCH, coordinator_epoch)
            .with("from", from.name())
            .with("to", to.name())
            .with(PARTITIONS, list(partitions)),
        TransactionProbe::Initialized { transactional, producer, epoch }
        | TransactionProbe::TimedOut { transactional, producer, epoch }
        | TransactionProbe::Fenced { transactional, producer, epoch } => {
            named(words, transactional, *producer, *epoch)
        }
        TransactionProbe::Restored { transactional, producer, epoch, state, partitions } => {
            named(words, transactional, *producer, *epoch)
                .with("to", state.name())
                .with(PARTITIONS, list(partitions))
        }
        TransactionProbe::MarkerRetried { at, producer } => {
            words.with(PARTITION, at).with(PRODUCER, producer)
        }
        TransactionProbe::Expired { transactional } => words.with(TRANSACTIONAL, transactional),
    }
}

/// The words of a replica's facts about transactions; of its others, nothing more.
pub(super) fn replica(words: Words, probe: &ReplicaProbe) -> Words {
    if let ReplicaProbe::Transactional { base, producer, epoch } = probe {
        return identity(words.with(OFFSET, base), *producer, *epoch);
    }
    if let ReplicaProbe::Marked { offset, producer, epoch, coordinator_epoch, ending: how } = probe {
        return identity(words.with(OFFSET, offset), *producer, *epoch)
            .with(COORDINATOR_EPOCH, coordinator_epoch)
            .with(ENDING, ending(*how));
    }
    if let ReplicaProbe::Stable { last_stable, high_watermark } = probe {
        return words.with(OFFSET, last_stable).with(HIGH_WATERMARK, high_watermark);
    }
    words
}

fn named(words: Words, transactional: &TransactionalId, id: ProducerId, epoch: ProducerEpoch) -> Words {
    identity(words.with(TRANSACTIONAL, transactional), id, epoch)
}

fn identity(words: Words, id: ProducerId, epoch: ProducerEpoch) -> Words {
    words.with(PRODUCER, id).with(PRODUCER_EPOCH, epoch)
}

const fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Commit => "commit",
        Ending::Abort => "abort",
    }
}

#[cfg(test)]
mod tests {
    use squall_core::transaction::message::EndTxn;

    use super::*;

    #[test]
    fn an_end_says_whose_it_is_and_how() {
        let transactional = TransactionalId("orders".into());
        let (producer, epoch) = (ProducerId(7), ProducerEpoch(3));
        let end = EndTxn { transactional, producer, epoch, ending: Ending::Abort };
        let own = |name, value: &str| (name, value.to_owned());
        assert_eq!(
            request(&TransactionRequest::End(end)).0,
            [
                own(TRANSACTIONAL, "orders"),
                own(PRODUCER, "7"),
                own(PRODUCER_EPOCH, "3"),
                own(ENDING, "abort")
            ]
        );
    }
}
