//! The names of a disk, as they are and as they are certain to be after a power loss.

use std::collections::VecDeque;

/// A place in the disk's table of files.
pub(super) type Inode = u32;

/// A change of a name that no completed directory sync covers.
#[derive(Debug, Clone)]
enum Change {
    Created { name: String, inode: Inode },
    Renamed { from: String, to: String },
    Removed { name: String },
}

/// Names in order.
#[derive(Debug, Clone, Default)]
struct Names(Vec<(String, Inode)>);

impl Names {
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(name))
    }

    /// Answers whether the name led to another file before.
    fn insert(&mut self, name: String, inode: Inode) -> bool {
        match self.place(&name) {
            Ok(place) => {
                self.0[place].1 = inode;
                true
            }
            Err(place) => {
                self.0.insert(place, (name, inode));
                false
            }
        }
    }

    fn remove(&mut self, name: &str) -> Option<Inode> {
        self.place(name).ok().map(|place| self.0.remove(place).1)
    }

    /// Answers whether a file lost its name.
    fn apply(&mut self, change: Change) -> bool {
        match change {
            Change::Created { name, inode } => self.insert(name, inode),
            Change::Renamed { from, to } => match self.remove(&from) {
                Some(inode) => self.insert(to, inode),
                None => false,
            },
            Change::Removed { name } => self.remove(&name).is_some(),
        }
    }
}

/// The flat directory of a disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Directory {
    current: Names,
    durable: Names,
    /// From the durable names to the current ones, in order.
    changes: VecDeque<Change>,
    /// How many changes are durable already: the number of the first one in `changes`.
    durable_changes: u64,
    /// Where the last name was found; files are used many times in a row.
    hot: usize,
}

impl Directory {
    #[inline]
    pub(super) fn find(&self, name: &str) -> Option<Inode> {
        match self.current.0.get(self.hot) {
            Some((known, inode)) if known == name => Some(*inode),
            Some(_) | None => self.current.place(name).ok().map(|place| self.current.0[place].1),
        }
    }

    /// Like [`Directory::find`], and remembers where.
    #[inline]
    pub(super) fn find_again(&mut self, name: &str) -> Option<Inode> {
        match self.current.0.get(self.hot) {
            Some((known, inode)) if known == name => Some(*inode),
            Some(_) | None => {
                self.hot = self.current.place(name).ok()?;
                Some(self.current.0[self.hot].1)
            }
        }
    }

    /// The current names that start with `prefix`, in order.
    pub(super) fn starting_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a (String, Inode)> {
        let start = self.current.0.partition_point(|(name, _)| name.as_str() < prefix);
        self.current.0[start..].iter().take_while(move |(name, _)| name.starts_with(prefix))
    }

    pub(super) fn create(&mut self, name: &str, inode: Inode) {
        self.change(Change::Created { name: name.to_owned(), inode });
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) {
        self.change(Change::Renamed { from: from.to_owned(), to: to.to_owned() });
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.change(Change::Removed { name: name.to_owned() });
    }

    fn change(&mut self, change: Change) {
        self.current.apply(change.clone());
        self.changes.push_back(change);
    }

    /// How many changes there were in all: what a sync asked for now will cover.
    pub(super) fn all_changes(&self) -> u64 {
        self.durable_changes + self.changes.len() as u64
    }

    /// The first `changes` changes are durable. Answers whether a file may have lost its last name.
    pub(super) fn synced(&mut self, changes: u64) -> bool {
        let mut lost = false;
        while self.durable_changes < changes
            && let Some(change) = self.changes.pop_front()
        {
            lost |= self.durable.apply(change);
            self.durable_changes += 1;
        }
        lost
    }

    /// How many changes a power loss may undo.
    pub(super) fn unsynced(&self) -> u64 {
        self.changes.len() as u64
    }

    /// The first `kept` of the unsynced changes survived, the others never happened.
    pub(super) fn came_back(&mut self, kept: u64) {
        self.synced(self.durable_changes + kept);
        self.changes.clear();
        self.current = self.durable.clone();
        self.hot = 0;
    }

    /// Every file that some name leads to, now or after a power loss; with repetitions.
    pub(super) fn inodes(&self) -> impl Iterator<Item = Inode> {
        let created = self.changes.iter().filter_map(|change| match change {
            Change::Created { inode, .. } => Some(*inode),
            Change::Renamed { .. } | Change::Removed { .. } => None,
        });
        self.current.0.iter().chain(&self.durable.0).map(|(_, inode)| *inode).chain(created)
    }

    pub(super) fn clear(&mut self) {
        self.current.0.clear();
        self.durable.0.clear();
        self.changes.clear();
        self.durable_changes = 0;
        self.hot = 0;
    }
}
