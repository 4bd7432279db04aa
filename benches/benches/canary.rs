//! A simulated canary of five weights from its start to its promotion, 25 minutes of its own time, and one that is
//! taken back.
#![allow(missing_docs, reason = "criterion's macros make functions without")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use shepherd_benches::change;
use shepherd_core::strategy::{Canary, Strategy};
use shepherd_testkit::simulation::Simulation;
use shepherd_testkit::world::{Behaviour, World};

fn canary(c: &mut Criterion) {
    let Ok(plan) = Canary::default().plan(&change(2)) else { panic!("no plan") };
    let well = World::of(&plan);
    let ill = World::of(&plan).behaviour(plan.candidate().clone(), Behaviour::new().error_rate(0.2));

    let mut group = c.benchmark_group("canary");
    for (what, world) in [("promoted", well), ("rolled back", ill)] {
        let simulation = || Simulation::new(plan.clone(), world.clone());
        let report = simulation().run();
        assert_eq!(report.promoted(), what == "promoted", "{:?}", report.ended);
        println!("{what}: {} steps, {:?} simulated", report.steps, report.elapsed);
        group.bench_function(what, |b| {
            b.iter_batched(simulation, Simulation::run, BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, canary);
criterion_main!(benches);
