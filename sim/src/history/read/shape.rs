//! From data to an operation: which fields it has, and what its value means.

use std::sync::Arc;

use super::tree::Tree;
use crate::history::op::{Action, Argument, Key, Mop, Name, Op, Read};
use crate::history::{Entry, Kind, Value};

impl Op {
    /// An entry of a history of our own, as reading it from a file would have it.
    pub fn of(entry: &Entry) -> Result<Self, String> {
        let f = Action::named(entry.f);
        let more = |name: &str| entry.more.iter().find(|(own, _)| *own == name).map(|(_, value)| tree(value));
        Ok(Self {
            index: Some(entry.index),
            time: Some(entry.at.0),
            rebalanced: more("rebalance_log").map_or_else(|| Ok(Vec::new()), |log| rebalanced(&log))?,
            error: more("error").map(|error| error.flat()),
            group: more("group").map(|group| key(&group)).transpose()?,
            generation: more("generation").map_or(Ok(None), |at| number("generation", &at))?,
            ..Self::new(entry.process.into(), entry.kind, f, argument(f, &tree(&entry.value))?)
        })
    }
}

/// A value of a history of our own.
fn tree(value: &Value) -> Tree {
    match value {
        Value::Nil => Tree::Nil,
        Value::Bool(yes) => Tree::Odd(yes.to_string()),
        Value::Number(number) => i64::try_from(*number).map_or(Tree::Odd(number.to_string()), Tree::Number),
        Value::Text(text) => Tree::Text(text.clone()),
        Value::Word(word) => Tree::Word((*word).to_owned()),
        Value::List(items) => Tree::List(items.iter().map(tree).collect()),
        Value::Map(items) => {
            Tree::Map(items.iter().map(|(key, item)| (Tree::Text(key.clone()), tree(item))).collect())
        }
    }
}

/// The operation that this data says, or what is wrong with it.
pub(super) fn operation(tree: &Tree) -> Result<Op, String> {
    let Tree::Map(fields) = tree else { return Err(format!("an operation is a map, not {}", tree.told())) };
    let mut op = Op { process: None, ..Op::new(0, Kind::Invoke, Action::Other, Argument::None) };
    let (mut kind, mut f, mut value) = (None, None, &Tree::Nil);
    for (name, field) in fields {
        match name.word().unwrap_or_default() {
            "index" => op.index = number("index", field)?,
            "time" => op.time = number("time", field)?,
            "process" => op.process = process(field)?,
            "type" => kind = field.word(),
            "f" => f = field.word(),
            "value" => value = field,
            "rebalance-log" | "rebalance_log" => op.rebalanced = rebalanced(field)?,
            "error" => op.error = (*field != Tree::Nil).then(|| field.flat()),
            "group" => op.group = (*field != Tree::Nil).then(|| key(field)).transpose()?,
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
        op.value = argument(op.f, value)?;
    }
    Ok(op)
}

/// A whole number, or none.
fn number(name: &str, tree: &Tree) -> Result<Option<u64>, String> {
    match tree {
        Tree::Nil => Ok(None),
        Tree::Number(_) | Tree::Text(_) | Tree::Word(_) | Tree::Odd(_) | Tree::List(_) | Tree::Map(_) => {
            tree.count().map(Some).ok_or_else(|| format!("{name} is a whole number, not {}", tree.told()))
        }
    }
}

/// Clients have numbers; Jepsen's nemesis has a name.
fn process(tree: &Tree) -> Result<Option<i64>, String> {
    match tree {
        Tree::Number(number) => Ok(Some(*number)),
        Tree::Nil | Tree::Text(_) | Tree::Word(_) => Ok(None),
        Tree::Odd(_) | Tree::List(_) | Tree::Map(_) => Err(format!("no process: {}", tree.told())),
    }
}

fn key(tree: &Tree) -> Result<Key, String> {
    match tree {
        Tree::Number(number) => Ok(Arc::from(number.to_string())),
        Tree::Text(text) | Tree::Word(text) => Ok(Arc::from(text.as_str())),
        Tree::Nil | Tree::Odd(_) | Tree::List(_) | Tree::Map(_) => {
            Err(format!("a key is text or a number, not {}", tree.told()))
        }
    }
}

fn name(tree: &Tree) -> Result<Name, String> {
    match tree {
        Tree::Number(number) => Ok(Name::Number(*number)),
        Tree::Text(text) | Tree::Word(text) => Ok(Name::Text(Arc::from(text.as_str()))),
        Tree::Nil | Tree::Odd(_) | Tree::List(_) | Tree::Map(_) => {
            Err(format!("a value is text or a number, not {}", tree.told()))
        }
    }
}

/// Keys of the partitions whose assignment changed.
fn rebalanced(tree: &Tree) -> Result<Vec<Key>, String> {
    let mut all = Vec::new();
    for event in tree.list().unwrap_or_default() {
        let Tree::Map(fields) = event else { continue };
        let keys = fields.iter().filter(|(name, _)| name.word() == Some("keys"));
        for item in keys.filter_map(|(_, keys)| keys.list()).flatten() {
            all.push(key(item)?);
        }
    }
    Ok(all)
}

fn argument(f: Action, tree: &Tree) -> Result<Argument, String> {
    match f {
        Action::Send | Action::Poll | Action::Txn => {
            let Some(items) = tree.list() else {
                return Err(format!("{} takes a list of sends and polls, not {}", f.name(), tree.told()));
            };
            Ok(Argument::Mops(items.iter().map(mop).collect::<Result<_, _>>()?))
        }
        Action::Assign | Action::Subscribe => match tree {
            Tree::Nil => Ok(Argument::Keys(Vec::new())),
            Tree::Number(_) | Tree::Text(_) | Tree::Word(_) | Tree::Odd(_) | Tree::List(_) | Tree::Map(_) => {
                match tree.list() {
                    Some(items) => Ok(Argument::Keys(items.iter().map(key).collect::<Result<_, _>>()?)),
                    None => Err(format!("{} takes a list of keys, not {}", f.name(), tree.told())),
                }
            }
        },
        Action::Enqueue | Action::Dequeue | Action::Drain => match tree {
            Tree::Nil => Ok(Argument::Items(Vec::new())),
            Tree::List(items) => Ok(Argument::Items(items.iter().map(name).collect::<Result<_, _>>()?)),
            item @ (Tree::Number(_) | Tree::Text(_) | Tree::Word(_) | Tree::Odd(_) | Tree::Map(_)) => {
                Ok(Argument::Items(vec![name(item)?]))
            }
        },
        Action::Commit | Action::Committed => match tree {
            Tree::Nil => Ok(Argument::Offsets(Vec::new())),
            // Asked for these keys.
            Tree::List(items) => {
                let keys = items.iter().map(|item| Ok((key(item)?, None))).collect::<Result<_, String>>()?;
                Ok(Argument::Offsets(keys))
            }
            Tree::Map(items) => {
                let pair = |(of, at): &(Tree, Tree)| Ok((key(of)?, number("an offset", at)?));
                Ok(Argument::Offsets(items.iter().map(pair).collect::<Result<_, String>>()?))
            }
            Tree::Number(_) | Tree::Text(_) | Tree::Word(_) | Tree::Odd(_) => {
                Err(format!("{} takes offsets by key, not {}", f.name(), tree.told()))
            }
        },
        Action::Other => Ok(Argument::None),
    }
}

fn mop(tree: &Tree) -> Result<Mop, String> {
    let parts = tree.list().unwrap_or_default();
    match (parts.first().and_then(Tree::word), parts) {
        (Some("send"), [_, to, what]) => {
            let key = (*to != Tree::Nil).then(|| key(to)).transpose()?;
            // A pair has the offset in front.
            let (offset, value) = match what {
                Tree::List(pair) => match pair.as_slice() {
                    [offset, value] => (number("an offset", offset)?, name(value)?),
                    _ => return Err("a send's value is [offset value]".to_owned()),
                },
                Tree::Nil | Tree::Number(_) | Tree::Text(_) | Tree::Word(_) | Tree::Odd(_) | Tree::Map(_) => {
                    (None, name(what)?)
                }
            };
            Ok(Mop::Send { key, offset, value })
        }
        (Some("poll"), [_] | [_, Tree::Nil]) => Ok(Mop::Poll(Vec::new())),
        (Some("poll"), [_, Tree::Map(keys)]) => {
            let mut all = Vec::with_capacity(keys.len());
            for (of, records) in keys {
                let Some(records) = records.list() else {
                    return Err(format!("a poll's records are a list, not {}", records.told()));
                };
                // No partition without records: an empty answer says nothing, and hides what came before it.
                if !records.is_empty() {
                    all.push((key(of)?, records.iter().map(read).collect::<Result<_, _>>()?));
                }
            }
            Ok(Mop::Poll(all))
        }
        _ => Err(format!("neither [send key value] nor [poll records]: {}", tree.told())),
    }
}

fn read(tree: &Tree) -> Result<Read, String> {
    match tree.list() {
        Some([offset, value]) => {
            let value = (*value != Tree::Nil).then(|| name(value)).transpose()?;
            Ok(Read { offset: number("an offset", offset)?, value })
        }
        Some(_) | None => Err(format!("a record is [offset value], not {}", tree.told())),
    }
}
