//! Performs one effect: the right port, a time-out around the call, and as many tries as its kind deserves.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::JoinSet;
use tracing::Instrument;

use super::bound::Ports;
use super::within::within;
use crate::machine::{Answer, Effect, EffectId, Event};
use crate::model::{Failure, FailureKind, Metric, Revision, RolloutId, Target, Track};
use crate::ports::{CheckContext, HookContext, MeasureRequest, Notice, PortError};

/// What every effect of a rollout is performed with.
pub(super) struct Performer {
    pub(super) ports: Ports,
    pub(super) target: Target,
    pub(super) rollout: RolloutId,
    pub(super) stable: Revision,
    pub(super) candidate: Revision,
    pub(super) metrics: Vec<Metric>,
    pub(super) call_timeout: Duration,
    /// How many calls the fleet allows at a time.
    pub(super) permits: Option<Arc<Semaphore>>,
    /// Whether the rollout is being taken back: nothing on its way back waits for a permit.
    pub(super) recovering: watch::Receiver<bool>,
}

/// Becomes true when the machine has withdrawn an effect: a call under way may end, but none is begun any more.
pub(super) struct Withdrawn(pub(super) watch::Receiver<bool>);

/// However long a backend asks to be left alone, it is tried again after this.
const LEFT_ALONE: Duration = Duration::from_mins(1);

impl Withdrawn {
    fn is_withdrawn(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for `what`; none when the effect is withdrawn first.
    async fn unless<T>(&mut self, what: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            // Nobody who could withdraw it any more is as good as withdrawn.
            _ = self.0.wait_for(|withdrawn| *withdrawn) => None,
            done = what => Some(done),
        }
    }
}

impl Performer {
    pub(super) async fn perform(
        &self,
        id: EffectId,
        effect: Effect,
        within: Duration,
        mut withdrawn: Withdrawn,
    ) -> Result<Answer, Failure> {
        if let Effect::Notify(event) = effect {
            self.tell(id, event).await;
            return Ok(Answer::Done);
        }
        let limit = if matches!(effect, Effect::RunHook(_)) { within } else { self.call_timeout };
        let mut waits = tries(&effect).build();
        loop {
            let failure = match self.attempt(id, &effect, limit, &mut withdrawn).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => heeded(&effect, failure),
            };
            let again = failure.kind.is_passing() && !withdrawn.is_withdrawn();
            let Some(wait) = waits.next().filter(|_| again) else { return Err(failure) };
            tracing::debug!(effect = %effect, %failure, ?wait, "failed, and is tried again");
            let wait = wait.max(failure.retry_after.unwrap_or_default());
            if withdrawn.unless(self.ports.clock.sleep(wait)).await.is_none() {
                return Err(failure);
            }
        }
    }

    async fn attempt(
        &self,
        id: EffectId,
        effect: &Effect,
        limit: Duration,
        withdrawn: &mut Withdrawn,
    ) -> Result<Answer, Failure> {
        let permit = withdrawn.unless(self.permit(effect)).await;
        let Some(_permit) = permit.filter(|_| !withdrawn.is_withdrawn()) else {
            let message = format!("{effect}: withdrawn before it began");
            return Err(Failure::new(FailureKind::Transient, "driver", message));
        };
        within(&*self.ports.clock, limit, &effect.to_string(), self.call(id, effect)).await.map_err(|error| {
            tracing::debug!(effect = %effect, %error, source = error_source(&error), "a port failed");
            error.failure().clone()
        })
    }

    /// Tells each notifier on its own. What one could not be told after some tries is given up.
    async fn tell(&self, id: EffectId, event: Event) {
        let notice = Arc::new(Notice::new(self.target.clone(), self.rollout.clone(), id, event));
        let mut telling = JoinSet::new();
        for notifier in &self.ports.notifiers {
            let (notifier, notice) = (notifier.clone(), notice.clone());
            let (clock, permits, limit) = (self.ports.clock.clone(), self.permits.clone(), self.call_timeout);
            let told = async move {
                let mut waits = tries(&Effect::Notify(notice.event.clone())).build();
                loop {
                    let telling = async {
                        let _permit = match &permits {
                            Some(permits) => permits.acquire().await.ok(),
                            None => None,
                        };
                        within(&*clock, limit, "tell people", notifier.notify(&notice)).await
                    };
                    let Err(error) = telling.await else { return };
                    let Some(wait) = waits.next().filter(|_| error.kind().is_passing()) else {
                        let event = &notice.event.what;
                        tracing::warn!(%error, source = error_source(&error), %event, "a notifier was not told");
                        return;
                    };
                    let asked = error.failure().retry_after.unwrap_or_default().min(LEFT_ALONE);
                    clock.sleep(wait.max(asked)).await;
                }
            };
            telling.spawn(told.in_current_span());
        }
        while telling.join_next().await.is_some() {}
    }

    /// Waits for one of the fleet's permits, where that is needed: not on the way back, whenever that begins, and not
    /// for a hook, which may take as long as its stage.
    async fn permit(&self, effect: &Effect) -> Option<SemaphorePermit<'_>> {
        let permits = self.permits.as_ref().filter(|_| !effect.takes_back())?;
        if matches!(effect, Effect::RunHook(_)) {
            return None;
        }
        let mut recovering = self.recovering.clone();
        tokio::select! {
            biased;
            _ = recovering.wait_for(|recovering| *recovering) => None,
            permit = permits.acquire() => permit.ok(),
        }
    }

    async fn call(&self, id: EffectId, effect: &Effect) -> Result<Answer, PortError> {
        let ports = &self.ports;
        match effect {
            Effect::ClaimRouting(fence) => self.router()?.claim(fence).await.map(|()| Answer::Done),
            Effect::ClaimWorkload(fence) => ports.workload.claim(fence).await.map(|()| Answer::Done),
            Effect::ObserveRouting => self.router()?.observe().await.map(Answer::Routing),
            Effect::ObserveWorkload => ports.workload.observe().await.map(Answer::Workload),
            Effect::Route(route) => self.router()?.apply(route).await.map(|()| Answer::Done),
            Effect::Deploy { spec, mark } => ports.workload.apply(spec, mark).await.map(|()| Answer::Done),
            Effect::Measure { cursor } => {
                let source = ports.metrics.as_ref().ok_or_else(|| unbound("metrics source"))?;
                let request = MeasureRequest::new(self.metrics.clone(), cursor.clone());
                source.measure(&request).await.map(Answer::Measured)
            }
            Effect::Check { gate, track } => {
                let gate = ports.gates.get(gate).ok_or_else(|| unbound("gate"))?;
                gate.check(&self.context(*track)).await.map(Answer::Checked)
            }
            Effect::RunHook(hook) => {
                let hook = ports.hooks.get(hook).ok_or_else(|| unbound("hook"))?;
                let (stable, candidate) = (self.stable.clone(), self.candidate.clone());
                let context =
                    HookContext::new(self.rollout.clone(), id, self.target.clone(), stable, candidate);
                hook.run(&context).await.map(|()| Answer::Done)
            }
            // Told one by one, before it comes to this.
            Effect::Notify(_) => Ok(Answer::Done),
        }
    }

    fn router(&self) -> Result<&Arc<dyn crate::ports::TrafficRouter>, PortError> {
        self.ports.router.as_ref().ok_or_else(|| unbound("router"))
    }

    fn context(&self, track: Track) -> CheckContext {
        let revision = match track {
            Track::Stable => &self.stable,
            Track::Candidate => &self.candidate,
        };
        CheckContext::new(self.rollout.clone(), self.target.clone(), track, revision.clone())
    }
}

/// How long a backend asked to be left alone counts up to a limit, and not at all for what takes users off.
fn heeded(effect: &Effect, mut failure: Failure) -> Failure {
    failure.retry_after =
        failure.retry_after.filter(|_| !effect.takes_back()).map(|wait| wait.min(LEFT_ALONE));
    failure
}

/// What only looks is not repeated: the next look comes anyway. What takes users off is repeated fastest.
fn tries(effect: &Effect) -> ExponentialBuilder {
    let backoff = ExponentialBuilder::default().with_factor(2.0).with_jitter();
    let millis = Duration::from_millis;
    if effect.is_observation() {
        backoff.with_max_times(0)
    } else if effect.takes_back() {
        backoff.with_min_delay(millis(20)).with_max_delay(millis(500)).with_max_times(8)
    } else {
        backoff.with_min_delay(millis(100)).with_max_delay(millis(5000)).with_max_times(5)
    }
}

fn unbound(what: &str) -> PortError {
    PortError::permanent("driver", format!("no {what} is bound"))
}

fn error_source(error: &PortError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
