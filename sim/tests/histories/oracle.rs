//! The rules once more, as they are written down: whole histories, sets and maps, no thought of speed.
//!
//! Written apart from the checker, so that a slip in one of them shows. Cycles are told by their edges alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use squall_sim::history::Kind;
use squall_sim::history::op::{Action, Argument, Key, Mop, Name, Op};

pub(crate) type Records = BTreeMap<&'static str, Vec<Value>>;
type At = (Key, Name);

struct Done {
    index: u64,
    process: i64,
    kind: Kind,
    f: Action,
    begun: usize,
    ended: usize,
    at: u64,
    writes: Vec<(Key, Option<u64>, Name)>,
    reads: Vec<(Key, Option<u64>, Option<Name>)>,
    keys: Vec<Key>,
    rebalanced: Vec<Key>,
}

pub(crate) struct Oracle {
    done: Vec<Done>,
    ww_deps: bool,
    writer: BTreeMap<At, usize>,
    /// By kind of the completion: what it wrote, what it read.
    wrote: BTreeMap<Kind, BTreeSet<At>>,
    read: BTreeMap<Kind, BTreeSet<At>>,
    log: BTreeMap<Key, BTreeMap<u64, BTreeSet<Name>>>,
    index: BTreeMap<At, i64>,
    by_index: BTreeMap<Key, Vec<Name>>,
    /// Sent, and it never had a key: by which operation, and whether that failed.
    keyless: BTreeMap<Name, (u64, bool)>,
}

fn plain(name: &Name) -> Value {
    match name {
        Name::Number(number) => json!(number),
        Name::Text(text) => json!(**text),
    }
}

impl Oracle {
    pub(crate) fn new(ops: &[Op], ww_deps: bool) -> Self {
        let mut oracle = Self {
            done: completions(ops),
            ww_deps,
            writer: BTreeMap::new(),
            wrote: BTreeMap::new(),
            read: BTreeMap::new(),
            log: BTreeMap::new(),
            index: BTreeMap::new(),
            by_index: BTreeMap::new(),
            keyless: ops.iter().filter(|op| op.kind != Kind::Invoke).flat_map(keyless).collect(),
        };
        for (place, done) in oracle.done.iter().enumerate() {
            for (key, _, value) in &done.writes {
                oracle.wrote.entry(done.kind).or_default().insert((key.clone(), value.clone()));
                oracle.writer.insert((key.clone(), value.clone()), place);
            }
            for (key, _, value) in &done.reads {
                if let Some(value) = value {
                    oracle.read.entry(done.kind).or_default().insert((key.clone(), value.clone()));
                }
            }
        }
        let mut log: BTreeMap<Key, BTreeMap<u64, BTreeSet<Name>>> = BTreeMap::new();
        for done in &oracle.done {
            let sent = done.writes.iter().filter(|_| oracle.committed(done));
            let sent = sent.map(|(key, offset, value)| (key, *offset, Some(value)));
            let read = done.reads.iter().map(|(key, offset, value)| (key, *offset, value.as_ref()));
            for (key, offset, value) in sent.chain(read) {
                if let (Some(offset), Some(value)) = (offset, value) {
                    log.entry(key.clone()).or_default().entry(offset).or_default().insert(value.clone());
                }
            }
        }
        for (key, offsets) in &log {
            for (place, values) in offsets.values().enumerate() {
                let stands = values.first().expect("it holds something").clone();
                oracle.index.insert((key.clone(), stands.clone()), place as i64);
                oracle.by_index.entry(key.clone()).or_default().push(stands);
            }
        }
        oracle.log = log;
        oracle
    }

    fn was(&self, kind: Kind, at: &At) -> bool {
        self.read.get(&kind).is_some_and(|read| read.contains(at))
    }

    fn committed(&self, done: &Done) -> bool {
        let proven =
            || done.writes.iter().any(|(key, _, value)| self.was(Kind::Ok, &(key.clone(), value.clone())));
        done.kind == Kind::Ok || done.kind == Kind::Info && proven()
    }

    /// Everything but cycles.
    pub(crate) fn records(&self) -> Records {
        let mut all = Records::new();
        self.of_offsets(&mut all);
        self.of_reads(&mut all);
        self.lost(&mut all);
        self.unseen(&mut all);
        self.pairs(&mut all);
        all
    }

    fn of_offsets(&self, all: &mut Records) {
        for (key, offsets) in &self.log {
            let mut places: BTreeMap<&Name, Vec<u64>> = BTreeMap::new();
            for (place, (offset, values)) in offsets.iter().enumerate() {
                values.iter().for_each(|value| places.entry(value).or_default().push(*offset));
                if values.len() > 1 {
                    let values: Vec<_> = values.iter().map(plain).collect();
                    all.entry("inconsistent-offsets")
                        .or_default()
                        .push(json!({ "key": **key, "offset": offset, "index": place, "values": values }));
                }
            }
            for (value, offsets) in places.into_iter().filter(|(_, offsets)| offsets.len() > 1) {
                all.entry("duplicate").or_default().push(json!({
                    "key": **key, "value": plain(value), "count": offsets.len(), "offsets": offsets,
                }));
            }
        }
    }

    fn of_reads(&self, all: &mut Records) {
        let mut phantoms = BTreeSet::new();
        for done in &self.done {
            for (key, _, value) in &done.reads {
                let Some(value) = value else { continue };
                let at = (key.clone(), value.clone());
                let failed = self.wrote.get(&Kind::Fail).is_some_and(|wrote| wrote.contains(&at));
                let keyless = self.keyless.get(value).filter(|_| !self.writer.contains_key(&at));
                let failed = keyless.map_or(failed, |(_, failed)| *failed);
                if failed && done.kind == Kind::Ok {
                    let writer =
                        keyless.map_or_else(|| self.done[self.writer[&at]].index, |(writer, _)| *writer);
                    all.entry("G1a").or_default().push(json!({
                        "key": **key, "value": plain(value), "writer": writer, "reader": done.index,
                    }));
                }
                if !self.writer.contains_key(&at) && keyless.is_none() && phantoms.insert(at) {
                    all.entry("phantom").or_default().push(json!({
                        "key": **key, "value": plain(value), "reader": done.index,
                    }));
                }
            }
            let own = done.writes.iter().find(|(key, _, value)| {
                done.reads.iter().any(|(other, _, read)| other == key && read.as_ref() == Some(value))
            });
            if let Some((key, _, value)) = own {
                all.entry("precommitted-read")
                    .or_default()
                    .push(json!({ "key": **key, "value": plain(value), "op": done.index }));
            }
        }
    }

    fn lost(&self, all: &mut Records) {
        for (key, offsets) in &self.log {
            let sets: Vec<_> = offsets.values().collect();
            let first = |value: &Name| sets.iter().position(|set| set.contains(value));
            let last = |value: &Name| sets.iter().rposition(|set| set.contains(value));
            let read = self.read.get(&Kind::Ok).into_iter().flatten().filter(|(own, _)| own == key);
            let Some(bound) = read.filter_map(|(_, value)| first(value)).max() else { continue };
            let values: BTreeSet<&Name> = sets.iter().flat_map(|set| set.iter()).collect();
            for value in values.into_iter().filter(|value| last(value) <= Some(bound)) {
                let at = (key.clone(), value.clone());
                let Some(writer) = self.writer.get(&at).map(|writer| &self.done[*writer]) else { continue };
                if !self.was(Kind::Ok, &at) && self.committed(writer) {
                    all.entry("lost-write").or_default().push(json!({
                        "key": **key, "value": plain(value), "index": first(value), "max-read-index": bound,
                        "writer": writer.index,
                    }));
                }
            }
        }
    }

    fn unseen(&self, all: &mut Records) {
        let judged = |done: &&Done| done.kind == Kind::Ok && done.f.of_records();
        let Some(last) = self.done.iter().rfind(judged) else { return };
        let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for at in self.wrote.get(&Kind::Ok).into_iter().flatten().filter(|at| !self.was(Kind::Ok, at)) {
            values.entry(at.0.to_string()).or_default().push(plain(&at.1));
        }
        if !values.is_empty() {
            let counts: BTreeMap<_, _> = values.iter().map(|(key, values)| (key, values.len())).collect();
            let record = json!({ "time": last.at, "unseen": counts, "messages": values });
            all.entry("unseen").or_default().push(record);
        }
    }

    fn delta(&self, key: &Key, pair: (&Option<Name>, &Option<Name>)) -> Option<(i64, Vec<Value>)> {
        let place = |value: &Option<Name>| self.index.get(&(key.clone(), value.clone()?)).copied();
        let (from, to) = (place(pair.0)?, place(pair.1)?);
        let order = &self.by_index[key];
        let between = (from + 1..to).map(|place| plain(&order[place as usize])).collect();
        Some((to - from, between))
    }

    fn pairs(&self, all: &mut Records) {
        let mut polled: BTreeMap<i64, BTreeMap<Key, usize>> = BTreeMap::new();
        let mut sent: BTreeMap<i64, BTreeMap<Key, usize>> = BTreeMap::new();
        for (place, done) in self.done.iter().enumerate() {
            if matches!(done.f, Action::Assign | Action::Subscribe) && done.kind != Kind::Fail {
                for positions in [&mut polled, &mut sent] {
                    positions.entry(done.process).or_default().retain(|key, _| done.keys.contains(key));
                }
            }
            for (key, values) in done.read_by_key() {
                if !done.rebalanced.contains(&key) {
                    self.inside(all, &key, &values, done, ["int-poll-skip", "int-nonmonotonic-poll"]);
                }
                let own = polled.entry(done.process).or_default();
                if let Some(before) = own.get(&key).map(|before| &self.done[*before]) {
                    let last = before.read_by_key()[&key].last().expect("it read some").clone();
                    let pair = (&last, &values[0]);
                    let ops = [before.index, done.index];
                    let Some((delta, skipped)) = self.delta(&key, pair) else { continue };
                    if delta > 1 {
                        all.entry("poll-skip")
                            .or_default()
                            .push(json!({ "key": *key, "delta": delta, "skipped": skipped, "ops": ops }));
                    } else if delta < 1 {
                        all.entry("nonmonotonic-poll").or_default().push(back(&key, delta, pair, ops));
                    }
                }
            }
            for (key, values) in done.written_by_key() {
                self.inside(all, &key, &values, done, ["int-send-skip", "int-nonmonotonic-send"]);
                let own = sent.entry(done.process).or_default();
                let judged = own.get(&key).filter(|_| done.kind != Kind::Fail);
                if let Some(before) = judged.map(|before| &self.done[*before]) {
                    let last = before.written_by_key()[&key].last().expect("it sent some").clone();
                    let pair = (&last, &values[0]);
                    if let Some((delta, _)) = self.delta(&key, pair).filter(|(delta, _)| *delta < 1) {
                        let ops = [before.index, done.index];
                        all.entry("nonmonotonic-send").or_default().push(back(&key, delta, pair, ops));
                    }
                }
            }
            if done.kind == Kind::Ok {
                let own = polled.entry(done.process).or_default();
                own.extend(done.read_by_key().into_keys().map(|key| (key, place)));
            }
            if done.kind != Kind::Fail {
                let own = sent.entry(done.process).or_default();
                own.extend(done.written_by_key().into_keys().map(|key| (key, place)));
            }
        }
    }

    fn inside(
        &self,
        all: &mut Records,
        key: &Key,
        values: &[Option<Name>],
        done: &Done,
        names: [&'static str; 2],
    ) {
        for pair in values.windows(2) {
            let Some((delta, skipped)) = self.delta(key, (&pair[0], &pair[1])) else { continue };
            let values: Vec<_> = pair.iter().flatten().map(plain).collect();
            let mut record = json!({ "key": **key, "values": values, "delta": delta, "op": done.index });
            if delta > 1 {
                record["skipped"] = json!(skipped);
                all.entry(names[0]).or_default().push(record);
            } else if delta < 1 {
                all.entry(names[1]).or_default().push(record);
            }
        }
    }

    /// Edges: from, to, why.
    pub(crate) fn edges(&self) -> BTreeSet<(u64, u64, &'static str)> {
        let mut edges = BTreeSet::new();
        let mut add = |from: &Done, to: &Done, why| {
            _ = from.index != to.index && edges.insert((from.index, to.index, why))
        };
        for to in self.done.iter().filter(|done| done.f.of_records()) {
            for (key, _, value) in &to.reads {
                let writer = value.clone().and_then(|value| self.writer.get(&(key.clone(), value)));
                writer.into_iter().for_each(|writer| add(&self.done[*writer], to, "wr"));
            }
            for from in self.done.iter().filter(|done| done.f.of_records()) {
                if from.kind == Kind::Ok && from.ended < to.begun {
                    add(from, to, "realtime");
                }
            }
        }
        for ((key, value), writer) in self.writer.iter().filter(|_| self.ww_deps) {
            let Some(place) = self.index.get(&(key.clone(), value.clone())).filter(|place| **place > 0)
            else {
                continue;
            };
            let before = self.by_index[key][*place as usize - 1].clone();
            if let Some(from) = self.writer.get(&(key.clone(), before)) {
                add(&self.done[*from], &self.done[*writer], "ww");
            }
        }
        edges
    }

    /// Whether somebody comes before himself by these edges alone.
    pub(crate) fn cyclic(&self, by: &[&str]) -> bool {
        let edges: Vec<_> = self.edges().into_iter().filter(|(_, _, why)| by.contains(why)).collect();
        let mut left: BTreeSet<u64> = self.done.iter().map(|done| done.index).collect();
        // Whoever nobody comes before can go.
        loop {
            let free = left
                .iter()
                .copied()
                .find(|node| !edges.iter().any(|(from, to, _)| to == node && left.contains(from)));
            match free {
                Some(node) => _ = left.remove(&node),
                None => return !left.is_empty(),
            }
        }
    }
}

fn back(key: &Key, delta: i64, pair: (&Option<Name>, &Option<Name>), ops: [u64; 2]) -> Value {
    let values: Vec<_> = [pair.0, pair.1].into_iter().flatten().map(plain).collect();
    json!({ "key": **key, "delta": delta, "values": values, "ops": ops })
}

impl Done {
    fn read_by_key(&self) -> BTreeMap<Key, Vec<Option<Name>>> {
        let mut all: BTreeMap<Key, Vec<Option<Name>>> = BTreeMap::new();
        self.reads.iter().for_each(|(key, _, value)| all.entry(key.clone()).or_default().push(value.clone()));
        all
    }

    fn written_by_key(&self) -> BTreeMap<Key, Vec<Option<Name>>> {
        let mut all: BTreeMap<Key, Vec<Option<Name>>> = BTreeMap::new();
        self.writes
            .iter()
            .for_each(|(key, _, value)| all.entry(key.clone()).or_default().push(Some(value.clone())));
        all
    }
}

fn keyless(op: &Op) -> Vec<(Name, (u64, bool))> {
    let Argument::Mops(mops) = &op.value else { return Vec::new() };
    let sent = mops.iter().filter_map(|mop| match mop {
        Mop::Send { key: None, value, .. } => {
            Some((value.clone(), (op.index.unwrap_or_default(), op.kind == Kind::Fail)))
        }
        Mop::Send { .. } | Mop::Poll(_) => None,
    });
    sent.collect()
}

/// What never ended may have happened.
fn completions(ops: &[Op]) -> Vec<Done> {
    let mut ops = ops.to_vec();
    let clients: BTreeSet<i64> = ops.iter().filter_map(|op| op.process).collect();
    for client in clients {
        let last = ops.iter().rfind(|op| op.process == Some(client)).cloned();
        ops.extend(last.filter(|op| op.kind == Kind::Invoke).map(|op| Op { kind: Kind::Info, ..op }));
    }

    let mut begun: BTreeMap<i64, usize> = BTreeMap::new();
    let mut all = Vec::new();
    for (place, op) in ops.iter().enumerate() {
        let Some(process) = op.process else { continue };
        if op.kind == Kind::Invoke {
            begun.insert(process, place);
            continue;
        }
        let (mut writes, mut reads, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        match &op.value {
            Argument::Mops(mops) => {
                for mop in mops {
                    match mop {
                        Mop::Send { key, offset, value } => {
                            writes.extend(key.clone().map(|key| (key, *offset, value.clone())));
                        }
                        Mop::Poll(all) => {
                            for (key, records) in all {
                                let read =
                                    records.iter().map(|read| (key.clone(), read.offset, read.value.clone()));
                                reads.extend(read);
                            }
                        }
                    }
                }
            }
            Argument::Keys(all) => keys.clone_from(all),
            Argument::None | Argument::Items(_) | Argument::Offsets(_) => {}
        }
        all.push(Done {
            index: op.index.unwrap_or(place as u64),
            process,
            kind: op.kind,
            f: op.f,
            begun: begun.remove(&process).unwrap_or(place),
            ended: place,
            at: op.time.unwrap_or_default(),
            writes,
            reads,
            keys,
            rebalanced: op.rebalanced.clone(),
        });
    }
    all
}
