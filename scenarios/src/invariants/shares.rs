//! Share groups: one holder at a time, nothing lost, nothing tried too often or too fast. What workers and people
//! were told is judged by itself (black box); what leaders report of their records is judged in the order of reigns.

use std::collections::VecDeque;

use squall_core::ids::{GroupId, LeaderEpoch, MemberId, Offset, Turn};
use squall_core::share::message::Verdict;
use squall_core::share::probe::{Afterwards, Kept};
use squall_core::time::{Span, Time};
use squall_sim::check::history::{Class, Fact, Options, check};
use squall_sim::history::op::{Name as Value, Op};

use crate::ghost::backlog::Awaited;
use crate::ghost::shares::{Item, Part, Said, Seen, State};
use crate::invariants::{Check, broken};
use crate::narrate::record;

/// A leader reports in this reign. Answers whether its word counts: that of a deposed one may come late, and is in
/// what its successor found.
pub fn reign(part: &mut Part, epoch: LeaderEpoch) -> Result<bool, super::Broken> {
    if epoch <= part.epoch {
        return Ok(epoch == part.epoch);
    }
    if let Some((offset, item)) = part.items.first_key_value() {
        broken(
            "share-kept",
            format!("the leader of reign {epoch} knows nothing of {offset}, which is {item:?}"),
        )?;
    }
    part.epoch = epoch;
    part.handed.clear();
    Ok(true)
}

/// A new leader found these records in flight, all before `next`.
pub fn restored(part: &mut Part, epoch: LeaderEpoch, next: Offset, records: &[Kept]) -> Check {
    if epoch < part.epoch {
        return Ok(());
    }
    part.epoch = epoch;
    part.handed.clear();
    if let Some((offset, _)) = part.items.range(next..).next() {
        broken("share-kept", format!("a new leader begins at {next}, and {offset} was delivered"))?;
    }
    for kept in records {
        found(part.items.get(&kept.offset), kept)?;
    }
    (part.next, part.found) = (next, next);
    let in_flight = part.items.iter().filter(|(_, item)| item.state.is_in_flight());
    let unheard_of: Vec<(Offset, Item)> = in_flight
        .filter(|(offset, _)| records.binary_search_by_key(*offset, |kept| kept.offset).is_err())
        .map(|(offset, item)| (*offset, Item { state: State::Over, ..*item }))
        .collect();
    unheard_of.into_iter().for_each(|(offset, item)| part.put(offset, item));
    for kept in records {
        let state = match kept.holder {
            Some(member) => State::Held(member),
            None if kept.archiving => State::Archiving,
            None => State::Available,
        };
        // What was given up may have been put back unheard of.
        let is_same = |item: &&Item| {
            let (tried, given_up) = (item.state.is_in_flight(), item.state == State::Archiving);
            item.turn == kept.turn && tried && given_up <= kept.archiving
        };
        let count = part.items.get(&kept.offset).filter(is_same).and_then(|item| item.count);
        part.put(kept.offset, Item { turn: kept.turn, count, state });
    }
    Ok(())
}

fn found(known: Option<&Item>, kept: &Kept) -> Check {
    let Some(known) = known else { return Ok(()) };
    if kept.turn < known.turn {
        let (offset, turn) = (kept.offset, known.turn);
        return broken("share-kept", format!("a new leader knows nothing of delivery {turn} of {offset}"));
    }
    if known.state == State::Done {
        return broken("share-kept", format!("{} was done, and a new leader has it in flight", kept.offset));
    }
    Ok(())
}

/// A record is handed out, `told` times since it was last put back.
pub fn acquired(part: &mut Part, offset: Offset, turn: Turn, member: MemberId, told: u32) -> Check {
    let known = part.items.get(&offset).copied();
    let may = match known {
        None => turn == Turn(1),
        Some(item) => item.state == State::Available && turn == item.turn.next(),
    };
    if !may {
        return broken("one-holder", format!("delivery {turn} of {offset} to {member}, and it is {known:?}"));
    }
    let count = known.map_or(Some(0), |item| item.count).map_or(told, |count| count + 1);
    part.put(offset, Item { turn, count: Some(count), state: State::Held(member) });
    part.next = part.next.max(offset.plus(1));
    Ok(())
}

/// A delivery is over.
pub fn settled(part: &mut Part, offset: Offset, turn: Turn, then: Afterwards) -> Check {
    held(part, offset, turn)?;
    let state = match then {
        Afterwards::Available => State::Available,
        Afterwards::Archiving => State::Archiving,
        Afterwards::Done => State::Done,
    };
    let count = part.items.get(&offset).and_then(|item| item.count);
    part.put(offset, Item { turn, count, state });
    Ok(())
}

/// Only the present delivery can be settled or renewed.
pub fn held(part: &Part, offset: Offset, turn: Turn) -> Check {
    let known = part.items.get(&offset);
    if known.is_some_and(|item| item.turn == turn && matches!(item.state, State::Held(_))) {
        return Ok(());
    }
    broken("one-holder", format!("delivery {turn} of {offset} is settled or renewed, and it is {known:?}"))
}

/// A record moves from one state to another that leaders alone know of.
pub fn moved(part: &mut Part, (offset, turn): (Offset, Turn), from: State, to: State) -> Check {
    let known = part.items.get(&offset).copied();
    // What no leader lived to tell may have been this.
    let may = known.is_some_and(|item| {
        (item.turn == turn && item.state == from) || (item.turn <= turn && item.state == State::Over)
    });
    if !may {
        return broken(
            "one-holder",
            format!("{offset} becomes {to:?} after delivery {turn}, and is {known:?}"),
        );
    }
    let count = match to {
        State::Available => Some(0),
        State::Held(_) | State::Archiving | State::Dead | State::Done | State::Over => {
            known.and_then(|item| item.count)
        }
    };
    part.put(offset, Item { turn, count, state: to });
    Ok(())
}

/// A leader hands out one more, by its own clock.
pub fn paced(handed: &mut VecDeque<Time>, (most, interval): (u32, Span), at: Time) -> Check {
    handed.push_back(at);
    if handed.len() <= most as usize {
        return Ok(());
    }
    let first = handed.pop_front().unwrap_or_default();
    if at.since(first) >= interval {
        return Ok(());
    }
    broken("pace", format!("{} deliveries within {}, where {most} may be", most + 1, at.since(first)))
}

/// A worker was told of a delivery.
pub fn received(
    seen: &Seen,
    offset: Offset,
    (turn, member): (Turn, MemberId),
    count: u32,
    limit: u32,
) -> Check {
    if count > limit {
        return broken("delivery-limit", format!("{offset} is delivered for the {count}th time, of {limit}"));
    }
    match seen.received.iter().find(|(known, other)| *known == turn && *other != member) {
        Some((_, other)) => {
            broken("one-holder", format!("delivery {turn} of {offset} is {other}'s and {member}'s"))
        }
        None => Ok(()),
    }
}

/// A worker was told that what it said of a delivery was taken.
pub fn taken(seen: &Seen, offset: Offset, said: Said) -> Check {
    if said.newest > said.turn {
        return broken(
            "lock-held",
            format!(
                "{} of {} was taken of delivery {} of {offset}, and was said when delivery {} had begun",
                said.verdict.name(),
                said.member,
                said.turn,
                said.newest
            ),
        );
    }
    match seen.worked.filter(|_| said.verdict == Verdict::Accept) {
        Some((turn, member)) => broken(
            "worked-once",
            format!(
                "{offset} was worked by {member} in delivery {turn}, and by {} in {}",
                said.member, said.turn
            ),
        ),
        None => Ok(()),
    }
}

/// Whether somebody was told that the record is worked, or its letter was read; or nobody will ever know.
pub const fn is_worked(seen: &Seen) -> bool {
    seen.worked.is_some() || seen.letter.is_some() || seen.maybe_worked
}

/// The time of a record is up: it is worked, or its letter is read, or nobody knows.
pub fn in_time(awaited: &Awaited, since: Time, seen: Option<&Seen>) -> Check {
    if seen.is_some_and(is_worked) {
        return Ok(());
    }
    let Awaited { until, of, offset, behind } = awaited;
    let last = seen.and_then(|seen| seen.received.last());
    broken(
        "worked-in-time",
        format!(
            "{offset} of {} was to be worked by {} within {}, behind {behind} records that something is hard about; \
             its last delivery is {last:?}",
            of.at,
            of.group,
            until.since(since)
        ),
    )
}

/// What went in came out, by the totals of a queue's history.
pub fn totals(group: &GroupId, history: Vec<Op>) -> Check {
    let report = match check(history, Options::default()) {
        Ok(report) => report,
        Err(why) => return broken("total-queue", format!("what {group} did makes no history: {why}")),
    };
    let Some(queue) = report.queue.filter(|queue| !queue.total_queue || !queue.queue) else { return Ok(()) };
    let wrong = [Class::QueueLost, Class::QueueDuplicated, Class::QueueUnexpected];
    let first = wrong.iter().filter_map(|class| report.found.get(class)).flat_map(|found| &found.first);
    let named = first.flat_map(|anomaly| &anomaly.facts).find_map(|(_, fact)| match fact {
        Fact::Name(Value::Number(name)) => Some(record(*name as u64)),
        Fact::Name(Value::Text(_))
        | Fact::Number(_)
        | Fact::Numbers(_)
        | Fact::Text(_)
        | Fact::Names(_)
        | Fact::Op(_)
        | Fact::Ops(_)
        | Fact::Steps(_)
        | Fact::Counts(_)
        | Fact::NamesByKey(_) => None,
    });
    broken(
        "total-queue",
        format!(
            "of {} records {group} lost {}, took {} more than once and {} from nowhere; one is {}",
            queue.acknowledged,
            queue.lost,
            queue.duplicated,
            queue.unexpected,
            named.unwrap_or_default()
        ),
    )
}
