//! A walk over the batches of one file, in large reads.

use super::seal::Seal;
use crate::env::{Disk, DiskFault};
use crate::ids::Offset;
use crate::record::{BadBatch, HEADER_BYTES, Header};

/// How much is read at once, in bytes. A larger batch is read whole.
const CHUNK: usize = 64 * 1024;

/// How closely a walk looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// At every checksum.
    Checksums,
    /// At the lengths only.
    Lengths,
}

pub(super) struct Scan<'a> {
    file: &'a str,
    /// The file's length.
    end: u64,
    look: Look,
    seal: Seal,
    /// Where in the file `buffer` starts.
    at: u64,
    buffer: Vec<u8>,
    /// How much of `buffer` was walked over.
    done: usize,
    /// Where the next batch must start; `None` where the walk does not know.
    expected: Option<Offset>,
}

/// A batch that the walk came to.
pub(super) struct Found<'a> {
    pub header: Header,
    pub position: u64,
    pub bytes: &'a [u8],
}

impl<'a> Scan<'a> {
    /// Walks `file` from `position` up to `end`, its length.
    pub(super) fn new(file: &'a str, position: u64, end: u64, look: Look) -> Self {
        Self {
            file,
            end,
            look,
            seal: Seal::of(file),
            at: position,
            buffer: Vec::new(),
            done: 0,
            expected: None,
        }
    }

    /// Walks all of a segment that starts at `base`. A batch that does not join the one before is bad: a write
    /// that went to another place of its own log leaves one there that is sound in itself, and whoever went on
    /// behind it would take the records between for gone.
    pub(super) fn joined(file: &'a str, base: Offset, end: u64) -> Self {
        Self { expected: Some(base), ..Self::new(file, 0, end, Look::Checksums) }
    }

    /// The next batch; `None` at the end of the file. After a bad one there is no next.
    pub(super) fn next(
        &mut self,
        disk: &mut dyn Disk,
    ) -> Result<Option<Result<Found<'_>, BadBatch>>, DiskFault> {
        let position = self.at + self.done as u64;
        if position >= self.end {
            return Ok(None);
        }
        self.fill(HEADER_BYTES, disk)?;
        let size = match Header::peek(&self.buffer[self.done..]) {
            Ok(header) => header.size,
            Err(bad) => return Ok(Some(Err(bad))),
        };
        self.fill(size, disk)?;
        let Some(bytes) = self.buffer.get(self.done..self.done + size) else {
            return Ok(Some(Err(BadBatch::CutShort)));
        };
        let header = match self.look {
            Look::Checksums => self.seal.verified(bytes),
            Look::Lengths => Header::peek(bytes),
        };
        self.done += size;
        let expected = self.expected;
        let joins = |header: &Header| expected.is_none_or(|base| header.base_offset == base);
        let header =
            header.and_then(|header| if joins(&header) { Ok(header) } else { Err(BadBatch::BadHeader) });
        if let (Ok(header), Some(expected)) = (&header, &mut self.expected) {
            *expected = header.next_offset();
        }
        Ok(Some(header.map(|header| Found { header, position, bytes })))
    }

    /// Has `want` bytes in the buffer, or as many as the file has.
    fn fill(&mut self, want: usize, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        if self.buffer.len() - self.done >= want {
            return Ok(());
        }
        self.buffer.drain(..self.done);
        self.at += self.done as u64;
        self.done = 0;
        // Never more than there is: a length field may say anything.
        let most = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let have = self.buffer.len();
        self.buffer.resize(want.max(CHUNK).min(most).max(have), 0);
        let read = disk.read(self.file, self.at + have as u64, &mut self.buffer[have..])?;
        self.buffer.truncate(have + read);
        Ok(())
    }
}
