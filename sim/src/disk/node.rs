//! The disk of one node: files by name over the table of their contents.
//!
//! Anyone may read; only the node's own process (through its window) and the engine (crash, power loss,
//! wipe) change anything.

use squall_core::env::{DiskFault, SyncId};
use squall_core::ids::NodeId;
use squall_core::time::Span;

use super::DiskModel;
use super::directory::{Directory, Inode};
use super::file::File;
use super::harm::PowerLoss;
use super::power;
use crate::seed::{Rng, Seed, Stream};

/// Buffers of removed files serve new ones up to this capacity. A larger one, under an index of twelve bytes, would
/// take as much memory as the whole log once there are many segments.
const MOST_KEPT: usize = 512;

/// What a sync under way will make durable.
#[derive(Debug, Clone, Copy)]
enum Covers {
    File(Inode),
    /// The first so many changes of names.
    Names(u64),
    /// There was no such file.
    Nothing,
}

#[derive(Debug, Clone, Copy)]
struct Sync {
    id: u64,
    covers: Covers,
}

/// The disk of one node. Checks may read it at any time, also while its node is down.
#[derive(Debug, Clone)]
pub struct NodeDisk {
    model: DiskModel,
    directory: Directory,
    files: Vec<Option<File>>,
    vacant: Vec<Inode>,
    /// Whether a file may have lost its last name. Only then are all of them looked through: a disk with
    /// thousands of segments syncs its directory at each new one.
    nameless: bool,
    /// Bytes over all current names.
    used: u64,
    under_way: Vec<Sync>,
    last_sync: u64,
    latency: Rng,
    /// Errors and what a power loss leaves.
    damage: Rng,
    buffers: Vec<Vec<u8>>,
    /// The file that was written last.
    last: Option<Inode>,
    /// How many writes there were.
    writes: u64,
    /// What the device said to be durable and did nothing for, until an honest sync covers it.
    lied: Vec<Covers>,
    /// The next write goes elsewhere.
    pub(super) misdirects: bool,
    /// Where bytes were changed behind the process's back.
    pub(super) harmed: Vec<(String, usize)>,
}

impl NodeDisk {
    pub(crate) fn new(seed: Seed, node: NodeId, model: DiskModel) -> Self {
        Self {
            model,
            directory: Directory::default(),
            files: Vec::new(),
            vacant: Vec::new(),
            nameless: false,
            used: 0,
            under_way: Vec::new(),
            last_sync: 0,
            latency: seed.stream(Stream::Disk(node)),
            damage: seed.stream(Stream::Damage(node)),
            buffers: Vec::new(),
            last: None,
            writes: 0,
            lied: Vec::new(),
            misdirects: false,
            harmed: Vec::new(),
        }
    }

    /// A new, empty disk in the memory of this one.
    pub(crate) fn renew(&mut self, seed: Seed, node: NodeId, model: DiskModel) {
        self.wipe();
        self.model = model;
        self.last_sync = 0;
        self.writes = 0;
        self.harmed.clear();
        self.latency = seed.stream(Stream::Disk(node));
        self.damage = seed.stream(Stream::Damage(node));
    }

    /// How the disk behaves now.
    pub fn model(&self) -> DiskModel {
        self.model
    }

    pub(crate) fn set_model(&mut self, model: DiskModel) {
        self.model = model;
    }

    /// The current content of `file`, as its process reads it.
    pub fn contents(&self, file: &str) -> Option<&[u8]> {
        self.directory.find(file).map(|inode| self.file(inode).current())
    }

    /// Fills `into` from `at` on; answers how many bytes there were.
    ///
    /// # Errors
    /// [`DiskFault::NotFound`] if no file has that name.
    pub fn read(&self, file: &str, at: u64, into: &mut [u8]) -> Result<usize, DiskFault> {
        let inode = self.directory.find(file).ok_or(DiskFault::NotFound)?;
        Ok(copy_out(self.file(inode).current(), at, into))
    }

    /// The length of `file` in bytes.
    pub fn len(&self, file: &str) -> Option<u64> {
        self.contents(file).map(|content| content.len() as u64)
    }

    /// Whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.directory.starting_with("").next().is_none()
    }

    /// The names that start with `prefix`, in order.
    pub fn list(&self, prefix: &str) -> Vec<String> {
        self.directory.starting_with(prefix).map(|(name, _)| name.clone()).collect()
    }

    /// How many bytes of `file`, from its start, a power loss leaves exactly as they are. Whether the name
    /// survives is another question.
    pub fn synced_len(&self, file: &str) -> Option<u64> {
        self.directory.find(file).map(|inode| self.file(inode).synced_len() as u64)
    }

    /// The bytes of all files.
    pub fn used(&self) -> u64 {
        self.used
    }

    pub(crate) fn read_again(&mut self, file: &str, at: u64, into: &mut [u8]) -> Result<usize, DiskFault> {
        let inode = self.directory.find_again(file).ok_or(DiskFault::NotFound)?;
        if self.model.read_error_ppm != 0 && self.damage.chance_ppm(self.model.read_error_ppm) {
            return Err(DiskFault::Io);
        }
        Ok(copy_out(self.file(inode).current(), at, into))
    }

    pub(crate) fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskFault> {
        self.may_write(bytes.len() as u64)?;
        self.used += bytes.len() as u64;
        self.writes += 1;
        if self.misdirects && !bytes.is_empty() {
            let at = self.len(file).unwrap_or(0) as usize;
            self.go_astray(file, at, bytes);
            return Ok(());
        }
        let inode = self.inode(file);
        self.last = Some(inode);
        self.file_mut(inode).append(bytes);
        Ok(())
    }

    pub(crate) fn write_at(&mut self, file: &str, at: u64, bytes: &[u8]) -> Result<(), DiskFault> {
        let at = usize::try_from(at).map_err(|_| DiskFault::Full)?;
        let end = at.checked_add(bytes.len()).ok_or(DiskFault::Full)?;
        let growth = (end as u64).saturating_sub(self.len(file).unwrap_or(0));
        self.may_write(growth)?;
        self.used += growth;
        self.writes += 1;
        if self.misdirects && !bytes.is_empty() {
            self.go_astray(file, at, bytes);
            return Ok(());
        }
        let inode = self.inode(file);
        self.last = Some(inode);
        self.file_mut(inode).write_at(at, bytes);
        Ok(())
    }

    pub(crate) fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskFault> {
        let inode = self.directory.find_again(file).ok_or(DiskFault::NotFound)?;
        self.may_write(0)?;
        let before = self.file(inode).current().len() as u64;
        if len < before {
            self.used -= before - len;
            self.file_mut(inode).truncate(len as usize);
        }
        Ok(())
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskFault> {
        self.directory.find(from).ok_or(DiskFault::NotFound)?;
        self.may_write(0)?;
        if from != to {
            self.used -= self.len(to).unwrap_or(0);
            self.directory.rename(from, to);
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, file: &str) -> Result<(), DiskFault> {
        let len = self.len(file).ok_or(DiskFault::NotFound)?;
        self.may_write(0)?;
        self.used -= len;
        self.directory.remove(file);
        Ok(())
    }

    /// Asks for a sync of `file`; answers its number and how long it takes.
    pub(crate) fn sync(&mut self, file: &str) -> (SyncId, Span) {
        let id = self.last_sync + 1;
        let covers = match self.directory.find_again(file) {
            Some(inode) => {
                self.file_mut(inode).sync(id);
                Covers::File(inode)
            }
            None => Covers::Nothing,
        };
        self.begin(covers)
    }

    pub(crate) fn sync_dir(&mut self) -> (SyncId, Span) {
        self.begin(Covers::Names(self.directory.all_changes()))
    }

    fn begin(&mut self, covers: Covers) -> (SyncId, Span) {
        self.last_sync += 1;
        self.under_way.push(Sync { id: self.last_sync, covers });
        (SyncId(self.last_sync), self.sync_time())
    }

    /// How long a sync takes that begins now.
    pub(crate) fn sync_time(&mut self) -> Span {
        self.latency.span(self.model.sync_min, self.model.sync_max)
    }

    /// A sync ends; what it covers is durable unless it fails.
    pub(crate) fn end_sync(&mut self, sync: SyncId) -> Result<(), DiskFault> {
        let place = self.under_way.iter().position(|under_way| under_way.id == sync.0);
        let Sync { id, covers } =
            self.under_way.remove(place.expect("a sync ends once, and within its life"));
        if self.model.sync_error_ppm != 0 && self.damage.chance_ppm(self.model.sync_error_ppm) {
            if let Covers::File(inode) = covers {
                self.file_mut(inode).sync_failed(id);
            }
            return Err(DiskFault::Io);
        }
        match covers {
            Covers::File(_) | Covers::Names(_) if self.model.lies => self.lied.push(covers),
            Covers::File(inode) => {
                self.file_mut(inode).synced(id);
                self.lied.retain(|lie| !matches!(lie, Covers::File(about) if *about == inode));
            }
            Covers::Names(changes) => {
                self.lied.retain(|lie| !matches!(lie, Covers::Names(_)));
                self.nameless |= self.directory.synced(changes);
                if self.nameless {
                    self.free_nameless();
                }
            }
            Covers::Nothing => return Err(DiskFault::NotFound),
        }
        Ok(())
    }

    /// The process died. The cache stays, but nobody waits for a sync any more.
    pub(crate) fn crash(&mut self) {
        self.under_way.clear();
    }

    /// Whether anything is not durable of which the device said that it is.
    #[inline]
    pub fn has_lied(&self) -> bool {
        !self.lied.is_empty()
    }

    /// The same of the names and of what is under `prefix`.
    pub fn has_lied_about(&self, prefix: &str) -> bool {
        self.lied.iter().any(|lie| match lie {
            Covers::File(about) => self.directory.starting_with(prefix).any(|(_, inode)| inode == about),
            Covers::Names(_) => true,
            Covers::Nothing => false,
        })
    }

    /// The power went. Answers how many files lost something, and how many changes of names are undone.
    pub(crate) fn power_loss(&mut self, how: PowerLoss) -> (u64, u64) {
        self.under_way.clear();
        // What is left now is durable.
        self.lied.clear();
        let unsynced = self.directory.unsynced();
        let none = unsynced == 0 || how == PowerLoss::LostNames;
        let kept = if none { 0 } else { self.damage.in_range(0, unsynced) };
        self.directory.came_back(kept);
        self.free_nameless();
        let sector = self.model.sector.max(1) as usize;
        let mut torn = 0;
        let inodes: Vec<Inode> = self.directory.starting_with("").map(|(_, inode)| *inode).collect();
        for inode in inodes {
            let file = self.files[inode as usize].as_mut().expect("a name leads to a file");
            torn += u64::from(power::cut(file, sector, how, &mut self.damage));
        }
        self.used = self.directory.starting_with("").map(|&(_, i)| self.file(i).current().len() as u64).sum();
        (torn, unsynced - kept)
    }

    /// All files are gone.
    pub(crate) fn wipe(&mut self) {
        self.under_way.clear();
        self.directory.clear();
        self.free_nameless();
        self.files.clear();
        self.vacant.clear();
        self.used = 0;
        self.last = None;
        self.lied.clear();
        self.misdirects = false;
    }

    /// How many writes there were.
    #[inline]
    pub fn writes(&self) -> u64 {
        self.writes
    }

    pub(super) fn note_harm(&mut self, harmed: Inode, at: usize) {
        let name = self.directory.starting_with("").find(|(_, inode)| *inode == harmed);
        if let Some((name, _)) = name {
            self.harmed.push((name.clone(), at));
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<Inode> {
        self.directory.find(name)
    }

    /// The files that have names, in the order of these.
    pub(super) fn named(&self) -> impl Iterator<Item = Inode> {
        self.directory.starting_with("").map(|(_, inode)| *inode)
    }

    /// The file that was written last, if it has a name still, and how much of it is durable.
    pub(super) fn last_written(&self) -> Option<(Inode, usize)> {
        let last = self.last.filter(|last| self.named().any(|inode| inode == *last))?;
        Some((last, self.file(last).synced_len()))
    }

    pub(super) fn sector(&self) -> usize {
        self.model.sector.max(1) as usize
    }

    pub(super) fn draw_below(&mut self, bound: usize) -> usize {
        self.damage.below(bound as u64) as usize
    }

    fn may_write(&mut self, growth: u64) -> Result<(), DiskFault> {
        if growth > self.model.capacity.saturating_sub(self.used) {
            return Err(DiskFault::Full);
        }
        if self.model.write_error_ppm != 0 && self.damage.chance_ppm(self.model.write_error_ppm) {
            return Err(DiskFault::Io);
        }
        Ok(())
    }

    /// The file of that name, created if need be.
    #[inline]
    pub(super) fn inode(&mut self, name: &str) -> Inode {
        match self.directory.find_again(name) {
            Some(inode) => inode,
            None => self.create(name),
        }
    }

    #[cold]
    fn create(&mut self, name: &str) -> Inode {
        let file = File::new(self.buffers.pop().unwrap_or_default());
        let inode = match self.vacant.pop() {
            Some(inode) => inode,
            None => {
                self.files.push(None);
                Inode::try_from(self.files.len() - 1).expect("a disk has fewer than 2³² files")
            }
        };
        self.files[inode as usize] = Some(file);
        self.directory.create(name, inode);
        inode
    }

    /// Frees the files that no name leads to, now or after a power loss, and no sync waits for.
    fn free_nameless(&mut self) {
        let mut named = vec![false; self.files.len()];
        for inode in self.directory.inodes() {
            named[inode as usize] = true;
        }
        self.nameless = false;
        let waited_for = self.under_way.iter().filter_map(|sync| match sync.covers {
            Covers::File(inode) => Some(inode),
            Covers::Names(_) | Covers::Nothing => None,
        });
        for inode in waited_for {
            // Another time, once nobody waits.
            self.nameless |= !std::mem::replace(&mut named[inode as usize], true);
        }
        for (inode, file) in self.files.iter_mut().enumerate() {
            if !named[inode]
                && let Some(file) = file.take()
            {
                self.lied.retain(|lie| !matches!(lie, Covers::File(about) if *about as usize == inode));
                self.vacant.push(inode as Inode);
                let buffer = file.into_buffer();
                if buffer.capacity() <= MOST_KEPT {
                    self.buffers.push(buffer);
                }
            }
        }
    }

    pub(super) fn file(&self, inode: Inode) -> &File {
        self.files[inode as usize].as_ref().expect("a name or a sync leads to a file")
    }

    pub(super) fn file_mut(&mut self, inode: Inode) -> &mut File {
        self.files[inode as usize].as_mut().expect("a name or a sync leads to a file")
    }
}

#[inline]
fn copy_out(content: &[u8], at: u64, into: &mut [u8]) -> usize {
    let start = usize::try_from(at).unwrap_or(usize::MAX).min(content.len());
    let count = into.len().min(content.len() - start);
    into[..count].copy_from_slice(&content[start..start + count]);
    count
}
