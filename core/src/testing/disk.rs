//! A disk in memory that can lose power.
//!
//! Contents are kept as the operating system's cache has them and as the last completed sync left them; a
//! power loss mixes the two. Names are a journal: of the creations, renames and removals that no completed
//! [`Disk::sync_dir`] covers, a prefix survives. Syncs end when the test says so.

use std::collections::BTreeMap;

use crate::env::{Disk, DiskFault, SyncId};

/// What answers numbers below its argument: the test's source of chance.
pub type Below<'a> = dyn FnMut(u64) -> u64 + 'a;

/// How hard a power loss hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerLoss {
    /// Everything that no completed sync covers is gone.
    LosesAllUnsynced,
    /// Each file keeps unsynced bytes up to some place, at random; behind it lie old bytes, zeros or nothing.
    Tears,
}

/// An in-memory disk. See the module.
#[derive(Debug, Clone, Default)]
pub struct TestDisk {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of names since the last completed sync of the directory.
    journal: Vec<NameChange>,
    pending: Vec<Pending>,
    next_sync: u64,
    fault: Option<(u32, DiskFault)>,
}

#[derive(Debug, Clone, Default)]
struct Inode {
    cached: Vec<u8>,
    durable: Vec<u8>,
    /// The newest completed sync: one that was asked for earlier and ends later brings nothing back.
    synced_by: Option<SyncId>,
}

#[derive(Debug, Clone)]
enum NameChange {
    Created { name: String, inode: usize },
    Renamed { from: String, to: String, inode: usize },
    Removed { name: String },
}

#[derive(Debug, Clone)]
struct Pending {
    sync: SyncId,
    covers: Covers,
}

#[derive(Debug, Clone)]
enum Covers {
    /// A file's content at the time of the request.
    Content { inode: usize, content: Vec<u8> },
    /// So many changes of names.
    Names(usize),
}

impl TestDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// The syncs that have not ended, in the order they were asked for.
    pub fn pending(&self) -> Vec<SyncId> {
        self.pending.iter().map(|pending| pending.sync).collect()
    }

    /// Ends the oldest pending sync well; the test hands the number to whoever asked.
    pub fn complete_next(&mut self) -> Option<SyncId> {
        let sync = self.pending.first()?.sync;
        self.complete(sync);
        Some(sync)
    }

    /// Ends `sync` well: what it covers is durable. No effect if it is not pending.
    pub fn complete(&mut self, sync: SyncId) {
        let Some(place) = self.pending.iter().position(|pending| pending.sync == sync) else { return };
        match self.pending.remove(place).covers {
            Covers::Content { inode, content } => {
                let inode = &mut self.inodes[inode];
                if inode.synced_by < Some(sync) {
                    inode.durable = content;
                    inode.synced_by = Some(sync);
                }
            }
            Covers::Names(changes) => self.names_are_durable(changes),
        }
    }

    /// Ends `sync` badly: the test hands the fault to whoever asked. Nothing became durable.
    pub fn fail(&mut self, sync: SyncId) {
        self.pending.retain(|pending| pending.sync != sync);
    }

    /// The `nth` (from 0) operation that can fail from now on answers `fault`, once.
    pub const fn fail_operation(&mut self, nth: u32, fault: DiskFault) {
        self.fault = Some((nth, fault));
    }

    /// The process dies: the cache stays, and nobody hears of the pending syncs.
    pub fn crash(&mut self) {
        self.pending.clear();
    }

    /// The power fails. What is left is durable.
    pub fn power_loss(&mut self, how: PowerLoss, below: &mut Below<'_>) {
        self.pending.clear();
        let kept = match how {
            PowerLoss::LosesAllUnsynced => 0,
            PowerLoss::Tears => below(self.journal.len() as u64 + 1) as usize,
        };
        self.names_are_durable(kept);
        self.journal.clear();
        self.names = self.durable_names.clone();
        for inode in &mut self.inodes {
            if how == PowerLoss::Tears && inode.cached != inode.durable {
                inode.durable = torn(inode, below);
            }
            inode.cached.clone_from(&inode.durable);
        }
    }

    /// Turns one bit of `file` over, in the cache and on the medium.
    ///
    /// # Panics
    /// If there is no such byte.
    pub fn rot(&mut self, file: &str, byte: usize, bit: u32) {
        let inode = &mut self.inodes[self.names[file]];
        inode.cached[byte] ^= 1 << bit;
        if let Some(durable) = inode.durable.get_mut(byte) {
            *durable ^= 1 << bit;
        }
    }

    /// The content of `file` as the process sees it.
    pub fn content(&self, file: &str) -> Option<&[u8]> {
        self.names.get(file).map(|&inode| self.inodes[inode].cached.as_slice())
    }

    fn names_are_durable(&mut self, changes: usize) {
        for change in self.journal.drain(..changes.min(self.journal.len())) {
            match change {
                NameChange::Created { name, inode } => {
                    self.durable_names.insert(name, inode);
                }
                NameChange::Renamed { from, to, inode } => {
                    self.durable_names.remove(&from);
                    self.durable_names.insert(to, inode);
                }
                NameChange::Removed { name } => {
                    self.durable_names.remove(&name);
                }
            }
        }
        for pending in &mut self.pending {
            if let Covers::Names(covered) = &mut pending.covers {
                *covered = covered.saturating_sub(changes);
            }
        }
    }

    fn may_fail(&mut self) -> Result<(), DiskFault> {
        match &mut self.fault {
            Some((0, fault)) => {
                let fault = *fault;
                self.fault = None;
                Err(fault)
            }
            Some((left, _)) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn create(&mut self, file: &str) -> &mut Vec<u8> {
        let inode = match self.names.get(file) {
            Some(&inode) => inode,
            None => {
                let inode = self.inodes.len();
                self.inodes.push(Inode::default());
                self.names.insert(file.to_owned(), inode);
                self.journal.push(NameChange::Created { name: file.to_owned(), inode });
                inode
            }
        };
        &mut self.inodes[inode].cached
    }

    fn ask(&mut self, covers: Covers) -> SyncId {
        let sync = SyncId(self.next_sync);
        self.next_sync += 1;
        self.pending.push(Pending { sync, covers });
        sync
    }
}

/// What a device writes as a whole, in bytes.
const SECTOR: usize = 512;

/// What a power loss leaves of a file that was written since its last sync. Only what was written suffers: a
/// write in place does no harm to what is durable before and behind it.
fn torn(inode: &Inode, below: &mut Below<'_>) -> Vec<u8> {
    let (cached, durable) = (&inode.cached, &inode.durable);
    let same = cached.iter().zip(durable).take_while(|(a, b)| a == b).count();
    let in_place = cached.len() == durable.len();
    let behind =
        cached.iter().rev().zip(durable.iter().rev()).take_while(|(a, b)| in_place && a == b).count();
    let end = cached.len() - behind;
    let place = same + below((end - same) as u64 + 1) as usize;
    // A device writes sectors as a whole.
    let place = if place == end { end } else { same.max(place / SECTOR * SECTOR) };
    let mut left = cached[..place].to_vec();
    match below(3) {
        1 => left.resize(end, 0),
        2 if !in_place => return left,
        _ => left.extend_from_slice(durable.get(place..end.max(durable.len() - behind)).unwrap_or_default()),
    }
    left.extend_from_slice(&cached[end..]);
    left
}

impl Disk for TestDisk {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskFault> {
        self.may_fail()?;
        self.create(file).extend_from_slice(bytes);
        Ok(())
    }

    fn write_at(&mut self, file: &str, at: u64, bytes: &[u8]) -> Result<(), DiskFault> {
        self.may_fail()?;
        let content = self.create(file);
        let (at, end) = (at as usize, at as usize + bytes.len());
        content.resize(content.len().max(end), 0);
        content[at..end].copy_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskFault> {
        self.may_fail()?;
        let &inode = self.names.get(file).ok_or(DiskFault::NotFound)?;
        self.inodes[inode].cached.truncate(len as usize);
        Ok(())
    }

    fn read(&mut self, file: &str, at: u64, into: &mut [u8]) -> Result<usize, DiskFault> {
        self.may_fail()?;
        let &inode = self.names.get(file).ok_or(DiskFault::NotFound)?;
        let content = self.inodes[inode].cached.get(at as usize..).unwrap_or_default();
        let read = content.len().min(into.len());
        into[..read].copy_from_slice(&content[..read]);
        Ok(read)
    }

    fn len(&self, file: &str) -> Option<u64> {
        self.content(file).map(|content| content.len() as u64)
    }

    fn list(&self, prefix: &str) -> Vec<String> {
        let from_prefix = self.names.range(prefix.to_owned()..).map(|(name, _)| name);
        from_prefix.take_while(|name| name.starts_with(prefix)).cloned().collect()
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskFault> {
        self.may_fail()?;
        let inode = self.names.remove(from).ok_or(DiskFault::NotFound)?;
        self.names.insert(to.to_owned(), inode);
        self.journal.push(NameChange::Renamed { from: from.to_owned(), to: to.to_owned(), inode });
        Ok(())
    }

    fn remove(&mut self, file: &str) -> Result<(), DiskFault> {
        self.may_fail()?;
        self.names.remove(file).ok_or(DiskFault::NotFound)?;
        self.journal.push(NameChange::Removed { name: file.to_owned() });
        Ok(())
    }

    /// # Panics
    /// If there is no such file: nothing that syncs a file may have forgotten to write it.
    fn sync(&mut self, file: &str) -> SyncId {
        let inode = self.names[file];
        let content = self.inodes[inode].cached.clone();
        self.ask(Covers::Content { inode, content })
    }

    fn sync_dir(&mut self) -> SyncId {
        self.ask(Covers::Names(self.journal.len()))
    }
}
