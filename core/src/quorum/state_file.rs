//! The vote store: a voter's epoch and its vote in it, in two slots of one file.
//!
//! Holds: what is durable, what is being written, whether the file's name is durable.
//! A new state goes to the slot that does not hold the durable one, and only one write is under way at a
//! time, so that a torn write leaves the other slot whole. A slot holds its state twice, a sector each: rot in
//! one must not make a voter forget its vote, and nobody could tell it from a torn write.
//! Deliberately absent: any rule about votes.

use crate::env::{Disk, DiskFault, SyncId};
use crate::ids::{LeaderEpoch, NodeId};

/// The file's name (KRaft has `quorum-state` too).
const FILE: &str = "quorum-state";
/// The most a disk is trusted to write whole, and what rot may destroy.
const SECTOR: usize = 512;
/// What a tear may destroy: two copies of a state.
const SLOT: usize = 2 * SECTOR;
/// Counter, epoch, whether there is a vote, the vote; then the CRC-32C of these.
const FIELDS: usize = 8 + 4 + 1 + 4;

/// What a voter must not forget (Raft figure 3.1: `currentTerm`, `votedFor`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct State {
    /// The largest epoch heard of.
    pub(super) epoch: LeaderEpoch,
    /// The vote given in it.
    pub(super) voted: Option<NodeId>,
}

/// The file.
#[derive(Debug, Clone)]
pub(super) struct StateFile {
    /// Numbers the writes; its parity names the slot.
    counter: u64,
    durable: State,
    writing: Option<Writing>,
    name_is_durable: bool,
}

/// A write under way. It ends when both syncs have.
#[derive(Debug, Clone, Copy)]
struct Writing {
    state: State,
    contents: Option<SyncId>,
    name: Option<SyncId>,
}

/// What a finished sync meant here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Synced {
    /// Somebody else's.
    NotMine,
    /// One of two.
    Pending,
    /// This is durable now.
    Durable(State),
}

impl StateFile {
    /// Nothing read yet.
    pub(super) const fn unread() -> Self {
        Self {
            counter: 0,
            durable: State { epoch: LeaderEpoch(0), voted: None },
            writing: None,
            name_is_durable: false,
        }
    }

    /// Reads the newer valid slot. What is found may only be in the cache of a node whose process died, so
    /// it counts as durable only after a sync, which begins here. It is written once more: if the sync of
    /// an earlier life failed, it counts as clean and no other would bring it to the device.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn open(disk: &mut dyn Disk) -> Result<(Self, State), DiskFault> {
        let mut file = Self::unread();
        let mut newest = None;
        if disk.len(FILE).is_some() {
            for copy in 0..4u64 {
                let mut bytes = [0; SECTOR];
                let got = disk.read(FILE, copy * SECTOR as u64, &mut bytes)?;
                if let Some((counter, state)) = decode(&bytes[..got])
                    && newest.is_none_or(|(newer, _)| counter > newer)
                {
                    newest = Some((counter, state));
                }
            }
        }
        let Some((counter, state)) = newest else { return Ok((file, State::default())) };
        file.counter = counter;
        disk.write_at(FILE, place(counter), &encode(counter, state))?;
        file.writing = Some(Writing { state, contents: Some(disk.sync(FILE)), name: Some(disk.sync_dir()) });
        Ok((file, state))
    }

    /// Begins to write `state`, unless that is done, under way, or must wait for an earlier write: call
    /// again after that one.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn save(&mut self, state: State, disk: &mut dyn Disk) -> Result<(), DiskFault> {
        // The other slot must stay whole until this one is durable.
        if self.writing.is_some() || self.durable == state {
            return Ok(());
        }
        self.counter += 1;
        disk.write_at(FILE, place(self.counter), &encode(self.counter, state))?;
        let name = if self.name_is_durable { None } else { Some(disk.sync_dir()) };
        self.writing = Some(Writing { state, contents: Some(disk.sync(FILE)), name });
        Ok(())
    }

    /// Whether a power loss now would leave `state`.
    pub(super) fn has_durable(&self, state: State) -> bool {
        self.durable == state
    }

    /// The state that a power loss now would leave, unless a write under way gets through.
    pub(super) const fn durable(&self) -> State {
        self.durable
    }

    /// A sync ended.
    ///
    /// # Errors
    /// The fault that it ended with.
    pub(super) fn on_synced(
        &mut self,
        sync: SyncId,
        outcome: Result<(), DiskFault>,
    ) -> Result<Synced, DiskFault> {
        let Some(writing) = &mut self.writing else { return Ok(Synced::NotMine) };
        if writing.contents == Some(sync) {
            writing.contents = None;
        } else if writing.name == Some(sync) {
            writing.name = None;
        } else {
            return Ok(Synced::NotMine);
        }
        outcome?;
        if writing.contents.is_some() || writing.name.is_some() {
            return Ok(Synced::Pending);
        }
        self.durable = writing.state;
        self.writing = None;
        self.name_is_durable = true;
        Ok(Synced::Durable(self.durable))
    }
}

fn encode(counter: u64, state: State) -> [u8; SLOT] {
    let mut slot = [0; SLOT];
    slot[..8].copy_from_slice(&counter.to_be_bytes());
    slot[8..12].copy_from_slice(&state.epoch.0.to_be_bytes());
    if let Some(NodeId(voted)) = state.voted {
        slot[12] = 1;
        slot[13..17].copy_from_slice(&voted.to_be_bytes());
    }
    let crc = crc32c::crc32c(&slot[..FIELDS]);
    slot[FIELDS..FIELDS + 4].copy_from_slice(&crc.to_be_bytes());
    slot.copy_within(..SECTOR, SECTOR);
    slot
}

/// Where the slot of a write begins.
const fn place(counter: u64) -> u64 {
    counter % 2 * SLOT as u64
}

/// `None`: torn, or never written.
fn decode(slot: &[u8]) -> Option<(u64, State)> {
    let (fields, rest) = slot.split_at_checked(FIELDS)?;
    let crc = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?);
    if crc != crc32c::crc32c(fields) {
        return None;
    }
    let counter = u64::from_be_bytes(fields[..8].try_into().ok()?);
    let epoch = LeaderEpoch(u32::from_be_bytes(fields[8..12].try_into().ok()?));
    let voted = match fields[12] {
        0 => None,
        _ => Some(NodeId(u32::from_be_bytes(fields[13..17].try_into().ok()?))),
    };
    // Zeros have a valid CRC of their own; no write has number 0.
    (counter > 0).then_some((counter, State { epoch, voted }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{PowerLoss, TestDisk};

    const fn state(epoch: u32, voted: u32) -> State {
        State { epoch: LeaderEpoch(epoch), voted: Some(NodeId(voted)) }
    }

    /// Ends every sync; answers the last thing that became durable.
    fn finish(file: &mut StateFile, disk: &mut TestDisk) -> Option<State> {
        let mut durable = None;
        while let Some(sync) = disk.complete_next() {
            match file.on_synced(sync, Ok(())).expect("no fault") {
                Synced::Durable(state) => durable = Some(state),
                Synced::Pending => {}
                Synced::NotMine => panic!("nobody else syncs here"),
            }
        }
        durable
    }

    #[test]
    fn the_first_write_is_not_durable_before_the_files_name_is() {
        let mut disk = TestDisk::new();
        let (mut file, found) = StateFile::open(&mut disk).expect("no fault");
        assert_eq!(found, State::default());
        file.save(state(1, 2), &mut disk).expect("no fault");
        let [name, contents] = disk.pending()[..] else { panic!("two syncs: {:?}", disk.pending()) };
        disk.complete(contents);
        assert_eq!(file.on_synced(contents, Ok(())), Ok(Synced::Pending));
        assert!(!file.has_durable(state(1, 2)));
        disk.complete(name);
        assert_eq!(file.on_synced(name, Ok(())), Ok(Synced::Durable(state(1, 2))));
    }

    #[test]
    fn a_torn_write_leaves_the_state_before_it() {
        for chance in 0..200u64 {
            let mut disk = TestDisk::new();
            let (mut file, _) = StateFile::open(&mut disk).expect("no fault");
            for epoch in 1..=3 {
                file.save(state(epoch, 7), &mut disk).expect("no fault");
                assert_eq!(finish(&mut file, &mut disk), Some(state(epoch, 7)));
            }
            file.save(state(4, 8), &mut disk).expect("no fault");
            let mut draws = 0;
            disk.power_loss(PowerLoss::Tears, &mut |bound| {
                draws += 1;
                chance.wrapping_mul(2_654_435_761 * draws) % bound
            });
            let (_, found) = StateFile::open(&mut disk).expect("no fault");
            assert!(found == state(3, 7) || found == state(4, 8), "{found:?} after {chance}");
        }
    }

    #[test]
    fn a_second_write_waits_for_the_first() {
        let mut disk = TestDisk::new();
        let (mut file, _) = StateFile::open(&mut disk).expect("no fault");
        file.save(state(1, 1), &mut disk).expect("no fault");
        let asked = disk.pending().len();
        file.save(state(2, 2), &mut disk).expect("no fault");
        assert_eq!(disk.pending().len(), asked, "or both slots could be torn at once");
        assert_eq!(finish(&mut file, &mut disk), Some(state(1, 1)));
    }

    #[test]
    fn what_a_dead_process_left_in_the_cache_is_not_durable() {
        let mut disk = TestDisk::new();
        let (mut file, _) = StateFile::open(&mut disk).expect("no fault");
        file.save(state(1, 1), &mut disk).expect("no fault");
        disk.crash();
        let (mut file, found) = StateFile::open(&mut disk).expect("no fault");
        assert_eq!(found, state(1, 1));
        assert!(!file.has_durable(found));
        assert_eq!(finish(&mut file, &mut disk), Some(state(1, 1)));
    }

    #[test]
    fn rot_anywhere_in_the_file_does_not_make_a_voter_forget_its_vote() {
        let mut disk = TestDisk::new();
        let (mut file, _) = StateFile::open(&mut disk).expect("no fault");
        for epoch in 1..4 {
            file.save(state(epoch, epoch), &mut disk).expect("no fault");
            finish(&mut file, &mut disk);
        }
        for byte in 0..2 * SLOT {
            let mut rotten = disk.clone();
            rotten.rot(FILE, byte, byte as u32 % 8);
            assert_eq!(StateFile::open(&mut rotten).expect("no fault").1, state(3, 3), "byte {byte}");
        }
    }

    #[test]
    fn a_failed_sync_makes_nothing_durable() {
        let mut disk = TestDisk::new();
        let (mut file, _) = StateFile::open(&mut disk).expect("no fault");
        file.save(state(1, 1), &mut disk).expect("no fault");
        let sync = disk.pending()[0];
        disk.fail(sync);
        assert_eq!(file.on_synced(sync, Err(DiskFault::Io)), Err(DiskFault::Io));
        assert!(!file.has_durable(state(1, 1)));
    }
}
