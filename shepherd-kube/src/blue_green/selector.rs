use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::{ApiResource, GroupVersionKind};
use serde_json::Value;
use shepherd_core::model::{
    Exposure, Fence, Mark, Reason, Route, RouterCapabilities, Routing, Weight, admit,
};
use shepherd_core::ports::{PortError, TrafficRouter};

use super::sides::{Side, Sides};
use crate::object::{Edit, Object, STABLE, failure, mark_of, stamp};
use crate::watch::{Reach, Seen};
use crate::workload::endpoints::slices_of;

/// How long kube-proxies may take to hear of new endpoints.
const SETTLE: Duration = Duration::from_secs(1);

/// Switches a Service from one side to the other, by one label of its selector.
///
/// Of the Service it changes that label and two annotations, and of the preview Service the label.
///
/// A switch is in effect when the endpoints of the Service are ready pods of the side that it selects, and no others.
/// Connections that users keep open go on reaching the pods that they reach: only ending those pods moves them.
pub struct ServiceSelector {
    pub(super) sides: Sides,
    pub(super) service: Object,
    pub(super) preview: Option<Object>,
    pub(super) settle: Duration,
}

impl ServiceSelector {
    pub(super) fn new(reach: &Reach, sides: Sides) -> Self {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Service"));
        let object = |name: &str| Object::new(reach.clone(), &kind, &sides.namespace, name);
        let (service, preview) = (object(&sides.service), sides.preview.as_deref().map(object));
        Self { sides, service, preview, settle: SETTLE }
    }

    /// How long the data path may lag behind the endpoints; 1 s unless told otherwise.
    #[must_use]
    pub fn settling(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    fn exposure(&self, service: &Value) -> Result<Exposure, PortError> {
        let place = self.service.place();
        let off = self.sides.selected(place, service)? == self.sides.stable(place, service)?;
        Ok(if off { Exposure::OFF } else { Exposure::weight(Weight::FULL) })
    }

    fn mark(&self, service: &Value) -> Result<Option<Mark>, PortError> {
        mark_of(self.service.place(), service)
    }

    fn select(&self, edit: &mut Edit<'_>, side: Side) {
        edit.set(&["spec", "selector", &self.sides.label], self.sides.value(side).into());
    }

    /// What is neither all nor nothing cannot be said by a selector.
    fn side(&self, stable: Side, exposure: &Exposure) -> Result<Side, PortError> {
        match exposure {
            exposure if exposure.is_off() => Ok(stable),
            exposure if exposure.is_all() => Ok(stable.other()),
            exposure => Err(PortError::unsupported(
                self.service.place(),
                format!(
                    "a selector sends all requests to one side, and cannot send {exposure}; plan a switch"
                ),
            )),
        }
    }

    /// What keeps the endpoints from being the selected side's.
    async fn awaits(&self, service: &Seen) -> Result<Option<Reason>, PortError> {
        let failed = |error| failure(self.service.place(), error);
        let (reach, namespace) = (self.service.reach(), &self.sides.namespace);
        let (selected, ours) = (selector(&service.object), slices_of(&self.sides.service));
        let pods = reach.list::<Pod>(namespace, &selected, service.since);
        let slices = reach.list::<EndpointSlice>(namespace, &ours, service.since);
        let (pods, slices) = tokio::try_join!(pods, slices).map_err(failed)?;
        let meant: BTreeSet<_> = pods.iter().map(ResourceExt::name_any).collect();
        let serving: Vec<_> = slices
            .iter()
            .flat_map(|slice| slice.endpoints.iter().flatten())
            .filter(|endpoint| {
                endpoint.conditions.as_ref().is_some_and(|conditions| conditions.ready == Some(true))
            })
            .map(|endpoint| {
                let pod = endpoint.target_ref.as_ref().and_then(|target| target.name.clone());
                pod.unwrap_or_else(|| "an endpoint without a pod".to_owned())
            })
            .collect();
        Ok(match serving.iter().find(|pod| !meant.contains(*pod)) {
            Some(pod) => Some(format!("it still sends to {pod}, which its selector does not choose").into()),
            None if serving.is_empty() => Some("none of its endpoints is ready".into()),
            None => None,
        })
    }
}

#[async_trait]
impl TrafficRouter for ServiceSelector {
    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::switching().settling(self.settle)
    }

    fn place(&self) -> Option<String> {
        // Plans keep these words: they stay as they are.
        let Sides { label, values: [blue, green], .. } = &self.sides;
        Some(format!("{} (its selector's {label}, {blue} or {green})", self.service.place()))
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        let place = self.service.place();
        let service = self.service.change(|service| {
            let stored = self.mark(service)?;
            let stable = self.sides.claimed(place, service, stored.as_ref(), fence)?;
            let mut edit = Edit::of(service);
            edit.relies_on(&["spec", "selector", &self.sides.label]);
            edit.annotate(STABLE, self.sides.value(stable).to_owned());
            stamp(&mut edit, &Mark::claimed(stored.as_ref(), fence)?);
            Ok(edit.into())
        });
        let candidate = self.sides.stable(place, &*service.await?)?.other();
        let Some(preview) = &self.preview else { return Ok(()) };
        let switched = preview.change(|service| {
            let mut edit = Edit::of(service);
            // Late owners leave it to their successors.
            stamp(&mut edit, &Mark::claimed(mark_of(preview.place(), service)?.as_ref(), fence)?);
            self.select(&mut edit, candidate);
            Ok(edit.into())
        });
        switched.await.map(drop)
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        let applied = self.service.change(|service| {
            let stable = self.sides.stable(self.service.place(), service)?;
            let route = admit(self.mark(service)?.as_ref(), &self.exposure(service)?, route)?;
            let mut edit = Edit::of(service);
            self.select(&mut edit, self.side(stable, &route.exposure)?);
            edit.annotate(STABLE, self.sides.value(stable).to_owned());
            stamp(&mut edit, &route.mark);
            Ok(edit.into())
        });
        applied.await.map(drop)
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        let service = self.service.look().await?;
        let (exposure, mark) = (self.exposure(&service.object)?, self.mark(&service.object)?);
        let awaits = self.awaits(&service).await?;
        Ok(Routing { exposure, mark, in_effect: awaits.is_none(), awaits })
    }
}

fn selector(service: &Value) -> String {
    let labels = service["spec"]["selector"].as_object();
    let terms: Vec<_> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    terms.join(",")
}

impl fmt::Debug for ServiceSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceSelector").field("sides", &self.sides).finish_non_exhaustive()
    }
}
