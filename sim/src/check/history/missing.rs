//! What should have been read and was not, and what should not have been read and was.
//!
//! A write is lost when it lies at or below the highest offset that a committed read reached, and no committed
//! read returned it: not late, since something behind it came. There is no time in that rule. What lies beyond
//! is unseen, which says something only of a history that ends with reading everything.

use super::anomaly::{Anomaly, Fact};
use super::class::Class;
use super::findings::Findings;
use super::order::{Order, number};
use super::tables::{NONE, Tables};
use crate::history::Kind;
use crate::history::op::Action;

/// Reads of what failed, of what nobody sent, and of one's own.
pub(super) fn wrongly_read(tables: &Tables, findings: &mut Findings) {
    let mut told = vec![false; tables.records.len()];
    for (place, done) in tables.done.iter().enumerate().filter(|(_, done)| done.f.of_records()) {
        for part in tables.parts(place).iter().filter(|part| !part.sent()) {
            let record = &tables.records[part.what as usize];
            let Some(name) = &record.name else { continue };
            let facts = || vec![("key", tables.key_of(part.what).into()), ("value", name.into())];
            let keyless = tables.keyless.get(name).filter(|_| record.writer == NONE);
            let writer = keyless.map_or(record.writer, |keyless| *keyless);
            let failed =
                keyless.map_or(record.failed, |keyless| tables.done[*keyless as usize].kind == Kind::Fail);
            if failed && done.kind == Kind::Ok {
                let ops = [
                    ("writer", Fact::Op(tables.done[writer as usize].index)),
                    ("reader", Fact::Op(done.index)),
                ];
                findings.push(Anomaly::new(Class::G1a, facts().into_iter().chain(ops).collect()));
            }
            let first = || !std::mem::replace(&mut told[part.what as usize], true);
            if writer == NONE && { first }() {
                let reader = [("reader", Fact::Op(done.index))];
                findings.push(Anomaly::new(Class::Phantom, facts().into_iter().chain(reader).collect()));
            }
        }
        let record = if done.f == Action::Txn { tables.precommitted(place) } else { None };
        if let Some(record) = record {
            findings.push(Anomaly::new(
                Class::PrecommittedRead,
                vec![
                    ("key", tables.key_of(record).into()),
                    ("value", (&tables.name(record)).into()),
                    ("op", Fact::Op(done.index)),
                ],
            ));
        }
    }
}

/// Committed values that every committed read passed by.
pub(super) fn lost(tables: &Tables, order: &Order, findings: &mut Findings) {
    // By key: how far committed reads came, and what they read there.
    let mut bounds: Vec<Option<(u32, u32)>> = vec![None; tables.keys.len()];
    for (record, number) in tables.records.iter().zip(0_u32..).filter(|(record, _)| record.read) {
        let Some((first, _)) = order.span(number) else { continue };
        let bound = &mut bounds[record.key as usize];
        if bound.is_none_or(|(highest, _)| highest < first) {
            *bound = Some((first, number));
        }
    }
    let mut lost: Vec<(u32, u32, u32)> = Vec::new();
    for (record, number) in tables.records.iter().zip(0_u32..) {
        let Some((bound, _)) = bounds[record.key as usize] else { continue };
        let passed = order.span(number).filter(|(_, last)| *last <= bound);
        let Some((first, _)) = passed.filter(|_| !record.read && record.writer != NONE) else { continue };
        if tables.done[record.writer as usize].committed() {
            lost.push((record.key, first, number));
        }
    }
    if lost.is_empty() {
        return;
    }
    lost.sort_unstable();
    let readers = readers_of(tables, bounds.iter().map(|bound| bound.map(|(_, record)| record)));
    for (key, first, record) in lost {
        let (bound, _) = bounds[key as usize].expect("it is why it is lost");
        let writer = tables.records[record as usize].writer;
        findings.push(Anomaly::new(
            Class::LostWrite,
            vec![
                ("key", tables.key_of(record).into()),
                ("value", (&tables.name(record)).into()),
                ("index", number(first.into())),
                ("max-read-index", number(bound.into())),
                ("writer", Fact::Op(tables.done[writer as usize].index)),
                ("max-read", Fact::Op(readers[key as usize])),
            ],
        ));
    }
}

/// For each key, the first committed operation that read this record of it.
fn readers_of(tables: &Tables, wanted: impl Iterator<Item = Option<u32>>) -> Vec<u64> {
    let wanted: Vec<Option<u32>> = wanted.collect();
    let mut readers = vec![None; wanted.len()];
    for (place, done) in tables.done.iter().enumerate().filter(|(_, done)| done.kind == Kind::Ok) {
        if !done.f.of_records() {
            continue;
        }
        for part in tables.parts(place).iter().filter(|part| !part.sent()) {
            let key = tables.records[part.what as usize].key as usize;
            if wanted[key] == Some(part.what) {
                readers[key].get_or_insert(done.index);
            }
        }
    }
    readers.into_iter().map(Option::unwrap_or_default).collect()
}

/// Acknowledged values that no committed read had returned when the last operation ended.
pub(super) fn unseen(tables: &Tables, findings: &mut Findings) {
    let last = tables.done.iter().rev().find(|done| done.kind == Kind::Ok && done.f.of_records());
    let Some(last) = last else { return };
    let mut by_key = vec![Vec::new(); tables.keys.len()];
    for (record, number) in tables.records.iter().zip(0_u32..) {
        if record.acknowledged && !record.read {
            by_key[record.key as usize].push(tables.name(number));
        }
    }
    let mut keys: Vec<_> = (tables.keys.iter().map(|table| table.name.clone()).zip(by_key))
        .filter(|(_, values)| !values.is_empty())
        .collect();
    if keys.is_empty() {
        return;
    }
    keys.sort();
    keys.iter_mut().for_each(|(_, values)| values.sort());
    let counts = keys.iter().map(|(key, values)| (key.clone(), values.len() as u64)).collect();
    findings.push(Anomaly::new(
        Class::Unseen,
        vec![
            ("time", number(last.at)),
            ("unseen", Fact::Counts(counts)),
            ("messages", Fact::NamesByKey(keys)),
        ],
    ));
}
