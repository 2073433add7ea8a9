//! The order of a key's values: its offsets that hold something, counted from 0 without the holes between.
//!
//! Holes are nothing: transaction markers, aborted and compacted records take offsets too. Where an offset
//! holds several values one of them stands for it, the least by name; a value that stands at several offsets
//! has the last of them. Two finer places, the first and the last at which a value lies at all, are kept for
//! lost writes, since this order is lossy where offsets conflict.

use std::collections::BTreeMap;

use super::anomaly::{Anomaly, Fact};
use super::class::Class;
use super::findings::Findings;
use super::tables::{NONE, Tables};

/// The version orders of all keys.
#[derive(Debug)]
pub(super) struct Order {
    /// By key and place, which record stands there.
    pub(super) by_place: Vec<Vec<u32>>,
    /// By record, its place.
    place: Vec<u32>,
    /// Where that differs from [`Order::place`]: the first and the last place at which it lies.
    span: BTreeMap<u32, (u32, u32)>,
}

impl Order {
    /// The orders, and what contradicts that there is one.
    pub(super) fn of(tables: &Tables, findings: &mut Findings) -> Self {
        let mut order = Self {
            by_place: Vec::with_capacity(tables.keys.len()),
            place: vec![NONE; tables.records.len()],
            span: BTreeMap::new(),
        };
        for table in &tables.keys {
            let mut standing = Vec::with_capacity(table.log.len());
            for (offset, first) in &table.log {
                let place = u32::try_from(standing.len()).expect("no more than values");
                let others = table.more.get(offset);
                let all = || std::iter::once(*first).chain(others.into_iter().flatten().copied());
                let mut stands = *first;
                if others.is_some() {
                    let mut named: Vec<_> = all().map(|record| (tables.name(record), record)).collect();
                    named.sort();
                    stands = named[0].1;
                    let values = named.into_iter().map(|(name, _)| name).collect();
                    findings.push(Anomaly::new(
                        Class::InconsistentOffsets,
                        vec![
                            ("key", (&table.name).into()),
                            ("offset", number(*offset)),
                            ("index", number(place.into())),
                            ("values", Fact::Names(values)),
                        ],
                    ));
                }
                if table.doubled || others.is_some() {
                    for record in all() {
                        order.span.entry(record).or_insert((place, place)).1 = place;
                    }
                }
                order.place[stands as usize] = place;
                standing.push(stands);
            }
            order.by_place.push(standing);
        }
        for (record, others) in &tables.elsewhere {
            let mut offsets: Vec<u64> = others.iter().copied().collect();
            offsets.push(tables.records[*record as usize].at);
            offsets.sort_unstable();
            findings.push(Anomaly::new(
                Class::Duplicate,
                vec![
                    ("key", tables.key_of(*record).into()),
                    ("value", (&tables.name(*record)).into()),
                    ("count", number(offsets.len() as u64)),
                    ("offsets", Fact::Numbers(offsets)),
                ],
            ));
        }
        order
    }

    /// The record's place. None: it stands nowhere.
    pub(super) fn place(&self, record: u32) -> Option<u32> {
        Some(self.place[record as usize]).filter(|place| *place != NONE)
    }

    /// The first and the last place at which it lies.
    pub(super) fn span(&self, record: u32) -> Option<(u32, u32)> {
        let same = || self.place(record).map(|place| (place, place));
        self.span.get(&record).copied().or_else(same)
    }

    /// How far the second lies behind the first; 1 is next to it.
    pub(super) fn delta(&self, first: u32, second: u32) -> Option<i64> {
        Some(i64::from(self.place(second)?) - i64::from(self.place(first)?))
    }

    /// The record before it.
    pub(super) fn before(&self, key: u32, record: u32) -> Option<u32> {
        let place = self.place(record)?.checked_sub(1)?;
        Some(self.by_place[key as usize][place as usize])
    }
}

/// A number that fits: places and offsets of a real log are far below.
pub(super) fn number(number: u64) -> Fact {
    Fact::Number(i64::try_from(number).unwrap_or(i64::MAX))
}
