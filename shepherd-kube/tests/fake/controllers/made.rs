//! What controllers make: pods, and the names of templates.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use crate::api::Objects;

pub(super) use super::PODS;

const RECORDS: &str = "/apis/apps/v1/namespaces/shop/controllerrevisions";

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap_or(0)).unwrap()
}

pub(super) fn hash(template: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    template.to_string().hash(&mut hasher);
    format!("{:x}", hasher.finish())
}

pub(super) fn owner(of: &Value, kind: &str) -> Value {
    let (name, uid) = (&of["metadata"]["name"], &of["metadata"]["uid"]);
    json!([{"apiVersion": "apps/v1", "kind": kind, "controller": true, "name": name, "uid": uid}])
}

/// What an object controls.
pub(super) fn controlled(objects: &Objects, collection: &str, by: &Value) -> Vec<Value> {
    let all = objects.list(collection, "");
    all.into_iter()
        .filter(|one| one["metadata"]["ownerReferences"][0]["uid"] == by["metadata"]["uid"])
        .collect()
}

/// A pod that is ready at once, unless its image is broken.
pub(super) fn pod(name: &str, template: &Value, owner: &Value, node: &str, label: (&str, &str)) -> Value {
    let (image, mut labels) =
        (text(&template["spec"]["containers"][0]["image"]), template["metadata"]["labels"].clone());
    labels[label.0] = label.1.into();
    let broken = image.contains("broken");
    let ready = if broken { "False" } else { "True" };
    let mut status = json!({
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
    });
    if broken {
        let waiting = json!({"reason": "ImagePullBackOff", "message": "no such image"});
        status["containerStatuses"] = json!([{
            "name": "app", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"waiting": waiting},
        }]);
    }
    let mut spec = template["spec"].clone();
    spec["nodeName"] = node.into();
    let metadata = json!({"name": name, "namespace": "shop", "labels": labels, "ownerReferences": owner});
    json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": status})
}

pub(super) fn is_ready(pod: &Value) -> bool {
    pod["status"]["conditions"][0]["status"] == "True"
}

/// The record of an object's present template: its name, and the hash of its pods.
pub(super) fn record(objects: &mut Objects, object: &Value, kind: &str) -> (String, String) {
    let (template, records) = (&object["spec"]["template"], controlled(objects, RECORDS, object));
    let hash = hash(template);
    let name = format!("{}-{hash}", text(&object["metadata"]["name"]));
    let newest = records.iter().max_by_key(|record| record["revision"].as_u64());
    if newest.is_none_or(|newest| newest["metadata"]["name"] != name) {
        let mut labels = template["metadata"]["labels"].clone();
        labels["controller-revision-hash"] = hash.clone().into();
        let mut recorded = template.clone();
        recorded["$patch"] = "replace".into();
        let number = newest.map_or(0, |newest| newest["revision"].as_u64().unwrap()) + 1;
        let record = json!({
            "kind": "ControllerRevision", "apiVersion": "apps/v1", "revision": number,
            "metadata": {"name": name, "labels": labels, "ownerReferences": owner(object, kind)},
            "data": {"spec": {"template": recorded}},
        });
        // One that comes again keeps its name, and becomes the latest.
        if records.iter().any(|one| one["metadata"]["name"] == name) {
            objects.keep(RECORDS, record);
        } else {
            objects.create(RECORDS, record).unwrap();
        }
    }
    (name, hash)
}

/// The template that a record holds.
pub(super) fn recorded(objects: &Objects, name: &str) -> Value {
    let record = objects.list(RECORDS, "").into_iter().find(|one| one["metadata"]["name"] == name).unwrap();
    let mut template = record["data"]["spec"]["template"].clone();
    template.as_object_mut().unwrap().remove("$patch");
    template
}
