//! Record batches: made, parsed, read, by how many records they hold.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use squall_core::ids::{LeaderEpoch, Offset};
use squall_core::record::{Batch, BatchBuilder};

const VALUE: [u8; 100] = [7; 100];

fn build(builder: &mut BatchBuilder, records: u32) -> Batch {
    for nth in 0..records {
        builder.add(Some(&nth.to_be_bytes()), Some(&VALUE), &[], 1_000 + u64::from(nth));
    }
    builder.build()
}

fn record(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("batch");
    for records in [1, 10, 100, 1_000] {
        let mut builder = BatchBuilder::new();
        let batch = build(&mut builder, records);
        let bytes: Bytes = batch.bytes().clone();
        group.throughput(Throughput::Bytes(batch.size() as u64));
        group.bench_function(BenchmarkId::new("build", records), |bench| {
            bench.iter(|| build(&mut builder, black_box(records)));
        });
        group.bench_function(BenchmarkId::new("parse", records), |bench| {
            bench.iter(|| Batch::parse(black_box(bytes.clone())).expect("it is sound"));
        });
        group.bench_function(BenchmarkId::new("read records", records), |bench| {
            bench.iter(|| black_box(&batch).records().count());
        });
        group.bench_function(BenchmarkId::new("place", records), |bench| {
            bench.iter(|| black_box(&batch).placed(Offset(5), LeaderEpoch(3)));
        });
    }
    group.finish();
}

criterion_group!(benches, record);
criterion_main!(benches);
