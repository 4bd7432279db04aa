//! Taking a snapshot, writing it and reading it back. It holds the whole plan, so it grows with it.
#![allow(missing_docs, reason = "criterion's macros make functions without")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shepherd_benches::{Shape, Steady};
use shepherd_core::machine::Snapshot;

fn snapshot(c: &mut Criterion) {
    let mut group = c.benchmark_group("snapshot");
    for shape in [Shape { stages: 5, guards: 1 }, Shape { stages: 500, guards: 1 }] {
        let machine = Steady::of(shape).machine;
        let snapshot = machine.snapshot();
        let Ok(text) = snapshot.encode() else { panic!("it cannot be encoded") };
        let name = |what| BenchmarkId::new(what, format!("{} stages, {} bytes", shape.stages, text.len()));
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name("take"), |b| b.iter(|| black_box(&machine).snapshot()));
        group.bench_function(name("encode"), |b| b.iter(|| black_box(&snapshot).encode()));
        group.bench_function(name("decode"), |b| b.iter(|| Snapshot::decode(black_box(&text))));
    }
    group.finish();
}

criterion_group!(benches, snapshot);
criterion_main!(benches);
