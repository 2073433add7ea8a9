//! What a power loss leaves of a file.
//!
//! A sector is written as a whole or not at all; which of the unsynced ones were, and whether the file's
//! length was, is drawn. Bytes that a completed sync covers are never lost.

use super::file::File;
use super::harm::PowerLoss;
use crate::seed::Rng;

/// Which unsynced sectors had reached the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// None: the file is as the last completed sync left it.
    Lost,
    /// The first few, in the order of the file.
    Prefix,
    /// Any, with holes of zeros or old bytes between them.
    Torn,
    /// All of them: the cache had just been written back.
    Kept,
}

impl Outcome {
    fn draw(how: PowerLoss, rng: &mut Rng) -> Self {
        if how == PowerLoss::TornWrite {
            return Self::Torn;
        }
        match rng.below(4) {
            0 => Self::Lost,
            1 => Self::Prefix,
            2 => Self::Torn,
            _ => Self::Kept,
        }
    }
}

/// Cuts the power under `file`; answers whether anything was lost.
pub(super) fn cut(file: &mut File, sector: usize, how: PowerLoss, rng: &mut Rng) -> bool {
    let sectors = unsynced_sectors(file, sector);
    let whole = !file.has_forsaken();
    if sectors.is_empty() && whole {
        file.settled();
        return false;
    }
    let written: Vec<usize> = match if sectors.is_empty() { Outcome::Lost } else { Outcome::draw(how, rng) } {
        Outcome::Lost => Vec::new(),
        Outcome::Prefix => sectors[..rng.below(sectors.len() as u64) as usize].to_vec(),
        Outcome::Torn => sectors.iter().copied().filter(|_| rng.below(2) == 0).collect(),
        Outcome::Kept => sectors.clone(),
    };
    let everything = written.len() == sectors.len();
    if everything && whole {
        file.settled();
        return false;
    }
    let content = mix(file, sector, &written, rng);
    let lost = content != file.current();
    file.came_back(content);
    lost
}

/// The numbers of the sectors that may differ on the device, in order.
fn unsynced_sectors(file: &File, sector: usize) -> Vec<usize> {
    let mut sectors: Vec<usize> =
        file.unsynced().flat_map(|range| range.start / sector..range.end.div_ceil(sector)).collect();
    sectors.sort_unstable();
    sectors.dedup();
    sectors
}

/// The durable content with the `written` sectors of the current one over it.
fn mix(file: &File, sector: usize, written: &[usize], rng: &mut Rng) -> Vec<u8> {
    let current = file.current();
    let mut content = file.durable_content();
    let durable_len = content.len();
    // A file that was cut short keeps its old length unless every change was written.
    let reached = written.last().map_or(0, |last| ((last + 1) * sector).min(current.len()));
    let grown = if !written.is_empty() && rng.below(2) == 0 { current.len() } else { reached };
    content.resize(durable_len.max(grown), 0);
    for start in written.iter().map(|number| number * sector) {
        let end = (start + sector).min(current.len());
        if start < end {
            content[start..end].copy_from_slice(&current[start..end]);
        }
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Seed, Stream};
    use proptest::prelude::*;

    const SECTOR: usize = 4;

    fn after(file: &File, seed: u64) -> (bool, Vec<u8>) {
        let mut file = file.clone();
        let lost = cut(&mut file, SECTOR, PowerLoss::Drawn, &mut Seed(seed).stream(Stream::User("power")));
        assert_eq!(file.durable_content(), file.current());
        (lost, file.current().to_vec())
    }

    /// Six synced bytes, ten unsynced ones.
    fn appended() -> File {
        let mut file = File::default();
        file.append(b"synced");
        file.sync(1);
        file.synced(1);
        file.append(b"unsynced..");
        file
    }

    #[test]
    fn every_outcome_of_an_unsynced_append_occurs() {
        let outcomes: std::collections::BTreeSet<_> =
            (0..300).map(|seed| after(&appended(), seed).1).collect();
        assert!(outcomes.contains(b"synced".as_slice()), "never lost");
        assert!(outcomes.contains(b"syncedun".as_slice()), "never cut at a sector");
        assert!(outcomes.contains(b"syncedunsynced..".as_slice()), "never kept");
        assert!(outcomes.contains(b"syncedun\0\0\0\0ed..".as_slice()), "no hole in the middle");
        assert!(outcomes.contains(b"synced\0\0\0\0\0\0ed..".as_slice()), "no hole at the start");
        assert!(outcomes.contains(b"syncedun\0\0\0\0\0\0\0\0".as_slice()), "length never ahead of the data");
    }

    #[test]
    fn an_overwritten_sector_comes_back_old_or_new_but_never_mixed() {
        let mut file = File::default();
        file.append(b"aaaabbbb");
        file.sync(1);
        file.synced(1);
        file.write_at(0, b"AAAABBBB");
        let outcomes: std::collections::BTreeSet<_> = (0..100).map(|seed| after(&file, seed).1).collect();
        let expected: [&[u8]; 4] = [b"AAAABBBB", b"AAAAbbbb", b"aaaaBBBB", b"aaaabbbb"];
        assert_eq!(outcomes.iter().map(Vec::as_slice).collect::<Vec<_>>(), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn no_synced_byte_is_lost_and_no_byte_is_invented(
            synced in prop::collection::vec(1u8..50, 0..20),
            cut_to in 0..20usize,
            unsynced in prop::collection::vec(50u8..100, 0..20),
            seed in 0..1_000u64,
        ) {
            let mut file = File::default();
            file.append(&synced);
            file.sync(1);
            file.synced(1);
            file.truncate(cut_to.min(synced.len()));
            file.append(&unsynced);
            let (lost, content) = after(&file, seed);
            prop_assert_eq!(lost, content != file.current());
            prop_assert!(content.len() >= synced.len().min(file.current().len()));
            for (at, &byte) in content.iter().enumerate() {
                let (old, new) = (synced.get(at).copied(), file.current().get(at).copied());
                let hole = old.is_none() && byte == 0;
                prop_assert!(Some(byte) == old || Some(byte) == new || hole, "byte {at} was never written");
            }
            let kept = file.synced_len();
            prop_assert_eq!(&content[..kept], &synced[..kept]);
        }
    }
}
