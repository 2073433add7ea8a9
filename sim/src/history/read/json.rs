//! JSON (RFC 8259), one value at a time. `serde_json` knows no lines of values that follow one another, and
//! would hold an array as a whole.

use std::io::Read;

use super::source::{Refusal, Source};
use super::tree::{DEEPEST, Tree};

/// White space is nothing.
pub(super) fn skip(from: &mut Source<impl Read>) -> Result<(), Refusal> {
    while let Some(byte @ (b' ' | b'\n' | b'\t' | b'\r')) = from.peek()? {
        from.pass(byte)?;
    }
    Ok(())
}

/// The next value.
pub(super) fn value(from: &mut Source<impl Read>, depth: u32) -> Result<Tree, Refusal> {
    if depth > DEEPEST {
        return from.refuse(format!("deeper than {DEEPEST} levels"));
    }
    skip(from)?;
    match from.some()? {
        b'{' => object(from, depth),
        b'[' => array(from, depth),
        b'"' => Ok(Tree::Text(from.quoted()?)),
        first => bare(from, first),
    }
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
        from.pass(close)?;
    }
    Ok(closed)
}

fn array(from: &mut Source<impl Read>, depth: u32) -> Result<Tree, Refusal> {
    let mut items = Vec::new();
    if closes(from, b']')? {
        return Ok(Tree::List(items));
    }
    loop {
        items.push(value(from, depth + 1)?);
        if !more(from, b']')? {
            return Ok(Tree::List(items));
        }
    }
}

fn object(from: &mut Source<impl Read>, depth: u32) -> Result<Tree, Refusal> {
    let mut items = Vec::new();
    if closes(from, b'}')? {
        return Ok(Tree::Map(items));
    }
    loop {
        skip(from)?;
        if from.some()? != b'"' {
            return from.refuse("a key is text");
        }
        let key = Tree::Text(from.quoted()?);
        skip(from)?;
        if from.some()? != b':' {
            return from.refuse("a key without a value");
        }
        items.push((key, value(from, depth + 1)?));
        if !more(from, b'}')? {
            return Ok(Tree::Map(items));
        }
    }
}

/// A number or one of the three words.
fn bare(from: &mut Source<impl Read>, first: u8) -> Result<Tree, Refusal> {
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    let mut bytes = if first.is_ascii_digit() {
        match from.number(first, |byte| !belongs(byte))? {
            Ok(number) => return Ok(Tree::Number(number)),
            Err(digits) => digits,
        }
    } else {
        vec![first]
    };
    from.while_in(&mut bytes, belongs)?;
    let text = from.text(bytes)?;
    match text.as_str() {
        "null" => Ok(Tree::Nil),
        "true" | "false" => Ok(Tree::Odd(text)),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            Ok(text.parse().map_or(Tree::Odd(text), Tree::Number))
        }
        _ => from.refuse(format!("no JSON: {}", text.chars().take(40).collect::<String>().escape_default())),
    }
}
