use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::within::within;
use crate::guard::Guard;
use crate::model::{Epoch, GateName, HookName, Replicas, Target, TrackState};
use crate::plan::{Action, Plan, PlanError, Problem};
use crate::ports::{
    Claim, Claimed, Clock, HealthGate, Hook, MetricsSource, Notifier, PortError, Store, StoreError,
    TrafficRouter, Workload,
};

/// The adapters that one rollout is bound to.
#[derive(Clone)]
pub(super) struct Ports {
    /// Runs the replicas.
    pub(super) workload: Arc<dyn Workload>,
    /// Moves the traffic, where a router takes part.
    pub(super) router: Option<Arc<dyn TrafficRouter>>,
    /// Measures, where guards ask for it.
    pub(super) metrics: Option<Arc<dyn MetricsSource>>,
    /// The gates, by the names that plans use.
    pub(super) gates: BTreeMap<GateName, Arc<dyn HealthGate>>,
    /// The hooks, by the names that plans use.
    pub(super) hooks: BTreeMap<HookName, Arc<dyn Hook>>,
    /// Who is told.
    pub(super) notifiers: Vec<Arc<dyn Notifier>>,
    /// Keeps the snapshots.
    pub(super) store: Arc<dyn Store>,
    /// Knows the hour.
    pub(super) clock: Arc<dyn Clock>,
}

/// How long a look or a call to the store may take where no plan says it.
const LONGEST_CALL: Duration = Duration::from_secs(10);

impl Ports {
    /// A call that no rollout makes yet, for `what`, with a limit.
    ///
    /// # Errors
    /// What the call answers, or that it did not.
    pub(super) async fn within<T, E: From<PortError>>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        within(&*self.clock, LONGEST_CALL, what, call).await
    }

    /// Claims a target, again a few times where the store is busy or away for a moment. Who claims again after a claim
    /// whose answer was lost has the target all the same.
    pub(super) async fn claim(&self, target: &Target, claim: &Claim) -> Result<Claimed, StoreError> {
        let mut waits = claims().build();
        loop {
            let claimed = self.within("claim the target", self.store.claim(target, claim)).await;
            let passing = match &claimed {
                Err(StoreError::Port(error)) if error.kind().is_passing() => Some(error.failure()),
                _ => None,
            };
            let Some((failure, wait)) = passing.zip(waits.next()) else { return claimed };
            tracing::debug!(%target, %failure, ?wait, "not claimed, and is tried again");
            self.clock.sleep(wait).await;
        }
    }

    /// The greatest epoch among the marks outside, as far as they can be seen.
    pub(super) async fn seen_epoch(&self) -> Epoch {
        let routing = async {
            let router = self.router.as_ref()?;
            self.within("observe routing", router.observe()).await.ok()
        };
        let workload = async { self.within("observe workload", self.workload.observe()).await.ok() };
        let (routing, workload) = tokio::join!(routing, workload);
        let tracks = workload.iter().flat_map(|workload| [&workload.stable.mark, &workload.candidate.mark]);
        let marks = routing.iter().map(|routing| &routing.mark).chain(tracks);
        marks.flatten().map(|mark| mark.fence.epoch).max().unwrap_or_default()
    }

    /// The side that the first claim of a rollout which began now would take for stable.
    ///
    /// # Errors
    /// What the look at the outside answers.
    pub(super) async fn stable_from_now_on(&self) -> Result<TrackState, PortError> {
        let workload = self.within("observe workload", self.workload.observe()).await?;
        let alone = workload.stable.desired == Replicas::ZERO;
        let changes = match &self.router {
            _ if workload.candidate.desired == Replicas::ZERO => false,
            // Its roles may be exchanged already, where nobody has come to claim the workload since.
            Some(router) if router.capabilities().swaps => {
                alone || self.within("observe routing", router.observe()).await?.exposure.is_all()
            }
            Some(_) => false,
            None => alone,
        };
        Ok(if changes { workload.candidate } else { workload.stable })
    }

    /// Whether everything that the plan names is bound: found out before anything happens, and on every resume.
    ///
    /// # Errors
    /// [`PlanError`] with everything that is missing.
    pub(super) fn fit(&self, plan: &Plan) -> Result<(), PlanError> {
        let mut missing = Vec::new();
        if plan.mode().routed() && self.router.is_none() {
            missing.push(unbound("router", "the plan's router", "bind one by `through`"));
        }
        for (index, stage) in plan.stages().iter().enumerate() {
            let field = || format!("stages[{index}] ({})", stage.name());
            match stage.action() {
                Action::Check(check) if !self.gates.contains_key(&check.gate) => {
                    missing.push(unbound(field(), &format!("gate {}", check.gate), "bind it by `gate`"));
                }
                Action::Hook(hook) if !self.hooks.contains_key(hook) => {
                    missing.push(unbound(field(), &format!("hook {hook}"), "bind it by `hook`"));
                }
                _ => {}
            }
        }
        missing.extend(self.unmeasured(plan.guards()));
        PlanError::of(missing).map_or(Ok(()), Err)
    }

    /// The guards that ask for what is not measured.
    pub(super) fn unmeasured(&self, guards: &[Guard]) -> Vec<Problem> {
        let supports = |metric| self.metrics.as_ref().is_some_and(|source| source.supports(metric));
        let guards = guards.iter().enumerate();
        let unmeasured = guards.flat_map(|(index, guard)| {
            let metrics = guard.metrics().filter(|metric| !supports(metric));
            metrics.map(move |metric| (index, metric.to_string()))
        });
        let source =
            if self.metrics.is_some() { "the metrics source" } else { "no metrics source is bound that" };
        unmeasured
            .map(|(index, metric)| {
                let allowed = format!("a metric that is measured, and {source} measures it not");
                Problem::new(
                    format!("guards[{index}]"),
                    metric,
                    allowed,
                    "guard another metric, or bind another source",
                )
            })
            .collect()
    }
}

fn claims() -> ExponentialBuilder {
    let (first, longest) = (Duration::from_millis(100), Duration::from_secs(2));
    ExponentialBuilder::default()
        .with_min_delay(first)
        .with_max_delay(longest)
        .with_max_times(5)
        .with_jitter()
}

fn unbound(field: impl Into<String>, what: &str, remedy: &str) -> Problem {
    Problem::new(field, format!("{what} without an adapter"), "names that an adapter is bound to", remedy)
}
