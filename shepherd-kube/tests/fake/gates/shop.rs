use serde_json::{Value, json};
use shepherd_core::model::{RolloutId, Track};
use shepherd_core::ports::CheckContext;
use shepherd_kube::gate::Tracks;

use crate::api::Api;

pub(super) const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";
pub(super) const SETS: &str = "/apis/apps/v1/namespaces/shop/replicasets";
pub(super) const PODS: &str = "/api/v1/namespaces/shop/pods";
pub(super) const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices";
pub(super) const AUTOSCALERS: &str = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers";

/// Two Deployments of two pods each, their Services and autoscalers, all of them well. Their pods share labels, so
/// that only their owners tell them apart.
#[derive(Clone, Default)]
pub(super) struct Shop(pub(super) Api);

impl Shop {
    pub(super) fn new() -> Self {
        let shop = Self::default();
        shop.is_well();
        shop
    }

    pub(super) fn is_well(&self) {
        self.0.is_down(None);
        for (name, image) in [("web", "web:v1"), ("web-candidate", "web:v2")] {
            self.0.keep(DEPLOYMENTS, deployment(name, image));
            self.0.keep(SETS, set(name, image));
            for nth in [1, 2] {
                self.0.keep(PODS, pod(name, nth));
            }
            self.0.keep(
                SLICES,
                slice(name, &format!("{name}-1"), [1, 2].map(|nth| endpoint(name, nth)).as_slice()),
            );
            self.0.keep(AUTOSCALERS, autoscaler(name));
        }
    }

    pub(super) fn tracks(&self) -> Tracks {
        Tracks::new(self.0.client(), "shop", "web")
    }

    /// A pod of the candidate says this of its container.
    pub(super) fn container(&self, says: &Value) {
        let mut container = container();
        json_patch::merge(&mut container, says);
        self.0.merge(PODS, "web-candidate-a-1", &json!({"status": {"containerStatuses": [container]}}));
    }

    pub(super) fn pod(&self, status: &Value) {
        self.0.merge(PODS, "web-candidate-a-1", &json!({"status": status}));
    }

    pub(super) fn set(&self, status: &Value) {
        self.0.merge(SETS, "web-candidate-a", &json!({"status": status}));
    }

    pub(super) fn deployment(&self, patch: &Value) {
        self.0.merge(DEPLOYMENTS, "web-candidate", patch);
    }

    /// The candidate's Service has these endpoints.
    pub(super) fn endpoints(&self, endpoints: &[Value]) {
        self.0.keep(SLICES, slice("web-candidate", "web-candidate-1", endpoints));
    }

    pub(super) fn autoscaler(&self, patch: &Value) {
        self.0.merge(AUTOSCALERS, "web-candidate", patch);
    }
}

pub(super) fn question() -> CheckContext {
    let rollout = RolloutId::new("shop/web#1").unwrap();
    CheckContext::new(rollout, "shop/web".parse().unwrap(), Track::Candidate, "web:v2".parse().unwrap())
}

fn deployment(name: &str, image: &str) -> Value {
    json!({
        "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template(image)},
    })
}

fn template(image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}, "creationTimestamp": null},
        "spec": {"containers": [{"name": "app", "image": image}], "aFieldOfTomorrow": true},
    })
}

pub(super) fn set(name: &str, image: &str) -> Value {
    json!({
        "kind": "ReplicaSet", "apiVersion": "apps/v1",
        "metadata": {"name": format!("{name}-a"), "labels": {"app": "web"}, "ownerReferences": [owner("Deployment", name)]},
        "spec": {"replicas": 2, "template": template(image)},
        "status": {"replicas": 2, "readyReplicas": 2, "availableReplicas": 2},
    })
}

fn owner(kind: &str, name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "controller": true, "name": name, "uid": name})
}

pub(super) fn pod(deployment: &str, nth: u32) -> Value {
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": format!("{deployment}-a-{nth}"), "labels": {"app": "web"},
            "ownerReferences": [owner("ReplicaSet", &format!("{deployment}-a"))],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [container()],
        },
    })
}

fn container() -> Value {
    json!({
        "name": "app", "image": "web", "imageID": "sha256:1", "ready": true, "restartCount": 0,
        "state": {"running": {}},
    })
}

fn slice(service: &str, name: &str, endpoints: &[Value]) -> Value {
    json!({
        "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service}},
        "endpoints": endpoints,
    })
}

pub(super) fn endpoint(deployment: &str, nth: u32) -> Value {
    json!({
        "addresses": [format!("10.0.0.{nth}")], "conditions": {"ready": true},
        "targetRef": {"kind": "Pod", "name": format!("{deployment}-a-{nth}")},
    })
}

fn autoscaler(name: &str) -> Value {
    json!({
        "kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "metadata": {"name": name},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": name}, "maxReplicas": 4},
        "status": {
            "currentReplicas": 2, "desiredReplicas": 2,
            "conditions": [{"type": "ScalingActive", "status": "True"}],
            "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 61}}}],
        },
    })
}
