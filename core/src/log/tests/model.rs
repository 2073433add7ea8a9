//! Random lives of a log against the simplest model there is: a list of batches.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::env::Disk;

#[derive(Debug, Clone)]
enum Op {
    Lead {
        records: u32,
        producer: Option<u64>,
        new_epoch: bool,
    },
    Follow {
        records: u32,
        producer: Option<u64>,
        new_epoch: bool,
    },
    Sync,
    /// Ends the n-th sync under way.
    End(usize),
    Truncate(prop::sample::Index),
    Advance(prop::sample::Index),
    Crash,
    PowerLoss {
        tears: bool,
        seed: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let batch = || (1u32..6, prop::option::weighted(0.7, 0u64..3), prop::bool::weighted(0.1));
    prop_oneof![
        8 => batch().prop_map(|(records, producer, new_epoch)| Op::Lead { records, producer, new_epoch }),
        4 => batch().prop_map(|(records, producer, new_epoch)| Op::Follow { records, producer, new_epoch }),
        4 => Just(Op::Sync),
        8 => (0usize..4).prop_map(Op::End),
        2 => any::<prop::sample::Index>().prop_map(Op::Truncate),
        1 => any::<prop::sample::Index>().prop_map(Op::Advance),
        1 => Just(Op::Crash),
        2 => (any::<bool>(), any::<u64>()).prop_map(|(tears, seed)| Op::PowerLoss { tears, seed }),
    ]
}

struct Model {
    log: Log,
    disk: TestDisk,
    epoch: u32,
    /// Every batch on the way to the log end, also those that were retired.
    line: Vec<Batch>,
    /// The lines that truncations ended since all was last durable: a power loss may bring them back.
    older: Vec<Vec<Batch>>,
    /// The log start before the first retirement since all was last durable.
    oldest_start: Offset,
}

impl Model {
    fn new() -> Self {
        let mut disk = TestDisk::new();
        let log = open(&mut disk);
        let oldest_start = Offset::ZERO;
        Self { log, disk, epoch: 0, line: Vec::new(), older: Vec::new(), oldest_start }
    }

    fn carry_out(&mut self, op: Op) {
        match op {
            Op::Lead { records, producer, new_epoch } => {
                let batch = self.next_batch(records, producer, new_epoch);
                let epoch = LeaderEpoch(self.epoch);
                self.line.push(self.log.append_as_leader(&batch, epoch, &mut self.disk).unwrap());
            }
            Op::Follow { records, producer, new_epoch } => {
                let batch = self.next_batch(records, producer, new_epoch);
                let placed = batch.placed(self.log.log_end(), LeaderEpoch(self.epoch));
                self.log.append_as_follower(&placed, &mut self.disk).unwrap();
                self.line.push(placed);
            }
            Op::Sync => {
                self.log.sync(&mut self.disk);
            }
            Op::End(nth) => {
                if let Some(&sync) = self.disk.pending().get(nth) {
                    self.disk.complete(sync);
                    assert_ne!(self.log.on_synced(sync, Ok(())), SyncOutcome::NotMine);
                }
            }
            Op::Truncate(at) => self.truncate(at),
            Op::Advance(at) => {
                let kept = self.log.log_end().records_since(self.log.log_start()).unwrap();
                let to = self.log.log_start().plus(at.index(kept as usize + 1) as u64);
                self.log.advance_start(to, &mut self.disk).unwrap();
                assert!(self.log.log_start() <= to);
            }
            Op::Crash => {
                self.disk.crash();
                let before = self.log.log_end();
                self.reopen();
                assert_eq!(self.log.log_end(), before, "a crash of the process loses nothing");
            }
            Op::PowerLoss { tears, seed } => self.power_loss(tears, seed),
        }
        self.check();
    }

    fn next_batch(&mut self, records: u32, producer: Option<u64>, new_epoch: bool) -> Batch {
        self.epoch += u32::from(new_epoch);
        let stamp = producer.map(|id| {
            let next = self.log.producers().get(ProducerId(id)).map(|state| state.next_sequence().0);
            let stamp = stamp(id, 0, next.unwrap_or(0));
            assert_eq!(self.log.producers().check(stamp, records), Ok(Check::New));
            stamp
        });
        batch(records, 1000 + self.log.log_end().0, stamp)
    }

    fn truncate(&mut self, at: prop::sample::Index) {
        let kept = self.log.log_end().records_since(self.log.log_start()).unwrap();
        let end = self.log.log_start().plus(at.index(kept as usize + 1) as u64);
        self.older.push(self.line.clone());
        self.line.retain(|batch| batch.next_offset() <= end);
        self.log.truncate_to(end, &mut self.disk).unwrap();
        // Whoever truncates follows a new leader.
        self.epoch += 1;
    }

    fn power_loss(&mut self, tears: bool, seed: u64) {
        let how = if tears { PowerLoss::Tears } else { PowerLoss::LosesAllUnsynced };
        let mut state = seed | 1;
        self.disk.power_loss(how, &mut |below| {
            // Knuth's linear congruential generator: any will do.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        });
        let (durable, start) = (self.log.durable_end(), self.log.log_start());
        self.reopen();
        assert!(self.log.log_end() >= durable, "a durable record is lost");
        assert!((self.oldest_start..=start).contains(&self.log.log_start()), "the log start is of no time");
        let kept = contents(&self.log, &mut self.disk);
        for batch in self.line.iter().filter(|b| b.next_offset() <= durable && b.base_offset() >= start) {
            assert!(kept.contains(batch), "a durable batch is another one");
        }
        let of = |line: &Vec<Batch>| {
            let until = line.iter().take_while(|batch| batch.base_offset() < self.log.log_end()).count();
            line[..until].ends_with(&kept).then(|| line[..until].to_vec())
        };
        let line = self.older.iter().chain([&self.line]).find_map(of);
        let line = line.expect("what is left was the log at some time");
        self.older.push(std::mem::replace(&mut self.line, line));
        // What recovery cut is not durable either: the older lines may come back once more.
    }

    fn reopen(&mut self) {
        self.log = open(&mut self.disk);
        assert_eq!(self.log.durable_end(), Offset::ZERO);
    }

    /// The log is the list, its tables are folds of it, and what is indexed is a batch.
    fn check(&mut self) {
        self.log.assert_invariants();
        let clean =
            !self.log.durability.names_dirty && self.log.segments.iter().all(|segment| !segment.dirty);
        if clean && self.disk.pending().is_empty() {
            self.older.clear();
            self.oldest_start = self.log.log_start();
        }
        let start = self.log.log_start();
        let kept: Vec<_> = self.line.iter().filter(|batch| batch.base_offset() >= start).cloned().collect();
        assert_eq!(contents(&self.log, &mut self.disk), kept);
        let (epochs, producers) = fold(&kept);
        assert_eq!(self.log.epochs(), &epochs, "W-EC");
        assert_eq!(self.log.producers(), &producers, "W-PS");
        self.check_files();
    }

    fn check_files(&self) {
        let bases: Vec<_> = self.log.segment_bases().collect();
        let mut snapshots = 0;
        for (place, base) in bases.iter().enumerate() {
            let content = |suffix| self.disk.content(&format!("t/{:020}.{suffix}", base.0));
            let log = content("log").expect("every segment has its file");
            for entry in content("index").unwrap_or_default().chunks(8) {
                let position = u32::from_be_bytes(entry[4..].try_into().unwrap()) as usize;
                let last = base.0 + u64::from(u32::from_be_bytes(entry[..4].try_into().unwrap()));
                assert_eq!(
                    seal::Seal::of("t/0.log").verified(&log[position..]).unwrap().last_offset(),
                    Offset(last),
                    "W-LOG"
                );
            }
            assert_eq!(content("index").is_some(), place + 1 < bases.len(), "the sealed ones have an index");
            let snapshot = content("snapshot").is_some();
            snapshots += usize::from(snapshot);
            assert!(!snapshot || (place > 0 && place + 2 >= bases.len()), "of the snapshots the newest stay");
            assert!(snapshot || place == 0 || place + 1 < bases.len(), "the active segment has one");
        }
        assert_eq!(self.disk.list("t/").len(), bases.len() * 3 - 2 + snapshots, "nothing else lies about");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_log_is_its_batches_through_cuts_crashes_and_power_losses(ops in vec(op(), 1..80)) {
        let mut model = Model::new();
        for op in ops {
            model.carry_out(op);
        }
    }

    /// A follower that fell behind its leader's log start, caught by a power loss somewhere on the way.
    #[test]
    fn a_reset_log_is_the_old_one_or_the_new_one(
        before in 0usize..30, after in 0usize..30, synced: bool, seed: u64,
    ) {
        let mut model = Model::new();
        (0..before).for_each(|_| model.carry_out(Op::Lead { records: 2, producer: Some(1), new_epoch: false }));
        flush(&mut model.log, &mut model.disk);
        let old = std::mem::take(&mut model.line);
        model.log.reset_to(Offset(1000), &mut model.disk).unwrap();
        (0..after).for_each(|_| model.line.push(append(&mut model.log, 2, 1, &mut model.disk)));
        if synced {
            flush(&mut model.log, &mut model.disk);
        }
        let mut state = seed | 1;
        model.disk.power_loss(PowerLoss::Tears, &mut |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        });
        let log = open(&mut model.disk);
        let kept = contents(&log, &mut model.disk);
        prop_assert!(model.line.starts_with(&kept) || old.ends_with(&kept) || old.starts_with(&kept));
        if synced {
            prop_assert_eq!((log.log_start(), kept), (Offset(1000), model.line));
        }
    }
}
