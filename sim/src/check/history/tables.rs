//! What is known of keys, values and operations, folded in one completion at a time.
//!
//! Evidence of where a value lies comes from acknowledged sends, from crashed sends that some committed read
//! proves, and from polls whatever became of them: a consumer must only ever hand out true records. It only
//! grows, so what is found here at once ([`Tables::known`]) is never taken back.
//! Changed only by [`Tables::complete`]. Names are numbers here: a record is one value of one key.

use std::collections::{BTreeMap, BTreeSet};

use super::class::Class;
use super::names::Names;
use crate::history::Kind;
use crate::history::op::{Action, Argument, Key, Mop, Name, Op, Read};

/// No record, no operation, no group.
pub(super) const NONE: u32 = u32::MAX;
/// No known offset.
pub(super) const NOWHERE: u64 = u64::MAX;

/// One value of one key.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) key: u32,
    /// None: what a poll returned has no name, and cannot be told from others.
    pub(super) name: Option<Name>,
    /// The first offset that it was known at.
    pub(super) at: u64,
    /// What was read right behind it the last time: most likely what is read behind it the next time.
    hint: u32,
    /// The last completion that sent it.
    pub(super) writer: u32,
    /// A send of it failed.
    pub(super) failed: bool,
    /// A send of it was acknowledged.
    pub(super) acknowledged: bool,
    /// A committed read of it exists.
    pub(super) read: bool,
}

#[derive(Debug, Clone)]
pub(super) struct KeyTable {
    pub(super) name: Key,
    nameless: u32,
    /// Which key was named after this one the last time: most likely it is the one that is named next.
    hint: u32,
    /// What lies where, by the first evidence.
    pub(super) log: BTreeMap<u64, u32>,
    /// What else was seen at an offset.
    pub(super) more: BTreeMap<u64, BTreeSet<u32>>,
    /// A value of it lies at two offsets.
    pub(super) doubled: bool,
}

/// A part of a completed operation: a message sent or read; of an assignment, a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// The record; of an assignment the key; none for a send that never had a key.
    pub(super) what: u32,
    /// Which part of the operation's value, doubled, and one more if it was sent.
    place: u32,
    pub(super) offset: u64,
}

impl Part {
    pub(super) const fn sent(&self) -> bool {
        self.place & 1 == 1
    }

    pub(super) const fn mop(&self) -> u32 {
        self.place >> 1
    }
}

/// A completed operation.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) index: u64,
    pub(super) process: i64,
    pub(super) kind: Kind,
    pub(super) f: Action,
    /// A committed read proves that it happened.
    pub(super) proven: bool,
    /// Its places in the order of invocations and completions.
    pub(super) begun: u64,
    pub(super) ended: u64,
    /// The times of the same.
    pub(super) invoked_at: u64,
    pub(super) at: u64,
    pub(super) group: u32,
    parts: usize,
    rebalanced: u32,
}

impl Done {
    /// Whether it certainly happened.
    pub(super) const fn committed(&self) -> bool {
        match self.kind {
            Kind::Ok => true,
            Kind::Info => self.proven,
            Kind::Invoke | Kind::Fail => false,
        }
    }
}

/// When an operation was invoked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    pub(super) place: u64,
    pub(super) at: u64,
}

/// Everything that the rules look at.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    pub(super) keys: Vec<KeyTable>,
    by_key: BTreeMap<Key, u32>,
    /// The key that was named last.
    last_key: u32,
    pub(super) records: Vec<Record>,
    names: Names,
    /// Further offsets of a record.
    pub(super) elsewhere: BTreeMap<u32, BTreeSet<u64>>,
    /// Crashed sends, by what they sent, until a read proves them.
    parked: BTreeMap<u32, Vec<u32>>,
    /// Values whose send ended before it had a key, and which send that was.
    pub(super) keyless: BTreeMap<Name, u32>,
    pub(super) done: Vec<Done>,
    parts: Vec<Part>,
    rebalances: Vec<Vec<u32>>,
    pub(super) groups: Vec<Key>,
    /// What is certain already.
    pub(super) known: BTreeSet<Class>,
    pub(super) sends: u64,
    pub(super) reads: u64,
    /// Values that were sent more than once.
    pub(super) resent: u64,
}

impl Tables {
    /// The key's number.
    pub(super) fn key(&mut self, key: &Key) -> u32 {
        let last = self.last_key as usize;
        let hint = self.keys.get(last).map_or(NONE, |last| last.hint);
        let known = self.keys.get(hint as usize).is_some_and(|table| table.name == *key);
        let number = if known { hint } else { self.sought(key) };
        if let Some(last) = self.keys.get_mut(last) {
            last.hint = number;
        }
        self.last_key = number;
        number
    }

    fn sought(&mut self, key: &Key) -> u32 {
        if let Some(number) = self.by_key.get(key) {
            return *number;
        }
        let number = u32::try_from(self.keys.len()).expect("fewer keys than bytes of a history");
        self.by_key.insert(key.clone(), number);
        self.keys.push(KeyTable {
            name: key.clone(),
            nameless: NONE,
            hint: NONE,
            log: BTreeMap::new(),
            more: BTreeMap::new(),
            doubled: false,
        });
        number
    }

    /// The group's number.
    pub(super) fn group(&mut self, group: &Key) -> u32 {
        let place = self.groups.iter().position(|own| own == group).unwrap_or_else(|| {
            self.groups.push(group.clone());
            self.groups.len() - 1
        });
        u32::try_from(place).expect("fewer groups than bytes of a history")
    }

    /// Whether a value was sent already.
    pub(super) fn sent_before(&self, key: &Key, value: &Name) -> bool {
        let Some(key) = self.by_key.get(key) else { return false };
        let record = self.names.get(&self.records, *key, value);
        record.is_some_and(|record| self.records[record as usize].writer != NONE)
    }

    /// Whether a committed operation read a value of this name, of any key.
    pub(super) fn was_read(&self, name: &Name) -> bool {
        let keys = (0..).take(self.keys.len());
        let mut known = keys.filter_map(|key| self.names.get(&self.records, key, name));
        known.any(|record| self.records[record as usize].read)
    }

    fn record(&mut self, key: u32, name: Option<&Name>) -> u32 {
        let known = match name {
            Some(name) => self.names.get(&self.records, key, name),
            None => Some(self.keys[key as usize].nameless).filter(|number| *number != NONE),
        };
        if let Some(number) = known {
            return number;
        }
        let number = u32::try_from(self.records.len()).expect("fewer values than bytes of a history");
        self.records.push(Record {
            key,
            name: name.cloned(),
            at: NOWHERE,
            hint: NONE,
            writer: NONE,
            failed: false,
            acknowledged: false,
            read: false,
        });
        match name {
            Some(_) => self.names.insert(&self.records, number),
            None => self.keys[key as usize].nameless = number,
        }
        number
    }

    /// The name of a record that has one.
    pub(super) fn name(&self, record: u32) -> Name {
        let name = &self.records[record as usize].name;
        name.clone().expect("what has no name has no place in any order, and nobody sent it")
    }

    /// The name of the record's key.
    pub(super) fn key_of(&self, record: u32) -> &Key {
        &self.keys[self.records[record as usize].key as usize].name
    }

    /// The parts of a completed operation.
    pub(super) fn parts(&self, done: usize) -> &[Part] {
        let end = self.done.get(done + 1).map_or(self.parts.len(), |next| next.parts);
        &self.parts[self.done[done].parts..end]
    }

    /// Whether a rebalance took or gave the key during the operation.
    pub(super) fn rebalanced(&self, done: &Done, key: u32) -> bool {
        done.rebalanced != NONE && self.rebalances[done.rebalanced as usize].contains(&key)
    }

    /// Takes in a completion. Its number among them.
    pub(super) fn complete(&mut self, op: &Op, index: u64, begun: Begun, ended: Begun) -> u32 {
        let number = u32::try_from(self.done.len()).expect("fewer operations than bytes of a history");
        let rebalanced = if op.rebalanced.is_empty() {
            NONE
        } else {
            let keys = op.rebalanced.iter().map(|key| self.key(key)).collect();
            self.rebalances.push(keys);
            u32::try_from(self.rebalances.len() - 1).expect("no more than operations")
        };
        let group = op.group.as_ref().map_or(NONE, |group| self.group(group));
        self.done.push(Done {
            index,
            process: op.process.expect("only clients complete operations"),
            kind: op.kind,
            f: op.f,
            proven: false,
            begun: begun.place,
            ended: ended.place,
            invoked_at: begun.at,
            at: ended.at,
            group,
            parts: self.parts.len(),
            rebalanced,
        });
        match &op.value {
            Argument::Mops(mops) => self.mops(number, op, mops),
            Argument::Keys(keys) => {
                for key in keys {
                    let what = self.key(key);
                    self.parts.push(Part { what, place: 0, offset: NOWHERE });
                }
            }
            Argument::None | Argument::Items(_) | Argument::Offsets(_) => {}
        }
        number
    }

    fn mops(&mut self, number: u32, op: &Op, mops: &[Mop]) {
        for (mop, place) in mops.iter().zip(0_u32..) {
            match mop {
                Mop::Send { key, offset, value } if op.f != Action::Poll => {
                    self.sent(number, op.kind, key.as_ref(), value, *offset, place);
                }
                Mop::Poll(keys) if op.f != Action::Send => {
                    for (key, reads) in keys {
                        let key = self.key(key);
                        let mut last = NONE;
                        for read in reads {
                            last = self.handed(op.kind, (key, last), read, place);
                        }
                    }
                }
                // A poll that sends, or a send that polls: only lenient callers let it get here.
                Mop::Send { .. } | Mop::Poll(_) => {}
            }
        }
        if op.kind == Kind::Info && self.parts(number as usize).iter().any(|part| self.proves(part)) {
            self.prove(number);
        }
        if op.f == Action::Txn && self.precommitted(number as usize).is_some() {
            self.known.insert(Class::PrecommittedRead);
        }
    }

    fn proves(&self, part: &Part) -> bool {
        part.sent() && part.what != NONE && self.records[part.what as usize].read
    }

    fn sent(&mut self, by: u32, kind: Kind, key: Option<&Key>, value: &Name, offset: Option<u64>, mop: u32) {
        self.sends += 1;
        let (place, offset) = (mop << 1 | 1, offset.unwrap_or(NOWHERE));
        let Some(key) = key else {
            self.keyless.insert(value.clone(), by);
            self.parts.push(Part { what: NONE, place, offset });
            return;
        };
        let key = self.key(key);
        let what = self.record(key, Some(value));
        self.parts.push(Part { what, place, offset });
        let record = &mut self.records[what as usize];
        self.resent += u64::from(record.writer != NONE);
        record.writer = by;
        match kind {
            Kind::Ok => {
                record.acknowledged = true;
                self.lies(what, offset);
            }
            Kind::Fail => {
                record.failed = true;
                if record.read {
                    self.known.insert(Class::G1a);
                }
            }
            Kind::Info => self.parked.entry(what).or_default().push(by),
            Kind::Invoke => {}
        }
    }

    /// The record of what was read, `behind` another one.
    fn found(&mut self, (key, behind): (u32, u32), name: Option<&Name>) -> u32 {
        let hint = self.records.get(behind as usize).map_or(NONE, |behind| behind.hint);
        if self.records.get(hint as usize).is_some_and(|hint| hint.name.as_ref() == name) {
            return hint;
        }
        let found = self.record(key, name);
        if let Some(behind) = self.records.get_mut(behind as usize) {
            behind.hint = found;
        }
        found
    }

    fn handed(&mut self, kind: Kind, place: (u32, u32), read: &Read, mop: u32) -> u32 {
        self.reads += 1;
        let what = self.found(place, read.value.as_ref());
        let offset = read.offset.unwrap_or(NOWHERE);
        self.parts.push(Part { what, place: mop << 1, offset });
        if read.value.is_none() {
            return what;
        }
        self.lies(what, offset);
        let record = &mut self.records[what as usize];
        if kind != Kind::Ok {
            return what;
        }
        if record.failed {
            self.known.insert(Class::G1a);
        }
        if !std::mem::replace(&mut record.read, true) {
            for sender in self.parked.remove(&what).unwrap_or_default() {
                self.prove(sender);
            }
        }
        what
    }

    /// A committed read of what it sent: so it happened, with everything that it sent.
    fn prove(&mut self, number: u32) {
        if std::mem::replace(&mut self.done[number as usize].proven, true) {
            return;
        }
        let range = self.done[number as usize].parts;
        let end = self.done.get(number as usize + 1).map_or(self.parts.len(), |next| next.parts);
        for place in range..end {
            let part = self.parts[place];
            if part.sent() && part.what != NONE {
                self.lies(part.what, part.offset);
            }
        }
    }

    /// The record lies there.
    fn lies(&mut self, what: u32, offset: u64) {
        let record = &mut self.records[what as usize];
        if offset == NOWHERE || record.at == offset {
            return;
        }
        let table = &mut self.keys[record.key as usize];
        if record.at == NOWHERE {
            record.at = offset;
        } else {
            table.doubled = true;
            if !self.elsewhere.entry(what).or_default().insert(offset) {
                return;
            }
            self.known.insert(Class::Duplicate);
        }
        let first = *table.log.entry(offset).or_insert(what);
        if first != what {
            table.more.entry(offset).or_default().insert(what);
            self.known.insert(Class::InconsistentOffsets);
        }
    }

    /// What the operation both sent and read, if anything: the first such record.
    pub(super) fn precommitted(&self, done: usize) -> Option<u32> {
        let parts = self.parts(done);
        let mut sent = parts.iter().filter(|part| part.sent() && part.what != NONE);
        // A transaction has a few sends.
        sent.find(|send| parts.iter().any(|part| !part.sent() && part.what == send.what))
            .map(|part| part.what)
    }
}
