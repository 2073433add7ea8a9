//! EDN (github.com/edn-format/edn), as much of it as Jepsen writes.
//!
//! A reader of its own, since the crates for it are given up or hold the whole document: this one holds one
//! form, knows its line and is never deeper than [`DEEPEST`]. Tags are dropped and what they tag is kept, so
//! `#jepsen.history.Op{…}` is a map.

use std::io::Read;

use super::source::{Refusal, Source};
use super::tape::Tape;
use super::tree::DEEPEST;

/// White space, commas and comments are nothing.
#[inline(always)]
pub(super) fn skip(from: &mut Source<impl Read>) -> Result<(), Refusal> {
    while let Some(byte) = from.peek()? {
        match byte {
            b' ' | b',' | b'\n' | b'\t' | b'\r' => from.pass(byte),
            b';' => from.pass_while(|byte| byte != b'\n')?,
            _ => break,
        }
    }
    Ok(())
}

/// Puts the next form on the tape. False: a form that is to be ignored.
pub(super) fn form(from: &mut Source<impl Read>, tape: &mut Tape, depth: u32) -> Result<bool, Refusal> {
    if depth > DEEPEST {
        return too_deep(from);
    }
    skip(from)?;
    let first = from.some()?;
    begun(from, tape, depth, first)
}

#[cold]
fn too_deep<T>(from: &Source<impl Read>) -> Result<T, Refusal> {
    from.refuse(format!("deeper than {DEEPEST} levels"))
}

/// The form that begins with this byte.
#[inline(always)]
fn begun(from: &mut Source<impl Read>, tape: &mut Tape, depth: u32, first: u8) -> Result<bool, Refusal> {
    match first {
        b'0'..=b'9' => match from.number(|byte| !is_of_atom(byte)) {
            Some(number) => tape.number(number),
            None => atom(from, tape, first)?,
        },
        b'[' => match (depth < DEEPEST).then(|| from.pair(b' ')).flatten() {
            Some((first, second)) => tape.pair(first, second),
            None => list(from, tape, b']', depth)?,
        },
        b'(' => list(from, tape, b')', depth)?,
        b'{' => map(from, tape, depth)?,
        b'"' => tape.text(from.quoted()?),
        b'#' => return dispatched(from, tape, depth),
        b'\\' => {
            let first = from.some()?;
            tape.odd(from.token(Some(first), is_of_atom)?.text()?);
        }
        byte @ (b'}' | b']' | b')') => {
            return from.refuse(format!("a {} that closes nothing", char::from(byte)));
        }
        first => atom(from, tape, first)?,
    }
    Ok(true)
}

/// Forms up to a bracket. How many.
fn until(from: &mut Source<impl Read>, tape: &mut Tape, close: u8, depth: u32) -> Result<u32, Refusal> {
    let mut items = 0;
    loop {
        skip(from)?;
        match from.peek()? {
            Some(byte) if byte == close => {
                from.pass(byte);
                return Ok(items);
            }
            _ if depth == DEEPEST => return too_deep(from),
            Some(byte) => {
                from.pass(byte);
                items += u32::from(begun(from, tape, depth + 1, byte)?);
            }
            None => return from.ended(),
        }
    }
}

fn list(from: &mut Source<impl Read>, tape: &mut Tape, close: u8, depth: u32) -> Result<(), Refusal> {
    let opened = tape.open();
    let items = until(from, tape, close, depth)?;
    tape.list(opened, items);
    Ok(())
}

fn map(from: &mut Source<impl Read>, tape: &mut Tape, depth: u32) -> Result<(), Refusal> {
    let opened = tape.open();
    let items = until(from, tape, b'}', depth)?;
    if !items.is_multiple_of(2) {
        return from.refuse("a map has a key without a value");
    }
    tape.map(opened, items / 2);
    Ok(())
}

/// What stands behind a `#`: a set, a form to be ignored, a tag.
fn dispatched(from: &mut Source<impl Read>, tape: &mut Tape, depth: u32) -> Result<bool, Refusal> {
    match from.peek()? {
        Some(b'{') => {
            from.pass(b'{');
            list(from, tape, b'}', depth)?;
            Ok(true)
        }
        Some(b'_') => {
            from.pass(b'_');
            let before = tape.len();
            form(from, tape, depth + 1)?;
            tape.truncate(before);
            Ok(false)
        }
        Some(_) | None => {
            if from.token(None, is_of_atom)?.is_empty() {
                return from.refuse("a # without a tag");
            }
            while !form(from, tape, depth + 1)? {}
            Ok(true)
        }
    }
}

#[inline(always)]
const fn is_of_atom(byte: u8) -> bool {
    !matches!(
        byte,
        b' ' | b',' | b'\n' | b'\t' | b'\r' | b'{' | b'}' | b'[' | b']' | b'(' | b')' | b'"' | b';'
    )
}

/// A keyword, a symbol, or a number that is more than a few digits.
fn atom(from: &mut Source<impl Read>, tape: &mut Tape, first: u8) -> Result<(), Refusal> {
    let text = from.token(Some(first), is_of_atom)?.text()?;
    if first == b':' {
        tape.word(&text[1..]);
        return Ok(());
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.starts_with(|c: char| c.is_ascii_digit()) {
        // A number of any size ends in N.
        match text.strip_suffix('N').unwrap_or(text).parse() {
            Ok(number) => tape.number(number),
            Err(_) => tape.odd(text),
        }
        return Ok(());
    }
    match text {
        "nil" => tape.nil(),
        "true" | "false" => tape.odd(text),
        _ => tape.word(text),
    }
    Ok(())
}
