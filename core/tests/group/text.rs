//! What came out, as lines: facts about groups and answers to members. Members' ids are random numbers; here
//! they are `m1`, `m2` and so on, in the order in which they first come up.

use std::fmt::Debug;

use squall_core::group::Reign;
use squall_core::group::message::GroupReply;
use squall_core::ids::{MemberId, NodeId};
use squall_core::message::{Message, Reply};
use squall_core::probe::Probe;

use super::conversations::Scene;
use crate::partition::text::tenure;
use crate::support::bench::Said;

/// The members' ids, by their number in scripts.
#[derive(Default)]
pub(crate) struct Names(Vec<u64>);

impl Names {
    /// The id of `m1` and so on. `m0` is nobody's.
    pub(crate) fn id(&self, name: &str) -> MemberId {
        let number: usize = name.strip_prefix('m').and_then(|number| number.parse().ok()).expect("m1");
        MemberId(number.checked_sub(1).map_or(7, |place| self.0[place]))
    }

    /// `text` with names in place of ids.
    fn replace(&mut self, text: &str) -> String {
        let mut out = String::new();
        for word in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
            let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
            match digits.parse::<u64>() {
                Ok(id) if digits.len() > 12 => {
                    out += &format!("m{}{}", self.number(id), &word[digits.len()..]);
                }
                Ok(_) | Err(_) => out += word,
            }
        }
        out
    }

    fn number(&mut self, id: u64) -> usize {
        let place = self.0.iter().position(|known| *known == id).unwrap_or_else(|| {
            self.0.push(id);
            self.0.len() - 1
        });
        place + 1
    }
}

/// What the nodes said of groups since this was last asked.
pub(crate) fn said(scene: &mut Scene) -> String {
    let said = scene.world.bench.take_said();
    let lines: String = said.iter().filter_map(line).collect();
    scene.names.replace(&lines)
}

fn line(said: &Said<crate::partition::world::Node>) -> Option<String> {
    match said {
        Said::Sent(packet) if packet.to.0 >= 100 => match &packet.message {
            Message::Reply { reply, .. } => {
                let to = char::from(b'a' + (packet.to.0 - 100) as u8);
                Some(format!("{}->{to} {}\n", packet.from, answer(reply)))
            }
            other @ (Message::Request { .. } | Message::Quorum(_)) => {
                panic!("a broker asks a member: {other:?}")
            }
        },
        Said::Probe(node, Probe::Group(fact)) => Some(format!("{node}: {}\n", compact(fact))),
        Said::Sent(_) | Said::Probe(..) => None,
    }
}

fn answer(reply: &Reply) -> String {
    match reply {
        Reply::Group(GroupReply::FindCoordinator(result)) => told("coordinator", result),
        Reply::Group(GroupReply::Join(result)) => told("joined", result),
        Reply::Group(GroupReply::Sync(result)) => told("synced", result),
        Reply::Group(GroupReply::Heartbeat(result)) => told("alive", result),
        Reply::Group(GroupReply::Leave(result)) => told("left", result),
        Reply::Group(GroupReply::OffsetCommit(result)) => told("committed", result),
        Reply::Group(GroupReply::OffsetFetch(result)) => told("fetched", result),
        Reply::Group(GroupReply::Delete(result)) => told("deleted", result),
        Reply::Group(GroupReply::TxnOffsetCommit(result)) => told("pending", result),
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
        | Reply::Transaction(_)
        | Reply::Share(_) => panic!("nobody asks that: {reply:?}"),
    }
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
    let text =
        text.replace("Some(", "(").replace("subscription=Subscription ", "").replace("JoinedMember ", "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the coordinators of a node hold.
pub(crate) fn state(scene: &mut Scene, node: NodeId) -> String {
    let Some(process) = scene.world.bench.process(node) else { return format!("{node}: down\n") };
    let lines: String = process.0.groups().reigns().map(|reign| of_reign(node, reign)).collect();
    let lines = if lines.is_empty() { format!("{node}: coordinates nothing\n") } else { lines };
    scene.names.replace(&lines)
}

fn of_reign(node: NodeId, reign: &Reign) -> String {
    let mut out = format!("{node}: {} applied={}\n", tenure(&reign.tenure), reign.applied());
    for (name, group) in reign.groups() {
        let members: Vec<_> = group
            .members()
            .iter()
            .map(|member| format!("{}:{}", member.id(), compact(&member.assignment())))
            .collect();
        out += &format!("  {name} {:?} gen={} {}\n", group.state(), group.generation(), members.join(" "));
    }
    for (name, entry) in reign.table().iter() {
        let group = entry.group.as_ref().map(|group| {
            let members: Vec<_> = group.members.iter().map(|member| member.id).collect();
            format!("gen={} members={}", group.generation, compact(&members))
        });
        let offsets: Vec<_> =
            entry.offsets.iter().map(|(at, stored)| format!("{at}={}", stored.committed.offset)).collect();
        out += &format!("  stored {name}: {} [{}]\n", group.unwrap_or_default(), offsets.join(" "));
    }
    out
}
