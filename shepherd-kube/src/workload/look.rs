//! What a Deployment is: how many replicas of its present revision take requests, and what keeps the rest.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::Value;
use shepherd_core::model::{Reason, Replicas, Revision, TrackState};
use shepherd_core::ports::PortError;

use crate::object::{Object, failure, mark_of};
use crate::watch::{Seen, Version};
use crate::workload::endpoints::{endpoints, slices_of};
use crate::workload::pods::trouble;
use crate::workload::replica_sets::{condition, count, is_of, present, runs, selected, selector};

pub(crate) struct Look<'a> {
    /// The Deployment.
    pub(crate) object: &'a Object,
    /// Whose endpoints must be there before a replica counts as taking requests.
    pub(crate) service: Option<&'a str>,
}

impl Look<'_> {
    /// What it is, as it was seen. What belongs to it counts only as it was after the last change of its spec.
    pub(crate) async fn at(&self, seen: &Seen, revision: Revision) -> Result<TrackState, PortError> {
        let (place, deployment) = (self.object.place(), &*seen.object);
        let desired =
            deployment["spec"]["replicas"].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
        let mark = mark_of(place, deployment)?;
        let mut state = TrackState {
            revision: Some(revision.clone()),
            desired: desired.into(),
            mark,
            ..TrackState::default()
        };
        if desired == 0 {
            return Ok(state);
        }
        let sets = selected(self.object.reach(), self.object.namespace(), place, seen).await?;
        state.ready = self.ready(seen, &sets, &revision).await?;
        let Some(set) = present(deployment, &sets) else { return Ok(state) };
        if state.ready.get() < desired {
            state.failing = self.failing(set, seen).await?.map(Reason::new);
        }
        Ok(state)
    }

    /// How many replicas of a revision take requests, whichever template they are of: when a person changes something
    /// else of it meanwhile, those from before still serve.
    async fn ready(&self, seen: &Seen, sets: &[Value], revision: &Revision) -> Result<Replicas, PortError> {
        let mut ready: u32 = 0;
        for set in sets.iter().filter(|set| is_of(&seen.object, set) && runs(set, revision)) {
            // Available is ready for as long as the template asks for.
            let available = count(set, "availableReplicas");
            if available > 0 {
                ready = ready.saturating_add(available.min(self.endpoints(set, seen.since).await?));
            }
        }
        Ok(Replicas::new(ready))
    }

    /// How many pods of a set are behind the Service, ready; all of them where no Service is waited for.
    async fn endpoints(&self, set: &Value, since: Version) -> Result<u32, PortError> {
        let Some(service) = self.service else { return Ok(u32::MAX) };
        let slices: Vec<EndpointSlice> = self.list(&slices_of(service), since).await?;
        let prefix = format!("{}-", set["metadata"]["name"].as_str().unwrap_or_default());
        let ready = endpoints(slices).into_iter().filter(|endpoint| {
            let ready = endpoint.conditions.as_ref().is_some_and(|conditions| conditions.ready == Some(true));
            let pod = endpoint.target_ref.as_ref().and_then(|target| target.name.as_deref());
            ready && pod.is_some_and(|pod| pod.starts_with(&prefix))
        });
        Ok(u32::try_from(ready.count()).unwrap_or(u32::MAX))
    }

    /// What keeps the pods of a set from becoming ready: what they say themselves, or why there are none.
    async fn failing(&self, set: &Value, seen: &Seen) -> Result<Option<String>, PortError> {
        let pods: Vec<Pod> = self.list(&selector(set), seen.since).await?;
        let said = trouble(&pods).or_else(|| condition(set, "ReplicaFailure", "True"));
        let late = || {
            condition(&seen.object, "Progressing", "False")
                .filter(|why| why.starts_with("ProgressDeadlineExceeded"))
        };
        Ok(said.or_else(late))
    }

    async fn list<K>(&self, selector: &str, since: Version) -> Result<Vec<K>, PortError>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let listed = self.object.reach().list(self.object.namespace(), selector, since).await;
        listed.map_err(|error| failure(self.object.place(), error))
    }
}
