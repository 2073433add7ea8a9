//! Transactions: who coordinates and what it decides (W-TC), what readers of committed records see and what is
//! open in logs (W-LSO).

use squall_core::ids::{BrokerId, LeaderEpoch, Offset, ProducerEpoch, TopicPartition, TransactionalId};
use squall_core::transaction::state::TransactionState;

use crate::ghost::PartitionGhost;
use crate::ghost::transactions::{Author, Decided, TransactionsGhost};
use crate::invariants::{Check, broken, or};

/// A broker coordinates from now on: W-TC.
pub fn coordinates(
    ghost: &mut TransactionsGhost,
    broker: BrokerId,
    at: TopicPartition,
    epoch: LeaderEpoch,
) -> Check {
    let known = *ghost.coordinators.entry((at, epoch)).or_insert(broker);
    if known == broker {
        return Ok(());
    }
    broken("W-TC", format!("brokers {known} and {broker} both coordinate {at} in epoch {epoch}"))
}

/// A change is committed: W-TC. `known`: nothing that coordinators decided before can have been lost.
pub fn changed(
    ghost: &mut TransactionsGhost,
    name: &TransactionalId,
    from: TransactionState,
    now: Decided,
    known: bool,
) -> Check {
    let (to, epoch) = (now.state, now.epoch);
    let before = ghost.changed(name, now.clone());
    let legal = to.may_follow(from);
    let continues = before.as_ref().is_none_or(|before| {
        before.state == from && (before.producer != now.producer || before.epoch <= epoch)
    });
    if legal && (continues || !known) {
        return Ok(());
    }
    broken(
        "W-TC",
        format!(
            "{name} goes from {} to {} as {}/{epoch}; what was committed of it is {before:?}",
            from.name(),
            to.name(),
            now.producer
        ),
    )
}

/// A leader told a reader up to where everything is decided: W-LSO.
pub fn shown(p: &mut PartitionGhost, broker: BrokerId, last_stable: Offset, high_watermark: Offset) -> Check {
    let log = &p.replicas[broker.0 as usize].log;
    let expected = p.transacted.last_stable(broker, log, high_watermark).max(log.start().min(high_watermark));
    if last_stable == expected {
        return Ok(());
    }
    broken(
        "W-LSO",
        format!(
            "broker {broker} calls {} stable up to {last_stable}; its log, committed up to {high_watermark}, \
             is so up to {expected}",
            p.at
        ),
    )
}

/// More of a partition is committed: W-LSO. What is open there is open at its coordinator, and nothing comes from
/// a transaction behind its marker.
pub fn committed(p: &mut PartitionGhost, ghost: &TransactionsGhost, from: Offset) -> Check {
    let fresh: Vec<_> = p.transacted.within(&p.committed, from, p.committed.end()).collect();
    for (base, author) in fresh {
        if author.marks {
            let marked = p.transacted.marked.entry(author.producer).or_insert(author.epoch);
            *marked = author.epoch.max(*marked);
            continue;
        }
        let marked = p.transacted.marked.get(&author.producer).copied();
        if marked.is_some_and(|marked| author.epoch < marked) {
            return late(p, base, author, marked);
        }
        open_at_coordinator(p, ghost, base, author)?;
    }
    Ok(())
}

fn late(p: &PartitionGhost, base: Offset, author: Author, marked: Option<ProducerEpoch>) -> Check {
    broken(
        "W-LSO",
        format!(
            "{} has at {base} a record of producer {} in reign {}, behind the marker that begins {}",
            p.at,
            author.producer,
            author.epoch,
            or(marked, "none")
        ),
    )
}

fn open_at_coordinator(p: &PartitionGhost, ghost: &TransactionsGhost, base: Offset, author: Author) -> Check {
    let decided = ghost.of(author.producer);
    let is_open = decided.is_some_and(|decided| {
        let Decided { producer, epoch, state, partitions } = decided;
        let reign = match state {
            TransactionState::Ongoing => Some(author.epoch),
            // Its markers begin the next one.
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                Some(ProducerEpoch(author.epoch.0 + 1))
            }
            TransactionState::Empty | TransactionState::CompleteCommit | TransactionState::CompleteAbort => {
                None
            }
        };
        (*producer, Some(*epoch)) == (author.producer, reign) && partitions.contains(&p.at)
    });
    if is_open {
        return Ok(());
    }
    broken(
        "W-LSO",
        format!(
            "{} has at {base} a record of producer {} in reign {}; of its transaction the coordinator says {decided:?}",
            p.at, author.producer, author.epoch
        ),
    )
}
