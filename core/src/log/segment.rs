//! One file of the log, and the files beside it.

use super::index::Index;
use super::seal::Seal;
use crate::env::{Disk, DiskFault};
use crate::ids::Offset;

/// What the files of a log are called behind their base offset.
pub(super) const LOG: &str = "log";
pub(super) const INDEX: &str = "index";
pub(super) const TIME_INDEX: &str = "timeindex";
pub(super) const SNAPSHOT: &str = "snapshot";
/// What compaction puts in the place of log files.
pub(super) const CLEANED: &str = "cleaned";
/// An empty log file on its way to its name.
const SWAP: &str = "swap";

/// The longest a segment gets: positions in an index are 32 bits wide.
pub(super) const MOST_BYTES: u64 = i32::MAX as u64;
/// Relative offsets in an index are 32 bits wide.
pub(super) const MOST_RECORDS: u64 = i32::MAX as u64;

/// A segment. All but the last are sealed: nothing is appended to them any more.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// Offset of its first record, or of the next one if it is empty.
    pub base: Offset,
    /// Its length in bytes.
    pub size: u64,
    /// The name of the log file.
    pub file: String,
    pub index: Index,
    pub seal: Seal,
    /// Written since a sync was last asked for.
    pub dirty: bool,
}

impl Segment {
    pub(super) fn new(dir: &str, base: Offset) -> Self {
        let file = name(dir, base, LOG);
        Self { base, size: 0, seal: Seal::of(&file), file, index: Index::default(), dirty: true }
    }

    /// The name of a file beside the log file.
    pub(super) fn beside(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.file.strip_suffix(LOG).expect("the log file is called so"))
    }

    /// Makes the log file, empty. It replaces an old one of that name in one go: were the old one removed
    /// first, a power loss in between could leave a log without any file, and so without its start; were it
    /// cut, old batches could come back behind new ones.
    pub(super) fn create(&self, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        if disk.len(&self.file).is_none() {
            return disk.append(&self.file, &[]);
        }
        let swap = self.beside(SWAP);
        // A power loss may have left one, even with batches in it.
        remove_if_there(&swap, disk)?;
        disk.append(&swap, &[])?;
        disk.rename(&swap, &self.file)
    }

    /// Writes the index files, unless they are there already.
    pub(super) fn write_index(&self, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        replace(&self.beside(INDEX), &self.index.offset_file(self.base), disk)?;
        replace(&self.beside(TIME_INDEX), &self.index.time_file(self.base), disk)
    }

    pub(super) fn remove_index(&self, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        remove_if_there(&self.beside(INDEX), disk)?;
        remove_if_there(&self.beside(TIME_INDEX), disk)
    }

    /// Removes the log file first: what stays behind if the rest fails is found and removed by recovery.
    pub(super) fn remove(&self, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        disk.remove(&self.file)?;
        self.remove_index(disk)?;
        remove_if_there(&self.beside(SNAPSHOT), disk)
    }
}

/// The name of a file of the log in `dir`.
pub(super) fn name(dir: &str, base: Offset, suffix: &str) -> String {
    format!("{dir}/{:020}.{suffix}", base.0)
}

/// The base offset and the suffix in a file's name; `None` if it is not one of the log's.
pub(super) fn parse_name<'a>(dir: &str, file: &'a str) -> Option<(Offset, &'a str)> {
    let (digits, suffix) = file.strip_prefix(dir)?.strip_prefix('/')?.split_once('.')?;
    if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    [LOG, INDEX, TIME_INDEX, SNAPSHOT, CLEANED, SWAP].contains(&suffix).then_some(())?;
    Some((Offset(digits.parse().ok()?), suffix))
}

/// Makes `bytes` the content of `file`; does nothing if they are.
pub(super) fn replace(file: &str, bytes: &[u8], disk: &mut dyn Disk) -> Result<(), DiskFault> {
    if read_whole(file, disk)?.as_deref() == Some(bytes) {
        return Ok(());
    }
    disk.write_at(file, 0, bytes)?;
    disk.truncate(file, bytes.len() as u64)
}

/// The content of `file`; `None` if there is no such file.
pub(super) fn read_whole(file: &str, disk: &mut dyn Disk) -> Result<Option<Vec<u8>>, DiskFault> {
    let Some(len) = disk.len(file) else { return Ok(None) };
    let mut bytes = vec![0; len as usize];
    let read = disk.read(file, 0, &mut bytes)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

pub(super) fn remove_if_there(file: &str, disk: &mut dyn Disk) -> Result<(), DiskFault> {
    if disk.len(file).is_some() { disk.remove(file) } else { Ok(()) }
}
