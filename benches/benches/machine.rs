//! One step of the machine in its steady state, step by step and as a round. Whatever the plan's length, it costs the
//! same. Goal: at most 1 µs a step.
#![allow(missing_docs, reason = "criterion's macros make functions without")]

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shepherd_benches::{Shape, Steady};
use shepherd_core::machine::{Effect, Input};

/// Few enough to stay in the cache, enough to hide the cost of asking the hour.
const BATCH: BatchSize = BatchSize::NumIterations(64);
const SHAPES: [Shape; 4] = [
    Shape { stages: 5, guards: 1 },
    Shape { stages: 500, guards: 1 },
    Shape { stages: 5, guards: 8 },
    Shape { stages: 500, guards: 8 },
];

/// Which effect is answered.
type Wanted = fn(&Effect) -> bool;

fn name(what: &str, shape: Shape) -> BenchmarkId {
    BenchmarkId::new(what, format!("{} stages, {} guards", shape.stages, shape.guards))
}

fn machine(c: &mut Criterion) {
    let mut group = c.benchmark_group("machine");
    for shape in SHAPES {
        let steady = Steady::of(shape);
        let (mut idle, now) = (steady.machine.clone(), steady.now());
        group.bench_function(name("idle tick", shape), |b| b.iter(|| idle.step(now, Input::Tick)));

        group.bench_function(name("tick that begins a round", shape), |b| {
            b.iter_batched_ref(|| steady.clone(), Steady::tick, BATCH);
        });

        // Answered in the order in which they are asked: the last one ends the round and credits bake time.
        let mut begun = steady.clone();
        let _ = begun.tick();
        let kinds: [(&str, Wanted); 3] = [
            ("workload observed", |effect| matches!(effect, Effect::ObserveWorkload)),
            ("routing observed", |effect| matches!(effect, Effect::ObserveRouting)),
            ("measured", |effect| matches!(effect, Effect::Measure { .. })),
        ];
        for (what, kind) in kinds {
            let now = begun.now();
            let Some((effect, answer)) = begun.next_answer(kind) else { panic!("{what} is not asked") };
            let input = Input::Answered { effect, answer };
            group.bench_function(name(what, shape), |b| {
                let setup = || (begun.machine.clone(), Some(input.clone()));
                b.iter_batched_ref(
                    setup,
                    |(machine, input)| input.take().map(|input| machine.step(now, input)),
                    BATCH,
                );
            });
            let _ = begun.machine.step(now, input);
        }
        group.bench_function(name("pending", shape), |b| {
            b.iter(|| black_box(black_box(&steady.machine).pending().effects.len()));
        });
    }
    group.finish();
}

/// The four steps of a round with everything around them, as a driver does it, answers included.
fn round(c: &mut Criterion) {
    let mut group = c.benchmark_group("round");
    group.throughput(Throughput::Elements(4));
    for shape in SHAPES {
        let mut steady = Steady::of(shape);
        group.bench_function(name("4 steps", shape), |b| b.iter(|| steady.round()));
    }
    group.finish();
}

/// What a driver tells those who watch.
fn status(c: &mut Criterion) {
    let mut group = c.benchmark_group("status");
    for shape in SHAPES {
        let machine = Steady::of(shape).machine;
        group.bench_function(name("status", shape), |b| b.iter(|| black_box(&machine).status()));
    }
    group.finish();
}

criterion_group!(benches, machine, round, status);
criterion_main!(benches);
