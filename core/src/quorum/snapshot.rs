//! Snapshots on this node's disk, and the log's start, which follows them.
//!
//! Holds: the file's format and name, how one becomes durable, how a life finds the newest.
//! A snapshot is written under another name, synced, renamed, and the name synced; only then is anybody told
//! of it, and does what it replaces go. Names become durable in the order in which they changed, so a life
//! that finds a snapshot may rely on it.
//! Deliberately absent: what the state machine's bytes mean.

use bytes::Bytes;

use crate::env::{Disk, DiskFault, SyncId};
use crate::host::Host;
use crate::ids::{LeaderEpoch, NodeId, Offset};
use crate::log::Log;
use crate::probe::{Probe, QuorumProbe};

use super::{DIR, Quorum};

const PARTIAL: &str = "quorum/checkpoint.part";
const SUFFIX: &str = ".checkpoint";
/// CRC-32C of what follows, end, epoch; then the state machine's bytes.
const HEADER: usize = 4 + 8 + 4;

/// Names a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// One past the last entry it covers.
    pub(super) end: Offset,
    /// The epoch of that entry.
    pub(super) epoch: LeaderEpoch,
}

/// A snapshot that is becoming durable.
#[derive(Debug, Clone)]
pub(super) struct Saving {
    pub(super) mark: Mark,
    stage: Stage,
    origin: Origin,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The bytes are being synced, under the partial name.
    Contents(SyncId),
    /// The rename is being synced.
    Name(SyncId),
}

/// Where a snapshot came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// This node's state machine.
    Taken,
    /// A leader, who waits for an answer.
    Installed {
        /// It.
        leader: NodeId,
    },
}

impl Mark {
    fn file(self) -> String {
        format!("{DIR}/{:020}-{:010}{SUFFIX}", self.end.0, self.epoch.0)
    }

    fn parse(name: &str) -> Option<Self> {
        let (end, epoch) =
            name.strip_prefix(DIR)?.strip_prefix('/')?.strip_suffix(SUFFIX)?.split_once('-')?;
        Some(Self { end: Offset(end.parse().ok()?), epoch: LeaderEpoch(epoch.parse().ok()?) })
    }

    /// The state machine's bytes; `None` if the file is not what was written.
    pub(super) fn read(self, disk: &mut dyn Disk) -> Result<Option<Bytes>, DiskFault> {
        let file = self.file();
        let Some(len) = disk.len(&file) else { return Ok(None) };
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let got = disk.read(&file, 0, &mut bytes)?;
        bytes.truncate(got);
        let Some((header, _)) = bytes.split_at_checked(HEADER) else { return Ok(None) };
        let whole = header == self.header(&bytes[HEADER..]);
        Ok(whole.then(|| Bytes::from(bytes).slice(HEADER..)))
    }

    fn header(self, state: &[u8]) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[4..12].copy_from_slice(&self.end.0.to_be_bytes());
        header[12..].copy_from_slice(&self.epoch.0.to_be_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&header[4..]), state);
        header[..4].copy_from_slice(&crc.to_be_bytes());
        header
    }
}

impl Quorum {
    /// Opens log and snapshots, and sees to it that they fit.
    pub(super) fn recover_log(&mut self, env: &mut Host<'_>) -> Result<(), DiskFault> {
        if env.len(PARTIAL).is_some() {
            env.remove(PARTIAL)?;
        }
        let marks = whole_snapshots(env)?;
        // Entries that this voter said it holds may be gone. A vote of it could elect somebody without them. The
        // damage stays where it is, so that no later life forgets it.
        if !Log::is_sound(DIR, env)? {
            return Err(DiskFault::Io);
        }
        let (mut log, _) = Log::open(DIR, self.config.log.clone(), self.config.quirks, env)?;
        let newest = marks.last().copied();
        // A log that starts late was cut behind a snapshot. Without that one nobody knows what came before.
        if newest.map_or(Offset::ZERO, |mark| mark.end) < log.log_start() {
            return Err(DiskFault::Io);
        }
        if let Some(newest) = newest {
            self.rely_on(newest, &mut log, env)?;
            remove_others(newest, env)?;
        }
        self.log = Some(log);
        Ok(())
    }

    /// Takes a durable snapshot for what is before its end.
    fn rely_on(&mut self, mark: Mark, log: &mut Log, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        let holds_it = mark.end == log.log_start()
            || (mark.end <= log.log_end()
                && mark.end.previous().and_then(|last| log.epochs().epoch_at(last)) == Some(mark.epoch));
        if holds_it {
            log.advance_start(mark.end, disk)?;
        } else {
            debug_assert!(!self.is_leader(), "a leader holds what is committed: {mark:?}");
            // The log is behind the snapshot, or parts from it before its end: neither is of any use.
            log.reset_to(mark.end, disk)?;
            self.log_syncing = false;
        }
        self.snapshot = Some(mark);
        self.commit = self.commit.max(mark.end);
        Ok(())
    }

    /// Keeps the state machine's `state` after the entry before `end`, so that older entries can go. Does
    /// nothing while another snapshot is being kept, or if `end` is not beyond the last one.
    ///
    /// # Errors
    /// What the disk says. The node must stop then.
    ///
    /// # Panics
    /// If `end` was not handed over yet.
    pub fn snapshot(&mut self, end: Offset, state: &[u8], env: &mut Host<'_>) -> Result<(), DiskFault> {
        assert!(end <= self.deliveries.handed(), "a state machine knows only what it was given");
        if self.saving.is_some() || end <= self.snapshot_end() {
            return Ok(());
        }
        let epoch = self.epoch_before(end).flatten().expect("committed entries have an epoch");
        self.save(Mark { end, epoch }, state, Origin::Taken, env)
    }

    /// How many entries were handed over since the last snapshot, finished or not.
    pub fn entries_since_snapshot(&self) -> u64 {
        let last = self.saving.as_ref().map_or(Offset::ZERO, |saving| saving.mark.end);
        self.deliveries.handed().records_since(last.max(self.snapshot_end())).unwrap_or(0)
    }

    /// Begins to make a snapshot durable.
    pub(super) fn save(
        &mut self,
        mark: Mark,
        state: &[u8],
        origin: Origin,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        env.write_at(PARTIAL, 0, &mark.header(state))?;
        env.append(PARTIAL, state)?;
        self.saving = Some(Saving { mark, stage: Stage::Contents(env.sync(PARTIAL)), origin });
        Ok(())
    }

    pub(super) fn on_snapshot_synced(
        &mut self,
        sync: SyncId,
        outcome: Result<(), DiskFault>,
        env: &mut Host<'_>,
    ) -> Result<bool, DiskFault> {
        let Some(saving) = &mut self.saving else { return Ok(false) };
        match saving.stage {
            Stage::Contents(mine) if mine == sync => {
                outcome?;
                env.rename(PARTIAL, &saving.mark.file())?;
                saving.stage = Stage::Name(env.sync_dir());
                Ok(true)
            }
            Stage::Name(mine) if mine == sync => {
                outcome?;
                let Saving { mark, origin, .. } = saving.clone();
                self.saving = None;
                self.on_saved(mark, origin, env)?;
                Ok(true)
            }
            Stage::Contents(_) | Stage::Name(_) => Ok(false),
        }
    }

    /// The snapshot is durable: whatever it replaces goes.
    fn on_saved(&mut self, mark: Mark, origin: Origin, env: &mut Host<'_>) -> Result<(), DiskFault> {
        let Mark { end, epoch } = mark;
        let commit = self.commit;
        let mut log = self.log.take().expect("a started node has its log");
        let relied = self.rely_on(mark, &mut log, env);
        self.log = Some(log);
        match origin {
            Origin::Taken => env.probe(Probe::Quorum(QuorumProbe::SnapshotTaken { end, epoch })),
            Origin::Installed { .. } => {
                let log_end = self.log().log_end();
                env.probe(Probe::Quorum(QuorumProbe::SnapshotInstalled { end, epoch, log_end }));
            }
        }
        env.probe(Probe::Quorum(QuorumProbe::Start { start: end }));
        // What is durable is so, also if what it replaces could not be removed.
        relied?;
        remove_others(mark, env)?;
        if end > commit {
            let leader = self.is_leader();
            env.probe(Probe::Quorum(QuorumProbe::Committed { to: end, epoch, leader }));
        }
        if let Origin::Installed { leader } = origin {
            self.answer_install(leader, end, env);
        }
        Ok(())
    }
}

/// Older snapshots are of no use beside this one.
fn remove_others(mark: Mark, disk: &mut dyn Disk) -> Result<(), DiskFault> {
    for name in disk.list("quorum/") {
        if Mark::parse(&name).is_some_and(|other| other != mark) {
            disk.remove(&name)?;
        }
    }
    Ok(())
}

/// The snapshots that are whole, the oldest first. A damaged one counts for nothing.
fn whole_snapshots(disk: &mut dyn Disk) -> Result<Vec<Mark>, DiskFault> {
    let mut marks = Vec::new();
    for mark in disk.list("quorum/").iter().filter_map(|name| Mark::parse(name)) {
        if mark.read(disk)?.is_some() {
            marks.push(mark);
        }
    }
    marks.sort_unstable();
    Ok(marks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDisk;

    const MARK: Mark = Mark { end: Offset(12), epoch: LeaderEpoch(3) };

    fn written() -> TestDisk {
        let mut disk = TestDisk::new();
        disk.append(&MARK.file(), &MARK.header(b"state")).expect("no fault");
        disk.append(&MARK.file(), b"state").expect("no fault");
        disk
    }

    #[test]
    fn a_snapshot_is_named_after_what_it_covers() {
        assert_eq!(MARK.file(), "quorum/00000000000000000012-0000000003.checkpoint");
        assert_eq!(Mark::parse(&MARK.file()), Some(MARK));
        for other in [PARTIAL, "quorum-state", "quorum/00000000000000000012.log", "quorum/x-1.checkpoint"] {
            assert_eq!(Mark::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_snapshot_with_one_bit_turned_over_is_none() {
        let sound = written();
        let size = HEADER + 5;
        assert_eq!(MARK.read(&mut sound.clone()), Ok(Some(Bytes::from_static(b"state"))));
        for byte in 0..size {
            let mut disk = sound.clone();
            disk.rot(&MARK.file(), byte, byte as u32 % 8);
            assert_eq!(MARK.read(&mut disk), Ok(None), "byte {byte}");
            assert_eq!(whole_snapshots(&mut disk), Ok(Vec::new()));
        }
    }

    #[test]
    fn a_snapshot_cut_short_or_misnamed_is_none() {
        for len in 0..HEADER + 5 {
            let mut disk = written();
            disk.truncate(&MARK.file(), len as u64).expect("no fault");
            assert_eq!(MARK.read(&mut disk), Ok(None), "{len} bytes");
        }
        let mut disk = written();
        let other = Mark { end: Offset(13), ..MARK };
        disk.rename(&MARK.file(), &other.file()).expect("no fault");
        assert_eq!(other.read(&mut disk), Ok(None));
    }
}
