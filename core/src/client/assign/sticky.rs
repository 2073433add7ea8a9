//! Balanced, and with as few moves as can be.
//!
//! Where all members want the same topics (`constrained`) there is an exact answer; elsewhere (`general`)
//! partitions move as long as a move makes two loads more equal.

use super::{ByPlace, Topic, partitions_of, wants};
use crate::group::message::JoinedMember;
use crate::ids::{Generation, TopicPartition};

/// Divides the partitions anew, starting from what the members say they have.
pub(super) fn assign(topics: &[&Topic], members: &[&JoinedMember]) -> ByPlace {
    let (shares, free) = claimed(topics, members);
    let first = members.first().map(|member| &member.subscription.topics);
    if members.iter().all(|member| Some(&member.subscription.topics) == first) {
        constrained(shares, free)
    } else {
        general(topics, members, shares, free)
    }
}

/// What each member may keep, and the partitions that nobody has, in the order of topics and numbers.
///
/// A claim is good if the topic exists and is still wanted. Of several the one of the newest generation wins:
/// the others come from members that missed a rebalance. Two of one generation are both void (KAFKA-12984).
fn claimed(topics: &[&Topic], members: &[&JoinedMember]) -> (ByPlace, Vec<TopicPartition>) {
    let mut claims: Vec<(TopicPartition, Option<Generation>, usize)> = Vec::new();
    for (place, member) in members.iter().enumerate() {
        let generation = member.subscription.generation;
        claims.extend(member.subscription.owned.iter().map(|&partition| (partition, generation, place)));
    }
    claims.sort_unstable();
    let mut shares = vec![Vec::new(); members.len()];
    let mut free = Vec::new();
    for topic in topics {
        if !members.iter().any(|member| wants(member, topic)) {
            continue;
        }
        for partition in partitions_of(topic) {
            match owner(&claims, partition).filter(|&place| wants(members[place], topic)) {
                Some(place) => shares[place].push(partition),
                None => free.push(partition),
            }
        }
    }
    (shares, free)
}

/// Whose claim on `partition` is good.
fn owner(claims: &[(TopicPartition, Option<Generation>, usize)], partition: TopicPartition) -> Option<usize> {
    let end = claims.partition_point(|&(claimed, _, _)| claimed <= partition);
    let (newest, older) = claims[..end].split_last()?;
    let doubled = older.last().is_some_and(|other| (other.0, other.1) == (newest.0, newest.1));
    (newest.0 == partition && !doubled).then_some(newest.2)
}

/// All members want the same: everybody gets `least` partitions, and `more` members one more.
fn constrained(mut shares: ByPlace, mut free: Vec<TopicPartition>) -> ByPlace {
    if shares.is_empty() {
        return shares;
    }
    let all = free.len() + shares.iter().map(Vec::len).sum::<usize>();
    let (least, mut more) = (all / shares.len(), all % shares.len());
    // Whoever has one more already keeps it, as long as there are some to be had.
    for share in &mut shares {
        let keeps = if share.len() > least && more > 0 {
            more -= 1;
            least + 1
        } else {
            least
        };
        free.extend(share.drain(keeps.min(share.len())..));
    }
    deal(&mut shares, &free, least, more);
    shares
}

/// Deals `free` to those below `least` in turn; then one each to `more` of those who have `least`.
fn deal(shares: &mut ByPlace, free: &[TopicPartition], least: usize, more: usize) {
    let mut free = free.iter().copied();
    let mut full: Vec<usize> = (0..shares.len()).filter(|&place| shares[place].len() == least).collect();
    let mut hungry: Vec<usize> = (0..shares.len()).filter(|&place| shares[place].len() < least).collect();
    while !hungry.is_empty() {
        hungry.retain(|&place| {
            shares[place].extend(free.next());
            let hungry = shares[place].len() < least;
            if !hungry {
                full.push(place);
            }
            hungry
        });
    }
    for place in full.into_iter().take(more) {
        shares[place].extend(free.next());
    }
}

/// A partition, who may have it, and who has it.
struct Piece {
    partition: TopicPartition,
    /// An index into the lists of those who want a topic.
    topic: usize,
    /// Whose it was, and should stay if it can.
    home: Option<usize>,
    owner: Option<usize>,
}

/// Members want different topics: the least loaded of those who may take a partition gets it, and then
/// partitions move from more to less loaded members until none of these moves helps.
fn general(
    topics: &[&Topic],
    members: &[&JoinedMember],
    shares: ByPlace,
    free: Vec<TopicPartition>,
) -> ByPlace {
    let takers: Vec<Vec<usize>> = topics
        .iter()
        .map(|topic| (0..members.len()).filter(|&place| wants(members[place], topic)).collect())
        .collect();
    let mut loads: Vec<usize> = shares.iter().map(Vec::len).collect();
    let mut pieces = pieces(topics, &takers, &shares, &free);
    for piece in &mut pieces {
        if piece.owner.is_none() {
            let place = least_loaded(&takers[piece.topic], &loads);
            loads[place] += 1;
            piece.owner = Some(place);
        }
    }
    // Partitions that have moved anyway go first: a second move of theirs costs nothing.
    while level(&mut pieces, &takers, &mut loads, false) || level(&mut pieces, &takers, &mut loads, true) {}
    let mut shares = vec![Vec::new(); members.len()];
    for piece in pieces {
        shares[piece.owner.expect("each has been given to somebody")].push(piece.partition);
    }
    shares
}

/// All partitions, those that fewest members want first: the others can go elsewhere.
fn pieces(topics: &[&Topic], takers: &[Vec<usize>], shares: &ByPlace, free: &[TopicPartition]) -> Vec<Piece> {
    let number = |partition: TopicPartition| {
        topics
            .iter()
            .position(|topic| topic.topic == partition.topic)
            .expect("only such partitions are divided")
    };
    let owned = shares
        .iter()
        .enumerate()
        .flat_map(|(place, share)| share.iter().map(move |&partition| (partition, Some(place))));
    let mut pieces: Vec<Piece> = owned
        .chain(free.iter().map(|&partition| (partition, None)))
        .map(|(partition, owner)| Piece { partition, topic: number(partition), home: owner, owner })
        .collect();
    pieces.sort_by_key(|piece| (takers[piece.topic].len(), piece.topic, piece.partition.partition));
    pieces
}

fn least_loaded(takers: &[usize], loads: &[usize]) -> usize {
    let least = takers.iter().copied().min_by_key(|&place| (loads[place], place));
    least.expect("a topic that nobody wants is not divided")
}

/// Moves partitions to members with at least two fewer; answers whether any moved. It ends, as each move
/// makes the sum of the squares of the loads smaller.
fn level(pieces: &mut [Piece], takers: &[Vec<usize>], loads: &mut [usize], settled: bool) -> bool {
    let mut moved = false;
    for piece in pieces {
        let Some(owner) = piece.owner else { continue };
        let to = least_loaded(&takers[piece.topic], loads);
        if loads[to] + 1 < loads[owner] && (settled || piece.home != piece.owner) {
            loads[owner] -= 1;
            loads[to] += 1;
            piece.owner = Some(to);
            moved = true;
        }
    }
    moved
}
