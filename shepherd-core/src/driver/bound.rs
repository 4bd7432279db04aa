use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::within::within;
use crate::guard::Guard;
use crate::model::{Epoch, GateName, HookName, Replicas, Routing, Target, TrackState, WorkloadState};
use crate::plan::{Action, Ground, Plan, PlanError, Problem};
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

    /// All that can be seen outside, whoever owns it.
    pub(super) async fn outside(&self) -> Outside {
        let routing = async {
            let router = self.router.as_ref()?;
            Some(self.within("observe routing", router.observe()).await)
        };
        let workload = self.within("observe workload", self.workload.observe());
        let (routing, workload) = tokio::join!(routing, workload);
        Outside { routing, workload }
    }

    /// The side that the first claim of a rollout which began now would take for stable.
    ///
    /// # Errors
    /// What the look at the outside answers.
    pub(super) async fn stable_from_now_on(&self) -> Result<TrackState, PortError> {
        let workload = self.within("observe workload", self.workload.observe()).await?;
        let routing = match &self.router {
            Some(router) if self.roles_are_routed(&workload) => {
                Some(self.within("observe routing", router.observe()).await)
            }
            _ => None,
        };
        self.stable_in(Outside { routing, workload: Ok(workload) })
    }

    /// The same, by what was seen already.
    ///
    /// # Errors
    /// What that look has answered.
    pub(super) fn stable_in(&self, Outside { routing, workload }: Outside) -> Result<TrackState, PortError> {
        let workload = workload?;
        let alone = workload.stable.desired == Replicas::ZERO && workload.candidate.desired > Replicas::ZERO;
        let changes = match (&self.router, routing) {
            (Some(_), Some(routing)) if self.roles_are_routed(&workload) => routing?.exposure.is_all(),
            (Some(router), _) => alone && router.capabilities().swaps,
            (None, _) => alone,
        };
        Ok(if changes { workload.candidate } else { workload.stable })
    }

    /// Whether only the router tells which of two sides that both run is stable: their roles may be exchanged already,
    /// where nobody has come to claim the workload since.
    fn roles_are_routed(&self, workload: &WorkloadState) -> bool {
        let both = workload.stable.desired.min(workload.candidate.desired) > Replicas::ZERO;
        both && self.router.as_ref().is_some_and(|router| router.capabilities().swaps)
    }

    /// What they work on.
    pub(super) fn ground(&self) -> Ground {
        Ground {
            workload: self.workload.place(),
            router: self.router.as_ref().and_then(TrafficRouter::place),
        }
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

/// What was seen, of the router where there is one.
pub(super) struct Outside {
    routing: Option<Result<Routing, PortError>>,
    workload: Result<WorkloadState, PortError>,
}

impl Outside {
    /// The greatest epoch among the marks, as far as they were seen.
    pub(super) fn epoch(&self) -> Epoch {
        let routing = self.routing.iter().flatten().map(|routing| &routing.mark);
        let tracks =
            self.workload.iter().flat_map(|workload| [&workload.stable.mark, &workload.candidate.mark]);
        routing.chain(tracks).flatten().map(|mark| mark.fence.epoch).max().unwrap_or_default()
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
