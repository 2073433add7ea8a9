//! A stretch of each topic a member: the first few get one partition more.

use super::{ByPlace, Topic, dealing_order, partitions_of, wants};
use crate::group::message::JoinedMember;

/// Divides each topic by itself, so that equal numbers of two topics go to the same member.
pub(super) fn assign(topics: &[&Topic], members: &[&JoinedMember]) -> ByPlace {
    let mut shares = vec![Vec::new(); members.len()];
    let order = dealing_order(members);
    for topic in topics {
        let takers: Vec<usize> =
            order.iter().copied().filter(|&place| wants(members[place], topic)).collect();
        let mut partitions = partitions_of(topic);
        for (nth, &place) in takers.iter().enumerate() {
            let (each, more) =
                (topic.partitions as usize / takers.len(), topic.partitions as usize % takers.len());
            shares[place].extend(partitions.by_ref().take(each + usize::from(nth < more)));
        }
    }
    shares
}
