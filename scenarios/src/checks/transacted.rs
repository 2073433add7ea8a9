//! Probes of applications that work in transactions, and what must hold of their effects in the end.

use squall_core::client::transacted::{Outcome, TransactedProbe};
use squall_core::ids::{NodeId, TopicPartition};
use squall_core::refused::Refused;
use squall_core::time::Time;
use squall_core::transaction::probe::TransactionProbe;
use squall_sim::engine::World;

use crate::checks::{ClusterChecks, Compared, Exercised, Permitted, calm};
use crate::cluster::Member;
use crate::ghost::clients::Reader;
use crate::invariants::{Check, effects};
use crate::workload::{EFFECTS, EffectsReader};

pub(super) fn on_probe(c: &mut ClusterChecks, node: NodeId, probe: &TransactedProbe) -> Check {
    match *probe {
        TransactedProbe::Begun { transaction } => {
            c.effects.transactions.entry(transaction).or_default();
        }
        TransactedProbe::Effect { transaction, effect, source, .. } => {
            c.effects.written(effect, transaction, source);
        }
        TransactedProbe::Placed { .. } => {}
        TransactedProbe::Ending { transaction, commit } => {
            c.effects.transactions.entry(transaction).or_default().commits |= commit;
        }
        TransactedProbe::Ended { transaction, outcome } => {
            c.counters.exercised(match outcome {
                Outcome::Committed => Exercised::TransactionsCommitted,
                Outcome::Aborted => Exercised::TransactionsAborted,
                Outcome::Undecided => Exercised::TransactionsUndecided,
            });
            return effects::ended(&mut c.effects, transaction, outcome);
        }
        TransactedProbe::Fenced { refused } => {
            if matches!(refused, Refused::ProducerFenced | Refused::InvalidProducerEpoch) {
                c.counters.exercised(Exercised::ZombiesFenced);
            }
        }
        TransactedProbe::Rewound { at, to } => {
            c.clients.readers.insert((node, at), Reader { next: Some(to) });
        }
        TransactedProbe::Read { at, offset, effect, committed } => {
            if committed {
                c.counters.compared(Compared::EffectsRead);
            } else if let Some(known) = effect.and_then(|effect| c.effects.effects.get(&effect))
                && c.effects.transactions.get(&known.transaction).is_some_and(|t| !t.commits)
            {
                c.counters.exercised(Exercised::DirtyReads);
            }
            let last = c.effects_auditor == Some(node);
            if effects::read(&mut c.effects, node, (at, offset), effect, (committed, last))? && !last {
                c.counters.permitted(Permitted::EffectTwice);
            }
        }
    }
    Ok(())
}

/// What coordinators did is counted here; it is judged elsewhere.
pub(super) fn count(c: &mut ClusterChecks, probe: &TransactionProbe) {
    match probe {
        TransactionProbe::TimedOut { .. } => c.counters.exercised(Exercised::TransactionsTimedOut),
        TransactionProbe::MarkerRetried { .. } => c.counters.exercised(Exercised::MarkersRetried),
        TransactionProbe::Unloaded { .. } => c.counters.exercised(Exercised::TransactionCoordinatorsCeased),
        TransactionProbe::Loading { .. }
        | TransactionProbe::Loaded { .. }
        | TransactionProbe::Initialized { .. }
        | TransactionProbe::Changed { .. }
        | TransactionProbe::Fenced { .. }
        | TransactionProbe::Expired { .. }
        | TransactionProbe::Restored { .. } => {}
    }
}

/// Whether the topic is the one that pipelines write to.
pub(super) fn is_of_effects(c: &ClusterChecks, at: TopicPartition) -> bool {
    c.metadata.image.topic_named(EFFECTS).is_some_and(|(topic, _)| topic == at.topic)
}

/// Whether whoever reads effects has read everything: nothing of them is undecided any more.
pub(super) fn settled(
    c: &ClusterChecks,
    world: &World<Member>,
    at: TopicPartition,
    end: squall_core::ids::Offset,
) -> Result<(), String> {
    // What a coordinator was about to decide stays undecided where nobody may coordinate any more, and everything
    // behind it unread (the hanging transactions of KIP-664).
    if calm::offsets_are_orphaned(c) {
        return Ok(());
    }
    for node in world.nodes() {
        let Some(Member::EffectsReader(reader)) = world.process(node) else { continue };
        if reader.position(at) != Some(end) {
            return Err(format!(
                "{} to read {at} up to {end}: it is at {:?}",
                world.name(node),
                reader.position(at)
            ));
        }
    }
    Ok(())
}

/// Somebody who reads every effect that counts once more; answers whether that had begun before.
pub(super) fn audit(c: &mut ClusterChecks, world: &mut World<Member>) -> bool {
    let Some(audit) = &c.expectations.effects else { return true };
    if c.effects_auditor.is_some() {
        return true;
    }
    let auditor = EffectsReader::new(audit.consumer.clone(), audit.partitions);
    let node = world.add("auditor of effects", Member::EffectsReader(Box::new(auditor)));
    c.effects_auditor = Some(node);
    false
}

/// In the end: each transaction as a whole or not at all, and each record in one that counts.
pub(super) fn judge(c: &mut ClusterChecks, now: Time) -> Check {
    if c.expectations.effects.is_none() || c.expectations.beyond_budget {
        return Ok(());
    }
    if calm::partitions(c).into_iter().any(|at| calm::is_orphaned(c, at)) {
        return Ok(());
    }
    let whole = effects::whole(&c.effects)?;
    (0..whole).for_each(|_| c.counters.compared(Compared::Transactions));
    for at in calm::partitions(c).into_iter().filter(|at| at.topic == calm::READ) {
        let place = c.place(at);
        let end = c.partitions[place].true_end();
        if !c.expectations.groups.is_empty() {
            let effects = effects::all(&c.effects, at, end)?;
            (0..effects).for_each(|_| c.counters.compared(Compared::Effects));
        }
    }
    let Some(witness) = c.expectations.effects_witness.take() else { return Ok(()) };
    c.counters.compared(Compared::Histories);
    witness.agrees(now)
}
