//! What no history can hold, whatever the system did: a mistake of whoever wrote it down.
//!
//! Not here: what a broken system can do. A value that is read before it was sent, or that nobody sent, is an
//! anomaly.

use crate::history::Kind;
use crate::history::op::{Action, Argument, Mop, Op};

use super::tables::Tables;

/// An operation that was invoked and has not ended.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) op: Op,
    pub(super) index: u64,
    pub(super) place: u64,
    pub(super) at: u64,
}

/// Why this operation cannot follow what came before. `open` is what its client had begun.
pub(super) fn why(op: &Op, open: Option<&Open>, last: (Option<u64>, u64), tables: &Tables) -> Option<String> {
    let (last_index, last_time) = last;
    if let Some((index, last)) = op.index.zip(last_index).filter(|(index, last)| index <= last) {
        return Some(format!("index {index} follows index {last}"));
    }
    if let Some(time) = op.time.filter(|time| *time < last_time) {
        return Some(format!("time goes back from {last_time} to {time}"));
    }
    let process = op.process?;
    match (op.kind, open) {
        (Kind::Invoke, Some(open)) => Some(format!(
            "process {process} begins {} while its {}, invoked as {}, has not ended",
            op.f.name(),
            open.op.f.name(),
            open.index
        )),
        (Kind::Invoke, None) => of_parts(op).or_else(|| sent_again(op, tables)),
        (Kind::Ok | Kind::Fail | Kind::Info, None) => {
            Some(format!("process {process} ends {} without having begun it", op.f.name()))
        }
        (Kind::Ok | Kind::Fail | Kind::Info, Some(open)) => ended(op, open),
    }
}

/// A `send` that polls, or a `poll` that sends.
fn of_parts(op: &Op) -> Option<String> {
    let Argument::Mops(mops) = &op.value else { return None };
    let strange = mops.iter().any(|mop| match mop {
        Mop::Send { .. } => op.f == Action::Poll,
        Mop::Poll(_) => op.f == Action::Send,
    });
    strange.then(|| format!("a {} is made of nothing else", op.f.name()))
}

/// Values are unique: with one that was sent twice nothing can be told.
fn sent_again(op: &Op, tables: &Tables) -> Option<String> {
    let Argument::Mops(mops) = &op.value else { return None };
    mops.iter().find_map(|mop| match mop {
        Mop::Send { key: Some(key), value, .. } if tables.sent_before(key, value) => {
            Some(format!("{value} is sent to {key} once more: values must be unique"))
        }
        Mop::Send { .. } | Mop::Poll(_) => None,
    })
}

/// An end must fit its beginning.
fn ended(op: &Op, open: &Open) -> Option<String> {
    if op.f != open.op.f {
        return Some(format!("it ends as {} and began as {}", op.f.name(), open.op.f.name()));
    }
    let (Argument::Mops(done), Argument::Mops(asked)) = (&op.value, &open.op.value) else { return None };
    if done.len() != asked.len() {
        return Some(format!("it ends with {} parts and began with {}", done.len(), asked.len()));
    }
    done.iter().zip(asked).find_map(|(done, asked)| match (done, asked) {
        (Mop::Poll(_), Mop::Poll(_)) => None,
        (Mop::Send { key, value, .. }, Mop::Send { key: asked_key, value: asked_value, .. }) => {
            if value != asked_value {
                return Some(format!("it sent {value} and began with {asked_value}"));
            }
            let chosen = asked_key.as_ref().filter(|asked| key.as_ref() != Some(*asked))?;
            let key = key.as_deref().unwrap_or("no key");
            Some(format!("it sent {value} to {key} and began with {chosen}"))
        }
        (Mop::Poll(_), Mop::Send { .. }) | (Mop::Send { .. }, Mop::Poll(_)) => {
            Some("a send ends as a poll, or a poll as a send".to_owned())
        }
    })
}
