//! The end of a run: every record against its contract, every replica against every other.

use squall_core::ids::{BrokerId, TopicPartition};
use squall_sim::engine::World;
use squall_sim::record::PermittedLoss;

use crate::checks::{ClusterChecks, Compared, Permitted, calm, groups, owners, shares, transacted, work};
use crate::cluster::Member;
use crate::contract::record::Ending;
use crate::contract::{Permit, order, record};
use crate::ghost::Clients;
use crate::ghost::clients::{Disorder, Name, Record, Told};
use crate::invariants::{Broken, Check, broken, compaction, groups as coordination, storage};

/// So many permitted losses are told with their evidence.
const TOLD: usize = 3;

pub(super) fn judge(c: &mut ClusterChecks, world: &World<Member>) -> Result<(), Broken> {
    (0..c.quorum.forgotten_votes.len()).for_each(|_| c.counters.permitted(Permitted::VoteForgotten));
    let no_metadata = c.quorum.lost.is_some();
    if !no_metadata {
        replicas(c, world)?;
        let alike = groups::all(c).try_for_each(|broker| {
            coordination::coordinators(broker, world)?;
            shares::inspect(c, broker, None, world)
        });
        c.judged(alike)?;
        owners::judge(c)?;
    }
    if c.expectations.audit.is_none() {
        return Ok(());
    }
    let doubled = world.stats().duplicated > 0;
    // Moved, not copied: there may be a million of them.
    let clients = std::mem::take(&mut c.clients);
    let judged = judge_all(c, &clients, &mut Endings { doubled, no_metadata, orphaned: None })
        .and_then(|()| if no_metadata { Ok(()) } else { latest_values(c, &clients) });
    let judged = judged.and_then(|()| if no_metadata { Ok(()) } else { transacted::judge(c, world.now()) });
    let judged = judged.and_then(|()| if no_metadata { Ok(()) } else { shares::judge(c, &clients, doubled) });
    let judged = judged.and_then(|()| second_opinion(c, &clients, world));
    c.clients = clients;
    judged
}

/// Of each key in a compacted partition the newest value was read.
fn latest_values(c: &mut ClusterChecks, clients: &Clients) -> Check {
    for at in calm::partitions(c) {
        let (place, orphaned) = (c.place(at), calm::is_orphaned(c, at));
        let p = &c.partitions[place];
        if !p.unclean && !p.beyond && !orphaned {
            let compared = compaction::latest(p, clients)?;
            (0..compared).for_each(|_| c.counters.compared(Compared::NewestOfKeys));
        }
    }
    Ok(())
}

/// What clients saw says the same.
fn second_opinion(c: &mut ClusterChecks, clients: &Clients, world: &World<Member>) -> Check {
    let Some(witness) = c.expectations.witness.take() else { return Ok(()) };
    c.counters.compared(Compared::Histories);
    witness.agrees(world.now(), clients)
}

fn judge_all(c: &mut ClusterChecks, clients: &Clients, endings: &mut Endings) -> Check {
    clients.records().try_for_each(|(name, record)| judge_record(c, clients, name, record, endings))?;
    clients.disorder.iter().try_for_each(|disorder| judge_disorder(c, clients, disorder, endings))
}

/// How the run ended for the partition that was asked about last.
struct Endings {
    doubled: bool,
    no_metadata: bool,
    orphaned: Option<(TopicPartition, bool)>,
}

impl Endings {
    fn of(&mut self, c: &ClusterChecks, at: TopicPartition) -> Ending {
        let orphaned = match self.orphaned {
            Some((known, orphaned)) if known == at => orphaned,
            Some(_) | None => calm::is_orphaned(c, at),
        };
        self.orphaned = Some((at, orphaned));
        Ending { orphaned, no_metadata: self.no_metadata, doubled: self.doubled }
    }
}

fn judge_record(
    c: &mut ClusterChecks,
    clients: &Clients,
    name: Name,
    record: &Record,
    endings: &mut Endings,
) -> Check {
    let at = record.at.unwrap_or_default();
    let (place, ending) = (c.place(at), endings.of(c, at));
    let permit = record::judge(&c.partitions[place], clients, name, record, ending)?;
    work::judge_record(c, name, record)?;
    if record.told == Told::Delivered && record.found > 0 {
        c.counters.compared(Compared::RecordsReadAgain);
    }
    if let Some(permit) = permit {
        permitted(c, (name, record), permit);
    }
    Ok(())
}

fn judge_disorder(
    c: &mut ClusterChecks,
    clients: &Clients,
    disorder: &Disorder,
    endings: &mut Endings,
) -> Check {
    let name = disorder.name;
    let records = clients.sent.get(&name.sender);
    let Some(record) = records.and_then(|records| records.get(name.number as usize)) else { return Ok(()) };
    let at = record.at.unwrap_or_default();
    let (place, ending) = (c.place(at), endings.of(c, at));
    let promised = record::judge(&c.partitions[place], clients, name, record, ending)?;
    let promised = promised.map(|permit| permit.what).filter(|what| *what == Permitted::Elsewhere);
    let p = &c.partitions[place];
    // Where logs are compacted a second copy displaces the first.
    let gone = order::is_gone(record, promised, p.first_kept())
        || (!record.idempotent && compaction::may_have_displaced(p, clients, name, disorder.at));
    let permit = order::out_of_order(clients, (disorder, at), record, gone, ending.doubled)?;
    permitted(c, (name, record), permit);
    Ok(())
}

/// Counts what was permitted; the first of each kind with a copy to tell of is kept for people.
fn permitted(c: &mut ClusterChecks, (name, record): (Name, &Record), permit: Permit) {
    let Permit { what, times, copy } = permit;
    (0..times).for_each(|_| c.counters.permitted(what));
    let what = what.name();
    let Some((epoch, offset)) = copy else { return };
    if c.permits.len() == TOLD || c.permits.iter().any(|known| known.what == what) {
        return;
    }
    let at = record.at.unwrap_or_default();
    let place = c.place(at);
    let (number, sender) = (name.number, name.sender);
    let about = format!("record {number} of sender {sender}, acks={}, in {at}", record.acks_word());
    let because = c.partitions[place].evidence(epoch, offset);
    c.permits.push(PermittedLoss { what, about, because });
}

/// Every replica holds the committed log, on disk and in memory, and every record was worked.
fn replicas(c: &mut ClusterChecks, world: &World<Member>) -> Check {
    let orphaned_offsets = calm::offsets_are_orphaned(c);
    for at in calm::partitions(c) {
        let replicas = c.metadata.image.partition(at).map(|state| state.replicas.clone()).unwrap_or_default();
        for broker in replicas {
            c.counters.compared(Compared::Replicas);
            let holds = holds_all(c, world, at, broker);
            c.judged(holds)?;
        }
        if at.topic == calm::READ && !orphaned_offsets {
            let place = c.place(at);
            work::judge(c, at, c.partitions[place].true_end())?;
        }
    }
    Ok(())
}

fn holds_all(c: &mut ClusterChecks, world: &World<Member>, at: TopicPartition, broker: BrokerId) -> Check {
    let (place, orphaned) = (c.place(at), calm::is_orphaned(c, at));
    let p = &mut c.partitions[place];
    storage::on_disk(p, broker, world)?;
    storage::folds(p, broker, world)?;
    compaction::kept(p, broker)?;
    let (holds, end) = (p.refresh(broker), p.true_end());
    if holds < end && !p.unclean && !orphaned {
        return broken(
            "W-LM",
            format!("in the end broker {broker} holds {at} as committed up to {holds} of {end}"),
        );
    }
    Ok(())
}
