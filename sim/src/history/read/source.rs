//! Bytes one after the other, with the line they stand in and a bound on what one operation may take.

use std::io::Read;

/// Why a history cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// The most that one operation may take, in bytes. A file of a few kilobytes may unpack to a string without
/// end; this is where it ends.
const LONGEST: usize = 4 << 20;

/// How much is read at a time.
const BUFFER: usize = 1 << 16;

/// A reader that knows its line. It looks at its own buffer byte by byte: a history is mostly digits.
pub(super) struct Source<R> {
    inner: R,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    line: u64,
    /// The line in which the operation begins that is being read.
    begun: u64,
    taken: usize,
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, buffer: vec![0; BUFFER], at: 0, filled: 0, line: 1, begun: 1, taken: 0 }
    }

    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// The next operation has a budget of its own.
    pub(super) const fn afresh(&mut self) {
        self.taken = 0;
    }

    /// An operation begins here.
    pub(super) const fn begins(&mut self) {
        self.begun = self.line;
    }

    pub(super) fn refuse<T>(&self, what: impl Into<String>) -> Result<T, Refusal> {
        Err(Refusal { line: self.line, what: what.into() })
    }

    /// What comes next, as much of it as is at hand. Empty at the end.
    pub(super) fn at_hand(&mut self) -> Result<&[u8], Refusal> {
        if self.at == self.filled {
            self.fill()?;
        }
        Ok(&self.buffer[self.at..self.filled])
    }

    fn fill(&mut self) -> Result<(), Refusal> {
        self.at = 0;
        self.filled = 0;
        loop {
            match self.inner.read(&mut self.buffer) {
                Ok(read) => {
                    self.filled = read;
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return self.refuse(format!("cannot be read: {error}")),
            }
        }
    }

    /// The next byte, which stays.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Refusal> {
        if self.at == self.filled {
            self.fill()?;
        }
        Ok(self.buffer[..self.filled].get(self.at).copied())
    }

    /// Passes the byte that was peeked at.
    #[inline]
    pub(super) fn pass(&mut self, byte: u8) -> Result<(), Refusal> {
        self.at += 1;
        self.line += u64::from(byte == b'\n');
        self.taken += 1;
        if self.taken > LONGEST {
            return self.refuse(format!("an operation is longer than {LONGEST} bytes"));
        }
        Ok(())
    }

    /// A number, if what begins with this digit is nothing else: most of what there is, and no text need be
    /// made of it. Otherwise its digits, for whoever reads on.
    pub(super) fn number(
        &mut self,
        first: u8,
        over: impl Fn(u8) -> bool,
    ) -> Result<Result<i64, Vec<u8>>, Refusal> {
        let mut number = i64::from(first - b'0');
        let mut digits = 1;
        while let Some(byte) = self.peek()? {
            // 18 digits always fit.
            if !byte.is_ascii_digit() || digits == 18 {
                break;
            }
            self.pass(byte)?;
            number = number * 10 + i64::from(byte - b'0');
            digits += 1;
        }
        match self.peek()? {
            Some(byte) if !over(byte) => Ok(Err(format!("{number:0digits$}").into_bytes())),
            Some(_) | None => Ok(Ok(number)),
        }
    }

    /// The next byte.
    pub(super) fn next(&mut self) -> Result<Option<u8>, Refusal> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.pass(byte)?;
        }
        Ok(byte)
    }

    /// The next byte, which must be there.
    pub(super) fn some(&mut self) -> Result<u8, Refusal> {
        match self.next()? {
            Some(byte) => Ok(byte),
            // What follows is nothing, and no line: the one to look at is where it begins.
            None => {
                Err(Refusal { line: self.begun, what: "it ends in the middle of an operation".to_owned() })
            }
        }
    }

    /// The bytes up to the first that does not belong.
    pub(super) fn while_in(
        &mut self,
        into: &mut Vec<u8>,
        belongs: impl Fn(u8) -> bool,
    ) -> Result<(), Refusal> {
        while let Some(byte) = self.peek()? {
            if !belongs(byte) {
                break;
            }
            self.pass(byte)?;
            into.push(byte);
        }
        Ok(())
    }

    /// Bytes as text.
    pub(super) fn text(&self, bytes: Vec<u8>) -> Result<String, Refusal> {
        String::from_utf8(bytes).or_else(|_| self.refuse("not UTF-8"))
    }

    /// A string whose opening quote was passed. Both EDN and JSON have these escapes.
    pub(super) fn quoted(&mut self) -> Result<String, Refusal> {
        let mut text = Vec::new();
        loop {
            match self.some()? {
                b'"' => return self.text(text),
                b'\\' => {
                    let c = self.escaped()?;
                    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                byte => text.push(byte),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Refusal> {
        match self.some()? {
            b'n' => Ok('\n'),
            b't' => Ok('\t'),
            b'r' => Ok('\r'),
            b'b' => Ok('\u{8}'),
            b'f' => Ok('\u{c}'),
            b'u' => {
                let first = self.hex()?;
                // Beyond 16 bits a character is written as two.
                if (0xd800..0xdc00).contains(&first) {
                    let marked = (self.some()?, self.some()?) == (b'\\', b'u');
                    let second = if marked { self.hex()? } else { 0 };
                    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
                    let both = low.and_then(|low| char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low));
                    return both.map_or_else(|| self.refuse("half a character"), Ok);
                }
                char::from_u32(first).map_or_else(|| self.refuse("half a character"), Ok)
            }
            byte @ (b'"' | b'\\' | b'/') => Ok(char::from(byte)),
            byte => self.refuse(format!("no such escape: \\{}", char::from(byte).escape_default())),
        }
    }

    fn hex(&mut self) -> Result<u32, Refusal> {
        let mut number = 0;
        for _ in 0..4 {
            let Some(digit) = char::from(self.some()?).to_digit(16) else {
                return self.refuse("\\u wants four hexadecimal digits");
            };
            number = number * 16 + digit;
        }
        Ok(number)
    }
}
