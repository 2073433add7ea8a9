//! Histories in few words, for cases that people read.
//!
//! A line is an operation of a client: `0 ok send +x:a@3`, or `0 begin send +x:a` and its end further below.
//! `+x:a@3` is a send to x of a that got offset 3, `?x:a@3,b@4|y:c@0` a poll, `?` a poll that is asked or
//! returned nothing. `~x` is a rebalance of x, `in=g` a group, `gen=4` its generation, `x=3` an offset of a
//! group, `!why` an error. An operation's number is its line's among the operations.

use std::sync::Arc;

use squall_sim::history::Kind;
use squall_sim::history::op::{Action, Argument, Key, Mop, Name, Op, Read};

fn name(text: &str) -> Name {
    text.parse().map_or_else(|_| Name::Text(Arc::from(text)), Name::Number)
}

fn record(text: &str) -> (Option<u64>, &str) {
    match text.split_once('@') {
        Some((value, at)) => (Some(at.parse().expect("an offset")), value),
        None => (None, text),
    }
}

fn send(text: &str) -> Mop {
    let (key, what) = text.split_once(':').expect("+key:value");
    let (offset, value) = record(what);
    let key = (key != "nil").then(|| Key::from(key));
    Mop::Send { key, offset, value: name(value) }
}

fn poll(text: &str) -> Mop {
    let of_key = |text: &str| {
        let (key, records) = text.split_once(':').expect("?key:records");
        let read = |text: &str| {
            let (offset, value) = record(text);
            Read { offset, value: (value != "nil").then(|| name(value)) }
        };
        (Key::from(key), records.split(',').map(read).collect())
    };
    Mop::Poll(text.split('|').filter(|part| !part.is_empty()).map(of_key).collect())
}

/// What a client asks, of what it got.
fn asked(value: &Argument, f: Action) -> Argument {
    match value {
        Argument::Mops(mops) => Argument::Mops(
            (mops.iter())
                .map(|mop| match mop {
                    Mop::Send { key, value, .. } => {
                        Mop::Send { key: key.clone(), offset: None, value: value.clone() }
                    }
                    Mop::Poll(_) => Mop::Poll(Vec::new()),
                })
                .collect(),
        ),
        Argument::Items(_) if f != Action::Enqueue => Argument::Items(Vec::new()),
        Argument::None | Argument::Items(_) | Argument::Keys(_) | Argument::Offsets(_) => value.clone(),
    }
}

/// The operations of some lines. Time is a tick a line.
pub(crate) fn operations(lines: &str) -> Vec<Op> {
    let mut ops: Vec<Op> = Vec::new();
    let mut open: Vec<i64> = Vec::new();
    for (line, index) in lines.lines().zip(0_u64..) {
        let mut words = line.split_whitespace();
        let process = words.next().and_then(|word| word.parse().ok()).expect("a client");
        let kind = match words.next().expect("how far it is") {
            "begin" => Kind::Invoke,
            "ok" => Kind::Ok,
            "fail" => Kind::Fail,
            "info" => Kind::Info,
            other => panic!("{other}: begin, ok, fail or info"),
        };
        let f = Action::named(words.next().expect("what it does"));
        let mut op =
            Op { index: Some(index), time: Some(index * 10), ..Op::new(process, kind, f, Argument::None) };
        let (mut mops, mut plain, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
        for word in words {
            match (word.as_bytes()[0], word.split_once('=')) {
                (b'+', _) => mops.push(send(&word[1..])),
                (b'?', _) => mops.push(poll(&word[1..])),
                (b'~', _) => op.rebalanced.push(Key::from(&word[1..])),
                (b'!', _) => op.error = Some(word[1..].to_owned()),
                (_, Some(("in", group))) => op.group = Some(Key::from(group)),
                (_, Some(("gen", generation))) => op.generation = generation.parse().ok(),
                (_, Some((key, at))) => offsets.push((Key::from(key), at.parse().ok())),
                (_, None) => plain.push(word),
            }
        }
        op.value = match f {
            Action::Send | Action::Poll | Action::Txn => Argument::Mops(mops),
            Action::Assign | Action::Subscribe => Argument::Keys(plain.into_iter().map(Key::from).collect()),
            Action::Enqueue | Action::Dequeue | Action::Drain => {
                Argument::Items(plain.into_iter().map(name).collect())
            }
            Action::Commit | Action::Committed => Argument::Offsets(offsets),
            Action::Other => Argument::None,
        };
        if kind == Kind::Invoke {
            open.push(process);
        } else if open.contains(&process) {
            open.retain(|own| *own != process);
        } else {
            let value = asked(&op.value, f);
            let time = Some((index * 10).saturating_sub(5));
            ops.push(Op {
                kind: Kind::Invoke,
                index: None,
                time,
                value,
                rebalanced: Vec::new(),
                error: None,
                ..op.clone()
            });
        }
        ops.push(op);
    }
    ops
}
