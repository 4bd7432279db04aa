//! What a Deployment is: how many replicas of its present revision take requests, and what keeps the rest.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::Value;
use shepherd_core::model::{Reason, Revision, TrackState};
use shepherd_core::ports::PortError;

use crate::object::{Object, failure, mark_of};
use crate::watch::{Seen, Version};
use crate::workload::endpoints::{endpoints, slices_of};
use crate::workload::pods::{name, trouble, unready};
use crate::workload::replica_sets::{Naming, condition, count, is_of, present, selected, selector};

pub(crate) struct Look<'a> {
    /// The Deployment.
    pub(crate) object: &'a Object,
    /// Whose endpoints must be there before a replica counts as taking requests.
    pub(crate) service: Option<&'a str>,
    /// How the revision of a template is known.
    pub(crate) naming: Naming,
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
        let Ready { reached, unreached } = self.ready(seen, &sets, &revision, desired).await?;
        (state.ready, state.unreached) = (reached.into(), unreached.into());
        // What another revision's pods say is no word about this one.
        let own = present(deployment, &sets).filter(|set| self.naming.runs(set, &revision));
        let Some(set) = own else { return Ok(state) };
        if state.ready.get() < desired {
            state.failing = self.failing(set, seen).await?.map(Reason::new);
        }
        Ok(state)
    }

    /// How many replicas of a revision take requests, whichever template they are of: when a person changes something
    /// else of it meanwhile, those from before still serve. One of another revision that the Service still sends to has
    /// the place of one: traffic that came now would reach it while it ends.
    async fn ready(
        &self,
        seen: &Seen,
        sets: &[Value],
        revision: &Revision,
        desired: u32,
    ) -> Result<Ready, PortError> {
        let own = sets.iter().filter(|set| is_of(&seen.object, set));
        let (ours, others): (Vec<_>, Vec<_>) = own.partition(|set| self.naming.runs(set, revision));
        // Available is ready for as long as the template asks for.
        let available = |set: &Value| count(set, "availableReplicas");
        let ready = ours.iter().map(|set| available(set)).fold(0, u32::saturating_add);
        let Some(service) = self.service.filter(|_| ready > 0) else {
            return Ok(Ready { reached: ready, unreached: 0 });
        };
        let served = self.served(service, seen.since).await?;
        let of = |set: &Value| {
            let prefix = format!("{}-", set["metadata"]["name"].as_str().unwrap_or_default());
            let pods = served.iter().filter(|pod| pod.starts_with(&prefix)).count();
            u32::try_from(pods).unwrap_or(u32::MAX)
        };
        let reached = ours.iter().map(|set| available(set).min(of(set))).fold(0, u32::saturating_add);
        let leaving = others.iter().map(|set| of(set)).fold(0, u32::saturating_add);
        let counted = if leaving == 0 { reached } else { reached.min(desired.saturating_sub(leaving)) };
        Ok(Ready { reached: counted, unreached: ready - reached })
    }

    /// The ready pods behind the Service.
    async fn served(&self, service: &str, since: Version) -> Result<Vec<String>, PortError> {
        let slices: Vec<EndpointSlice> = self.list(&slices_of(service), since).await?;
        let ready = endpoints(slices).into_iter().filter(|endpoint| {
            endpoint.conditions.as_ref().is_some_and(|conditions| conditions.ready == Some(true))
        });
        Ok(ready.filter_map(|endpoint| endpoint.target_ref?.name).collect())
    }

    /// What keeps the pods of a set from becoming ready: what they say themselves, or why there are none.
    async fn failing(&self, set: &Value, seen: &Seen) -> Result<Option<String>, PortError> {
        let pods: Vec<Pod> = self.list(&selector(set), seen.since).await?;
        let said = trouble(&pods).or_else(|| condition(set, "ReplicaFailure", "True"));
        Ok(said.or_else(|| late(&seen.object, &pods)))
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

/// How many replicas take requests, and how many more are ready.
struct Ready {
    reached: u32,
    unreached: u32,
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
