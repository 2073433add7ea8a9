//! Histories read and judged: a quarter, a half and a whole million operations, as EDN and without reading.
//!
//! The history is that of a log that does what it should: twenty clients, twelve keys, sends of one to four
//! values, four readers of everything, operations under way at once.

use std::fmt::Write;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use squall_sim::check::history::{Checker, Options, Report};
use squall_sim::history::op::Op;
use squall_sim::history::read::Reader;
use squall_sim::seed::{Seed, Stream};

const KEYS: usize = 12;
const CLIENTS: usize = 20;
const READERS: usize = 4;
const ONE_POLL: usize = 40;

/// Offsets leave holes, as transactions do.
fn text(operations: u64) -> String {
    let mut stream = Seed(1).stream(Stream::Workload);
    let mut below = |bound: usize| stream.below(bound as u64) as usize;
    let mut text = String::new();
    let mut logs: Vec<Vec<u64>> = vec![Vec::new(); KEYS];
    let mut positions = vec![[0; KEYS]; READERS];
    let mut open: Vec<Option<String>> = vec![None; CLIENTS];
    let (mut index, mut value) = (0, 0);
    while index < operations {
        let client = below(CLIENTS);
        let (kind, body) = match open[client].take() {
            Some(body) => ("ok", body),
            None if client < READERS => {
                let mut records = String::new();
                for (key, log) in logs.iter().enumerate() {
                    let from = positions[client][key];
                    let until = log.len().min(from + ONE_POLL);
                    positions[client][key] = until;
                    if from < until {
                        let _ = write!(records, "{key} [");
                        for (offset, value) in log.iter().enumerate().take(until).skip(from) {
                            let _ = write!(records, "[{} {value}] ", offset * 2);
                        }
                        records.push(']');
                    }
                }
                open[client] = Some(format!(":f :poll, :value [[:poll {{{records}}}]]"));
                ("invoke", ":f :poll, :value [[:poll]]".to_owned())
            }
            None => {
                let (mut asked, mut done) = (String::new(), String::new());
                for _ in 0..=below(4) {
                    let key = below(KEYS);
                    value += 1;
                    let _ = write!(asked, "[:send {key} {value}] ");
                    let _ = write!(done, "[:send {key} [{} {value}]] ", logs[key].len() * 2);
                    logs[key].push(value);
                }
                open[client] = Some(format!(":f :send, :value [{done}]"));
                ("invoke", format!(":f :send, :value [{asked}]"))
            }
        };
        let _ =
            writeln!(text, "{{:index {index}, :process {client}, :type :{kind}, :time {index}000, {body}}}");
        index += 1;
    }
    text
}

fn read(text: &str) -> impl Iterator<Item = Op> {
    Reader::new(text.as_bytes()).expect("EDN").map(|read| read.expect("an operation").1)
}

fn judged(ops: impl Iterator<Item = Op>) -> Report {
    let mut checker = Checker::new(Options { ww_deps: true, ..Options::default() });
    ops.for_each(|op| checker.push(op).expect("possible"));
    checker.finish()
}

fn histories(c: &mut Criterion) {
    let mut group = c.benchmark_group("histories");
    group.sample_size(10);
    for operations in [250_000, 500_000, 1_000_000] {
        let text = text(operations);
        group.throughput(Throughput::Elements(operations));
        group.bench_function(BenchmarkId::new("from EDN", operations), |b| b.iter(|| judged(read(&text))));
        let ops: Vec<Op> = read(&text).collect();
        group.bench_function(BenchmarkId::new("in memory", operations), |b| {
            b.iter_batched(|| ops.clone(), |ops| judged(ops.into_iter()), BatchSize::LargeInput);
        });
    }
}

criterion_group!(benches, histories);
criterion_main!(benches);
