//! What the offsets partition says, and the same as keys and values of records.
//!
//! After Kafka's `OffsetCommitKey`/`Value` and `GroupMetadataKey`/`Value`: a version that also tells the kind,
//! then fields, big-endian, texts and lists after their length. A value that is missing is a tombstone.
//! Topics are named by number, and a member keeps all its assignors rather than one set of bytes each.
//! Deliberately absent: older versions. Nothing else writes here, so bytes that do not decode are a bug.

use std::sync::Arc;

use crate::group::message::{Assignor, CommittedOffset, Subscription};
use crate::ids::{
    CorrelationId, Generation, GroupId, InstanceId, LeaderEpoch, MemberId, NodeId, Offset, TopicId,
    TopicPartition,
};
use crate::partition::Asker;
use crate::time::Span;

/// One record of the offsets partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupRecord {
    /// A group's generation and its members; `None`: the group is gone.
    Group {
        /// The group.
        group: GroupId,
        /// What it is now.
        value: Option<StoredGroup>,
    },
    /// How far a group is in a partition; `None`: forgotten.
    Offset {
        /// The group.
        group: GroupId,
        /// The partition.
        at: TopicPartition,
        /// How far.
        value: Option<StoredOffset>,
    },
}

/// A generation as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGroup {
    /// Its number.
    pub generation: Generation,
    /// The assignor; `None`: nobody is in it.
    pub protocol: Option<Assignor>,
    /// Who assigned.
    pub leader: Option<MemberId>,
    /// Since when it is so, in milliseconds of the calendar (KIP-211).
    pub since: u64,
    /// Its members, by id.
    pub members: Vec<StoredMember>,
}

/// A member as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMember {
    /// Its id.
    pub id: MemberId,
    /// The name that it keeps over its lives.
    pub instance: Option<InstanceId>,
    /// Without a sign of life for so long it is out.
    pub session_timeout: Span,
    /// How long a rebalance waits for it.
    pub rebalance_timeout: Span,
    /// The assignors it knows.
    pub protocols: Vec<Assignor>,
    /// What it wants to read.
    pub subscription: Arc<Subscription>,
    /// What it is assigned.
    pub assignment: Vec<TopicPartition>,
    /// Its newest request that must not come twice: the next coordinator has to know it too. Not Kafka's.
    pub last: Option<Asker>,
}

/// A committed offset as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOffset {
    /// How far.
    pub committed: CommittedOffset,
    /// When it was committed, in milliseconds of the calendar.
    pub at: u64,
    /// The member that committed it, and the number of its request: an earlier one may come later, also to
    /// another coordinator. Not Kafka's, which keeps the order of a connection.
    pub by: Option<(MemberId, CorrelationId)>,
}

const OFFSET_KEY: u16 = 1;
const GROUP_KEY: u16 = 2;
const VERSION: u16 = 3;
/// In place of a length: nothing.
const NONE: u16 = u16::MAX;

impl GroupRecord {
    /// The group it is about.
    pub const fn group(&self) -> &GroupId {
        match self {
            Self::Group { group, .. } | Self::Offset { group, .. } => group,
        }
    }

    /// The record's key and value.
    pub fn encode(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        let mut key = Writer(Vec::with_capacity(32));
        match self {
            Self::Group { group, value } => {
                key.u16(GROUP_KEY);
                key.text(&group.0);
                (key.0, value.as_ref().map(encode_group))
            }
            Self::Offset { group, at, value } => {
                key.u16(OFFSET_KEY);
                key.text(&group.0);
                key.partition(*at);
                (key.0, value.as_ref().map(encode_offset))
            }
        }
    }

    /// The record of this key and value; `None` if there is no such record.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Option<Self> {
        let mut read = Reader(key);
        let kind = read.u16()?;
        let group = GroupId(read.text()?);
        let record = match kind {
            GROUP_KEY => Self::Group { group, value: all(value, decode_group)? },
            OFFSET_KEY => Self::Offset { group, at: read.partition()?, value: all(value, decode_offset)? },
            _ => return None,
        };
        read.0.is_empty().then_some(record)
    }
}

/// `decode` of the whole value, if there is one.
fn all<T>(value: Option<&[u8]>, decode: impl Fn(&mut Reader<'_>) -> Option<T>) -> Option<Option<T>> {
    let Some(value) = value else { return Some(None) };
    let mut read = Reader(value);
    let decoded = (read.u16()? == VERSION).then(|| decode(&mut read))??;
    read.0.is_empty().then_some(Some(decoded))
}

fn encode_group(group: &StoredGroup) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(64 + 96 * group.members.len()));
    out.u16(VERSION);
    out.u32(group.generation.0);
    out.assignor(group.protocol);
    out.maybe(group.leader, |out, leader| out.u64(leader.0));
    out.u64(group.since);
    out.list(&group.members, |out, member| {
        out.u64(member.id.0);
        out.maybe(member.instance.as_ref(), |out, instance| out.text(&instance.0));
        out.u64(member.session_timeout.0);
        out.u64(member.rebalance_timeout.0);
        out.list(&member.protocols, |out, protocol| out.assignor(Some(*protocol)));
        out.list(&member.subscription.topics, |out, topic| out.text(topic));
        out.list(&member.subscription.owned, |out, at| out.partition(*at));
        out.maybe(member.subscription.generation, |out, generation| out.u32(generation.0));
        out.list(&member.assignment, |out, at| out.partition(*at));
        out.maybe(member.last, |out, asker| {
            out.u32(asker.node.0);
            out.u64(asker.id.0);
        });
    });
    out.0
}

fn decode_group(read: &mut Reader<'_>) -> Option<StoredGroup> {
    Some(StoredGroup {
        generation: Generation(read.u32()?),
        protocol: read.assignor()?,
        leader: read.maybe(|read| read.u64().map(MemberId))?,
        since: read.u64()?,
        members: read.list(decode_member)?,
    })
}

fn decode_member(read: &mut Reader<'_>) -> Option<StoredMember> {
    let id = MemberId(read.u64()?);
    let instance = read.maybe(|read| read.text().map(InstanceId))?;
    let session_timeout = Span(read.u64()?);
    let rebalance_timeout = Span(read.u64()?);
    let protocols = read.list(|read| read.assignor()?)?;
    let topics = read.list(Reader::text)?;
    let owned = read.list(Reader::partition)?;
    let generation = read.maybe(|read| read.u32().map(Generation))?;
    let subscription = Arc::new(Subscription { topics, owned, generation });
    let assignment = read.list(Reader::partition)?;
    let last =
        read.maybe(|read| Some(Asker { node: NodeId(read.u32()?), id: CorrelationId(read.u64()?) }))?;
    Some(StoredMember {
        id,
        instance,
        session_timeout,
        rebalance_timeout,
        protocols,
        subscription,
        assignment,
        last,
    })
}

fn encode_offset(stored: &StoredOffset) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(32));
    out.u16(VERSION);
    out.u64(stored.committed.offset.0);
    out.maybe(stored.committed.leader_epoch, |out, epoch| out.u32(epoch.0));
    out.text(&stored.committed.metadata);
    out.u64(stored.at);
    out.maybe(stored.by, |out, (member, id)| {
        out.u64(member.0);
        out.u64(id.0);
    });
    out.0
}

fn decode_offset(read: &mut Reader<'_>) -> Option<StoredOffset> {
    let offset = Offset(read.u64()?);
    let leader_epoch = read.maybe(|read| read.u32().map(LeaderEpoch))?;
    let metadata = read.text()?;
    let at = read.u64()?;
    let by = read.maybe(|read| Some((MemberId(read.u64()?), CorrelationId(read.u64()?))))?;
    Some(StoredOffset { committed: CommittedOffset { offset, leader_epoch, metadata }, at, by })
}

/// Puts fields together, big-endian, texts and lists after their length.
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn u16(&mut self, number: u16) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).expect("names and metadata are short"));
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn partition(&mut self, at: TopicPartition) {
        self.u32(at.topic.0);
        self.u32(at.partition);
    }

    pub(crate) fn assignor(&mut self, assignor: Option<Assignor>) {
        let place = |assignor| Assignor::ALL.iter().position(|known| *known == assignor);
        self.u16(assignor.and_then(place).map_or(NONE, |place| place as u16));
    }

    pub(crate) fn maybe<T>(&mut self, value: Option<T>, write: impl Fn(&mut Self, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn list<T>(&mut self, values: &[T], write: impl Fn(&mut Self, &T)) {
        self.u32(u32::try_from(values.len()).expect("lists are short"));
        for value in values {
            write(self, value);
        }
    }
}

/// Takes fields off bytes; `None` where there are too few, or others.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl Reader<'_> {
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    pub(crate) fn text(&mut self) -> Option<Arc<str>> {
        let length = self.u32()? as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(Arc::from)
    }

    pub(crate) fn partition(&mut self) -> Option<TopicPartition> {
        Some(TopicPartition { topic: TopicId(self.u32()?), partition: self.u32()? })
    }

    #[expect(clippy::option_option, reason = "no bytes, and bytes that say none, are different things")]
    pub(crate) fn assignor(&mut self) -> Option<Option<Assignor>> {
        match self.u16()? {
            NONE => Some(None),
            place => Assignor::ALL.get(usize::from(place)).copied().map(Some),
        }
    }

    #[expect(clippy::option_option, reason = "no bytes, and bytes that say none, are different things")]
    pub(crate) fn maybe<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.take::<1>()? {
            [0] => Some(None),
            [1] => read(self).map(Some),
            _ => None,
        }
    }

    pub(crate) fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        // Grown as it is read: a length that lies reserves nothing.
        let length = self.u32()?;
        (0..length).map(|_| read(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn partitions() -> impl Strategy<Value = Vec<TopicPartition>> {
        let at = |(topic, partition)| TopicPartition { topic: TopicId(topic), partition };
        prop::collection::vec((any::<u32>(), any::<u32>()).prop_map(at), 0..4)
    }

    prop_compose! {
        fn member()(
            id in any::<u64>(),
            instance in prop::option::of("[a-z]{0,4}"),
            times in any::<(u64, u64)>(),
            protocols in prop::collection::vec(prop::sample::select(Assignor::ALL.to_vec()), 0..3),
            topics in prop::collection::vec("[a-zé]{0,4}", 0..3),
            owned in partitions(),
            generation in prop::option::of(any::<u32>()),
            assignment in partitions(),
            last in prop::option::of(any::<(u32, u64)>()),
        ) -> StoredMember {
            let last = last.map(|(node, id)| Asker { node: NodeId(node), id: CorrelationId(id) });
            let topics = topics.into_iter().map(Arc::from).collect();
            let generation = generation.map(Generation);
            StoredMember {
                id: MemberId(id),
                instance: instance.map(|name| InstanceId(name.into())),
                session_timeout: Span(times.0),
                rebalance_timeout: Span(times.1),
                protocols,
                subscription: Arc::new(Subscription { topics, owned, generation }),
                assignment,
                last,
            }
        }
    }

    prop_compose! {
        fn stored_group()(
            numbers in any::<(u32, u64)>(),
            protocol in prop::option::of(prop::sample::select(Assignor::ALL.to_vec())),
            leader in prop::option::of(any::<u64>()),
            members in prop::collection::vec(member(), 0..4),
        ) -> StoredGroup {
            let (generation, since) = (Generation(numbers.0), numbers.1);
            StoredGroup { generation, protocol, leader: leader.map(MemberId), since, members }
        }
    }

    prop_compose! {
        fn stored_offset()(
            numbers in any::<(u64, u64)>(),
            epoch in prop::option::of(any::<u32>()),
            metadata in "\\PC{0,8}",
            by in prop::option::of(any::<(u64, u64)>()),
        ) -> StoredOffset {
            let leader_epoch = epoch.map(LeaderEpoch);
            let committed = CommittedOffset { offset: Offset(numbers.0), leader_epoch, metadata: metadata.into() };
            let by = by.map(|(member, id)| (MemberId(member), CorrelationId(id)));
            StoredOffset { committed, at: numbers.1, by }
        }
    }

    fn record() -> impl Strategy<Value = GroupRecord> {
        let group = |name: String| GroupId(name.into());
        prop_oneof![
            ("\\PC{0,8}", prop::option::of(stored_group()))
                .prop_map(move |(name, value)| GroupRecord::Group { group: group(name), value }),
            ("\\PC{0,8}", any::<(u32, u32)>(), prop::option::of(stored_offset())).prop_map(
                move |(name, (topic, partition), value)| {
                    let at = TopicPartition { topic: TopicId(topic), partition };
                    GroupRecord::Offset { group: group(name), at, value }
                }
            ),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_record_comes_back_as_it_was(record in record()) {
            let (key, value) = record.encode();
            prop_assert_eq!(GroupRecord::decode(&key, value.as_deref()), Some(record));
        }

        #[test]
        fn a_record_that_is_cut_or_longer_is_none(record in record(), cut in 1usize..8) {
            let (key, value) = record.encode();
            prop_assert_eq!(GroupRecord::decode(&key[..key.len() - cut.min(key.len())], value.as_deref()), None);
            if let Some(mut value) = value {
                prop_assert_eq!(GroupRecord::decode(&key, Some(&value[..value.len() - cut.min(value.len())])), None);
                value.push(0);
                prop_assert_eq!(GroupRecord::decode(&key, Some(&value)), None);
            }
        }
    }
}
