//! What 10,000 rollouts in one process cost while they bake: memory by the count of an allocator and by what the
//! system holds for the process, and processor time. Simulated time, so that an hour takes seconds.
//! Goal: at most 20 KB a rollout.

use std::alloc::System;
use std::num::NonZeroUsize;
use std::time::Duration;

use cap::Cap;
use shepherd_benches::{Ground, Stopwatch, busy, is_test};
use shepherd_core::driver::{Fleet, Handle, Rollout};
use shepherd_core::machine::WaitingFor;
use shepherd_core::model::{Revision, Target};
use shepherd_core::ports::{Clock, SystemClock};
use shepherd_core::store::MemoryStore;
use shepherd_core::strategy::Canary;

type Failed = Box<dyn std::error::Error>;

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const GOAL: usize = 20_000;

/// How many calls the fleet makes at a time.
const CALLS: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// What the process holds at a moment.
#[derive(Clone, Copy)]
struct Held {
    heap: usize,
    resident: usize,
}

fn main() -> Result<(), Failed> {
    let count = if is_test() { 50 } else { 10_000 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(fleet(count))
}

async fn fleet(count: usize) -> Result<(), Failed> {
    let store = MemoryStore::new();
    let fleet = Fleet::new(CALLS);
    let empty = Held::now();

    let mut rollouts = Vec::with_capacity(count);
    for index in 0..count {
        rollouts.push(rollout(index, &store)?);
    }
    let bound = Held::now();

    let mut handles = Vec::with_capacity(count);
    for rollout in &rollouts {
        handles.push(fleet.start(rollout, Revision::new("registry.example/shop:v2")?).await?);
    }
    for handle in &handles {
        baking(handle).await?;
    }
    // Past every save that was put off, to a moment at which nothing is under way.
    let clock = SystemClock::new();
    clock.sleep(Duration::from_mins(10)).await;
    let full = Held::now();

    let time = Duration::from_mins(if is_test() { 1 } else { 10 });
    let (wall, cpu) = (Stopwatch::start(), busy());
    clock.sleep(time).await;
    let (wall, cpu) = (wall.passed(), busy().zip(cpu).map(|(after, before)| after.saturating_sub(before)));

    println!("\n{count} rollouts that bake, canary of 5 weights, 2 guards, beat of 10 s");
    println!("  adapters in memory, bound  {}", full_line(empty, bound, count));
    println!("  rollouts, with their saves {}", full_line(bound, full, count));
    let each = (full.heap.saturating_sub(bound.heap)) / count;
    let word = if each <= GOAL { "met" } else { "missed" };
    println!("  goal: at most {GOAL} bytes of heap each: {word}");
    let share = cpu.unwrap_or(wall).as_secs_f64() / time.as_secs_f64();
    let source = if cpu.is_some() { "processor time" } else { "time on the wall" };
    println!("  {:.1} ms of {source} for each second of all of them", share * 1e3);
    let rounds = share * 10.0 / f64::from(u32::try_from(count)?);
    println!("  {:.1} µs for each beat of one of them, ports in memory", rounds * 1e6);
    Ok(())
}

fn rollout(index: usize, store: &MemoryStore) -> Result<Rollout, Failed> {
    let target: Target = format!("shop/web-{index}").parse()?;
    let ground = Ground::serving(Revision::new("registry.example/shop:v1")?);
    Ok(Rollout::of(target)
        .strategy(Canary::default().every(Duration::from_hours(24)))
        .guard("error_rate > 5% for 2m".parse()?)
        .guard("p95 > 1000ms for 5m".parse()?)
        .on(ground.clone())
        .through(ground.clone())
        .measured_by(ground)
        .stored_in(store.clone())
        .build()?)
}

async fn baking(handle: &Handle) -> Result<(), Failed> {
    let mut watch = handle.watch();
    while !matches!(handle.status().waiting.on, WaitingFor::Bake { .. }) {
        watch.next().await.ok_or("it ended before it baked")?;
    }
    Ok(())
}

fn full_line(before: Held, after: Held, count: usize) -> String {
    let each = |before: usize, after: usize| after.saturating_sub(before) / count;
    let (heap, resident) = (each(before.heap, after.heap), each(before.resident, after.resident));
    format!("{heap:>6} bytes of heap each, {resident:>6} resident")
}

impl Held {
    fn now() -> Self {
        Self { heap: HEAP.allocated(), resident: resident().unwrap_or_default() }
    }
}

/// What the system holds in memory for this process, in bytes; pages of 4 KiB.
fn resident() -> Option<usize> {
    let told = std::fs::read_to_string("/proc/self/statm").ok()?;
    told.split_whitespace().nth(1)?.parse::<usize>().ok().map(|pages| pages * 4096)
}
