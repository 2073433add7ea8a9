//! The words of share groups: what workers, people and the leaders of share-partitions say, and facts about them.

use squall_core::ids::MemberId;
use squall_core::share::message::{Acquired, ShareReply, ShareRequest, Standstill, Stuck};
use squall_core::share::probe::{Afterwards, Delivery, Ending, Kept, SharePartition, ShareProbe, Told};
use squall_sim::narrate::{Kind, field};

use super::{GROUP, MEMBER, REFUSED, Words, each, millis, record, row};

use field::{EPOCH, LOG_END, OFFSET, PARTITION, RECORD};

const TURN: &str = "turn";
const COUNT: &str = "count";
const VERDICT: &str = "verdict";
const RECORDS: &str = "records";

/// The kinds of messages.
pub(crate) const MESSAGES: &[Kind] = &[
    row("share fetch", &[GROUP, PARTITION, MEMBER, RECORDS, "wait"], "a worker wants records to work on"),
    row("share fetch reply", &["acquired", REFUSED], "what it got"),
    row(
        "share acknowledge",
        &[GROUP, PARTITION, MEMBER, OFFSET, TURN, VERDICT],
        "a worker is done with a record, or wants more time",
    ),
    row("share acknowledge reply", &[REFUSED], "that is in the log"),
    row("put back", &[GROUP, PARTITION, OFFSET, TURN], "a person wants a dead letter worked on again"),
    row("put back reply", &[REFUSED], "whether it will be"),
    row("list stuck", &[GROUP, PARTITION], "a person wants to know what is stuck"),
    row("list stuck reply", &["stuck", REFUSED], "what is"),
];

/// The kinds of facts.
pub(crate) const PROBES: &[Kind] = &[
    row(
        "shares loading",
        &[PARTITION, EPOCH, LOG_END],
        "a new leader reads the state of its share-partitions",
    ),
    row(
        "share restored",
        &[GROUP, PARTITION, EPOCH, OFFSET, RECORDS],
        "a new leader found this share-partition",
    ),
    row("shares loaded", &[PARTITION, EPOCH, LOG_END], "a new leader has read everything"),
    row("shares unloaded", &[PARTITION, EPOCH], "a broker leads these share-partitions no longer"),
    row(
        "record acquired",
        &[GROUP, PARTITION, OFFSET, TURN, EPOCH, MEMBER, COUNT],
        "a record is a worker's until its lock runs out",
    ),
    row(
        "delivery settled",
        &[GROUP, PARTITION, OFFSET, TURN, EPOCH, "how", "then"],
        "a delivery is over, and its record something else",
    ),
    row("lock renewed", &[GROUP, PARTITION, OFFSET, TURN, EPOCH], "a worker has more time"),
    row("record buried", &[GROUP, PARTITION, OFFSET, TURN, EPOCH], "a letter is in the dead-letter topic"),
    row("record put back", &[GROUP, PARTITION, OFFSET, TURN, EPOCH], "a dead record is alive again"),
    row(
        "record received",
        &[GROUP, PARTITION, OFFSET, TURN, MEMBER, COUNT],
        "a worker was told that a record is its own",
    ),
    row(
        "acknowledgement sent",
        &[GROUP, PARTITION, OFFSET, TURN, MEMBER, VERDICT, RECORD],
        "a worker says what became of a record",
    ),
    row(
        "acknowledgement answered",
        &[GROUP, PARTITION, OFFSET, TURN, MEMBER, VERDICT, "result"],
        "a worker knows what became of its acknowledgement",
    ),
    row("letter read", &[GROUP, PARTITION, OFFSET, TURN], "a person read a dead letter"),
    row("letter returned", &[GROUP, PARTITION, OFFSET, TURN], "a person was told that a letter is put back"),
    row("stuck records listed", &[GROUP, PARTITION, "retried", "dead"], "a person was told what is stuck"),
];

pub(super) const fn request_kind(request: &ShareRequest) -> &'static str {
    match request {
        ShareRequest::Fetch(_) => "share fetch",
        ShareRequest::Acknowledge(_) => "share acknowledge",
        ShareRequest::PutBack(_) => "put back",
        ShareRequest::ListStuck { .. } => "list stuck",
    }
}

pub(super) const fn reply_kind(reply: &ShareReply) -> &'static str {
    match reply {
        ShareReply::Fetch(_) => "share fetch reply",
        ShareReply::Acknowledge(_) => "share acknowledge reply",
        ShareReply::PutBack(_) => "put back reply",
        ShareReply::ListStuck(_) => "list stuck reply",
    }
}

pub(super) const fn probe_kind(probe: &ShareProbe) -> &'static str {
    match probe {
        ShareProbe::Loading { .. } => "shares loading",
        ShareProbe::Restored { .. } => "share restored",
        ShareProbe::Loaded { .. } => "shares loaded",
        ShareProbe::Unloaded { .. } => "shares unloaded",
        ShareProbe::Acquired { .. } => "record acquired",
        ShareProbe::Settled { .. } => "delivery settled",
        ShareProbe::Renewed { .. } => "lock renewed",
        ShareProbe::Buried { .. } => "record buried",
        ShareProbe::PutBack { .. } => "record put back",
        ShareProbe::Received { .. } => "record received",
        ShareProbe::Acknowledging { .. } => "acknowledgement sent",
        ShareProbe::Acknowledged { .. } => "acknowledgement answered",
        ShareProbe::LetterRead { .. } => "letter read",
        ShareProbe::Returned { .. } => "letter returned",
        ShareProbe::Monitored { .. } => "stuck records listed",
    }
}

pub(super) const fn glyph(probe: &ShareProbe) -> char {
    match probe {
        ShareProbe::Loading { .. } | ShareProbe::Restored { .. } => '○',
        ShareProbe::Loaded { .. } => '●',
        ShareProbe::Unloaded { .. } => '▽',
        ShareProbe::Acquired { .. } => '■',
        ShareProbe::Settled { .. } => '□',
        ShareProbe::Renewed { .. } => '↔',
        ShareProbe::Buried { .. } => '×',
        ShareProbe::PutBack { .. } => '→',
        ShareProbe::Received { .. } => '<',
        ShareProbe::Acknowledging { .. } => '+',
        ShareProbe::Acknowledged { .. } => '√',
        ShareProbe::LetterRead { .. } | ShareProbe::Monitored { .. } => '?',
        ShareProbe::Returned { .. } => '►',
    }
}

pub(super) fn request(request: &ShareRequest) -> Words {
    let (group, at) = request.about();
    let words = Words::new().with(GROUP, group).with(PARTITION, at);
    match request {
        ShareRequest::Fetch(request) => words
            .with(MEMBER, request.member)
            .with(RECORDS, request.max_records)
            .with("wait", millis(request.max_wait)),
        ShareRequest::Acknowledge(request) => words
            .with(MEMBER, request.member)
            .with(OFFSET, request.offset)
            .with(TURN, request.turn)
            .with(VERDICT, request.verdict.name()),
        ShareRequest::PutBack(request) => words.with(OFFSET, request.offset).with(TURN, request.turn),
        ShareRequest::ListStuck { .. } => words,
    }
}

pub(super) fn reply(reply: &ShareReply) -> Words {
    let words = Words::new();
    match reply {
        ShareReply::Fetch(result) => {
            words.result(result, |words, acquired| words.with("acquired", acquired_list(acquired)))
        }
        ShareReply::Acknowledge(result) | ShareReply::PutBack(result) => {
            words.result(result, |words, ()| words)
        }
        ShareReply::ListStuck(result) => {
            words.result(result, |words, stuck| words.with("stuck", stuck_list(stuck)))
        }
    }
}

pub(super) fn probe(probe: &ShareProbe) -> Words {
    match probe {
        ShareProbe::Loading { at, epoch, end } | ShareProbe::Loaded { at, epoch, end } => {
            Words::reign(*at, *epoch).with(LOG_END, end)
        }
        ShareProbe::Unloaded { at, epoch } => Words::reign(*at, *epoch),
        ShareProbe::Restored { of, epoch, next, records } => {
            share(of).with(EPOCH, epoch).with(OFFSET, next).with(RECORDS, kept_list(records))
        }
        ShareProbe::Acquired { delivery, epoch, member, count, .. } => {
            of(delivery).with(EPOCH, epoch).with(MEMBER, member).with(COUNT, count)
        }
        ShareProbe::Settled { delivery, epoch, how, then } => {
            of(delivery).with(EPOCH, epoch).with("how", ending(*how)).with("then", afterwards(*then))
        }
        ShareProbe::Renewed { delivery, epoch }
        | ShareProbe::Buried { delivery, epoch }
        | ShareProbe::PutBack { delivery, epoch } => of(delivery).with(EPOCH, epoch),
        ShareProbe::Received { delivery, member, count } => {
            of(delivery).with(MEMBER, member).with(COUNT, count)
        }
        ShareProbe::Acknowledging { delivery, member, verdict, record: name } => {
            worker(delivery, *member).with(VERDICT, verdict.name()).maybe(RECORD, name.map(record))
        }
        ShareProbe::Acknowledged { delivery, member, verdict, result } => {
            worker(delivery, *member).with(VERDICT, verdict.name()).with("result", told(*result))
        }
        ShareProbe::LetterRead { delivery } | ShareProbe::Returned { delivery } => of(delivery),
        ShareProbe::Monitored { of, retried, dead } => share(of).with("retried", retried).with("dead", dead),
    }
}

fn share(of: &SharePartition) -> Words {
    Words::new().with(GROUP, &of.group).with(PARTITION, of.at)
}

fn of(delivery: &Delivery) -> Words {
    share(&delivery.of).with(OFFSET, delivery.offset).with(TURN, delivery.turn)
}

fn worker(delivery: &Delivery, member: MemberId) -> Words {
    of(delivery).with(MEMBER, member)
}

const fn ending(how: Ending) -> &'static str {
    match how {
        Ending::Acknowledged(verdict) => verdict.name(),
        Ending::Expired => "lock ran out",
    }
}

const fn afterwards(then: Afterwards) -> &'static str {
    match then {
        Afterwards::Available => "available",
        Afterwards::Done => "done",
        Afterwards::Archiving => "given up",
    }
}

fn told(result: Told) -> String {
    match result {
        Told::Taken => "taken".to_owned(),
        Told::Refused(refused) => refused.to_string(),
        Told::Unknown => "unknown".to_owned(),
    }
}

fn acquired_list(acquired: &[Acquired]) -> String {
    each(acquired.iter().map(|one| format!("{} (turn {})", one.offset, one.turn)), ", ")
}

fn stuck_list(stuck: &[Stuck]) -> String {
    let how = |how| match how {
        Standstill::Retried => "retried",
        Standstill::Held => "held",
        Standstill::Dying => "dying",
        Standstill::Dead => "dead",
    };
    each(stuck.iter().map(|one| format!("{} {} after {}", one.offset, how(one.how), one.count)), ", ")
}

fn kept_list(records: &[Kept]) -> String {
    let kept = records.iter().map(|kept| match (kept.holder, kept.archiving) {
        (Some(member), _) => format!("{} of {member}", kept.offset),
        (None, true) => format!("{} given up", kept.offset),
        (None, false) => kept.offset.to_string(),
    });
    each(kept, ", ")
}
