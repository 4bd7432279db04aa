//! How long the driver takes from a trigger to the router: a lever that is pulled, or a reading that fires a guard,
//! to `TrafficRouter::apply` being entered with the write that takes users off. On a real runtime, with ports in
//! memory. Goal: at most 1 ms at the 99th percentile, however slow the store is.

use std::sync::Arc;
use std::time::Duration;

use shepherd_benches::{Ground, Spread, Stopwatch, is_test};
use shepherd_core::driver::{Handle, Rollout};
use shepherd_core::machine::WaitingFor;
use shepherd_core::model::{Actor, Revision, Target};
use shepherd_core::plan::Attention;
use shepherd_core::ports::{Store, SystemClock};
use shepherd_core::store::MemoryStore;
use shepherd_testkit::faults::{Call, Fault, Faults, Faulty};

type Failed = Box<dyn std::error::Error>;

const GOAL: Duration = Duration::from_millis(1);

/// What takes the rollout back.
#[derive(Clone, Copy)]
enum Trigger {
    Abort,
    Reading,
}

fn main() -> Result<(), Failed> {
    let (samples, at_once) = if is_test() { (4, 2) } else { (1000, 50) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("\nFrom a trigger to the router's call, {at_once} rollouts at a time (goal: p99 <= {GOAL:?})");
    for (trigger, what) in [(Trigger::Abort, "abort"), (Trigger::Reading, "reading that fires a guard")] {
        for save in [Duration::ZERO, Duration::from_millis(300)] {
            let mut times = Vec::new();
            while times.len() < samples {
                times.extend(runtime.block_on(batch(trigger, save, at_once))?);
            }
            let spread = Spread::of(times);
            let word = if spread.quantile(0.99) <= GOAL { "met" } else { "missed" };
            println!("{what:>26}, saves take {save:>5?}   {spread}   {word}");
        }
    }
    Ok(())
}

/// Several rollouts bake at the same time, and are taken back one after the other.
async fn batch(trigger: Trigger, save: Duration, size: usize) -> Result<Vec<Duration>, Failed> {
    let mut baking = Vec::new();
    for index in 0..size {
        baking.push(tokio::spawn(async move { start(index, save).await.map_err(|error| error.to_string()) }));
    }
    let mut rollouts = Vec::new();
    for one in baking {
        rollouts.push(one.await??);
    }
    let mut times = Vec::new();
    for (ground, handle) in rollouts {
        times.push(take_back(trigger, &ground, &handle).await?);
        handle.detach().await;
    }
    Ok(times)
}

async fn start(index: usize, save: Duration) -> Result<(Ground, Handle), Failed> {
    let target: Target = format!("shop/web-{index}").parse()?;
    let ground = Ground::serving(Revision::new("v1")?);
    let rollout = Rollout::of(target)
        .on(ground.clone())
        .through(ground.clone())
        .measured_by(ground.clone())
        .guard("error_rate > 5%".parse()?)
        .attention(Attention::default().every(Duration::from_millis(50)).max_gap(Duration::from_secs(10)))
        .stored_in(slow(save))
        .build()?;
    let handle = rollout.start(Revision::new("v2")?).await?;
    let mut watch = handle.watch();
    while !matches!(handle.status().waiting.on, WaitingFor::Bake { .. }) {
        watch.next().await.ok_or("it ended before it baked")?;
    }
    Ok((ground, handle))
}

/// A store whose saves take their time.
fn slow(save: Duration) -> impl Store + 'static {
    let faults = Faults::default();
    if !save.is_zero() {
        faults.from_now_on(Call::Save, Fault::Slow(save));
    }
    Faulty::new(MemoryStore::new(), faults, Arc::new(SystemClock::new()))
}

async fn take_back(trigger: Trigger, ground: &Ground, handle: &Handle) -> Result<Duration, Failed> {
    match trigger {
        Trigger::Abort => {
            let begun = Stopwatch::start();
            let (by, reason) = (Actor::new("ann")?, "enough");
            handle.abort(by, reason).await?;
            Ok(ground.taken_off().await.since(begun))
        }
        Trigger::Reading => {
            ground.fail();
            let off = ground.taken_off().await;
            let told = ground.told().ok_or("no reading was handed over")?;
            Ok(off.since(told))
        }
    }
}
