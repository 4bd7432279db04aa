use shepherd_core::model::Verdict;
use shepherd_core::ports::{HealthGate, PortError};

use super::{GateFixture, Health};
use crate::conformance::Broken;
use crate::conformance::cut::{MOST_POLLS, cut};
use crate::conformance::promise::Promise;

struct Bench<'f, F: GateFixture> {
    promise: Promise,
    gate: F::Gate,
    fixture: &'f F,
}

impl<'f, F: GateFixture> Bench<'f, F> {
    async fn open(name: &'static str, fixture: &'f F) -> Result<Self, Broken> {
        let promise = Promise::new(name, fixture.patience());
        let gate = promise.opened(fixture.open().await)?;
        Ok(Self { promise, gate, fixture })
    }

    async fn make(&self, health: Health) -> Result<(), Broken> {
        self.promise.opened(self.fixture.make(health).await)
    }

    async fn asked(&self) -> Result<Verdict, PortError> {
        self.gate.check(&self.fixture.question()).await
    }

    /// The verdict on what can be asked; a passing failure is asked again.
    async fn verdict(&self) -> Result<Verdict, Broken> {
        self.promise.done("asking", || self.asked()).await
    }

    async fn passes(&self) -> Result<(), Broken> {
        let verdict = self.verdict().await?;
        self.promise.holds(verdict.is_pass(), format_args!("what is well was answered {verdict}"))
    }

    async fn fails(&self) -> Result<(), Broken> {
        let verdict = self.verdict().await?;
        self.promise
            .holds(matches!(verdict, Verdict::Fail(_)), format_args!("what is ill was answered {verdict}"))
    }

    fn no_pass(&self, answer: &Result<Verdict, PortError>) -> Result<(), Broken> {
        let decided = matches!(answer, Ok(Verdict::Pass(_) | Verdict::Fail(_)));
        self.promise.holds(!decided, format_args!("what could not be asked was answered {answer:?}"))
    }
}

/// What is well passes, again and again.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn what_is_well_passes<F: GateFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("what_is_well_passes", fixture).await?;
    bench.make(Health::Well).await?;
    for _ in 0..3 {
        bench.passes().await?;
    }
    Ok(())
}

/// What is ill fails, again and again.
///
/// # Errors
/// [`Broken`] when it passes.
pub async fn what_is_ill_fails<F: GateFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("what_is_ill_fails", fixture).await?;
    bench.make(Health::Ill).await?;
    for _ in 0..3 {
        bench.fails().await?;
    }
    Ok(())
}

/// What cannot be asked is an error or inconclusive: it neither passes nor fails.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn what_cannot_be_asked_is_no_verdict<F: GateFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("what_cannot_be_asked_is_no_verdict", fixture).await?;
    bench.make(Health::Unreachable).await?;
    for _ in 0..3 {
        bench.no_pass(&bench.asked().await)?;
    }
    Ok(())
}

/// A verdict is of now: what was well and became ill fails, and what became well again passes.
///
/// # Errors
/// [`Broken`] when an old verdict is answered.
pub async fn a_verdict_is_of_now<F: GateFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_verdict_is_of_now", fixture).await?;
    bench.make(Health::Well).await?;
    bench.passes().await?;
    bench.make(Health::Ill).await?;
    bench.fails().await?;
    bench.make(Health::Unreachable).await?;
    bench.no_pass(&bench.asked().await)?;
    bench.make(Health::Well).await?;
    bench.passes().await
}

/// Every verdict says why.
///
/// # Errors
/// [`Broken`] when its reason is empty.
pub async fn a_verdict_has_a_reason<F: GateFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_verdict_has_a_reason", fixture).await?;
    for health in [Health::Well, Health::Ill] {
        bench.make(health).await?;
        let verdict = bench.verdict().await?;
        let said = !verdict.reason().as_str().trim().is_empty();
        bench.promise.holds(said, format_args!("{verdict:?} gives no reason"))?;
    }
    Ok(())
}

/// Asking changes nothing that users see.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn asking_changes_nothing<F: GateFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("asking_changes_nothing", fixture).await?;
    bench.make(Health::Well).await?;
    let before = bench.promise.opened(fixture.seen_by_users().await)?;
    for _ in 0..3 {
        bench.verdict().await?;
    }
    let after = bench.promise.opened(fixture.seen_by_users().await)?;
    bench.promise.same("what users see", &after, &before)
}

/// A question may be dropped at any await and asked again.
///
/// # Errors
/// [`Broken`] when the next answer is another one.
pub async fn a_dropped_question_can_be_asked_again<F: GateFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_dropped_question_can_be_asked_again", fixture).await?;
    bench.make(Health::Well).await?;
    for polls in 1..=MOST_POLLS {
        let answer = cut(polls, bench.asked()).await;
        bench.passes().await?;
        if answer.is_some() {
            break;
        }
    }
    Ok(())
}

/// Several questions at once are all answered.
///
/// # Errors
/// [`Broken`] when one is not.
pub async fn several_may_ask_at_once<F: GateFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("several_may_ask_at_once", fixture).await?;
    bench.make(Health::Well).await?;
    let (one, two, three) = tokio::join!(bench.passes(), bench.passes(), bench.passes());
    one.and(two).and(three)
}
