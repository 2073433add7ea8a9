//! From data to an operation: which fields it has, and what its value means.

use super::names::Names;
use super::tree::{Data, Own, Tree};
use crate::history::op::{Action, Argument, Key, Mop, Name, Op, Read};
use crate::history::{Entry, Kind, Value};

impl Op {
    /// An entry of a history of our own, as reading it from a file would have it.
    pub fn of(entry: &Entry) -> Result<Self, String> {
        let names = &mut Names::default();
        let f = Action::named(entry.f);
        let more =
            |name: &str| entry.more.iter().find(|(own, _)| *own == name).map(|(_, value)| Own::Value(value));
        Ok(Self {
            index: Some(entry.index),
            time: Some(entry.at.0),
            rebalanced: more("rebalance_log").map_or_else(|| Ok(Vec::new()), |log| rebalanced(log, names))?,
            error: more("error").map(Tree::flat),
            group: more("group").map(|group| key(group, names)).transpose()?,
            generation: more("generation").map_or(Ok(None), |at| number("generation", at))?,
            ..Self::new(entry.process.into(), entry.kind, f, argument(f, Own::Value(&entry.value), names)?)
        })
    }
}

/// The operation that this data says, or what is wrong with it.
pub(super) fn operation<'a>(tree: impl Tree<'a>, names: &mut Names) -> Result<Op, String> {
    let Data::Map(fields) = tree.data() else {
        return Err(format!("an operation is a map, not {}", tree.told()));
    };
    let mut op = Op { process: None, ..Op::new(0, Kind::Invoke, Action::Other, Argument::None) };
    let (mut kind, mut f, mut value) = (None, None, None);
    for (name, field) in fields {
        match name.word().unwrap_or_default() {
            "index" => op.index = number("index", field)?,
            "time" => op.time = number("time", field)?,
            "process" => op.process = process(field)?,
            "type" => kind = field.word(),
            "f" => f = field.word(),
            "value" => value = Some(field),
            "rebalance-log" | "rebalance_log" => op.rebalanced = rebalanced(field, names)?,
            "error" => op.error = (!field.is_nil()).then(|| field.flat()),
            "group" => op.group = (!field.is_nil()).then(|| key(field, names)).transpose()?,
            "generation" => op.generation = number("generation", field)?,
            _ => {}
        }
    }
    op.kind = match kind {
        Some("invoke") => Kind::Invoke,
        Some("ok") => Kind::Ok,
        Some("fail") => Kind::Fail,
        Some("info") => Kind::Info,
        Some(other) => return Err(format!("no such type: {other}")),
        None => return Err("an operation without a type".to_owned()),
    };
    let Some(f) = f else { return Err("an operation without an f".to_owned()) };
    op.f = Action::named(f);
    if op.process.is_some() {
        op.value = match value {
            Some(value) => argument(op.f, value, names)?,
            None => argument(op.f, Own::Value(&Value::Nil), names)?,
        };
    }
    Ok(op)
}

/// A whole number, or none.
#[inline]
fn number<'a>(name: &str, tree: impl Tree<'a>) -> Result<Option<u64>, String> {
    let count = match tree.data() {
        Data::Nil => return Ok(None),
        Data::Number(number) => u64::try_from(number).ok(),
        Data::Text(_) | Data::Word(_) | Data::Odd(_) | Data::List(_) | Data::Map(_) => None,
    };
    count.map(Some).ok_or_else(|| format!("{name} is a whole number, not {}", tree.told()))
}

/// Clients have numbers; Jepsen's nemesis has a name.
fn process<'a>(tree: impl Tree<'a>) -> Result<Option<i64>, String> {
    match tree.data() {
        Data::Number(number) => Ok(Some(number)),
        Data::Nil | Data::Text(_) | Data::Word(_) => Ok(None),
        Data::Odd(_) | Data::List(_) | Data::Map(_) => Err(format!("no process: {}", tree.told())),
    }
}

#[inline]
fn key<'a>(tree: impl Tree<'a>, names: &mut Names) -> Result<Key, String> {
    match tree.data() {
        Data::Number(number) => Ok(names.number(number)),
        Data::Text(text) | Data::Word(text) => Ok(names.text(text)),
        Data::Nil | Data::Odd(_) | Data::List(_) | Data::Map(_) => {
            Err(format!("a key is text or a number, not {}", tree.told()))
        }
    }
}

#[inline]
fn name<'a>(tree: impl Tree<'a>, names: &mut Names) -> Result<Name, String> {
    match tree.data() {
        Data::Number(number) => Ok(Name::Number(number)),
        Data::Text(text) | Data::Word(text) => Ok(Name::Text(names.text(text))),
        Data::Nil | Data::Odd(_) | Data::List(_) | Data::Map(_) => {
            Err(format!("a value is text or a number, not {}", tree.told()))
        }
    }
}

/// Keys of the partitions whose assignment changed.
fn rebalanced<'a>(tree: impl Tree<'a>, names: &mut Names) -> Result<Vec<Key>, String> {
    let mut all = Vec::new();
    for event in tree.list().into_iter().flatten() {
        let Data::Map(fields) = event.data() else { continue };
        let keys = fields.filter(|(name, _)| name.word() == Some("keys"));
        for item in keys.filter_map(|(_, keys)| keys.list()).flatten() {
            all.push(key(item, names)?);
        }
    }
    Ok(all)
}

fn argument<'a>(f: Action, tree: impl Tree<'a>, names: &mut Names) -> Result<Argument, String> {
    match f {
        Action::Send | Action::Poll | Action::Txn => {
            let Some(items) = tree.list() else {
                return Err(format!("{} takes a list of sends and polls, not {}", f.name(), tree.told()));
            };
            Ok(Argument::Mops(items.map(|item| mop(item, names)).collect::<Result<_, _>>()?))
        }
        Action::Assign | Action::Subscribe => match tree.data() {
            Data::Nil => Ok(Argument::Keys(Vec::new())),
            Data::List(items) => {
                Ok(Argument::Keys(items.map(|item| key(item, names)).collect::<Result<_, _>>()?))
            }
            Data::Number(_) | Data::Text(_) | Data::Word(_) | Data::Odd(_) | Data::Map(_) => {
                Err(format!("{} takes a list of keys, not {}", f.name(), tree.told()))
            }
        },
        Action::Enqueue | Action::Dequeue | Action::Drain => match tree.data() {
            Data::Nil => Ok(Argument::Items(Vec::new())),
            Data::List(items) => {
                Ok(Argument::Items(items.map(|item| name(item, names)).collect::<Result<_, _>>()?))
            }
            Data::Number(_) | Data::Text(_) | Data::Word(_) | Data::Odd(_) | Data::Map(_) => {
                Ok(Argument::Items(vec![name(tree, names)?]))
            }
        },
        Action::Commit | Action::Committed => match tree.data() {
            Data::Nil => Ok(Argument::Offsets(Vec::new())),
            // Asked for these keys.
            Data::List(items) => {
                let keys = items.map(|item| Ok((key(item, names)?, None))).collect::<Result<_, String>>()?;
                Ok(Argument::Offsets(keys))
            }
            Data::Map(items) => {
                let pairs = items.map(|(of, at)| Ok((key(of, names)?, number("an offset", at)?)));
                Ok(Argument::Offsets(pairs.collect::<Result<_, String>>()?))
            }
            Data::Number(_) | Data::Text(_) | Data::Word(_) | Data::Odd(_) => {
                Err(format!("{} takes offsets by key, not {}", f.name(), tree.told()))
            }
        },
        Action::Other => Ok(Argument::None),
    }
}

fn mop<'a>(tree: impl Tree<'a>, names: &mut Names) -> Result<Mop, String> {
    let strange = || Err(format!("neither [send key value] nor [poll records]: {}", tree.told()));
    let Some(mut parts) = tree.list() else { return strange() };
    let what = parts.next().and_then(Tree::word);
    match (what, parts.next(), parts.next(), parts.len()) {
        (Some("send"), Some(to), Some(sent), 0) => send(to, sent, names),
        (Some("poll"), records, None, 0) => match records.map(Tree::data) {
            None | Some(Data::Nil) => Ok(Mop::Poll(Vec::new())),
            Some(Data::Map(keys)) => poll(keys, names),
            Some(Data::Number(_) | Data::Text(_) | Data::Word(_) | Data::Odd(_) | Data::List(_)) => strange(),
        },
        _ => strange(),
    }
}

fn send<'a>(to: impl Tree<'a>, sent: impl Tree<'a>, names: &mut Names) -> Result<Mop, String> {
    let key = (!to.is_nil()).then(|| key(to, names)).transpose()?;
    let Some(mut pair) = sent.list() else {
        return Ok(Mop::Send { key, offset: None, value: name(sent, names)? });
    };
    // A pair has the offset in front.
    match (pair.next(), pair.next(), pair.len()) {
        (Some(offset), Some(value), 0) => {
            let offset = number("an offset", offset)?;
            Ok(Mop::Send { key, offset, value: name(value, names)? })
        }
        _ => Err("a send's value is [offset value]".to_owned()),
    }
}

fn poll<'a, T: Tree<'a>>(
    keys: impl ExactSizeIterator<Item = (T, T)>,
    names: &mut Names,
) -> Result<Mop, String> {
    let mut all = Vec::with_capacity(keys.len());
    for (of, records) in keys {
        let Some(list) = records.list() else {
            return Err(format!("a poll's records are a list, not {}", records.told()));
        };
        // No partition without records: an empty answer says nothing, and hides what came before it.
        if list.len() > 0 {
            let key = key(of, names)?;
            let mut reads = Vec::with_capacity(list.len());
            for record in list {
                reads.push(read(record, names)?);
            }
            all.push((key, reads));
        }
    }
    Ok(Mop::Poll(all))
}

#[inline(always)]
fn read<'a>(tree: impl Tree<'a>, names: &mut Names) -> Result<Read, String> {
    let mut pair = tree.list();
    let parts = pair.as_mut().map(|pair| (pair.next(), pair.next(), pair.len()));
    let Some((Some(offset), Some(value), 0)) = parts else {
        return Err(format!("a record is [offset value], not {}", tree.told()));
    };
    let value = (!value.is_nil()).then(|| name(value, names)).transpose()?;
    Ok(Read { offset: number("an offset", offset)?, value })
}
