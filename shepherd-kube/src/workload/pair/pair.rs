use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use kube::Client;
use kube::api::{ApiResource, GroupVersionKind};
use serde_json::Value;
use shepherd_core::model::{Fence, Mark, Replicas, Revision, Track, TrackSpec, TrackState, WorkloadState};
use shepherd_core::ports::{PortError, Workload};

use super::recipe::Recipe;
use super::side::{Cast, Side};
use super::{Labels, PromoteBy};
use crate::Watches;
use crate::object::Object;
use crate::watch::{Reach, Seen};
use crate::workload::Look;
use crate::workload::autoscaler::Autoscaler;

/// The Deployment that people own is stable; the candidate's stands beside it, and Shepherd makes it after stable's
/// template. The image of one container is the revision, or whatever [a patch](Self::patched_by) makes of the template.
///
/// Of stable, it changes the image of that container (or what the patch changes), the count of replicas, and one or two
/// annotations. The candidate's Deployment goes when stable goes, and stays with no replicas between rollouts. How a
/// candidate becomes stable is said by [`promote_by`](Self::promote_by).
///
/// A replica counts as ready when it has been available for as long as its template asks for, and, where a Service of
/// its track is [named](Self::services), when that Service has it among its endpoints.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_kube::workload::DeploymentPair;
///
/// let client = kube::Client::try_default().await?;
/// let workload = DeploymentPair::new(client, "shop", "web")
///     .container("app")
///     .services("web", "web-candidate");
/// # Ok(())
/// # }
/// ```
pub struct DeploymentPair {
    pub(super) namespace: String,
    /// The Deployment that people own.
    pub(super) owned: Object,
    /// The one that Shepherd makes after it.
    pub(super) made: Object,
    pub(super) recipe: Recipe,
    pub(super) labels: Labels,
    /// Stable's and the candidate's.
    pub(super) services: Option<[Object; 2]>,
    pub(super) autoscaler: Option<Autoscaler>,
    pub(super) promote_by: PromoteBy,
}

impl DeploymentPair {
    /// Stable is the Deployment of this name; the candidate's is called `name-candidate`.
    pub fn new(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        let (namespace, name) = (namespace.into(), name.into());
        let owned = deployment(client.clone(), &namespace, &name);
        let made = deployment(client, &namespace, &format!("{name}-candidate"));
        Self {
            namespace,
            owned,
            made,
            recipe: Recipe::default(),
            labels: Labels::default(),
            services: None,
            autoscaler: None,
            promote_by: PromoteBy::default(),
        }
    }

    /// Calls the candidate's Deployment so.
    #[must_use]
    pub fn candidate(mut self, name: impl Into<String>) -> Self {
        self.made = deployment(self.owned.reach().clone(), &self.namespace, &name.into());
        self
    }

    /// The container whose image is the revision; needed when there are several.
    #[must_use]
    pub fn container(mut self, name: impl Into<String>) -> Self {
        self.recipe.container = Some(name.into());
        self
    }

    /// Makes candidates by a patch of the pods' template in place of a new image: an object is a JSON merge patch, a list
    /// is a JSON Patch, and both are of the template, not of the Deployment. It is applied to stable's template as that
    /// stands, at the start for the candidate and again at the promotion by copy, also by another process: the same
    /// revision must always give the same patch. The revision's name then stands in the template, as the annotation
    /// `shepherd.rs/revision`; a template that has none yet is known by its image.
    ///
    /// A promotion by copy keeps the template before in the annotation `shepherd.rs/originals` of the Deployment, from the
    /// write that changes it until the rollout ends, so that the way back restores exactly that.
    ///
    /// A rollout is taken back, before any user meets it, when the closure answers an error, whose text is told; when
    /// the patch does not fit the template; and when it changes a label by which the Deployment or a
    /// [named Service](Self::services) selects its pods. Whether a Service does is read from the Service, only when the
    /// patch changes a label. No value of the patch or of the template stands in any error.
    ///
    /// ```no_run
    /// # fn example(client: kube::Client) {
    /// use serde_json::json;
    /// use shepherd_kube::workload::DeploymentPair;
    ///
    /// // Revisions such as `web:v2/beta`: an image, and a mode of the program.
    /// let workload = DeploymentPair::new(client, "shop", "web").patched_by(|revision| {
    ///     let (image, mode) = revision.as_str().split_once('/').ok_or("it must be IMAGE/MODE")?;
    ///     Ok(json!([
    ///         {"op": "replace", "path": "/spec/containers/0/image", "value": image},
    ///         {"op": "add", "path": "/spec/containers/0/env", "value": [{"name": "MODE", "value": mode}]},
    ///     ]))
    /// });
    /// # }
    /// ```
    #[must_use]
    pub fn patched_by(
        mut self,
        patch: impl Fn(&Revision) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        self.recipe.patch = Some(Arc::new(patch));
        self
    }

    /// Which labels the candidate's pods carry; [`Labels::Isolated`] unless told otherwise.
    #[must_use]
    pub fn labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// The Services of stable and of the candidate: a replica counts as ready only when it is among its Service's
    /// endpoints. With [`Labels::Shared`] and no router both are the same.
    #[must_use]
    pub fn services(mut self, stable: impl Into<String>, candidate: impl Into<String>) -> Self {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Service"));
        let service = |name: String| Object::new(self.owned.reach().clone(), &kind, &self.namespace, &name);
        self.services = Some([service(stable.into()), service(candidate.into())]);
        self
    }

    /// How the candidate becomes stable; [`PromoteBy::Copy`] unless told otherwise.
    ///
    /// ```no_run
    /// # fn example(client: kube::Client) {
    /// use shepherd_kube::workload::{DeploymentPair, PromoteBy};
    ///
    /// let workload = DeploymentPair::new(client, "shop", "web")
    ///     .services("web", "web-candidate")
    ///     .promote_by(PromoteBy::Switch);
    /// # }
    /// ```
    #[must_use]
    pub fn promote_by(mut self, way: PromoteBy) -> Self {
        self.promote_by = way;
        self
    }

    /// Stable's count is this `HorizontalPodAutoscaler`'s: Shepherd never writes it. While a rollout is under way the
    /// autoscaler keeps at least the replicas that stable had at its start; its own `minReplicas` stands in an
    /// annotation meanwhile and is put back when the candidate is retired, whichever way the rollout ended.
    #[must_use]
    pub fn autoscaled_by(mut self, name: &str) -> Self {
        self.autoscaler = Some(Autoscaler::new(self.owned.reach().clone(), &self.namespace, name));
        self
    }

    /// Looks by these watches, and reaches the server by their client. See [`Watches`] for what that means.
    #[must_use]
    pub fn watching(mut self, watches: &Watches) -> Self {
        self.owned.watch(watches);
        self.made.watch(watches);
        for service in self.services.iter_mut().flatten() {
            service.watch(watches);
        }
        if let Some(autoscaler) = &mut self.autoscaler {
            autoscaler.object.watch(watches);
        }
        self
    }

    pub(super) fn client(&self) -> &Client {
        self.owned.reach().client()
    }

    pub(super) const fn deployment(&self, side: Side) -> &Object {
        match side {
            Side::Owned => &self.owned,
            Side::Made => &self.made,
        }
    }

    /// The name of the Service whose endpoints a track's replicas must be among.
    fn service(&self, track: Track) -> Option<&str> {
        let [stable, candidate] = self.services.as_ref()?;
        Some(if track == Track::Stable { stable.name() } else { candidate.name() })
    }

    /// All that decides what is written where. Plans keep these words: they stay as they are.
    fn described(&self) -> String {
        let (owned, made, labels) = (self.owned.place(), self.made.name(), self.labels);
        let mut parts = vec![format!("{owned} beside {made} with {labels} labels")];
        if let Some([stable, candidate]) = &self.services {
            parts.push(format!("behind Services {} and {}", stable.name(), candidate.name()));
        }
        if let Some(autoscaler) = &self.autoscaler {
            parts.push(format!("scaled by {}", autoscaler.object.name()));
        }
        parts.push(match (&self.recipe.patch, &self.recipe.container) {
            (Some(_), _) => "made by a patch".to_owned(),
            (None, Some(container)) => format!("made by the image of {container}"),
            (None, None) => "made by an image".to_owned(),
        });
        parts.push(format!("promoted by {}", self.promote_by));
        parts.join(", ")
    }

    async fn claim_fixed(&self, fence: &Fence) -> Result<(), PortError> {
        let stable = self.claim_side(Side::Owned, fence).await?;
        if let Some(autoscaler) = &self.autoscaler {
            autoscaler.hold(fence, stable["spec"]["replicas"].as_u64().unwrap_or(1)).await?;
        }
        if self.made.find().await?.is_some() {
            return self.claim_side(Side::Made, fence).await.map(drop);
        }
        if self.labels == Labels::Isolated {
            // What an older owner might still make there, nobody is sent to.
            return Ok(());
        }
        self.make_idle(&stable, fence).await
    }

    async fn apply_fixed(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        if spec.track == Track::Stable {
            return match self.promote_by {
                PromoteBy::External => self.want(spec, mark).await,
                _ => self.write_stable(Side::Owned, spec, mark).await,
            };
        }
        self.write_candidate(Cast::FIXED, spec, mark).await?;
        if spec.replicas > Replicas::ZERO {
            return Ok(());
        }
        // A candidate that is retired is the end of its rollout, whichever way it went.
        if self.recipe.is_patch() || self.promote_by == PromoteBy::External {
            self.forget(mark).await?;
        }
        match &self.autoscaler {
            Some(autoscaler) => autoscaler.release(mark).await,
            None => Ok(()),
        }
    }

    async fn observe_fixed(&self) -> Result<WorkloadState, PortError> {
        let stable = async {
            let seen = self.owned.look().await?;
            let left = self.promote_by == PromoteBy::External;
            let wanted = if left { self.wanted(&seen.object)? } else { None };
            self.state(Track::Stable, Side::Owned, &seen, wanted).await
        };
        let candidate = async {
            match self.made.look_for().await? {
                Some(seen) => self.state(Track::Candidate, Side::Made, &seen, None).await,
                None => Ok(TrackState::default()),
            }
        };
        let (stable, candidate) = tokio::try_join!(stable, candidate)?;
        Ok(WorkloadState { stable, candidate })
    }

    /// What a Deployment is as a track. `wanted` is the revision that it is meant to run, where that is not its template's.
    pub(super) async fn state(
        &self,
        track: Track,
        side: Side,
        seen: &Seen,
        wanted: Option<Revision>,
    ) -> Result<TrackState, PortError> {
        let object = self.deployment(side);
        let runs = self.recipe.revision(object.place(), &seen.object)?;
        let awaits =
            wanted.as_ref().filter(|wanted| **wanted != runs).map(|wanted| Self::awaited(wanted, &runs));
        let look = Look { object, service: self.service(track), naming: self.recipe.naming() };
        let state = look.at(seen, wanted.unwrap_or(runs)).await?;
        Ok(TrackState { awaits, ..state })
    }
}

#[async_trait]
impl Workload for DeploymentPair {
    fn place(&self) -> Option<String> {
        Some(self.described())
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        match self.promote_by {
            PromoteBy::Switch => self.claim_switching(fence).await,
            _ => self.claim_fixed(fence).await,
        }
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        match self.promote_by {
            PromoteBy::Switch => self.apply_switching(spec, mark).await,
            _ => self.apply_fixed(spec, mark).await,
        }
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        match self.promote_by {
            PromoteBy::Switch => self.observe_switching().await,
            _ => self.observe_fixed().await,
        }
    }
}

fn deployment(reach: impl Into<Reach>, namespace: &str, name: &str) -> Object {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
    Object::new(reach, &kind, namespace, name)
}

impl fmt::Debug for DeploymentPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeploymentPair")
            .field("stable", &self.owned)
            .field("candidate", &self.made)
            .field("promote_by", &self.promote_by)
            .finish_non_exhaustive()
    }
}
