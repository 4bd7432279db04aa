//! What the controllers of a cluster make of workloads, at once.

mod daemons;
mod made;
mod ordered;
mod rolling;

pub(crate) use daemons::NODES;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};
use shepherd_core::model::{Replicas, Revision};

use crate::api::{Api, Objects};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";
pub(crate) const SETS: &str = "/apis/apps/v1/namespaces/shop/replicasets";
pub(crate) const PODS: &str = "/api/v1/namespaces/shop/pods";
pub(crate) const SERVICES: &str = "/api/v1/namespaces/shop/services";
pub(crate) const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices";

/// Deployments whose pods are ready at once; those of an image with `broken` in its name never are.
pub(crate) fn deployments(api: Api) -> Api {
    api.controlled(deployment)
}

/// Objects whose controllers replace their pods as those of a cluster do. Pods become ready at once, but those of an
/// image with `broken` in its name never do.
pub(crate) fn updating(api: Api) -> Api {
    api.controlled(|objects, object| match object["kind"].as_str() {
        Some("Deployment") => rolling::deployment(objects, object),
        Some("ReplicaSet") => rolling::set(objects, object),
        Some("StatefulSet") => ordered::stateful_set(objects, object),
        Some("DaemonSet") => daemons::daemon_set(objects, object),
        _ => {}
    })
}

/// How many pods of each image are ready.
pub(crate) fn ready(api: &Api) -> BTreeMap<String, u32> {
    let mut ready = BTreeMap::new();
    for pod in api.list(PODS).iter().filter(|pod| made::is_ready(pod)) {
        *ready.entry(made::text(&pod["spec"]["containers"][0]["image"]).to_owned()).or_default() += 1;
    }
    ready
}

/// Services whose endpoints are the pods that they select.
pub(crate) fn services(api: Api) -> Api {
    api.controlled(endpoints)
}

/// The images of the pods that a Service sends to.
pub(crate) fn answering(api: &Api, service: &str) -> BTreeSet<Revision> {
    let service = api.get(SERVICES, service);
    let sets = api.list(SETS);
    let ready = |set: &&Value| set["status"]["availableReplicas"].as_u64() > Some(0);
    let behind = sets
        .iter()
        .filter(ready)
        .filter(|set| is_selected(&service, &set["spec"]["template"]["metadata"]["labels"]));
    behind.map(|set| image(set).parse().unwrap()).collect()
}

/// How many pods of each image a Service sends to.
pub(crate) fn behind(api: &Api, service: &str) -> BTreeMap<Revision, Replicas> {
    let service = api.get(SERVICES, service);
    let mut behind: BTreeMap<Revision, Replicas> = BTreeMap::new();
    for set in api.list(SETS) {
        let ready = set["status"]["availableReplicas"].as_u64().unwrap_or(0);
        if ready > 0 && is_selected(&service, &set["spec"]["template"]["metadata"]["labels"]) {
            let count = behind.entry(image(&set).parse().unwrap()).or_default();
            *count = Replicas::new(count.get() + u32::try_from(ready).unwrap());
        }
    }
    behind
}

fn is_selected(service: &Value, labels: &Value) -> bool {
    let selector = service["spec"]["selector"].as_object();
    selector.is_some_and(|selector| selector.iter().all(|(key, value)| labels[key] == *value))
}

fn endpoints(objects: &mut Objects, written: &mut Value) {
    let services =
        if written["kind"] == "Service" { vec![written.clone()] } else { objects.list(SERVICES, "") };
    for service in services {
        let name = service["metadata"]["name"].as_str().unwrap();
        let pods = objects.list(PODS, "");
        let trouble = |pod: &Value| pod["status"]["containerStatuses"].is_array();
        let behind =
            pods.iter().filter(|pod| is_selected(&service, &pod["metadata"]["labels"]) && !trouble(pod));
        let endpoints: Vec<_> = behind
            .map(|pod| json!({"addresses": ["10.1.1.1"], "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"]}}))
            .collect();
        objects.keep_quietly(
            SLICES,
            json!({
                "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": endpoints,
                "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            }),
        );
    }
}

/// How many pods of each image a Deployment serves with.
pub(crate) fn serving(api: &Api, deployment: &str) -> BTreeMap<Revision, Replicas> {
    let of = |set: &&Value| set["metadata"]["ownerReferences"][0]["name"] == deployment;
    let mut serving = BTreeMap::new();
    for set in api.list(SETS).iter().filter(of) {
        let ready = set["status"]["availableReplicas"].as_u64().unwrap_or(0);
        if ready > 0 {
            serving.insert(image(set).parse().unwrap(), Replicas::new(u32::try_from(ready).unwrap()));
        }
    }
    serving
}

/// The name of the set that a Deployment serves with.
pub(crate) fn present_set(api: &Api, deployment: &str) -> String {
    let of = |set: &&Value| {
        set["metadata"]["ownerReferences"][0]["name"] == deployment && set["spec"]["replicas"] != 0
    };
    api.list(SETS).iter().find(of).unwrap()["metadata"]["name"].as_str().unwrap().to_owned()
}

fn deployment(objects: &mut Objects, deployment: &mut Value) {
    if deployment["kind"] != "Deployment" {
        return;
    }
    let set = set_of(deployment);
    if !is_broken(&set) {
        end_others(objects, deployment, &set["metadata"]["name"]);
    }
    keep_pods(objects, &set);
    objects.keep(SETS, set);
}

/// As many as the set wants.
fn keep_pods(objects: &mut Objects, set: &Value) {
    let prefix = format!("{}-", set["metadata"]["name"].as_str().unwrap());
    let wanted = set["spec"]["replicas"].as_u64().unwrap();
    for pod in objects.list(PODS, "") {
        let name = pod["metadata"]["name"].as_str().unwrap();
        if name.strip_prefix(&prefix).is_some_and(|nth| nth.parse::<u64>().unwrap() > wanted) {
            objects.delete(PODS, name).unwrap();
        }
    }
    (1..=wanted).for_each(|nth| objects.keep(PODS, pod_of(set, nth)));
}

fn set_of(deployment: &Value) -> Value {
    let template = deployment["spec"]["template"].clone();
    let mut hasher = DefaultHasher::new();
    template.to_string().hash(&mut hasher);
    let (hash, replicas) = (format!("{:x}", hasher.finish()), deployment["spec"]["replicas"].clone());
    let mut set = json!({
        "kind": "ReplicaSet", "apiVersion": "apps/v1",
        "metadata": {
            "name": format!("{}-{hash}", deployment["metadata"]["name"].as_str().unwrap()),
            "labels": template["metadata"]["labels"],
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "controller": true,
                "name": deployment["metadata"]["name"], "uid": deployment["metadata"]["uid"],
            }],
        },
        "spec": {"replicas": replicas, "selector": deployment["spec"]["selector"], "template": template},
        "status": {"replicas": replicas, "availableReplicas": replicas},
    });
    set["spec"]["selector"]["matchLabels"]["pod-template-hash"] = hash.clone().into();
    set["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] = hash.into();
    if is_broken(&set) {
        set["status"]["availableReplicas"] = 0.into();
    }
    set
}

fn end_others(objects: &mut Objects, deployment: &Value, present: &Value) {
    for mut set in objects.list(SETS, "") {
        let owner = &set["metadata"]["ownerReferences"][0]["uid"];
        if *owner == deployment["metadata"]["uid"] && set["metadata"]["name"] != *present {
            set["spec"]["replicas"] = 0.into();
            set["status"] = json!({"replicas": 0});
            keep_pods(objects, &set);
            objects.keep(SETS, set);
        }
    }
}

fn pod_of(set: &Value, nth: u64) -> Value {
    let mut status = json!({"phase": "Running"});
    if is_broken(set) {
        let waiting = json!({"reason": "ImagePullBackOff", "message": "no such image"});
        status["containerStatuses"] = json!([{
            "name": "app", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"waiting": waiting},
        }]);
    }
    let name = format!("{}-{nth}", set["metadata"]["name"].as_str().unwrap());
    let labels = &set["spec"]["template"]["metadata"]["labels"];
    json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name, "labels": labels}, "status": status})
}

fn is_broken(set: &Value) -> bool {
    image(set).contains("broken")
}

fn image(set: &Value) -> &str {
    set["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap()
}
