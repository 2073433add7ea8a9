//! How the members of a group divide partitions among themselves: pure functions of who wants what and has what.
//!
//! Run by the one member whom the coordinator made leader of a generation, hence under `client`: coordinators
//! carry assignments and never look at them. Every member could run them and would get the same, in whatever
//! order it was told of the others: nothing here depends on anything but the arguments.
//!
//! | file | holds |
//! |---|---|
//! | `range` | a stretch of each topic a member (Kafka's `RangeAssignor`) |
//! | `round_robin` | partitions dealt out one by one (`RoundRobinAssignor`) |
//! | `sticky` | balanced, with as few moves as can be (KIP-54, `StickyAssignor`) |
//! | `cooperative` | the same in two steps: revoke first (KIP-429, `CooperativeStickyAssignor`) |
//!
//! Deliberately absent: racks (KIP-881), and assignors of an application's own.

mod cooperative;
#[cfg(test)]
mod kafkas;
#[cfg(test)]
mod properties;
mod range;
mod round_robin;
mod sticky;

use std::sync::Arc;

use crate::group::message::{Assignor, JoinedMember};
use crate::ids::{MemberId, TopicId, TopicPartition};

/// A topic that exists, as the assigning member knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: Arc<str>,
    /// Its number.
    pub topic: TopicId,
    /// How many partitions it has.
    pub partitions: u32,
}

/// What each member gets: members by id, partitions sorted. Every member is in it, also with nothing.
pub type Shares = Vec<(MemberId, Vec<TopicPartition>)>;

/// Divides the partitions of `topics` among `members` as `assignor` does.
///
/// Each partition of a topic that somebody subscribes to goes to one of those who do; only with
/// [`Assignor::CooperativeSticky`] it goes to nobody while somebody else still has it. Topics that do not
/// exist are left out.
pub fn assign(assignor: Assignor, topics: &[Topic], members: &[JoinedMember]) -> Shares {
    let mut topics: Vec<&Topic> = topics.iter().collect();
    topics.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut members: Vec<&JoinedMember> = members.iter().collect();
    members.sort_unstable_by_key(|member| member.member);
    let mut shares = match assignor {
        Assignor::Range => range::assign(&topics, &members),
        Assignor::RoundRobin => round_robin::assign(&topics, &members),
        Assignor::Sticky => sticky::assign(&topics, &members),
        Assignor::CooperativeSticky => cooperative::assign(&topics, &members),
    };
    for share in &mut shares {
        share.sort_unstable();
    }
    members.iter().map(|member| member.member).zip(shares).collect()
}

/// What each member gets, by its place among the members.
type ByPlace = Vec<Vec<TopicPartition>>;

/// Whether `member` wants the topic.
fn wants(member: &JoinedMember, topic: &Topic) -> bool {
    member.subscription.topics.contains(&topic.name)
}

/// The partitions of a topic.
fn partitions_of(topic: &Topic) -> impl Iterator<Item = TopicPartition> + use<> {
    let topic_id = topic.topic;
    (0..topic.partitions).map(move |partition| TopicPartition { topic: topic_id, partition })
}

/// The places of `members` in the order in which partitions are dealt out: static members first, by their
/// instance names, which outlive their ids; so a restarted one is dealt the same again (KIP-345).
fn dealing_order(members: &[&JoinedMember]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..members.len()).collect();
    places.sort_by_key(|&place| {
        let member = members[place];
        (member.instance.is_none(), member.instance.as_ref(), member.member)
    });
    places
}
