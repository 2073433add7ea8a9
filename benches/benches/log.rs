//! The log over a disk that costs next to nothing: appends, reads, recovery.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use squall_core::env::{Disk, DiskFault, SyncId};
use squall_core::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};
use squall_core::log::{Log, LogConfig};
use squall_core::quirk::Quirks;
use squall_core::record::{Batch, BatchBuilder, ProducerStamp, batches};

/// Files in a list: a log uses few, and the same one many times in a row. A sync costs nothing and tells
/// nobody. The disk of `testing` copies whole files at a sync, and would be all that is measured.
#[derive(Clone, Default)]
struct PlainDisk {
    files: Vec<(String, Vec<u8>)>,
    syncs: u64,
}

impl PlainDisk {
    fn place(&self, file: &str) -> Option<usize> {
        self.files.iter().rposition(|(name, _)| name == file)
    }

    fn open(&mut self, file: &str) -> &mut Vec<u8> {
        let place = self.place(file).unwrap_or_else(|| {
            self.files.push((file.to_owned(), Vec::new()));
            self.files.len() - 1
        });
        &mut self.files[place].1
    }
}

impl Disk for PlainDisk {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskFault> {
        self.open(file).extend_from_slice(bytes);
        Ok(())
    }

    fn write_at(&mut self, file: &str, at: u64, bytes: &[u8]) -> Result<(), DiskFault> {
        let (content, at) = (self.open(file), at as usize);
        content.resize(content.len().max(at + bytes.len()), 0);
        content[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskFault> {
        self.open(file).truncate(len as usize);
        Ok(())
    }

    fn read(&mut self, file: &str, at: u64, into: &mut [u8]) -> Result<usize, DiskFault> {
        let place = self.place(file).ok_or(DiskFault::NotFound)?;
        let content = self.files[place].1.get(at as usize..).unwrap_or_default();
        let count = content.len().min(into.len());
        into[..count].copy_from_slice(&content[..count]);
        Ok(count)
    }

    fn len(&self, file: &str) -> Option<u64> {
        self.place(file).map(|place| self.files[place].1.len() as u64)
    }

    fn list(&self, prefix: &str) -> Vec<String> {
        let names = self.files.iter().map(|(name, _)| name).filter(|name| name.starts_with(prefix));
        let mut names: Vec<_> = names.cloned().collect();
        names.sort();
        names
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskFault> {
        let place = self.place(from).ok_or(DiskFault::NotFound)?;
        let (_, content) = self.files.remove(place);
        *self.open(to) = content;
        Ok(())
    }

    fn remove(&mut self, file: &str) -> Result<(), DiskFault> {
        let place = self.place(file).ok_or(DiskFault::NotFound)?;
        self.files.remove(place);
        Ok(())
    }

    fn sync(&mut self, _: &str) -> SyncId {
        self.sync_dir()
    }

    fn sync_dir(&mut self) -> SyncId {
        self.syncs += 1;
        SyncId(self.syncs)
    }
}

/// Batches in a log, in all benchmarks.
const BATCHES: u64 = 1_000;
const EPOCH: LeaderEpoch = LeaderEpoch(1);

/// A batch of an idempotent producer, of about 1 KiB.
fn batch(nth: u64) -> Batch {
    let mut builder = BatchBuilder::new();
    (0..8).for_each(|_| {
        builder.add(None, Some(&[7; 110]), &[], 1_000 + nth);
    });
    let base = Sequence(nth as u32 * 8);
    builder.set_producer(ProducerStamp { id: ProducerId(3), epoch: ProducerEpoch(0), base });
    builder.build()
}

fn config(segment_bytes: u64) -> LogConfig {
    LogConfig { segment_bytes, ..LogConfig::default() }
}

fn open(segment_bytes: u64, disk: &mut PlainDisk) -> Log {
    Log::open("t", config(segment_bytes), Quirks::NONE, disk).expect("the disk is sound").0
}

fn filled(segment_bytes: u64) -> (Log, PlainDisk) {
    let mut disk = PlainDisk::default();
    let mut log = open(segment_bytes, &mut disk);
    for nth in 0..BATCHES {
        log.append_as_leader(&batch(nth), EPOCH, &mut disk).expect("the disk is sound");
    }
    (log, disk)
}

/// One large segment; segments of 64 batches each.
const SEGMENTS: [u64; 2] = [1 << 30, 1 << 16];

fn appends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    let fresh: Vec<Batch> = (0..BATCHES).map(batch).collect();
    group.throughput(Throughput::Elements(BATCHES));
    for segment in SEGMENTS {
        let (full, mut disk) = filled(segment);
        let empty = || {
            let mut disk = PlainDisk::default();
            (open(segment, &mut disk), disk)
        };
        group.bench_function(BenchmarkId::new("leader", segment), |bench| {
            bench.iter_batched_ref(
                empty,
                |(log, disk)| {
                    for batch in &fresh {
                        log.append_as_leader(batch, EPOCH, disk).expect("the disk is sound");
                    }
                },
                BatchSize::LargeInput,
            );
        });
        let placed: Vec<Batch> = contents(&full, &mut disk);
        group.bench_function(BenchmarkId::new("follower", segment), |bench| {
            bench.iter_batched_ref(
                empty,
                |(log, disk)| {
                    for batch in &placed {
                        log.append_as_follower(batch, disk).expect("the disk is sound");
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn contents(log: &Log, disk: &mut PlainDisk) -> Vec<Batch> {
    let mut all: Vec<Batch> = Vec::new();
    while all.last().map_or(Offset::ZERO, Batch::next_offset) < log.log_end() {
        let from = all.last().map_or(Offset::ZERO, Batch::next_offset);
        let bytes = log.read(from, log.log_end(), 1 << 20, disk).expect("the disk is sound");
        all.extend(batches(bytes).map(|batch| batch.expect("it was checked when read")));
    }
    all
}

fn reads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    for segment in SEGMENTS {
        let (log, mut disk) = filled(segment);
        let end = log.log_end();
        for (place, from) in [("tail", Offset(end.0 - 8)), ("middle", Offset(end.0 / 2))] {
            let bytes: Bytes = log.read(from, end, 8_192, &mut disk).expect("the disk is sound");
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_function(BenchmarkId::new(place, segment), |bench| {
                bench.iter(|| log.read(black_box(from), end, 8_192, &mut disk).expect("the disk is sound"));
            });
        }
    }
    group.finish();
}

fn recovery(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recovery");
    for segment in SEGMENTS {
        let (log, disk) = filled(segment);
        group.throughput(Throughput::Bytes(log.size()));
        group.bench_function(BenchmarkId::from_parameter(segment), |bench| {
            bench.iter_batched_ref(
                || disk.clone(),
                |disk| open(segment, disk).log_end(),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, appends, reads, recovery);
criterion_main!(benches);
