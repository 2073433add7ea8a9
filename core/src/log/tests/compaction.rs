//! Compaction against the simplest model there is: the records that were written, and the newest of each key.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::env::{Disk, DiskFault};

/// How long tombstones stay after their first cleaning, in milliseconds.
const RETENTION: u64 = 50;

fn compacting() -> LogConfig {
    let clean = CleanConfig {
        dirty_per_mille: 0,
        delete_retention: Span::from_millis(RETENTION),
        dedupe_bytes: 600,
        ..CleanConfig::default()
    };
    LogConfig { cleanup: CleanupPolicy::Compact, clean, ..tiny() }
}

/// A record that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wrote {
    offset: Offset,
    key: u8,
    value: Option<u64>,
    timestamp: u64,
}

/// A batch to be written: its records' keys, and whether each has a value; its producer; a new reign before it.
type Plan = (Vec<(u8, bool)>, Option<u64>, bool);

fn plan() -> impl Strategy<Value = Plan> {
    let record = (0u8..5, prop::bool::weighted(0.75));
    (vec(record, 1..5), prop::option::weighted(0.6, 0u64..3), prop::bool::weighted(0.15))
}

#[derive(Clone)]
struct World {
    log: Log,
    disk: TestDisk,
    epoch: u32,
    written: Vec<Wrote>,
    /// The batches as they were written.
    batches: Vec<Batch>,
}

impl World {
    fn new() -> Self {
        let mut disk = TestDisk::new();
        let log = Log::open("t", compacting(), Quirks::NONE, &mut disk).unwrap().0;
        Self { log, disk, epoch: 0, written: Vec::new(), batches: Vec::new() }
    }

    /// The disk with one bit changed in the last file that holds anything.
    fn rotten(&self, seed: u64) -> TestDisk {
        let mut disk = self.disk.clone();
        let mut files = disk.list("t/");
        files.retain(|file| file.ends_with(".log") && disk.len(file) > Some(0));
        if let Some(last) = files.last() {
            let bits = disk.len(last).unwrap() * 8;
            let bit = seed % bits;
            disk.rot(last, (bit / 8) as usize, (bit % 8) as u32);
        }
        disk
    }

    fn of(plans: &[Plan]) -> Self {
        let mut world = Self::new();
        plans.iter().for_each(|plan| world.write(plan));
        flush(&mut world.log, &mut world.disk);
        world
    }

    fn write(&mut self, (records, producer, new_epoch): &Plan) {
        self.epoch += u32::from(*new_epoch);
        let base = self.log.log_end().0;
        let mut builder = BatchBuilder::new();
        for (nth, &(key, has_value)) in records.iter().enumerate() {
            let offset = Offset(base + nth as u64);
            // Out of order, as producers' clocks are.
            let timestamp = 1000 + offset.0 * 7 % 40;
            let value = has_value.then_some(offset.0);
            let bytes = value.map(u64::to_be_bytes);
            builder.add(Some(&[key]), bytes.as_ref().map(|bytes| &bytes[..]), &[], timestamp);
            self.written.push(Wrote { offset, key, value, timestamp });
        }
        if let Some(id) = *producer {
            let next = self.log.producers().get(ProducerId(id)).map(|state| state.next_sequence().0);
            builder.set_producer(stamp(id, 0, next.unwrap_or(0)));
        }
        let epoch = LeaderEpoch(self.epoch);
        self.batches.push(self.log.append_as_leader(&builder.build(), epoch, &mut self.disk).unwrap());
    }

    /// One slice; syncs end at once.
    fn slice(&mut self, up_to: Offset, now_millis: u64) -> Result<CleanStep, DiskFault> {
        let allowed = Cleanable { up_to, aborted: &[], now_millis };
        let mut did = CleanStep::default();
        self.log.clean(&allowed, &mut did, &mut self.disk)?;
        while let Some(sync) = self.disk.complete_next() {
            self.log.on_synced(sync, Ok(()));
        }
        self.log.assert_invariants();
        Ok(did)
    }

    /// Passes until nothing changes any more; how many stretches were written anew.
    fn clean(&mut self, up_to: Offset, now_millis: u64) -> usize {
        let mut stretches = 0;
        for _ in 0..1000 {
            let did = self.slice(up_to, now_millis).unwrap();
            stretches += usize::from(did.cleaned.is_some());
            if !did.more && !self.log.is_cleaning() {
                return stretches;
            }
        }
        panic!("cleaning never ends");
    }

    /// Counts everything as dirty again.
    fn forget_what_is_clean(&mut self) {
        self.log.cleaner = None;
    }

    fn records(&mut self) -> Vec<Wrote> {
        let batches = contents(&self.log, &mut self.disk);
        let read = |batch: &Batch| {
            let wrote = batch.records().map(|record| Wrote {
                offset: record.offset,
                key: record.key.expect("all have keys")[0],
                value: record.value.map(|value| u64::from_be_bytes(value.try_into().unwrap())),
                timestamp: record.timestamp,
            });
            wrote.collect::<Vec<_>>()
        };
        batches.iter().flat_map(read).collect()
    }

    /// What a log that was cleaned up to `limit` holds.
    fn newest(&self, limit: Offset, tombstones: bool) -> Vec<Wrote> {
        let displaced = |wrote: &&Wrote| {
            let newer = |other: &&Wrote| other.key == wrote.key && other.offset > wrote.offset;
            self.written.iter().filter(newer).any(|other| other.offset < limit)
        };
        let stays = |wrote: &&Wrote| {
            wrote.offset >= limit || (!displaced(wrote) && (tombstones || wrote.value.is_some()))
        };
        self.written.iter().filter(stays).cloned().collect()
    }

    /// Where the first segment starts that is not wholly below `up_to`.
    fn limit(&self, up_to: Offset) -> Offset {
        self.log.segment_bases().filter(|base| *base <= up_to).last().unwrap()
    }

    fn reopen(&mut self) {
        self.log = Log::open("t", compacting(), Quirks::NONE, &mut self.disk).unwrap().0;
    }

    /// Nothing is lost that no newer record below `limit` displaces, nothing is there that was not written, and
    /// there are no holes.
    fn assert_sound(&mut self, limit: Offset, why: &str) {
        let kept = self.records();
        assert!(kept.iter().all(|record| self.written.contains(record)), "{why}: a record is another one");
        for record in self.newest(limit, true) {
            assert!(kept.contains(&record), "{why}: {record:?} is gone below {limit}");
        }
        let next = contents(&self.log, &mut self.disk).last().map_or(Offset::ZERO, Batch::next_offset);
        assert_eq!(next, self.batches.last().unwrap().next_offset(), "{why}: the log end moved");
        let (epochs, producers) = fold(&self.batches);
        assert_eq!(
            (self.log.epochs(), self.log.producers()),
            (&epochs, &producers),
            "{why}: a table changed"
        );
    }
}

/// Where the cleaner of a log that ends at `end` may go, at random.
fn up_to(world: &World, at: prop::sample::Index) -> Offset {
    Offset(at.index(world.log.log_end().0 as usize + 1) as u64)
}

fn seeded(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed | 1;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_cleaned_log_holds_the_newest_of_each_key_in_its_place_and_keeps_its_tables(
        plans in vec(plan(), 1..60), at: prop::sample::Index,
    ) {
        let mut world = World::of(&plans);
        let up_to = up_to(&world, at);
        let limit = world.limit(up_to);
        world.clean(up_to, 0);
        prop_assert_eq!(world.records(), world.newest(limit, true));
        world.assert_sound(limit, "cleaned");
        world.reopen();
        prop_assert_eq!(world.records(), world.newest(limit, true));
        world.assert_sound(limit, "opened again");
    }

    #[test]
    fn tombstones_go_when_their_time_is_over_and_not_before(plans in vec(plan(), 1..60)) {
        let mut world = World::of(&plans);
        let limit = world.limit(world.log.log_end());
        world.clean(limit, 0);
        world.forget_what_is_clean();
        world.clean(limit, RETENTION - 1);
        prop_assert_eq!(world.records(), world.newest(limit, true));
        world.forget_what_is_clean();
        world.clean(limit, RETENTION);
        prop_assert_eq!(world.records(), world.newest(limit, false));
        let (epochs, producers) = fold(&world.batches);
        prop_assert_eq!((world.log.epochs(), world.log.producers()), (&epochs, &producers));
    }

    #[test]
    fn an_old_file_that_a_power_loss_brought_back_hides_no_damage(plans in vec(plan(), 8..60), bit: u64) {
        let mut world = World::of(&plans);
        let end = world.log.log_end();
        // Only files that a pass has made small become one in the next.
        let merged = (0..plans.len()).find_map(|_| {
            let before = world.disk.clone();
            world.forget_what_is_clean();
            world.clean(end, 0);
            let gone = |file: &String| file.ends_with(".log") && world.disk.len(file).is_none();
            // Removals are lost from the last one on.
            let old = before.list("t/").into_iter().rfind(gone)?;
            Some((before, old))
        });
        let Some((before, old)) = merged else { return Ok(()) };
        world.disk.write_at(&old, 0, before.content(&old).unwrap()).unwrap();
        prop_assert!(Log::is_sound("t", &mut world.disk).unwrap(), "it is there with all that was in it");
        prop_assert!(!Log::is_sound("t", &mut world.rotten(bit)).unwrap());
    }

    #[test]
    fn what_is_clean_is_not_written_again(plans in vec(plan(), 1..60)) {
        let mut world = World::of(&plans);
        let end = world.log.log_end();
        world.clean(end, 0);
        // Runs that meet where old files did become one, a pass at a time.
        for _ in 0..plans.len() {
            world.forget_what_is_clean();
            if world.clean(end, 0) == 0 {
                break;
            }
        }
        let before = world.disk.clone();
        world.forget_what_is_clean();
        prop_assert_eq!(world.clean(end, 0), 0);
        for file in world.disk.list("t/") {
            prop_assert_eq!(world.disk.content(&file), before.content(&file));
        }
    }

    #[test]
    fn a_power_loss_at_any_step_leaves_old_or_new(
        plans in vec(plan(), 1..40), more in vec(plan(), 0..8), tears: bool, seed: u64,
    ) {
        let mut world = World::of(&plans);
        let end = world.log.log_end();
        let how = if tears { PowerLoss::Tears } else { PowerLoss::LosesAllUnsynced };
        let mut more = more.iter();
        for step in 0..60 {
            let did = world.slice(end, 0).unwrap();
            let limit = world.limit(end);
            let mut struck = world.clone();
            struck.disk.power_loss(how, &mut seeded(seed.wrapping_add(step)));
            prop_assert!(Log::is_sound("t", &mut struck.disk).unwrap(), "no damage that a power loss explains");
            struck.reopen();
            struck.assert_sound(limit, "after a power loss");
            struck.clean(end, 0);
            struck.assert_sound(limit, "and cleaned");
            if !did.more && !world.log.is_cleaning() {
                break;
            }
            // The log goes on meanwhile.
            if let Some(plan) = more.next() {
                world.write(plan);
                flush(&mut world.log, &mut world.disk);
            }
        }
    }

    #[test]
    fn a_fault_at_any_operation_leaves_old_or_new(plans in vec(plan(), 1..25), power: bool, seed: u64) {
        let whole = World::of(&plans);
        let end = whole.log.log_end();
        for nth in 0..200 {
            let mut world = whole.clone();
            world.disk.fail_operation(nth, DiskFault::Io);
            let failed = (0..200).find_map(|_| match world.slice(end, 0) {
                Ok(did) if !did.more && !world.log.is_cleaning() => Some(false),
                Ok(_) => None,
                Err(_) => Some(true),
            });
            if failed != Some(true) {
                break;
            }
            if power {
                world.disk.power_loss(PowerLoss::Tears, &mut seeded(seed.wrapping_add(u64::from(nth))));
            } else {
                world.disk.crash();
            }
            world.reopen();
            let limit = whole.limit(end);
            world.assert_sound(limit, "after a fault");
            let cleaned = world.disk.list("t/").iter().any(|file| file.ends_with(".cleaned"));
            prop_assert!(!cleaned, "what was half written lies about");
        }
    }

    /// Cuts come while a pass is under way: above the limit they do not disturb it, below they end it.
    #[test]
    fn a_cut_while_cleaning_loses_nothing_below_it(
        plans in vec(plan(), 5..40), slices in 0usize..12, cut: prop::sample::Index, whole: bool,
    ) {
        let mut world = World::of(&plans);
        let end = world.log.log_end();
        let committed = if whole { end } else { Offset(end.0 / 2) };
        for _ in 0..slices {
            world.slice(committed, 0).unwrap();
        }
        let to = Offset(committed.0 + cut.index((end.0 - committed.0) as usize + 1) as u64);
        world.log.truncate_to(to, &mut world.disk).unwrap();
        let to = world.log.log_end();
        world.written.retain(|wrote| wrote.offset < to);
        world.batches.retain(|batch| batch.next_offset() <= to);
        if world.batches.is_empty() {
            return Ok(());
        }
        flush(&mut world.log, &mut world.disk);
        world.assert_sound(committed, "after the cut");
        world.clean(committed, 0);
        world.assert_sound(committed, "and cleaned");
    }

    /// A follower copies a cleaned log, from any batch that it once had on.
    #[test]
    fn a_follower_copies_a_cleaned_log(plans in vec(plan(), 2..40), had: prop::sample::Index) {
        let mut leader = World::of(&plans);
        let mut follower = World::new();
        for batch in &leader.batches[..had.index(plans.len())] {
            follower.log.append_as_follower(batch, &mut follower.disk).unwrap();
        }
        let end = leader.log.log_end();
        leader.clean(end, 0);
        while follower.log.log_end() < end {
            let from = follower.log.log_end();
            let bytes = leader.log.read(from, end, 1, &mut leader.disk).unwrap();
            for batch in batches(bytes).map(Result::unwrap) {
                let batch = if batch.base_offset() < from { batch.filler_from(from) } else { batch };
                follower.log.append_as_follower(&batch, &mut follower.disk).unwrap();
            }
        }
        prop_assert_eq!(follower.log.epochs(), leader.log.epochs());
        flush(&mut follower.log, &mut follower.disk);
        follower.written.clone_from(&leader.written);
        follower.clean(end, 0);
        for record in follower.newest(end, true) {
            prop_assert!(follower.records().contains(&record));
        }
    }
}

#[test]
fn records_of_transactions_that_were_aborted_go_and_displace_nothing() {
    // A producer's own, and offsets that a group's coordinator writes for it: these have no sequence.
    goes_and_displaces_nothing(|builder| _ = builder.set_producer(stamp(7, 0, 0)));
    goes_and_displaces_nothing(|builder| _ = builder.set_identity(ProducerId(7), ProducerEpoch(0)));
}

fn goes_and_displaces_nothing(sign: impl Fn(&mut BatchBuilder)) {
    let mut world = World::new();
    world.write(&(vec![(1, true)], None, false));
    let mut builder = BatchBuilder::new();
    builder.add(Some(&[1]), Some(b"aborted."), &[], 1000).set_transactional();
    sign(&mut builder);
    world.log.append_as_leader(&builder.build(), LeaderEpoch(0), &mut world.disk).unwrap();
    for _ in 0..8 {
        world.write(&(vec![(2, true)], None, false));
    }
    flush(&mut world.log, &mut world.disk);
    let aborted = [Aborted { producer: ProducerId(7), first: Offset(1), last: Offset(2) }];
    for _ in 0..20 {
        let allowed = Cleanable { up_to: world.log.log_end(), aborted: &aborted, now_millis: 0 };
        world.log.clean(&allowed, &mut CleanStep::default(), &mut world.disk).unwrap();
        flush(&mut world.log, &mut world.disk);
    }
    let kept = world.records();
    assert_eq!(kept[0].value, Some(0), "the record before the aborted one stays");
    assert!(kept.iter().all(|record| record.offset != Offset(1)), "the aborted one goes");
    assert!(world.log.producers().get(ProducerId(7)).is_some(), "its producer is remembered");
}

#[test]
fn what_is_young_or_hardly_dirty_is_left_alone() {
    let mut world = World::of(&vec![(vec![(1, true)], None, false); 30]);
    let end = world.log.log_end();
    world.log.config.clean.min_lag = Span::from_millis(100);
    assert_eq!(world.clean(end, 1010), 0, "every segment is younger than the lag");
    world.log.config.clean.min_lag = Span::ZERO;
    world.clean(end, 1010);
    world.log.config.clean.dirty_per_mille = 1000;
    assert_eq!(world.clean(end, 1010), 0, "nothing is dirty");
    world.log.config.cleanup = CleanupPolicy::Delete;
    world.forget_what_is_clean();
    assert_eq!(world.clean(end, 1010), 0, "the policy is to delete");
}

#[test]
fn a_time_is_found_behind_records_that_are_gone() {
    let mut world = World::new();
    for _ in 0..20 {
        world.write(&(vec![(1, true)], Some(0), false));
    }
    flush(&mut world.log, &mut world.disk);
    let end = world.log.log_end();
    world.clean(end, 0);
    let latest =
        world.records().into_iter().filter(|wrote| wrote.timestamp >= 1010).map(|wrote| wrote.offset).min();
    assert_eq!(world.log.offset_for_time(1010, &mut world.disk), Ok(latest));
    assert_eq!(world.log.offset_for_time(1040, &mut world.disk), Ok(None), "younger than all");
}
