//! Probes of clients.

use squall_core::ids::NodeId;
use squall_core::probe::ClientProbe;

use crate::checks::{ClusterChecks, Compared, Exercised};
use crate::ghost::clients::{Name, Record, Told};
use crate::invariants::{Broken, Check, broken, clients, replication};

pub(super) fn on_probe(c: &mut ClusterChecks, node: NodeId, probe: &ClientProbe) -> Result<(), Broken> {
    match *probe {
        ClientProbe::Sent { record, acks, idempotent } => {
            let sent = c.clients.sent.entry(Name::unpack(record).sender).or_default();
            sent.push(Record::sent(acks, idempotent));
            Ok(())
        }
        ClientProbe::Delivered { record, at, offset } => {
            clients::told(&mut c.clients, Name::unpack(record), Told::Delivered, Some(at), offset)
        }
        ClientProbe::Undelivered { record, definite, .. } => {
            let told = if definite { Told::Refused } else { Told::Unknown };
            clients::told(&mut c.clients, Name::unpack(record), told, None, None)
        }
        ClientProbe::Consumed { at, offset, epoch, record } => {
            c.counters.compared(Compared::RecordsConsumed);
            let place = c.place(at);
            replication::consumed(&c.partitions[place], offset, epoch)?;
            clients::consumed(&mut c.clients, node, at, offset, record, c.auditor == Some(node))
        }
        ClientProbe::Repositioned { at, from, to, truncated } => {
            c.counters.exercised(if truncated {
                Exercised::ReadersTruncated
            } else {
                Exercised::ReadersReset
            });
            moved(c, node, at, from, to, truncated)
        }
        ClientProbe::Retried { .. } => {
            c.counters.exercised(Exercised::RetriesSent);
            Ok(())
        }
        ClientProbe::Identified { id, .. } => {
            c.counters.exercised(Exercised::ProducerIds);
            c.counters.compared(Compared::Identities);
            identified(c, node, id.0)
        }
    }
}

/// A reader's position moved other than by reading: only what is gone may be passed over.
fn moved(
    c: &mut ClusterChecks,
    node: NodeId,
    at: squall_core::ids::TopicPartition,
    from: squall_core::ids::Offset,
    to: squall_core::ids::Offset,
    truncated: bool,
) -> Check {
    let place = c.place(at);
    let p = &c.partitions[place];
    if !p.unclean {
        // A committed record is never cut, so a reader, who sees nothing else, is never behind a cut.
        if truncated {
            return broken(
                "W-CR",
                format!(
                    "reader {node} of {at} was sent back from {from} to {to}, though nothing committed was ever cut"
                ),
            );
        }
        let start = p.replicas.iter().map(|replica| replica.log.start()).max().unwrap_or_default();
        if to > start.max(from) {
            return broken(
                "no-skip",
                format!(
                    "reader {node} of {at} was moved from {from} to {to}; records from {start} on are kept"
                ),
            );
        }
    }
    if let Some(reader) = c.clients.readers.get_mut(&(node, at)) {
        reader.next = Some(to);
    }
    Ok(())
}

/// W-PID.
fn identified(c: &mut ClusterChecks, node: NodeId, id: u64) -> Check {
    match c.clients.identities.give(id, node) {
        Some(other) => {
            broken("W-PID", format!("producer id {id} was given to node {other} and to node {node}"))
        }
        None => Ok(()),
    }
}
