//! What a state partition says, and the same as keys and values of records.
//!
//! After KIP-932's ShareSnapshotKey/Value: each record holds all of a share-partition, so that the newest is
//! enough. Unlike there who holds a record is kept too: a record is handed out once that is committed, so the next
//! leader knows of every lock and every delivery. Deliberately absent: ShareUpdate, which holds what changed alone.

use crate::coordinator::bytes::{Reader, Writer};
use crate::ids::{CorrelationId, GroupId, MemberId, Offset, Turn};
use crate::share::probe::SharePartition;

/// A share-partition as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredShare {
    /// The next record that was never delivered.
    pub next: Offset,
    /// The records before it that are neither worked nor dead, by offset.
    pub records: Vec<StoredRecord>,
    /// Those that are dead, by offset.
    pub dead: Vec<Letter>,
}

/// A record as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredRecord {
    /// Which.
    pub offset: Offset,
    /// Its last delivery.
    pub turn: Turn,
    /// How often it was delivered since it was last put back.
    pub count: u32,
    /// How often it was put back.
    pub returned: u32,
    /// What it is.
    pub state: StoredState,
}

/// What a record is: KIP-932's delivery state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredState {
    /// Anybody's.
    Available,
    /// A worker's, who got it by this request.
    Acquired(MemberId, CorrelationId),
    /// Given up; its letter is not in the dead-letter topic yet (KIP-1191 says Archiving).
    Archived,
}

/// A record that is dead until somebody puts it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letter {
    /// Which.
    pub offset: Offset,
    /// Its last delivery.
    pub turn: Turn,
    /// How often it was put back.
    pub returned: u32,
    /// How often it was delivered since.
    pub count: u32,
}

const KEY: u16 = 0;
const VERSION: u16 = 0;

/// The key and value of a share-partition's record.
pub fn encode(of: &SharePartition, share: &StoredShare) -> (Vec<u8>, Vec<u8>) {
    let mut key = Writer(Vec::with_capacity(32));
    key.u16(KEY);
    key.text(&of.group.0);
    key.partition(of.at);
    let mut out = Writer(Vec::with_capacity(32 + 40 * share.records.len() + 20 * share.dead.len()));
    out.u16(VERSION);
    out.u64(share.next.0);
    out.list(&share.records, |out, record| {
        out.u64(record.offset.0);
        out.u32(record.turn.0);
        out.u32(record.count);
        out.u32(record.returned);
        match record.state {
            StoredState::Available => out.u16(0),
            StoredState::Acquired(member, request) => {
                out.u16(1);
                out.u64(member.0);
                out.u64(request.0);
            }
            StoredState::Archived => out.u16(2),
        }
    });
    out.list(&share.dead, |out, letter| {
        out.u64(letter.offset.0);
        out.u32(letter.turn.0);
        out.u32(letter.returned);
        out.u32(letter.count);
    });
    (key.0, out.0)
}

/// The share-partition of this key and value; `None` if they are none.
pub fn decode(key: &[u8], value: &[u8]) -> Option<(SharePartition, StoredShare)> {
    let mut read = Reader(key);
    let kind = read.u16()?;
    let (group, at) = (GroupId(read.text()?), read.partition()?);
    if kind != KEY || !read.0.is_empty() {
        return None;
    }
    let mut read = Reader(value);
    if read.u16()? != VERSION {
        return None;
    }
    let next = Offset(read.u64()?);
    let records = read.list(decode_record)?;
    let dead = read.list(|read| {
        let (offset, turn) = (Offset(read.u64()?), Turn(read.u32()?));
        Some(Letter { offset, turn, returned: read.u32()?, count: read.u32()? })
    })?;
    read.0.is_empty().then_some((SharePartition { group, at }, StoredShare { next, records, dead }))
}

fn decode_record(read: &mut Reader<'_>) -> Option<StoredRecord> {
    let (offset, turn) = (Offset(read.u64()?), Turn(read.u32()?));
    let (count, returned) = (read.u32()?, read.u32()?);
    let state = match read.u16()? {
        0 => StoredState::Available,
        1 => StoredState::Acquired(MemberId(read.u64()?), CorrelationId(read.u64()?)),
        2 => StoredState::Archived,
        _ => return None,
    };
    Some(StoredRecord { offset, turn, count, returned, state })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{TopicId, TopicPartition};

    prop_compose! {
        fn record()(
            numbers in any::<(u64, u32, u32, u32)>(),
            kind in 0u8..3,
            holder in any::<(u64, u64)>(),
        ) -> StoredRecord {
            let (offset, turn, count, returned) = numbers;
            let state = match kind {
                0 => StoredState::Available,
                1 => StoredState::Acquired(MemberId(holder.0), CorrelationId(holder.1)),
                _ => StoredState::Archived,
            };
            StoredRecord { offset: Offset(offset), turn: Turn(turn), count, returned, state }
        }
    }

    prop_compose! {
        fn letter()(numbers in any::<(u64, u32, u32, u32)>()) -> Letter {
            let (offset, turn, returned, count) = numbers;
            Letter { offset: Offset(offset), turn: Turn(turn), returned, count }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_share_comes_back_as_it_was_and_cut_or_longer_it_is_none(
            group in "\\PC{0,8}",
            at in any::<(u32, u32)>(),
            next in any::<u64>(),
            records in prop::collection::vec(record(), 0..4),
            dead in prop::collection::vec(letter(), 0..3),
            cut in 1usize..8,
        ) {
            let at = TopicPartition { topic: TopicId(at.0), partition: at.1 };
            let of = SharePartition { group: GroupId(group.into()), at };
            let share = StoredShare { next: Offset(next), records, dead };
            let (key, mut value) = encode(&of, &share);
            prop_assert_eq!(decode(&key, &value[..value.len() - cut]), None);
            prop_assert_eq!(decode(&key[..key.len() - cut], &value), None);
            prop_assert_eq!(decode(&key, &value), Some((of, share)));
            value.push(0);
            prop_assert_eq!(decode(&key, &value), None);
        }
    }
}
