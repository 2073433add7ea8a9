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
    /// How far in the buffer the operation may reach.
    limit: usize,
    line: u64,
    /// The line in which the operation begins that is being read.
    begun: u64,
    /// What the operation may still take, counted from there in the buffer.
    left: usize,
    from: usize,
    /// What is being read at the moment, where it is more than digits.
    token: Vec<u8>,
}

/// Bytes that belong together, before anybody knows what they mean.
pub(super) struct Token<'a> {
    bytes: &'a [u8],
    line: u64,
}

impl<'a> Token<'a> {
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// As text.
    pub(super) fn text(self) -> Result<&'a str, Refusal> {
        let refusal = |_| Refusal { line: self.line, what: "not UTF-8".to_owned() };
        std::str::from_utf8(self.bytes).map_err(refusal)
    }
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        let (buffer, token) = (vec![0; BUFFER], Vec::new());
        Self { inner, buffer, at: 0, filled: 0, limit: 0, line: 1, begun: 1, left: LONGEST, from: 0, token }
    }

    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// The next operation has a budget of its own.
    pub(super) fn afresh(&mut self) {
        (self.left, self.from) = (LONGEST, self.at);
        self.limit = self.filled.min(self.at + LONGEST);
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
        if self.at == self.limit {
            self.fill()?;
        }
        Ok(&self.buffer[self.at..self.limit])
    }

    /// Makes at least one byte more be at hand, unless this is the end.
    #[cold]
    fn fill(&mut self) -> Result<(), Refusal> {
        self.left -= self.at - self.from;
        if self.at == self.filled {
            (self.at, self.filled) = (0, self.read()?);
        }
        if self.left == 0 && self.filled > 0 {
            return self.refuse(format!("an operation is longer than {LONGEST} bytes"));
        }
        self.from = self.at;
        self.limit = self.filled.min(self.at + self.left);
        Ok(())
    }

    fn read(&mut self) -> Result<usize, Refusal> {
        loop {
            match self.inner.read(&mut self.buffer) {
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return self.refuse(format!("cannot be read: {error}")),
            }
        }
    }

    /// The next byte, which stays.
    #[inline(always)]
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Refusal> {
        if self.at == self.limit {
            self.fill()?;
        }
        Ok(self.buffer[..self.limit].get(self.at).copied())
    }

    /// Passes the byte that was peeked at.
    #[inline(always)]
    pub(super) const fn pass(&mut self, byte: u8) {
        self.at += 1;
        if byte == b'\n' {
            self.line += 1;
        }
    }

    /// The number whose first digit was passed, if nothing else follows its digits: no text need be made of it.
    /// None, and nothing is passed: too many digits, or their end is not at hand.
    #[inline(always)]
    pub(super) fn number(&mut self, over: impl Fn(u8) -> bool) -> Option<i64> {
        let ahead = &self.buffer[self.at - 1..self.limit];
        let (number, digits) = digits(ahead)?;
        let over = ahead.get(digits).is_some_and(|byte| over(*byte));
        over.then(|| {
            self.at += digits - 1;
            number
        })
    }

    /// The two numbers of `[offset value]` behind its bracket: most of what a history is. None, and nothing is
    /// passed: anything else, or its end is not at hand.
    #[inline(always)]
    pub(super) fn pair(&mut self, between: u8) -> Option<(i64, i64)> {
        let ahead = &self.buffer[self.at..self.limit];
        let (first, digits_of_first) = digits(ahead)?;
        let mut at = digits_of_first;
        if ahead.get(at) != Some(&between) {
            return None;
        }
        at += 1 + usize::from(ahead.get(at + 1) == Some(&b' '));
        let (second, digits_of_second) = digits(ahead.get(at..)?)?;
        at += digits_of_second;
        if ahead.get(at) != Some(&b']') {
            return None;
        }
        self.at += at + 1;
        Some((first, second))
    }

    /// The next byte.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<u8>, Refusal> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.pass(byte);
        }
        Ok(byte)
    }

    /// The next byte, which must be there.
    #[inline]
    pub(super) fn some(&mut self) -> Result<u8, Refusal> {
        match self.next()? {
            Some(byte) => Ok(byte),
            None => self.ended(),
        }
    }

    /// What follows is nothing, and no line: the one to look at is where the operation begins.
    pub(super) fn ended<T>(&self) -> Result<T, Refusal> {
        Err(Refusal { line: self.begun, what: "it ends in the middle of an operation".to_owned() })
    }

    /// Passes the bytes up to the first that does not belong. None of them may end a line.
    pub(super) fn pass_while(&mut self, belongs: impl Fn(u8) -> bool) -> Result<(), Refusal> {
        self.token(None, belongs).map(|_| ())
    }

    /// The bytes up to the first that does not belong, behind the one that was passed already. None of them may
    /// end a line.
    pub(super) fn token(
        &mut self,
        first: Option<u8>,
        belongs: impl Fn(u8) -> bool,
    ) -> Result<Token<'_>, Refusal> {
        let ahead = &self.buffer[self.at..self.limit];
        if let Some(length) = ahead.iter().position(|byte| !belongs(*byte)) {
            let begun = self.at - usize::from(first.is_some());
            self.at += length;
            return Ok(Token { bytes: &self.buffer[begun..self.at], line: self.line });
        }
        // Its end is not at hand.
        self.token.clear();
        self.token.extend(first);
        loop {
            let ahead = self.at_hand()?;
            let length = ahead.iter().position(|byte| !belongs(*byte)).unwrap_or(ahead.len());
            let over = ahead.is_empty() || length < ahead.len();
            self.token.extend_from_slice(&self.buffer[self.at..self.at + length]);
            self.at += length;
            if over {
                return Ok(Token { bytes: &self.token, line: self.line });
            }
        }
    }

    /// A string whose opening quote was passed. Both EDN and JSON have these escapes.
    pub(super) fn quoted(&mut self) -> Result<&str, Refusal> {
        self.token.clear();
        loop {
            let ahead = self.at_hand()?;
            let plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | b'\n');
            let length = ahead.iter().position(|byte| !plain(byte)).unwrap_or(ahead.len());
            self.token.extend_from_slice(&self.buffer[self.at..self.at + length]);
            self.at += length;
            match self.some()? {
                b'"' => return Token { bytes: &self.token, line: self.line }.text(),
                b'\\' => {
                    let c = self.escaped()?;
                    self.token.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                byte => self.token.push(byte),
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

/// The number at the beginning, and how many digits it has: 18 of them always fit.
#[inline(always)]
fn digits(text: &[u8]) -> Option<(i64, usize)> {
    let (mut number, mut length) = (0, 0);
    while let Some(digit) = text.get(length).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        if length == 18 {
            return None;
        }
        number = number * 10 + i64::from(digit);
        length += 1;
    }
    (length > 0).then_some((number, length))
}
