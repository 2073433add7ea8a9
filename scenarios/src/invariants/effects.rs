//! Exactly once, as readers of committed records see it: black box.

use squall_core::client::transacted::Outcome;
use squall_core::ids::{NodeId, Offset, TopicPartition};

use crate::ghost::effects::{Effect, Effects, Transaction};
use crate::invariants::{Broken, Check, broken};
use crate::workload::names::text;

const COMMITTED: &str = "read-committed";
const ONCE: &str = "exactly-once";
const ATOMIC: &str = "atomic";
const ORDER: &str = "effect-order";

/// A reader of effects was handed one; `last_reading`: the one after everything else is over. Answers whether it is a
/// second one of its record, with permission.
pub fn read(
    e: &mut Effects,
    reader: NodeId,
    (at, offset): (TopicPartition, Offset),
    name: Option<u64>,
    (committed, last_reading): (bool, bool),
) -> Result<bool, Broken> {
    if let Some(last) = e.read(reader, at, offset).filter(|last| *last >= offset) {
        let why = format!("reader {reader} of {at} was handed {last} and then {offset}");
        return Err(Broken::new("no-skip", why));
    }
    let Some(known) = name.and_then(|name| e.effects.get_mut(&name)) else {
        let why = format!("reader {reader} got {at} offset {offset}, which nobody wrote in a transaction");
        return Err(Broken::new("no-phantom", why));
    };
    if !committed {
        return Ok(false);
    }
    let name = name.unwrap_or_default();
    let transaction = e.transactions.get(&known.transaction);
    counts(name, known, transaction, (reader, at, offset))?;
    known.found |= last_reading;
    if let Some(before) = known.seen.replace((at, offset)).filter(|before| *before != (at, offset)) {
        let why =
            format!("effect {} lies in {} at {}, and in {at} at {offset}", text(name), before.0, before.1);
        return Err(Broken::new(ONCE, why));
    }
    let known = *known;
    // Whoever begins again does so in order, and once: what it was made to forget is judged no further.
    if e.is_forgotten(known.source) {
        let before = e.of.insert(known.source, name);
        e.last_of.insert((reader, at, known.source.0), known.source.1);
        return Ok(before.is_some_and(|before| before != name));
    }
    once(e, name, known)?;
    in_order(e, reader, at, known)?;
    Ok(false)
}

/// What is read was to be committed, and is not known to be aborted.
fn counts(
    name: u64,
    effect: &Effect,
    transaction: Option<&Transaction>,
    (reader, at, offset): (NodeId, TopicPartition, Offset),
) -> Check {
    let why = match transaction {
        Some(Transaction { outcome: Some(Outcome::Aborted), .. }) => "was aborted",
        Some(Transaction { commits: false, .. }) | None => "nobody asked to commit",
        Some(_) => return Ok(()),
    };
    broken(
        COMMITTED,
        format!(
            "reader {reader} of committed records got effect {} at offset {offset} of {at}; its transaction {} {why}",
            text(name),
            text(effect.transaction)
        ),
    )
}

/// No other effect of the same record counts.
fn once(e: &mut Effects, name: u64, effect: Effect) -> Check {
    let (at, offset) = effect.source;
    match e.of.insert(effect.source, name) {
        Some(other) if other != name => broken(
            ONCE,
            format!(
                "record {offset} of {at} has two effects that count: {} of transaction {} and {} of transaction {}",
                text(other),
                e.effects.get(&other).map_or_else(String::new, |other| text(other.transaction)),
                text(name),
                text(effect.transaction)
            ),
        ),
        Some(_) | None => Ok(()),
    }
}

/// Effects lie in the order of what they are effects of.
fn in_order(e: &mut Effects, reader: NodeId, at: TopicPartition, effect: Effect) -> Check {
    let (of, offset) = effect.source;
    match e.last_of.insert((reader, at, of), offset) {
        Some(before) if before >= offset => broken(
            ORDER,
            format!("in {at} the effect of record {offset} of {of} lies behind that of record {before}"),
        ),
        Some(_) | None => Ok(()),
    }
}

/// A transaction has ended, as its application was told.
pub fn ended(e: &mut Effects, name: u64, outcome: Outcome) -> Check {
    let transaction = e.transactions.entry(name).or_default();
    transaction.outcome = Some(outcome);
    if outcome != Outcome::Aborted {
        return Ok(());
    }
    let seen = (transaction.effects.iter()).find_map(|effect| Some((effect, e.effects.get(effect)?.seen?)));
    match seen {
        Some((effect, (at, offset))) => broken(
            COMMITTED,
            format!(
                "transaction {} is aborted; its effect {} was read in {at} at {offset} as committed",
                text(name),
                text(*effect)
            ),
        ),
        None => Ok(()),
    }
}

/// In the end: of each transaction everything is there, or nothing, as its application was told.
pub fn whole(e: &Effects) -> Result<u64, Broken> {
    for (&name, transaction) in &e.transactions {
        let found = |effect: &&u64| e.effects.get(effect).is_some_and(|effect| effect.found);
        let there = transaction.effects.iter().find(found);
        let missing = transaction.effects.iter().find(|effect| !found(effect));
        let committed = transaction.outcome == Some(Outcome::Committed);
        let (Some(missing), true) = (missing, committed || there.is_some()) else { continue };
        let because = match there {
            Some(there) => format!("its effect {} is", text(*there)),
            None => "it was acknowledged as committed".to_owned(),
        };
        return Err(Broken::new(
            ATOMIC,
            format!(
                "effect {} of transaction {} is not read in the end; {because}",
                text(*missing),
                text(name)
            ),
        ));
    }
    Ok(e.transactions.len() as u64)
}

/// In the end: every record up to `end` has an effect.
pub fn all(e: &Effects, at: TopicPartition, end: Offset) -> Result<u64, Broken> {
    let mut offset = Offset::ZERO;
    while offset < end {
        let found =
            e.of.get(&(at, offset)).and_then(|name| e.effects.get(name)).is_some_and(|known| known.found);
        if !found {
            return Err(Broken::new(
                ONCE,
                format!("record {offset} of {at} has no effect, though all up to {end} is processed"),
            ));
        }
        offset = offset.plus(1);
    }
    Ok(end.0)
}
