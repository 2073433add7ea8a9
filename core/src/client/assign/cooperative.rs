//! The sticky assignment in two steps: a partition that moves goes to nobody until its owner has let it go.

use super::{ByPlace, Topic, sticky};
use crate::group::message::JoinedMember;
use crate::ids::TopicPartition;

/// The sticky assignment, without those partitions that a member gets while another says that it has them.
///
/// Whoever has such a partition finds that it is no longer its own, lets it go and joins again; then it is
/// free. Kafka withholds only what a current claim covers; here any claim counts, also one that an older
/// generation left, since its owner reads on until it hears of this assignment.
pub(super) fn assign(topics: &[&Topic], members: &[&JoinedMember]) -> ByPlace {
    let mut shares = sticky::assign(topics, members);
    let mut held: Vec<(TopicPartition, usize)> = members
        .iter()
        .enumerate()
        .flat_map(|(place, member)| {
            member.subscription.owned.iter().map(move |&partition| (partition, place))
        })
        .collect();
    held.sort_unstable();
    for (place, share) in shares.iter_mut().enumerate() {
        share.retain(|partition| {
            let first = held.partition_point(|(known, _)| known < partition);
            let mut holders = held[first..].iter().take_while(|(known, _)| known == partition);
            holders.all(|&(_, holder)| holder == place)
        });
    }
    shares
}
