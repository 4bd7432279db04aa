//! What a Deployment is: how many replicas of its present revision take requests, and what keeps the rest.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::Value;
use shepherd_core::model::{Reason, Replicas, Revision, TrackState};
use shepherd_core::ports::PortError;

use crate::object::{failure, mark_of};
use crate::workload::endpoints::{endpoints, slices_of};
use crate::workload::pods::trouble;
use crate::workload::replica_sets::{Naming, condition, count, is_of, present, selected, selector};

pub(crate) struct Look<'a> {
    pub(crate) client: &'a Client,
    pub(crate) namespace: &'a str,
    /// The kind and name of the Deployment, for errors.
    pub(crate) place: &'a str,
    /// Whose endpoints must be there before a replica counts as taking requests.
    pub(crate) service: Option<&'a str>,
    /// How the revision of a template is known.
    pub(crate) naming: Naming,
}

impl Look<'_> {
    pub(crate) async fn at(
        &self,
        deployment: Arc<Value>,
        revision: Revision,
    ) -> Result<TrackState, PortError> {
        let desired =
            deployment["spec"]["replicas"].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
        let mark = mark_of(self.place, &deployment)?;
        let mut state = TrackState {
            revision: Some(revision.clone()),
            desired: desired.into(),
            mark,
            ..TrackState::default()
        };
        if desired == 0 {
            return Ok(state);
        }
        let sets = selected(self.client, self.namespace, self.place, &deployment).await?;
        state.ready = self.ready(&deployment, &sets, &revision).await?;
        // What another revision's pods say is no word about this one.
        let own = present(&deployment, &sets).filter(|set| self.naming.runs(set, &revision));
        let Some(set) = own else { return Ok(state) };
        if state.ready.get() < desired {
            state.failing = self.failing(set, &deployment).await?.map(Reason::new);
        }
        Ok(state)
    }

    /// How many replicas of a revision take requests, whichever template they are of: when a person changes something
    /// else of it meanwhile, those from before still serve.
    async fn ready(
        &self,
        deployment: &Value,
        sets: &[Value],
        revision: &Revision,
    ) -> Result<Replicas, PortError> {
        let mut ready: u32 = 0;
        for set in sets.iter().filter(|set| is_of(deployment, set) && self.naming.runs(set, revision)) {
            // Available is ready for as long as the template asks for.
            let available = count(set, "availableReplicas");
            if available > 0 {
                ready = ready.saturating_add(available.min(self.endpoints(set).await?));
            }
        }
        Ok(Replicas::new(ready))
    }

    /// How many pods of a set are behind the Service, ready; all of them where no Service is waited for.
    async fn endpoints(&self, set: &Value) -> Result<u32, PortError> {
        let Some(service) = self.service else { return Ok(u32::MAX) };
        let api: Api<EndpointSlice> = self.api();
        let wanted = ListParams::default().labels(&slices_of(service));
        let slices = api.list(&wanted).await.map_err(|error| failure(self.place, error))?.items;
        let prefix = format!("{}-", set["metadata"]["name"].as_str().unwrap_or_default());
        let ready = endpoints(slices).into_iter().filter(|endpoint| {
            let ready = endpoint.conditions.as_ref().is_some_and(|conditions| conditions.ready == Some(true));
            let pod = endpoint.target_ref.as_ref().and_then(|target| target.name.as_deref());
            ready && pod.is_some_and(|pod| pod.starts_with(&prefix))
        });
        Ok(u32::try_from(ready.count()).unwrap_or(u32::MAX))
    }

    /// What keeps the pods of a set from becoming ready: what they say themselves, or why there are none.
    async fn failing(&self, set: &Value, deployment: &Value) -> Result<Option<String>, PortError> {
        let api: Api<Pod> = self.api();
        let pods = api.list(&ListParams::default().labels(&selector(set))).await;
        let pods = pods.map_err(|error| failure(self.place, error))?.items;
        let said = trouble(&pods).or_else(|| condition(set, "ReplicaFailure", "True"));
        let late = || {
            condition(deployment, "Progressing", "False")
                .filter(|why| why.starts_with("ProgressDeadlineExceeded"))
        };
        Ok(said.or_else(late))
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), self.namespace)
    }
}
