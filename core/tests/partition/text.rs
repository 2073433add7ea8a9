//! How what came out looks in a script.

use std::fmt::Debug;

use squall_core::coordinator::{Phase, Tenure};
use squall_core::ids::{BrokerId, LeaderEpoch, NodeId, Offset};
use squall_core::log::{Cleaned, CleanedBatch};
use squall_core::message::{Message, Reply, Request};
use squall_core::probe::{Probe, ReplicaProbe};
use squall_core::record::batches;

use super::world::{AT, CLIENT, CONTROLLER, Node, SPARE, World};
use crate::support::bench::{Packet, Said};

/// What came out since the last command.
pub(crate) fn said(world: &mut World) -> String {
    let quiet = world.quiet;
    world.bench.take_said().iter().filter_map(|said| line(said, quiet)).collect()
}

fn line(said: &Said<Node>, quiet: bool) -> Option<String> {
    match said {
        Said::Sent(sent) => (!quiet || !is_of_life(&sent.message)).then(|| packet(sent)),
        Said::Probe(node, Probe::Replica(at, fact)) => {
            assert_eq!(*at, AT);
            Some(format!("{node}: {}\n", replica_probe(fact)))
        }
        Said::Probe(_, Probe::Metadata(_)) if quiet => None,
        Said::Probe(node, Probe::Metadata(fact)) => Some(format!("{node}: {}\n", compact(fact))),
        Said::Probe(node, Probe::Broker(fact)) => Some(format!("{node}: {}\n", compact(fact))),
        Said::Probe(
            node,
            other @ (Probe::Quorum(_)
            | Probe::Client(_)
            | Probe::Group(_)
            | Probe::Transaction(_)
            | Probe::Transacted(_)
            | Probe::Share(_)),
        ) => {
            panic!("node {node} says {other:?}")
        }
    }
}

/// Whether it is about a broker's own life.
fn is_of_life(message: &Message) -> bool {
    let Message::Request { request, .. } = message else { return false };
    matches!(request, Request::Heartbeat(_) | Request::FetchMetadata(_))
}

fn replica_probe(probe: &ReplicaProbe) -> String {
    // The checksum says nothing to a reader.
    if let ReplicaProbe::Appended { base, next, epoch, leader, .. } = probe {
        return format!("Appended {base}..{next} epoch={epoch} leader={leader}");
    }
    if let ReplicaProbe::Holding { base, records, .. } = probe {
        return format!("Holding {base} records={}", records.len());
    }
    if let ReplicaProbe::Cleaned(cleaned) = probe {
        let Cleaned { from, to, limit, .. } = **cleaned;
        let batch = |batch: &CleanedBatch| format!("{}..{}={}", batch.base, batch.next, batch.kept.len());
        let batches: Vec<_> = cleaned.batches.iter().map(batch).collect();
        return format!("Cleaned {from}..{to} limit={limit} [{}]", batches.join(" "));
    }
    compact(probe)
}

/// A debug text on one line, without its braces.
pub(crate) fn compact(value: &impl Debug) -> String {
    let text = format!("{value:?}").replace(['{', '}'], "").replace(", ", " ").replace(": ", "=");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How far a coordinator has come.
pub(crate) fn tenure(tenure: &Tenure) -> String {
    let phase = match tenure.phase() {
        Phase::Loading { next, end } => format!("loading {next}..{end}"),
        Phase::Active => "active".to_owned(),
        Phase::Over => "over".to_owned(),
    };
    format!("epoch={} {phase}", tenure.epoch())
}

/// A message on its way.
pub(crate) fn packet(packet: &Packet<Message>) -> String {
    let Packet { from, to, message } = packet;
    match message {
        Message::Request { request: asked, .. } => format!("{from}->{} {}\n", name(*to), request(asked)),
        Message::Reply { id, reply: answer } if *to == CLIENT => {
            format!("{from}->client #{id} {}\n", reply(answer))
        }
        Message::Reply { reply: answer, .. } => format!("{from}->{} {}\n", name(*to), reply(answer)),
        Message::Quorum(message) => panic!("a broker says {message:?}"),
    }
}

fn name(node: NodeId) -> String {
    match node {
        CONTROLLER => "controller".to_owned(),
        SPARE => "spare".to_owned(),
        broker => broker.to_string(),
    }
}

fn request(request: &Request) -> String {
    match request {
        Request::RegisterBroker(r) => {
            let replaces = r.replaces.map(|epoch| format!(" replaces={epoch}")).unwrap_or_default();
            format!("register disk={} intact={}{replaces}", r.disk, r.intact)
        }
        Request::Heartbeat(r) => format!("heartbeat epoch={} applied={}", r.epoch, r.metadata_end),
        Request::FetchMetadata(r) => format!("fetch-metadata from={}", r.from),
        Request::AlterPartition(r) => {
            let isr: Vec<_> = r.isr.iter().map(|(id, epoch)| format!("{id}@{epoch}")).collect();
            let (epoch, registration) = (r.leader_epoch, r.partition_epoch);
            format!("alter-partition epoch={epoch} pepoch={registration} isr={}", isr.join(","))
        }
        Request::AllocateProducerIds(r) => format!("allocate-producer-ids epoch={}", r.epoch),
        Request::Fetch(r) => {
            let (_, registration) = r.replica.expect("a broker fetches as a replica");
            let (epoch, offset, last) = (r.leader_epoch, r.offset, or_dash(r.last_epoch));
            format!("fetch epoch={epoch} offset={offset} last={last} bepoch={registration}")
        }
        Request::CreateTopic(_)
        | Request::ElectLeader(_)
        | Request::Metadata
        | Request::InitProducerId
        | Request::Produce(_)
        | Request::EpochEnd(_)
        | Request::ListOffsets(_)
        | Request::Group(_)
        | Request::Transaction(_)
        | Request::Share(_) => panic!("no broker asks that: {request:?}"),
    }
}

fn reply(reply: &Reply) -> String {
    match reply {
        Reply::Fetch { result: Ok(fetched), .. } => {
            let found: Vec<_> = batches(fetched.batches.clone())
                .map(|batch| batch.expect("what is served is sound"))
                .map(|b| format!("{}..{}@{}", b.base_offset(), b.next_offset(), or_dash(b.leader_epoch())))
                .collect();
            let parts = fetched
                .diverging
                .map_or(String::new(), |parts| format!(" diverging={}@{}", or_dash(parts.epoch), parts.end));
            let (epoch, hw, start) =
                (fetched.leader_epoch, or_dash(fetched.high_watermark), fetched.log_start);
            format!("fetched epoch={epoch} hw={hw} start={start} [{}]{parts}", found.join(" "))
        }
        Reply::Produce { result: Ok(produced), .. } => format!("produced base={}", produced.base),
        Reply::EpochEnd { result: Ok(end), .. } => format!("epoch-end {}@{}", or_dash(end.epoch), end.end),
        Reply::ListOffsets { result: Ok(offset), .. } => format!("offset {offset}"),
        Reply::InitProducerId(Ok((id, epoch))) => format!("producer-id {id} epoch={epoch}"),
        Reply::Metadata(Ok(metadata)) => format!("metadata {}", compact(metadata)),
        Reply::Fetch { result: Err(refused), .. }
        | Reply::Produce { result: Err(refused), .. }
        | Reply::EpochEnd { result: Err(refused), .. }
        | Reply::ListOffsets { result: Err(refused), .. }
        | Reply::AlterPartition { result: Err(refused), .. }
        | Reply::InitProducerId(Err(refused))
        | Reply::Metadata(Err(refused))
        | Reply::CreateTopic(Err(refused)) => format!("refused {}", compact(refused)),
        Reply::RegisterBroker(_)
        | Reply::Heartbeat(_)
        | Reply::FetchMetadata(_)
        | Reply::AllocateProducerIds(_)
        | Reply::AlterPartition { .. }
        | Reply::ElectLeader(_)
        | Reply::CreateTopic(_)
        | Reply::Group(_)
        | Reply::Transaction(_)
        | Reply::Share(_) => panic!("no broker answers that: {reply:?}"),
    }
}

/// What a replica believes.
pub(crate) fn state(world: &World, node: NodeId) -> String {
    let Some(p) = world.replica(node) else { return format!("{node}: no replica\n") };
    let (epoch, registration, hw) = (p.epoch(), p.partition_epoch(), p.high_watermark());
    let Some(isr) = p.isr() else {
        return format!("{node}: does not lead epoch={epoch} pepoch={registration} hw={hw}\n");
    };
    let wish = isr.pending.as_ref().map_or("-".to_owned(), |wish| {
        ids(&wish.members.iter().map(|(broker, _)| *broker).collect::<Vec<_>>())
    });
    let shown = if p.is_exposed() { "shown" } else { "unknown" };
    let (agreed, maximal) = (ids(&isr.agreed), ids(&isr.maximal));
    format!(
        "{node}: leads epoch={epoch} pepoch={registration} hw={hw} {shown} isr={agreed} maximal={maximal} wish={wish}\n"
    )
}

fn ids(brokers: &[BrokerId]) -> String {
    brokers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A replica's records, each as its value and its epoch.
pub(crate) fn log(world: &mut World, node: NodeId) -> String {
    let Some(p) = world.replica(node) else { return format!("{node}: no replica\n") };
    let (start, end, hw) = (p.log().log_start(), p.log().log_end(), p.high_watermark());
    let records: Vec<_> =
        records(world, node).iter().map(|(value, epoch)| format!("{value}@{epoch}")).collect();
    format!("{node}: log={start}..{end} hw={hw} [{}]\n", records.join(" "))
}

/// A replica's records from its log start on.
pub(crate) fn records(world: &mut World, node: NodeId) -> Vec<(String, LeaderEpoch)> {
    let read = |process: &mut Node, env: &mut squall_core::env::EnvOf<'_, Node>| {
        let log = process.0.partition(AT).expect("a replica").log();
        let (mut from, end) = (log.log_start(), log.log_end());
        let mut found = Vec::new();
        while from < end {
            let bytes = log.read(from, end, usize::MAX, env).expect("a sound log");
            from = take(bytes, &mut found);
        }
        found
    };
    world.bench.with(node, read).expect("a living node")
}

fn take(bytes: bytes::Bytes, into: &mut Vec<(String, LeaderEpoch)>) -> Offset {
    let mut next = Offset::ZERO;
    for batch in batches(bytes) {
        let batch = batch.expect("a sound log");
        let epoch = batch.leader_epoch().expect("a placed batch");
        let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap_or(b"-").to_vec()).expect("text");
        into.extend(batch.records().map(|record| (text(record.value), epoch)));
        next = batch.next_offset();
    }
    next
}

fn or_dash(number: Option<impl ToString>) -> String {
    number.map_or("-".to_owned(), |number| number.to_string())
}
