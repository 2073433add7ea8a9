//! What came out, as lines: answers to clients, facts about transactions, and markers in logs.

use std::fmt::{Debug, Write};

use squall_core::group::message::GroupReply;
use squall_core::ids::NodeId;
use squall_core::message::{Fetched, Message, Reply};
use squall_core::probe::{Probe, ReplicaProbe};
use squall_core::record::batches;
use squall_core::transaction::message::TransactionReply;

use super::conversations::Scene;
use crate::partition::text::tenure;
use crate::support::bench::Said;

/// What is said of a step.
pub(crate) fn said(scene: &mut Scene) -> String {
    let mut lines = String::new();
    for said in scene.world.bench.take_said() {
        let line = match &said {
            Said::Sent(packet) if packet.to.0 >= 100 => match &packet.message {
                Message::Reply { reply, .. } => {
                    let to = char::from(b'a' + (packet.to.0 - 100) as u8);
                    format!("{}->{to} {}", packet.from, answer(reply))
                }
                Message::Request { .. } | Message::Quorum(_) => continue,
            },
            Said::Probe(node, Probe::Transaction(fact)) => format!("{node}: {}", compact(fact)),
            Said::Probe(node, Probe::Replica(at, fact @ ReplicaProbe::Marked { .. })) => {
                format!("{node}: {at} {}", compact(fact))
            }
            Said::Sent(_) | Said::Probe(..) => continue,
        };
        lines += &(line + "\n");
    }
    lines
}

fn answer(reply: &Reply) -> String {
    if let Reply::Transaction(reply) = reply {
        return match reply {
            TransactionReply::FindCoordinator(result) => told("coordinator", result),
            TransactionReply::Init(result) => told("started", result),
            TransactionReply::AddPartitions(result) => told("added", result),
            TransactionReply::AddOffsets(result) => told("offsets added", result),
            TransactionReply::End(result) => told("decided", result),
            TransactionReply::WriteMarker { at, result, .. } => told(&format!("marked {at}"), result),
        };
    }
    if let Reply::Produce { result, .. } = reply {
        return told("produced", &result.map(|produced| produced.base));
    }
    if let Reply::Fetch { result: Ok(fetched), .. } = reply {
        return read(fetched);
    }
    if let Reply::ListOffsets { result, .. } = reply {
        return told("end", result);
    }
    if let Reply::Group(GroupReply::TxnOffsetCommit(result)) = reply {
        return told("pending", result);
    }
    if let Reply::Group(GroupReply::OffsetFetch(result)) = reply {
        return told("offsets", result);
    }
    format!("{reply:?}")
}

fn read(fetched: &Fetched) -> String {
    let mut line = "read".to_owned();
    for batch in batches(fetched.batches.clone()).map(|batch| batch.expect("a sound batch")) {
        let kind = match (batch.marker(), batch.is_transactional()) {
            (Some(marker), _) => compact(&marker.ending),
            (None, true) => "record".to_owned(),
            (None, false) => "plain".to_owned(),
        };
        let epoch = batch.identity().map_or_else(|| "-".to_owned(), |(_, epoch)| epoch.to_string());
        write!(line, " {}:{kind}/{epoch}", batch.base_offset()).expect("a string takes it");
    }
    if let Some(stable) = &fetched.stable {
        write!(line, " stable={}", stable.last_stable).expect("a string takes it");
        for aborted in &stable.aborted {
            write!(line, " aborted={}@{}", aborted.producer, aborted.first).expect("a string takes it");
        }
    }
    line
}

fn told(what: &str, result: &Result<impl Debug, impl Debug>) -> String {
    match result {
        Ok(value) => format!("{what} {}", compact(value)).replace(" ()", ""),
        Err(refused) => format!("{what} refused {}", compact(refused)),
    }
}

/// A debug text on one line, without its braces.
fn compact(value: &impl Debug) -> String {
    let text = format!("{value:?}").replace(['{', '}', '"'], "").replace(", ", " ").replace(": ", "=");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the coordinators of a node hold.
pub(crate) fn state(scene: &Scene, node: NodeId) -> String {
    let Some(process) = scene.world.bench.process(node) else { return format!("{node}: down\n") };
    let mut lines = String::new();
    for reign in process.0.transactions().reigns() {
        lines += &format!("{node}: {} applied={}\n", tenure(&reign.tenure), reign.applied());
        for (name, stored) in reign.table().iter() {
            let (id, epoch, state) = (stored.producer, stored.epoch, stored.state.name());
            lines += &format!("  {name}: {id}/{epoch} {state} {:?}\n", stored.partitions);
        }
    }
    if lines.is_empty() { format!("{node}: coordinates nothing\n") } else { lines }
}
