use std::fmt;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::ApiResource;
use kube::{Client, Resource};
use serde_json::Value;
use shepherd_core::model::{Reason, Track, Verdict};
use shepherd_core::ports::{CheckContext, PortError};

use super::side::Side;
use crate::Watches;
use crate::object::{Object, STABLE, annotation, failure};
use crate::watch::{Reach, Seen, Version};
use crate::workload::image;
use crate::workload::replica_sets::{is_of, named, present, selected, selector};

/// The Deployments of the two tracks, for the gates that ask about them.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_kube::gate::Tracks;
///
/// let client = kube::Client::try_default().await?;
/// let tracks = Tracks::new(client, "shop", "web").container("app");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tracks {
    reach: Reach,
    namespace: String,
    stable: String,
    candidate: String,
    pub(super) container: Option<String>,
    service: Option<String>,
}

impl Tracks {
    /// Stable is the Deployment of this name; the candidate's is called `name-candidate`.
    pub fn new(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        let stable = name.into();
        let candidate = format!("{stable}-candidate");
        Self {
            reach: client.into(),
            namespace: namespace.into(),
            stable,
            candidate,
            container: None,
            service: None,
        }
    }

    /// Calls the candidate's Deployment so.
    #[must_use]
    pub fn candidate(mut self, name: impl Into<String>) -> Self {
        self.candidate = name.into();
        self
    }

    /// The container whose image is the revision; needed when there are several. A revision that a patch makes is known by
    /// the annotation `shepherd.rs/revision` of the pods' template.
    #[must_use]
    pub fn container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
        self
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The Deployment of a track.
    pub(super) fn object(&self, track: Track) -> Object {
        let kind = ApiResource::erase::<Deployment>(&());
        Object::new(self.reach.clone(), &kind, &self.namespace, self.name(track))
    }

    /// Looks by these watches, and reaches the server by their client. See [`Watches`] for what that means.
    #[must_use]
    pub fn watching(mut self, watches: &Watches) -> Self {
        self.reach = watches.into();
        self
    }

    /// The two change roles when a candidate is promoted by a
    /// [switch](crate::workload::PromoteBy::Switch) of this Service, which says which of them is stable.
    #[must_use]
    pub fn switched_by(mut self, service: impl Into<String>) -> Self {
        self.service = Some(service.into());
        self
    }

    /// The name of the Deployment of a track.
    pub(super) fn name(&self, track: Track) -> &str {
        match track {
            Track::Stable => &self.stable,
            Track::Candidate => &self.candidate,
        }
    }

    /// Kind, namespace and name, as errors give it.
    pub(super) fn place(&self, track: Track) -> String {
        format!("Deployment {}/{}", self.namespace, self.name(track))
    }

    /// What can be said of the track that is asked about; inconclusive when nothing can.
    pub(super) async fn judged(
        &self,
        context: &CheckContext,
        judge: impl FnOnce(&Side) -> Verdict + Send,
    ) -> Result<Verdict, PortError> {
        Ok(match self.look(context).await? {
            Ok(side) => judge(&side),
            Err(reason) => Verdict::Inconclusive(reason),
        })
    }

    /// The track that is asked about, or why nothing can be said of it.
    pub(super) async fn look(&self, context: &CheckContext) -> Result<Result<Side, Reason>, PortError> {
        let mut cast = self.clone();
        if self.stable_by_service().await?.as_ref() == Some(&self.candidate) {
            std::mem::swap(&mut cast.stable, &mut cast.candidate);
        }
        cast.look_at(context).await
    }

    /// The Deployment that was stable when the present rollout claimed the Service.
    async fn stable_by_service(&self) -> Result<Option<String>, PortError> {
        let Some(service) = &self.service else { return Ok(None) };
        let kind = ApiResource::erase::<Service>(&());
        let seen = Object::new(self.reach.clone(), &kind, &self.namespace, service).look().await?;
        Ok(annotation(&seen.object, STABLE).map(str::to_owned))
    }

    async fn look_at(&self, context: &CheckContext) -> Result<Result<Side, Reason>, PortError> {
        let place = self.place(context.track);
        let Some(seen) = self.deployment(context.track).await? else {
            return Ok(Err(format!("there is no {place}").into()));
        };
        let deployment = &*seen.object;
        if let Some(reason) = self.unfit(&place, deployment, context)? {
            return Ok(Err(reason));
        }
        let sets = selected(&self.reach, &self.namespace, &place, &seen).await?;
        let Some(set) = present(deployment, &sets) else {
            return Ok(Err(format!("{place} has no replicas of its present template yet").into()));
        };
        let others = sets.iter().filter(|other| is_of(deployment, other) && *other != set);
        let uids: Vec<_> =
            others.filter_map(|set| set["metadata"]["uid"].as_str().map(str::to_owned)).collect();
        let pods = self.list::<Pod>(&place, &selector(deployment), seen.since).await?;
        Ok(Ok(Side::new(place, &seen, set.clone(), &uids, pods)))
    }

    /// All objects of a kind that carry these labels, as they were at a version or after it.
    pub(super) async fn list<K>(&self, place: &str, labels: &str, at: Version) -> Result<Vec<K>, PortError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let listed = self.reach.list(&self.namespace, labels, at).await;
        listed.map_err(|error| failure(place, error))
    }

    async fn deployment(&self, track: Track) -> Result<Option<Seen>, PortError> {
        let kind = ApiResource::erase::<Deployment>(&());
        let seen = self.reach.look(&kind, &self.namespace, self.name(track)).await;
        seen.map_err(|error| failure(&self.place(track), error))
    }

    /// Why nothing that is seen of this Deployment answers the question.
    fn unfit(
        &self,
        place: &str,
        deployment: &Value,
        context: &CheckContext,
    ) -> Result<Option<Reason>, PortError> {
        let name = named(&deployment["spec"]["template"]);
        let runs = if name == Some(context.revision.as_str()) {
            context.revision.clone()
        } else {
            let container = image::container(place, deployment, self.container.as_deref())?;
            image::revision(place, deployment, container)?
        };
        let observed = deployment["status"]["observedGeneration"].as_i64();
        Ok(if runs != context.revision {
            Some(format!("{place} runs {runs}, and {} is asked about", context.revision).into())
        } else if observed.is_some_and(|seen| Some(seen) < deployment["metadata"]["generation"].as_i64()) {
            Some(format!("the controller of {place} has not seen its last change yet").into())
        } else if deployment["spec"]["replicas"] == 0 {
            Some(format!("{place} wants no replicas").into())
        } else {
            None
        })
    }
}

impl fmt::Debug for Tracks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracks")
            .field("namespace", &self.namespace)
            .field("stable", &self.stable)
            .field("candidate", &self.candidate)
            .finish_non_exhaustive()
    }
}
