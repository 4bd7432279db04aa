//! Shepherd moves a running service from one version to the next, and takes it back by itself when the new version is
//! worse. It is a library: it runs inside your own deploy tool, and needs no server, no controller and no database.
//!
//! # Concepts
//!
//! A **rollout** is one attempt to move a [target](model::Target) from its **stable** [revision](model::Revision) to
//! a **candidate** revision. The two revisions run side by side on two [tracks](model::Track).
//!
//! - A [strategy](strategy) turns what is asked (a [`Change`](plan::Change)) into a [`Plan`](plan::Plan): rolling,
//!   blue/green, canary, A/B, or one of your own.
//! - A **plan** is a checked list of [stages](plan::Stage), made before anything happens. It never changes
//!   afterwards. It can be printed, kept as JSON and compared.
//! - A [guard](guard) watches while users meet the candidate: `error_rate > 5% for 2m`. When it fires the rollout
//!   takes itself back.
//! - The [`Machine`](machine::Machine) is the rollout as a value. It is told what happened, and says what it wants
//!   done. It does no I/O and has no clock.
//! - [Ports](ports) are the traits behind which the outside stands: a router, the replicas, a metrics source, gates,
//!   hooks, a store, a clock, somebody to tell. An **adapter** is your implementation of one.
//! - The [driver](driver) performs what the machine wants, through your adapters, and saves its state in a
//!   [store](store).
//!
//! # A first rollout
//!
//! The dry run is what a person reads before pressing the button. It needs nothing but what is asked:
//!
//! ```
//! use std::time::Duration;
//! use shepherd_core::model::{Replicas, Revision, RouterCapabilities};
//! use shepherd_core::plan::Change;
//! use shepherd_core::strategy::{Canary, Strategy};
//!
//! let change = Change::new("shop/web".parse()?, Revision::new("shop:v1")?, Revision::new("shop:v2")?)
//!     .replicas(Replicas::new(4))
//!     .router(RouterCapabilities::weighted())
//!     .guard("error_rate > 5% for 2m".parse()?);
//! let plan = Canary::weights([10, 50, 100])?.every(Duration::from_mins(5)).plan(&change)?;
//! println!("{}", plan.dry_run());
//! assert_eq!(plan.dry_run().shortest(), Duration::from_secs(15 * 60 + 30));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! To carry it out, bind the adapters and start it. [`Rollout`](driver::Rollout) finds out by itself what is stable,
//! how many replicas there are and what the router can do:
//!
#![cfg_attr(feature = "driver", doc = "```")]
#![cfg_attr(not(feature = "driver"), doc = "```ignore")]
//! use std::{error::Error, time::Duration};
//! use shepherd_core::driver::Rollout;
//! use shepherd_core::machine::Outcome;
//! use shepherd_core::model::Revision;
//! use shepherd_core::ports::{MetricsSource, TrafficRouter, Workload};
//! use shepherd_core::store::FileStore;
//! use shepherd_core::strategy::Canary;
//!
//! async fn roll_out(
//!     workload: impl Workload + 'static,
//!     router: impl TrafficRouter + 'static,
//!     metrics: impl MetricsSource + 'static,
//! ) -> Result<(), Box<dyn Error>> {
//!     let rollout = Rollout::of("shop/web".parse()?)
//!         .strategy(Canary::weights([1, 10, 50, 100])?.every(Duration::from_mins(5)))
//!         .guard("error_rate > 5% for 2m".parse()?)
//!         .on(workload)
//!         .through(router)
//!         .measured_by(metrics)
//!         .stored_in(FileStore::open("/var/lib/deploy-bot/rollouts")?)
//!         .build()?;
//!
//!     let v2 = Revision::new("shop:v2")?;
//!     println!("{}", rollout.plan(v2.clone()).await?.dry_run());
//!     let running = rollout.start(v2).await?;
//!     match running.outcome().await? {
//!         Outcome::Promoted(_) => println!("shop:v2 is stable"),
//!         outcome => eprintln!("{}: {}", outcome.ending(), outcome.why()),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Run the same program again after a crash and [`start`](driver::Rollout::start) goes on where the rollout was.
//! [`resume`](driver::Rollout::resume) does so without naming the revision. The testkit (`shepherd-testkit`) has a
//! simulated service with all of these ports, in which a whole canary takes less than a millisecond.
//!
//! # What is guaranteed
//!
//! - **Capacity before traffic.** The candidate gets more users only after replicas of its own revision were seen
//!   ready for them. A plan that asks for anything else is refused when it is built.
//! - **Off comes first.** After a trigger the next routing write takes users off the candidate. It waits for no save,
//!   no back-off and no permit, and no later write of that rollout brings users back. Where the rollout has already
//!   changed stable, or stable has no ready replica, stable's capacity comes first and the traffic follows it.
//! - **No data is never a pass.** Time counts as baked only between two looks that saw everything, of which the second
//!   found every active guard definitely clear.
//! - **Every wait ends.** All but a wait for a person has a deadline, and says what it will do then.
//! - **A crash changes nothing.** What shows the candidate to more users is told by the [`Mark`](model::Mark) that is
//!   written with it; what a mark cannot tell is saved before it is carried out. Whoever goes on first
//!   [claims](machine::Effect::ClaimRouting) the target, looks at it, and only then acts.
//! - **One driver.** Each owner of a target has an [`Epoch`](model::Epoch) that is greater than every one before.
//!   Adapters refuse the writes of older ones ([`admit`](model::admit)).
//!
//! These hold as far as your adapters keep their contracts, which stand at each trait in [`ports`]. The testkit has a
//! suite of tests for them.
//!
//! # Time
//!
//! Only the [`Clock`](ports::Clock) port knows the hour. A machine is told the time with every step, and counts
//! *attended* time: it grows with the steps, but by no more than
//! [`Attention::max_gap`](plan::Attention::max_gap) from one step to the next. While nobody drives, nothing bakes and
//! no deadline runs down.
//!
//! # Without the driver
//!
//! The pure half is enough to rehearse, to replay or to drive a rollout by a loop of your own. A machine is stepped
//! by [inputs](machine::Input); [`pending`](machine::Machine::pending) says what it wants done:
//!
//! ```
//! use shepherd_core::machine::{Effect, Input, Machine, Save, Snapshot};
//! use shepherd_core::model::{Epoch, Now, Replicas, Revision, RolloutId};
//! use shepherd_core::plan::Change;
//! use shepherd_core::strategy::{Rolling, Strategy};
//!
//! let change = Change::new("shop/web".parse()?, Revision::new("v1")?, Revision::new("v2")?)
//!     .replicas(Replicas::new(4));
//! let plan = Rolling::new().plan(&change)?;
//! let mut rollout = Machine::start(plan, RolloutId::new("shop/web#1")?, Epoch::new(1), Now::default());
//!
//! let step = rollout.step(Now::default(), Input::Tick);
//! assert_eq!(step.save, Save::No);
//! let pending = rollout.pending();
//! assert!(matches!(pending.effects[..], [(_, Effect::ClaimWorkload(_))]));
//!
//! // A snapshot taken at any time goes on under the next owner's epoch.
//! let kept = rollout.snapshot().encode()?;
//! let resumed = Machine::resume(Snapshot::decode(&kept)?, Epoch::new(2))?;
//! assert_eq!(resumed.rollout(), rollout.rollout());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cargo features
//!
//! - `driver` (on by default): [`ports`], [`store`] and [`driver`]. Without it the crate has no async, no clock and
//!   no I/O, and builds for `wasm32-unknown-unknown`.
//!
//! # Where to go next
//!
//! - Which strategy: [`strategy`]. Its example is a strategy of one's own.
//! - What guards can say: [`guard`].
//! - How to write an adapter: [`ports`], and the page `docs/writing-an-adapter.md` of the repository.
//! - What happens when: `docs/semantics.md`. Running it: `docs/operating.md`. How it is built:
//!   `docs/architecture.md`.

#[cfg(feature = "driver")]
pub mod driver;
pub mod guard;
pub mod machine;
pub mod model;
pub mod plan;
#[cfg(feature = "driver")]
pub mod ports;
#[cfg(feature = "driver")]
pub mod store;
pub mod strategy;
