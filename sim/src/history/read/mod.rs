//! Histories from elsewhere: Jepsen's EDN, JSON as an array or a line an operation, either one packed by gzip.
//!
//! Read operation by operation: nothing is held but the one at hand, which has a greatest length and depth.
//! Which form it is shows in the first bytes. What is not a history is refused with its line, and nothing
//! here panics, whatever the bytes are.

mod edn;
mod json;
mod names;
mod shape;
mod source;
mod tape;
mod tree;

use std::io::{BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use self::names::Names;
use self::source::Source;
use self::tape::Tape;
use super::op::Op;
pub use source::Refusal;

/// Reads operations. After a refusal there are no more.
pub struct Reader<'a> {
    source: Source<Box<dyn Read + 'a>>,
    tape: Tape,
    names: Names,
    form: Form,
    /// The operations stand in one list.
    listed: bool,
    first: bool,
    over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Edn,
    Json,
}

const BUFFER: usize = 1 << 16;

impl<'a> Reader<'a> {
    /// Looks at the first bytes of a history.
    pub fn new(from: impl Read + 'a) -> Result<Self, Refusal> {
        let mut from = BufReader::with_capacity(BUFFER, from);
        let first =
            from.fill_buf().map_err(|error| Refusal { line: 1, what: format!("cannot be read: {error}") })?;
        let inner: Box<dyn Read + 'a> = if first.starts_with(&[0x1f, 0x8b]) {
            Box::new(MultiGzDecoder::new(from))
        } else {
            Box::new(from)
        };
        let mut source = Source::new(inner);
        let form = form_of(&mut source)?;
        let (tape, names) = (Tape::default(), Names::remembering());
        Ok(Self { source, tape, names, form, listed: false, first: true, over: false })
    }

    /// The next operation, and the line in which it begins.
    fn pull(&mut self) -> Result<Option<(u64, Op)>, Refusal> {
        loop {
            self.source.afresh();
            if !self.goes_on()? {
                return Ok(None);
            }
            let line = self.source.line();
            self.source.begins();
            self.tape.clear();
            match self.form {
                Form::Edn => _ = edn::form(&mut self.source, &mut self.tape, 0)?,
                Form::Json => json::value(&mut self.source, &mut self.tape, 0)?,
            }
            // EDN may say of a form that it is not there.
            let Some(tree) = self.tape.first() else { continue };
            let op = shape::operation(tree, &mut self.names);
            if self.form == Form::Json && self.listed {
                self.separated()?;
            }
            return Ok(Some((line, op.map_err(|what| Refusal { line, what })?)));
        }
    }

    /// Moves to where the next operation begins, if there is one.
    fn goes_on(&mut self) -> Result<bool, Refusal> {
        loop {
            match self.form {
                Form::Edn => edn::skip(&mut self.source)?,
                Form::Json => json::skip(&mut self.source)?,
            }
            let first = std::mem::replace(&mut self.first, false);
            return match self.source.peek()? {
                None if self.listed => self.source.refuse("the list of operations does not end"),
                None => Ok(false),
                Some(byte @ (b'[' | b'(')) if first => {
                    self.source.pass(byte);
                    self.listed = true;
                    continue;
                }
                Some(byte @ (b']' | b')')) if self.listed => {
                    self.source.pass(byte);
                    self.listed = false;
                    self.nothing_more()?;
                    Ok(false)
                }
                Some(_) => Ok(true),
            };
        }
    }

    /// Between two operations of a JSON array stands a comma.
    fn separated(&mut self) -> Result<(), Refusal> {
        json::skip(&mut self.source)?;
        match self.source.peek()? {
            Some(b',') => {
                self.source.pass(b',');
                Ok(())
            }
            Some(b']') => Ok(()),
            Some(_) | None => self.source.refuse("operations stand in a list without a comma between them"),
        }
    }

    fn nothing_more(&mut self) -> Result<(), Refusal> {
        match self.form {
            Form::Edn => edn::skip(&mut self.source)?,
            Form::Json => json::skip(&mut self.source)?,
        }
        match self.source.peek()? {
            None => Ok(()),
            Some(_) => self.source.refuse("something follows the list of operations"),
        }
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<(u64, Op), Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let pulled = self.pull().transpose();
        self.over = !matches!(pulled, Some(Ok(_)));
        pulled
    }
}

/// A key of an operation is a keyword in EDN and text in JSON.
fn form_of(source: &mut Source<Box<dyn Read + '_>>) -> Result<Form, Refusal> {
    let start = source.at_hand()?;
    if start.starts_with(b"\xef\xbb\xbf") {
        for byte in *b"\xef\xbb\xbf" {
            source.pass(byte);
        }
    }
    let start = source.at_hand()?;
    let mut telling =
        start.iter().filter(|byte| !matches!(byte, b' ' | b',' | b'\n' | b'\t' | b'\r' | b'[' | b'('));
    match (telling.next(), telling.next()) {
        (Some(b'{'), Some(b'"')) => Ok(Form::Json),
        (Some(b'{' | b'#' | b';' | b'}'), _) | (None, _) => Ok(Form::Edn),
        // An empty list.
        (Some(b']' | b')'), None) => Ok(Form::Edn),
        _ => source.refuse("no history: neither EDN nor JSON"),
    }
}
