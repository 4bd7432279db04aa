//! What a Deployment is: how many replicas of its present revision take requests, and what keeps the rest.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::Value;
use shepherd_core::model::{Reason, Revision, TrackState};
use shepherd_core::ports::PortError;

use crate::object::{failure, mark_of};
use crate::workload::endpoints::{endpoints, slices_of};
use crate::workload::pods::{name, trouble, unready};
use crate::workload::replica_sets::{condition, count, is_of, present, runs, selected, selector};

pub(crate) struct Look<'a> {
    pub(crate) client: &'a Client,
    pub(crate) namespace: &'a str,
    /// The kind and name of the Deployment, for errors.
    pub(crate) place: &'a str,
    /// Whose endpoints must be there before a replica counts as taking requests.
    pub(crate) service: Option<&'a str>,
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
        state.ready = self.ready(&deployment, &sets, &revision, desired).await?.into();
        let Some(set) = present(&deployment, &sets) else { return Ok(state) };
        if state.ready.get() < desired {
            state.failing = self.failing(set, &deployment).await?.map(Reason::new);
        }
        Ok(state)
    }

    /// How many replicas of a revision take requests, whichever template they are of: when a person changes something
    /// else of it meanwhile, those from before still serve. One of another revision that the Service still sends to has
    /// the place of one: traffic that came now would reach it while it ends.
    async fn ready(
        &self,
        deployment: &Value,
        sets: &[Value],
        revision: &Revision,
        desired: u32,
    ) -> Result<u32, PortError> {
        let (ours, others): (Vec<_>, Vec<_>) =
            sets.iter().filter(|set| is_of(deployment, set)).partition(|set| runs(set, revision));
        // Available is ready for as long as the template asks for.
        let available = |set: &Value| count(set, "availableReplicas");
        if ours.iter().all(|set| available(set) == 0) {
            return Ok(0);
        }
        let Some(served) = self.served().await? else {
            return Ok(ours.iter().map(|set| available(set)).fold(0, u32::saturating_add));
        };
        let of = |set: &Value| {
            let prefix = format!("{}-", set["metadata"]["name"].as_str().unwrap_or_default());
            let pods = served.iter().filter(|pod| pod.starts_with(&prefix)).count();
            u32::try_from(pods).unwrap_or(u32::MAX)
        };
        let ready = ours.iter().map(|set| available(set).min(of(set))).fold(0, u32::saturating_add);
        let leaving = others.iter().map(|set| of(set)).fold(0, u32::saturating_add);
        Ok(if leaving == 0 { ready } else { ready.min(desired.saturating_sub(leaving)) })
    }

    /// The ready pods behind the Service; none where no Service is waited for.
    async fn served(&self) -> Result<Option<Vec<String>>, PortError> {
        let Some(service) = self.service else { return Ok(None) };
        let api: Api<EndpointSlice> = self.api();
        let wanted = ListParams::default().labels(&slices_of(service));
        let slices = api.list(&wanted).await.map_err(|error| failure(self.place, error))?.items;
        let ready = endpoints(slices).into_iter().filter(|endpoint| {
            endpoint.conditions.as_ref().is_some_and(|conditions| conditions.ready == Some(true))
        });
        Ok(Some(ready.filter_map(|endpoint| endpoint.target_ref?.name).collect()))
    }

    /// What keeps the pods of a set from becoming ready: what they say themselves, or why there are none.
    async fn failing(&self, set: &Value, deployment: &Value) -> Result<Option<String>, PortError> {
        let api: Api<Pod> = self.api();
        let pods = api.list(&ListParams::default().labels(&selector(set))).await;
        let pods = pods.map_err(|error| failure(self.place, error))?.items;
        let said = trouble(&pods).or_else(|| condition(set, "ReplicaFailure", "True"));
        Ok(said.or_else(|| late(deployment, &pods)))
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), self.namespace)
    }
}

/// That the pods took longer than the Deployment lets them, and what the first of them that is not ready says of it.
fn late(deployment: &Value, pods: &[Pod]) -> Option<String> {
    let late = condition(deployment, "Progressing", "False")
        .filter(|why| why.starts_with("ProgressDeadlineExceeded"))?;
    let says = |pod| unready(pod).map(|why| format!("pod {}: {why}", name(pod)));
    Some(match pods.iter().find_map(says) {
        Some(said) => format!("{late} ({said})"),
        None => late,
    })
}
