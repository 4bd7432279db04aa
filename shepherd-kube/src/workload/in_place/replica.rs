use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use shepherd_core::model::Timestamp;

use super::beside::controller;
use super::version::Version;

/// The labels by which pods say which version they are of.
const HASHES: [&str; 2] = ["pod-template-hash", "controller-revision-hash"];

/// A pod that lives, and what it is to a rollout.
pub(super) struct Replica {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) node: String,
    /// The image that is its revision.
    pub(super) image: String,
    /// It has been ready for as long as its template asks for.
    pub(super) ready: bool,
    pub(super) pod: Pod,
}

/// When a replica counts as ready.
#[derive(Clone, Copy)]
pub(super) struct Readiness {
    pub(super) now: Timestamp,
    /// For how long it must have been.
    pub(super) least: Duration,
}

/// Those of an object's pods that are not ending, by the versions that they were made from.
pub(super) fn replicas(
    pods: Vec<Pod>,
    object: &str,
    versions: &[Version],
    container: &str,
    readiness: Readiness,
) -> Vec<Replica> {
    let owned = |pod: &Pod| {
        let owner = controller(pod);
        owner == Some(object) || versions.iter().any(|version| owner == Some(version.uid.as_str()))
    };
    let live = |pod: &Pod| pod.metadata.deletion_timestamp.is_none();
    pods.into_iter()
        .filter(|pod| owned(pod) && live(pod))
        .map(|pod| Replica {
            name: pod.metadata.name.clone().unwrap_or_default(),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default(),
            image: image(&pod, versions, container),
            ready: readiness.of(&pod),
            pod,
        })
        .collect()
}

impl Readiness {
    fn of(self, pod: &Pod) -> bool {
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let Some(ready) = conditions.into_iter().find(|one| one.type_ == "Ready" && one.status == "True")
        else {
            return false;
        };
        let since = ready.last_transition_time.as_ref().map(|time| time.0.as_millisecond());
        let since = since.and_then(|since| u64::try_from(since).ok()).map(Timestamp::from_millis);
        self.least.is_zero() || since.is_some_and(|since| self.now.since(since) >= self.least)
    }
}

/// What its template says, which a webhook may have changed in the pod itself; the pod where that is not known any
/// more.
fn image(pod: &Pod, versions: &[Version], container: &str) -> String {
    let labels = pod.metadata.labels.as_ref();
    let hash = HASHES.iter().find_map(|key| labels?.get(*key));
    let version = versions.iter().find(|version| hash.is_some_and(|hash| version.hashes.contains(hash)));
    let own = || {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        containers.into_iter().find(|one| one.name == container).and_then(|one| one.image.clone())
    };
    version.map(|version| version.image.clone()).or_else(own).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(ready: &str, more: &serde_json::Value) -> Pod {
        let mut pod = json!({
            "metadata": {
                "name": "web-1", "uid": "p1", "labels": {"controller-revision-hash": "web-7"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "u1", "controller": true}],
            },
            "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "mirror/web:v1"}]},
            "status": {"conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        });
        json_patch::merge(&mut pod, more);
        serde_json::from_value(pod).unwrap()
    }

    fn seen(pod: Pod, versions: &[Version], least: u64) -> Vec<(String, bool)> {
        let now = Timestamp::from_millis(1_767_225_600_000) + Duration::from_secs(30);
        let readiness = Readiness { now, least: Duration::from_secs(least) };
        let all = replicas(vec![pod], "u1", versions, "app", readiness);
        all.into_iter().map(|replica| (replica.image, replica.ready)).collect()
    }

    #[test]
    fn is_ready_when_it_has_been_for_as_long_as_it_must() {
        let none = json!({});
        for (status, least, ready) in
            [("True", 0, true), ("True", 30, true), ("True", 31, false), ("False", 0, false)]
        {
            assert_eq!(seen(pod(status, &none), &[], least), [("mirror/web:v1".to_owned(), ready)]);
        }
    }

    #[test]
    fn those_that_end_and_those_of_others_do_not_count() {
        let ending = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
        let others = json!({"metadata": {"ownerReferences": []}});
        for pod in [pod("True", &ending), pod("True", &others)] {
            assert!(seen(pod, &[], 0).is_empty());
        }
    }
}
