use async_trait::async_trait;
use shepherd_core::model::Track;

use super::{
    AutoscalerHeadroom, Endpoints, ImagesPulled, NoCrashLoops, PodsReady, ReplicaCount, Restarts, Tracks,
};
use crate::preflight::{Findings, Grounded, Need, WATCHED, scales};
use crate::workload::endpoints::SERVICE_NAME;
use crate::workload::image;

/// A gate that asks about pods needs what all of them need, and one about something else that as well.
macro_rules! grounded {
    ($($gate:ident $(and $more:ident)?),* $(,)?) => {
        $(
            #[async_trait]
            impl Grounded for $gate {
                fn namespace(&self) -> &str {
                    self.tracks.namespace()
                }

                async fn inspect(&self, findings: &mut Findings) {
                    self.tracks.inspect(findings).await;
                    $(self.$more(findings).await;)?
                }
            }
        )*
    };
}

grounded!(
    PodsReady,
    ReplicaCount,
    NoCrashLoops,
    Restarts,
    ImagesPulled,
    Endpoints and inspect_services,
    AutoscalerHeadroom and inspect_autoscalers,
);

impl Tracks {
    async fn inspect(&self, findings: &mut Findings) {
        let deployment =
            |track| Need { group: "apps", resource: "deployments", name: self.name(track), verbs: &["get"] };
        let [stable, candidate] = Track::BOTH.map(deployment);
        let needs = [
            stable,
            candidate,
            Need::all("apps", "replicasets", &["list"]),
            Need::all("", "pods", &["list"]),
        ];
        findings.needs(self.namespace(), &needs).await;
        let object = self.object(Track::Stable);
        let watched = [
            Need::watched(&object),
            Need::all("apps", "replicasets", WATCHED),
            Need::all("", "pods", WATCHED),
        ];
        findings.watches(object.reach(), self.namespace(), &watched).await;
        // The candidate's may be made later.
        let Some(there) = findings.present(&object).await else { return };
        if let Err(error) = image::container(object.place(), &there, self.container.as_deref()) {
            let remedy = "name one of its containers with `.container(..)`";
            findings.error(object.place(), error.failure().message.clone(), remedy);
        }
    }
}

impl Endpoints {
    /// Whoever may list slices sees by them whether there is a Service.
    async fn inspect_services(&self, findings: &mut Findings) {
        let (namespace, kind) = (self.tracks.namespace(), "EndpointSlice");
        findings.needs(namespace, &[Need::all("discovery.k8s.io", "endpointslices", &["list"])]).await;
        let what = "whether there are the Services that it asks about";
        let Some(all) = findings.list("discovery.k8s.io/v1", kind, namespace, what).await else { return };
        for service in Track::BOTH.map(|track| self.service(track)) {
            if !all.iter().any(|slice| slice["metadata"]["labels"][SERVICE_NAME] == service) {
                findings.error(
                    format!("Service {namespace}/{service}"),
                    "it has no EndpointSlices, so the gate could never pass",
                    "create the Service with a selector, or correct its name",
                );
            }
        }
    }
}

impl AutoscalerHeadroom {
    async fn inspect_autoscalers(&self, findings: &mut Findings) {
        let namespace = self.tracks.namespace();
        let needs = [Need::all("autoscaling", "horizontalpodautoscalers", &["list"])];
        findings.needs(namespace, &needs).await;
        let what = "whether one of them scales the Deployments that it asks about";
        let found = findings.list("autoscaling/v2", "HorizontalPodAutoscaler", namespace, what).await;
        let Some(all) = found else { return };
        let is_scaled = |track| all.iter().any(|one| scales(one, "Deployment", self.tracks.name(track)));
        if !Track::BOTH.into_iter().any(is_scaled) {
            findings.error(
                self.tracks.place(Track::Stable),
                "no autoscaler scales it or the candidate's, so the gate could never pass",
                "create a HorizontalPodAutoscaler, or plan without this gate",
            );
        }
    }
}
