//! What leaders of share-partitions keep in memory (W-SQ): once against what was heard of them, once against the
//! replay of the partition that their state is on.
//!
//! What was heard of is committed, so a share-partition is compared to that when nothing of it is under way; what is
//! on disk is as new as the last step, so that is compared whenever nothing waits to be written. Locks' ends are in
//! neither.

use std::collections::BTreeMap;

use squall_core::coordinator::Phase;
use squall_core::ids::{BrokerId, LeaderEpoch, Offset, TopicPartition};
use squall_core::partition::Partition;
use squall_core::share::probe::SharePartition;
use squall_core::share::record::{StoredRecord, StoredShare, StoredState, decode};
use squall_sim::engine::World;

use crate::cluster::Member;
use crate::ghost::shares::{Item, Part, State};
use crate::invariants::{Check, broken, groups};

/// Share-partitions by name.
type Table = BTreeMap<SharePartition, StoredShare>;

/// All leaders of share-partitions on a broker: they lead, and what they keep is in their logs. Answers how many
/// share-partitions were compared.
pub fn leaders(broker: BrokerId, world: &World<Member>) -> Result<u64, super::Broken> {
    let Some(process) = crate::checks::broker(world, broker.node()).filter(|broker| !broker.is_halted())
    else {
        return Ok(0);
    };
    let mut compared = 0;
    for reign in process.shares().reigns().filter(|reign| reign.tenure.phase() != Phase::Over) {
        let partition = process.partition(reign.tenure.at());
        leads(broker, reign.tenure.at(), reign.tenure.epoch(), partition.and_then(Partition::reign))?;
        let is_whole = reign.tenure.phase() == Phase::Active && reign.is_written();
        let Some(log) = partition.filter(|_| is_whole).and_then(|log| fold(broker, log, world)) else {
            continue;
        };
        let kept = reign.shares().filter_map(|(of, _)| Some((of.clone(), reign.stored(of)?)));
        compared += replayed(broker, reign.tenure.at(), &kept.collect(), &log)?;
    }
    Ok(compared)
}

/// Who leads share-partitions leads the partition that their state is on, in the same reign.
pub fn leads(
    broker: BrokerId,
    at: TopicPartition,
    epoch: LeaderEpoch,
    leads: Option<(LeaderEpoch, Offset)>,
) -> Check {
    if leads.is_some_and(|(leads, _)| leads == epoch) {
        return Ok(());
    }
    broken(
        "W-SQ",
        format!(
            "broker {broker} leads the share-partitions of {at} in epoch {epoch}; of its leader it says {leads:?}"
        ),
    )
}

/// What is kept against what the log says. Of what nobody has worked yet no log tells.
pub fn replayed(
    broker: BrokerId,
    at: TopicPartition,
    kept: &Table,
    log: &Table,
) -> Result<u64, super::Broken> {
    let mut all: Vec<&SharePartition> = kept.keys().chain(log.keys()).collect();
    all.sort_unstable();
    all.dedup();
    let untouched = StoredShare::default();
    for of in &all {
        let (has, says) = (kept.get(*of).unwrap_or(&untouched), log.get(*of).unwrap_or(&untouched));
        if has != says {
            broken(
                "W-SQ",
                format!(
                    "broker {broker} leads the share-partitions of {at}; of {} in {} it has {has:?}, its log says \
                     {says:?}",
                    of.group, of.at
                ),
            )?;
        }
    }
    Ok(all.len() as u64)
}

/// What is on the broker's disk, whole. `None` if that is not sound: others say so.
fn fold(broker: BrokerId, partition: &Partition, world: &World<Member>) -> Option<Table> {
    let end = partition.log().log_end();
    let mut newest = BTreeMap::<Vec<u8>, Vec<u8>>::new();
    let reached = groups::replay((broker, partition, end), world, |batch| {
        for record in batch.records() {
            let key = record.key.unwrap_or_default();
            let value = record.value.unwrap_or_default();
            match newest.get_mut(key) {
                Some(known) => value.clone_into(known),
                None => drop(newest.insert(key.to_vec(), value.to_vec())),
            }
        }
    })?;
    // A log without batches is one that nobody has written to.
    let is_whole = reached == end || newest.is_empty();
    newest.iter().filter(|_| is_whole).map(|(key, value)| decode(key, value)).collect()
}

/// What the leader of a share-partition keeps against what was heard of it, if all of that was heard. Answers
/// whether it was compared.
pub fn share(
    broker: BrokerId,
    (of, part): (&SharePartition, &Part),
    world: &World<Member>,
) -> Result<bool, super::Broken> {
    let Some(process) = crate::checks::broker(world, broker.node()).filter(|broker| !broker.is_halted())
    else {
        return Ok(false);
    };
    let mut reigns = process.shares().reigns().filter(|reign| {
        reign.tenure.phase() == Phase::Active && reign.tenure.epoch() == part.epoch && reign.is_settled(of)
    });
    let Some(kept) = reigns.find_map(|reign| reign.stored(of)) else { return Ok(false) };
    heard(broker, of, &kept, part)?;
    Ok(true)
}

/// What is kept against what was heard of.
pub fn heard(broker: BrokerId, of: &SharePartition, kept: &StoredShare, part: &Part) -> Check {
    let wrong =
        |what: String| broken("W-SQ", format!("broker {broker} leads {} of {}: {what}", of.at, of.group));
    if kept.next != part.next {
        return wrong(format!("it goes on at {}, and is known to at {}", kept.next, part.next));
    }
    for record in &kept.records {
        let known = part.items.get(&record.offset);
        if !known.is_some_and(|item| is_same(record, item)) {
            return wrong(format!("it has {record:?}, and is known to have {known:?}"));
        }
    }
    let mut dead = 0;
    for letter in &kept.dead {
        let known = part.items.get(&letter.offset);
        let is_known = match known.map(|item| (item.state, item.turn)) {
            Some((State::Dead, turn)) => {
                dead += 1;
                turn == letter.turn
            }
            // No leader lived to tell.
            Some((State::Over, turn)) => turn <= letter.turn,
            Some((State::Available | State::Held(_) | State::Archiving | State::Done, _)) => false,
            None => letter.offset < part.found,
        };
        if !is_known {
            return wrong(format!("to it {letter:?} is dead, and is known to be {known:?}"));
        }
    }
    if (kept.records.len(), dead) == (part.in_flight, part.dead) {
        return Ok(());
    }
    let has = |offset: Offset| {
        kept.records.iter().any(|record| record.offset == offset)
            || kept.dead.iter().any(|letter| letter.offset == offset)
    };
    let is_there = |item: &Item| item.state.is_in_flight() || item.state == State::Dead;
    let lacks = part.items.iter().find(|(offset, item)| is_there(item) && !has(**offset));
    wrong(format!("it has nothing of what is known to be there: {lacks:?}"))
}

fn is_same(record: &StoredRecord, item: &Item) -> bool {
    let state = match record.state {
        StoredState::Available => State::Available,
        StoredState::Acquired(member, _) => State::Held(member),
        StoredState::Archived => State::Archiving,
    };
    let count = item.count.is_none_or(|count| count == record.count);
    (item.turn, item.state) == (record.turn, state) && count
}
