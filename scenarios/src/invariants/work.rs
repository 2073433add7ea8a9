//! What members of groups saw and did: one owner, nothing skipped, commits that stay and do not go back. Black
//! box, but that coordinators say who is in a generation, and whose a commit was that undid another.

use squall_core::ids::{Generation, GroupId, MemberId, Offset, TopicPartition};
use squall_core::time::Span;

use crate::ghost::clients::Name;
use crate::ghost::work::{Floor, GroupWork, Share};
use crate::invariants::{Broken, Check, broken};

/// A member says that it owns `at` in `generation`.
pub fn owned(
    group: &GroupId,
    work: &GroupWork,
    at: TopicPartition,
    generation: Generation,
    member: MemberId,
) -> Check {
    let Some(share) = work.shares.get(&at) else { return Ok(()) };
    if !work.is_in(generation, member) {
        // A zombie: its generation went on without it, and nothing that it does is accepted.
        return Ok(());
    }
    let other = share
        .owners
        .iter()
        .find(|(known, other)| *known == generation && *other != member && work.is_in(generation, *other));
    match other {
        Some((_, other)) => broken(
            "one-owner",
            format!("members {other} and {member} of {group} both own {at} in generation {generation}"),
        ),
        None => Ok(()),
    }
}

/// A commit was taken, or acknowledged.
pub fn nothing_skipped(group: &GroupId, share: &Share, at: TopicPartition, offset: Offset) -> Check {
    if offset <= share.done {
        return Ok(());
    }
    broken(
        "at-least-once",
        format!("{group} committed {at} up to {offset}, and nobody of it has processed {}", share.done),
    )
}

/// A commit is in the log; answers whether it undoes another, with permission.
///
/// A member's own older commit may come late: this network doubles and delays. A member of a newer generation
/// may have resumed before the older one's last commit was in the log.
pub fn commit_written(
    group: &GroupId,
    share: &Share,
    at: TopicPartition,
    commit: Floor,
) -> Result<bool, Broken> {
    let Some(floor) = share.floor.filter(|floor| commit.offset < floor.offset) else { return Ok(false) };
    let (Some((member, generation)), Some((before, newest))) = (commit.by, floor.by) else { return Ok(true) };
    let resumed = share.resumed_at(member).is_some_and(|resumed| resumed <= commit.offset);
    if member == before || (generation > newest && resumed) {
        return Ok(true);
    }
    broken(
        "commit-monotone",
        format!(
            "member {member} of {group}, of generation {generation}, set {at} back to {}; member {before} had been told in generation {newest} that {} is committed",
            commit.offset, floor.offset
        ),
    )
    .map(|()| true)
}

/// A member of `generation` learned where to read on.
///
/// It may have slept over the answer: what later generations, which are without it, committed meanwhile it does not
/// know, and nobody takes its commits.
pub fn resumed(
    group: &GroupId,
    share: &Share,
    at: TopicPartition,
    generation: Generation,
    offset: Option<Offset>,
) -> Check {
    let Some(floor) = share.floor.filter(|floor| offset.is_none_or(|offset| offset < floor.offset)) else {
        return Ok(());
    };
    if floor.by.is_some_and(|(_, newest)| newest > generation) {
        return Ok(());
    }
    let found = offset.map_or("nothing".to_owned(), |offset| offset.to_string());
    broken(
        "commit-kept",
        format!(
            "a member of {group} was told that {found} is committed in {at}; {} had been acknowledged",
            floor.offset
        ),
    )
}

/// After the storm: what still lacks its owner, so long after everybody could work.
pub fn owned_again(lacks: &str, waited: Span, bound: Span) -> Check {
    if waited <= bound {
        return Ok(());
    }
    broken("owned-again", format!("{lacks}, {waited} after everybody could work again; {bound} is the bound"))
}

/// In the end: the group has processed everything.
pub fn finished(group: &GroupId, share: Option<&Share>, at: TopicPartition, end: Offset) -> Check {
    let done = share.map_or(Offset::ZERO, |share| share.done);
    if done >= end {
        return Ok(());
    }
    broken("at-least-once", format!("in the end nobody of {group} has processed {at} offset {done} of {end}"))
}

/// In the end: a record that is in the log was processed by the group.
pub fn has_processed(group: &GroupId, work: Option<&GroupWork>, name: Name) -> Check {
    if work.is_some_and(|work| work.names.contains(&name.pack())) {
        return Ok(());
    }
    broken(
        "at-least-once",
        format!(
            "in the end nobody of {group} has processed record {} of sender {}",
            name.number, name.sender
        ),
    )
}
