use std::time::Duration;

use shepherd_core::model::Elapsed;
use shepherd_core::ports::Clock;

use super::ClockFixture;
use crate::conformance::cut::cut;
use crate::conformance::promise::Promise;
use crate::conformance::{Broken, Patience};

const NAP: Duration = Duration::from_millis(20);

struct Bench<'f, F: ClockFixture> {
    promise: Promise,
    clock: F::Clock,
    fixture: &'f F,
}

impl<'f, F: ClockFixture> Bench<'f, F> {
    async fn open(name: &'static str, fixture: &'f F) -> Result<Self, Broken> {
        let promise = Promise::new(name, Patience::default());
        let clock = promise.opened(fixture.open().await)?;
        Ok(Self { promise, clock, fixture })
    }

    async fn slept(&self, duration: Duration) -> Result<Elapsed, Broken> {
        let before = self.clock.now().elapsed;
        tokio::join!(self.clock.sleep(duration), self.fixture.pass(&self.clock, duration));
        let after = self.clock.now().elapsed;
        let early = format!("a sleep of {duration:?} took {:?}", after - before);
        self.promise.holds(after >= before + duration, early).map(|()| after)
    }
}

/// Elapsed time never goes back, however often it is asked for and whatever is slept meanwhile.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn elapsed_never_goes_back<F: ClockFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("elapsed_never_goes_back", fixture).await?;
    let mut last = bench.clock.now().elapsed;
    for round in 0..3 {
        for _ in 0..500 {
            let next = bench.clock.now().elapsed;
            let back = format_args!("{} ms after {} ms", next.as_millis(), last.as_millis());
            bench.promise.holds(next >= last, back)?;
            last = next;
        }
        if round < 2 {
            tokio::join!(bench.clock.sleep(NAP), bench.fixture.pass(&bench.clock, NAP));
        }
    }
    Ok(())
}

/// A sleep returns no earlier than asked.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn sleep_is_never_shorter_than_asked<F: ClockFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("sleep_is_never_shorter_than_asked", fixture).await?;
    for duration in [Duration::ZERO, Duration::from_millis(1), NAP, NAP * 3] {
        bench.slept(duration).await?;
    }
    Ok(())
}

/// Two sleep at the same time without one waiting for the other.
///
/// # Errors
/// [`Broken`] when one returns too early.
pub async fn several_sleep_at_once<F: ClockFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("several_sleep_at_once", fixture).await?;
    let began = bench.clock.now().elapsed;
    let sleep = async |duration| {
        bench.clock.sleep(duration).await;
        bench.clock.now().elapsed
    };
    let (long, short, ()) =
        tokio::join!(sleep(NAP * 2), sleep(NAP), bench.fixture.pass(&bench.clock, NAP * 2));
    bench.promise.holds(long >= began + NAP * 2, format_args!("the longer took {:?}", long - began))?;
    bench.promise.holds(short >= began + NAP, format_args!("the shorter took {:?}", short - began))
}

/// A sleep may be dropped, and those that follow are as long as asked.
///
/// # Errors
/// [`Broken`] when a dropped sleep shortens another one.
pub async fn a_dropped_sleep_shortens_no_other<F: ClockFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_dropped_sleep_shortens_no_other", fixture).await?;
    for _ in 0..3 {
        cut(1, bench.clock.sleep(NAP * 50)).await;
        bench.slept(NAP).await?;
    }
    Ok(())
}
