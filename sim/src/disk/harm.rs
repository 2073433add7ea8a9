//! Harm that is done to a disk once, and how the power goes.
//!
//! Bytes that are not what was written are remembered by their place, for checks alone: whoever judges a log
//! must know what the device did to it. Deliberately absent: any way for the process to learn of them.

use super::NodeDisk;
use super::directory::Inode;

/// What may happen to bytes that a completed sync covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Harm {
    /// A byte changes, in anything but the last sector of the file that was written last.
    RotCold,
    /// A byte changes in the last sector of the file that was written last.
    RotTail,
}

/// What a power loss does to what no completed sync covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum PowerLoss {
    /// Each file loses all of it, keeps a prefix, any sectors, or everything; a prefix of the names is kept.
    #[default]
    Drawn,
    /// Each file keeps any of its sectors, one half on average.
    TornWrite,
    /// As drawn for files; of the changes of names nothing is kept.
    LostNames,
}

impl NodeDisk {
    /// Harms bytes that are durable. Answers where, as a digest; `None` if there are none such.
    pub(crate) fn harm(&mut self, harm: Harm) -> Option<u64> {
        let tail = self.last_written();
        let (inode, at) = match harm {
            Harm::RotTail => {
                let (inode, durable) = tail?;
                let first = durable.saturating_sub(self.sector());
                (inode, self.draw_below(durable.checked_sub(first).filter(|bytes| *bytes > 0)?) + first)
            }
            Harm::RotCold => self.cold_place(tail)?,
        };
        let mask = 1 << self.draw_below(8);
        self.file_mut(inode).rot(at, mask);
        self.note_harm(inode, at);
        Some(u64::from(inode) << 40 | (at as u64) << 8 | u64::from(mask))
    }

    /// A byte of any file, each as likely.
    fn cold_place(&mut self, tail: Option<(Inode, usize)>) -> Option<(Inode, usize)> {
        let sector = self.sector();
        let cold: Vec<(Inode, usize)> = self
            .named()
            .map(|inode| {
                let durable = self.file(inode).synced_len();
                let is_tail = tail.is_some_and(|(last, _)| last == inode);
                (inode, if is_tail { durable.saturating_sub(sector) } else { durable })
            })
            .collect();
        let all: usize = cold.iter().map(|(_, bytes)| bytes).sum();
        let mut at = (all > 0).then(|| self.draw_below(all))?;
        for (inode, bytes) in cold {
            if at < bytes {
                return Some((inode, at));
            }
            at -= bytes;
        }
        None
    }

    /// The next write goes elsewhere from now on, or not any more. Answers whether that is news.
    pub(crate) fn misdirect(&mut self, on: bool) -> bool {
        std::mem::replace(&mut self.misdirects, on) != on
    }

    /// A write of `bytes` to `name` at `at` goes to another place: what was durable there is overwritten, and
    /// where it belongs reads as if nothing had been written.
    #[cold]
    pub(super) fn go_astray(&mut self, name: &str, at: usize, bytes: &[u8]) {
        self.misdirects = false;
        let intended = self.inode(name);
        let into = self.file_mut(intended);
        let len = into.current().len();
        if len < at + bytes.len() {
            into.write_at(len, &vec![0; at + bytes.len() - len]);
        }
        into.mark_rotten(at..at + bytes.len());
        self.note_harm(intended, at);
        let victims: Vec<(Inode, usize)> =
            self.named().map(|inode| (inode, self.file(inode).synced_len())).filter(|v| v.1 > 0).collect();
        if !victims.is_empty() {
            let (inode, durable) = victims[self.draw_below(victims.len())];
            let sectors = durable.div_ceil(self.sector());
            let start = self.draw_below(sectors) * self.sector();
            let end = (start + bytes.len()).min(durable);
            self.file_mut(inode).clobber(start, &bytes[..end - start]);
            self.note_harm(inode, start);
        }
    }

    /// Where bytes were changed behind the process's back since the disk was made: file and place, in the order
    /// it happened.
    #[inline]
    pub fn harmed(&self) -> &[(String, usize)] {
        &self.harmed
    }

    /// Where the bytes of `file` are not what was written: starts and ends, in the order it happened.
    pub fn rotten(&self, file: &str) -> &[(usize, usize)] {
        self.find(file).map_or(&[], |inode| self.file(inode).rotten())
    }
}
