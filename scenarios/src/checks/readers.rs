//! Probes of clients.

use squall_core::ids::NodeId;
use squall_core::probe::{ClientProbe, Probe};

use crate::checks::{ClusterChecks, Compared, Exercised};
use crate::ghost::clients::{Name, Told};
use crate::invariants::{Broken, broken, clients, compaction, replication};

pub(super) fn on_probe(c: &mut ClusterChecks, node: NodeId, probe: &ClientProbe) -> Result<(), Broken> {
    match *probe {
        ClientProbe::Sent { record, acks, idempotent, .. } => {
            c.clients.sent(Name::unpack(record), acks, idempotent);
            Ok(())
        }
        ClientProbe::Delivered { record, at, offset } => {
            let name = Name::unpack(record);
            clients::told(&mut c.clients, name, Told::Delivered, Some(at), offset)?;
            let acks = c.clients.record(name).map(|record| record.acks);
            let place = c.place(at);
            replication::delivered(&c.partitions[place], acks, offset)
        }
        ClientProbe::Undelivered { record, definite, .. } => {
            let told = if definite { Told::Refused } else { Told::Unknown };
            clients::told(&mut c.clients, Name::unpack(record), told, None, None)
        }
        ClientProbe::Consumed { at, offset, epoch, record } => {
            c.counters.compared(Compared::RecordsConsumed);
            let place = c.place(at);
            replication::consumed(&c.partitions[place], offset, epoch)?;
            compaction::passed_over(&mut c.partitions[place], &mut c.clients, node, offset)?;
            clients::consumed(&mut c.clients, node, at, offset, record, c.auditor == Some(node))
        }
        ClientProbe::Repositioned { at, from, to, truncated } => {
            c.counters.exercised(if truncated {
                Exercised::ReadersTruncated
            } else {
                Exercised::ReadersReset
            });
            let place = c.place(at);
            clients::moved(&mut c.clients, &c.partitions[place], node, (from, to), truncated)
        }
        ClientProbe::Retried { at } => {
            *c.clients.resent.entry((node.0, at)).or_default() += 1;
            c.counters.exercised(Exercised::RetriesSent);
            Ok(())
        }
        ClientProbe::Identified { id, .. } => {
            c.counters.exercised(Exercised::ProducerIds);
            c.counters.compared(Compared::Identities);
            clients::identified(&mut c.clients.identities, node, id.0)
        }
    }
}

/// A probe after faults destroyed the controllers' log. Leader epochs, registrations and producer ids begin
/// anew, so of all promises only this one is left: nobody is told twice, and nobody reads what was never sent.
pub(super) fn without_metadata(c: &mut ClusterChecks, probe: &Probe) -> Result<(), Broken> {
    let Probe::Client(probe) = probe else { return Ok(()) };
    match *probe {
        ClientProbe::Sent { record, acks, idempotent, at: _ } => {
            c.clients.sent(Name::unpack(record), acks, idempotent);
            Ok(())
        }
        ClientProbe::Delivered { record, .. } => {
            clients::told(&mut c.clients, Name::unpack(record), Told::Delivered, None, None)
        }
        ClientProbe::Undelivered { record, .. } => {
            clients::told(&mut c.clients, Name::unpack(record), Told::Unknown, None, None)
        }
        ClientProbe::Consumed { at, offset, record, .. } => {
            let sent = record.map(Name::unpack).and_then(|name| c.clients.record(name)).is_some();
            if sent {
                return Ok(());
            }
            broken("no-phantom", format!("a reader got {at} offset {offset}, and nobody sent that record"))
        }
        ClientProbe::Repositioned { .. } | ClientProbe::Retried { .. } | ClientProbe::Identified { .. } => {
            Ok(())
        }
    }
}
