//! Partitions dealt out one by one, past those who do not want them.

use super::{ByPlace, Topic, dealing_order, partitions_of, wants};
use crate::group::message::JoinedMember;

/// Goes round the members once for all topics, so that loads differ by one where subscriptions are equal.
pub(super) fn assign(topics: &[&Topic], members: &[&JoinedMember]) -> ByPlace {
    let mut shares = vec![Vec::new(); members.len()];
    let order = dealing_order(members);
    let mut turn = 0;
    for topic in topics {
        if !members.iter().any(|member| wants(member, topic)) {
            continue;
        }
        for partition in partitions_of(topic) {
            while !wants(members[order[turn]], topic) {
                turn = (turn + 1) % order.len();
            }
            shares[order[turn]].push(partition);
            turn = (turn + 1) % order.len();
        }
    }
    shares
}
