//! What came out, as lines: facts about share groups and answers to whoever asked.

use std::fmt::Debug;

use squall_core::ids::NodeId;
use squall_core::message::{Message, Reply};
use squall_core::probe::Probe;
use squall_core::record::batches;
use squall_core::share::message::ShareReply;
use squall_core::share::{Reign, read_letter};

use super::conversations::{LETTERS, Scene};
use crate::partition::text::tenure;
use crate::support::bench::Said;

/// What the nodes said of share groups since this was last asked.
pub(crate) fn said(scene: &mut Scene) -> String {
    scene.world.bench.take_said().iter().filter_map(line).collect()
}

fn line(said: &Said<crate::partition::world::Node>) -> Option<String> {
    match said {
        Said::Sent(packet) if (100..199).contains(&packet.to.0) => match &packet.message {
            Message::Reply { reply, .. } => {
                Some(format!("{}->{} {}\n", packet.from, client(packet.to.0.into()), answer(reply)))
            }
            other @ (Message::Request { .. } | Message::Quorum(_)) => {
                panic!("nobody asks a worker: {other:?}")
            }
        },
        Said::Probe(node, Probe::Share(fact)) => Some(format!("{node}: {}\n", compact(fact))),
        Said::Sent(_) | Said::Probe(..) => None,
    }
}

fn answer(reply: &Reply) -> String {
    match reply {
        Reply::Share(ShareReply::Fetch(result)) => told("fetched", result),
        Reply::Share(ShareReply::Acknowledge(result)) => told("acknowledged", result),
        Reply::Share(ShareReply::PutBack(result)) => told("put back", result),
        Reply::Share(ShareReply::ListStuck(result)) => told("stuck", result),
        Reply::Produce { result, .. } => told("produced", result),
        Reply::RegisterBroker(_)
        | Reply::Heartbeat(_)
        | Reply::FetchMetadata(_)
        | Reply::AlterPartition { .. }
        | Reply::CreateTopic(_)
        | Reply::AllocateProducerIds(_)
        | Reply::ElectLeader(_)
        | Reply::Metadata(_)
        | Reply::InitProducerId(_)
        | Reply::Fetch { .. }
        | Reply::EpochEnd { .. }
        | Reply::ListOffsets { .. }
        | Reply::Group(_)
        | Reply::Transaction(_) => panic!("nobody asks that: {reply:?}"),
    }
}

fn told(what: &str, result: &Result<impl Debug, impl Debug>) -> String {
    match result {
        Ok(value) => format!("{what} {}", compact(value)).replace(" ()", ""),
        Err(refused) => format!("{what} refused {}", compact(refused)),
    }
}

/// A debug text on one line, without its braces; workers by their letters.
fn compact(value: &impl Debug) -> String {
    let text = format!("{value:?}").replace(['{', '}', '"'], "").replace(", ", " ").replace(": ", "=");
    let words = text.split_whitespace().map(|word| match word.strip_prefix("member=") {
        Some(id) => format!("member={}", client(id.parse().expect("an id"))),
        None => word.to_owned(),
    });
    let line = words.collect::<Vec<_>>().join(" ");
    line.replace("delivery=Delivery ", "").replace("of=SharePartition group=g at=1-0 ", "").replace(" ]", "]")
}

fn client(id: u64) -> char {
    char::from(b'a' + (id - 100) as u8)
}

/// What lies in the dead-letter topic, as its leader has it.
pub(crate) fn letters(scene: &mut Scene) -> String {
    let mut lines = String::new();
    scene.world.bench.with(NodeId(2), |process, env| {
        let partition = process.0.partition(LETTERS).expect("it leads it");
        let (start, end) = (partition.log().log_start(), partition.high_watermark());
        let bytes = partition.read_own(start, end, 1 << 20, env).expect("its disk is sound");
        for batch in batches(bytes) {
            for record in batch.expect("what is read is sound").records() {
                let copied = |part: &[u8]| bytes::Bytes::copy_from_slice(part);
                let headers =
                    record.headers().map(|header| (copied(header.key), header.value.map(copied))).collect();
                let letter = read_letter(&headers).expect("nobody else writes here");
                lines += &format!("{}: offset={} turn={}\n", record.offset, letter.offset, letter.turn);
            }
        }
    });
    lines
}

/// What the leaders of a node hold.
pub(crate) fn state(scene: &mut Scene, node: NodeId) -> String {
    let Some(process) = scene.world.bench.process(node) else { return format!("{node}: down\n") };
    let lines: String = process.0.shares().reigns().map(|reign| of_reign(node, reign)).collect();
    if lines.is_empty() { format!("{node}: leads nothing\n") } else { lines }
}

fn of_reign(node: NodeId, reign: &Reign) -> String {
    let mut out = format!("{node}: {}\n", tenure(&reign.tenure));
    for (of, share) in reign.shares() {
        out += &format!("  {} {} next={}\n", of.group, of.at, share.next());
        for record in &reign.stored(of).expect("it is there").records {
            out += &format!(
                "    {} turn={} count={} {:?}\n",
                record.offset, record.turn, record.count, record.state
            );
        }
        for letter in share.dead() {
            out += &format!("    {} turn={} dead\n", letter.offset, letter.turn);
        }
    }
    out
}
