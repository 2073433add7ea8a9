//! Replicas' logs and watermarks: W-UNIQ, W-REP, W-SEQ, W-HWB, W-LM, W-SI, W-AHW, W-AHM, W-NCL, W-DUR,
//! W-RQS.

use squall_core::ids::{BrokerId, LeaderEpoch, Offset, PartitionEpoch};
use squall_core::message::Acks;

use crate::ghost::partition::{Role, fold_producer};
use crate::ghost::{Batch, Metadata, PartitionGhost, ReplicaGhost, shadow};
use crate::invariants::{Broken, Check, broken};

/// A replica wrote a batch.
pub fn appended(p: &mut PartitionGhost, broker: BrokerId, batch: Batch, as_leader: bool) -> Check {
    let at = p.at;
    unique(p, broker, batch, as_leader)?;
    in_sequence(p, broker, &batch)?;
    let replica = &mut p.replicas[broker.0 as usize];
    let end = replica.log.end();
    if !replica.log.push(batch) {
        return broken(
            "W-REP",
            format!("broker {broker} wrote [{}, {}) of {at} at its log end {end}", batch.base, batch.next),
        );
    }
    fold_producer(&mut replica.producers, &batch);
    Ok(())
}

/// W-UNIQ: whoever writes at an offset in an epoch writes what was written there first.
fn unique(p: &mut PartitionGhost, broker: BrokerId, batch: Batch, as_leader: bool) -> Check {
    let at = p.at;
    let Some(reign) = p.reign(batch.epoch) else {
        return broken(
            "W-MLM",
            format!(
                "broker {broker} wrote to {at} in epoch {}, in which nobody was named leader",
                batch.epoch
            ),
        );
    };
    if as_leader && reign.leader != broker {
        let named = reign.leader;
        return broken(
            "W-REP",
            format!("broker {broker} wrote to {at} as leader of epoch {}; named is {named}", batch.epoch),
        );
    }
    let written = &mut reign.written;
    if written.back().is_none_or(|last| last.next <= batch.base) {
        if as_leader || written.is_empty() || batch.base >= written.back().map_or(Offset::ZERO, |b| b.next) {
            written.push_back(batch);
        }
        return Ok(());
    }
    let place = shadow::place(written, batch.base);
    match written.get(place) {
        Some(known) if (known.base, known.next, known.crc) == (batch.base, batch.next, batch.crc) => Ok(()),
        // Older than what is still remembered of this reign.
        Some(known) if place == 0 && batch.next <= known.base => Ok(()),
        known => broken(
            "W-UNIQ",
            format!(
                "in epoch {} of {at}, broker {broker} has [{}, {}) crc {:08x} where {} was written before",
                batch.epoch,
                batch.base,
                batch.next,
                batch.crc,
                known.map_or_else(
                    || "nothing".into(),
                    |k| format!("[{}, {}) crc {:08x}", k.base, k.next, k.crc)
                ),
            ),
        ),
    }
}

/// W-SEQ.
fn in_sequence(p: &PartitionGhost, broker: BrokerId, batch: &Batch) -> Check {
    let Some((id, epoch, base)) = batch.stamp else { return Ok(()) };
    let replica = &p.replicas[broker.0 as usize];
    let known = replica.producers.get(&id);
    let expected = match known {
        Some(&(known, last, _)) if known == epoch => last.plus(1).0,
        Some(_) | None => 0,
    };
    if base.0 == expected {
        return Ok(());
    }
    // What retention deleted may hold the producer's earlier batches: here, or at a leader that has deleted
    // more, took the producer for a new one and wrote a late retry once more.
    let forgotten = match known {
        None => replica.log.start() > Offset::ZERO,
        Some(&(_, _, end)) => base.0 == 0 && p.replicas.iter().any(|other| other.log.start() >= end),
    };
    if forgotten {
        return Ok(());
    }
    broken(
        "W-SEQ",
        format!(
            "broker {broker} wrote to {} at {} sequence {base} of producer {id} epoch {epoch}; next was {expected}",
            p.at, batch.base
        ),
    )
}

/// A replica's log was cut, dropped or found shorter: what it still holds must do.
pub fn shortened(p: &mut PartitionGhost, broker: BrokerId, metadata: &Metadata, what: &str) -> Check {
    let true_end = p.true_end();
    let state = metadata.image.partition(p.at);
    let in_sync = state.is_some_and(|state| state.isr.contains(&broker) || state.elr.contains(&broker));
    let holds = p.refresh(broker);
    if in_sync && metadata.is_running(broker) && holds < true_end && !p.unclean {
        return broken(
            "W-LCC",
            format!(
                "broker {broker}, in ISR or ELR of {}, {what} and now holds committed records only up to {holds} of {true_end}",
                p.at
            ),
        );
    }
    somebody_holds_all(p)
}

/// W-NCL.
pub fn somebody_holds_all(p: &mut PartitionGhost) -> Check {
    let true_end = p.true_end();
    let brokers = p.replicas.len() as u32;
    let best = (0..brokers).map(|broker| p.refresh(BrokerId(broker))).max().unwrap_or_default();
    if best < true_end && !p.unclean && !(p.beyond && p.tail_destroyed(best)) {
        let message = format!(
            "of {}, committed up to {true_end}, no replica holds more than the records below {best}",
            p.at
        );
        let kept = best.max(p.chronicle.deleted);
        let gone = p.committed.from(kept).find(|batch| !(p.beyond && p.destroyed(batch.epoch, batch.base)));
        let evidence = gone.map(|batch| p.evidence(batch.epoch, batch.base)).unwrap_or_default();
        return Err(Broken { evidence, ..Broken::new("W-NCL", message) });
    }
    Ok(())
}

/// A replica's high watermark moved.
pub fn watermark(
    p: &mut PartitionGhost,
    broker: BrokerId,
    epoch: LeaderEpoch,
    to: Offset,
    leads: bool,
    exposed: bool,
    metadata: &Metadata,
) -> Check {
    let at = p.at;
    let replica = &mut p.replicas[broker.0 as usize];
    let (start, end) = (replica.log.start(), replica.log.end());
    if to < start || to > end {
        return broken(
            "W-HWB",
            format!("broker {broker} has high watermark {to} of {at} outside [{start}, {end}]"),
        );
    }
    replica.high_watermark = to;
    if p.unclean {
        if let Some(reign) = p.reign(epoch).filter(|_| leads) {
            reign.raised = reign.raised.max(to);
        }
        return Ok(());
    }
    if leads && to > p.true_end() {
        commit(p, broker, to)?;
    }
    let true_end = p.true_end();
    if to > true_end {
        return broken(
            "W-HWB",
            format!(
                "broker {broker} follows in epoch {epoch} of {at} with high watermark {to}; {true_end} is committed"
            ),
        );
    }
    let holds = p.refresh(broker);
    if holds < to {
        return broken(
            "W-LM",
            format!(
                "broker {broker} has high watermark {to} of {at}, but from {holds} on its log is not the committed one"
            ),
        );
    }
    if !leads {
        return Ok(());
    }
    if exposed {
        shown(p, broker, epoch, to)?;
    }
    held_by_isr(p, broker, epoch, to, metadata)?;
    held_by_maximal(p, broker, to)
}

/// A leader declares records committed: from now on they are the truth.
fn commit(p: &mut PartitionGhost, broker: BrokerId, to: Offset) -> Check {
    let from = p.true_end();
    let holds = p.refresh(broker);
    if holds < from {
        return broken(
            "W-LC",
            format!(
                "broker {broker} commits {} up to {to}, but its log differs from the committed one from {holds} on (committed: {from})",
                p.at
            ),
        );
    }
    let replica = &mut p.replicas[broker.0 as usize];
    let fresh: Vec<Batch> = replica.log.from(from).take_while(|batch| batch.next <= to).copied().collect();
    for batch in fresh {
        // A log whose start has moved past the committed end is refused here.
        if !p.committed.push(batch) {
            return broken("W-LC", format!("broker {broker} commits {} at {} with a gap", p.at, batch.base));
        }
    }
    p.replicas[broker.0 as usize].agrees = p.committed.end();
    Ok(())
}

/// W-AHM: no reign shows less than an earlier one did.
fn shown(p: &mut PartitionGhost, broker: BrokerId, epoch: LeaderEpoch, to: Offset) -> Check {
    let at = p.at;
    for other in &p.reigns {
        let Some((least, greatest)) = other.shown else { continue };
        if other.epoch < epoch && greatest > to {
            return broken(
                "W-AHM",
                format!(
                    "broker {broker} shows high watermark {to} of {at} in epoch {epoch}; epoch {} had shown {greatest}",
                    other.epoch
                ),
            );
        }
        if other.epoch > epoch && least < to {
            return broken(
                "W-AHM",
                format!(
                    "broker {broker}, deposed, shows high watermark {to} of {at} in epoch {epoch}; epoch {} shows {least}",
                    other.epoch
                ),
            );
        }
    }
    if let Some(reign) = p.reign(epoch) {
        reign.shown = Some(reign.shown.map_or((to, to), |(least, most)| (least.min(to), most.max(to))));
    }
    Ok(())
}

/// A leader works with a newer registration: W-RQS.
pub fn adopted(
    p: &mut PartitionGhost,
    broker: BrokerId,
    registration: (LeaderEpoch, PartitionEpoch),
    isr: &[BrokerId],
) -> Check {
    let replica = &mut p.replicas[broker.0 as usize];
    if let Some(before) = replica.adopted.filter(|&before| before >= registration) {
        return broken(
            "W-RQS",
            format!(
                "broker {broker} went from registration {before:?} (leader epoch, partition epoch) of {} to {registration:?}",
                p.at
            ),
        );
    }
    replica.adopted = Some(registration);
    replica.maximal.clear();
    replica.maximal.extend_from_slice(isr);
    Ok(())
}

/// A leader wished for an ISR: until it adopts another registration, the controllers may accept that.
pub fn wished(p: &mut PartitionGhost, broker: BrokerId, isr: impl Iterator<Item = BrokerId>) {
    let maximal = &mut p.replicas[broker.0 as usize].maximal;
    for member in isr {
        if !maximal.contains(&member) {
            maximal.push(member);
        }
    }
}

/// W-RQS: whoever the controllers may count as in sync, for all the leader knows, reaches the high watermark.
fn held_by_maximal(p: &PartitionGhost, leader: BrokerId, to: Offset) -> Check {
    for &member in &p.replicas[leader.0 as usize].maximal {
        let replica = &p.replicas[member.0 as usize];
        // What a fault destroyed was there, and the registration that goes with it is over.
        let reached = replica.log.end().max(replica.destroyed);
        if reached < to {
            return broken(
                "W-RQS",
                format!(
                    "broker {leader} raised the high watermark of {} to {to}; broker {member}, for whom it has wished, reaches {reached}",
                    p.at
                ),
            );
        }
    }
    Ok(())
}

/// W-AHW and W-SI: every running member of the controllers' ISR has what is below a leader's high watermark.
fn held_by_isr(
    p: &mut PartitionGhost,
    leader: BrokerId,
    epoch: LeaderEpoch,
    to: Offset,
    metadata: &Metadata,
) -> Check {
    let Some(state) = metadata.image.partition(p.at) else { return Ok(()) };
    for &member in &state.isr {
        if !metadata.is_running(member) {
            continue;
        }
        let end = p.replicas[member.0 as usize].log.end();
        if end < to {
            return broken(
                "W-AHW",
                format!(
                    "broker {leader} raised the high watermark of {} to {to} in epoch {epoch}; in-sync broker {member} ends at {end}",
                    p.at
                ),
            );
        }
        let holds = p.refresh(member);
        if holds < to {
            return broken(
                "W-SI",
                format!(
                    "broker {leader} has high watermark {to} of {} in epoch {epoch}; in-sync broker {member} holds other records from {holds} on",
                    p.at
                ),
            );
        }
    }
    Ok(())
}

/// A leader acknowledged a batch.
pub fn acknowledged(
    p: &mut PartitionGhost,
    broker: BrokerId,
    epoch: LeaderEpoch,
    next: Offset,
    acks: Acks,
    (min_isr, flush): (usize, bool),
) -> Check {
    let replica = &p.replicas[broker.0 as usize];
    if next > replica.log.end() {
        return broken(
            "W-NCL",
            format!(
                "broker {broker} acknowledged {} up to {next} in epoch {epoch} but ends at {}",
                p.at,
                replica.log.end()
            ),
        );
    }
    if flush && acks != Acks::None && next > replica.claimed {
        return broken(
            "W-DUR",
            format!(
                "broker {broker} acknowledged {} up to {next} in epoch {epoch}; durable there is {}",
                p.at, replica.claimed
            ),
        );
    }
    if acks != Acks::All || p.unclean {
        return Ok(());
    }
    if next > p.true_end() {
        return broken(
            "W-NCL",
            format!(
                "broker {broker} acknowledged acks=all of {} up to {next} in epoch {epoch}; committed is {}",
                p.at,
                p.true_end()
            ),
        );
    }
    let brokers = p.replicas.len() as u32;
    (0..brokers).for_each(|broker| {
        p.refresh(BrokerId(broker));
    });
    let copies = p.replicas.iter().filter(|replica| replica.agrees.max(replica.destroyed) >= next).count();
    if copies < min_isr {
        return broken(
            "W-NCL",
            format!(
                "broker {broker} acknowledged acks=all of {} up to {next} in epoch {epoch} with {copies} copies; min.insync.replicas is {min_isr}",
                p.at
            ),
        );
    }
    let synced = |replica: &&ReplicaGhost| replica.agrees.min(replica.claimed).max(replica.destroyed) >= next;
    let durable = p.replicas.iter().filter(synced).count();
    if flush && durable < min_isr {
        return broken(
            "W-DUR",
            format!(
                "broker {broker} acknowledged acks=all of {} up to {next} in epoch {epoch}; {durable} copies are durable, min.insync.replicas is {min_isr}",
                p.at
            ),
        );
    }
    Ok(())
}

/// A sender was told that its record is there: with acks=all it is committed by then.
pub fn delivered(p: &PartitionGhost, acks: Option<Acks>, offset: Option<Offset>) -> Check {
    let Some(offset) = offset.filter(|&offset| acks == Some(Acks::All) && offset >= p.true_end()) else {
        return Ok(());
    };
    if p.unclean {
        return Ok(());
    }
    broken(
        "W-NCL",
        format!(
            "a sender was told that its record is at {offset} of {}; committed is {}",
            p.at,
            p.true_end()
        ),
    )
}

/// A replica leads from now on: W-LC, W-REP.
pub fn leads(
    p: &mut PartitionGhost,
    broker: BrokerId,
    epoch: LeaderEpoch,
    start: Offset,
    metadata: &Metadata,
) -> Check {
    let at = p.at;
    let named = p.reign(epoch).map(|reign| reign.leader);
    if named != Some(broker) {
        let named = named.map_or_else(|| "nobody".into(), |named| format!("broker {named}"));
        return broken(
            "W-REP",
            format!("broker {broker} leads {at} in epoch {epoch}; the controllers named {named}"),
        );
    }
    p.replicas[broker.0 as usize].role = Role::Leader(epoch, start);
    // One that slept through its own deposition learns of its reign late, and owes nothing to later ones.
    if metadata.image.partition(at).is_none_or(|state| state.leader_epoch != epoch) {
        return Ok(());
    }
    let (holds, true_end) = (p.refresh(broker), p.true_end());
    if holds < true_end && !p.unclean {
        return broken(
            "W-LC",
            format!(
                "broker {broker} leads {at} in epoch {epoch} with the committed records up to {holds} of {true_end}"
            ),
        );
    }
    Ok(())
}

/// A record was handed to a reader: it must be committed, and stay (W-CR).
pub fn consumed(p: &PartitionGhost, offset: Offset, epoch: LeaderEpoch) -> Result<(), Broken> {
    if p.unclean || offset < p.committed.start() {
        return Ok(());
    }
    match p.committed.at(offset) {
        Some(batch) if batch.epoch == epoch => Ok(()),
        Some(batch) => broken(
            "W-CR",
            format!(
                "a reader got {} offset {offset} of epoch {epoch}; committed there is epoch {}",
                p.at, batch.epoch
            ),
        ),
        None => broken(
            "W-CR",
            format!(
                "a reader got {} offset {offset} of epoch {epoch}; committed is up to {}",
                p.at,
                p.true_end()
            ),
        ),
    }
}
