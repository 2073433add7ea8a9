//! The controllers' consensus: W-ES, W-VOTE, W-ME, W-LMR, W-CP, W-CTC, W-MAJ, W-DUR, W-QLC, W-MHW, W-NTB, W-PV,
//! W-SMS, W-SNAP.

use squall_core::ids::{LeaderEpoch, NodeId, Offset};

use crate::ghost::chronicle::When;
use crate::ghost::partition::Damage;
use crate::ghost::quorum::Forgotten;
use crate::ghost::{Batch, QuorumGhost, VoterGhost};
use crate::invariants::{Check, broken, or};

/// A voter's life began with this on disk; `on_disk` are its log's whole batches, where a cut may be undone.
pub fn recovered(
    q: &mut QuorumGhost,
    place: usize,
    persisted: (LeaderEpoch, Option<NodeId>),
    (start, end): (Offset, Offset),
    on_disk: &[Batch],
) -> Check {
    let (committed, holds) = (q.committed.end(), q.refresh(place));
    let voter = &mut q.voters[place];
    let node = voter.node;
    let found = if voter.damage == Damage::None { voter.found } else { voter.persisted };
    for (known_epoch, known_vote) in [voter.persisted, found] {
        if persisted.0 < known_epoch {
            return broken(
                "W-ME",
                format!("voter {node} came back in epoch {}; {known_epoch} was on its disk", persisted.0),
            );
        }
        if persisted.0 == known_epoch && known_vote.is_some() && persisted.1 != known_vote {
            return broken(
                "W-VOTE",
                format!(
                    "voter {node} came back in epoch {known_epoch} with a vote for {}; one for {} was on its disk",
                    or(persisted.1, "nobody"),
                    or(known_vote, "nobody")
                ),
            );
        }
    }
    if start == end && holds < end && end <= committed {
        // A snapshot had its name before the crash, and nobody had been told of it yet: it replaces the log.
        let old = std::mem::replace(&mut voter.log, crate::ghost::Shadow::starting_at(end));
        voter.replaced = Some(old);
        voter.durable = voter.durable.min(end);
        voter.agrees = end;
    } else if start < voter.log.start()
        && voter.damage == Damage::PowerLoss
        && let Some(old) = voter.replaced.take()
    {
        voter.log = old;
        voter.agrees = Offset::ZERO;
    }
    let least = if voter.damage == Damage::None { voter.log.end() } else { voter.durable };
    if end < least {
        return broken(
            "W-LOG",
            format!("voter {node} recovered its log up to {end}; it had to keep everything up to {least}"),
        );
    }
    if voter.damage != Damage::None && !voter.cut.is_empty() {
        // What was cut without a sync may be back, in the place of what was written after the cut.
        let start = voter.log.start();
        voter.log = voter.log.reopened((start, end), voter.cut.iter().rev(), on_disk);
        voter.agrees = voter.agrees.min(voter.durable);
    }
    if end > voter.log.end() {
        return broken(
            "W-LOG",
            format!(
                "voter {node} recovered its log up to {end}; it never held more than up to {}",
                voter.log.end()
            ),
        );
    }
    voter.log.truncate(end);
    voter.log.advance_start(start);
    voter.found = persisted;
    if voter.damage == Damage::PowerLoss {
        // After the death of a mere process a power loss may still bring it back.
        voter.cut.clear();
        voter.persisted = persisted;
    }
    // After a mere crash it may have read what is in the cache only, and says so once that is durable.
    voter.epoch = (persisted.0, 0);
    voter.damage = Damage::None;
    // A snapshot is of what was committed.
    voter.commit = start;
    voter.leads = None;
    voter.agrees = voter.agrees.min(end);
    Ok(())
}

/// An epoch and a vote became durable.
pub fn persisted(q: &mut QuorumGhost, place: usize, epoch: LeaderEpoch, voted: Option<NodeId>) -> Check {
    let voter = &mut q.voters[place];
    let (known, vote) = voter.persisted;
    if epoch < known {
        return broken("W-ME", format!("voter {} went back from epoch {known} to {epoch}", voter.node));
    }
    if epoch == known && vote.is_some() && vote != voted {
        return broken(
            "W-VOTE",
            format!(
                "voter {} changed its durable vote in epoch {epoch} from {} to {}",
                voter.node,
                or(vote, "nobody"),
                or(voted, "nobody")
            ),
        );
    }
    voter.persisted = (epoch, voted);
    Ok(())
}

/// A vote went out.
pub fn granted(q: &mut QuorumGhost, place: usize, epoch: LeaderEpoch, candidate: NodeId) -> Check {
    let voter = &mut q.voters[place];
    if voter.persisted != (epoch, Some(candidate)) {
        return broken(
            "W-VOTE",
            format!(
                "voter {} gave its vote in epoch {epoch} to {candidate} before that was durable; on its disk is a vote for {} in epoch {}",
                voter.node,
                or(voter.persisted.1, "nobody"),
                voter.persisted.0
            ),
        );
    }
    match voter.granted.insert(epoch, candidate) {
        // The vote before the wipe counts as well: that is the harm of it.
        Some(other)
            if other != candidate && q.beyond && voter.forgot.is_some_and(|(_, newest)| newest >= epoch) =>
        {
            q.forgotten_votes.push((epoch, voter.node, other));
            Ok(())
        }
        Some(other) if other != candidate => broken(
            "W-VOTE",
            format!("voter {} voted in epoch {epoch} for {other} and for {candidate}", voter.node),
        ),
        Some(_) | None => Ok(()),
    }
}

/// A voter works in a new epoch, since this event.
pub fn entered(q: &mut QuorumGhost, place: usize, epoch: LeaderEpoch, event: u64) -> Check {
    let voter = &mut q.voters[place];
    if epoch <= voter.epoch.0 {
        return broken("W-ME", format!("voter {} went from epoch {} to {epoch}", voter.node, voter.epoch.0));
    }
    voter.epoch = (epoch, event);
    Ok(())
}

/// A pre-vote was answered, in this event, by a node that is in `epoch`.
pub fn pre_voted(q: &QuorumGhost, place: usize, epoch: LeaderEpoch, event: u64) -> Check {
    let voter = &q.voters[place];
    let (known, since) = voter.epoch;
    if epoch != known || since == event {
        return broken("W-PV", format!("voter {} went to epoch {epoch} for a pre-vote", voter.node));
    }
    Ok(())
}

/// A voter leads: W-ES, W-QLC.
pub fn leads(q: &mut QuorumGhost, place: usize, epoch: LeaderEpoch) -> Check {
    let node = q.voters[place].node;
    if let Some(&other) = q.leaders.get(&epoch).filter(|&&other| other != node) {
        if q.forgotten_votes.iter().any(|(of, ..)| *of == epoch) {
            forgotten(q, place, epoch);
            return Ok(());
        }
        return broken("W-ES", format!("voters {other} and {node} both lead in epoch {epoch}"));
    }
    // Wiped, elected again in an epoch that it had led: what it writes now has the names of other entries.
    if q.leaders.insert(epoch, node).is_some() && forgot(q, place, epoch).is_some() {
        forgotten(q, place, epoch);
        return Ok(());
    }
    q.voters[place].leads = Some(epoch);
    let votes = (0..q.voters.len()).filter(|&voter| q.voted(voter, epoch, node)).count();
    if votes < q.majority() {
        return broken("W-ES", format!("voter {node} leads in epoch {epoch} with {votes} votes"));
    }
    // A candidate that slept through later elections may still win its own; it owes nothing to those.
    let end = q.decided.range(..epoch).map(|(_, &to)| to).max().unwrap_or_default();
    let holds = q.refresh(place);
    if holds < q.committed.end() && !electors_wiped(q, epoch, node, holds).is_empty() {
        forgotten(q, place, epoch);
        return Ok(());
    }
    if holds < end {
        return broken(
            "W-QLC",
            format!("voter {node} leads in epoch {epoch} with the committed entries up to {holds} of {end}"),
        );
    }
    Ok(())
}

/// Beyond the budget: those who elected `node` although their disk, before it was wiped, had held entries that
/// `node` lacks, or an epoch in which they would have refused.
fn electors_wiped(q: &QuorumGhost, epoch: LeaderEpoch, node: NodeId, holds: Offset) -> Vec<(NodeId, When)> {
    let wiped = |place: usize| {
        let voter = &q.voters[place];
        let (when, newest) = voter.forgot.filter(|_| q.beyond && q.voted(place, epoch, node))?;
        (voter.destroyed > holds || newest > epoch).then_some((voter.node, when))
    };
    (0..q.voters.len()).filter_map(wiped).collect()
}

/// Beyond the budget: when a voter was wiped that had been in `epoch` or beyond.
fn forgot(q: &QuorumGhost, place: usize, epoch: LeaderEpoch) -> Option<(NodeId, When)> {
    let voter = &q.voters[place];
    let (when, _) = voter.forgot.filter(|&(_, newest)| q.beyond && newest >= epoch)?;
    Some((voter.node, when))
}

/// The log was destroyed, with permission.
fn forgotten(q: &mut QuorumGhost, place: usize, epoch: LeaderEpoch) {
    let (node, holds) = (q.voters[place].node, q.refresh(place));
    let twice = |voter: &VoterGhost| {
        let twice = q.forgotten_votes.iter().any(|(of, who, _)| *of == epoch && *who == voter.node);
        voter.forgot.filter(|_| twice).map(|(when, _)| (voter.node, when))
    };
    let mut voters = electors_wiped(q, epoch, node, holds);
    voters.extend(q.voters.iter().filter_map(twice));
    voters.extend(forgot(q, place, epoch));
    voters.sort_unstable();
    voters.dedup();
    let (when, end) = (q.now, q.committed.end());
    q.lost = Some(Forgotten { when, leader: (node, epoch), holds: (holds, end), voters });
}

/// A batch of entries was written: W-LMR.
pub fn appended(q: &mut QuorumGhost, place: usize, batch: Batch) -> Check {
    let node = q.voters[place].node;
    let before = q.voters[place].log.last().map(|last| last.epoch);
    let content = (batch.next, batch.crc);
    let known = q.written.get(&(batch.epoch, batch.base)).copied();
    // Who took a snapshot just before this entry has no epoch to compare.
    if let (Some((_, Some(theirs))), Some(mine)) = (known, before)
        && theirs != mine
    {
        return broken(
            "W-LMR",
            format!(
                "voter {node} wrote {} in epoch {} behind an entry of epoch {mine}; another had one of epoch {theirs} there",
                batch.base, batch.epoch
            ),
        );
    }
    let before = before.or(known.and_then(|(_, before)| before));
    match q.written.insert((batch.epoch, batch.base), (content, before)).map(|(content, _)| content) {
        Some(known) if known != content => {
            return broken(
                "W-LMR",
                format!(
                    "voter {node} wrote [{}, {}) crc {:08x} in epoch {}; another wrote up to {} crc {:08x} there",
                    batch.base, batch.next, batch.crc, batch.epoch, known.0, known.1
                ),
            );
        }
        Some(_) | None => {}
    }
    let voter = &mut q.voters[place];
    let (end, last) = (voter.log.end(), voter.log.last().map(|last| last.epoch));
    if !voter.log.push(batch) || last.is_some_and(|last| last > batch.epoch) {
        return broken(
            "W-LMR",
            format!(
                "voter {node} wrote [{}, {}) of epoch {} behind an end of {end}, whose last entry is of epoch {}",
                batch.base,
                batch.next,
                batch.epoch,
                or(last, "none")
            ),
        );
    }
    Ok(())
}

/// Entries were cut: W-NTB.
pub fn truncated(q: &mut QuorumGhost, place: usize, to: Offset) -> Check {
    let voter = &mut q.voters[place];
    if to < voter.commit {
        return broken(
            "W-NTB",
            format!("voter {} cut its log at {to}; it knew {} to be committed", voter.node, voter.commit),
        );
    }
    let cut = voter.log.truncate(to);
    voter.cut.extend(cut);
    voter.durable = voter.durable.min(to);
    voter.agrees = voter.agrees.min(to);
    Ok(())
}

/// A voter's commit index rose.
pub fn committed(q: &mut QuorumGhost, place: usize, to: Offset, entry: LeaderEpoch, leader: bool) -> Check {
    let node = q.voters[place].node;
    let commit = q.voters[place].commit;
    if to < commit {
        return broken("W-NTB", format!("voter {node} took its commit index back from {commit} to {to}"));
    }
    if to > q.voters[place].log.end() {
        return broken(
            "W-CP",
            format!("voter {node} commits {to} and its log ends at {}", q.voters[place].log.end()),
        );
    }
    if leader {
        decided(q, place, to, entry)?;
    }
    q.voters[place].commit = to;
    let end = q.committed.end();
    if to > end {
        return broken(
            "W-CP",
            format!("follower {node} commits up to {to}; no leader has committed beyond {end}"),
        );
    }
    let holds = q.refresh(place);
    if holds < to {
        return broken(
            "W-CP",
            format!("voter {node} commits up to {to}, but from {holds} on its log is not the committed one"),
        );
    }
    Ok(())
}

/// A leader commits: W-CTC, W-MAJ, W-DUR, W-QLC; from now on it is the truth.
fn decided(q: &mut QuorumGhost, place: usize, to: Offset, entry: LeaderEpoch) -> Check {
    let node = q.voters[place].node;
    let Some(epoch) = q.voters[place].leads else {
        return broken("W-CTC", format!("voter {node} commits {to} as a leader and leads nowhere"));
    };
    if entry != epoch {
        return broken(
            "W-CTC",
            format!(
                "voter {node}, leader of epoch {epoch}, commits up to {to} onto an entry of epoch {entry}"
            ),
        );
    }
    let shown = q.decided.range(..epoch).map(|(_, &to)| to).max().unwrap_or_default();
    if to < shown {
        return broken(
            "W-MHW",
            format!("leader {node} of epoch {epoch} commits up to {to}; an earlier leader had {shown}"),
        );
    }
    let from = q.committed.end();
    let holds = q.refresh(place);
    if holds < from.min(to) {
        return broken(
            "W-QLC",
            format!("leader {node} of epoch {epoch} differs from what is committed from {holds} on"),
        );
    }
    if to > from {
        let fresh: Vec<Batch> =
            q.voters[place].log.from(from).take_while(|b| b.next <= to).copied().collect();
        for batch in fresh {
            if !q.committed.push(batch) {
                return broken(
                    "W-QLC",
                    format!("leader {node} of epoch {epoch} commits {} with a gap", batch.base),
                );
            }
        }
        q.voters[place].agrees = q.committed.end();
    }
    let decided = q.decided.entry(epoch).or_default();
    *decided = (*decided).max(to);
    on_majority(q, node, to)
}

fn on_majority(q: &mut QuorumGhost, leader: NodeId, to: Offset) -> Check {
    let (mut hold, mut durable) = (0, 0);
    for place in 0..q.voters.len() {
        // What a wipe destroyed was there, and durable, when it was counted.
        let gone = q.beyond && q.voters[place].destroyed >= to;
        let holds = q.refresh(place) >= to || gone;
        hold += usize::from(holds);
        durable += usize::from(holds && (gone || q.voters[place].durable >= to));
    }
    let majority = q.majority();
    if hold < majority {
        return broken(
            "W-MAJ",
            format!("leader {leader} commits up to {to}; {hold} of {} voters hold that", q.voters.len()),
        );
    }
    if durable < majority {
        return broken(
            "W-DUR",
            format!(
                "leader {leader} commits up to {to}; it is durable on {durable} of {} voters",
                q.voters.len()
            ),
        );
    }
    Ok(())
}

/// A voter applied the record at `offset`: W-SMS.
pub fn applied(q: &QuorumGhost, place: usize, offset: Offset) -> Check {
    let voter = &q.voters[place];
    if offset < voter.commit {
        return Ok(());
    }
    broken(
        "W-SMS",
        format!("voter {} applied {offset}; it knows of {} as committed", voter.node, voter.commit),
    )
}

/// A voter kept a snapshot of everything before `end`, whose last entry is of `epoch`: W-SNAP.
pub fn snapshotted(q: &QuorumGhost, place: usize, end: Offset, epoch: LeaderEpoch) -> Check {
    let voter = &q.voters[place];
    if end > voter.commit {
        return broken(
            "W-SNAP",
            format!(
                "voter {} took a snapshot of {end}; it knows of {} as committed",
                voter.node, voter.commit
            ),
        );
    }
    let last = end.previous().and_then(|last| q.committed.at(last)).map(|batch| batch.epoch);
    if last.is_some_and(|last| last != epoch) {
        return broken(
            "W-SNAP",
            format!(
                "voter {} took a snapshot of {end} in epoch {epoch}; committed there is an entry of epoch {}",
                voter.node,
                or(last, "none")
            ),
        );
    }
    Ok(())
}

/// A leader's snapshot of everything before `end`, whose last entry is of `epoch`, took the place of that part of
/// a voter's log, which ends at `log_end` now: W-SNAP, W-CP, W-NTB.
pub fn installed(
    q: &mut QuorumGhost,
    place: usize,
    (end, epoch): (Offset, LeaderEpoch),
    log_end: Offset,
) -> Check {
    let committed = q.committed.end();
    if end > committed {
        let node = q.voters[place].node;
        return broken(
            "W-CP",
            format!("voter {node} installed a snapshot of {end}; {committed} is committed"),
        );
    }
    let holds = q.refresh(place);
    let voter = &mut q.voters[place];
    let node = voter.node;
    let last = end.previous().and_then(|last| voter.log.at(last)).map(|batch| batch.epoch);
    // What follows the snapshot's last entry stays (Raft, section 7); it may have been counted already.
    if last == Some(epoch) || voter.log.start() == end {
        if log_end != voter.log.end() {
            return broken(
                "W-SNAP",
                format!(
                    "voter {node} installed a snapshot of {end} and cut its log at {log_end}; up to {} it follows the snapshot",
                    voter.log.end()
                ),
            );
        }
        if holds < end {
            return broken(
                "W-CP",
                format!(
                    "voter {node} kept its log behind a snapshot of {end}; it is not the committed one from {holds} on"
                ),
            );
        }
        voter.log.advance_start(end);
        voter.durable = voter.durable.max(end);
        voter.commit = voter.commit.max(end);
        return Ok(());
    }
    if end < voter.commit {
        return broken(
            "W-NTB",
            format!("voter {node} went back from commit index {} to a snapshot of {end}", voter.commit),
        );
    }
    if log_end != end {
        return broken(
            "W-SNAP",
            format!(
                "voter {node} installed a snapshot of {end} in epoch {epoch} and kept a log up to {log_end} that has an entry of epoch {} there",
                or(last, "none")
            ),
        );
    }
    voter.log = crate::ghost::Shadow::starting_at(end);
    voter.cut.clear();
    voter.agrees = end;
    voter.durable = end;
    voter.commit = end;
    Ok(())
}
