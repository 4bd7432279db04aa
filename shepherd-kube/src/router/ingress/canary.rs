use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kube::Client;
use kube::api::{ApiResource, GroupVersionKind};
use serde_json::Value;
use shepherd_core::model::{Exposure, FailureKind, Fence, Mark, Route, RouterCapabilities, Routing};
use shepherd_core::ports::{PortError, TrafficRouter};

use super::annotations::Annotations;
use super::keys::Keys;
use super::made;
use super::pair::Pair;
use crate::Watches;
use crate::object::{Created, Edit, Object, mark_of, refused, stamp};
use crate::router::object_router::{ObjectRouter, Shape};
use crate::watch::Reach;

/// How long the controller may take to hear of a write.
const SETTLE: Duration = Duration::from_secs(1);

/// Routes by the annotations of a canary Ingress, as the NGINX Ingress controller and those that are compatible with it
/// heed them.
///
/// There are two Ingresses of the same hosts and paths: the main one, which sends to stable's Service, and the canary,
/// which sends to the candidate's. Shepherd writes annotations of the canary only: `canary`, `canary-weight`,
/// `canary-weight-total`, `canary-by-header`, `canary-by-header-value`, `canary-by-cookie`, and its mark. All of a
/// change is one patch, which fails when one of them has changed meanwhile.
///
/// Requests can be chosen by one header of any value, and by one cookie of the value `always`. What the controller
/// does with the value `never` of that cookie it goes on doing: its bearer is on stable, at every weight.
///
/// # The canary Ingress
/// It is yours, unless Shepherd is told to [make](Self::made_from_main) it. When a rollout begins, it is compared with
/// the main one, and the rollout is refused when the canary
/// - is not annotated as one,
/// - is of another class, or serves what the main one does not serve by stable's Service,
/// - sends to stable's Service, or to another one than the candidate's,
/// - would keep users on the candidate after an off, because the main one has session affinity and the canary is not
///   annotated `affinity-canary-behavior: legacy`,
/// - chooses requests by a pattern.
///
/// It is compared only then: a mistake that is made later does not keep a rollout from being taken back. The controller
/// heeds only one canary for each path; that there is another one is seen by a
/// [preflight](crate::preflight::Preflight) only.
///
/// No status tells when a write is in effect. So it counts as in effect [one second later](Self::settle).
///
/// # Cancel safety
/// A call that is dropped has changed all or nothing, and the same call again completes it.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_kube::router::IngressCanary;
///
/// let client = kube::Client::try_default().await?;
/// // Beside the Ingress `web`; stable's Service is `web`, the candidate's `web-next`.
/// let router = IngressCanary::new(client, "shop", "web")
///     .canary("web-canary")
///     .services("web", "web-next")
///     .made_from_main();
/// # Ok(())
/// # }
/// ```
pub struct IngressCanary {
    pub(super) namespace: String,
    pub(super) main: Object,
    pub(super) name: String,
    pub(super) stable: String,
    pub(super) candidate: String,
    pub(super) makes: bool,
    pub(super) router: ObjectRouter<Annotations>,
}

impl IngressCanary {
    /// Beside the Ingress of this name. Until told otherwise the canary Ingress is `main-candidate`, and the Services
    /// are `main` and `main-candidate`.
    pub fn new(client: Client, namespace: impl Into<String>, main: impl Into<String>) -> Self {
        let (namespace, stable) = (namespace.into(), main.into());
        let name = format!("{stable}-candidate");
        let canary = ingress(client.clone(), &namespace, &name);
        let annotations = Annotations {
            place: canary.place().to_owned(),
            keys: Keys::default(),
            whole_percents: false,
            settle: SETTLE,
        };
        Self {
            main: ingress(client, &namespace, &stable),
            router: ObjectRouter::new(canary, annotations),
            makes: false,
            candidate: name.clone(),
            namespace,
            name,
            stable,
        }
    }

    /// The name of the canary Ingress.
    #[must_use]
    pub fn canary(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self.router.object = ingress(self.main.reach().clone(), &self.namespace, &self.name);
        self.router.shape.place = self.router.object.place().to_owned();
        self
    }

    /// The Services of stable and of the candidate.
    #[must_use]
    pub fn services(mut self, stable: impl Into<String>, candidate: impl Into<String>) -> Self {
        (self.stable, self.candidate) = (stable.into(), candidate.into());
        self
    }

    /// Makes the canary Ingress when a rollout begins and there is none.
    ///
    /// It has the main one's class, TLS, hosts and paths, where those are stable's, with the candidate's Service behind
    /// them, and the weight 0: nobody meets the candidate by its being made. Its mark is in the same write, so that no
    /// older owner finds it unmarked. No label and no annotation is taken over: a tool that applies manifests would
    /// prune what looks like its own and is in no repository. Where the main one has session affinity, the canary is
    /// annotated `affinity-canary-behavior: legacy`, or users would stay with the candidate after an off.
    ///
    /// The main one owns it, and it is never deleted here: between rollouts it stays, with the weight 0 and the mark.
    /// When the next rollout begins and nobody meets the candidate, it follows what has changed in the main one.
    ///
    /// A canary that somebody deletes during a rollout sends nobody to the candidate. It is not made anew by a raise,
    /// which could be that of an older owner: the raise is refused.
    #[must_use]
    pub fn made_from_main(mut self) -> Self {
        self.makes = true;
        self
    }

    /// The prefix of the annotations, when the controller was started with another one than
    /// `nginx.ingress.kubernetes.io`.
    #[must_use]
    pub fn annotations_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.router.shape.keys = Keys::new(prefix);
        self
    }

    /// Refuses weights that are no whole percents: for a controller that does not heed `canary-weight-total`, and would
    /// take 50 of 10,000 for a half.
    #[must_use]
    pub fn whole_percents(mut self) -> Self {
        self.router.shape.whole_percents = true;
        self
    }

    /// How long a write takes at most to reach every replica of the controller: one second, unless told otherwise.
    /// Stages go on, and what took traffic is ended, only so long after it.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.router.shape.settle = settle;
        self
    }

    /// Looks by these watches, and reaches the server by their client. See [`Watches`] for what that means.
    #[must_use]
    pub fn watching(mut self, watches: &Watches) -> Self {
        self.main.watch(watches);
        self.router.object.watch(watches);
        self
    }

    /// The first claim of a rollout: the canary is compared with the main one, and follows it when it was made from it.
    async fn begin(&self, main: &Value, fence: &Fence) -> Result<(), PortError> {
        let place = self.router.object.place();
        let begun = self.router.object.change(|canary| {
            let stored = mark_of(place, canary)?;
            let mark = Mark::claimed(stored.as_ref(), fence)?;
            let mut edit = Edit::of(canary);
            if fence.begins(stored.as_ref()) {
                let spec = self.spec_to_follow(main, canary)?;
                self.compare(main, canary, spec.as_ref())?;
                if let Some(spec) = spec {
                    edit.set(&["spec"], spec);
                }
            }
            stamp(&mut edit, &mark);
            Ok(edit.into())
        });
        begun.await.map(drop)
    }

    /// What the canary shall serve from now on; none when it stays as it is.
    pub(super) fn spec_to_follow(&self, main: &Value, canary: &Value) -> Result<Option<Value>, PortError> {
        let shown = !self.router.shape.exposure(canary)?.is_off();
        if !self.makes || shown || !made::is_made(canary, main) {
            return Ok(None);
        }
        self.spec(main).map(Some)
    }

    pub(super) fn compare(
        &self,
        main: &Value,
        canary: &Value,
        spec: Option<&Value>,
    ) -> Result<(), PortError> {
        let mut canary = canary.clone();
        if let Some(spec) = spec {
            canary["spec"] = spec.clone();
        }
        let keys = &self.router.shape.keys;
        let pair = Pair { keys, main, canary: &canary, stable: &self.stable, candidate: &self.candidate };
        match pair.mistakes() {
            Some(mistakes) => Err(refused(self.router.object.place(), mistakes)),
            None => Ok(()),
        }
    }

    pub(super) fn spec(&self, main: &Value) -> Result<Value, PortError> {
        made::spec(main, &self.stable, &self.candidate).ok_or_else(|| {
            refused(self.main.place(), format!("none of its paths is sent to Service {}", self.stable))
        })
    }

    /// Makes the canary with this mark, and the weight 0.
    async fn make(&self, main: &Value, mark: &Mark) -> Result<Created, PortError> {
        let keys = &self.router.shape.keys;
        let made = made::canary(main, &self.name, keys, &self.spec(main)?, mark);
        self.compare(main, &made, None)?;
        self.router.object.create(&made).await
    }

    /// Nobody is sent to the candidate where there is no canary; that this is for good is kept, where it can be.
    async fn take_off_what_is_gone(&self, off: &Route) -> Result<(), PortError> {
        let main = if self.makes { self.main.find().await? } else { None };
        let Some(main) = main else { return Ok(()) };
        match self.make(&main, &off.mark).await? {
            Created::Now => Ok(()),
            Created::ByOthers => self.router.apply(off).await,
        }
    }

    async fn found(&self) -> Result<Option<Arc<Value>>, PortError> {
        self.router.object.find().await
    }
}

#[async_trait]
impl TrafficRouter for IngressCanary {
    fn capabilities(&self) -> RouterCapabilities {
        self.router.capabilities()
    }

    fn place(&self) -> Option<String> {
        // Plans keep these words: they stay as they are.
        let (canary, main, prefix) =
            (self.router.object.place(), self.main.place(), self.router.shape.keys.prefix());
        Some(format!("{canary} beside {main}, by annotations of {prefix}"))
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        if let Some(canary) = self.found().await? {
            let stored = mark_of(self.router.object.place(), &canary)?;
            if !fence.begins(stored.as_ref()) {
                return self.router.claim(fence).await;
            }
        } else if self.makes {
            let main = self.main.read().await?;
            if self.make(&main, &Mark::claimed(None, fence)?).await? == Created::Now {
                return Ok(());
            }
        }
        let main = self.main.read().await?;
        self.begin(&main, fence).await
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        match self.router.apply(route).await {
            Err(error) if error.kind() == FailureKind::Permanent && route.exposure.is_off() => {
                match self.found().await? {
                    None => self.take_off_what_is_gone(route).await,
                    Some(_) => Err(error),
                }
            }
            applied => applied,
        }
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        match self.router.object.look_for().await? {
            Some(canary) => self.router.routing(&canary.object),
            None => Ok(Routing { exposure: Exposure::OFF, mark: None, in_effect: true, awaits: None }),
        }
    }
}

fn ingress(reach: impl Into<Reach>, namespace: &str, name: &str) -> Object {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("networking.k8s.io", "v1", "Ingress"));
    Object::new(reach, &kind, namespace, name)
}

impl fmt::Debug for IngressCanary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IngressCanary")
            .field("main", &self.main)
            .field("canary", &self.router.object)
            .finish_non_exhaustive()
    }
}
