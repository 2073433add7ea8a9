//! EDN (github.com/edn-format/edn), as much of it as Jepsen writes.
//!
//! A reader of its own, since the crates for it are given up or hold the whole document: this one holds one
//! form, knows its line and is never deeper than [`DEEPEST`]. Tags are dropped and what they tag is kept, so
//! `#jepsen.history.Op{…}` is a map.

use std::io::Read;

use super::source::{Refusal, Source};
use super::tree::{DEEPEST, Tree};

/// White space, commas and comments are nothing.
pub(super) fn skip(from: &mut Source<impl Read>) -> Result<(), Refusal> {
    while let Some(byte) = from.peek()? {
        match byte {
            b' ' | b',' | b'\n' | b'\t' | b'\r' => from.pass(byte)?,
            b';' => {
                let mut comment = Vec::new();
                from.while_in(&mut comment, |byte| byte != b'\n')?;
            }
            _ => break,
        }
    }
    Ok(())
}

/// The next form. None: the bracket that closes what it would be in, or a form that is to be ignored.
pub(super) fn form(from: &mut Source<impl Read>, depth: u32) -> Result<Option<Tree>, Refusal> {
    if depth > DEEPEST {
        return from.refuse(format!("deeper than {DEEPEST} levels"));
    }
    skip(from)?;
    match from.some()? {
        b'{' => Ok(Some(map(from, depth)?)),
        b'[' => Ok(Some(Tree::List(until(from, b']', depth)?))),
        b'(' => Ok(Some(Tree::List(until(from, b')', depth)?))),
        b'"' => Ok(Some(Tree::Text(from.quoted()?))),
        b'#' => dispatched(from, depth),
        b'\\' => character(from),
        byte @ (b'}' | b']' | b')') => from.refuse(format!("a {} that closes nothing", char::from(byte))),
        first => Ok(Some(atom(from, first)?)),
    }
}

/// Forms up to a bracket.
fn until(from: &mut Source<impl Read>, close: u8, depth: u32) -> Result<Vec<Tree>, Refusal> {
    let mut items = Vec::new();
    loop {
        skip(from)?;
        if from.peek()? == Some(close) {
            from.pass(close)?;
            return Ok(items);
        }
        items.extend(form(from, depth + 1)?);
    }
}

fn map(from: &mut Source<impl Read>, depth: u32) -> Result<Tree, Refusal> {
    let items = until(from, b'}', depth)?;
    if !items.len().is_multiple_of(2) {
        return from.refuse("a map has a key without a value");
    }
    let mut pairs = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    Ok(Tree::Map(pairs))
}

/// What stands behind a `#`: a set, a form to be ignored, a tag.
fn dispatched(from: &mut Source<impl Read>, depth: u32) -> Result<Option<Tree>, Refusal> {
    match from.peek()? {
        Some(b'{') => {
            from.pass(b'{')?;
            Ok(Some(Tree::List(until(from, b'}', depth)?)))
        }
        Some(b'_') => {
            from.pass(b'_')?;
            form(from, depth + 1)?;
            Ok(None)
        }
        Some(_) | None => {
            let mut tag = Vec::new();
            from.while_in(&mut tag, is_of_atom)?;
            if tag.is_empty() {
                return from.refuse("a # without a tag");
            }
            loop {
                if let Some(tagged) = form(from, depth + 1)? {
                    return Ok(Some(tagged));
                }
            }
        }
    }
}

fn character(from: &mut Source<impl Read>) -> Result<Option<Tree>, Refusal> {
    let mut text = vec![from.some()?];
    from.while_in(&mut text, is_of_atom)?;
    Ok(Some(Tree::Odd(from.text(text)?)))
}

const fn is_of_atom(byte: u8) -> bool {
    !matches!(
        byte,
        b' ' | b',' | b'\n' | b'\t' | b'\r' | b'{' | b'}' | b'[' | b']' | b'(' | b')' | b'"' | b';'
    )
}

/// A number, a keyword, or a symbol.
fn atom(from: &mut Source<impl Read>, first: u8) -> Result<Tree, Refusal> {
    let mut bytes = if first.is_ascii_digit() {
        match from.number(first, |byte| !is_of_atom(byte))? {
            Ok(number) => return Ok(Tree::Number(number)),
            Err(digits) => digits,
        }
    } else {
        vec![first]
    };
    from.while_in(&mut bytes, is_of_atom)?;
    let text = from.text(bytes)?;
    if let Some(word) = text.strip_prefix(':') {
        return Ok(Tree::Word(word.to_owned()));
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if digits.starts_with(|c: char| c.is_ascii_digit()) {
        // A number of any size ends in N.
        let number = text.strip_suffix('N').unwrap_or(&text).parse();
        return Ok(number.map_or(Tree::Odd(text), Tree::Number));
    }
    Ok(match text.as_str() {
        "nil" => Tree::Nil,
        "true" | "false" => Tree::Odd(text),
        _ => Tree::Word(text),
    })
}
