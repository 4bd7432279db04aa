use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use kube::Client;
use kube::api::{ApiResource, GroupVersionKind};
use serde_json::Value;
use shepherd_core::model::{Fence, Mark, Replicas, Track, TrackSpec, TrackState, WorkloadState};
use shepherd_core::ports::{PortError, Workload};

use super::Labels;
use crate::Watches;
use crate::object::{Created, Edit, MARK, Object, mark_of, stamp};
use crate::watch::{Reach, Seen};
use crate::workload::autoscaler::Autoscaler;
use crate::workload::{Look, image, twin};

/// The Deployment that people own is stable; the candidate's stands beside it, and Shepherd makes it after stable's
/// template. The image of one container is the revision.
///
/// Of stable, it changes the image of that container, the count of replicas, and one annotation. The candidate's
/// Deployment goes when stable goes, and stays with no replicas between rollouts.
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
    pub(super) stable: Object,
    pub(super) candidate: Object,
    pub(super) candidate_name: String,
    pub(super) container: Option<String>,
    pub(super) labels: Labels,
    pub(super) services: Option<[String; 2]>,
    pub(super) autoscaler: Option<Autoscaler>,
}

impl DeploymentPair {
    /// Stable is the Deployment of this name; the candidate's is called `name-candidate`.
    pub fn new(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        let (namespace, name) = (namespace.into(), name.into());
        let candidate_name = format!("{name}-candidate");
        let stable = deployment(client.clone(), &namespace, &name);
        let candidate = deployment(client, &namespace, &candidate_name);
        Self {
            namespace,
            stable,
            candidate,
            candidate_name,
            container: None,
            labels: Labels::default(),
            services: None,
            autoscaler: None,
        }
    }

    /// Calls the candidate's Deployment so.
    #[must_use]
    pub fn candidate(mut self, name: impl Into<String>) -> Self {
        self.candidate_name = name.into();
        self.candidate = deployment(self.stable.reach().clone(), &self.namespace, &self.candidate_name);
        self
    }

    /// The container whose image is the revision; needed when there are several.
    #[must_use]
    pub fn container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
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
        self.services = Some([stable.into(), candidate.into()]);
        self
    }

    /// Stable's count is this `HorizontalPodAutoscaler`'s: Shepherd never writes it. While a rollout is under way the
    /// autoscaler keeps at least the replicas that stable had at its start; its own `minReplicas` stands in an
    /// annotation meanwhile and is put back when the candidate is retired, whichever way the rollout ended.
    #[must_use]
    pub fn autoscaled_by(mut self, name: &str) -> Self {
        self.autoscaler = Some(Autoscaler::new(self.stable.reach().clone(), &self.namespace, name));
        self
    }

    /// Looks by these watches, and reaches the server by their client. See [`Watches`] for what that means.
    #[must_use]
    pub fn watching(mut self, watches: &Watches) -> Self {
        self.stable.watch(watches);
        self.candidate.watch(watches);
        if let Some(autoscaler) = &mut self.autoscaler {
            autoscaler.object.watch(watches);
        }
        self
    }

    async fn apply_stable(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        let place = self.stable.place();
        let applied = self.stable.change(|deployment| {
            mark.admit(mark_of(place, deployment)?.as_ref())?;
            let mut edit = Edit::of(deployment);
            self.edit(&mut edit, deployment, place, spec)?;
            stamp(&mut edit, mark);
            Ok(edit.into())
        });
        applied.await.map(drop)
    }

    async fn apply_candidate(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        let Some(there) = self.candidate.find().await? else {
            if spec.replicas == Replicas::ZERO {
                return Ok(());
            }
            let stable = self.stable.read().await?;
            return match self.create(&stable, spec, mark).await? {
                Created::Now => Ok(()),
                // Somebody was faster; who that was, its mark says.
                Created::ByOthers => self.change_candidate(&stable, spec, mark).await,
            };
        };
        // Only a candidate that serves nobody is made anew after stable's template: that may have changed since.
        let stable = if is_idle(&there) { self.stable.read().await? } else { there };
        self.change_candidate(&stable, spec, mark).await
    }

    async fn change_candidate(&self, stable: &Value, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        let place = self.candidate.place();
        let applied = self.candidate.change(|deployment| {
            mark.admit(mark_of(place, deployment)?.as_ref())?;
            let mut edit = Edit::of(deployment);
            if is_idle(deployment) && spec.replicas > Replicas::ZERO {
                let container = image::container(self.stable.place(), stable, self.container.as_deref())?;
                let template =
                    image::with(twin::template(stable, self.labels.relabel()), container, &spec.revision);
                edit.set(&["spec", "template"], template);
                edit.set(&["spec", "replicas"], spec.replicas.get().into());
            } else {
                self.edit(&mut edit, deployment, place, spec)?;
            }
            stamp(&mut edit, mark);
            Ok(edit.into())
        });
        applied.await.map(drop)
    }

    async fn create(&self, stable: &Value, spec: &TrackSpec, mark: &Mark) -> Result<Created, PortError> {
        let container = image::container(self.stable.place(), stable, self.container.as_deref())?;
        let made = twin::deployment(stable, &self.candidate_name, self.labels.relabel());
        let mut made = twin::owned(made, stable);
        made["spec"]["template"] = image::with(made["spec"]["template"].take(), container, &spec.revision);
        made["spec"]["replicas"] = spec.replicas.get().into();
        made["metadata"]["annotations"][MARK] = serde_json::to_string(mark).unwrap_or_default().into();
        self.candidate.create(&made).await
    }

    /// The image and the count, where they differ.
    fn edit(
        &self,
        edit: &mut Edit<'_>,
        deployment: &Value,
        place: &str,
        spec: &TrackSpec,
    ) -> Result<(), PortError> {
        image::write(edit, place, deployment, self.container.as_deref(), &spec.revision)?;
        if spec.track == Track::Candidate || self.autoscaler.is_none() {
            edit.set(&["spec", "replicas"], spec.replicas.get().into());
        }
        Ok(())
    }

    async fn state(&self, track: Track, seen: &Seen) -> Result<TrackState, PortError> {
        let object = self.object(track);
        let container = image::container(object.place(), &seen.object, self.container.as_deref())?;
        let revision = image::revision(object.place(), &seen.object, container)?;
        let service = self.services.as_ref().map(|[stable, candidate]| match track {
            Track::Stable => stable.as_str(),
            Track::Candidate => candidate.as_str(),
        });
        Look { object, service }.at(seen, revision).await
    }

    fn object(&self, track: Track) -> &Object {
        match track {
            Track::Stable => &self.stable,
            Track::Candidate => &self.candidate,
        }
    }
}

#[async_trait]
impl Workload for DeploymentPair {
    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        let stable = claim(&self.stable, fence).await?;
        if let Some(autoscaler) = &self.autoscaler {
            autoscaler.hold(fence, stable["spec"]["replicas"].as_u64().unwrap_or(1)).await?;
        }
        if self.candidate.find().await?.is_some() {
            return claim(&self.candidate, fence).await.map(drop);
        }
        if self.labels == Labels::Isolated {
            // What an older owner might still make there, nobody is sent to.
            return Ok(());
        }
        let container = image::container(self.stable.place(), &stable, self.container.as_deref())?;
        let revision = image::revision(self.stable.place(), &stable, container)?;
        let spec = TrackSpec { track: Track::Candidate, revision, replicas: Replicas::ZERO };
        match self.create(&stable, &spec, &Mark::claimed(None, fence)?).await? {
            Created::Now => Ok(()),
            Created::ByOthers => claim(&self.candidate, fence).await.map(drop),
        }
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        match spec.track {
            Track::Stable => self.apply_stable(spec, mark).await,
            Track::Candidate => {
                self.apply_candidate(spec, mark).await?;
                // A candidate that is retired is the end of its rollout, whichever way it went.
                match &self.autoscaler {
                    Some(autoscaler) if spec.replicas == Replicas::ZERO => autoscaler.release(mark).await,
                    _ => Ok(()),
                }
            }
        }
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        let stable = async { self.state(Track::Stable, &self.stable.look().await?).await };
        let candidate = async {
            match self.candidate.look_for().await? {
                Some(seen) => self.state(Track::Candidate, &seen).await,
                None => Ok(TrackState::default()),
            }
        };
        let (stable, candidate) = tokio::try_join!(stable, candidate)?;
        Ok(WorkloadState { stable, candidate })
    }
}

async fn claim(object: &Object, fence: &Fence) -> Result<Arc<Value>, PortError> {
    let claimed = object.change(|deployment| {
        let mark = Mark::claimed(mark_of(object.place(), deployment)?.as_ref(), fence)?;
        let mut edit = Edit::of(deployment);
        stamp(&mut edit, &mark);
        Ok(edit.into())
    });
    claimed.await
}

fn deployment(reach: impl Into<Reach>, namespace: &str, name: &str) -> Object {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
    Object::new(reach, &kind, namespace, name)
}

/// It has no replicas and wants none.
fn is_idle(deployment: &Value) -> bool {
    deployment["spec"]["replicas"] == 0
}

impl fmt::Debug for DeploymentPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeploymentPair")
            .field("stable", &self.stable)
            .field("candidate", &self.candidate)
            .finish_non_exhaustive()
    }
}
