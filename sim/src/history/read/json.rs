//! JSON (RFC 8259), one value at a time. `serde_json` knows no lines of values that follow one another, and
//! would hold an array as a whole.

use std::io::Read;

use super::source::{Refusal, Source};
use super::tape::Tape;
use super::tree::DEEPEST;

/// White space is nothing.
#[inline]
pub(super) fn skip(from: &mut Source<impl Read>) -> Result<(), Refusal> {
    while let Some(byte @ (b' ' | b'\n' | b'\t' | b'\r')) = from.peek()? {
        from.pass(byte);
    }
    Ok(())
}

/// Puts the next value on the tape.
pub(super) fn value(from: &mut Source<impl Read>, tape: &mut Tape, depth: u32) -> Result<(), Refusal> {
    if depth > DEEPEST {
        return from.refuse(format!("deeper than {DEEPEST} levels"));
    }
    skip(from)?;
    match from.some()? {
        b'{' => object(from, tape, depth)?,
        b'[' => match (depth < DEEPEST).then(|| from.pair(b',')).flatten() {
            Some((first, second)) => tape.pair(first, second),
            None => array(from, tape, depth)?,
        },
        b'"' => tape.text(from.quoted()?),
        first => bare(from, tape, first)?,
    }
    Ok(())
}

/// After an item: whether there is another one.
fn more(from: &mut Source<impl Read>, close: u8) -> Result<bool, Refusal> {
    skip(from)?;
    match from.some()? {
        b',' => Ok(true),
        byte if byte == close => Ok(false),
        byte => from.refuse(format!(
            "{} where a comma or {} belongs",
            char::from(byte).escape_default(),
            char::from(close)
        )),
    }
}

/// Whether it closes at once.
fn closes(from: &mut Source<impl Read>, close: u8) -> Result<bool, Refusal> {
    skip(from)?;
    let closed = from.peek()? == Some(close);
    if closed {
        from.pass(close);
    }
    Ok(closed)
}

fn array(from: &mut Source<impl Read>, tape: &mut Tape, depth: u32) -> Result<(), Refusal> {
    let opened = tape.open();
    let mut items = 0;
    let mut goes_on = !closes(from, b']')?;
    while goes_on {
        value(from, tape, depth + 1)?;
        items += 1;
        goes_on = more(from, b']')?;
    }
    tape.list(opened, items);
    Ok(())
}

fn object(from: &mut Source<impl Read>, tape: &mut Tape, depth: u32) -> Result<(), Refusal> {
    let opened = tape.open();
    let mut pairs = 0;
    let mut goes_on = !closes(from, b'}')?;
    while goes_on {
        skip(from)?;
        if from.some()? != b'"' {
            return from.refuse("a key is text");
        }
        tape.text(from.quoted()?);
        skip(from)?;
        if from.some()? != b':' {
            return from.refuse("a key without a value");
        }
        value(from, tape, depth + 1)?;
        pairs += 1;
        goes_on = more(from, b'}')?;
    }
    tape.map(opened, pairs);
    Ok(())
}

/// A number or one of the three words.
fn bare(from: &mut Source<impl Read>, tape: &mut Tape, first: u8) -> Result<(), Refusal> {
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    if first.is_ascii_digit()
        && let Some(number) = from.number(|byte| !belongs(byte))
    {
        tape.number(number);
        return Ok(());
    }
    let text = from.token(Some(first), belongs)?.text()?;
    match text {
        "null" => tape.nil(),
        "true" | "false" => tape.odd(text),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => match text.parse() {
            Ok(number) => tape.number(number),
            Err(_) => tape.odd(text),
        },
        _ => {
            let shown = text.chars().take(40).collect::<String>();
            return from.refuse(format!("no JSON: {}", shown.escape_default()));
        }
    }
    Ok(())
}
